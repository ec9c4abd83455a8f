// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_X86_SET_MSR_FILTER: the client says which MSRs the guest may touch, before
 * anybody asks whether they exist. It binds the guest only.
 *
 * The filter is read with interrupts off on the fast path: an RCU-protected
 * pointer to something that never changes. For the MSRs that an MSR bitmap covers it
 * has the decision ready, so what an exit costs does not depend on the ranges.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "kick.h"
#include "msr.h"
#include "msr_filter.h"
#include "vm.h"

/* The local APIC's registers can't be filtered. */
#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

static void free_filter(struct msr_filter *filter)
{
	unsigned int i;

	if (!filter)
		return;
	for (i = 0; i < filter->count; i++)
		kfree(filter->ranges[i].bitmap);
	free_pages((unsigned long)filter->allowed, MSR_FILTER_ORDER);
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
	/* memdup_user() does not charge the client for what it copies, and this one stays. */
	range->bitmap = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!range->bitmap)
		return -ENOMEM;
	if (copy_from_user(range->bitmap, (void __user *)user->bitmap, size)) {
		kfree(range->bitmap);
		return -EFAULT;
	}
	range->flags = user->flags;
	range->base = user->base;
	range->count = user->nmsrs;
	filter->count++;
	return 0;
}

static void decide_range(struct msr_filter *filter, u32 base, u32 count,
			 const unsigned long *bitmap, u32 type)
{
	u32 i, place, writes = type == KVM_MSR_FILTER_WRITE ? MSR_MAP_SIZE : 0;

	/* One that goes beyond the last number ends there. */
	for (i = 0; i < count && base + i >= base; i++) {
		place = msr_map_place(base + i);
		if (place < MSR_MAP_SIZE)
			__assign_bit(writes + place, filter->allowed,
				     !bitmap || test_bit(i, bitmap));
	}
}

/* From the last range to the first, which has the last word. */
static void decide_all(struct msr_filter *filter)
{
	const struct filter_range *range;
	unsigned int i, type;

	if (filter->default_allow)
		bitmap_fill(filter->allowed, 2 * MSR_MAP_SIZE);
	for (type = KVM_MSR_FILTER_READ; type <= KVM_MSR_FILTER_WRITE; type <<= 1) {
		for (i = filter->count; i--;) {
			range = &filter->ranges[i];
			if (range->flags & type)
				decide_range(filter, range->base, range->count, range->bitmap,
					     type);
		}
		decide_range(filter, X2APIC_FIRST, X2APIC_LAST - X2APIC_FIRST + 1, NULL, type);
	}
}

static struct msr_filter *make_filter(const struct kvm_msr_filter *user)
{
	struct msr_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	int i, ret = 0;

	if (!filter)
		return ERR_PTR(-ENOMEM);
	filter->default_allow = !(user->flags & KVM_MSR_FILTER_DEFAULT_DENY);
	filter->allowed = (unsigned long *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO,
							   MSR_FILTER_ORDER);
	if (!filter->allowed)
		ret = -ENOMEM;
	for (i = 0; i < KVM_MSR_FILTER_MAX_RANGES && !ret; i++)
		ret = add_filter_range(filter, &user->ranges[i]);
	/* To deny everything is a mistake, not a filter. */
	if (!ret && !filter->count && !filter->default_allow)
		ret = -EINVAL;
	if (ret) {
		free_filter(filter);
		return ERR_PTR(ret);
	}
	decide_all(filter);
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

/* For the MSRs that have no bit. */
static bool search_ranges(const struct msr_filter *filter, u32 index, u32 type)
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
 * msr_filter_decide() - see msr_filter_allows(), which knows that there is a filter
 * @vm: whose guest
 * @index: any 32-bit number
 * @type: KVM_MSR_FILTER_READ or KVM_MSR_FILTER_WRITE
 */
bool msr_filter_decide(struct vm *vm, u32 index, u32 type)
{
	u32 place = msr_map_place(index);
	const struct msr_filter *filter;
	bool allowed = true;

	rcu_read_lock();
	filter = rcu_dereference(vm->msr_filter);
	if (filter)
		allowed = place < MSR_MAP_SIZE ? msr_filter_bit(filter, place, type) :
						 search_ranges(filter, index, type);
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
