# SPDX-License-Identifier: GPL-2.0
# Sourced by test scripts, in busybox's shell and in bash: reports in KTAP.

# plan COUNT: how many tests there will be
plan()
{
	echo 'KTAP version 1'
	echo "1..$1"
	number=0
	failed=0
}

# test_that NAME COMMAND...: passes when COMMAND does; shows what it said when it doesn't
test_that()
{
	local name output

	name=$1
	shift
	number=$((number + 1))
	if output=$("$@" 2>&1); then
		echo "ok $number $name"
	else
		printf '%s\n' "$output" | sed 's/^/# /'
		echo "not ok $number $name"
		failed=1
	fi
}

# nested NAME COMMAND...: a test that itself reports in KTAP
nested()
{
	name=$1
	shift
	number=$((number + 1))
	echo "# Subtest: $name"
	# Each line as it comes, not when sed has a buffer full: who waits for the next one gives up at some time. The
	# shell's own "read" takes two system calls for a character.
	{ "$@" 2>&1; echo $? >/tmp/status; } | awk '{ print "    " $0; fflush() }'
	read -r status </tmp/status
	if [ "$status" -eq 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
}

finish()
{
	exit "$failed"
}

# restart_follows: tells testbed/boot that the machine is about to restart. The script will run again,
# from its beginning, with LIFE one more, and goes on from test number $number.
restart_follows()
{
	printf '\001restart\n'
	sleep 2 # for what is on its way there
}
