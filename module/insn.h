/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's instructions, as far as minihv decodes any: MOV and its relatives. */
#ifndef MINIHV_INSN_H
#define MINIHV_INSN_H

#include <linux/types.h>

#include "segment.h"

struct vcpu;
struct vcpu_mmio;

#define INSN_MAX	15

/* What a prefix would name, if there were one. */
#define SEG_DEFAULT	SEG_COUNT

/**
 * struct insn - an instruction, as far as it has been decoded
 * @bytes: from CS:RIP on
 * @fetched: how many there are
 * @fetch_linear: where the next one would be
 * @error_code: the page fault's, if that is why it is not there
 * @len: how many are decoded
 * @truncated: the instruction has more bytes than there are
 * @default_size: operand and address size without prefixes: 2, 4, or 8 in 64-bit code
 * @rex: the REX prefix, or 0
 * @segment: of the memory operand
 * @operand_size: bytes
 * @address_size: bytes
 * @reg: the ModRM byte's register operand
 * @rip_relative: @address is from the next instruction
 * @address: of the memory operand, within its segment
 * @base: bases of the segments
 */
struct insn {
	u8 bytes[INSN_MAX];
	u8 fetched;
	u64 fetch_linear;
	u32 error_code;
	u8 len;
	bool truncated;
	u8 default_size;
	u8 rex;
	enum segment segment;
	u8 operand_size;
	u8 address_size;
	u8 reg;
	bool rip_relative;
	u64 address;
	u64 base[SEG_COUNT];
};

int insn_decode_mov(struct vcpu *vcpu, struct insn *insn, struct vcpu_mmio *mmio);
u64 insn_linear_address(const struct insn *insn);

#endif
