/* SPDX-License-Identifier: GPL-2.0-only */
/* The client's MSR filter. */
#ifndef MINIHV_MSR_FILTER_H
#define MINIHV_MSR_FILTER_H

#include <linux/rcupdate.h>

#include "msr_map.h"
#include "vm.h"

/* A range that the client gave; the first that has an MSR decides about it. */
struct filter_range {
	u32 flags;
	u32 base;
	u32 count;
	unsigned long *bitmap;
};

/**
 * struct msr_filter - a filter; it never changes
 * @rcu: it is freed when nobody can be looking at it
 * @allowed: two pages with the decision about each MSR of the map: reads, then writes
 * @default_allow: what holds for MSRs that are in no range
 * @count: how many ranges there are
 * @ranges: for the other MSRs
 */
struct msr_filter {
	struct rcu_head rcu;
	unsigned long *allowed;
	bool default_allow;
	unsigned int count;
	struct filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

/* Pages for MSR_MAP_SIZE bits, twice. */
#define MSR_FILTER_ORDER	1

static_assert(2 * MSR_MAP_SIZE == BITS_PER_BYTE * (PAGE_SIZE << MSR_FILTER_ORDER));

int msr_filter_set(struct vm *vm, const struct kvm_msr_filter *user);
void msr_filter_free(struct vm *vm);
bool msr_filter_decide(struct vm *vm, u32 index, u32 type);

/* @place: of an MSR that is in the map. */
static __always_inline bool msr_filter_bit(const struct msr_filter *filter, u32 place, u32 type)
{
	u32 bit = msr_map_clamp(place);

	return test_bit(type == KVM_MSR_FILTER_WRITE ? bit + MSR_MAP_SIZE : bit, filter->allowed);
}

/**
 * msr_filter_allows() - may the guest touch this MSR, as far as the client says?
 * @vm: whose guest
 * @index: any 32-bit number
 * @type: KVM_MSR_FILTER_READ or KVM_MSR_FILTER_WRITE
 */
static inline bool msr_filter_allows(struct vm *vm, u32 index, u32 type)
{
	return likely(!rcu_access_pointer(vm->msr_filter)) || msr_filter_decide(vm, index, type);
}

#endif
