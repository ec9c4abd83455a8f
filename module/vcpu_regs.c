// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, and the latter two as SREGS2. */
#include <linux/string.h>

#include "compat.h"
#include "segment.h"
#include "vcpu.h"

/* struct kvm_regs has the registers in another order than enum gpr. */
static const struct {
	size_t offset;
	enum gpr gpr;
} kvm_regs_order[] = {
	{ offsetof(struct kvm_regs, rax), GPR_RAX },
	{ offsetof(struct kvm_regs, rbx), GPR_RBX },
	{ offsetof(struct kvm_regs, rcx), GPR_RCX },
	{ offsetof(struct kvm_regs, rdx), GPR_RDX },
	{ offsetof(struct kvm_regs, rsi), GPR_RSI },
	{ offsetof(struct kvm_regs, rdi), GPR_RDI },
	{ offsetof(struct kvm_regs, rsp), GPR_RSP },
	{ offsetof(struct kvm_regs, rbp), GPR_RBP },
	{ offsetof(struct kvm_regs, r8), GPR_R8 },
	{ offsetof(struct kvm_regs, r9), GPR_R9 },
	{ offsetof(struct kvm_regs, r10), GPR_R10 },
	{ offsetof(struct kvm_regs, r11), GPR_R11 },
	{ offsetof(struct kvm_regs, r12), GPR_R12 },
	{ offsetof(struct kvm_regs, r13), GPR_R13 },
	{ offsetof(struct kvm_regs, r14), GPR_R14 },
	{ offsetof(struct kvm_regs, r15), GPR_R15 },
};

/** vcpu_get_regs() - KVM_GET_REGS */
void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kvm_regs_order); i++)
		*(__u64 *)((void *)regs + kvm_regs_order[i].offset) =
			vcpu->vmenter.regs[kvm_regs_order[i].gpr];
	regs->rip = vcpu->rip;
	regs->rflags = vcpu->rflags;
}

/**
 * vcpu_set_regs() - KVM_SET_REGS
 * @vcpu: the vCPU
 * @regs: as in the KVM API
 *
 * An event that belongs to the instruction at RIP is dropped: an exception that minihv has
 * raised, INT n and the like. If RIP is the same, it happens again.
 */
void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kvm_regs_order); i++)
		vcpu->vmenter.regs[kvm_regs_order[i].gpr] =
			*(const __u64 *)((const void *)regs + kvm_regs_order[i].offset);
	vcpu->rip = regs->rip;
	vcpu->rflags = regs->rflags | X86_EFLAGS_FIXED;
	vcpu->dirty |= DIRTY_REGS | DIRTY_STEP;
	/* After an error that is a new beginning, and not another try. */
	if (vcpu->complete_failed)
		vcpu->complete = NULL;
	if (vcpu->event.raised || vcpu->event.insn_len)
		vcpu->event.info = 0;
}

/* In the order of struct kvm_sregs. */
static const enum segment sregs_segments[] = {
	SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_SS, SEG_TR, SEG_LDTR,
};

static_assert(offsetof(struct kvm_sregs, cs) == 0);
static_assert(offsetof(struct kvm_sregs, ldt) ==
	      (ARRAY_SIZE(sregs_segments) - 1) * sizeof(struct kvm_segment));

/**
 * vcpu_get_sregs() - KVM_GET_SREGS
 * @vcpu: the vCPU
 * @sregs: as in the KVM API
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	struct kvm_segment *segs = &sregs->cs;
	int i, ret;

	memset(sregs, 0, sizeof(*sregs));
	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(sregs_segments); i++)
		segment_get(sregs_segments[i], &segs[i]);
	sregs->gdt.base = vmreadl(GUEST_GDTR_BASE);
	sregs->gdt.limit = vmread32(GUEST_GDTR_LIMIT);
	sregs->idt.base = vmreadl(GUEST_IDTR_BASE);
	sregs->idt.limit = vmread32(GUEST_IDTR_LIMIT);
	sregs->cr3 = vmreadl(GUEST_CR3);
	vcpu_vmcs_put(vcpu);

	sregs->cr0 = vcpu->cr0;
	sregs->cr2 = vcpu->cr2;
	sregs->cr4 = vcpu->cr4;
	sregs->cr8 = vcpu_get_cr8(vcpu);
	sregs->efer = vcpu->msrs[MSR_SLOT_EFER];
	/*
	 * Outside of long mode the bit is reserved, but the CPU keeps what the descriptor
	 * had. vcpu_set_sregs() would refuse it.
	 */
	if (!(sregs->efer & EFER_LMA))
		sregs->cs.l = 0;
	sregs->apic_base = vcpu->msrs[MSR_SLOT_APIC_BASE];
	if (vcpu->interrupt >= 0)
		__set_bit(vcpu->interrupt, (unsigned long *)sregs->interrupt_bitmap);
	return 0;
}

/*
 * Values that contradict each other are refused here. What is left to VM entry
 * to refuse (segments, mostly) ends in KVM_EXIT_FAIL_ENTRY.
 */
static bool sregs_valid(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	bool paging = sregs->cr0 & X86_CR0_PG;

	if (!vcpu_crs_valid(vcpu, sregs->cr0, sregs->cr4))
		return false;
	if (sregs->efer & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX))
		return false;
	if (sregs->cr8 & ~0xfull)
		return false;
	if (!(paging && sregs->efer & EFER_LME))
		return !(sregs->efer & EFER_LMA) && !sregs->cs.l;
	/* Long mode. */
	return sregs->cr4 & X86_CR4_PAE && sregs->efer & EFER_LMA &&
	       !(sregs->cr3 >> vcpu->cpuid.maxphyaddr) && !(sregs->cs.l && sregs->cs.db);
}

