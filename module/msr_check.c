// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the MSR table sound? Asked each time the module loads: a table that
 * contradicts itself is refused before a guest can find out.
 */
#include <linux/kernel.h>

#include "msr.h"
#include "vmcs.h"

static const char *row_fault(const struct msr_row *row)
{
	u32 count = msr_row_count(row);
	bool in_vmcs = row->kind == MSR_VMCS;
	bool has_slot = row->slot != MSR_SLOT_NONE;
	bool has_value = row->kind == MSR_STORED || row->kind == MSR_HW_SWITCHED;

	if (!row->name || !row->sdm)
		return "no name or no source";
	if (row->gp_mask & row->ro_mask || row->gp_mask & row->ignore_mask ||
	    row->ro_mask & row->ignore_mask)
		return "masks overlap";
	if (row->reset & row->gp_mask)
		return "reset value has reserved bits";
	if (row->check == MSR_CHECK_VMX_CONTROL && !(row->ops && row->ops->host_value))
		return "a control without the host's";
	if (row->check == MSR_CHECK_PAT && !msr_pat_valid(row->reset))
		return "reset value fails the check";
	if (has_value && !has_slot)
		return "no slot";
	if (has_slot && row->slot + count > MSR_SLOTS)
		return "slot out of range";
	if (in_vmcs && count != 1)
		return "one VMCS field for a range";
	if (in_vmcs != !!row->field)
		return "VMCS field without VMCS kind, or the reverse";
	if (row->kind == MSR_SPECIAL &&
	    !(row->ops && (row->ops->get || row->flags & MSR_NO_READ) &&
	      (row->ops->set || row->flags & MSR_NO_WRITE)))
		return "a callback is missing";
	if (row->kind == MSR_SPECIAL && !row->ops->get && (row->ro_mask | row->ignore_mask))
		return "masks that want the value, which is not to be read";
	if (row->kind != MSR_SPECIAL && row->ops && (row->ops->get || row->ops->set))
		return "a callback that is never called";
	if (row->flags & (MSR_PASS_READ | MSR_PASS_WRITE) &&
	    row->kind != MSR_VMCS && row->kind != MSR_HW_SWITCHED && row->ops != &msr_tsc_ops)
		return "passed through, but not in hardware while the guest runs";
	if (row->flags & MSR_PASS_WRITE && row->gp_mask)
		return "reserved bits in an MSR that is passed through";
	if (row->flags & MSR_NO_READ && row->flags & (MSR_SAVE | MSR_EMULATED | MSR_FEATURE))
		return "listed, but not to be read";
	if (row->ask_mask & row->gp_mask)
		return "bits to ask about that are never allowed";
	if (row->ask_mask && row->kind != MSR_SPECIAL && row->kind != MSR_HW_SWITCHED)
		return "nobody to ask";
	if (row->flags & MSR_SYSCALL && row->kind != MSR_HW_SWITCHED)
		return "switched late, but not switched";
	if (row->feature_alt && !row->feature)
		return "second feature without a first";
	return NULL;
}

static bool slots_overlap(const struct msr_row *a, const struct msr_row *b)
{
	return a->slot && b->slot && a->slot < b->slot + msr_row_count(b) &&
	       b->slot < a->slot + msr_row_count(a);
}

/**
 * msr_table_check() - look for contradictions in an MSR table
 * @table: the rows
 * @rows: how many
 *
 * Return: 0, or -EINVAL after one log line for each fault found.
 */
int msr_table_check(const struct msr_row *table, unsigned int rows)
{
	const struct msr_row *row;
	const char *fault;
	unsigned int i, j;
	int ret = 0;

	for (i = 0; i < rows; i++) {
		row = &table[i];
		fault = row_fault(row);
		if (!fault && row->first + msr_row_count(row) - 1 < row->first)
			fault = "range wraps";
		if (!fault && i &&
		    row->first <= table[i - 1].first + msr_row_count(&table[i - 1]) - 1)
			fault = "out of order, or overlaps the row before";
		for (j = 0; !fault && j < i; j++)
			if (slots_overlap(row, &table[j]))
				fault = "slot is another row's";
		if (!fault)
			continue;
		pr_err("MSR table, row %u (0x%x %s): %s\n", i, row->first,
		       row->name ?: "unnamed", fault);
		ret = -EINVAL;
	}
	return ret;
}
