# SPDX-License-Identifier: GPL-2.0
# The kernel panics while guests run, and restarts the machine (panic=-1).
# boot: -c 2
. /testbed/restart.sh

crash()
{
	echo c >/proc/sysrq-trigger
}

if [ "$LIFE" -eq 1 ]; then
	first_life 5
	restarts_by crash
fi
second_life 2
finish
