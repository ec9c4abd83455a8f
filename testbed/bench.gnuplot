# SPDX-License-Identifier: GPL-2.0
# A bar for each operation: how many of KVM's instructions minihv needs.
# gnuplot -e "data='FILE'; output='FILE.svg'"; a line of data: operation, ratio.
set terminal svg size 760,460 noenhanced font 'sans-serif,12' background 'white'
set output output
set title 'minihv: instructions for each 1 of kvm_intel, in one boot, mitigations=off'
set yrange [:] reverse
set xrange [0:1]
set xtics 0.1
set grid xtics
set offsets 0, 0, 0.6, 0.6
unset key
set style fill solid 0.8
plot data using ($2/2):0:($2/2):(0.35):ytic(1) with boxxyerror linecolor '#3465a4', \
     data using ($2+0.01):0:(sprintf('%.2f', $2)) with labels left
