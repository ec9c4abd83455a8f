// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contents of a new VMCS: controls, host state and the guest's reset state.
 *
 * Host state comes in three parts: what is the same on every CPU is written
 * once (vmcs_init_constant), what belongs to a CPU when the VMCS has moved
 * there (vmcs_set_host_cpu), and what changes all the time in switch.c.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/segment.h>

#include "compat.h"
#include "vcpu.h"
#include "vmcs.h"
#include "vmx_caps.h"
#include "vmx_root.h"

/**
 * vmcs_alloc() - allocate a VMCS region
 * @vmcs: to be filled in; active nowhere
 *
 * Return: 0 or -ENOMEM.
 */
int vmcs_alloc(struct vcpu_vmcs *vmcs)
{
	vmcs->region = vmx_root_alloc_region(NUMA_NO_NODE);
	if (!vmcs->region)
		return -ENOMEM;
	vmcs->phys = __pa(vmcs->region);
	vmcs->cpu = -1;
	vmcs->launched = false;
	return 0;
}

/** vmcs_free() - release a VMCS that is no longer in use, wherever it is active */
void vmcs_free(struct vcpu_vmcs *vmcs)
{
	if (!vmcs->region)
		return;
	vmx_root_clear_vmcs(vmcs);
	free_page((unsigned long)vmcs->region);
	vmcs->region = NULL;
}

/* Out of line: a VMWRITE that fails is a bug in minihv, unless a reboot has turned VMX off. */
void vmcs_write_failed(unsigned long field, unsigned long value)
{
	if (!vmx_root_is_on())
		return;
	pr_err_ratelimited("VMWRITE of 0x%lx to field 0x%lx failed\n", value, field);
}

/** vmcs_proc_controls() - the primary processor-based controls, without interrupt windows */
u32 vmcs_proc_controls(const struct vcpu *vcpu)
{
	u32 proc = vmx_controls.proc & ~vcpu->vm->no_exit_controls;

	return vcpu->msr_bitmap ? proc : proc & ~CPU_BASED_USE_MSR_BITMAPS;
}

/* Instructions that the vCPU's CPUID does not have are #UD. */
static u32 proc2_controls(struct vcpu *vcpu)
{
	const struct vcpu_cpuid *cpuid = &vcpu->cpuid;
	u32 proc2 = vmx_controls.proc2;

	if (!vcpu->vpid)
		proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (!cpuid_has(cpuid, FEATURE_RDTSCP) && !cpuid_has(cpuid, FEATURE_RDPID))
		proc2 &= ~SECONDARY_EXEC_ENABLE_RDTSCP;
	if (!cpuid_has(cpuid, FEATURE_INVPCID))
		proc2 &= ~SECONDARY_EXEC_ENABLE_INVPCID;
	return proc2;
}

/**
 * vmcs_update_proc2() - the vCPU has another CPUID
 * @vcpu: the vCPU
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int vmcs_update_proc2(struct vcpu *vcpu)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	vmwrite32(SECONDARY_VM_EXEC_CONTROL, proc2_controls(vcpu));
	vcpu_vmcs_put(vcpu);
	return 0;
}

/**
 * vmcs_init_constant() - controls, and the host state that is the same on every CPU
 * @vcpu: the vCPU
 *
 * Context: the VMCS is current, preemption disabled.
 */
void vmcs_init_constant(struct vcpu *vcpu)
{
	u32 proc2 = proc2_controls(vcpu);
	struct desc_ptr idt;

	vmwrite32(PIN_BASED_VM_EXEC_CONTROL, vmx_controls.pin);
	vmwrite32(CPU_BASED_VM_EXEC_CONTROL, vmcs_proc_controls(vcpu));
	vmwrite32(SECONDARY_VM_EXEC_CONTROL, proc2);
	vmwrite32(VM_EXIT_CONTROLS, vmx_controls.exit);
	vmwrite32(VM_ENTRY_CONTROLS, vmx_controls.entry);

	/*
	 * #MC is the host's. #DB so that DR6 can live in software, #AC so that
	 * no guest can keep the CPU busy delivering it for ever.
	 */
	vmwrite32(EXCEPTION_BITMAP, BIT(MC_VECTOR) | BIT(DB_VECTOR) | BIT(AC_VECTOR));
	vmwrite32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmwrite32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmwrite32(CR3_TARGET_COUNT, 0);
	vmwrite32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmwrite32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite64(VM_ENTRY_MSR_LOAD_ADDR, __pa(vcpu->pebs_off));
	vmwrite32(VM_ENTRY_INTR_INFO_FIELD, 0);
	if (vcpu->msr_bitmap)
		vmwrite64(MSR_BITMAP, __pa(vcpu->msr_bitmap));
	if (proc2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmwrite64(ENCLS_EXITING_BITMAP, ~0ull);
	vmwrite64(EPT_POINTER, vcpu->vm->eptp);
	vmwrite64(VMCS_LINK_POINTER, ~0ull);
	if (vcpu->vpid)
		vmwrite16(VIRTUAL_PROCESSOR_ID, vcpu->vpid);

	vmwritel(HOST_CR0, read_cr0());
	vmwrite16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmwrite16(HOST_SS_SELECTOR, __KERNEL_DS);
	/* The real ones have RPL 3, which VM entry refuses; switch.c brings them back. */
	vmwrite16(HOST_DS_SELECTOR, 0);
	vmwrite16(HOST_ES_SELECTOR, 0);
	vmwrite16(HOST_FS_SELECTOR, 0);
	vmwrite16(HOST_GS_SELECTOR, 0);
	vmwrite16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);

	store_idt(&idt);
	vmwritel(HOST_IDTR_BASE, idt.address);
	vmwritel(HOST_RIP, (unsigned long)minihv_vmexit);
	vmwrite32(HOST_IA32_SYSENTER_CS, native_read_msr(MSR_IA32_SYSENTER_CS));
	vmwritel(HOST_IA32_SYSENTER_EIP, native_read_msr(MSR_IA32_SYSENTER_EIP));
	vmwrite64(HOST_IA32_PAT, native_read_msr(MSR_IA32_CR_PAT));
	vmwrite64(HOST_IA32_EFER, native_read_msr(MSR_EFER));
}

