# SPDX-License-Identifier: GPL-2.0
# Runs the fuzzers that /testbed/fuzz.env names, with the budget that it has, on minihv; and the sequence of the twins on
# KVM, too.
. /testbed/ktap.sh
. /testbed/kvm.sh
. /testbed/fuzz.env

# What KVM says of each MSR that it does not know takes the serial line longer than the access.
dmesg -n 1
twins=$(echo "$fuzzers" | grep -c -w twins)
set -- $fuzzers
plan $(($# + 2 + 2 * twins))
test_that 'load minihv' load-module /minihv.ko
for fuzzer; do
	set --
	if [ "$fuzzer" = twins ]; then
		# Its time is for both devices.
		[ "$MINIHV_FUZZ_OPS" ] || export MINIHV_FUZZ_SECONDS=$((MINIHV_FUZZ_SECONDS / 2))
		set -- record /tmp/twins
	fi
	nested "fuzz_$fuzzer" "/selftests/fuzz_$fuzzer" "$@"
done
test_that 'unload minihv' rmmod minihv
if [ "$twins" -gt 0 ]; then
	test_that 'load KVM' load_kvm
	export MINIHV_DEVICE=/dev/kvm
	nested 'fuzz_twins on KVM' /selftests/fuzz_twins compare /tmp/twins
fi
finish
