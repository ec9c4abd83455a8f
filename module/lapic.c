// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC: its state, and which interrupt is next.
 *
 * There is neither an I/O APIC nor a PIC behind it: interrupts come from other
 * vCPUs (lapic_ipi.c), from its timer (lapic_timer.c), and from the client as
 * messages (irq_route.c). APICv is not used: each access of the guest exits.
 *
 * SDM vol. 3, chapter "Advanced Programmable Interrupt Controller (APIC)".
 */
#include <linux/bitops.h>
#include <linux/slab.h>

#include "compat.h"
#include "interrupt.h"
#include "kick.h"
#include "lapic.h"

/* An integrated APIC with six LVT entries; none for CMCI. */
#define VERSION	(0x14 | (6 - 1) << 16)

#define VECTORS	256

/* ISR, IRR and TMR: 32 vectors each 16 bytes. */
static unsigned long *vector_word(const struct lapic *lapic, unsigned int reg, u8 vector)
{
	return (unsigned long *)lapic_reg(lapic, reg + vector / 32 * 0x10);
}

static int highest_vector(const struct lapic *lapic, unsigned int reg)
{
	int i;
	u32 word;

	for (i = VECTORS / 32 - 1; i >= 0; i--) {
		word = lapic_get(lapic, reg + i * 0x10);
		if (word)
			return i * 32 + __fls(word);
	}
	return -1;
}

/**
 * lapic_priority() - the processor-priority register
 * @lapic: the local APIC
 *
 * SDM vol. 3, "Task and Processor Priorities": the higher of the task's priority
 * and that of the interrupt in service.
 */
u8 lapic_priority(const struct lapic *lapic)
{
	u8 tpr = lapic_get(lapic, APIC_TASKPRI);
	int in_service = highest_vector(lapic, APIC_ISR);

	return in_service >= 0 && in_service >> 4 >= tpr >> 4 ? in_service & 0xf0 : tpr;
}

/** lapic_present() - has IA32_APIC_BASE not switched it off? Without one no message comes. */
bool lapic_present(const struct lapic *lapic)
{
	return READ_ONCE(lapic->vcpu->msrs[MSR_SLOT_APIC_BASE]) & MSR_IA32_APICBASE_ENABLE;
}

/** lapic_enabled() - does it accept interrupts? In the spurious-interrupt vector register, too. */
bool lapic_enabled(const struct lapic *lapic)
{
	return lapic_present(lapic) && lapic_get(lapic, APIC_SPIV) & APIC_SPIV_APIC_ENABLED;
}

/**
 * lapic_find_interrupt() - see lapic_has_interrupt()
 * @lapic: the local APIC
 *
 * Vectors below 16, which only a client can have put there, never have priority. What
 * was accepted is delivered, even if the APIC has been disabled by software since: SDM
 * vol. 3, "Local APIC State After It Has Been Software Disabled".
 */
bool lapic_find_interrupt(const struct lapic *lapic)
{
	int vector = highest_vector(lapic, APIC_IRR);

	return vector >= 0 && lapic_present(lapic) &&
	       vector >> 4 > lapic_priority(lapic) >> 4;
}

/**
 * lapic_take_interrupt() - the guest takes the next interrupt
 * @vcpu: the vCPU; lapic_has_interrupt() is true
 *
 * Return: the vector; it is in service from now on.
 */
u8 lapic_take_interrupt(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;
	u8 vector = highest_vector(lapic, APIC_IRR);

	clear_bit(vector % 32, vector_word(lapic, APIC_IRR, vector));
	__set_bit(vector % 32, vector_word(lapic, APIC_ISR, vector));
	return vector;
}

/** lapic_eoi() - the guest is done with the interrupt of the highest priority in service */
void lapic_eoi(struct lapic *lapic)
{
	int vector = highest_vector(lapic, APIC_ISR);

	if (vector >= 0)
		__clear_bit(vector % 32, vector_word(lapic, APIC_ISR, vector));
}

/**
 * lapic_accept() - an interrupt has arrived
 * @lapic: where
 * @vector: 16 to 255
 * @level: level-triggered
 *
 * Context: any.
 */
void lapic_accept(struct lapic *lapic, u8 vector, bool level)
{
	if (level)
		set_bit(vector % 32, vector_word(lapic, APIC_TMR, vector));
	else
		clear_bit(vector % 32, vector_word(lapic, APIC_TMR, vector));
	set_bit(vector % 32, vector_word(lapic, APIC_IRR, vector));
	kick_vcpu(lapic->vcpu);
}

/** lapic_tpr() - the task-priority register */
u8 lapic_tpr(const struct vcpu *vcpu)
{
	return lapic_get(vcpu->lapic, APIC_TASKPRI);
}

/** lapic_set_tpr() - the guest or the client sets the task priority */
void lapic_set_tpr(struct vcpu *vcpu, u8 tpr)
{
	lapic_put(vcpu->lapic, APIC_TASKPRI, tpr);
}

