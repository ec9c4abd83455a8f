// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions for fuzz_guests: see fuzz_insn.h. The encodings are those of SDM
 * vol. 2.
 */
#include "fuzz.h"
#include "fuzz_insn.h"

#define INT3	0xcc
#define POPF	0x9d
#define IRET	0xcf
#define CLI	0xfa

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

/* What is being put together. */
struct code {
	uint8_t *slot;
	size_t len;
	unsigned int bits;
	const struct fuzz_msrs *msrs;
};

static void put_bytes(struct code *c, const void *bytes, size_t n)
{
	if (c->len + n < FUZZ_SLOT) {
		memcpy(c->slot + c->len, bytes, n);
		c->len += n;
	}
}

#define PUT(c, ...) do {						\
	const uint8_t __bytes[] = { __VA_ARGS__ };			\
	put_bytes(c, __bytes, sizeof(__bytes));				\
} while (0)

/* A prefix that makes operands 32 bits wide where they are not. */
static void put_wide(struct code *c)
{
	if (c->bits == 16)
		PUT(c, 0x66);
}

/* MOV reg, imm32 */
static void put_load(struct code *c, unsigned int reg, uint32_t value)
{
	put_wide(c);
	PUT(c, 0xb8 + reg);
	put_bytes(c, &value, sizeof(value));
}

/* ModRM and a displacement, for a memory operand that is just an address */
static void put_address(struct code *c, unsigned int reg, uint32_t address)
{
	switch (c->bits) {
	case 16:
		PUT(c, 0x06 | reg << 3);
		put_bytes(c, &address, 2);
		return;
	case 32:
		PUT(c, 0x05 | reg << 3);
		break;
	default:
		PUT(c, 0x04 | reg << 3, 0x25);
	}
	put_bytes(c, &address, sizeof(address));
}

uint32_t fuzz_msr(const struct fuzz_msrs *msrs)
{
	uint32_t index = msrs->msrs[fuzz_below(msrs->n)].index;

	switch (fuzz_below(16)) {
	case 0:
		return fuzz_value();
	case 1:
		return index ^ 1U << fuzz_below(32);
	default:
		return index;
	}
}

static void put_rdmsr(struct code *c)
{
	put_load(c, ECX, fuzz_msr(c->msrs));
	PUT(c, 0x0f, 0x32);
}

static void put_wrmsr(struct code *c)
{
	uint64_t value = fuzz_value();

	put_load(c, ECX, fuzz_msr(c->msrs));
	/* What it holds, with a bit changed; or a value. */
	if (fuzz_one_in(2)) {
		PUT(c, 0x0f, 0x32);
		put_wide(c);
		PUT(c, 0x0f, 0xba, 0xf8 + fuzz_pick(((uint8_t[]){ EAX, EDX })),
		    fuzz_below(32));
	} else {
		put_load(c, EAX, value);
		put_load(c, EDX, value >> 32);
	}
	PUT(c, 0x0f, 0x30);
}

static void put_cpuid(struct code *c)
{
	static const uint32_t classes[] = {
		0, 0x40000000, 0x80000000, 0x80860000, 0xc0000000,
	};

	put_load(c, EAX, fuzz_one_in(4) ? fuzz_value() : fuzz_pick(classes) + fuzz_below(0x24));
	put_load(c, ECX, fuzz_one_in(4) ? fuzz_value() : fuzz_below(0x10));
	PUT(c, 0x0f, 0xa2);
}

static void put_from_cr(struct code *c, unsigned int cr)
{
	if (cr >= 8)
		PUT(c, 0x44);
	PUT(c, 0x0f, 0x20, 0xc0 | (cr & 7) << 3);
}

static void put_to_cr(struct code *c, unsigned int cr)
{
	if (cr >= 8)
		PUT(c, 0x44);
	PUT(c, 0x0f, 0x22, 0xc0 | (cr & 7) << 3);
}

