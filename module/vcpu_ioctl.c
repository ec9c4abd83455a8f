// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls of a vCPU: from the client's structures to the functions that do it, and back. */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "caps.h"
#include "compat.h"
#include "fpu.h"
#include "interrupt.h"
#include "lapic.h"
#include "stats.h"
#include "vcpu.h"

/* Copies of the user's struct, once, in and out. */
#define GET_USER_STRUCT(var, arg)	(copy_from_user(&(var), arg, sizeof(var)) ? -EFAULT : 0)
#define PUT_USER_STRUCT(arg, var)	(copy_to_user(arg, &(var), sizeof(var)) ? -EFAULT : 0)

static int get_mp_state(struct vcpu *vcpu, struct kvm_mp_state *state)
{
	int ret = lapic_accept_requests(vcpu);

	state->mp_state = vcpu->mp_state;
	return ret;
}

static int set_mp_state(struct vcpu *vcpu, const struct kvm_mp_state *state)
{
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		/* What ends these comes by the local APIC. */
		if (!vcpu->lapic)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	vcpu->mp_state = state->mp_state;
	return 0;
}

static int get_lapic(struct vcpu *vcpu, struct kvm_lapic_state __user *user)
{
	struct kvm_lapic_state *state;
	int ret;

	if (!vcpu->lapic)
		return -EINVAL;
	state = kzalloc(sizeof(*state), GFP_KERNEL_ACCOUNT);
	if (!state)
		return -ENOMEM;
	lapic_get_state(vcpu, state);
	ret = PUT_USER_STRUCT(user, *state);
	kfree(state);
	return ret;
}

static int set_lapic(struct vcpu *vcpu, const struct kvm_lapic_state __user *user)
{
	struct kvm_lapic_state *state;

	if (!vcpu->lapic)
		return -EINVAL;
	state = memdup_user(user, sizeof(*state));
	if (IS_ERR(state))
		return PTR_ERR(state);
	lapic_set_state(vcpu, state);
	kfree(state);
	return 0;
}

static int set_signal_mask(struct vcpu *vcpu, const struct kvm_signal_mask __user *user)
{
	sigset_t sigset;
	u32 len;

	if (!user) {
		vcpu_set_sigmask(vcpu, NULL);
		return 0;
	}
	if (get_user(len, &user->len))
		return -EFAULT;
	if (len != sizeof(sigset))
		return -EINVAL;
	if (copy_from_user(&sigset, user->sigset, sizeof(sigset)))
		return -EFAULT;
	vcpu_set_sigmask(vcpu, &sigset);
	return 0;
}

