// SPDX-License-Identifier: GPL-2.0
/* The time-stamp counter, by RDTSC and by its MSRs. */
#include "guest.h"

#define MSR_TSC		0x10
#define MSR_TSC_ADJUST	0x3b

/* Much more than a test takes, much less than the jumps that it makes. */
#define A_WHILE		BIT(38)
#define A_JUMP		BIT(44)

static bool soon_after(uint64_t value, uint64_t start)
{
	return value - start < A_WHILE;
}

const char *test_tsc(void)
{
	uint64_t before = read_tsc(), by_msr = read_msr(MSR_TSC), after = read_tsc();

	CHECK(before <= by_msr);
	CHECK(by_msr <= after);
	CHECK(soon_after(after, before));

	write_msr(MSR_TSC, before + A_JUMP);
	CHECK(soon_after(read_tsc(), before + A_JUMP));
	CHECK(soon_after(read_msr(MSR_TSC), before + A_JUMP));
	write_msr(MSR_TSC, 0);
	CHECK(soon_after(read_tsc(), 0));
	return NULL;
}

/*
 * SDM vol. 3, "IA32_TSC_ADJUST Register and TSC Stamp Counter Sharing": each
 * of the two MSRs, when written, changes the other by as much.
 */
const char *test_tsc_adjust(void)
{
	uint64_t tsc, adjust;

	if (!(cpuid(7, 0).ebx & BIT(1)))
		return "no IA32_TSC_ADJUST";

	adjust = read_msr(MSR_TSC_ADJUST);
	tsc = read_tsc();
	takes(MSR_TSC_ADJUST, adjust + A_JUMP);
	CHECK(soon_after(read_tsc(), tsc + A_JUMP));
	takes(MSR_TSC_ADJUST, adjust);
	CHECK(soon_after(read_tsc(), tsc));

	write_msr(MSR_TSC, tsc + A_JUMP);
	/* It was written a while after it was read. */
	CHECK(soon_after(adjust + A_JUMP, read_msr(MSR_TSC_ADJUST)));
	CHECK(soon_after(read_tsc(), tsc + A_JUMP));
	return NULL;
}
