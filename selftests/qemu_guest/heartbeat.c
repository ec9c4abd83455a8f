// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the MSRs over and over, reads them back a little later, and says so now
 * and then. Whoever stops, reads and rewrites this CPU's state meanwhile, it has
 * to keep what it had. What does not change while the guest beats is in SSE,
 * x87 and debug registers, too.
 */
#include "guest.h"

#define ROUNDS_PER_BEAT	100

#define BASE_ADDRESS	0xffff800000000000ull

/* Each value is one that the MSR takes, for any n below 2^31. */
static const struct {
	uint32_t index;
	uint64_t base;
	unsigned int shift;
} watched[] = {
	{ 0x174, 0, 0 },			/* SYSENTER_CS */
	{ 0x175, BASE_ADDRESS, 0 },		/* SYSENTER_ESP */
	{ 0x176, BASE_ADDRESS, 8 },		/* SYSENTER_EIP */
	{ 0xc0000081, 0, 32 },			/* STAR */
	{ 0xc0000082, BASE_ADDRESS, 4 },	/* LSTAR */
	{ 0xc0000083, BASE_ADDRESS, 3 },	/* CSTAR */
	{ 0xc0000084, 0, 0 },			/* FMASK */
	{ 0xc0000100, BASE_ADDRESS, 2 },	/* FS_BASE */
	{ 0xc0000102, BASE_ADDRESS, 5 },	/* KERNEL_GS_BASE */
	{ 0x200, 0x6, 12 },			/* MTRR_PHYSBASE0, below 2^35 */
};

#define ADDRESS_BITS	23	/* of n: with the shift of 12, within 35 bits */

static uint64_t value_of(size_t i, uint64_t n)
{
	return watched[i].base | (n & (BIT(ADDRESS_BITS) - 1)) << watched[i].shift;
}

#define XMM_VALUE	0x0123456789abcdefull
#define X87_VALUE	0x1122334455667788ull
#define DR0_VALUE	0x0000123456789abcull

static const uint64_t x87_value = X87_VALUE;

static void set_constants(void)
{
	asm volatile("movq %0, %%xmm15" : : "r" (XMM_VALUE));
	asm volatile("fninit; fildll %0" : : "m" (x87_value));
	asm volatile("movq %0, %%dr0" : : "r" (DR0_VALUE));
}

static void check_constants(void)
{
	uint64_t xmm, x87, dr0;

	asm volatile("movq %%xmm15, %0" : "=r" (xmm));
	asm volatile("fistpll %0; fildll %0" : "=m" (x87) : : "memory");
	asm volatile("movq %%dr0, %0" : "=r" (dr0));
	CHECK_EQ(xmm, XMM_VALUE);
	CHECK_EQ(x87, X87_VALUE);
	CHECK_EQ(dr0, DR0_VALUE);
}

void heartbeat(void)
{
	uint64_t tsc = 0;

	set_constants();
	/* Behind what a reset has cut off. */
	say("\nstart\n");
	for (uint64_t n = 0; ; n++) {
		uint64_t now = read_tsc();

		CHECK(now > tsc);
		tsc = now;
		for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
			if (n)
				CHECK_EQ(read_msr(watched[i].index), value_of(i, n - 1));
			write_msr(watched[i].index, value_of(i, n));
		}
		check_constants();
		if (n % ROUNDS_PER_BEAT == 0 && !report(n / ROUNDS_PER_BEAT + 1, "beat", NULL))
			leave(EXIT_FAILED);
	}
}