/*
 * A client that resets the bootstrap processor by its registers alone, as it may with KVM,
 * means it to run. SDM vol. 3, table "IA-32 and Intel 64 Processor States Following Power-up,
 * Reset, or INIT".
 */
static void end_halt_at_reset(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	if (vcpu_is_bsp(vcpu) && vcpu->mp_state == KVM_MP_STATE_HALTED &&
	    vcpu->rip == 0xfff0 && sregs->cs.selector == 0xf000 &&
	    sregs->cs.base == 0xffff0000 && !(sregs->cr0 & X86_CR0_PE))
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

/**
 * vcpu_set_sregs() - KVM_SET_SREGS
 * @vcpu: the vCPU
 * @sregs: as in the KVM API
 *
 * Return: 0; -EINVAL if the values contradict each other or the vCPU's CPUID;
 * -EBUSY, -EIO or -ESHUTDOWN if VMX is not to be had. After an error nothing has changed, but
 * where VMX goes in the middle: then all has, and the PDPTEs are still to be loaded.
 */
int vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	const struct kvm_segment *segs = &sregs->cs;
	int i, ret, vector;

	if (!sregs_valid(vcpu, sregs))
		return -EINVAL;
	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	if (msr_set(vcpu, MSR_IA32_APICBASE, sregs->apic_base, true) != MSR_OK) {
		vcpu_vmcs_put(vcpu);
		return -EINVAL;
	}
	/* The same RIP, but another place: see complete_exit(). */
	if (vmreadl(GUEST_CS_BASE) != sregs->cs.base)
		vcpu->complete = NULL;
	for (i = 0; i < ARRAY_SIZE(sregs_segments); i++)
		segment_set(sregs_segments[i], &segs[i]);
	vmwritel(GUEST_GDTR_BASE, sregs->gdt.base);
	vmwrite32(GUEST_GDTR_LIMIT, sregs->gdt.limit);
	vmwritel(GUEST_IDTR_BASE, sregs->idt.base);
	vmwrite32(GUEST_IDTR_LIMIT, sregs->idt.limit);
	vmwritel(GUEST_CR3, sregs->cr3);
	vcpu_vmcs_put(vcpu);

	vcpu->cr0 = sregs->cr0;
	vcpu->cr2 = sregs->cr2;
	vcpu->cr4 = sregs->cr4;
	vcpu_set_cr8(vcpu, sregs->cr8);
	vcpu->msrs[MSR_SLOT_EFER] = sregs->efer;
	vcpu->dirty |= DIRTY_CRS;
	end_halt_at_reset(vcpu, sregs);

	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap,
				KVM_NR_INTERRUPTS);
	if (vector < KVM_NR_INTERRUPTS)
		vcpu->interrupt = vector;

	/* Memory may not be there yet; the guest will find out. */
	ret = vcpu_load_pdptes(vcpu);
	return ret == -EBUSY || ret == -ESHUTDOWN || ret == -EIO ? ret : 0;
}

/* The two structures begin alike: segments, tables, control registers. */
#define SREGS_COMMON	offsetof(struct kvm_sregs, interrupt_bitmap)

static_assert(offsetof(struct kvm_sregs2, apic_base) == offsetof(struct kvm_sregs, apic_base));
static_assert(offsetof(struct kvm_sregs2, flags) == SREGS_COMMON);

/**
 * vcpu_get_sregs2() - KVM_GET_SREGS2
 * @vcpu: the vCPU
 * @sregs2: as in the KVM API
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int vcpu_get_sregs2(struct vcpu *vcpu, struct kvm_sregs2 *sregs2)
{
	struct kvm_sregs sregs;
	int ret;

	ret = vcpu_get_sregs(vcpu, &sregs);
	if (ret)
		return ret;
	memset(sregs2, 0, sizeof(*sregs2));
	memcpy(sregs2, &sregs, SREGS_COMMON);
	if (!vcpu_uses_pae_paging(vcpu))
		return 0;
	sregs2->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	return vcpu_get_pdptes(vcpu, sregs2->pdptrs);
}

/**
 * vcpu_set_sregs2() - KVM_SET_SREGS2
 * @vcpu: the vCPU
 * @sregs2: as in the KVM API; the PDPTEs are those of guest memory if it has none
 *
 * Return: as vcpu_set_sregs(); also -EINVAL for flags that do not exist, and for
 * PDPTEs without PAE paging. If VMX goes meanwhile, the PDPTEs are memory's.
 */
int vcpu_set_sregs2(struct vcpu *vcpu, const struct kvm_sregs2 *sregs2)
{
	bool pae_paging = sregs2->cr0 & X86_CR0_PG && sregs2->cr4 & X86_CR4_PAE &&
			  !(sregs2->efer & EFER_LMA);
	struct kvm_sregs sregs = {};
	int ret;

	if (sregs2->flags & ~(u64)KVM_SREGS2_FLAGS_PDPTRS_VALID)
		return -EINVAL;
	if (sregs2->flags && !pae_paging)
		return -EINVAL;
	memcpy(&sregs, sregs2, SREGS_COMMON);
	ret = vcpu_set_sregs(vcpu, &sregs);
	if (ret || !sregs2->flags)
		return ret;
	return vcpu_set_pdptes(vcpu, sregs2->pdptrs);
}
