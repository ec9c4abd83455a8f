# SPDX-License-Identifier: GPL-2.0
# The selftests on a kernel of the testbed's own, in the test machine: all of them, and the fuzzers for some seconds;
# then those about MSRs again with passthrough=1, and those about VMX with vmx_window=1. Where there is kmemleak
# nothing may be left after each, and which lines have run is told.
# /testbed/debug.env says which kernel it is, and names tests if not all are to run.
. /testbed/selftests.sh
. /testbed/debug.env
. /testbed/leaks.sh

gcov=/sys/kernel/debug/gcov

# Each takes several times as long as elsewhere.
export TIMEOUT_FACTOR=20

# KASAN has a quarantine, and KCSAN would take minutes to make as many vCPUs: what is left behind is for the kernel
# with kmemleak to see. There, free pages come and go by hundreds while a test runs: leaks.sh counts after it.
export FREE_PAGES=uncounted
[ "$kernel" != leaks ] || FREE_PAGES=later

# Without fault injection they would skip. They take long on a kernel that is slow.
[ "$kernel" = kcsan ] || faults='faults fault_ioctls fault_load fault_msrs'
# With KASAN and lockdep a load takes seconds, and one has hundreds of allocations.
[ "$kernel" != debug ] || export MINIHV_FAULT_STEP=8
# A million operations of each are for a faster kernel.
fuzzers='fuzz_ioctls fuzz_guests fuzz_state'
export MINIHV_FUZZ_SECONDS=5

# wanted TEST...: those of them that are to run
wanted()
{
	for test in "$@"; do
		case " ${DEBUG_TESTS:-$test} " in *" $test "*) echo "$test" ;; esac
	done
}

tests=${DEBUG_TESTS:-$(cat /selftests/tests) $faults $fuzzers}
about_msrs=$(wanted history history_lapic msr_exits msr_filter msr_guest msr_hw msr_insn msr_ioctl msr_values \
	vmx_cpuid smp stress)
about_vmx=$(wanted vmx_root smp host run lifetime fpu stats)

watched()
{
	[ -e $kmemleak ]
}

each_test()
{
	for test in "$@"; do
		nested "$test" /selftests/run.sh "/selftests/$test"
		! watched || test_that "$test leaves nothing" nothing_left
	done
}

# with PARAMETERS TEST...: the module loaded so, the tests, and the module unloaded
with()
{
	export MINIHV_PARAMETERS="$1"
	shift
	# Word by word:
	test_that "load $MINIHV_PARAMETERS" load-module /minihv.ko $MINIHV_PARAMETERS
	! watched || remember
	each_test "$@"
	# Hundreds of processes, each of which costs the other two kernels a second and more.
	[ "$MINIHV_PARAMETERS" ] || ! watched || nested 'msrctl' /client/test-msrctl.sh
	! watched || test_that 'kmemleak sees nothing, looking twice' no_leaks
	test_that 'unload' rmmod minihv
}

# The kernel makes its trace buffer when it is first needed, and keeps it.
load_and_unload()
{
	load-module /minihv.ko && echo 1 >/sys/kernel/tracing/events/minihv/enable && rmmod minihv
}

# sees FAULT [WORDS]: that this kernel is to find in a module, and what it says then
sees()
{
	# The log may have lost its beginning: what is new comes after a line of our own.
	echo "debug.sh: $1" >/dev/kmsg
	insmod /faulty.ko fault="$1" && rmmod faulty || return 1
	case $1 in
	leak) ! no_leaks ;;
	*) dmesg | sed "1,/debug.sh: $1/d" | grep "$2" ;;
	esac
}

# Last of all: some checks switch themselves off after what they have found.
sees_faults()
{
	echo 'debug.sh: from here on there are faults on purpose' >/dev/kmsg
	case $kernel in
	debug)
		test_that 'sleep with a spinlock is seen' sees sleep 'sleeping function'
		test_that 'a shift by too much is seen' sees shift 'UBSAN: shift-out-of-bounds'
		test_that 'a deadlock to come is seen' sees deadlock 'possible circular locking'
		test_that 'use after free is seen' sees use-after-free 'KASAN: .*use-after-free'
		;;
	leaks)
		test_that 'sleep with a spinlock is seen' sees sleep 'sleeping function'
		test_that 'a leak is seen' sees leak
		;;
	kcsan)
		test_that 'a data race is seen' sees race 'KCSAN: data-race in race_thread'
		;;
	esac
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

# A sign of life. Some tests are silent for long.
while sleep 30; do echo "# $(cut -d ' ' -f 1 /proc/uptime) s"; done &
alive=$!

set -- $tests $about_msrs $about_vmx
case $kernel in
debug) plan $(($# + 12)) ;;
leaks) plan $((2 * $# + 17)) ;;
kcsan) plan $(($# + 9)) ;;
esac
test_that 'msr loads' insmod /lib/modules/kvm/msr.ko
test_that 'load and unload' load_and_unload
if watched; then
	remember
	test_that 'load and unload' load_and_unload
	test_that 'a load and an unload leave nothing' nothing_left
fi
with '' $tests
with 'passthrough=1 vmx_cpuid=1' $about_msrs
with 'vmx_window=1' $about_vmx
! watched || test_that 'the last unload leaves nothing that kmemleak sees' no_leaks
sees_faults
kill $alive
[ ! -d $gcov ] || coverage
finish