/* Kernels are built to clear this union at each call: see vcpu_ioctl_locked(). */
static noinline long state_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_sregs2 sregs2;
		struct kvm_debugregs debugregs;
		struct kvm_fpu fpu;
		struct kvm_xcrs xcrs;
		struct kvm_mp_state mp_state;
		struct kvm_enable_cap cap;
		struct kvm_device_attr attr;
		struct kvm_vcpu_events events;
		struct kvm_interrupt interrupt;
		struct kvm_x86_mce mce;
		u64 mcg_cap;
	} u;
	int ret;

	switch (cmd) {
	case KVM_GET_REGS:
		memset(&u.regs, 0, sizeof(u.regs));
		vcpu_get_regs(vcpu, &u.regs);
		return PUT_USER_STRUCT(arg, u.regs);
	case KVM_SET_REGS:
		ret = GET_USER_STRUCT(u.regs, arg);
		if (!ret)
			vcpu_set_regs(vcpu, &u.regs);
		return ret;
	case KVM_GET_SREGS:
		ret = vcpu_get_sregs(vcpu, &u.sregs);
		return ret ?: PUT_USER_STRUCT(arg, u.sregs);
	case KVM_SET_SREGS:
		ret = GET_USER_STRUCT(u.sregs, arg);
		return ret ?: vcpu_set_sregs(vcpu, &u.sregs);
	case KVM_GET_MP_STATE:
		ret = get_mp_state(vcpu, &u.mp_state);
		return ret ?: PUT_USER_STRUCT(arg, u.mp_state);
	case KVM_SET_MP_STATE:
		ret = GET_USER_STRUCT(u.mp_state, arg);
		return ret ?: set_mp_state(vcpu, &u.mp_state);
	case KVM_GET_VCPU_EVENTS:
		vcpu_get_events(vcpu, &u.events);
		return PUT_USER_STRUCT(arg, u.events);
	case KVM_SET_VCPU_EVENTS:
		ret = GET_USER_STRUCT(u.events, arg);
		return ret ?: vcpu_set_events(vcpu, &u.events);
	case KVM_INTERRUPT:
		ret = GET_USER_STRUCT(u.interrupt, arg);
		return ret ?: interrupt_set(vcpu, u.interrupt.irq);
	case KVM_NMI:
		interrupt_add_nmi(vcpu);
		return 0;
	case KVM_GET_LAPIC:
		return get_lapic(vcpu, arg);
	case KVM_SET_LAPIC:
		return set_lapic(vcpu, arg);
	case KVM_ENABLE_CAP:
		ret = GET_USER_STRUCT(u.cap, arg);
		return ret ?: vcpu_enable_cap(&u.cap);
	case KVM_SET_CPUID2:
		return cpuid_set(vcpu, arg);
	case KVM_GET_CPUID2:
		return cpuid_get(vcpu, arg);
	case KVM_SET_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		ret = GET_USER_STRUCT(u.attr, arg);
		return ret ?: tsc_device_attr(vcpu, cmd, &u.attr);
	case KVM_X86_SETUP_MCE:
		ret = GET_USER_STRUCT(u.mcg_cap, arg);
		return ret ?: mce_set_cap(vcpu, u.mcg_cap);
	case KVM_X86_SET_MCE:
		ret = GET_USER_STRUCT(u.mce, arg);
		return ret ?: mce_set_error(vcpu, &u.mce);
	case KVM_GET_TSC_KHZ:
		return vcpu->tsc_khz;
	case KVM_SET_TSC_KHZ:
		return tsc_set_khz(vcpu, (unsigned long)arg);
	case KVM_GET_SREGS2:
		ret = vcpu_get_sregs2(vcpu, &u.sregs2);
		return ret ?: PUT_USER_STRUCT(arg, u.sregs2);
	case KVM_SET_SREGS2:
		ret = GET_USER_STRUCT(u.sregs2, arg);
		return ret ?: vcpu_set_sregs2(vcpu, &u.sregs2);
	case KVM_GET_DEBUGREGS:
		vcpu_get_debugregs(vcpu, &u.debugregs);
		return PUT_USER_STRUCT(arg, u.debugregs);
	case KVM_SET_DEBUGREGS:
		ret = GET_USER_STRUCT(u.debugregs, arg);
		return ret ?: vcpu_set_debugregs(vcpu, &u.debugregs);
	case KVM_GET_FPU:
		fpu_get(vcpu, &u.fpu);
		return PUT_USER_STRUCT(arg, u.fpu);
	case KVM_SET_FPU:
		ret = GET_USER_STRUCT(u.fpu, arg);
		if (!ret)
			fpu_set(vcpu, &u.fpu);
		return ret;
	case KVM_GET_XSAVE:
		return fpu_get_xsave(vcpu, arg, sizeof(struct kvm_xsave));
	case KVM_GET_XSAVE2:
		return fpu_get_xsave(vcpu, arg, fpu_image_size());
	case KVM_SET_XSAVE:
		return fpu_set_xsave(vcpu, arg);
	case KVM_GET_XCRS:
		ret = fpu_get_xcrs(vcpu, &u.xcrs);
		return ret ?: PUT_USER_STRUCT(arg, u.xcrs);
	case KVM_SET_XCRS:
		if (!cpuid_host_xcr0())
			return -ENOTTY;
		ret = GET_USER_STRUCT(u.xcrs, arg);
		return ret ?: fpu_set_xcrs(vcpu, &u.xcrs);
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, arg);
	default:
		return -ENOTTY;
	}
}

/* Those that come often do not pay for the others. */
static long vcpu_ioctl_locked(struct vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case KVM_RUN:
		return arg ? -EINVAL : vcpu_run(vcpu);
	case KVM_GET_MSRS:
		return msr_ioctl_get(vcpu, arg);
	case KVM_SET_MSRS:
		return msr_ioctl_set(vcpu, arg);
	default:
		return state_ioctl(vcpu, cmd, arg);
	}
}

/**
 * vcpu_ioctl() - an ioctl on a vCPU's file
 * @file: the vCPU's
 * @cmd: KVM_*
 * @arg: what it says
 *
 * Return: 0 or more, or an error; -ENOTTY for a request that it does not know.
 */
long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vcpu *vcpu = file->private_data;
	long ret;

	/* Guest memory is the memory of the process that made the VM. */
	if (vcpu->vm->mm != current->mm)
		return -EIO;
	/* An unknown request should not wait for a running guest. */
	if (_IOC_TYPE(cmd) != KVMIO)
		return -ENOTTY;
	/* Counters are there to look at while it runs. */
	if (cmd == KVM_GET_STATS_FD)
		return arg ? -EINVAL : stats_open_vcpu(vcpu);
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	ret = vcpu_ioctl_locked(vcpu, cmd, (void __user *)arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}
