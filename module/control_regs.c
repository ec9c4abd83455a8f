// SPDX-License-Identifier: GPL-2.0-only
/*
 * CR0, CR4, CR8 and EFER: which values a guest may have, and what the CPU gets
 * to see instead.
 *
 * In struct vcpu are the guest's own values. The real CR0 and CR4 have bits that
 * VMX wants; the guest reads its own through the read shadows. A few bits are
 * left to the guest altogether and change without an exit: vcpu_read_crs().
 */
#include <asm/msr.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "lapic.h"
#include "vcpu.h"
#include "vmx_caps.h"
#include "vmx_root.h"

#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | \
			 X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
			 X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

/* The guest's to change without an exit. */
#define CR0_GUEST_OWNED	X86_CR0_TS
#define CR4_GUEST_OWNED	(X86_CR4_PVI | X86_CR4_TSD | X86_CR4_PCE | X86_CR4_PGE | \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

/* Every CPU with VMX has these. */
#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | \
			 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | \
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static const struct {
	unsigned long bit;
	enum cpuid_feature feature;
} cr4_features[] = {
	{ X86_CR4_UMIP, FEATURE_UMIP },
	{ X86_CR4_VMXE, FEATURE_VMX },
	{ X86_CR4_FSGSBASE, FEATURE_FSGSBASE },
	{ X86_CR4_PCIDE, FEATURE_PCID },
	{ X86_CR4_OSXSAVE, FEATURE_XSAVE },
	{ X86_CR4_SMEP, FEATURE_SMEP },
	{ X86_CR4_SMAP, FEATURE_SMAP },
	{ X86_CR4_PKE, FEATURE_PKU },
};

/**
 * vcpu_cr4_allowed() - CR4 bits that the vCPU's CPUID and the host both have
 * @vcpu: the vCPU
 *
 * Before KVM_SET_CPUID2 the client can restore whatever the host has.
 */
unsigned long vcpu_cr4_allowed(struct vcpu *vcpu)
{
	unsigned long allowed = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (!vcpu->cpuid.entries || cpuid_has(&vcpu->cpuid, cr4_features[i].feature))
			allowed |= cr4_features[i].bit;
	/* What the silicon has and the kernel has left off is not there to switch. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		allowed &= ~X86_CR4_PKE;
	if (!cpuid_host_xcr0())
		allowed &= ~X86_CR4_OSXSAVE;
	if (!vcpu->cpuid.entries && !cpuid_offers_vmx())
		allowed &= ~X86_CR4_VMXE;
	return allowed & vmx_cap(MSR_IA32_VMX_CR4_FIXED1);
}

static unsigned long hw_cr0(unsigned long cr0)
{
	unsigned long must = vmx_cap(MSR_IA32_VMX_CR0_FIXED0) & ~(X86_CR0_PE | X86_CR0_PG);

	/* With CD or NW in the real register all of the guest would run uncached. */
	return (cr0 & ~(X86_CR0_CD | X86_CR0_NW)) | must;
}

/*
 * A machine check that finds CR4.MCE clear resets the machine, also while a guest
 * runs: that bit is the host's, whatever the guest reads.
 */
static unsigned long hw_cr4(unsigned long cr4)
{
	return (cr4 & ~X86_CR4_MCE) | (vmx_root_host_cr4() & X86_CR4_MCE) |
	       vmx_cap(MSR_IA32_VMX_CR4_FIXED0);
}

/* SDM vol. 2, "MOV - Move to/from Control Registers". */
static bool cr0_valid(unsigned long cr0)
{
	return !(cr0 >> 32) &&
	       !(cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE)) &&
	       !(cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD));
}

/**
 * vcpu_crs_valid() - may the vCPU have these values, apart from how it got there?
 * @vcpu: the vCPU
 * @cr0: a value for CR0
 * @cr4: a value for CR4
 */
bool vcpu_crs_valid(struct vcpu *vcpu, unsigned long cr0, unsigned long cr4)
{
	return cr0_valid(cr0) && !(cr4 & ~vcpu_cr4_allowed(vcpu));
}

/** vcpu_uses_pae_paging() - is the guest's paging that with the four PDPTEs? */
bool vcpu_uses_pae_paging(struct vcpu *vcpu)
{
	return vcpu->cr0 & X86_CR0_PG && vcpu->cr4 & X86_CR4_PAE && !vcpu_is_long_mode(vcpu);
}

