// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that leave the guest, and that the hypervisor carries out: the
 * guest cannot tell. Control and debug registers, translations, and those
 * that do nothing.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define DR6_B0		(1 << 0)

static const uint8_t read_cr0[] = { 0x0f, 0x20, 0xc0 };
static const uint8_t write_cr0[] = { 0x0f, 0x22, 0xc0 };
static const uint8_t write_cr3[] = { 0x0f, 0x22, 0xd8 };
static const uint8_t read_cr3[] = { 0x0f, 0x20, 0xd8 };
static const uint8_t read_cr8[] = { 0x44, 0x0f, 0x20, 0xc0 };
static const uint8_t write_cr8[] = { 0x44, 0x0f, 0x22, 0xc0 };
static const uint8_t smsw[] = { 0x48, 0x0f, 0x01, 0xe0 };	/* to RAX */
static const uint8_t lmsw[] = { 0x0f, 0x01, 0xf0 };		/* from AX */
static const uint8_t clts[] = { 0x0f, 0x06 };
static const uint8_t addps[] = { 0x0f, 0x58, 0xc0 };
static const uint8_t load[] = { 0x48, 0x8b, 0x18 };	/* mov (%rax), %rbx */
static const uint8_t store[] = { 0x48, 0x89, 0x18 };	/* mov %rbx, (%rax) */
static const uint8_t invlpg[] = { 0x0f, 0x01, 0x38 };

#define OP(insn) vm_op_insn(insn, sizeof(insn))

FIXTURE(carried_out) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(carried_out)
{
	ASSERT_MACHINE(&self->m, 4);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(carried_out)
{
	machine_destroy(&self->m);
}

/* CR0.TS three ways, and what it does: #NM for SSE. */
TEST_F(carried_out, cr0_ts)
{
	struct vm_op ops[] = {
		OP(read_cr0), OP(smsw), OP(addps),		/* 0-2 */
		OP(write_cr0), OP(read_cr0), OP(addps),		/* 3-5 */
		OP(clts), OP(read_cr0), OP(addps),		/* 6-8 */
		OP(lmsw), OP(smsw), OP(addps),			/* 9-11 */
		OP(lmsw), OP(read_cr0),				/* 12-13 */
	};
	uint64_t cr0;

	ASSERT_OPS(self->vcpu, ops, 3);
	cr0 = ops[0].rax;
	EXPECT_EQ(0, cr0 & X86_CR0_TS);
	EXPECT_EQ(cr0, ops[1].rax) {
		TH_LOG("SMSW and MOV from CR0 differ");
	}
	EXPECT_EQ(VM_OP_DONE, ops[2].vector);

	ops[3].rax = cr0 | X86_CR0_TS;
	ops[9].rax = cr0 | X86_CR0_TS;
	ops[12].rax = 0;	/* cannot leave protected mode */
	ASSERT_OPS(self->vcpu, ops + 3, ARRAY_SIZE(ops) - 3);
	EXPECT_EQ(cr0 | X86_CR0_TS, ops[4].rax);
	EXPECT_EQ(VECTOR_NM, ops[5].vector);
	EXPECT_EQ(cr0, ops[7].rax) {
		TH_LOG("after CLTS");
	}
	EXPECT_EQ(VM_OP_DONE, ops[8].vector);
	EXPECT_EQ(cr0 | X86_CR0_TS, ops[10].rax) {
		TH_LOG("after LMSW");
	}
	EXPECT_EQ(VECTOR_NM, ops[11].vector);
	EXPECT_EQ(VM_OP_DONE, ops[12].vector);
	EXPECT_EQ(cr0 & ~0xeULL, ops[13].rax) {
		TH_LOG("LMSW of 0 clears MP, EM and TS, not PE: CR0 %#lx",
		       ops[13].rax);
	}
}

TEST_F(carried_out, cr8)
{
	struct vm_op ops[] = {
		OP(read_cr8), OP(write_cr8), OP(read_cr8), OP(write_cr8),
		OP(read_cr8),
	};
	struct kvm_sregs sregs;

	ops[1].rax = 9;
	ops[3].rax = 16;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0, ops[0].rax);
	EXPECT_EQ(9, ops[2].rax);
	EXPECT_EQ(VECTOR_GP, ops[3].vector);
	EXPECT_EQ(9, ops[4].rax);
	EXPECT_EQ(9, self->vcpu->run->cr8);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(9, sregs.cr8);
}

