// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one shot, periodic, or to a TSC deadline.
 *
 * It counts nanoseconds, divided as the guest says: a bus of 1 GHz, as KVM's.
 *
 * SDM vol. 3, "APIC Timer".
 */
#include <linux/ktime.h>
#include <linux/math64.h>

#include "compat.h"
#include "lapic.h"

/* A guest that asks for a shorter period would have the host do little else. */
#define PERIOD_MIN	(200 * NSEC_PER_USEC)

/* SDM vol. 3, figure "Divide Configuration Register": bits 3, 1 and 0; 111 is 1. */
static unsigned int divisor(const struct lapic *lapic)
{
	u32 tdcr = lapic_get(lapic, APIC_TDCR);

	return 1u << (((tdcr & 3) + ((tdcr & 8) >> 1) + 1) & 7);
}

static u64 count_to_ns(const struct lapic *lapic, u32 count)
{
	return (u64)count * divisor(lapic);
}

/* By the TSC, which is a clock of its own: timers go by one that is corrected now and then. */
static u64 ns_to_deadline(const struct lapic *lapic)
{
	s64 ticks = lapic->host_deadline - tsc_host();

	return ticks > 0 ? mul_u64_u32_div(ticks, NSEC_PER_MSEC, tsc_khz) + 1 : 0;
}

static enum hrtimer_restart timer_ends(struct hrtimer *timer)
{
	struct lapic *lapic = container_of(timer, struct lapic, timer);
	u32 entry = lapic_get(lapic, APIC_LVTT);
	u64 left;

	if (lapic_timer_mode(lapic) == APIC_LVT_TIMER_TSCDEADLINE) {
		left = ns_to_deadline(lapic);
		if (left) {
			hrtimer_set_expires(timer, ktime_add_ns(ktime_get(), left));
			return HRTIMER_RESTART;
		}
	}
	/* Vectors below 16 are illegal. */
	if (!(entry & APIC_LVT_MASKED) && lapic_enabled(lapic) && (u8)entry >= 16)
		lapic_accept(lapic, entry, false);
	if (!lapic->period) {
		WRITE_ONCE(lapic->expired, true);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, ns_to_ktime(lapic->period));
	return HRTIMER_RESTART;
}