/**
 * vcpu_get_pdptes() - read the PDPTE registers
 * @vcpu: the vCPU, not loaded; it uses PAE paging
 * @pdpte: four
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int vcpu_get_pdptes(struct vcpu *vcpu, u64 *pdpte)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	pdpte[0] = vmread64(GUEST_PDPTR0);
	pdpte[1] = vmread64(GUEST_PDPTR1);
	pdpte[2] = vmread64(GUEST_PDPTR2);
	pdpte[3] = vmread64(GUEST_PDPTR3);
	vcpu_vmcs_put(vcpu);
	return 0;
}

/**
 * vcpu_set_pdptes() - write the PDPTE registers, whatever is in memory
 * @vcpu: the vCPU, not loaded
 * @pdpte: four; VM entry checks them
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int vcpu_set_pdptes(struct vcpu *vcpu, const u64 *pdpte)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	vmwrite64(GUEST_PDPTR0, pdpte[0]);
	vmwrite64(GUEST_PDPTR1, pdpte[1]);
	vmwrite64(GUEST_PDPTR2, pdpte[2]);
	vmwrite64(GUEST_PDPTR3, pdpte[3]);
	vcpu_vmcs_put(vcpu);
	return 0;
}

/**
 * vcpu_load_pdptes() - read the four PDPTEs as MOV to CR3 does in PAE paging
 * @vcpu: the vCPU
 *
 * SDM vol. 3, "PDPTE Registers". Without PAE paging there is nothing to do.
 *
 * Context: the vCPU is not loaded; may sleep.
 * Return: 0; -EINVAL if one has reserved bits set, or the guest has no memory there;
 * -EFAULT if its process has none; -EINTR when killed; or an error of vcpu_vmcs_get().
 */
int vcpu_load_pdptes(struct vcpu *vcpu)
{
	u64 pdpte[4], reserved = GENMASK_ULL(63, vcpu->cpuid.maxphyaddr) | 0x1e6;
	unsigned long cr3;
	int i, ret;

	if (!vcpu_uses_pae_paging(vcpu))
		return 0;
	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	cr3 = vmreadl(GUEST_CR3);
	vcpu_vmcs_put(vcpu);

	ret = vm_read_guest(vcpu->vm, cr3 & 0xffffffe0, pdpte, sizeof(pdpte));
	if (ret)
		return ret == -ENOENT ? -EINVAL : ret;
	for (i = 0; i < 4; i++)
		if (pdpte[i] & 1 && pdpte[i] & reserved)
			return -EINVAL;
	return vcpu_set_pdptes(vcpu, pdpte);
}

/*
 * SDM vol. 3, "IA-32e Mode Operation": it begins and ends with CR0.PG. Returns false where
 * the SDM has #GP.
 */
static bool switch_long_mode(struct vcpu *vcpu, unsigned long cr0, u64 *efer)
{
	bool was_on = vcpu->cr0 & X86_CR0_PG, on = cr0 & X86_CR0_PG;

	if (was_on == on || !(*efer & EFER_LME))
		return true;
	if (!on) {
		*efer &= ~EFER_LMA;
		return !vcpu_is_64bit_code(vcpu);
	}
	*efer |= EFER_LMA;
	return vcpu->cr4 & X86_CR4_PAE && !vcpu_has_cs_l(vcpu) && !vcpu_has_16bit_tss(vcpu);
}

/**
 * vcpu_set_cr0() - the guest moves a value to CR0
 * @vcpu: the vCPU
 * @cr0: the value
 *
 * Context: the vCPU is not loaded; may sleep.
 * Return: 0; nothing having changed: -EINVAL where the SDM has #GP(0), or an error of
 * vcpu_load_pdptes().
 */
int vcpu_set_cr0(struct vcpu *vcpu, unsigned long cr0)
{
	u64 efer = vcpu->msrs[MSR_SLOT_EFER], old_efer = efer;
	unsigned long old = vcpu->cr0;
	int ret = 0;

	if (!cr0_valid(cr0) || !switch_long_mode(vcpu, cr0, &efer))
		return -EINVAL;
	if (!(cr0 & X86_CR0_PG) && vcpu->cr4 & X86_CR4_PCIDE)
		return -EINVAL;

	vcpu->cr0 = (cr0 & CR0_DEFINED) | X86_CR0_ET;
	vcpu->msrs[MSR_SLOT_EFER] = efer;
	if ((old ^ cr0) & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW))
		ret = vcpu_load_pdptes(vcpu);
	if (ret) {
		vcpu->cr0 = old;
		vcpu->msrs[MSR_SLOT_EFER] = old_efer;
		return ret;
	}
	vcpu->dirty |= DIRTY_CRS;
	return 0;
}

/**
 * vcpu_set_cr4() - the guest moves a value to CR4
 * @vcpu: the vCPU
 * @cr4: the value
 *
 * Context: the vCPU is not loaded; may sleep.
 * Return: 0; nothing having changed: -EINVAL where the SDM has #GP(0), or an error of
 * vcpu_load_pdptes().
 */
