# SPDX-License-Identifier: GPL-2.0
# Guests outlive CPUs that go and a suspend to RAM, on minihv and on KVM; and what clients do on KVM.
# boot: -c 2 -m corei7_sandy_bridge_2600k
. /testbed/selftests.sh
. /testbed/kvm.sh

slept()
{
	dmesg | grep -c 'Waking up from system sleep state S3' | grep -x "$1"
}

plan 8
test_that 'minihv loads' insmod /minihv.ko
nested 'guests of minihv' /selftests/run.sh /selftests/guests_alive
test_that 'the machine was suspended to RAM' slept 1
test_that 'minihv unloads' rmmod minihv
load_kvm
export MINIHV_DEVICE=/dev/kvm
nested 'guests of KVM' /selftests/run.sh /selftests/guests_alive
test_that 'the machine was suspended again' slept 2
nested 'what clients of KVM go through' \
	/selftests/run.sh /selftests/lifetime /selftests/stopped /selftests/owner
test_that "KVM's module unloads" rmmod kvm_intel
finish