/* A bit changed, mostly, and changed back often enough for the guest to go on. */
static void put_mov_cr(struct code *c)
{
	static const uint8_t crs[] = { 0, 0, 0, 2, 3, 4, 4, 4, 8, 1, 5, 15 };
	unsigned int cr = fuzz_pick(crs), bit = fuzz_below(c->bits == 64 ? 64 : 32);

	if (c->bits != 64)
		cr &= 7;
	if (fuzz_one_in(4)) {
		put_from_cr(c, cr);
		return;
	}
	if (fuzz_one_in(8)) {
		put_load(c, EAX, fuzz_value());
		put_to_cr(c, cr);
		return;
	}
	put_from_cr(c, cr);
	for (int i = 0; i < 2; i++) {
		if (c->bits == 64)
			PUT(c, 0x48);
		else
			put_wide(c);
		PUT(c, 0x0f, 0xba, 0xf8, bit);
		put_to_cr(c, cr);
		if (fuzz_one_in(2))
			return;
	}
}

static void put_mov_dr(struct code *c)
{
	uint8_t modrm = 0xc0 | fuzz_below(8) << 3;

	if (fuzz_one_in(3)) {
		PUT(c, 0x0f, 0x21, modrm);
		return;
	}
	put_load(c, EAX, fuzz_value());
	PUT(c, 0x0f, 0x23, modrm);
}

static void put_xsetbv(struct code *c)
{
	uint64_t value = fuzz_one_in(4) ? fuzz_value() : fuzz_below(0x400);

	put_load(c, ECX, fuzz_one_in(4) ? fuzz_value() : 0);
	put_load(c, EAX, value);
	put_load(c, EDX, value >> 32);
	PUT(c, 0x0f, 0x01, 0xd1);
}

static void put_invalidate(struct code *c)
{
	if (fuzz_one_in(2)) {
		PUT(c, 0x0f, 0x01);			/* INVLPG */
		put_address(c, 7, fuzz_value());
		return;
	}
	put_load(c, EAX, fuzz_below(6));
	PUT(c, 0x66, 0x0f, 0x38, 0x82);			/* INVPCID */
	put_address(c, EAX, FUZZ_CODE + fuzz_below(0x1000));
}

static void put_io(struct code *c)
{
	static const uint8_t opcodes[] = { 0xec, 0xed, 0xee, 0xef };

	put_load(c, EDX, fuzz_value());
	if (fuzz_one_in(4))
		PUT(c, 0x66);
	PUT(c, fuzz_pick(opcodes));
}

static void put_string_io(struct code *c)
{
	static const uint8_t opcodes[] = { 0x6c, 0x6d, 0x6e, 0x6f };

	put_load(c, ECX, fuzz_one_in(8) ? fuzz_value() : fuzz_below(300));
	/* To where nothing is that the guest needs, mostly. */
	put_load(c, fuzz_one_in(2) ? ESI : EDI,
		 fuzz_one_in(8) ? fuzz_value() : 0x8000 + fuzz_below(0x1000));
	PUT(c, fuzz_one_in(4) ? 0xfd : 0xfc);		/* STD, CLD */
	if (fuzz_one_in(4))
		PUT(c, 0x66);
	if (fuzz_one_in(2))
		PUT(c, 0xf3);
	PUT(c, fuzz_pick(opcodes));
}

static void put_segment(struct code *c)
{
	put_load(c, EAX, fuzz_one_in(4) ? fuzz_value() : fuzz_below(0x40));
	PUT(c, 0x8e, 0xc0 | fuzz_below(6) << 3);	/* MOV to a segment register */
}

/* A far jump, maybe to another task. */
static void put_far(struct code *c)
{
	uint16_t selector = fuzz_one_in(4) ? FUZZ_SEL_TSS : fuzz_below(0x40);
	uint32_t offset = FUZZ_CODE;

	put_wide(c);
	PUT(c, 0xea);
	put_bytes(c, &offset, sizeof(offset));
	put_bytes(c, &selector, sizeof(selector));
}

struct short_insn {
	uint8_t len, bytes[7];
};