void lapic_timer_init(struct lapic *lapic)
{
	compat_hrtimer_setup(&lapic->timer, timer_ends, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
}

/** lapic_timer_stop() - and wait for its end, if that is happening now */
void lapic_timer_stop(struct lapic *lapic)
{
	hrtimer_cancel(&lapic->timer);
	lapic->period = 0;
	WRITE_ONCE(lapic->expired, false);
}

static void start_in(struct lapic *lapic, u64 ns)
{
	hrtimer_start(&lapic->timer, ktime_add_safe(ktime_get(), ns_to_ktime(ns)),
		      HRTIMER_MODE_ABS_HARD);
}

/* A deadline that is further away is as good as this one; in ticks it is to fit into 64 bits. */
#define DEADLINE_SECONDS	(90ull * 24 * 3600)

static void start_deadline(struct lapic *lapic)
{
	u64 now = tsc_guest(lapic->vcpu), khz = lapic->vcpu->tsc_khz, ticks = 0;

	if (!lapic->tsc_deadline)
		return;
	if (lapic->tsc_deadline > now)
		ticks = min(lapic->tsc_deadline - now, khz * MSEC_PER_SEC * DEADLINE_SECONDS);
	lapic->host_deadline = tsc_host() + tsc_host_ticks(lapic->vcpu, ticks);
	start_in(lapic, ns_to_deadline(lapic));
}

/**
 * lapic_timer_start() - from what the registers say
 * @lapic: the local APIC; the timer is stopped
 *
 * It goes on from the current count. When that is 0 a one-shot timer has ended, and
 * a periodic one begins its next period.
 *
 * Context: the vCPU's mutex is held.
 */
void lapic_timer_start(struct lapic *lapic)
{
	u64 period = count_to_ns(lapic, lapic_get(lapic, APIC_TMICT));
	u64 left = count_to_ns(lapic, lapic_get(lapic, APIC_TMCCT));

	switch (lapic_timer_mode(lapic)) {
	case APIC_LVT_TIMER_ONESHOT:
		if (left)
			start_in(lapic, min(left, period));
		break;
	case APIC_LVT_TIMER_PERIODIC:
		if (!period)
			break;
		lapic->period = max_t(u64, period, PERIOD_MIN);
		start_in(lapic, left ? clamp_t(u64, left, PERIOD_MIN, lapic->period) :
				       lapic->period);
		break;
	case APIC_LVT_TIMER_TSCDEADLINE:
		start_deadline(lapic);
		break;
	}
}

/* The steps from now to the timer's end. One at least: its interrupt is still to come. */
static u32 steps_left(struct lapic *lapic)
{
	s64 left = ktime_to_ns(hrtimer_get_remaining(&lapic->timer));

	return left > 0 ? clamp_t(u64, div_u64(left, divisor(lapic)), 1, U32_MAX) : 1;
}

/** lapic_timer_count() - the current-count register: what is left until the timer ends, 0 then */
u32 lapic_timer_count(struct lapic *lapic)
{
	if (lapic_timer_mode(lapic) == APIC_LVT_TIMER_TSCDEADLINE || !hrtimer_active(&lapic->timer))
		return 0;
	return steps_left(lapic);
}

/**
 * lapic_timer_divide() - the guest writes the divide configuration register
 * @lapic: the local APIC
 * @tdcr: the value
 *
 * A timer that runs has as many steps left as before.
 */
void lapic_timer_divide(struct lapic *lapic, u32 tdcr)
{
	bool runs = lapic_timer_mode(lapic) != APIC_LVT_TIMER_TSCDEADLINE &&
		    hrtimer_cancel(&lapic->timer);

	if (runs)
		lapic_put(lapic, APIC_TMCCT, steps_left(lapic));
	lapic_put(lapic, APIC_TDCR, tdcr);
	if (runs)
		lapic_timer_start(lapic);
}

/* IA32_TSC_DEADLINE: without such a timer it reads as 0, and writes get lost. */

static bool has_deadline(const struct vcpu *vcpu)
{
	return vcpu->lapic && lapic_timer_mode(vcpu->lapic) == APIC_LVT_TIMER_TSCDEADLINE;
}

/**
 * lapic_timer_tsc_changed() - the guest's TSC goes on from another value, or at another pace
 * @vcpu: the vCPU
 *
 * A deadline that it has is another moment now.
 *
 * Context: the vCPU's mutex is held; loaded or not.
 */
void lapic_timer_tsc_changed(struct vcpu *vcpu)
{
	if (!has_deadline(vcpu))
		return;
	hrtimer_cancel(&vcpu->lapic->timer);
	if (!READ_ONCE(vcpu->lapic->expired))
		start_deadline(vcpu->lapic);
}

/**
 * lapic_timer_settle() - KVM_RUN ends: a deadline that has come is none any more
 * @lapic: the local APIC
 *
 * One that comes when the vCPU does not run stays until here. A client that has read the
 * registers before it came, and writes them back or takes them elsewhere, finds it, and the
 * interrupt comes again; if it was there already, it is the same one.
 */
void lapic_timer_settle(struct lapic *lapic)
{
	/* The guest may have had the interrupt before the callback has come to its end. */
	if (lapic->tsc_deadline && !hrtimer_is_queued(&lapic->timer))
		hrtimer_cancel(&lapic->timer);
	if (READ_ONCE(lapic->expired))
		lapic->tsc_deadline = 0;
}

static enum msr_result get_deadline(struct msr_access *a)
{
	const struct lapic *lapic = a->vcpu->lapic;

	a->data = 0;
	if (has_deadline(a->vcpu) && (a->host || !READ_ONCE(lapic->expired)))
		a->data = lapic->tsc_deadline;
	return MSR_OK;
}

static enum msr_result set_deadline(struct msr_access *a)
{
	struct lapic *lapic = a->vcpu->lapic;

	if (!has_deadline(a->vcpu))
		return MSR_OK;
	lapic_timer_stop(lapic);
	lapic->tsc_deadline = a->data;
	start_deadline(lapic);
	return MSR_OK;
}

const struct msr_ops msr_tsc_deadline_ops = { .get = get_deadline, .set = set_deadline };
