// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions that minihv raises in the guest, and what a client sees of events. */
#include <asm/processor-flags.h>
#include <asm/traps.h>

#include "compat.h"
#include "exit.h"
#include "skip_insn.h"
#include "interrupt.h"
#include "lapic.h"
#include "vcpu.h"

#define MACHINE_CHECK	(INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | MC_VECTOR)

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
 * An exception whose delivery the VM exit interrupted gives way: minihv raises
 * another in that situation only when it hands on an #AC or #DB, or the client's #MC,
 * which are benign (SDM vol. 3, table "Conditions for Generating a Double Fault"), and
 * a fault happens again when the guest's handler returns. An #MC that waits does not
 * give way, and then it is the new one that happens again; a #DB that was a trap is
 * lost. (KVM loses the #MC.) Interrupts and NMIs wait elsewhere (interrupt.c).
 *
 * Return: whether it will be delivered. What it then does to CR2, DR6 and DR7 is for
 * the caller to do.
 */
bool vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error_code, u32 error_code)
{
	struct vcpu_event *event = &vcpu->event;

	if (event->info == MACHINE_CHECK)
		return false;
	vcpu->stats.exceptions++;
	/* What a fault pushes has RF set. #DB is a trap, or the CPU's doing; #MC is an abort. */
	if (vector != DB_VECTOR && vector != MC_VECTOR)
		set_rf(vcpu);
	event->info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | vector;
	event->insn_len = 0;
	event->raised = true;
	/* SDM vol. 3, "Checks on VM-Entry Control Fields": real mode has no error codes. */
	if (has_error_code && vcpu->cr0 & X86_CR0_PE) {
		event->info |= INTR_INFO_DELIVER_CODE_MASK;
		event->error_code = error_code;
	}
	return true;
}

/** vcpu_inject_gp() - #GP(0) at the instruction that exited */
void vcpu_inject_gp(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, GP_VECTOR, true, 0);
}

/**
 * vcpu_inject_pf() - #PF
 * @vcpu: the vCPU
 * @linear: the linear address that could not be accessed
 * @error_code: X86_PF_*, as vcpu_gva_to_gpa() gives it
 */
void vcpu_inject_pf(struct vcpu *vcpu, u64 linear, u32 error_code)
{
	if (vcpu_inject_exception(vcpu, PF_VECTOR, true, error_code))
		vcpu->cr2 = linear;
}

/**
 * vcpu_inject_db() - #DB
 * @vcpu: the vCPU, loaded or not
 * @dr6: the bits of DR6 that say why
 *
 * DR6 keeps what it has, but B0 to B3 say only what happened now. SDM vol. 3, "Debug Control
 * Register (DR7)": GD is clear in the handler, which could not read the debug registers otherwise.
 */
void vcpu_inject_db(struct vcpu *vcpu, unsigned long dr6)
{
	if (!vcpu_inject_exception(vcpu, DB_VECTOR, false, 0))
		return;
	vcpu->dr6 = (vcpu->dr6 & ~DR_TRAP_BITS) | dr6;
	if (vcpu->dr7 & DR7_GENERAL_DETECT) {
		vcpu->dr7 &= ~DR7_GENERAL_DETECT;
		vcpu->dirty |= DIRTY_DEBUG;
	}
}

/* Under TF a completed instruction is followed by #DB (BS); RF lasts one instruction. */
static unsigned long rflags_after_insn(struct vcpu *vcpu, unsigned long rflags)
{
	if (rflags & X86_EFLAGS_TF)
		vcpu_inject_db(vcpu, DR_STEP);
	return rflags & ~X86_EFLAGS_RF;
}

/* In 32-bit code RIP wraps at 4 GiB. */
static unsigned long next_rip(struct vcpu *vcpu, unsigned long rip, u32 len)
{
	unsigned long next = rip + len;

	if ((u32)next < len && !(rip >> 32) && !vcpu_is_64bit_code(vcpu))
		next = (u32)next;
	return next;
}

/**
 * vcpu_skip_insn() - the exiting instruction is done: go on behind it
 * @vcpu: the vCPU, loaded or not
 *
 * Advances RIP by the length that the CPU reported, or insn.c, (prefixes included), ends
 * the interrupt shadow of STI and MOV SS, and single-steps if the guest does.
 */
void vcpu_skip_insn(struct vcpu *vcpu)
{
	if (vcpu->loaded) {
		vmwritel(GUEST_RIP, next_rip(vcpu, vmreadl(GUEST_RIP),
					     vmread32(VM_EXIT_INSTRUCTION_LEN)));
		vmwritel(GUEST_RFLAGS, rflags_after_insn(vcpu, vmreadl(GUEST_RFLAGS)));
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO,
			  vmread32(GUEST_INTERRUPTIBILITY_INFO) & ~SHADOWS);
		return;
	}
	vcpu->rip = next_rip(vcpu, vcpu->rip, vcpu->exit.insn_len);
	vcpu->rflags = rflags_after_insn(vcpu, vcpu->rflags);
	vcpu->interruptibility &= ~SHADOWS;
	vcpu->dirty |= DIRTY_REGS;
}

