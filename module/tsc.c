// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's time-stamp counter: (host TSC * multiplier) + offset.
 *
 * The CPU computes it while the guest runs; the multiplier is 1 where the CPU
 * has no TSC scaling. SDM vol. 3, "Time-Stamp Counter Offset and Multiplier".
 *
 * Suspend to RAM sets the host's TSC back to 0 on many machines, which no guest is
 * to see. So vcpu->tsc_offset is to be added to a TSC that goes on from where it was:
 * the host's, and what that has lost.
 */
#include <linux/math64.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "compat.h"
#include "lapic.h"
#include "msr.h"
#include "vcpu.h"
#include "vmx_caps.h"

/* Fixed point: the multiplier has 48 bits behind the point. */
#define FRACTION_BITS	48
#define ONE		BIT_ULL(FRACTION_BITS)

/* KVM's: this close, in parts per million, is the same frequency. */
#define TOLERANCE_PPM	250

/** tsc_can_scale() - can a guest's TSC have another frequency than the host's? */
bool tsc_can_scale(void)
{
	return tsc_khz && vmx_controls.proc2 & SECONDARY_EXEC_TSC_SCALING;
}

static u64 scale(const struct vcpu *vcpu, u64 host_tsc)
{
	return vcpu->tsc_multiplier == ONE ? host_tsc :
	       mul_u64_u64_shr(host_tsc, vcpu->tsc_multiplier, FRACTION_BITS);
}

/* What the host's TSC has lost in suspends; changes only while everything else stands still. */
static u64 lost;
static u64 at_suspend;

static int host_suspends(COMPAT_SYSCORE_ARG)
{
	at_suspend = rdtsc();
	return 0;
}

/* No VMCS is active now; vcpu_load_vmcs() has each get its new offset. */
static void host_resumes(COMPAT_SYSCORE_ARG)
{
	u64 now = rdtsc();

	if (now < at_suspend)
		lost += at_suspend - now;
}

static COMPAT_SYSCORE(syscore, host_suspends, host_resumes);

/** tsc_init() - at load */
void __init tsc_init(void)
{
	compat_register_syscore(&syscore);
}

/** tsc_exit() - at unload */
void tsc_exit(void)
{
	compat_unregister_syscore(&syscore);
}

/** tsc_host() - what the host's TSC says now, and would if it had not been suspended */
u64 tsc_host(void)
{
	return rdtsc() + lost;
}

/* The offset to the host's TSC as it is: the VMCS's, and the one that clients know. */
static u64 true_offset(const struct vcpu *vcpu)
{
	return vcpu->tsc_offset + scale(vcpu, lost);
}

/** tsc_guest() - what the guest's TSC says now */
u64 tsc_guest(const struct vcpu *vcpu)
{
	return scale(vcpu, tsc_host()) + vcpu->tsc_offset;
}

/**
 * tsc_host_ticks() - how long the guest's TSC takes, in ticks of the host's
 * @vcpu: whose
 * @ticks: for so many of its own; less than a century's
 */
u64 tsc_host_ticks(const struct vcpu *vcpu, u64 ticks)
{
	return vcpu->tsc_multiplier == ONE ? ticks :
	       mul_u64_u32_div(ticks, tsc_khz, vcpu->tsc_khz) + 1;
}

/* For this vCPU alone: vm->tsc does not learn of it. */
static void set_offset(struct vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	if (vcpu->loaded)
		vmwrite64(TSC_OFFSET, true_offset(vcpu));
	else
		vcpu->dirty |= DIRTY_TSC;
	lapic_timer_tsc_changed(vcpu);
}

/**
 * tsc_write() - offset and multiplier to the VMCS
 * @vcpu: the vCPU
 *
 * Context: the VMCS is current, preemption disabled.
 */
void tsc_write(struct vcpu *vcpu)
{
	vmwrite64(TSC_OFFSET, true_offset(vcpu));
	if (tsc_can_scale())
		vmwrite64(TSC_MULTIPLIER, vcpu->tsc_multiplier);
}

/*
 * Does the client mean what another vCPU's TSC says now? It writes the same
 * value to all of them, or what it computed from the time that passed, one after
 * the other. A second's difference to what it wrote last is taken for the time that
 * this took; 0 is what a vCPU that is plugged in gets.
 */
static bool means_the_same(const struct vcpu *vcpu, const struct tsc_sync *last,
			   u64 host_tsc, u64 value)
{
	u64 second = 1000ull * vcpu->tsc_khz, expected;

	if (last->khz != vcpu->tsc_khz)
		return false;
	expected = last->value + scale(vcpu, host_tsc - last->host_tsc);
	return !value || (value < expected + second && value + second > expected);
}

/*
 * The client sets a vCPU's TSC, or creates the vCPU (0). vCPUs that are meant to
 * have the same get the same offset: to the guest their TSCs are one.
 */
static void synchronize(struct vcpu *vcpu, u64 value)
{
	struct tsc_sync *last = &vcpu->vm->tsc;
	u64 host_tsc, offset;

	spin_lock(&last->lock);
	host_tsc = tsc_host();
	offset = means_the_same(vcpu, last, host_tsc, value) ?
		 last->offset : value - scale(vcpu, host_tsc);
	last->khz = vcpu->tsc_khz;
	last->host_tsc = host_tsc;
	last->value = value ?: scale(vcpu, host_tsc) + offset;
	last->offset = offset;
	spin_unlock(&last->lock);
	set_offset(vcpu, offset);
}

