# SPDX-License-Identifier: GPL-2.0
# The machine reboots while guests run.
# boot: -c 2 -a maxcpus=1 -a reboot=smp1 -a hpet=disable
. /testbed/restart.sh

if [ "$LIFE" -eq 1 ]; then
	first_life 5
	restarts_by reboot -f
fi
second_life 2 0
finish