/**
 * vmcs_set_host_cpu() - the host state that belongs to this CPU
 *
 * Context: the VMCS is current and was last active elsewhere; preemption disabled.
 */
void vmcs_set_host_cpu(void)
{
	int cpu = smp_processor_id();

	vmwritel(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmwritel(HOST_GDTR_BASE, (unsigned long)get_cpu_gdt_ro(cpu));
	vmwritel(HOST_GS_BASE, native_read_msr(MSR_GS_BASE));
	vmwritel(HOST_IA32_SYSENTER_ESP, native_read_msr(MSR_IA32_SYSENTER_ESP));
}

/* SDM vol. 3, "Segment Access Rights" in the VMCS: type, S, P, unusable. */
#define AR_DATA		0x93	/* present, read/write, accessed */
#define AR_CODE		0x9b	/* present, execute/read, accessed */
#define AR_LDT		0x82
#define AR_TSS		0x8b	/* busy 32-bit TSS */

#define reset_segment(seg, selector, base, ar)			\
do {								\
	vmwrite16(GUEST_##seg##_SELECTOR, selector);		\
	vmwritel(GUEST_##seg##_BASE, base);			\
	vmwrite32(GUEST_##seg##_LIMIT, 0xffff);			\
	vmwrite32(GUEST_##seg##_AR_BYTES, ar);			\
} while (0)

/**
 * vmcs_init_guest() - the guest's state after RESET, and INIT
 * @vcpu: the vCPU
 *
 * SDM vol. 3, "Processor State After Reset", table "IA-32 and Intel 64
 * Processor States Following Power-up, Reset, or INIT".
 *
 * Context: the VMCS is current, preemption disabled.
 */
void vmcs_init_guest(struct vcpu *vcpu)
{
	reset_segment(CS, 0xf000, 0xffff0000, AR_CODE);
	reset_segment(DS, 0, 0, AR_DATA);
	reset_segment(ES, 0, 0, AR_DATA);
	reset_segment(FS, 0, 0, AR_DATA);
	reset_segment(GS, 0, 0, AR_DATA);
	reset_segment(SS, 0, 0, AR_DATA);
	reset_segment(LDTR, 0, 0, AR_LDT);
	reset_segment(TR, 0, 0, AR_TSS);
	vmwritel(GUEST_GDTR_BASE, 0);
	vmwrite32(GUEST_GDTR_LIMIT, 0xffff);
	vmwritel(GUEST_IDTR_BASE, 0);
	vmwrite32(GUEST_IDTR_LIMIT, 0xffff);

	vmwritel(GUEST_CR3, 0);
	vmwritel(GUEST_DR7, 0x400);
	vmwrite64(GUEST_IA32_DEBUGCTL, 0);
	vmwritel(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmwrite32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmwrite32(GUEST_INTERRUPTIBILITY_INFO, 0);
}

/**
 * vmcs_reset_msrs() - the reset value of each MSR that is a field of the VMCS
 *
 * INIT leaves them alone.
 *
 * Context: the VMCS is current, preemption disabled.
 */
void vmcs_reset_msrs(void)
{
	const struct msr_row *row;
	unsigned int n;

	for (n = 0; n < msr_table_rows; n++) {
		row = &msr_table[n];
		if (row->kind == MSR_VMCS)
			vmwrite_any(row->field, row->reset);
	}
}
