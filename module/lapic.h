/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC of a vCPU, where the client wants the kernel to have it. */
#ifndef MINIHV_LAPIC_H
#define MINIHV_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/nospec.h>
#include <asm/apicdef.h>

#include "vcpu.h"

/* SDM vol. 3, table "Local APIC Register Address Map": this much of the page. */
#define LAPIC_REGS_SIZE	KVM_APIC_REG_SIZE

/**
 * struct lapic - a local APIC
 * @vcpu: whose
 * @regs: the registers, each at its offset in the page; bits of IRR and TMR are set
 *	by other threads, everything else is the vCPU thread's
 * @timer: its end is an interrupt
 * @period: of the timer in periodic mode, in ns
 * @tsc_deadline: IA32_TSC_DEADLINE; 0 when it is not armed
 * @host_deadline: the same moment by tsc_host()
 * @expired: a one-shot timer, or the deadline, has come; the guest reads 0 then
 * @sipi_vector: where the next SIPI sends the vCPU
 */
struct lapic {
	struct vcpu *vcpu;
	u8 *regs;
	struct hrtimer timer;
	u64 period;
	u64 tsc_deadline;
	u64 host_deadline;
	bool expired;
	u8 sipi_vector;
};

/**
 * struct lapic_message - an interrupt message: an IPI or an MSI
 * @destination: APIC id or logical destination
 * @logical: which of the two it is
 * @broadcast: the destination that means all of them, in the sender's mode
 * @except: who does not get it, or NULL
 * @mode: APIC_DM_*
 * @vector: the vector
 * @level: level-triggered
 */
struct lapic_message {
	u32 destination;
	bool logical;
	u32 broadcast;
	const struct lapic *except;
	u32 mode;
	u8 vector;
	bool level;
};

/* In the timer's entry of the local vector table. */
#define LAPIC_TIMER_MODE	(APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE)

/* lapic.c */
int lapic_create(struct vcpu *vcpu);
void lapic_free(struct vcpu *vcpu);
void lapic_reset(struct vcpu *vcpu, bool init);
bool lapic_present(const struct lapic *lapic);
bool lapic_enabled(const struct lapic *lapic);
u8 lapic_priority(const struct lapic *lapic);
void lapic_eoi(struct lapic *lapic);
void lapic_accept(struct lapic *lapic, u8 vector, bool level);
u8 lapic_take_interrupt(struct vcpu *vcpu);
bool lapic_find_interrupt(const struct lapic *lapic);
u8 lapic_tpr(const struct vcpu *vcpu);
void lapic_set_tpr(struct vcpu *vcpu, u8 tpr);
void lapic_base_changed(struct vcpu *vcpu, u64 old);
void lapic_get_state(struct vcpu *vcpu, struct kvm_lapic_state *state);
void lapic_set_state(struct vcpu *vcpu, const struct kvm_lapic_state *state);

/* lapic_access.c */
bool lapic_mmio(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len, bool write);
void lapic_sanitize(struct lapic *lapic);

/* lapic_timer.c */
void lapic_timer_init(struct lapic *lapic);
void lapic_timer_start(struct lapic *lapic);
void lapic_timer_stop(struct lapic *lapic);
void lapic_timer_divide(struct lapic *lapic, u32 tdcr);
u32 lapic_timer_count(struct lapic *lapic);
void lapic_timer_tsc_changed(struct vcpu *vcpu);
void lapic_timer_settle(struct lapic *lapic);

/* lapic_ipi.c */
void lapic_send_ipi(struct lapic *lapic, u32 low, u32 high);
bool lapic_deliver(struct vm *vm, const struct lapic_message *message);
int lapic_accept_requests(struct vcpu *vcpu);
bool lapic_wakes(struct vcpu *vcpu);
void lapic_set_sipi_vector(struct vcpu *vcpu, u32 vector);

/* An offset that the guest has chosen has been looked at; under speculation it is clamped. */
static inline u32 *lapic_reg(const struct lapic *lapic, unsigned int reg)
{
	if (!__builtin_constant_p(reg))
		reg = array_index_nospec(reg, LAPIC_REGS_SIZE);
	return (u32 *)(lapic->regs + reg);
}

static inline u32 lapic_get(const struct lapic *lapic, unsigned int reg)
{
	return READ_ONCE(*lapic_reg(lapic, reg));
}

static inline void lapic_put(struct lapic *lapic, unsigned int reg, u32 value)
{
	WRITE_ONCE(*lapic_reg(lapic, reg), value);
}

static inline bool lapic_in_x2apic(const struct lapic *lapic)
{
	return lapic->vcpu->msrs[MSR_SLOT_APIC_BASE] & X2APIC_ENABLE;
}

/** lapic_x2apic_ldr() - the logical id in x2APIC mode: a cluster, and a bit for each of its 16 */
static inline u32 lapic_x2apic_ldr(u32 id)
{
	return id >> 4 << 16 | BIT(id & 0xf);
}

/** lapic_timer_mode() - one of APIC_LVT_TIMER_*, or two of them at once, which is reserved */
static inline u32 lapic_timer_mode(const struct lapic *lapic)
{
	return lapic_get(lapic, APIC_LVTT) & LAPIC_TIMER_MODE;
}

/** lapic_has_interrupt() - is there one of a higher priority than what the guest does? */
static inline bool lapic_has_interrupt(const struct vcpu *vcpu)
{
	return vcpu->lapic && lapic_find_interrupt(vcpu->lapic);
}

#endif
