// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: the client says which MSRs the guest may touch, before
 * anybody asks whether they exist. It binds the guest only.
 *
 * The filter is read with interrupts off on the fast path: an RCU-protected
 * pointer to something that never changes.
 */
#include <linux/err.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kick.h"
#include "msr.h"
#include "vm.h"

/* The local APIC's registers can't be filtered. */
#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

struct filter_range {
	u32 flags;
	u32 base;
	u32 count;
	unsigned long *bitmap;
};

struct msr_filter {
	struct rcu_head rcu;
	bool default_allow;
	unsigned int count;
	struct filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

static void free_filter(struct msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->count; i++)
		kfree(filter->ranges[i].bitmap);
	kfree(filter);
}

static void free_filter_rcu(struct rcu_head *rcu)
{
	free_filter(container_of(rcu, struct msr_filter, rcu));
}

static int add_filter_range(struct msr_filter *filter, const struct kvm_msr_filter_range *user)
{
	struct filter_range *range = &filter->ranges[filter->count];
	size_t size = BITS_TO_LONGS((u64)user->nmsrs) * sizeof(long);

	if (!user->nmsrs)
		return 0;
	if (!user->flags || user->flags & ~(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE))
		return -EINVAL;
	if (size > KVM_MSR_FILTER_MAX_BITMAP_SIZE)
		return -EINVAL;
	range->bitmap = memdup_user((void __user *)user->bitmap, size);
	if (IS_ERR(range->bitmap))
		return PTR_ERR(range->bitmap);
	range->flags = user->flags;
	range->base = user->base;
	range->count = user->nmsrs;
	filter->count++;
	return 0;
}

static struct msr_filter *make_filter(const struct kvm_msr_filter *user)
{
	struct msr_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	int i, ret = 0;

	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !ret; i++)
		ret = add_filter_range(filter, &user->ranges[i]);
	/* To deny everything is a mistake, not a filter. */
	if (!ret && !filter->count && !filter->default_allow)
		ret = -EINVAL;
	if (ret) {
		free_filter(filter);
		return ERR_PTR(ret);
	}
	return filter;
}

/**
 * msr_filter_set() - KVM_X86_SET_MSR_FILTER
 * @vm: whose guest
 * @user: up to 16 ranges, the first that covers an access decides; a range of
 *	no MSRs is none; "default allow" without ranges takes the filter away
 *
 * When it returns the guest's next access meets the new filter.
 *
 * Return: 0; nothing having changed: -EINVAL for unknown flags, a range without
 * any, a bitmap of more than 1,536 bytes, or "default deny" without ranges;
 * -EFAULT; -ENOMEM.
 */
int msr_filter_set(struct vm *vm, const struct kvm_msr_filter *user)
{
	struct msr_filter *filter = NULL, *old;

	if (user->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	filter = make_filter(user);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	if (!filter->count) {
		free_filter(filter);
		filter = NULL;
	}

	mutex_lock(&vm->vcpus_lock);
	old = rcu_replace_pointer(vm->msr_filter, filter, lockdep_is_held(&vm->vcpus_lock));
	/* The filter first: pairs with the barrier in msr_bitmap_update(). */
	smp_wmb();
	WRITE_ONCE(vm->filter_gen, vm->filter_gen + 1);
	mutex_unlock(&vm->vcpus_lock);

	kick_guests(vm);
	if (old)
		call_rcu(&old->rcu, free_filter_rcu);
	return 0;
}

static bool decide(const struct msr_filter *filter, u32 index, u32 type)
{
	const struct filter_range *range;
	unsigned int i;

	for (i = 0; i < filter->count; i++) {
		range = &filter->ranges[i];
		if (range->flags & type && index >= range->base &&
		    index - range->base < range->count)
			return test_bit(array_index_nospec(index - range->base, range->count),
					range->bitmap);
	}
	return filter->default_allow;
}

/**
 * msr_filter_allows() - may the guest touch this MSR, as far as the client says?
 * @vm: whose guest
 * @index: any 32-bit number
 * @type: KVM_MSR_FILTER_READ or KVM_MSR_FILTER_WRITE
 */
bool msr_filter_allows(struct vm *vm, u32 index, u32 type)
{
	const struct msr_filter *filter;
	bool allowed = true;

	if (index >= X2APIC_FIRST && index <= X2APIC_LAST)
		return true;
	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	if (unlikely(filter))
		allowed = decide(filter, index, type);
	rcu_read_unlock();
	return allowed;
}

/**
 * msr_filter_free() - at the VM's end
 * @vm: the VM
 */
void msr_filter_free(struct vm *vm)
{
	free_filter(rcu_dereference_protected(vm->msr_filter, true));
}
