/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSR filters, for the tests of what they forbid and of what the client is told.
 */
#ifndef MINIHV_SELFTESTS_FILTER_H
#define MINIHV_SELFTESTS_FILTER_H

#include "test.h"

#define FILTER_BOTH	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

static inline struct kvm_msr_filter_range range_of(uint32_t flags, uint32_t base, uint32_t n,
						   uint8_t *bitmap)
{
	return (struct kvm_msr_filter_range){
		.flags = flags, .base = base, .nmsrs = n, .bitmap = bitmap,
	};
}

static inline int set_filter(struct vm *vm, uint32_t flags,
			     const struct kvm_msr_filter_range *ranges, size_t n)
{
	struct kvm_msr_filter filter = { .flags = flags };

	if (n)
		memcpy(filter.ranges, ranges, n * sizeof(*ranges));
	return sys_ioctl_ptr(vm->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

#endif