int vcpu_set_cr4(struct vcpu *vcpu, unsigned long cr4)
{
	unsigned long old = vcpu->cr4, cr3;
	int ret = 0;

	if (cr4 & ~vcpu_cr4_allowed(vcpu))
		return -EINVAL;
	if (vcpu_is_long_mode(vcpu) && !(cr4 & X86_CR4_PAE))
		return -EINVAL;
	if (cr4 & ~old & X86_CR4_PCIDE) {
		if (!vcpu_is_long_mode(vcpu))
			return -EINVAL;
		ret = vcpu_vmcs_get(vcpu);
		if (ret)
			return ret;
		cr3 = vmreadl(GUEST_CR3);
		vcpu_vmcs_put(vcpu);
		if (cr3 & X86_CR3_PCID_MASK)
			return -EINVAL;
	}

	vcpu->cr4 = cr4;
	if ((old ^ cr4) & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP))
		ret = vcpu_load_pdptes(vcpu);
	if (ret) {
		vcpu->cr4 = old;
		return ret;
	}
	vcpu->dirty |= DIRTY_CRS;
	return 0;
}

/**
 * vcpu_set_cr8() - the task priority, bits 7:4 of the local APIC's TPR
 * @vcpu: the vCPU
 * @cr8: the value
 *
 * Return: 0, or nonzero (and nothing changed) if reserved bits are set.
 */
int vcpu_set_cr8(struct vcpu *vcpu, unsigned long cr8)
{
	if (cr8 & ~0xful)
		return -EINVAL;
	if (vcpu->lapic)
		lapic_set_tpr(vcpu, cr8 << 4);
	else
		vcpu->cr8 = cr8;
	return 0;
}

/** vcpu_get_cr8() - the task priority; see vcpu_set_cr8() */
unsigned long vcpu_get_cr8(const struct vcpu *vcpu)
{
	return vcpu->lapic ? lapic_tpr(vcpu) >> 4 : vcpu->cr8;
}

/**
 * vcpu_set_efer() - write IA32_EFER
 * @vcpu: the vCPU, not loaded
 * @efer: the value; its LMA bit is ignored, CR0.PG decides
 * @host: the client writes: CPUID and paging do not restrict it
 *
 * Return: 0, or -EINVAL (and nothing changed) where the SDM has #GP(0).
 */
int vcpu_set_efer(struct vcpu *vcpu, u64 efer, bool host)
{
	u64 old = vcpu->msrs[MSR_SLOT_EFER];
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;

	if (!host) {
		if (!cpuid_has(&vcpu->cpuid, FEATURE_SYSCALL))
			allowed &= ~EFER_SCE;
		if (!cpuid_has(&vcpu->cpuid, FEATURE_LM))
			allowed &= ~(EFER_LME | EFER_LMA);
		if (!cpuid_has(&vcpu->cpuid, FEATURE_NX))
			allowed &= ~EFER_NX;
		if (vcpu->cr0 & X86_CR0_PG && (efer ^ old) & EFER_LME)
			return -EINVAL;
	}
	if (efer & ~allowed)
		return -EINVAL;
	vcpu->msrs[MSR_SLOT_EFER] = (efer & ~EFER_LMA) | (old & EFER_LMA);
	vcpu->dirty |= DIRTY_CRS;
	return 0;
}

/**
 * vcpu_write_crs() - CR0, CR4 and EFER to the VMCS
 * @vcpu: the vCPU
 *
 * Context: the VMCS is current, preemption disabled.
 */
void vcpu_write_crs(struct vcpu *vcpu)
{
	u64 efer = vcpu->msrs[MSR_SLOT_EFER];
	u32 entry = vmx_controls.entry;
	unsigned long cr4_owned = CR4_GUEST_OWNED & vcpu_cr4_allowed(vcpu);

	if (efer & EFER_LMA)
		entry |= VM_ENTRY_IA32E_MODE;
	vmwrite32(VM_ENTRY_CONTROLS, entry);
	vmwrite64(GUEST_IA32_EFER, efer);

	vmwritel(CR0_GUEST_HOST_MASK, ~CR0_GUEST_OWNED);
	vmwritel(CR0_READ_SHADOW, vcpu->cr0);
	vmwritel(GUEST_CR0, hw_cr0(vcpu->cr0));
	vmwritel(CR4_GUEST_HOST_MASK, ~cr4_owned);
	vmwritel(CR4_READ_SHADOW, vcpu->cr4);
	vmwritel(GUEST_CR4, hw_cr4(vcpu->cr4));

	/* Such a change flushes the TLB on a CPU; here minihv made it, not the CPU. */
	vmx_root_invvpid(vcpu->vpid);
}

/**
 * vcpu_read_crs() - take over the bits that the guest changed without an exit
 * @vcpu: the vCPU
 *
 * Context: the VMCS is current, preemption disabled.
 */
void vcpu_read_crs(struct vcpu *vcpu)
{
	vcpu->cr0 = (vcpu->cr0 & ~CR0_GUEST_OWNED) | (vmreadl(GUEST_CR0) & CR0_GUEST_OWNED);
	vcpu->cr4 = (vcpu->cr4 & ~CR4_GUEST_OWNED) | (vmreadl(GUEST_CR4) & CR4_GUEST_OWNED);
}
