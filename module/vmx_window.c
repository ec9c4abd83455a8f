// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX root for a window, with interrupts off from the first to the last of it:
 *
 *	CR4.VMXE set, VMXON, VMPTRLD | VMCS, guest, VMCS | VMCLEAR, VMXOFF, CR4 as it was
 *	vmx_window_open()            |                   |          vmx_window_close()
 *
 * The kernel keeps a copy of CR4 and writes the register from that. Where only KVM
 * may change the copy, minihv changes the register alone: nothing writes CR4 as
 * long as interrupts are off, NMI handlers don't, and afterwards it is as it was.
 */
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "vmx_caps.h"
#include "vmx_insn.h"
#include "vmx_window.h"

/* Also where the kernel lets minihv be in VMX root all the time, if the administrator says so. */
bool vmx_windows __ro_after_init = COMPAT_VMX_WINDOWS_ONLY;
#if !COMPAT_VMX_WINDOWS_ONLY
module_param_named(vmx_window, vmx_windows, bool, 0444);
MODULE_PARM_DESC(vmx_window, "Enter VMX root for each run of a guest, not for as long as minihv is loaded");
#endif

/*
 * SDM vol. 3, "Miscellaneous Data" (IA32_VMX_MISC): without bit 14 a CPU cannot be in
 * VMX root and trace with Intel PT. Such a trace is somebody's; it is not for minihv to end.
 */
static bool pt_is_in_the_way(void)
{
	return boot_cpu_has(X86_FEATURE_INTEL_PT) && !(vmx_cap(MSR_IA32_VMX_MISC) & BIT(14)) &&
	       native_read_msr(MSR_IA32_RTIT_CTL) & RTIT_CTL_TRACEEN;
}

/**
 * vmx_window_open() - enter VMX root and turn interrupts off
 * @vmxon_region: physical address of this CPU's VMXON region
 *
 * The register is asked, not the kernel's copy: no other hypervisor tells who uses VMX.
 *
 * Context: preemption disabled, interrupts on; off after success.
 * Return: 0; -EBUSY if another hypervisor is in VMX root on this CPU, or Intel PT
 * traces a CPU that cannot do both; -EIO if VMXON failed. Failures are logged.
 */
int vmx_window_open(phys_addr_t vmxon_region)
{
	unsigned long cr4;
	int ret = -EBUSY;

	local_irq_disable();
	cr4 = native_read_cr4();
	if (cr4 & X86_CR4_VMXE) {
		pr_err_ratelimited("CPU %d: VMX is in use by another hypervisor (CR4.VMXE is set)\n",
				   smp_processor_id());
		goto err;
	}
	if (pt_is_in_the_way()) {
		pr_err_ratelimited("CPU %d: Intel PT is tracing, VMX has to wait\n",
				   smp_processor_id());
		goto err;
	}
	do_write_cr4(cr4 | X86_CR4_VMXE);
	if (!do_vmxon(vmxon_region)) {
		do_write_cr4(cr4);
		pr_err_ratelimited("CPU %d: VMXON failed (CR0 0x%lx, CR4 0x%lx)\n",
				   smp_processor_id(), read_cr0(), cr4 | X86_CR4_VMXE);
		ret = -EIO;
		goto err;
	}
	return 0;
err:
	local_irq_enable();
	return ret;
}

/**
 * vmx_window_close() - leave VMX root and turn interrupts on
 *
 * Context: after vmx_window_open() on this CPU; no VMCS is active.
 */
void vmx_window_close(void)
{
	if (!do_vmxoff())
		pr_err_ratelimited("CPU %d: VMXOFF faulted, somebody else left VMX root\n",
				   smp_processor_id());
	do_write_cr4(native_read_cr4() & ~X86_CR4_VMXE);
	local_irq_enable();
}
