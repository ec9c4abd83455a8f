/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plain MSR accesses: rows about which there is nothing to ask but whether the
 * value is allowed. What can be said of a row once, at load, is not asked at each
 * RDMSR and WRMSR of the guest, or for each entry of the client.
 *
 * The outcome is that of msr_get() and msr_set(); whatever is not plain is left to
 * them.
 */
#ifndef MINIHV_MSR_PLAIN_H
#define MINIHV_MSR_PLAIN_H

#include <linux/cache.h>
#include <linux/rcupdate.h>
#include <asm/asm.h>

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
	MSR_PLAIN_SYSCALL,
	MSR_PLAIN_OPS,
};

/**
 * struct msr_plain - a row, reduced to what a plain access needs, in a cache line
 * @read: where its value is
 * @write: where a value goes
 * @check: what a value must satisfy: MSR_CHECK_NONE, CANONICAL or PAT
 * @feature: what the guest's CPUID must have, or FEATURE_NONE
 * @slot: index in the vCPU's msrs
 * @field: VMCS field
 * @gp_mask: bits that fault when set
 * @ask_mask: bits that may not change
 * @value: of a constant
 * @row: the row
 */
struct msr_plain {
	u8 read, write;
	u8 check;
	u16 feature;
	u16 slot;
	u32 field;
	u64 gp_mask;
	u64 ask_mask;
	u64 value;
	const struct msr_row *row;
} ____cacheline_aligned;

/* By row number plus one; the first is for what has no row, and never plain. */
extern struct msr_plain msr_plain_guest[];
/* The same for the client, who asks while the vCPU is not loaded. */
extern struct msr_plain msr_plain_client[];

struct msr_value msr_plain_get(struct vcpu *vcpu, const struct msr_row *row, u32 index);
bool msr_plain_set(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 data);

static __always_inline const struct msr_plain *msr_plain_row(struct vcpu *vcpu, u32 index,
							     u32 type)
{
	u32 place = msr_map_place(index);
	const struct msr_filter *filter;
	const struct msr_plain *row;

	if (unlikely(place >= MSR_MAP_SIZE))
		return &msr_plain_guest[0];
	/* Interrupts are off: that is a read-side critical section. */
	filter = rcu_dereference_raw(vcpu->vm->msr_filter);
	if (unlikely(filter) && !msr_filter_bit(filter, place, type))
		return &msr_plain_guest[0];
	row = &msr_plain_guest[msr_row_number(place)];
	OPTIMIZER_HIDE_VAR(row); /* else its address is computed twice */
	if (row->feature && !cpuid_has(&vcpu->cpuid, row->feature))
		return &msr_plain_guest[0];
	return row;
}

/* Returns false if it is not plain; then nothing has happened. */
static __always_inline bool msr_plain_read(struct vcpu *vcpu, u32 index, u64 *data)
{
	const struct msr_plain *row = msr_plain_row(vcpu, index, KVM_MSR_FILTER_READ);
	struct msr_value value;

	if (likely(row->read == MSR_PLAIN_SLOT)) {
		*data = vcpu->msrs[row->slot];
		return true;
	}
	switch (row->read) {
	case MSR_PLAIN_CONST:
		*data = row->value;
		return true;
	case MSR_PLAIN_VMCS:
		*data = vmread_any(row->field);
		return true;
	case MSR_PLAIN_OPS:
		value = msr_plain_get(vcpu, row->row, index);
		*data = value.data;
		return value.result == MSR_OK;
	}
	return false;
}

static __always_inline bool msr_plain_allowed(const struct msr_plain *row, u64 data)
{
	if (data & row->gp_mask)
		return false;
	if (!row->check)
		return true;
	return row->check == MSR_CHECK_PAT ? msr_pat_valid(data) : msr_canonical(data);
}

/* False if the CPU faults. wrmsrl_safe() calls others when WRMSR is traced. */
static __always_inline bool msr_plain_wrmsr(u32 index, u64 data)
{
	asm goto("1: wrmsr\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : "c" (index), "a" ((u32)data), "d" (data >> 32) : "memory" : fault);
	return true;
fault:
	return false;
}

static __always_inline bool msr_plain_write(struct vcpu *vcpu, u32 index, u64 data)
{
	const struct msr_plain *row = msr_plain_row(vcpu, index, KVM_MSR_FILTER_WRITE);

	if (!msr_plain_allowed(row, data))
		return false;
	/* Not a switch: the most frequent first. */
	if (likely(row->write == MSR_PLAIN_SLOT)) {
		vcpu->msrs[row->slot] = data;
		return true;
	}
	if (row->write == MSR_PLAIN_VMCS) {
		vmwrite_any(row->field, data);
		return true;
	}
	if (row->write == MSR_PLAIN_SYSCALL && !vcpu->loaded_syscall) {
		if ((data ^ vcpu->msrs[row->slot]) & row->ask_mask)
			return false;
		vcpu->msrs[row->slot] = data;
		return true;
	}
	if (row->write == MSR_PLAIN_SYSCALL || row->write == MSR_PLAIN_REGISTER) {
		if (!msr_plain_wrmsr(index, data))
			return false;
		vcpu->msrs[row->slot] = data;
		return true;
	}
	return row->write == MSR_PLAIN_OPS && msr_plain_set(vcpu, row->row, index, data);
}

static __always_inline const struct msr_plain *msr_plain_client_row(u32 index)
{
	u32 place = msr_map_place(index);
	const struct msr_plain *row;

	row = &msr_plain_client[place < MSR_MAP_SIZE ? msr_row_number(place) : 0];
	OPTIMIZER_HIDE_VAR(row);
	return row;
}

#endif
