# SPDX-License-Identifier: GPL-2.0
# SysRq's b: an emergency restart while guests run; no notifier is called.
# boot: -c 2 -a maxcpus=1 -a reboot=smp1 -a hpet=disable
. /testbed/restart.sh

if [ "$LIFE" -eq 1 ]; then
	first_life 5
	restarts_by sysrq b
fi
second_life 2 0
finish
