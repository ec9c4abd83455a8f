// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions: MOV between memory and a general register or an immediate, MOVZX
 * and MOVSX. Drivers use nothing else to talk to their devices, so there is nothing
 * else here.
 *
 * SDM vol. 2, chapter "Instruction Format".
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "compat.h"
#include "insn.h"
#include "vcpu.h"

#define REX_W		BIT(3)
#define REX_R		BIT(2)
#define REX_X		BIT(1)
#define REX_B		BIT(0)

static int read_segments(struct vcpu *vcpu, struct insn *insn)
{
	int i, ret = vcpu_vmcs_get(vcpu);
	u32 ar;

	if (ret)
		return ret;
	ar = vmread32(GUEST_CS_AR_BYTES);
	for (i = 0; i < SEG_COUNT; i++)
		insn->base[i] = vmread_any(GUEST_ES_BASE + 2 * i);
	vcpu_vmcs_put(vcpu);

	if (!vcpu_is_long_mode(vcpu) || !(ar & VMX_AR_L_MASK)) {
		insn->default_size = ar & VMX_AR_DB_MASK ? 4 : 2;
		return 0;
	}
	insn->default_size = 8;
	for (i = 0; i < SEG_FS; i++)
		insn->base[i] = 0;
	return 0;
}

static bool is_64bit(const struct insn *insn)
{
	return insn->default_size == 8;
}

static u64 linear_address(const struct insn *insn, enum segment segment, u64 offset)
{
	u64 linear = insn->base[segment] + offset;

	return is_64bit(insn) ? linear : (u32)linear;
}

/* Up to the end of a page. -ENXIO is a page fault. */
static int fetch_chunk(struct vcpu *vcpu, struct insn *insn)
{
	unsigned int len;
	u64 gpa;
	int ret;

	insn->fetch_linear = linear_address(insn, SEG_CS, vcpu->rip + insn->fetched);
	len = min_t(unsigned int, INSN_MAX - insn->fetched,
		    PAGE_SIZE - offset_in_page(insn->fetch_linear));
	ret = vcpu_gva_to_gpa(vcpu, insn->fetch_linear, GVA_FETCH, &gpa, &insn->error_code);
	if (ret)
		return ret;
	ret = vm_read_guest(vcpu->vm, gpa, insn->bytes + insn->fetched, len);
	if (!ret)
		insn->fetched += len;
	return ret == -ENOENT ? -EFAULT : ret;
}

/*
 * As many bytes as an instruction can have, or an error that says why there are
 * fewer. It matters only to an instruction that goes on there.
 */
static int fetch(struct vcpu *vcpu, struct insn *insn)
{
	int ret = 0;

	while (!ret && insn->fetched < INSN_MAX)
		ret = fetch_chunk(vcpu, insn);
	return ret;
}

/* The next @n bytes as a number. */
static u64 next_bytes(struct insn *insn, unsigned int n)
{
	u64 value = 0;

	if (insn->len + n > insn->fetched) {
		insn->truncated = true;
		return 0;
	}
	memcpy(&value, insn->bytes + insn->len, n);
	insn->len += n;
	return value;
}

static s64 next_signed(struct insn *insn, unsigned int n)
{
	return sign_extend64(next_bytes(insn, n), 8 * n - 1);
}

