// SPDX-License-Identifier: GPL-2.0-only
/* Which rows are plain: see msr_plain.h. */
#include <linux/kernel.h>

#include "msr.h"
#include "msr_plain.h"

struct msr_plain msr_plain_guest[U8_MAX] __ro_after_init;
struct msr_plain msr_plain_client[U8_MAX] __ro_after_init;

static u8 __init plain_read(const struct msr_row *row, bool client)
{
	if (row->flags & MSR_NO_READ)
		return MSR_NOT_PLAIN;
	if (!client && (row->feature_alt || row->flags & MSR_HOST_ONLY))
		return MSR_NOT_PLAIN;
	switch (row->kind) {
	case MSR_CONST:
		return MSR_PLAIN_CONST;
	case MSR_STORED:
		return msr_row_count(row) == 1 ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
	case MSR_HW_SWITCHED:
		/* One that changes by itself is in the register, while the vCPU is loaded. */
		return !client && row->flags & MSR_PASS_WRITE ? MSR_NOT_PLAIN : MSR_PLAIN_SLOT;
	case MSR_VMCS:
		return MSR_PLAIN_VMCS;
	case MSR_SPECIAL:
		if (row->ops->get == msr_get_slot && msr_row_count(row) == 1)
			return MSR_PLAIN_SLOT;
		return client ? MSR_NOT_PLAIN : MSR_PLAIN_OPS;
	}
	return MSR_NOT_PLAIN;
}

static bool __init value_is_free(const struct msr_row *row, bool client)
{
	return client && row->flags & MSR_HOST_ANY;
}

/**
 * msr_plain_get() - a guest's RDMSR of a row with callbacks
 * @vcpu: the vCPU, loaded
 * @row: the row
 * @index: within the row
 */
struct msr_value msr_plain_get(struct vcpu *vcpu, const struct msr_row *row, u32 index)
{
	struct msr_access a = { .vcpu = vcpu, .row = row, .index = index };
	enum msr_result result = row->ops->get(&a);

	return (struct msr_value){ a.data, result };
}

/**
 * msr_plain_set() - a guest's WRMSR of a row with callbacks
 * @vcpu: the vCPU, loaded
 * @row: the row
 * @index: within the row
 * @data: within the row's masks
 *
 * Return: false if that failed, nothing having happened; msr_set() says why.
 */
bool msr_plain_set(struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 data)
{
	struct msr_access a = { .vcpu = vcpu, .row = row, .index = index, .data = data };

	return row->ops->set(&a) == MSR_OK;
}

/* Bits that keep their value; but VMWRITE takes no more bits than the field has. */
static u64 __init kept_bits(const struct msr_row *row)
{
	if (row->kind == MSR_VMCS && vmcs_width(row->field) == VMCS_32BIT)
		return row->ro_mask | lower_32_bits(row->ignore_mask);
	return row->ro_mask | row->ignore_mask;
}

static u8 __init plain_write(const struct msr_row *row, bool client)
{
	if (row->flags & (MSR_NO_WRITE | MSR_IMMUTABLE))
		return MSR_NOT_PLAIN;
	if (!client &&
	    (row->feature_alt || row->flags & (MSR_GUEST_RO | MSR_SLOW | MSR_HOST_ONLY)))
		return MSR_NOT_PLAIN;
	if (!value_is_free(row, client) &&
	    (kept_bits(row) ||
	     (row->check != MSR_CHECK_NONE && row->check != MSR_CHECK_CANONICAL &&
	      row->check != MSR_CHECK_PAT)))
		return MSR_NOT_PLAIN;
	switch (row->kind) {
	case MSR_STORED:
		return msr_row_count(row) == 1 ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
	case MSR_HW_SWITCHED:
		if (client)
			return MSR_PLAIN_SLOT;
		return row->flags & MSR_SYSCALL ? MSR_PLAIN_SYSCALL : MSR_PLAIN_REGISTER;
	case MSR_VMCS:
		return MSR_PLAIN_VMCS;
	case MSR_SPECIAL:
		/* set has a say in some bits, and otherwise only stores. */
		if (client)
			return row->ask_mask ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
		return MSR_PLAIN_OPS;
	case MSR_CONST:
		break;
	}
	return MSR_NOT_PLAIN;
}

static void __init fill(struct msr_plain *plain, const struct msr_row *row, bool client)
{
	plain->read = plain_read(row, client);
	plain->write = plain_write(row, client);
	plain->feature = client ? FEATURE_NONE : row->feature;
	plain->slot = row->slot;
	plain->field = row->field;
	plain->value = row->reset;
	plain->ask_mask = row->ask_mask;
	plain->row = row;
	if (value_is_free(row, client))
		return;
	plain->check = row->check;
	plain->gp_mask = row->gp_mask;
}

/**
 * msr_plain_init() - prepare plain accesses to a row that this host has
 * @row: the row
 * @n: its number plus one
 */
void __init msr_plain_init(const struct msr_row *row, unsigned int n)
{
	fill(&msr_plain_guest[n], row, false);
	fill(&msr_plain_client[n], row, true);
}
