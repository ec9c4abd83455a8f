# SPDX-License-Identifier: GPL-2.0
# Sourced by cases in which minihv must not load.
. /testbed/ktap.sh

# What minihv has logged; the kernel's own lines on loading it don't count.
minihv_log()
{
	dmesg | grep '\] minihv: ' | grep -v taint
}

load_says()
{
	text=$(load-module /minihv.ko 2>&1) && { echo 'it was loaded'; return 1; }
	echo "$text"
	case $text in
	*": $1") ;;
	*) return 1 ;;
	esac
}

one_line_like()
{
	minihv_log
	[ "$(minihv_log | wc -l)" -eq 1 ] && minihv_log | grep -q "$1"
}

nothing_left()
{
	! grep '^minihv ' /proc/modules && ! ls -d /dev/minihv 2>/dev/null && ! ls -d /sys/kernel/debug/minihv 2>/dev/null
}

# refused ERROR PATTERN: four tests
refused()
{
	test_that "loading says: $1" load_says "$1"
	test_that "one line in the log, with: $2" one_line_like "$2"
	test_that 'no module and no device is left behind' nothing_left
	test_that 'a second try gets the same answer' load_says "$1"
}
