// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt messages: to which vCPUs they go, and what a vCPU makes of them.
 *
 * SDM vol. 3, "Issuing Interprocessor Interrupts" and "Determining IPI Destination".
 */
#include <linux/sched.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "interrupt.h"
#include "lapic.h"
#include "vm.h"

#define INIT_OR_SIPI	(BIT(REQUEST_INIT) | BIT(REQUEST_SIPI))

/* The registers say the same, but not while the vCPU changes its mode or the client sets them. */
static bool matches_x2apic(const struct lapic *lapic, const struct lapic_message *m)
{
	u32 id = lapic->vcpu->id, ldr = lapic_x2apic_ldr(id);

	if (!m->logical)
		return m->destination == id;
	return m->destination >> 16 == ldr >> 16 && m->destination & ldr & 0xffff;
}

static bool matches_xapic(const struct lapic *lapic, const struct lapic_message *m)
{
	u8 destination = m->destination, ldr = GET_APIC_LOGICAL_ID(lapic_get(lapic, APIC_LDR));

	/* An id that does not fit is heard in full: this vCPU is still to be started. */
	if (m->destination > 0xff)
		return !m->logical && m->destination == lapic->vcpu->id;
	if (!m->logical)
		return lapic->vcpu->id <= 0xff &&
		       destination == GET_XAPIC_DEST_FIELD(lapic_get(lapic, APIC_ID));
	if (lapic_get(lapic, APIC_DFR) == APIC_DFR_FLAT)
		return destination & ldr;
	return destination >> 4 == ldr >> 4 && destination & ldr & 0xf;
}

static bool matches(const struct lapic *lapic, const struct lapic_message *m)
{
	if (!lapic_present(lapic) || lapic == m->except)
		return false;
	if (m->destination == m->broadcast)
		return true;
	return lapic_in_x2apic(lapic) ? matches_x2apic(lapic, m) : matches_xapic(lapic, m);
}

static bool deliver_to(struct lapic *lapic, const struct lapic_message *m)
{
	switch (m->mode) {
	case APIC_DM_FIXED:
	case APIC_DM_LOWEST:
		/* Vectors below 16 are illegal. */
		if (!lapic_enabled(lapic) || m->vector < 16)
			return false;
		lapic_accept(lapic, m->vector, m->level);
		return true;
	case APIC_DM_NMI:
		interrupt_request(lapic->vcpu, REQUEST_NMI);
		return true;
	case APIC_DM_INIT:
		/* What was to start it is void. */
		clear_bit(REQUEST_SIPI, &lapic->vcpu->requests);
		interrupt_request(lapic->vcpu, REQUEST_INIT);
		return true;
	case APIC_DM_STARTUP:
		WRITE_ONCE(lapic->sipi_vector, m->vector);
		/* Whoever sees the request sees the vector. */
		smp_wmb();
		interrupt_request(lapic->vcpu, REQUEST_SIPI);
		return true;
	}
	/* SMI: there is no SMM. ExtINT: there is no PIC. */
	return false;
}

static bool deliver_lowest(struct vm *vm, const struct lapic_message *m)
{
	struct lapic *best = NULL;
	struct vcpu *vcpu;
	unsigned long id;

	xa_for_each(&vm->vcpus, id, vcpu)
		if (matches(vcpu->lapic, m) && lapic_enabled(vcpu->lapic) &&
		    (!best || lapic_priority(vcpu->lapic) < lapic_priority(best)))
			best = vcpu->lapic;
	return best && deliver_to(best, m);
}

/**
 * lapic_deliver() - deliver a message
 * @vm: to whose vCPUs; it has local APICs
 * @m: the message
 *
 * Context: process context.
 * Return: true if somebody has accepted it.
 */
bool lapic_deliver(struct vm *vm, const struct lapic_message *m)
{
	bool to_all = !m->logical && m->destination == m->broadcast;
	bool accepted = false;
	struct vcpu *vcpu;
	unsigned long id;

	/*
	 * SDM vol. 3, "Lowest Priority Delivery Mode": not with a physical broadcast. It is fixed
	 * then, as with KVM.
	 */
	if (m->mode == APIC_DM_LOWEST && !to_all)
		return deliver_lowest(vm, m);
	xa_for_each(&vm->vcpus, id, vcpu)
		if (matches(vcpu->lapic, m))
			accepted |= deliver_to(vcpu->lapic, m);
	return accepted;
}