/* The client knows the offset, and means it for the VM: a vCPU that is plugged in gets it, too. */
static void set_client_offset(struct vcpu *vcpu, u64 offset)
{
	struct tsc_sync *last = &vcpu->vm->tsc;

	spin_lock(&last->lock);
	last->khz = vcpu->tsc_khz;
	last->host_tsc = tsc_host();
	last->value = scale(vcpu, last->host_tsc) + offset;
	last->offset = offset;
	spin_unlock(&last->lock);
	set_offset(vcpu, offset);
}

/**
 * tsc_reset() - a new vCPU's TSC: the VM's, near 0 if it is the first
 * @vcpu: the vCPU
 */
void tsc_reset(struct vcpu *vcpu)
{
	vcpu->tsc_multiplier = ONE;
	/* Cannot fail: the VM's was found possible before. */
	tsc_set_khz(vcpu, READ_ONCE(vcpu->vm->tsc_khz));
	synchronize(vcpu, 0);
}

/**
 * tsc_khz_possible() - can a guest have this frequency?
 * @khz: in kHz
 */
bool tsc_khz_possible(unsigned long khz)
{
	u32 tolerance = div_u64((u64)tsc_khz * TOLERANCE_PPM, 1000000);

	/* KVM_GET_TSC_KHZ returns it as an int. */
	if (!khz || khz > INT_MAX)
		return false;
	if (tsc_can_scale())
		return khz >> 16 <= tsc_khz;
	return khz >= tsc_khz - tolerance && khz <= tsc_khz + tolerance;
}

/**
 * tsc_set_khz() - KVM_SET_TSC_KHZ: the offset stays, so vCPUs that had one TSC will have one
 * @vcpu: the vCPU, not loaded
 * @khz: in kHz; 0 for the host's
 *
 * Return: 0, or -EINVAL if the CPU cannot scale that far.
 */
int tsc_set_khz(struct vcpu *vcpu, unsigned long khz)
{
	u64 offset = true_offset(vcpu);

	khz = khz ?: tsc_khz;
	if (!tsc_khz_possible(khz))
		return -EINVAL;
	vcpu->tsc_khz = khz;
	vcpu->tsc_multiplier = tsc_can_scale() && khz != tsc_khz ?
			       mul_u64_u32_div(ONE, khz, tsc_khz) : ONE;
	set_offset(vcpu, offset - scale(vcpu, lost));
	return 0;
}

/**
 * tsc_device_attr() - KVM_SET, GET and HAS_DEVICE_ATTR on a vCPU
 * @vcpu: the vCPU
 * @cmd: which of the three
 * @attr: group KVM_VCPU_TSC_CTRL, attribute KVM_VCPU_TSC_OFFSET: what is added
 *	to the (scaled) host TSC, a u64 at @attr->addr
 *
 * Return: 0, -ENXIO for another attribute, -EFAULT.
 */
int tsc_device_attr(struct vcpu *vcpu, unsigned int cmd, const struct kvm_device_attr *attr)
{
	u64 __user *user = (u64 __user *)attr->addr;
	u64 offset;

	if (attr->group != KVM_VCPU_TSC_CTRL || attr->attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	switch (cmd) {
	case KVM_GET_DEVICE_ATTR:
		return put_user(true_offset(vcpu), user);
	case KVM_SET_DEVICE_ATTR:
		if (get_user(offset, user))
			return -EFAULT;
		set_client_offset(vcpu, offset - scale(vcpu, lost));
		return 0;
	default:
		return 0;
	}
}

/* IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST: one offset behind both. */

static u64 *tsc_adjust(struct msr_access *a)
{
	return &a->vcpu->msrs[MSR_SLOT_TSC_ADJUST];
}

static enum msr_result get_tsc(struct msr_access *a)
{
	a->data = tsc_guest(a->vcpu);
	return MSR_OK;
}

/* A guest that writes the TSC moves TSC_ADJUST by as much. */
static enum msr_result set_tsc(struct msr_access *a)
{
	u64 offset;

	if (a->host) {
		synchronize(a->vcpu, a->data);
		return MSR_OK;
	}
	offset = a->data - scale(a->vcpu, tsc_host());
	*tsc_adjust(a) += offset - a->vcpu->tsc_offset;
	set_offset(a->vcpu, offset);
	return MSR_OK;
}

const struct msr_ops msr_tsc_ops = { .get = get_tsc, .set = set_tsc };

static enum msr_result get_tsc_adjust(struct msr_access *a)
{
	a->data = *tsc_adjust(a);
	return MSR_OK;
}

/* A client that writes TSC_ADJUST restores a value; the TSC it restores by itself. */
static enum msr_result set_tsc_adjust(struct msr_access *a)
{
	if (!a->host)
		set_offset(a->vcpu, a->vcpu->tsc_offset + a->data - *tsc_adjust(a));
	*tsc_adjust(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_tsc_adjust_ops = { .get = get_tsc_adjust, .set = set_tsc_adjust };
