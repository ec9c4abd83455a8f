# SPDX-License-Identifier: GPL-2.0
# Runs the fuzzers on minihv, and the sequence of the last one on KVM, too. /testbed/fuzz.env has
# their budget.
. /testbed/ktap.sh
. /testbed/fuzz.env

# fuzz NAME COMMAND...: a fuzzer, which reports in KTAP, line by line as it goes on
fuzz()
{
	name=$1
	shift
	number=$((number + 1))
	echo "# Subtest: $name"
	{ "$@" 2>&1; echo $? >/tmp/status; } | while IFS= read -r line; do echo "    $line"; done
	read -r status </tmp/status
	if [ "$status" -eq 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
}

load_kvm()
{
	insmod /lib/modules/kvm/irqbypass.ko && insmod /lib/modules/kvm/kvm.ko &&
		insmod /lib/modules/kvm/kvm-intel.ko
}

# What KVM says of each MSR that it does not know takes the serial line longer than the access.
dmesg -n 1
plan 8
test_that 'load minihv' load-module /minihv.ko
fuzz 'fuzz_ioctls' /selftests/fuzz_ioctls
fuzz 'fuzz_guests' /selftests/fuzz_guests
fuzz 'fuzz_state' /selftests/fuzz_state
# Its time is for both devices.
[ "$MINIHV_FUZZ_OPS" ] || export MINIHV_FUZZ_SECONDS=$((MINIHV_FUZZ_SECONDS / 2))
fuzz 'fuzz_twins on minihv' /selftests/fuzz_twins record /tmp/twins
test_that 'unload minihv' rmmod minihv
test_that 'load KVM' load_kvm
export MINIHV_DEVICE=/dev/kvm
fuzz 'fuzz_twins on KVM' /selftests/fuzz_twins compare /tmp/twins
finish
