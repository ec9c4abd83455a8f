// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSR bitmap: which RDMSR and WRMSR exit. All of them do, for which no bitmap
 * is needed, unless the module was loaded with passthrough=1; then those rows that
 * say they may be left to the hardware are.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/string.h>

#include "msr.h"
#include "msr_filter.h"
#include "vcpu.h"

static bool passthrough;
module_param(passthrough, bool, 0444);
MODULE_PARM_DESC(passthrough, "let the hardware do the MSR accesses that it can (default: all exit)");

/* SDM vol. 3, "MSR-Bitmap Address": read low, read high, write low, write high. */
#define BITMAP_PART	1024u

static void allow(u8 *bitmap, u32 index)
{
	u32 high = index & 0xc0000000 ? BITMAP_PART : 0;
	u32 bit = index & 0x1fff;

	bitmap[high + bit / 8] &= ~BIT(bit % 8);
}

/**
 * msr_bitmap_create() - allocate a vCPU's bitmap, if one is needed
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int msr_bitmap_create(struct vcpu *vcpu)
{
	if (!passthrough)
		return 0;
	vcpu->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	return vcpu->msr_bitmap ? 0 : -ENOMEM;
}

/**
 * msr_bitmap_update() - recompute a vCPU's bitmap from the table, its CPUID and the filter
 * @vcpu: the vCPU
 *
 * Context: the vCPU's mutex is held; the vCPU is not in the guest.
 */
void msr_bitmap_update(struct vcpu *vcpu)
{
	const struct msr_row *row;
	unsigned int n;

	/* Read first: a filter that changes after this has us come again. */
	vcpu->filter_gen = READ_ONCE(vcpu->vm->filter_gen);
	/* Pairs with the barrier in msr_filter_set(). */
	smp_rmb();
	if (!vcpu->msr_bitmap)
		return;
	memset(vcpu->msr_bitmap, 0xff, PAGE_SIZE);
	for (n = 0; n < msr_table_rows; n++) {
		row = &msr_table[n];
		if (!msr_row_exists(row) || !msr_guest_has(vcpu, row))
			continue;
		if (row->flags & MSR_PASS_READ &&
		    msr_filter_allows(vcpu->vm, row->first, KVM_MSR_FILTER_READ))
			allow(vcpu->msr_bitmap, row->first);
		if (row->flags & MSR_PASS_WRITE &&
		    msr_filter_allows(vcpu->vm, row->first, KVM_MSR_FILTER_WRITE))
			allow(vcpu->msr_bitmap + 2 * BITMAP_PART, row->first);
	}
}
