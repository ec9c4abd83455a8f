#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run kselftests one after the other, each within the time that "settings"
# allows, and report in KTAP with each test's own report nested. Needs no more
# than busybox. Usage: run.sh [TEST]...; without arguments all that are
# installed beside it.

KSFT_SKIP=4
KSFT_TIMEOUT=124
BUSYBOX_TIMEOUT=143

here=$(cd "$(dirname "$0")" && pwd)
timeout=45
if [ -r "$here/settings" ]; then
	. "$here/settings"
fi
# On a machine that is slow for a reason.
timeout=$((timeout * ${TIMEOUT_FACTOR:-1}))

if [ $# -eq 0 ]; then
	while read -r name; do
		set -- "$@" "$here/$name"
	done < "$here/tests"
fi

status=$(mktemp)
skips=$(mktemp)
trap 'rm -f "$status" "$skips"' EXIT

# mawk would read as much as it can before it prints a line.
awk=awk
case $(awk -W version 2>&1 </dev/null) in mawk*) awk='awk -W interactive' ;; esac

# kill_left PROGRAM: what a program that took too long has started would hold its output open
kill_left()
{
	for link in /proc/[0-9]*/exe; do
		if [ "$(readlink "$link")" = "$1" ]; then
			pid=${link#/proc/}
			kill -KILL "${pid%/exe}"
		fi
	done
}

echo "KTAP version 1"
echo "1..$#"
number=0
failed=0
for test in "$@"; do
	number=$((number + 1))
	name=${test##*/}
	case $test in */*) ;; *) test=./$test ;; esac
	# The harness knows no exit status for "all skipped"; that is not a pass either. Where a process costs millions
	# of instructions, few are to be started.
	{
		cd "${test%/*}" && timeout "$timeout" "./$name" 2>&1
		ended=$?
		echo $ended >"$status"
		case $ended in
		"$KSFT_TIMEOUT" | "$BUSYBOX_TIMEOUT") kill_left "$(readlink -f "$name")" ;;
		esac
	} | $awk -v skips="$skips" '
		{ print "  " $0; fflush() }
		/^ok / { if (/# SKIP/) skipped = 1; else passed = 1 }
		END { print skipped && !passed ? "skipped" : "" >skips }'
	read -r ended <"$status"
	read -r skipped <"$skips"
	[ "$ended" -ne 0 ] || [ ! "$skipped" ] || ended=$KSFT_SKIP
	case $ended in
	0)		echo "ok $number $name" ;;
	"$KSFT_SKIP")	echo "ok $number $name # SKIP" ;;
	"$KSFT_TIMEOUT" | "$BUSYBOX_TIMEOUT")
			echo "not ok $number $name # more than $timeout s" ;;
	*)		echo "not ok $number $name # exit status $ended" ;;
	esac
	case $ended in
	0 | "$KSFT_SKIP") ;;
	*) failed=1 ;;
	esac
done
exit $failed
