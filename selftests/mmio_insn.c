// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO against memory: the same instruction runs in two VMs, one with memory in
 * the place, where the CPU does it all, and one without, where this test is the
 * device. Registers, RIP, RFLAGS and the contents have to end up the same.
 */
#include <asm/processor-flags.h>

#include "twins.h"
#include "harness.h"

#define OPCODE_MOVSXD	0x63

enum { ES, SS = 2, DS, FS, GS };

FIXTURE(insn) {
	struct twins twins;
	unsigned int done;
};

FIXTURE_VARIANT(insn) {
	enum vm_mode mode;
	int bits;
};

FIXTURE_VARIANT_ADD(insn, long_mode) {
	.mode = VM_MODE_LONG, .bits = 64,
};

FIXTURE_VARIANT_ADD(insn, protected_32) {
	.mode = VM_MODE_PROTECTED, .bits = 32,
};

FIXTURE_VARIANT_ADD(insn, protected_16) {
	.mode = VM_MODE_PROTECTED, .bits = 16,
};

FIXTURE_VARIANT_ADD(insn, real_mode) {
	.mode = VM_MODE_REAL, .bits = 16,
};

FIXTURE_SETUP(insn)
{
	ASSERT_EQ(0, twins_create(&self->twins));
	srandom(1);
}

FIXTURE_TEARDOWN(insn)
{
	twins_destroy(&self->twins);
}

static void expect(struct __test_metadata *_metadata, const struct trial *t,
		   uint64_t expected, uint64_t seen)
{
	EXPECT_EQ(expected, seen) {
		TH_LOG("%s", trial_text(t));
	}
}

/* Both VMs are in the same mode, and the instruction is one that has to work. */
static void check_trial(struct __test_metadata *_metadata,
			struct twins *twins, struct trial *t)
{
	struct vcpu *ram = &twins->ram.vcpu, *dev = &twins->dev.vcpu;
	struct kvm_regs expected, regs;
	unsigned int exits;

	ASSERT_EQ(0, trial_start(ram, t, twins->ram_mem));
	ASSERT_EQ(0, trial_start(dev, t, twins->dev_mem));
	expect(_metadata, t, HALTED, trial_run(ram, NULL, &exits));
	expect(_metadata, t, 0, exits);
	expect(_metadata, t, HALTED,
	       trial_run(dev, twins->dev_mem, &exits));
	expect(_metadata, t, 1, exits);
	ASSERT_EQ(0, sys_ioctl_ptr(ram->fd, KVM_GET_REGS, &expected));
	ASSERT_EQ(0, sys_ioctl_ptr(dev->fd, KVM_GET_REGS, &regs));
	/* So the CPU agrees with this test about the length, and so does MMIO. */
	expect(_metadata, t, t->regs.rip + t->len + 1, expected.rip);
	expect(_metadata, t, expected.rip, regs.rip);
	expect(_metadata, t, 0, memcmp(&expected, &regs, sizeof(regs)));
	expect(_metadata, t, 0,
	       memcmp(twins->ram_mem, twins->dev_mem, WINDOW));
}

/*
 * The code segment's size, and where @TARGET is for its instructions: the bases
 * of the segments are in the hole unless it is 64.
 */
struct code_mode {
	int bits;
	uint64_t target;
	uint64_t rip;	/* linear */
};

/* ModRM and displacement in the @n-th form, and the registers in it. */
static void add_memory_16(struct trial *t, const struct code_mode *mode, int n)
{
	static const int bases[] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
	int mod = n / 8, rm = n % 8, reg_field = t->regs.rcx & 7;
	bool no_base = mod == 0 && rm == 6;
	int16_t disp = mod == 1 ? (int8_t)random() : (int16_t)random();
	uint16_t base = mode->target;

	trial_put(t, mod << 6 | reg_field << 3 | rm, 1);
	if (no_base) {
		trial_put(t, mode->target, 2);
		return;
	}
	if (mod)
		base -= disp;
	if (rm < 4) {
		uint16_t index = random();
		__u64 *r = trial_reg(t, rm & 1 ? RDI : RSI);

		*r = (*r & ~0xffffULL) | index;
		base -= index;
	}
	memcpy(trial_reg(t, bases[rm]), &base, 2);
	if (mod)
		trial_put(t, disp, mod);
}

