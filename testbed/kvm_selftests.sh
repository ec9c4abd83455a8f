# SPDX-License-Identifier: GPL-2.0
# Runs the kernel's KVM selftests on minihv, then on KVM. /testbed/tests has a line for each test: its
# name, and minihv's module parameters for it. What a test says is printed behind the names of the
# device and of the test, its exit status behind those and "exit".
limit=30 # seconds for one test

# run DEVICE TEST: reports it, and that it runs, at once
run()
{
	echo "$1 $2 begin"
	timeout -k 5 $limit "/kvm_selftests/$2" >/tmp/said 2>&1 </dev/null
	status=$?
	# Not sed, which leaves the last line as it is, with or without an end.
	awk -v who="$1 $2: " '{ print who $0 }' /tmp/said
	echo "$1 $2 exit $status"
}

# unload: what a test has left behind goes away in the background
unload()
{
	for try in 1 2 3 4 5 6 7 8 9 10; do
		rmmod minihv 2>/tmp/rmmod && return
		sleep 1
	done
	cat /tmp/rmmod
	return 1
}

# boot takes a machine that says nothing for long for a dead one. A test may say nothing for long.
while sleep 20; do echo; done &
trap "kill $!" EXIT

# What the kernel says of each odd MSR takes the serial line longer than the test.
dmesg -n 1
insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko || exit

# The tests open /dev/kvm, whatever it is; and kvm.ko is there for those that read its parameters.
ln -s minihv /dev/kvm
loaded=no
while read -r test parameters; do
	if [ "$parameters" != "$loaded" ]; then
		[ "$loaded" = no ] || unload || exit
		# Word by word:
		load-module /minihv.ko $parameters || exit
		loaded=$parameters
	fi
	run minihv "$test"
done </testbed/tests
unload || exit
rm /dev/kvm

insmod /lib/modules/kvm/kvm-intel.ko || exit
while read -r test parameters; do
	run kvm_intel "$test"
done </testbed/tests
rmmod kvm_intel
