# SPDX-License-Identifier: GPL-2.0
# SysRq's b: an emergency restart while guests run; no notifier is called.
# boot: -c 2
. /testbed/restart.sh

emergency_restart()
{
	echo b >/proc/sysrq-trigger
}

if [ "$LIFE" -eq 1 ]; then
	first_life 5
	restarts_by emergency_restart
fi
second_life 2
finish