static void put_other(struct code *c)
{
#define INSN(...) { sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }
	static const struct short_insn insns[] = {
		INSN(0xf4),				/* HLT */
		INSN(0xfb),				/* STI */
		INSN(0xfb, 0xf4),
		INSN(0xfb, 0x0f, 0xa2),			/* in the shadow of STI */
		INSN(0x8e, 0xd0, 0x0f, 0xa2),		/* and of MOV SS */
		INSN(0x0f, 0x06),			/* CLTS */
		INSN(0x0f, 0x01, 0xf0),			/* LMSW */
		INSN(0x0f, 0x01, 0xe0),			/* SMSW */
		INSN(0x0f, 0x08), INSN(0x0f, 0x09),	/* INVD, WBINVD */
		INSN(0x0f, 0x31), INSN(0x0f, 0x01, 0xf9), /* RDTSC, RDTSCP */
		INSN(0x0f, 0x33),			/* RDPMC */
		INSN(0x0f, 0x01, 0xc1),			/* VMCALL */
		INSN(0x0f, 0x01, 0xd9),			/* VMMCALL */
		INSN(0x0f, 0x01, 0xc2), INSN(0x0f, 0x01, 0xc3), INSN(0x0f, 0x01, 0xc4),
		INSN(0xf3, 0x0f, 0xc7, 0x30),		/* VMXON */
		INSN(0x66, 0x0f, 0xc7, 0x30), INSN(0x0f, 0xc7, 0x30),
		INSN(0x0f, 0x78, 0xc0), INSN(0x0f, 0x79, 0xc0),
		INSN(0x66, 0x0f, 0x38, 0x80, 0x00), INSN(0x66, 0x0f, 0x38, 0x81, 0x00),
		INSN(0x0f, 0x01, 0xd4),			/* VMFUNC */
		INSN(0x0f, 0x37),			/* GETSEC */
		INSN(0x0f, 0x01, 0xc8), INSN(0x0f, 0x01, 0xc9), /* MONITOR, MWAIT */
		INSN(0x0f, 0x01, 0xd0),			/* XGETBV */
		INSN(0xf3, 0x90),			/* PAUSE */
		INSN(0xf1),				/* INT1 */
		INSN(0xcd, 0x20), INSN(0xce), INSN(0xcf), /* INT, INTO, IRET */
		INSN(0x9c, 0x58, 0x80, 0xcc, 0x01, 0x50, 0x9d), /* TF, as far as AH goes */
		INSN(0x0f, 0xaa),			/* RSM */
		INSN(0x0f, 0x05), INSN(0x0f, 0x07),	/* SYSCALL, SYSRET */
		INSN(0x0f, 0x34), INSN(0x0f, 0x35),	/* SYSENTER, SYSEXIT */
		INSN(0x0f, 0x01, 0xf8),			/* SWAPGS */
		INSN(0x0f, 0x0b),			/* UD2 */
		INSN(0x0f, 0x01, 0xca), INSN(0x0f, 0x01, 0xcb), /* CLAC, STAC */
	};
#undef INSN
	const struct short_insn *insn = &fuzz_pick(insns);

	if (fuzz_one_in(2))
		put_load(c, fuzz_below(4), fuzz_value());
	put_bytes(c, insn->bytes, insn->len);
}

void fuzz_insn(uint8_t slot[FUZZ_SLOT], unsigned int bits, const struct fuzz_msrs *msrs)
{
	static void (*const makers[])(struct code *c) = {
		put_rdmsr, put_rdmsr, put_wrmsr, put_wrmsr, put_wrmsr, put_cpuid, put_mov_cr,
		put_mov_cr, put_mov_dr, put_xsetbv, put_invalidate, put_io, put_string_io,
		put_segment, put_other, put_other,
	};
	struct code c = { .slot = slot, .bits = bits, .msrs = msrs };

	memset(slot, INT3, FUZZ_SLOT);
	if (bits != 64 && fuzz_one_in(64))
		put_far(&c);
	else
		fuzz_pick(makers)(&c);
}

void fuzz_bytes(uint8_t slot[FUZZ_SLOT])
{
	/* More often than others: prefixes, and what begins most system instructions. */
	static const uint8_t likely[] = {
		0x0f, 0x0f, 0x0f, 0x66, 0xf2, 0xf3, 0x48, 0x67, 0xf0, 0x8e, 0x0f, 0x01,
	};

	for (size_t i = 0; i < FUZZ_SLOT; i += 8) {
		uint64_t word = fuzz_random();

		memcpy(slot + i, &word, sizeof(word));
	}
	for (unsigned int n = fuzz_below(4); n; n--)
		slot[fuzz_below(FUZZ_SLOT)] = fuzz_pick(likely);
	if (fuzz_one_in(2))
		slot[0] = fuzz_pick(likely);
	for (size_t i = 0; i < FUZZ_SLOT; i++)
		if (slot[i] == CLI || slot[i] == POPF || slot[i] == IRET)
			slot[i] = INT3;
	slot[FUZZ_SLOT - 1] = INT3;
}
