/* SPDX-License-Identifier: GPL-2.0-only */
/* The exiting instruction is done: go on behind it. */
#ifndef MINIHV_SKIP_INSN_H
#define MINIHV_SKIP_INSN_H

#include <asm/processor-flags.h>

#include "vcpu.h"

#define SHADOWS	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* event.c */
void vcpu_skip_insn(struct vcpu *vcpu);
unsigned long vcpu_after_insn(struct vcpu *vcpu, unsigned long rflags);

/* In 32-bit code RIP wraps at 4 GiB. */
static __always_inline unsigned long next_rip(struct vcpu *vcpu, unsigned long rip, u32 len)
{
	unsigned long next = rip + len;

	if (unlikely((u32)next < len) && !(rip >> 32) && !vcpu_is_64bit_code(vcpu))
		next = (u32)next;
	return next;
}

/* While the vCPU is loaded, all of this is in the VMCS. */
static __always_inline void skip_insn_loaded(struct vcpu *vcpu)
{
	unsigned long rip = vmreadl(GUEST_RIP), rflags;
	u32 interruptibility;

	vmwritel(GUEST_RIP, next_rip(vcpu, rip, vmread32(VM_EXIT_INSTRUCTION_LEN)));
	rflags = vmreadl(GUEST_RFLAGS);
	if (unlikely(rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF)))
		vmwritel(GUEST_RFLAGS, vcpu_after_insn(vcpu, rflags));
	interruptibility = vmread32(GUEST_INTERRUPTIBILITY_INFO);
	if (unlikely(interruptibility & SHADOWS))
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO, interruptibility & ~SHADOWS);
}

/* vcpu_skip_insn(), for the handlers on the fast path. */
static __always_inline void skip_insn(struct vcpu *vcpu)
{
	if (likely(vcpu->loaded))
		skip_insn_loaded(vcpu);
	else
		vcpu_skip_insn(vcpu);
}

#endif
