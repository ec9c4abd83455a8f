/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plain MSR accesses: the guest's RDMSR and WRMSR of rows about which there is
 * nothing to ask but whether the value is allowed. What can be said of a row once,
 * at load, is not asked at each exit.
 *
 * The outcome is that of msr_get() and msr_set(); whatever is not plain is left to
 * them.
 */
#ifndef MINIHV_MSR_PLAIN_H
#define MINIHV_MSR_PLAIN_H

#include <linux/rcupdate.h>
#include <asm/msr.h>

#include "compat.h"
#include "msr_filter.h"
#include "msr_map.h"
#include "vcpu.h"

enum msr_plain_kind {
	MSR_NOT_PLAIN,
	MSR_PLAIN_CONST,
	MSR_PLAIN_SLOT,
	MSR_PLAIN_VMCS,
	MSR_PLAIN_REGISTER,
};

/**
 * struct msr_plain - a row, reduced to what a plain access needs
 * @read: where its value is
 * @write: where a value goes
 * @check: what a value must satisfy: MSR_CHECK_NONE, CANONICAL or PAT
 * @slot: index in the vCPU's msrs
 * @field: VMCS field
 * @gp_mask: bits that fault when set
 * @value: of a constant
 */
struct msr_plain {
	u8 read, write;
	u8 check;
	u16 slot;
	u32 field;
	u64 gp_mask;
	u64 value;
};

/* By row number plus one; the first is for what has no row, and never plain. */
extern struct msr_plain msr_plain[];

static __always_inline const struct msr_plain *msr_plain_row(struct vcpu *vcpu, u32 index,
							     u32 type)
{
	u32 place = msr_map_place(index);
	const struct msr_filter *filter;

	if (unlikely(place >= MSR_MAP_SIZE))
		return &msr_plain[0];
	/* Interrupts are off: that is a read-side critical section. */
	filter = rcu_dereference_raw(vcpu->vm->msr_filter);
	if (unlikely(filter) && !msr_filter_bit(filter, place, type))
		return &msr_plain[0];
	return &msr_plain[msr_row_number(place)];
}

/* Returns false if it is not plain; then nothing has happened. */
static __always_inline bool msr_plain_read(struct vcpu *vcpu, u32 index, u64 *data)
{
	const struct msr_plain *row = msr_plain_row(vcpu, index, KVM_MSR_FILTER_READ);

	if (row->read == MSR_PLAIN_SLOT)
		*data = vcpu->msrs[row->slot];
	else if (row->read == MSR_PLAIN_CONST)
		*data = row->value;
	else if (row->read == MSR_PLAIN_VMCS)
		*data = vmread_any(row->field);
	else
		return false;
	return true;
}

static __always_inline bool msr_plain_allowed(const struct msr_plain *row, u64 data)
{
	if (data & row->gp_mask)
		return false;
	if (!row->check)
		return true;
	return row->check == MSR_CHECK_PAT ? msr_pat_valid(data) : msr_canonical(data);
}

static __always_inline bool msr_plain_write(struct vcpu *vcpu, u32 index, u64 data)
{
	const struct msr_plain *row = msr_plain_row(vcpu, index, KVM_MSR_FILTER_WRITE);

	if (row->write == MSR_NOT_PLAIN || !msr_plain_allowed(row, data))
		return false;
	if (row->write == MSR_PLAIN_VMCS) {
		vmwrite_any(row->field, data);
		return true;
	}
	if (row->write == MSR_PLAIN_REGISTER &&
	    compat_native_wrmsrq_safe(index, data))
		return false;
	vcpu->msrs[row->slot] = data;
	return true;
}

#endif