/*
 * The guest changes a translation that it has used: the old one may be used
 * until it says INVLPG or loads CR3, and not after that.
 */
TEST_F(carried_out, translations)
{
	const uint64_t window = 0x3fe00000;	/* the last 2 MiB mapped */
	uint64_t *pd = vm_gpa(&self->m.vm, VM_GPA_PD, 4096);
	const uint64_t attributes = pd[0] & 0x1ff;
	uint64_t *pages[2] = {
		vm_gpa(&self->m.vm, 0x1f0000, 8),
		vm_gpa(&self->m.vm, 0x3f0000, 8),
	};
	struct vm_op ops[] = {
		OP(load), OP(store), OP(invlpg), OP(load),
		OP(store), OP(read_cr3), OP(write_cr3), OP(load),
	};

	*pages[0] = 0x1111;
	*pages[1] = 0x2222;
	pd[511] = 0 | attributes;
	ops[0].rax = window + 0x1f0000;
	ops[1].rax = VM_GPA_PD + 511 * 8;
	ops[1].rbx = 0x200000 | attributes;
	ops[2].rax = window;
	ops[3].rax = window + 0x1f0000;
	ops[4].rax = VM_GPA_PD + 511 * 8;
	ops[4].rbx = 0 | attributes;
	ops[6].rax = VM_GPA_PML4;
	ops[7].rax = window + 0x1f0000;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0x1111, ops[0].rbx);
	EXPECT_EQ(0x2222, ops[3].rbx) {
		TH_LOG("after INVLPG");
	}
	EXPECT_EQ(VM_GPA_PML4, ops[5].rax);
	EXPECT_EQ(0x1111, ops[7].rbx) {
		TH_LOG("after MOV to CR3");
	}
}

/* The guest's own breakpoints: on data, then on an instruction. */
TEST_F(carried_out, breakpoints)
{
	static const uint8_t write_dr0[] = { 0x0f, 0x23, 0xc0 };
	static const uint8_t write_dr6[] = { 0x0f, 0x23, 0xf0 };
	static const uint8_t write_dr7[] = { 0x0f, 0x23, 0xf8 };
	static const uint8_t read_dr0[] = { 0x0f, 0x21, 0xc0 };
	static const uint8_t read_dr6[] = { 0x0f, 0x21, 0xf0 };
	static const uint8_t read_dr7[] = { 0x0f, 0x21, 0xf8 };
	struct vm_op ops[] = {
		OP(write_dr0), OP(write_dr6), OP(write_dr7),	/* 0-2 */
		vm_op_cpuid(0, 0), OP(store), OP(read_dr6),	/* 3-5 */
		OP(read_dr0), OP(read_dr7),			/* 6-7 */
		OP(write_dr7), OP(store), OP(read_dr7),		/* 8-10 */
	};

	ops[0].rax = CODE_GPA;
	ops[2].rax = 0xd0402;		/* DR0: global, write, 4 bytes */
	ops[4].rax = CODE_GPA;
	ops[8].rax = 0x400;
	ops[9].rax = CODE_GPA;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VECTOR_DB, ops[4].vector);
	EXPECT_EQ(ops[4].len, ops[4].rip) {
		TH_LOG("a data breakpoint comes after the access");
	}
	EXPECT_EQ(DR6_B0, ops[5].rax & 0xf) {
		TH_LOG("DR6 %#lx", ops[5].rax);
	}
	EXPECT_EQ(CODE_GPA, ops[6].rax);
	EXPECT_EQ(0xd0402, ops[7].rax);
	EXPECT_EQ(VM_OP_DONE, ops[9].vector) {
		TH_LOG("the breakpoint was turned off");
	}
	EXPECT_EQ(0x400, ops[10].rax);
}