/* In x2APIC mode the logical id follows from the id. */
static void set_id(struct lapic *lapic)
{
	u32 id = lapic->vcpu->id;

	if (lapic_in_x2apic(lapic)) {
		lapic_put(lapic, APIC_ID, id);
		lapic_put(lapic, APIC_LDR, lapic_x2apic_ldr(id));
	} else {
		lapic_put(lapic, APIC_ID, SET_XAPIC_DEST_FIELD(id));
	}
}

/**
 * lapic_reset() - after power-up, or INIT
 * @vcpu: a vCPU with a local APIC
 * @init: it is INIT, which leaves an id alone that the guest has chosen
 *
 * SDM vol. 3, "Local APIC State After Power-Up or Reset" and "Local APIC State After an
 * INIT Reset". IA32_APIC_BASE, and with it the mode, is not the APIC's to reset.
 */
void lapic_reset(struct vcpu *vcpu, bool init)
{
	struct lapic *lapic = vcpu->lapic;
	unsigned int reg, lvt;

	lapic_timer_stop(lapic);
	lapic->tsc_deadline = 0;
	/* Others look at the id meanwhile, to see where their SIPI is to go. */
	for (reg = 0; reg < LAPIC_REGS_SIZE; reg += sizeof(u32))
		if (reg != APIC_ID)
			lapic_put(lapic, reg, 0);
	lapic_put(lapic, APIC_LVR, VERSION);
	lapic_put(lapic, APIC_DFR, APIC_DFR_FLAT);
	lapic_put(lapic, APIC_SPIV, 0xff);
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 0x10)
		lapic_put(lapic, lvt, APIC_LVT_MASKED);
	if (!init || lapic_in_x2apic(lapic))
		set_id(lapic);
}

/**
 * lapic_base_changed() - IA32_APIC_BASE has another value
 * @vcpu: the vCPU
 * @old: the value before
 *
 * SDM vol. 3, "x2APIC State Transitions": an APIC that is switched off forgets
 * all but its id, one that changes its mode has its id in another form.
 */
void lapic_base_changed(struct vcpu *vcpu, u64 old)
{
	u64 changed = old ^ vcpu->msrs[MSR_SLOT_APIC_BASE];

	if (!vcpu->lapic)
		return;
	if (changed & old & MSR_IA32_APICBASE_ENABLE)
		lapic_reset(vcpu, false);
	else if (changed & X2APIC_ENABLE)
		set_id(vcpu->lapic);
}

/**
 * lapic_get_state() - KVM_GET_LAPIC
 * @vcpu: a vCPU with a local APIC
 * @state: as in the KVM API; the id is where xAPIC mode has it, in x2APIC mode, too
 */
void lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	struct lapic *lapic = vcpu->lapic;

	lapic_put(lapic, APIC_TMCCT, lapic_timer_count(lapic));
	lapic_put(lapic, APIC_PROCPRI, lapic_priority(lapic));
	memcpy(state->regs, lapic->regs, LAPIC_REGS_SIZE);
	if (lapic_in_x2apic(lapic))
		*(u32 *)(state->regs + APIC_ID) = SET_XAPIC_DEST_FIELD(vcpu->id);
}

/**
 * lapic_set_state() - KVM_SET_LAPIC
 * @vcpu: a vCPU with a local APIC
 * @state: as in the KVM API; what no register can hold is dropped, and in x2APIC mode the id
 *
 * The timer goes on from the current count, or to the deadline that it has.
 */
void lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *state)
{
	struct lapic *lapic = vcpu->lapic;
	u32 mode = lapic_timer_mode(lapic);

	lapic_timer_stop(lapic);
	memcpy(lapic->regs, state->regs, LAPIC_REGS_SIZE);
	lapic_put(lapic, APIC_LVR, VERSION);
	lapic_sanitize(lapic);
	if (lapic_in_x2apic(lapic))
		set_id(lapic);
	if (lapic_timer_mode(lapic) != mode)
		lapic->tsc_deadline = 0;
	lapic_timer_start(lapic);
}

/**
 * lapic_create() - give a new vCPU a local APIC
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int lapic_create(struct vcpu *vcpu)
{
	struct lapic *lapic = kzalloc(sizeof(*lapic), GFP_KERNEL_ACCOUNT);

	if (!lapic)
		return -ENOMEM;
	lapic->regs = kzalloc(LAPIC_REGS_SIZE, GFP_KERNEL_ACCOUNT);
	if (!lapic->regs) {
		kfree(lapic);
		return -ENOMEM;
	}
	lapic->vcpu = vcpu;
	lapic_timer_init(lapic);
	vcpu->lapic = lapic;
	return 0;
}

/** lapic_free() - at the vCPU's end */
void lapic_free(struct vcpu *vcpu)
{
	if (!vcpu->lapic)
		return;
	lapic_timer_stop(vcpu->lapic);
	kfree(vcpu->lapic->regs);
	kfree(vcpu->lapic);
}
