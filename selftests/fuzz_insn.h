/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Code for the guests of fuzz_guests: instructions that a hypervisor has to do
 * with, with operands at which something changes; and bytes that are just bytes.
 */
#ifndef MINIHV_SELFTESTS_FUZZ_INSN_H
#define MINIHV_SELFTESTS_FUZZ_INSN_H

#include <stddef.h>
#include <stdint.h>

#include "matrix.h"

#define FUZZ_SLOT	32	/* bytes of code; at least its last one is INT3 */

/* A selector that is a TSS, where there is a GDT. */
#define FUZZ_SEL_TSS	0x38
/* And one of 16-bit code, in guests that go to it. */
#define FUZZ_SEL_CODE16	0x40

/**
 * struct fuzz_msrs - which MSRs the guests are interested in
 * @msrs:	them
 * @n:		how many
 */
struct fuzz_msrs {
	struct matrix_msr *msrs;
	size_t n;
};

/* fuzz_msr() - one of @msrs mostly, or any */
uint32_t fuzz_msr(const struct fuzz_msrs *msrs);

/* fuzz_insn() - fill @slot with an instruction for code of @bits, and its operands */
void fuzz_insn(uint8_t slot[FUZZ_SLOT], unsigned int bits, const struct fuzz_msrs *msrs);

/* fuzz_bytes() - fill @slot with anything but what clears RFLAGS.IF */
void fuzz_bytes(uint8_t slot[FUZZ_SLOT]);

#endif
