# SPDX-License-Identifier: GPL-2.0
# With vmx_cpuid=1 VMX is in the CPUID that the device offers. All of its MSRs can be had, and no VMX.
# boot: -c 1
. /testbed/selftests.sh
msrctl=
cd /selftests || exit 1
run_selftests vmx_cpuid=1 ./vmx_cpuid ./msr_ioctl ./msr_lists ./msr_values ./vcpu_state \
	./vmm_sequences ./carried_out
