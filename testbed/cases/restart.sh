# SPDX-License-Identifier: GPL-2.0
# The machine reboots while guests run.
# boot: -c 2 -a maxcpus=1 -a reboot=smp1 -a hpet=disable
. /testbed/restart.sh
resets reboot -f
