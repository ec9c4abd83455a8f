# SPDX-License-Identifier: GPL-2.0
# VMX root in windows, as on kernels that leave minihv no other way: the selftests that have to do with
# entering and leaving, and minihv beside KVM.
# boot: -c 2
. /testbed/selftests.sh
. /testbed/kvm.sh

a_guest_runs()
{
	msrctl guest rdmsr pat
}

# The file is there, VMX is not: the errno says so, and the log.
a_guest_is_refused()
{
	a_guest_runs >/tmp/refused 2>&1 && { cat /tmp/refused; return 1; }
	cat /tmp/refused
	grep 'Device or resource busy' /tmp/refused && dmesg | grep 'minihv: CPU .*: VMX is in use by another'
}

load_kvm

plan 9
export MINIHV_PARAMETERS=vmx_window=1
test_that "load $MINIHV_PARAMETERS" load-module /minihv.ko $MINIHV_PARAMETERS
test_that 'a guest runs, KVM without a VM beside it' a_guest_runs
start_kvm
test_that 'KVM has a VM' grep ready /tmp/held
test_that 'a guest of minihv is refused meanwhile' a_guest_is_refused
stop_kvm
test_that "a guest runs again when KVM's VM has gone" a_guest_runs
nested 'KVM has VMX while there is a vCPU' /selftests/run.sh /selftests/vmx_taken
test_that 'KVM unloads' rmmod kvm_intel
cd /selftests || exit 1
nested 'selftests' ./run.sh ./vmx_root ./smp ./host ./run ./lifetime ./fpu ./stats
test_that 'unload' rmmod minihv
finish
