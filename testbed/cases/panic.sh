# SPDX-License-Identifier: GPL-2.0
# The kernel panics while guests run, and restarts the machine (panic=-1).
# boot: -c 2 -a maxcpus=1 -a reboot=smp1 -a hpet=disable
. /testbed/restart.sh
resets sysrq c