/* Returns the first byte of the opcode; LOCK and REP are none of a MOV's, and returned too. */
static u8 decode_prefixes(struct insn *insn)
{
	bool operand_prefix = false, address_prefix = false;
	u8 byte;

	for (;;) {
		byte = next_bytes(insn, 1);
		switch (byte) {
		case 0x26: case 0x2e: case 0x36: case 0x3e:
			/* 64-bit code has no use for these segments, and does not see them. */
			if (!is_64bit(insn))
				insn->segment = byte >> 3 & 3;
			break;
		case 0x64: case 0x65:
			insn->segment = byte & 7;
			break;
		case 0x66:
			operand_prefix = true;
			break;
		case 0x67:
			address_prefix = true;
			break;
		case 0x40 ... 0x4f:
			if (is_64bit(insn)) {
				insn->rex = byte;
				continue;
			}
			fallthrough;
		default:
			if (is_64bit(insn)) {
				insn->operand_size = operand_prefix ? 2 : 4;
				insn->address_size = address_prefix ? 4 : 8;
				if (insn->rex & REX_W)
					insn->operand_size = 8;
			} else {
				insn->operand_size = insn->default_size ^ (operand_prefix ? 6 : 0);
				insn->address_size = insn->default_size ^ (address_prefix ? 6 : 0);
			}
			return byte;
		}
		/* A REX prefix counts only right before the opcode. */
		insn->rex = 0;
	}
}

static u64 gpr(const struct vcpu *vcpu, u8 number)
{
	return vcpu->vmenter.regs[number];
}

static void default_segment(struct insn *insn, bool stack)
{
	if (insn->segment == SEG_DEFAULT)
		insn->segment = stack ? SEG_SS : SEG_DS;
}

/* SDM vol. 2, table "16-Bit Addressing Forms with the ModR/M Byte". */
static void decode_address_16(struct vcpu *vcpu, struct insn *insn, u8 mod, u8 rm)
{
	static const u8 base[8] = {
		GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX
	};
	bool no_base = mod == 0 && rm == 6;

	default_segment(insn, base[rm] == GPR_RBP && !no_base);
	if (!no_base)
		insn->address = gpr(vcpu, base[rm]);
	if (rm < 4)
		insn->address += gpr(vcpu, rm & 1 ? GPR_RDI : GPR_RSI);
	if (mod || no_base)
		insn->address += next_signed(insn, mod == 1 ? 1 : 2);
}

/* SDM vol. 2, tables "32-Bit Addressing Forms with the ModR/M Byte" and "... SIB Byte". */
static void decode_address_32(struct vcpu *vcpu, struct insn *insn, u8 mod, u8 rm)
{
	u8 base = rm, index, sib;
	bool no_base;

	if (rm == 4) {
		sib = next_bytes(insn, 1);
		base = sib & 7;
		index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8 : 0);
		if (index != GPR_RSP)
			insn->address = gpr(vcpu, index) << (sib >> 6);
	}
	no_base = mod == 0 && base == 5;
	insn->rip_relative = no_base && rm == 5 && is_64bit(insn);
	if (insn->rex & REX_B)
		base |= 8;
	default_segment(insn, !no_base && (base == GPR_RSP || base == GPR_RBP));
	if (!no_base)
		insn->address += gpr(vcpu, base);
	if (mod || no_base)
		insn->address += next_signed(insn, mod == 1 ? 1 : 4);
}

/* The ModRM byte and what belongs to it. False if both operands are registers. */
static bool decode_modrm(struct vcpu *vcpu, struct insn *insn)
{
	u8 modrm = next_bytes(insn, 1), mod = modrm >> 6, rm = modrm & 7;

	insn->reg = (modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0);
	if (mod == 3)
		return false;
	if (insn->address_size == 2)
		decode_address_16(vcpu, insn, mod, rm);
	else
		decode_address_32(vcpu, insn, mod, rm);
	return true;
}

/* The register operand: its number, and which part of it. */
static void use_register(struct vcpu *vcpu, const struct insn *insn, struct vcpu_mmio *mmio)
{
	mmio->gpr = insn->reg;
	mmio->high_byte = mmio->gpr_len == 1 && !insn->rex && insn->reg >= 4;
	if (mmio->high_byte)
		mmio->gpr -= 4;
	if (mmio->write)
		mmio->data = gpr(vcpu, mmio->gpr) >> (mmio->high_byte ? 8 : 0);
}