/*
 * The same for 32 and 64 bits, with or without a SIB byte. @after: bytes that
 * follow, for what is relative to RIP.
 */
static void add_memory(struct trial *t, const struct code_mode *mode, int n,
		       int rex, bool addr32, int after)
{
	int mod = n / 8, rm = n % 8, sib = random() & 0xff;
	int base = rm, index = NONE, scale = 0;
	int32_t disp = mod == 1 ? (int8_t)random() :
		       mod == 2 ? (int16_t)random() : 0;
	uint64_t offset = mode->target, extra, value;
	bool no_base;

	trial_put(t, mod << 6 | (t->regs.rcx & 7) << 3 | rm, 1);
	if (rm == RSP) {
		/* Each fourth has no index, each fourth no base with mod 0. */
		if (random() % 4 == 0)
			sib = (sib & 0xc7) | RSP << 3;
		if (random() % 4 == 0)
			sib = (sib & 0xf8) | RBP;
		trial_put(t, sib, 1);
		base = sib & 7;
		index = (sib >> 3 & 7) | (rex & 2 ? 8 : 0);
		if (index == RSP)
			index = NONE;
		scale = 1 << (sib >> 6);
	}
	no_base = mod == 0 && base == RBP;
	if (rex & 1)
		base |= 8;
	/* Bits that a shorter address does not have. */
	extra = addr32 && mode->bits == 64 ? random64() << 32 : 0;
	if (index != NONE) {
		value = random() & 0xf0;
		if (index == base && !no_base) {
			value = (offset - disp) / (1 + scale);
			*trial_reg(t, index) = value | extra;
			offset = value * (1 + scale) + disp;
		} else {
			*trial_reg(t, index) = value | extra;
			offset -= value * scale;
		}
	}
	if (no_base) {
		if (rm == RBP && mode->bits == 64)
			offset -= mode->rip + t->len + 4 + after;
		trial_put(t, offset, 4);
		return;
	}
	if (index != base)
		*trial_reg(t, base) = (uint32_t)(offset - disp) | extra;
	if (mod)
		trial_put(t, disp, mod == 1 ? 1 : 4);
}

/* How an opcode goes on; the ModRM byte's reg field is 0 for those with an immediate. */
static const struct {
	uint8_t bytes[2];
	uint8_t len;
	enum { MODRM, MODRM_IMM, OFFSET } form;
} opcodes[] = {
	{ { 0x88 }, 1, MODRM }, { { 0x89 }, 1, MODRM },
	{ { 0x8a }, 1, MODRM }, { { 0x8b }, 1, MODRM },
	{ { 0xc6 }, 1, MODRM_IMM }, { { 0xc7 }, 1, MODRM_IMM },
	{ { 0x0f, 0xb6 }, 2, MODRM }, { { 0x0f, 0xb7 }, 2, MODRM },
	{ { 0x0f, 0xbe }, 2, MODRM }, { { 0x0f, 0xbf }, 2, MODRM },
	{ { OPCODE_MOVSXD }, 1, MODRM },	/* in 64-bit code */
	{ { 0xa0 }, 1, OFFSET }, { { 0xa1 }, 1, OFFSET },
	{ { 0xa2 }, 1, OFFSET }, { { 0xa3 }, 1, OFFSET },
};

#define N_OPCODES	(ARRAY_SIZE(opcodes))

/* Prefixes in any order and number; the last one may be REX. */
static const char *const prefixes_64[] = {
	"", "\x66", "\x67", "\x48", "\x40", "\x66\x67", "\x67\x66", "\x41",
	"\x42", "\x44", "\x47", "\x4f", "\x66\x48", "\x67\x49", "\x64", "\x65",
	"\x65\x66\x4d", "\x66\x66\x66", "\x2e\x36\x26\x3e", "\x67\x64\x66\x43",
	/* A REX that is not the last one counts for nothing. */
	"\x48\x66", "\x4f\x67", "\x4f\x40", "\x40\x4f", "\x4c\x64",
};

static const char *const prefixes_legacy[] = {
	"", "\x66", "\x67", "\x66\x67", "\x67\x66", "\x26", "\x36\x67",
	"\x3e\x66", "\x64", "\x65\x67\x66", "\x26\x36\x66\x66", "\x67\x67",
};

