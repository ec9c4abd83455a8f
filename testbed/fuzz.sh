# SPDX-License-Identifier: GPL-2.0
# Runs the fuzzers on minihv, and the sequence of the last one on KVM, too. /testbed/fuzz.env has
# their budget.
. /testbed/ktap.sh
. /testbed/kvm.sh
. /testbed/fuzz.env

# What KVM says of each MSR that it does not know takes the serial line longer than the access.
dmesg -n 1
plan 8
test_that 'load minihv' load-module /minihv.ko
nested 'fuzz_ioctls' /selftests/fuzz_ioctls
nested 'fuzz_guests' /selftests/fuzz_guests
nested 'fuzz_state' /selftests/fuzz_state
# Its time is for both devices.
[ "$MINIHV_FUZZ_OPS" ] || export MINIHV_FUZZ_SECONDS=$((MINIHV_FUZZ_SECONDS / 2))
nested 'fuzz_twins on minihv' /selftests/fuzz_twins record /tmp/twins
test_that 'unload minihv' rmmod minihv
test_that 'load KVM' load_kvm
export MINIHV_DEVICE=/dev/kvm
nested 'fuzz_twins on KVM' /selftests/fuzz_twins compare /tmp/twins
finish
