// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts and NMIs on their way into the guest.
 *
 * They wait here until the guest can take one. Straight before VM entry one is
 * chosen; for those that are left the CPU is asked to exit as soon as the guest
 * can take the next. Where one is says how far it has got:
 *
 *	vcpu->requests, the APIC's IRR	another thread has sent it
 *	vcpu->nmis, vcpu->interrupt	it waits for the guest to be able to take it
 *	vcpu->event			the next VM entry delivers it
 *
 * An exit empties vcpu->event. What was there and was not delivered comes back: an
 * exception by requeue_event(), an interrupt or NMI to where it waited before.
 *
 * SDM vol. 3, "Event Injection" and "Other Causes of VM Exits" (interrupt window,
 * NMI window).
 */
#include <asm/processor-flags.h>
#include <asm/traps.h>

#include "compat.h"
#include "skip_insn.h"
#include "interrupt.h"
#include "kick.h"
#include "lapic.h"
#include "vcpu.h"

/* Is there an interrupt for the guest, whether or not it can take it? */
static bool interrupt_waits(struct vcpu *vcpu)
{
	return vcpu->interrupt >= 0 || lapic_has_interrupt(vcpu);
}

/* One that the local APIC has handed over goes first: it is in service by now. */
static u8 next_interrupt(struct vcpu *vcpu)
{
	u8 vector;

	if (vcpu->interrupt < 0)
		return lapic_take_interrupt(vcpu);
	vector = vcpu->interrupt;
	vcpu->interrupt = NO_INTERRUPT;
	return vector;
}

static void choose(struct vcpu *vcpu, u32 interruptibility)
{
	struct vcpu_event *event = &vcpu->event;

	if (event->info)
		return;
	if (vcpu->nmis && !(interruptibility & (SHADOWS | GUEST_INTR_STATE_NMI))) {
		vcpu->nmis--;
		vcpu->nmi_injected = false;
		vcpu->stats.nmis++;
		event->info = INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR | NMI_VECTOR;
		event->insn_len = 0;
	} else if (!(interruptibility & SHADOWS) && vmreadl(GUEST_RFLAGS) & X86_EFLAGS_IF &&
		   interrupt_waits(vcpu)) {
		vcpu->stats.interrupts++;
		event->info = INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | next_interrupt(vcpu);
		event->insn_len = 0;
	}
}

/* The exits to ask for. An NMI window does not wait for the end of STI's shadow. */
static u32 windows(struct vcpu *vcpu, u32 interruptibility)
{
	u32 proc = 0;

	if (vcpu->nmis)
		proc |= interruptibility & GUEST_INTR_STATE_STI ?
			CPU_BASED_INTR_WINDOW_EXITING : CPU_BASED_NMI_WINDOW_EXITING;
	if (interrupt_waits(vcpu) || interrupt_window_wanted(vcpu))
		proc |= CPU_BASED_INTR_WINDOW_EXITING;
	return proc;
}

/**
 * interrupt_prepare() - choose what the next VM entry delivers
 * @vcpu: the vCPU, loaded
 *
 * An exception that waits for delivery goes before.
 *
 * Context: interrupts off; what arrives later comes with an IPI to this CPU.
 */
void interrupt_prepare(struct vcpu *vcpu)
{
	u32 interruptibility = 0, proc = 0;

	if (test_bit(REQUEST_NMI, &vcpu->requests) &&
	    test_and_clear_bit(REQUEST_NMI, &vcpu->requests))
		interrupt_add_nmi(vcpu);
	if (vcpu->nmis || interrupt_waits(vcpu) || interrupt_window_wanted(vcpu)) {
		interruptibility = vmread32(GUEST_INTERRUPTIBILITY_INFO);
		choose(vcpu, interruptibility);
		proc = windows(vcpu, interruptibility);
	}
	if (proc == vcpu->windows)
		return;
	vcpu->windows = proc;
	vmwrite32(CPU_BASED_VM_EXEC_CONTROL, vmcs_proc_controls(vcpu) | proc);
}

/**
 * interrupt_put_back() - an interrupt or NMI was chosen, but not delivered
 * @vcpu: the vCPU; its event may be of any kind
 *
 * Context: the VMCS is current, preemption disabled.
 */
void interrupt_put_back(struct vcpu *vcpu)
{
	struct vcpu_event *event = &vcpu->event;

	switch (event->info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) {
	case INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR:
		vcpu->interrupt = event->info & INTR_INFO_VECTOR_MASK;
		break;
	case INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR:
		/* It blocks others only once its handler runs. */
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO,
			  vmread32(GUEST_INTERRUPTIBILITY_INFO) & ~GUEST_INTR_STATE_NMI);
		interrupt_add_nmi(vcpu);
		break;
	default:
		return;
	}
	event->info = 0;
}

/**
 * interrupt_add_nmi() - an NMI for the guest
 * @vcpu: the vCPU
 *
 * There can be one that is being handled, or is to be next, and one behind it.
 *
 * Context: the vCPU's mutex is held; loaded or not.
 */
void interrupt_add_nmi(struct vcpu *vcpu)
{
	u32 interruptibility = vcpu->loaded ? vmread32(GUEST_INTERRUPTIBILITY_INFO) :
					      vcpu->interruptibility;
	bool one_is_handled = interruptibility & GUEST_INTR_STATE_NMI && !vcpu->nmi_injected;

	if (vcpu->nmis < (one_is_handled ? 1 : 2))
		vcpu->nmis++;
}

/**
 * interrupt_set() - KVM_INTERRUPT: the client's interrupt controller has one
 * @vcpu: the vCPU, not loaded
 * @vector: its vector
 *
 * Return: 0; -EINVAL if that is no vector; -ENXIO if the interrupt controller is
 * the kernel's; -EEXIST if another one is waiting.
 */
int interrupt_set(struct vcpu *vcpu, u32 vector)
{
	if (vector >= KVM_NR_INTERRUPTS)
		return -EINVAL;
	if (vcpu->lapic)
		return -ENXIO;
	if (vcpu->interrupt >= 0)
		return -EEXIST;
	vcpu->interrupt = vector;
	return 0;
}

/* Would the guest take an interrupt now? The vCPU is not loaded. */
static bool can_be_taken(const struct vcpu *vcpu)
{
	return vcpu->rflags & X86_EFLAGS_IF && !(vcpu->interruptibility & SHADOWS);
}

/** interrupt_window_is_open() - could the client give an interrupt? The vCPU is not loaded. */
bool interrupt_window_is_open(const struct vcpu *vcpu)
{
	return !vcpu->event.info && vcpu->interrupt < 0 && can_be_taken(vcpu);
}

/**
 * interrupt_ends_halt() - is there an event that ends HLT?
 * @vcpu: the vCPU, not loaded
 */
bool interrupt_ends_halt(struct vcpu *vcpu)
{
	unsigned long requests = READ_ONCE(vcpu->requests);

	if (vcpu->event.info || requests & BIT(REQUEST_INIT))
		return true;
	if ((vcpu->nmis || requests & BIT(REQUEST_NMI)) &&
	    !(vcpu->interruptibility & GUEST_INTR_STATE_NMI))
		return true;
	return can_be_taken(vcpu) && interrupt_waits(vcpu);
}

/**
 * interrupt_request() - something for the vCPU from another thread
 * @vcpu: any vCPU of the VM
 * @request: REQUEST_*
 *
 * Context: any.
 */
void interrupt_request(struct vcpu *vcpu, unsigned int request)
{
	set_bit(request, &vcpu->requests);
	kick_vcpu(vcpu);
}
