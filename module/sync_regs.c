// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_SYNC_REGS: registers that travel in struct kvm_run, to spare the client
 * the ioctls before and after KVM_RUN.
 */
#include <linux/string.h>

#include "compat.h"
#include "vcpu.h"

static bool is_dirty(struct vcpu *vcpu, u64 field)
{
	return READ_ONCE(vcpu->run->kvm_dirty_regs) & field;
}

static void taken(struct vcpu *vcpu, u64 field)
{
	vcpu->run->kvm_dirty_regs &= ~field;
}

/* The client can write to struct kvm_run at any time: what is checked is a copy. */
static noinline int take(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	union {
		struct kvm_regs regs;
		struct kvm_sregs sregs;
		struct kvm_vcpu_events events;
	} u;
	int ret;

	if (is_dirty(vcpu, KVM_SYNC_X86_REGS)) {
		u.regs = run->s.regs.regs;
		vcpu_set_regs(vcpu, &u.regs);
		taken(vcpu, KVM_SYNC_X86_REGS);
	}
	if (is_dirty(vcpu, KVM_SYNC_X86_SREGS)) {
		u.sregs = run->s.regs.sregs;
		ret = vcpu_set_sregs(vcpu, &u.sregs);
		if (ret)
			return ret;
		taken(vcpu, KVM_SYNC_X86_SREGS);
	}
	if (is_dirty(vcpu, KVM_SYNC_X86_EVENTS)) {
		u.events = run->s.regs.events;
		ret = vcpu_set_events(vcpu, &u.events);
		if (ret)
			return ret;
		taken(vcpu, KVM_SYNC_X86_EVENTS);
	}
	return 0;
}

/**
 * sync_regs_take() - take over what the client has changed, before the guest runs
 * @vcpu: the vCPU
 *
 * Return: 0; -EINVAL for fields that do not exist (nothing is taken), or if the
 * registers are not valid: theirs and the following fields stay dirty.
 */
int sync_regs_take(struct vcpu *vcpu)
{
	u64 dirty = READ_ONCE(vcpu->run->kvm_dirty_regs);

	if ((READ_ONCE(vcpu->run->kvm_valid_regs) | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	return dirty ? take(vcpu) : 0;
}

/**
 * sync_regs_give() - give the client what it wants to see, after the guest ran
 * @vcpu: the vCPU
 *
 * Return: 0, or -ESHUTDOWN when the machine is going down.
 */
int sync_regs_give(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u64 valid = READ_ONCE(run->kvm_valid_regs);

	if (valid & KVM_SYNC_X86_REGS)
		vcpu_get_regs(vcpu, &run->s.regs.regs);
	if (valid & KVM_SYNC_X86_EVENTS)
		vcpu_get_events(vcpu, &run->s.regs.events);
	if (valid & KVM_SYNC_X86_SREGS)
		return vcpu_get_sregs(vcpu, &run->s.regs.sregs);
	return 0;
}
