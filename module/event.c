// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions that minihv raises in the guest. */
#include <asm/processor-flags.h>
#include <asm/traps.h>

#include "compat.h"
#include "exit.h"
#include "vcpu.h"

/* SDM vol. 3, "RFLAGS.RF": so that the handler's IRET does not hit the same breakpoint. */
static void set_rf(struct vcpu *vcpu)
{
	if (vcpu->loaded) {
		vmwritel(GUEST_RFLAGS, vmreadl(GUEST_RFLAGS) | X86_EFLAGS_RF);
		return;
	}
	vcpu->rflags |= X86_EFLAGS_RF;
	vcpu->dirty |= DIRTY_REGS;
}

/**
 * vcpu_inject_exception() - have the next VM entry deliver an exception
 * @vcpu: the vCPU, loaded or not
 * @vector: the exception's vector
 * @has_error_code: it pushes one, outside of real mode
 * @error_code: that error code
 *
 * An event whose delivery the VM exit interrupted gives way: minihv raises an
 * exception in that situation only when it hands on an #AC or #DB, which are
 * benign (SDM vol. 3, table "Conditions for Generating a Double Fault"), and
 * a fault happens again when the guest's handler returns. An interrupt that the
 * client gave with KVM_SET_SREGS is lost; nothing else can give one.
 */
void vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error_code, u32 error_code)
{
	struct vcpu_event *event = &vcpu->event;

	/* What a fault pushes has RF set; #DB here is a trap, or the CPU has dealt with it. */
	if (vector != DB_VECTOR)
		set_rf(vcpu);
	event->info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | vector;
	event->insn_len = 0;
	/* SDM vol. 3, "Checks on VM-Entry Control Fields": real mode has no error codes. */
	if (has_error_code && vcpu->cr0 & X86_CR0_PE) {
		event->info |= INTR_INFO_DELIVER_CODE_MASK;
		event->error_code = error_code;
	}
}

/** vcpu_inject_gp() - #GP(0) at the instruction that exited */
void vcpu_inject_gp(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, GP_VECTOR, true, 0);
}

#define SHADOWS	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* In 32-bit code RIP wraps at 4 GiB. Needed only where bit 31 changes. */
static unsigned long next_rip(struct vcpu *vcpu, unsigned long rip, u32 len)
{
	unsigned long next = rip + len;

	if ((rip ^ next) & BIT(31) && next >> 32 && !(rip >> 32) && !vcpu_is_64bit_code(vcpu))
		next = (u32)next;
	return next;
}

/**
 * vcpu_inject_db() - #DB
 * @vcpu: the vCPU, loaded or not
 * @dr6: the bits of DR6 that say why
 *
 * SDM vol. 3, "Debug Control Register (DR7)": GD is clear in the handler, which
 * could not read the debug registers otherwise.
 */
void vcpu_inject_db(struct vcpu *vcpu, unsigned long dr6)
{
	vcpu->dr6 |= dr6;
	if (vcpu->dr7 & DR7_GENERAL_DETECT) {
		vcpu->dr7 &= ~DR7_GENERAL_DETECT;
		vcpu->dirty |= DIRTY_DEBUG;
	}
	vcpu_inject_exception(vcpu, DB_VECTOR, false, 0);
}

/* A completed instruction under TF is followed by #DB (BS); RF lasts one instruction. */
static unsigned long after_insn(struct vcpu *vcpu, unsigned long rflags)
{
	if (rflags & X86_EFLAGS_TF)
		vcpu_inject_db(vcpu, DR_STEP);
	return rflags & ~X86_EFLAGS_RF;
}

/**
 * vcpu_skip_insn() - the exiting instruction is done: go on behind it
 * @vcpu: the vCPU, loaded or not
 *
 * Advances RIP by the length that the CPU reported (prefixes included), ends
 * the interrupt shadow of STI and MOV SS, and single-steps if the guest does.
 */
void vcpu_skip_insn(struct vcpu *vcpu)
{
	unsigned long rip, rflags;
	u32 interruptibility;

	if (!vcpu->loaded) {
		vcpu->rip = next_rip(vcpu, vcpu->rip, vcpu->exit.insn_len);
		vcpu->rflags = after_insn(vcpu, vcpu->rflags);
		vcpu->interruptibility &= ~SHADOWS;
		vcpu->dirty |= DIRTY_REGS;
		return;
	}

	rip = vmreadl(GUEST_RIP);
	vmwritel(GUEST_RIP, next_rip(vcpu, rip, vmread32(VM_EXIT_INSTRUCTION_LEN)));
	rflags = vmreadl(GUEST_RFLAGS);
	if (unlikely(rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF)))
		vmwritel(GUEST_RFLAGS, after_insn(vcpu, rflags));
	interruptibility = vmread32(GUEST_INTERRUPTIBILITY_INFO);
	if (unlikely(interruptibility & SHADOWS))
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO, interruptibility & ~SHADOWS);
}
