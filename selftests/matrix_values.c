// SPDX-License-Identifier: GPL-2.0
/*
 * Which values the matrix writes to an MSR.
 */
#include <stdarg.h>
#include <stdio.h>

#include "matrix.h"
#include "msrs.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* On either side of where addresses of 48 bits, and of 57, stop being canonical. */
static const uint64_t edges[] = {
	0x00007fffffffffff, 0x0000800000000000, 0xffff800000000000, 0xffff7fffffffffff,
	0x00ffffffffffffff, 0x0100000000000000, 0xff00000000000000, 0xfeffffffffffffff,
};

/* Values that mean something to particular MSRs. */
static const struct {
	uint32_t first;
	uint32_t last;
	uint64_t value;
} special[] = {
	{ 0x3a, 0x3a, 0x5 },				/* VMX outside SMX, locked */
	{ 0x3a, 0x3a, 0x7 },				/* and inside */
	{ 0x3a, 0x3a, 0x100001 },			/* LMCE, locked */
	{ 0x17b, 0x17b, ~0x1ull },
	{ 0x1a0, 0x1a0, 0x1 },				/* what VMMs set at boot */
	{ 0x1d9, 0x1d9, 0x3 },				/* LBR and BTF */
	{ 0x400, 0x47f, ~0x1ull },			/* old kernels' machine check */
	{ 0x400, 0x47f, ~0x400ull },
	{ 0x400, 0x47f, ~0x401ull },
	{ 0xc0000080, 0xc0000080, 0xd01 },		/* a 64-bit kernel's */
	{ 0xc0010015, 0xc0010015, 0x148 },		/* bits that KVM ignores */
	{ 0xc0010015, 0xc0010015, 0x40148 },		/* and McStatusWrEn */
};

/* How many of the MSR's bytes, from the lowest, are memory types. */
static unsigned int memory_types(uint32_t index)
{
	switch (index) {
	case 0x200 ... 0x20f:
		return index & 1 ? 0 : 1;
	case 0x250:
	case 0x258 ... 0x259:
	case 0x268 ... 0x26f:
	case MSR_IA32_PAT:
		return 8;
	case 0x2ff:
		return 1;
	default:
		return 0;
	}
}

struct list {
	struct matrix_value *values;
	size_t n;
};

__attribute__((format(printf, 3, 4)))
static void add(struct list *list, uint64_t value, const char *format, ...)
{
	struct matrix_value *to = &list->values[list->n++];
	va_list args;

	to->value = value;
	va_start(args, format);
	vsnprintf(to->name, sizeof(to->name), format, args);
	va_end(args);
}

static void add_number(struct list *list, uint64_t value)
{
	add(list, value, "%#llx", (unsigned long long)value);
}

static void add_types(struct list *list, uint32_t index, uint64_t now)
{
	unsigned int byte;
	uint64_t type;

	for (byte = 0; byte < memory_types(index); byte++) {
		for (type = 0; type <= 8; type++) {
			add(list, (now & ~(0xffull << 8 * byte)) | type << 8 * byte,
			    "type%u=%u", byte, (unsigned int)type);
		}
	}
}

size_t matrix_values(const struct matrix_msr *msr, uint64_t now,
		     struct matrix_value values[MATRIX_VALUES_MAX])
{
	struct list list = { .values = values };
	unsigned int bit;
	size_t i;

	add(&list, 0, "0");
	add(&list, ~0ull, "ones");
	add(&list, now, "same");
	if (!msr->full) {
		add(&list, now ^ 1, "flip0");
		add(&list, now ^ 1ull << 63, "flip63");
		return list.n;
	}
	for (bit = 0; bit < 64; bit++)
		add(&list, now ^ 1ull << bit, "flip%u", bit);
	for (i = 0; i < ARRAY_SIZE(edges); i++)
		add_number(&list, edges[i]);
	for (i = 0; i < ARRAY_SIZE(special); i++)
		if (msr->index >= special[i].first && msr->index <= special[i].last)
			add_number(&list, special[i].value);
	add_types(&list, msr->index, now);
	return list.n;
}
