# SPDX-License-Identifier: GPL-2.0
# The kernel panics while guests run, and kdump's kernel starts, with all CPUs. In VMX root the CPU that
# panics would not get through the switch, and the other one would ignore INIT.
# boot: -c 2 -K -g 768 -a crashkernel=256M
. /testbed/restart.sh

dump_is_there()
{
	# It has written this when it panicked.
	dd if=/proc/vmcore bs=4096 count=16 2>/dev/null | tr '\0' '\n' | grep '^CRASHTIME='
}

if [ "$LIFE" -eq 1 ]; then
	first_life 7 -p
	restarts_by sysrq c
fi
second_life 3 0-1
test_that 'what the kernel that died has written at its end is in /proc/vmcore' dump_is_there
finish