/* MOVZX and MOVSX (but MOVSXD) are known by their second byte: 0xb6, 0xb7, 0xbe, 0xbf. */
static bool decode_extend(struct vcpu *vcpu, struct insn *insn, struct vcpu_mmio *mmio)
{
	u8 opcode = next_bytes(insn, 1);

	if ((opcode & ~9) != 0xb6)
		return false;
	mmio->len = opcode & 1 ? 2 : 1;
	mmio->gpr_len = insn->operand_size;
	mmio->sign_extend = opcode & 8;
	if (!decode_modrm(vcpu, insn))
		return false;
	use_register(vcpu, insn, mmio);
	return true;
}

/* False if it is anything else than what this file is for. */
static bool decode_opcode(struct vcpu *vcpu, struct insn *insn, struct vcpu_mmio *mmio)
{
	u8 opcode = decode_prefixes(insn);

	if (opcode == 0x0f)
		return decode_extend(vcpu, insn, mmio);
	mmio->len = opcode & 1 ? insn->operand_size : 1;
	mmio->gpr_len = mmio->len;
	switch (opcode) {
	case 0x63:
		/* MOVSXD; outside of 64-bit code it is another instruction. */
		if (!is_64bit(insn) || !decode_modrm(vcpu, insn))
			return false;
		mmio->len = min_t(u8, mmio->len, 4);
		mmio->sign_extend = true;
		use_register(vcpu, insn, mmio);
		return true;
	case 0x88: case 0x89: case 0x8a: case 0x8b:
		mmio->write = !(opcode & 2);
		if (!decode_modrm(vcpu, insn))
			return false;
		use_register(vcpu, insn, mmio);
		return true;
	case 0xa0: case 0xa1: case 0xa2: case 0xa3:
		mmio->write = opcode & 2;
		default_segment(insn, false);
		insn->address = next_bytes(insn, insn->address_size);
		insn->reg = GPR_RAX;
		use_register(vcpu, insn, mmio);
		return true;
	case 0xc6: case 0xc7:
		mmio->write = true;
		if (!decode_modrm(vcpu, insn) || insn->reg & 7)
			return false;
		mmio->data = next_signed(insn, min_t(u8, mmio->len, 4));
		return true;
	}
	return false;
}

static bool decode(struct vcpu *vcpu, struct insn *insn, struct vcpu_mmio *mmio)
{
	if (!decode_opcode(vcpu, insn, mmio))
		return false;
	/* Now the instruction's end is known. */
	if (insn->rip_relative)
		insn->address += vcpu->rip + insn->len;
	if (insn->address_size < 8)
		insn->address &= BIT_ULL(8 * insn->address_size) - 1;
	return true;
}

/**
 * insn_decode_mov() - fetch and decode the instruction at CS:RIP
 * @vcpu: the vCPU, not loaded
 * @insn: gets what there is to know of it
 * @mmio: gets what it does, all but the guest-physical address
 *
 * Sets accessed bits of the page tables, as a fetch does.
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP if it is no MOV, MOVZX or MOVSX between memory and a
 * general register or an immediate; -ENXIO if the fetch is a page fault, at
 * @insn->fetch_linear; -EFAULT if there is no memory; -EAGAIN or -EINTR when
 * killed; -ESHUTDOWN.
 */
int insn_decode_mov(struct vcpu *vcpu, struct insn *insn, struct vcpu_mmio *mmio)
{
	bool is_mov;
	int ret;

	*insn = (struct insn){ .segment = SEG_DEFAULT };
	*mmio = (struct vcpu_mmio){};
	ret = read_segments(vcpu, insn);
	if (ret)
		return ret;
	ret = fetch(vcpu, insn);
	is_mov = decode(vcpu, insn, mmio);
	/* All 15 bytes are there, and the instruction still goes on? The CPU takes none such. */
	if (insn->truncated)
		return ret ?: -EOPNOTSUPP;
	return is_mov ? 0 : -EOPNOTSUPP;
}

/** insn_linear_address() - the linear address of the memory operand */
u64 insn_linear_address(const struct insn *insn)
{
	return linear_address(insn, insn->segment, insn->address);
}