/**
 * vcpu_get_events() - KVM_GET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @events: as in the KVM API
 *
 * An NMI that waits is pending; injected is only what a client has called so. A software interrupt
 * is not shown, it happens again. Nor is a SIPI's vector, as with KVM: one that comes before the
 * client writes this back is to be kept.
 */
void vcpu_get_events(struct vcpu *vcpu, struct kvm_vcpu_events *events)
{
	const struct vcpu_event *event = &vcpu->event;

	memset(events, 0, sizeof(*events));
	if ((event->info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	    (INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION)) {
		events->exception.injected = 1;
		events->exception.nr = event->info & INTR_INFO_VECTOR_MASK;
		events->exception.has_error_code = !!(event->info & INTR_INFO_DELIVER_CODE_MASK);
		if (events->exception.has_error_code)
			events->exception.error_code = event->error_code;
	}
	if (vcpu->interrupt >= 0) {
		events->interrupt.injected = 1;
		events->interrupt.nr = vcpu->interrupt;
	}
	if (vcpu->interruptibility & GUEST_INTR_STATE_STI)
		events->interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
	if (vcpu->interruptibility & GUEST_INTR_STATE_MOV_SS)
		events->interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	if (test_and_clear_bit(REQUEST_NMI, &vcpu->requests))
		interrupt_add_nmi(vcpu);
	events->nmi.injected = vcpu->nmi_injected;
	events->nmi.pending = vcpu->nmis - vcpu->nmi_injected;
	events->nmi.masked = !!(vcpu->interruptibility & GUEST_INTR_STATE_NMI);
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
}

/* There is no SMM: a client may say that the vCPU is not in it. */
static bool events_valid(const struct kvm_vcpu_events *events)
{
	u32 flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		    KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;

	if (events->flags & ~flags)
		return false;
	if (events->flags & KVM_VCPUEVENT_VALID_SMM &&
	    (events->smi.smm || events->smi.pending || events->smi.smm_inside_nmi ||
	     events->smi.latched_init))
		return false;
	return !events->exception.injected ||
	       (events->exception.nr < 32 && events->exception.nr != NMI_VECTOR);
}

static void set_shadow(struct vcpu *vcpu, u8 shadow)
{
	vcpu->interruptibility &= ~SHADOWS;
	/* VM entry refuses both at once. */
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		vcpu->interruptibility |= GUEST_INTR_STATE_MOV_SS;
	else if (shadow & KVM_X86_SHADOW_INT_STI)
		vcpu->interruptibility |= GUEST_INTR_STATE_STI;
}

/*
 * What is injected is state, and not one more each time. Behind it, or behind one that is being
 * handled, one more can wait, else two.
 */
static void set_nmis(struct vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	bool injected = events->nmi.injected;
	unsigned int waiting = vcpu->nmis - vcpu->nmi_injected;

	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		waiting = events->nmi.pending;
		clear_bit(REQUEST_NMI, &vcpu->requests);
	}
	vcpu->nmis = min(waiting, injected || events->nmi.masked ? 1u : 2u) + injected;
	vcpu->nmi_injected = injected;
	vcpu->interruptibility &= ~GUEST_INTR_STATE_NMI;
	if (events->nmi.masked)
		vcpu->interruptibility |= GUEST_INTR_STATE_NMI;
}

/**
 * vcpu_set_events() - KVM_SET_VCPU_EVENTS
 * @vcpu: the vCPU, not loaded
 * @events: as in the KVM API; an exception that is pending means something only to a client
 *	that has enabled KVM_CAP_EXCEPTION_PAYLOAD, which is absent
 *
 * A client may set the registers before or after. What contradicts them is sorted out at
 * VM entry: by load_dirty() the shadow and what waits in it, by write_event() the error code.
 *
 * Return: 0; -EINVAL, and nothing changed, for unknown flags, a vector that no
 * exception has, or anything of SMM.
 */
int vcpu_set_events(struct vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	struct vcpu_event *event = &vcpu->event;

	if (!events_valid(events))
		return -EINVAL;

	event->info = 0;
	if (events->exception.injected) {
		event->info = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION |
			      events->exception.nr;
		event->insn_len = 0;
		event->raised = false;
		if (events->exception.has_error_code)
			event->info |= INTR_INFO_DELIVER_CODE_MASK;
		event->error_code = events->exception.error_code;
	}
	vcpu->interrupt = events->interrupt.injected ? events->interrupt.nr : NO_INTERRUPT;
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW)
		set_shadow(vcpu, events->interrupt.shadow);

	set_nmis(vcpu, events);
	if (events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR && vcpu->lapic)
		lapic_set_sipi_vector(vcpu, events->sipi_vector);
	vcpu->dirty |= DIRTY_REGS | DIRTY_STEP;
	return 0;
}
