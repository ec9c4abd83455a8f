// SPDX-License-Identifier: GPL-2.0
/* Input by INSB from QEMU's fw_cfg device; all that report.c says is REP OUTSB. */
#include "guest.h"

#define FW_CFG_SELECTOR	0x510
#define FW_CFG_DATA	0x511
#define FW_CFG_SIGNATURE	0x0000

#define DOWN	"std; "
#define UP	"cld; "

/* The bytes of an item come one after the other, then zeroes. */
static void select_signature(void)
{
	out16(FW_CFG_SELECTOR, FW_CFG_SIGNATURE);
}

static void rep_insb(uint8_t *to, uint64_t count)
{
	uint8_t *end = to + count;

	asm volatile("rep insb" : "+D" (to), "+c" (count) : "d" (FW_CFG_DATA) : "memory");
	CHECK_EQ(to, end);
	CHECK_EQ(count, 0);
}

const char *test_string_in(void)
{
	uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t *to = bytes;

	select_signature();
	CHECK_EQ(in8(FW_CFG_DATA), 'Q');
	asm volatile("insb" : "+D" (to) : "d" (FW_CFG_DATA) : "memory");
	CHECK_EQ(to, bytes + 1);
	CHECK_EQ(bytes[0], 'E');
	CHECK_EQ(bytes[1], 2);
	rep_insb(bytes + 4, 2);
	CHECK_EQ(bytes[3], 4);
	CHECK_EQ(bytes[4], 'M');
	CHECK_EQ(bytes[5], 'U');
	CHECK_EQ(bytes[6], 7);
	rep_insb(bytes, 0);
	CHECK_EQ(bytes[0], 'E');
	return NULL;
}

/* Three pages and a bit, from the end of a page on. */
const char *test_string_in_pages(void)
{
	static uint8_t area[5 * 4096] __attribute__((aligned(4096)));
	uint8_t *to = area + 4094;
	const size_t count = 3 * 4096 + 10;
	bool zero = true;

	for (size_t i = 0; i < sizeof(area); i++)
		area[i] = 0xee;
	select_signature();
	rep_insb(to, count);
	CHECK_EQ(to[-1], 0xee);
	CHECK_EQ(to[0], 'Q');
	CHECK_EQ(to[1], 'E');
	CHECK_EQ(to[2], 'M');
	CHECK_EQ(to[3], 'U');
	for (size_t i = 4; i < count; i++)
		zero &= !to[i];
	CHECK(zero);
	CHECK_EQ(to[count], 0xee);
	return NULL;
}

const char *test_string_in_down(void)
{
	uint8_t bytes[6] = { 1, 2, 3, 4, 5, 6 };
	uint8_t *to = bytes + 4;
	uint64_t count = 4;

	select_signature();
	asm volatile(DOWN "rep insb; " UP : "+D" (to), "+c" (count) : "d" (FW_CFG_DATA) : "memory");
	CHECK_EQ(to, bytes);
	CHECK_EQ(count, 0);
	CHECK_EQ(bytes[0], 1);
	CHECK_EQ(bytes[1], 'U');
	CHECK_EQ(bytes[2], 'M');
	CHECK_EQ(bytes[3], 'E');
	CHECK_EQ(bytes[4], 'Q');
	CHECK_EQ(bytes[5], 6);
	return NULL;
}