static void make_trial(struct trial *t, const struct code_mode *mode,
		       const char *prefixes, size_t opcode, int form)
{
	size_t n = strlen(prefixes);
	int rex = 0, other = mode->bits == 32 ? 16 : 32, after = 0;
	bool operand_prefix = strchr(prefixes, 0x66);
	bool addr_prefix = strchr(prefixes, 0x67);
	int address = addr_prefix ? other : mode->bits;
	struct code_mode m = *mode;

	if (mode->bits == 64) {
		if (n && (prefixes[n - 1] & 0xf0) == 0x40)
			rex = prefixes[n - 1] & 0xf;
		if (strchr(prefixes, 0x64))
			m.target -= FS;
		else if (strchr(prefixes, 0x65))
			m.target -= GS;
	}
	t->len = 0;
	for (int i = 0; i <= R15; i++)
		*trial_reg(t, i) = random64();
	t->regs.rip = mode->rip - (mode->bits == 16 ? CODE_GPA : 0);
	t->regs.rflags = X86_EFLAGS_FIXED;
	for (size_t i = 0; i < n; i++)
		trial_put(t, (uint8_t)prefixes[i], 1);
	for (int i = 0; i < opcodes[opcode].len; i++)
		trial_put(t, opcodes[opcode].bytes[i], 1);
	if (opcodes[opcode].form == OFFSET) {
		trial_put(t, m.target, address / 8);
		return;
	}
	if (opcodes[opcode].form == MODRM_IMM) {
		bool words = operand_prefix ? mode->bits != 16 : mode->bits == 16;

		t->regs.rcx &= ~7ULL;
		after = opcodes[opcode].bytes[0] == 0xc6 ? 1 :
			words && !(rex & 8) ? 2 : 4;
	}
	if (address == 16)
		add_memory_16(t, &m, form);
	else
		add_memory(t, &m, form, rex, address == 32, after);
	trial_put(t, random64(), after);
}

static int set_segments(struct vcpu *vcpu, int bits)
{
	struct kvm_segment *segs[] = { [ES] = NULL, [SS] = NULL, [DS] = NULL,
				       [FS] = NULL, [GS] = NULL };
	struct kvm_sregs sregs;
	int ret;

	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	segs[ES] = &sregs.es;
	segs[SS] = &sregs.ss;
	segs[DS] = &sregs.ds;
	segs[FS] = &sregs.fs;
	segs[GS] = &sregs.gs;
	/* Each where the wrong one shows. */
	for (int i = ES; i <= GS; i++)
		if (segs[i])
			segs[i]->base = (bits == 64 ? 0 : HOLE) + i;
	if (bits == 16) {
		sregs.cs.base = CODE_GPA;
		sregs.cs.db = 0;
	}
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
}

/* Each opcode with all prefixes and forms of address; the rest is by chance. */
TEST_F(insn, each_form)
{
	struct code_mode mode = { .bits = variant->bits, .rip = CODE_GPA };
	const char *const *prefixes = prefixes_legacy;
	size_t n = ARRAY_SIZE(prefixes_legacy);
	struct trial t = {};

	mode.target = TARGET;
	if (variant->bits == 64) {
		mode.target += HOLE;
		prefixes = prefixes_64;
		n = ARRAY_SIZE(prefixes_64);
	}
	ASSERT_EQ(0, vcpu_set_mode(&self->twins.ram.vcpu, variant->mode, CODE_GPA, 0));
	ASSERT_EQ(0, vcpu_set_mode(&self->twins.dev.vcpu, variant->mode, CODE_GPA, 0));
	ASSERT_EQ(0, set_segments(&self->twins.ram.vcpu, variant->bits));
	ASSERT_EQ(0, set_segments(&self->twins.dev.vcpu, variant->bits));
	for (size_t p = 0; p < n; p++) {
		for (size_t o = 0; o < N_OPCODES; o++) {
			int forms = opcodes[o].form == OFFSET ? 1 : 24;

			if (opcodes[o].bytes[0] == OPCODE_MOVSXD && variant->bits != 64)
				continue;
			for (int form = 0; form < forms; form++) {
				make_trial(&t, &mode, prefixes[p], o, form);
				check_trial(_metadata, &self->twins, &t);
				self->done++;
			}
		}
	}
	TH_LOG("%u instructions", self->done);
	EXPECT_EQ(n * ((variant->bits == 64 ? 11 : 10) * 24 + 4), self->done);
}

TEST_HARNESS_MAIN
