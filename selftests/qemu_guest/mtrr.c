// SPDX-License-Identifier: GPL-2.0
/* SDM vol. 3, "Memory Type Range Registers (MTRRs)". */
#include "guest.h"

#define MSR_MTRR_CAP		0xfe
#define MSR_MTRR_PHYSBASE0	0x200
#define MSR_MTRR_FIX64K		0x250
#define MSR_MTRR_FIX16K		0x258
#define MSR_MTRR_FIX4K		0x268
#define MSR_MTRR_DEF_TYPE	0x2ff

#define CAP_VCNT	0xff
#define CAP_FIX		BIT(8)
#define CAP_WC		BIT(10)
#define DEF_TYPE_FE	BIT(10)
#define DEF_TYPE_E	BIT(11)
#define MASK_VALID	BIT(11)

#define WRITE_BACK	6

static const unsigned int no_types[] = { 2, 3, 7, 8, 0x86, 0xff };

const char *test_mtrr_cap(void)
{
	uint64_t cap = read_msr(MSR_MTRR_CAP);

	CHECK_EQ(cap & CAP_VCNT, 8);
	CHECK_EQ(cap & (CAP_FIX | CAP_WC), CAP_FIX | CAP_WC);
	expects_gp(MSR_MTRR_CAP, cap ^ CAP_FIX);
	expects_gp(MSR_MTRR_PHYSBASE0 + 2 * (cap & CAP_VCNT), 0);
	return NULL;
}

const char *test_mtrr_def_type(void)
{
	uint64_t value = read_msr(MSR_MTRR_DEF_TYPE);

	takes(MSR_MTRR_DEF_TYPE, DEF_TYPE_E | DEF_TYPE_FE | WRITE_BACK);
	for (size_t i = 0; i < ARRAY_SIZE(no_types); i++)
		expects_gp(MSR_MTRR_DEF_TYPE, DEF_TYPE_E | no_types[i]);
	expects_gp(MSR_MTRR_DEF_TYPE, WRITE_BACK | BIT(8));
	expects_gp(MSR_MTRR_DEF_TYPE, WRITE_BACK | BIT(12));
	expects_gp(MSR_MTRR_DEF_TYPE, WRITE_BACK | BIT(63));
	takes(MSR_MTRR_DEF_TYPE, value);
	return NULL;
}

static void fixed(uint32_t index)
{
	uint64_t value = read_msr(index);

	takes(index, 0x0006050401000605);
	for (size_t i = 0; i < ARRAY_SIZE(no_types); i++) {
		expects_gp(index, (uint64_t)no_types[i]);
		expects_gp(index, (uint64_t)no_types[i] << 56);
	}
	takes(index, value);
}

const char *test_mtrr_fixed(void)
{
	fixed(MSR_MTRR_FIX64K);
	for (uint32_t i = 0; i < 2; i++)
		fixed(MSR_MTRR_FIX16K + i);
	for (uint32_t i = 0; i < 8; i++)
		fixed(MSR_MTRR_FIX4K + i);
	return NULL;
}

const char *test_mtrr_variable(void)
{
	uint64_t no_address = BIT(physical_bits());

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t base = MSR_MTRR_PHYSBASE0 + 2 * i, mask = base + 1;
		uint64_t old_base = read_msr(base), old_mask = read_msr(mask);

		takes(base, 0x80000000 + i * 0x1000 + WRITE_BACK);
		takes(mask, (no_address - 1) & ~0xfffull);
		takes(mask, ((no_address - 1) & ~0xfffull) | MASK_VALID);
		CHECK_EQ(read_msr(base), 0x80000000 + i * 0x1000 + WRITE_BACK);
		for (size_t j = 0; j < ARRAY_SIZE(no_types); j++)
			expects_gp(base, no_types[j]);
		expects_gp(base, BIT(8) | WRITE_BACK);
		expects_gp(base, no_address | WRITE_BACK);
		expects_gp(mask, no_address);
		expects_gp(mask, BIT(10));
		takes(mask, old_mask);
		takes(base, old_base);
	}
	return NULL;
}
