# SPDX-License-Identifier: GPL-2.0
# Sourced by cases that run the selftests and msrctl's tests.
. /testbed/ktap.sh

export MINIHV_KO=/minihv.ko

# The build of msrctl to be tested, or none.
msrctl=msrctl

# run_selftests PARAMETERS [TEST...]: with minihv loaded so, those selftests, or all; and the tests of
# $msrctl. A sanitizer ends it with a status of its own.
run_selftests()
{
	parameters=$1
	msrctl_tests=0
	[ ! "$msrctl" ] || msrctl_tests=1
	export MINIHV_PARAMETERS="$1"
	shift
	plan $((msrctl_tests + 4))
	test_that 'msr loads' insmod /lib/modules/kvm/msr.ko
	# Word by word:
	test_that "load $parameters" load-module /minihv.ko $parameters
	nested 'selftests' /selftests/run.sh "$@"
	[ ! "$msrctl" ] || nested 'msrctl' env MSRCTL="$msrctl" ASAN_OPTIONS=exitcode=99 \
		UBSAN_OPTIONS=exitcode=99 /client/test-msrctl.sh
	test_that 'unload' rmmod minihv
	finish
}