/* Reserved bits 63:32 of DR6 and DR7, and what MOV DR is to CR4.DE. */
TEST_F(carried_out, invalid_debug_registers)
{
	static const uint8_t write_dr6[] = { 0x0f, 0x23, 0xf0 };
	static const uint8_t write_dr7[] = { 0x0f, 0x23, 0xf8 };
	struct vm_op ops[] = { OP(write_dr6), OP(write_dr7), OP(write_dr7) };

	ops[0].rax = 1ULL << 32;
	ops[1].rax = 1ULL << 63 | 0x400;
	ops[2].rax = 0x400;
	ops[2].user = 1;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_GP, ops[i].vector);
		EXPECT_EQ(0, ops[i].rip);
	}
}

/* No cache of the host is thrown away, and nobody waits. */
TEST_F(carried_out, nothing_happens)
{
	static const struct {
		const char *name;
		uint8_t len;
		uint8_t insn[4];
	} rows[] = {
		{ "INVD", 2, { 0x0f, 0x08 } },
		{ "WBINVD", 2, { 0x0f, 0x09 } },
		{ "PAUSE", 2, { 0xf3, 0x90 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm_op op = vm_op_insn(rows[i].insn, rows[i].len);

		op.rax = 0x1234;
		ASSERT_OPS(self->vcpu, &op, 1);
		EXPECT_EQ(VM_OP_DONE, op.vector) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(rows[i].len, op.rip) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(0x1234, op.rax) {
			TH_LOG("%s", rows[i].name);
		}
	}
}

/* A hypercall that there is not: -KVM_ENOSYS, and the guest goes on. */
TEST_F(carried_out, unknown_hypercall)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 };
	struct vm_op op = OP(vmcall);

	op.rax = 0x7fff;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ(-1000, (int64_t)op.rax);
}

/*
 * An exception whose delivery runs into a page that the host has taken away
 * is delivered when the page is back, with nothing lost.
 */
TEST_F(carried_out, delivery_through_missing_pages)
{
	static const uint8_t ud2[] = { 0x0f, 0x0b };
	static const uint8_t int3[] = { 0xcc };
	static const uint8_t bad_load[] = { 0x48, 0x8b, 0x00 };
	static const struct {
		const char *name;
		uint32_t vector, error_code;
		int32_t rip;
	} expected[] = {
		{ "INT 0x20", VM_OP_DONE, 0, 2 },
		{ "#GP from RDMSR", VECTOR_GP, 0, 0 },
		{ "#UD", 6, 0, 0 },
		{ "#BP", 3, 0, 1 },
		{ "#PF", 14, 0, 0 },
		{ "#DB behind RDMSR", VECTOR_DB, 0, 2 },
	};
	struct vm_op ops[] = {
		vm_op_cpuid(0, 0), vm_op_rdmsr(MSR_UNKNOWN), OP(ud2),
		OP(int3), OP(bad_load), vm_op_rdmsr(MSR_IA32_PAT),
	};
	uint8_t *idt = vm_gpa(&self->m.vm, VM_GPA_IDT, 4096);

	ops[4].rax = 0x40000000;
	ops[5].rflags = 1 << 8;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		/* Gone from the guest's translations, not from memory. */
		ASSERT_EQ(0, mprotect(idt, 4096, PROT_READ));
		ASSERT_EQ(0, mprotect(idt, 4096, PROT_READ | PROT_WRITE));
		ASSERT_OPS(self->vcpu, &ops[i], 1);
		EXPECT_EQ(expected[i].vector, ops[i].vector) {
			TH_LOG("%s", expected[i].name);
		}
		EXPECT_EQ(expected[i].error_code, ops[i].error_code) {
			TH_LOG("%s", expected[i].name);
		}
		EXPECT_EQ(expected[i].rip, ops[i].rip) {
			TH_LOG("%s", expected[i].name);
		}
	}
}

TEST_HARNESS_MAIN
