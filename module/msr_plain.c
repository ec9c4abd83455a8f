// SPDX-License-Identifier: GPL-2.0-only
/* Which rows are plain: see msr_plain.h. */
#include <linux/kernel.h>

#include "msr.h"
#include "msr_plain.h"

struct msr_plain msr_plain[U8_MAX] __ro_after_init;

static u8 __init plain_read(const struct msr_row *row)
{
	if (row->flags & (MSR_NO_READ | MSR_HOST_ONLY))
		return MSR_NOT_PLAIN;
	switch (row->kind) {
	case MSR_CONST:
		return MSR_PLAIN_CONST;
	case MSR_STORED:
		return msr_row_count(row) == 1 ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
	case MSR_HW_SWITCHED:
		/* One that changes by itself is in the register, while the vCPU is loaded. */
		return row->flags & MSR_PASS_WRITE ? MSR_NOT_PLAIN : MSR_PLAIN_SLOT;
	case MSR_VMCS:
		return MSR_PLAIN_VMCS;
	case MSR_SPECIAL:
		return row->ops->get == msr_get_slot ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
	}
	return MSR_NOT_PLAIN;
}

static u8 __init plain_write(const struct msr_row *row)
{
	if (row->ro_mask | row->ignore_mask ||
	    row->flags & (MSR_NO_WRITE | MSR_GUEST_RO | MSR_SLOW | MSR_IMMUTABLE | MSR_HOST_ONLY))
		return MSR_NOT_PLAIN;
	if (row->check != MSR_CHECK_NONE && row->check != MSR_CHECK_CANONICAL &&
	    row->check != MSR_CHECK_PAT)
		return MSR_NOT_PLAIN;
	switch (row->kind) {
	case MSR_STORED:
		return msr_row_count(row) == 1 ? MSR_PLAIN_SLOT : MSR_NOT_PLAIN;
	case MSR_HW_SWITCHED:
		return MSR_PLAIN_REGISTER;
	case MSR_VMCS:
		return MSR_PLAIN_VMCS;
	case MSR_CONST:
	case MSR_SPECIAL:
		break;
	}
	return MSR_NOT_PLAIN;
}

/**
 * msr_plain_init() - prepare plain accesses to a row that this host has
 * @row: the row
 * @n: its number plus one
 *
 * A row that depends on the vCPU's CPUID is not plain.
 */
void __init msr_plain_init(const struct msr_row *row, unsigned int n)
{
	struct msr_plain *plain = &msr_plain[n];

	if (row->feature)
		return;
	plain->read = plain_read(row);
	plain->write = plain_write(row);
	plain->check = row->check;
	plain->slot = row->slot;
	plain->field = row->field;
	plain->gp_mask = row->gp_mask;
	plain->value = row->reset;
}
