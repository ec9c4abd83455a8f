/* SPDX-License-Identifier: GPL-2.0-only */
/* The exiting instruction is done: go on behind it. */
#ifndef MINIHV_SKIP_INSN_H
#define MINIHV_SKIP_INSN_H

#include <asm/processor-flags.h>

#include "vcpu.h"

#define SHADOWS	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* event.c */
void vcpu_skip_insn(struct vcpu *vcpu);

/*
 * While the vCPU is loaded, all of this is in the VMCS. What is rare is left to
 * vcpu_skip_insn() as a whole: so this calls nobody on the way to the next VM entry.
 */
static __always_inline void skip_insn_loaded(struct vcpu *vcpu)
{
	u32 len = vmread32(VM_EXIT_INSTRUCTION_LEN);
	unsigned long next = vmreadl(GUEST_RIP) + len;

	/* TF, RF; a shadow; RIP that has passed a multiple of 4 GiB. */
	if (unlikely(vmreadl(GUEST_RFLAGS) & (X86_EFLAGS_TF | X86_EFLAGS_RF) ||
		     vmread32(GUEST_INTERRUPTIBILITY_INFO) & SHADOWS || (u32)next < len))
		vcpu_skip_insn(vcpu);
	else
		vmwritel(GUEST_RIP, next);
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
