// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MTRRs: what may be written to them. Guest memory is write-back whatever
 * they say, see ept.c.
 *
 * SDM vol. 3, "Memory Type Range Registers (MTRRs)".
 */
#include <linux/bits.h>

#include "msr.h"
#include "vcpu.h"

/* SDM vol. 3, table "Memory Types That Can Be Encoded in MTRRs". */
static bool type_valid(u8 type)
{
	return type < 8 && BIT(type) & (BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6));
}

static bool fixed_valid(u64 types)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!type_valid(types >> (8 * i)))
			return false;
	return true;
}

#define DEF_TYPE_ENABLE		(BIT_ULL(10) | BIT_ULL(11))
#define BASE_RESERVED		GENMASK_ULL(11, 8)
#define MASK_RESERVED		GENMASK_ULL(10, 0)

/**
 * msr_mtrr_valid() - may this be written to an MTRR?
 * @vcpu: whose
 * @row: its row; the check says which kind of MTRR it is
 * @index: its index, within the row
 * @data: the value
 */
bool msr_mtrr_valid(const struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 data)
{
	u64 beyond = ~0ull << vcpu->cpuid.maxphyaddr;

	if (row->check == MSR_CHECK_MTRR_FIXED)
		return fixed_valid(data);
	if (row->check == MSR_CHECK_MTRR_DEF_TYPE)
		return !(data & ~(DEF_TYPE_ENABLE | 0xff)) && type_valid(data);
	/* Base and mask in turn. */
	if ((index - row->first) % 2)
		return !(data & (beyond | MASK_RESERVED));
	return !(data & (beyond | BASE_RESERVED)) && type_valid(data);
}
