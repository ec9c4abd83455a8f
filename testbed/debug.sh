# SPDX-License-Identifier: GPL-2.0
# The case debug in the test machine: all selftests, and a look at what they leave behind; then those about
# MSRs again with passthrough=1; and which lines have run. A look takes minutes, most of it for the scan of
# kmemleak and for what KASAN keeps: there is none after each test.
. /testbed/selftests.sh
. /testbed/leaks.sh

# What comes and goes without anybody's doing.
objects_noise=100
pages_noise=200

gcov=/sys/kernel/debug/gcov

# Each takes several times as long as elsewhere.
export TIMEOUT_FACTOR=20

load()
{
	load-module /minihv.ko "$@"
}

# A sign of life. Some tests are silent for long.
while sleep 30; do echo "# $(cut -d ' ' -f 1 /proc/uptime) s"; done &
alive=$!

each_test()
{
	for test in "$@"; do
		nested "$test" /selftests/run.sh "/selftests/$test"
	done
	test_that 'they leave nothing' nothing_left
}

# Files in debugfs have no size that tar would believe.
coverage()
{
	mkdir -p /tmp/gcda
	find $gcov -name '*.gcda' | while read -r file; do
		cat "$file" >"/tmp/gcda/$(basename "$file")"
	done
	(cd /tmp/gcda && tar -cz -f - ./*.gcda) | base64 | sed 's/^/gcda: /'
}

insmod /lib/modules/kvm/msr.ko
all="$(cat /selftests/tests) faults fault_ioctls fault_load fault_msrs"
about_msrs='msr_exits msr_filter msr_guest msr_hw msr_insn msr_ioctl msr_values vmx_cpuid'
[ -z "$DEBUG_TESTS" ] || { all=$DEBUG_TESTS; about_msrs=; }
set -- $all $about_msrs
plan $(($# + 7 + ${about_msrs:+1}))
test_that 'load' load
test_that 'unload' rmmod minihv
let_go $(ls /sys/kernel/slab)
usage /tmp/before
test_that 'a load and an unload leave nothing' eval 'load && rmmod minihv && nothing_left'
load
each_test $all
nested 'msrctl' /client/test-msrctl.sh
rmmod minihv
test_that 'load passthrough=1 vmx_cpuid=1' load passthrough=1 vmx_cpuid=1
[ -z "$about_msrs" ] || each_test $about_msrs
test_that 'unload' rmmod minihv
kill $alive
coverage
finish