/**
 * lapic_send_ipi() - the guest has written the interrupt command register
 * @lapic: whose
 * @low: its low half
 * @high: its high half: the destination
 *
 * Context: process context; the vCPU is not loaded.
 */
void lapic_send_ipi(struct lapic *lapic, u32 low, u32 high)
{
	bool x2apic = lapic_in_x2apic(lapic);
	struct lapic_message m = {
		.destination = x2apic ? high : GET_XAPIC_DEST_FIELD(high),
		.logical = low & APIC_DEST_LOGICAL,
		.broadcast = x2apic ? U32_MAX : 0xff,
		.mode = low & APIC_DM_FIXED_MASK,
		.vector = low,
		/* The level is that of an INIT that ends, which no CPU does any more. */
		.level = false,
	};

	if (m.mode == APIC_DM_INIT && low & APIC_INT_LEVELTRIG && !(low & APIC_INT_ASSERT))
		return;
	switch (low & APIC_DEST_ALLBUT) {
	case APIC_DEST_SELF:
		deliver_to(lapic, &m);
		return;
	case APIC_DEST_ALLBUT:
		m.except = lapic;
		fallthrough;
	case APIC_DEST_ALLINC:
		/* Whatever the destination says; if only one is to have it, one of them. */
		m.destination = m.broadcast;
		m.logical = true;
	}
	lapic_deliver(lapic->vcpu->vm, &m);
}

/*
 * At once: a SIPI that comes later may be that of another INIT, which comes before it. What is
 * neither INIT nor SIPI stays.
 */
static unsigned long take_requests(struct vcpu *vcpu)
{
	unsigned long requests = READ_ONCE(vcpu->requests);

	while (!try_cmpxchg(&vcpu->requests, &requests, requests & ~INIT_OR_SIPI))
		;
	return requests & INIT_OR_SIPI;
}

/*
 * VMX is not to be had. Nothing has been begun, so KVM_RUN may be called again. An INIT that has
 * come meanwhile has made @requests void.
 */
static int not_taken(struct vcpu *vcpu, unsigned long requests, int error)
{
	unsigned long now = READ_ONCE(vcpu->requests);

	while (!(now & BIT(REQUEST_INIT)) &&
	       !try_cmpxchg(&vcpu->requests, &now, now | requests))
		;
	if (vcpu->task)
		vcpu->run_error = 0;
	return error;
}

/**
 * lapic_accept_requests() - the vCPU takes INIT and SIPI that have been sent to it
 * @vcpu: the vCPU, not loaded
 *
 * SDM vol. 3, "MP Initialization Protocol Algorithm for MP Systems": SIPI starts a
 * processor only after INIT; the bootstrap processor goes through its reset vector.
 *
 * Return: 0, or an error of vcpu_vmcs_get(), and what was sent still is to be taken.
 */
int lapic_accept_requests(struct vcpu *vcpu)
{
	unsigned long requests;
	int ret;

	if (!(READ_ONCE(vcpu->requests) & INIT_OR_SIPI))
		return 0;
	requests = take_requests(vcpu);
	if (requests & BIT(REQUEST_INIT)) {
		ret = vcpu_init(vcpu);
		if (ret)
			return not_taken(vcpu, requests, ret);
		vcpu->mp_state = vcpu_is_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE :
						     KVM_MP_STATE_INIT_RECEIVED;
	}
	if (requests & BIT(REQUEST_SIPI) && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		ret = vcpu_startup(vcpu, READ_ONCE(vcpu->lapic->sipi_vector));
		if (ret)
			return not_taken(vcpu, BIT(REQUEST_SIPI), ret);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	}
	return 0;
}

/** lapic_wakes() - is there something that ends the vCPU's sleep? */
bool lapic_wakes(struct vcpu *vcpu)
{
	unsigned long requests = READ_ONCE(vcpu->requests);

	switch (vcpu->mp_state) {
	case KVM_MP_STATE_UNINITIALIZED:
		return requests & BIT(REQUEST_INIT);
	case KVM_MP_STATE_INIT_RECEIVED:
		return requests & INIT_OR_SIPI;
	default:
		return interrupt_ends_halt(vcpu);
	}
}

void lapic_set_sipi_vector(struct vcpu *vcpu, u32 vector)
{
	WRITE_ONCE(vcpu->lapic->sipi_vector, vector);
}
