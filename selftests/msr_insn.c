// SPDX-License-Identifier: GPL-2.0
/*
 * RDMSR and WRMSR as instructions: how long they are, what they do to single
 * stepping and to the interrupt shadow, and what they are in other modes.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define STAR_VALUE	0x8765432112345678
#define STAR_LOW	0x12345678
#define STAR_HIGH	0x87654321

FIXTURE(insn) {
	struct machine m;
};

FIXTURE_SETUP(insn)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_STAR, STAR_VALUE));
}

FIXTURE_TEARDOWN(insn)
{
	machine_destroy(&self->m);
}

/* Prefixes that RDMSR and WRMSR ignore, all the way to the longest form. */
static const struct {
	const char *name;
	uint8_t len;
	uint8_t bytes[13];
} prefixes[] = {
	{ "none", 0, { 0 } },
	{ "operand size", 1, { 0x66 } },
	{ "address size", 1, { 0x67 } },
	{ "REP", 1, { 0xf3 } },
	{ "REPNE", 1, { 0xf2 } },
	{ "CS", 1, { 0x2e } },
	{ "FS", 1, { 0x64 } },
	{ "REX", 1, { 0x40 } },
	{ "REX.W", 1, { 0x48 } },
	{ "operand size, REX.W", 2, { 0x66, 0x48 } },
	{ "thirteen", 13, { 0x66, 0x67, 0x2e, 0x3e, 0x26, 0x36, 0x64, 0x65,
			    0x66, 0x67, 0x66, 0x67, 0x48 } },
};

static struct vm_op prefixed(struct vm_op op, size_t row)
{
	uint8_t len = prefixes[row].len;

	memmove(op.insn + len, op.insn, op.len);
	memcpy(op.insn, prefixes[row].bytes, len);
	op.len += len;
	return op;
}

TEST_F(insn, prefixed_rdmsr)
{
	struct vm_op ops[ARRAY_SIZE(prefixes)];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = prefixed(vm_op_rdmsr(MSR_IA32_STAR), i);
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VM_OP_DONE, ops[i].vector) {
			TH_LOG("prefix %s", prefixes[i].name);
		}
		EXPECT_EQ(ops[i].len, ops[i].rip) {
			TH_LOG("prefix %s", prefixes[i].name);
		}
		EXPECT_EQ(STAR_LOW, ops[i].rax) {
			TH_LOG("prefix %s: RAX %#lx", prefixes[i].name,
			       ops[i].rax);
		}
		EXPECT_EQ(STAR_HIGH, ops[i].rdx) {
			TH_LOG("prefix %s: RDX %#lx", prefixes[i].name,
			       ops[i].rdx);
		}
	}
}

TEST_F(insn, prefixed_wrmsr)
{
	struct vm_op ops[2 * ARRAY_SIZE(prefixes)];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		ops[2 * i] = prefixed(vm_op_wrmsr(MSR_IA32_STAR, i), i);
		ops[2 * i + 1] = vm_op_rdmsr(MSR_IA32_STAR);
	}
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		EXPECT_EQ(VM_OP_DONE, ops[2 * i].vector) {
			TH_LOG("prefix %s", prefixes[i].name);
		}
		EXPECT_EQ(ops[2 * i].len, ops[2 * i].rip) {
			TH_LOG("prefix %s", prefixes[i].name);
		}
		EXPECT_EQ(i, vm_op_value(&ops[2 * i + 1])) {
			TH_LOG("prefix %s", prefixes[i].name);
		}
	}
}

/* #GP points at the first prefix, not behind them. */
TEST_F(insn, prefixed_fault)
{
	struct vm_op ops[] = {
		prefixed(vm_op_rdmsr(MSR_UNKNOWN), 1),
		prefixed(vm_op_wrmsr(MSR_UNKNOWN, 0), 9),
	};

	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_GP, ops[i].vector);
		EXPECT_EQ(0, ops[i].rip);
	}
}

TEST_F(insn, lock_is_ud)
{
	static const uint8_t lock_rdmsr[] = { 0xf0, 0x0f, 0x32 };
	struct vm_op op = vm_op_insn(lock_rdmsr, sizeof(lock_rdmsr));

	op.rcx = MSR_IA32_STAR;
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector);
	EXPECT_EQ(0, op.rip);
}

/*
 * SDM volume 3, "Single-Step Exception Condition": #DB comes after the
 * instruction, also when a hypervisor has carried it out.
 */
TEST_F(insn, single_step)
{
	static const uint8_t clear_dr6[] = { 0x0f, 0x23, 0xf0 };
	static const uint8_t read_dr6[] = { 0x0f, 0x21, 0xf0 };
	struct vm_op ops[] = {
		vm_op_insn(clear_dr6, sizeof(clear_dr6)),
		vm_op_rdmsr(MSR_IA32_STAR),
		vm_op_insn(read_dr6, sizeof(read_dr6)),
		vm_op_wrmsr(MSR_IA32_STAR, 7),
		vm_op_rdmsr(MSR_IA32_STAR),
	};

	ops[1].rflags = X86_EFLAGS_TF;
	ops[3].rflags = X86_EFLAGS_TF;
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VECTOR_DB, ops[1].vector);
	EXPECT_EQ(ops[1].len, ops[1].rip);
	EXPECT_EQ(STAR_VALUE, vm_op_value(&ops[1]));
	EXPECT_TRUE(ops[2].rax & DR6_BS) {
		TH_LOG("DR6 %#lx does not say single step", ops[2].rax);
	}
	EXPECT_EQ(VECTOR_DB, ops[3].vector);
	EXPECT_EQ(ops[3].len, ops[3].rip);
	EXPECT_EQ(7, vm_op_value(&ops[4]));
}

/* Of a breakpoint that was hit before, DR6 says nothing any more: so it is for a NOP, too. */
TEST_F(insn, single_step_is_no_breakpoint)
{
	static const uint8_t write_dr6[] = { 0x0f, 0x23, 0xf0 };
	static const uint8_t read_dr6[] = { 0x0f, 0x21, 0xf0 };
	static const uint8_t nop[] = { 0x90 };
	const struct vm_op stepped[] = {
		vm_op_insn(nop, sizeof(nop)), vm_op_rdmsr(MSR_IA32_STAR), vm_op_cpuid(0, 0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(stepped); i++) {
		struct vm_op ops[] = {
			vm_op_insn(write_dr6, sizeof(write_dr6)), stepped[i],
			vm_op_insn(read_dr6, sizeof(read_dr6)),
		};

		ops[0].rax = 0xffff0ff1;
		ops[1].rflags = X86_EFLAGS_TF;
		ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_EQ(VECTOR_DB, ops[1].vector);
		EXPECT_EQ(DR6_BS, ops[2].rax & (DR6_BS | 0xf)) {
			TH_LOG("instruction %zu: DR6 %#lx", i, ops[2].rax);
		}
	}
}

/* A fault comes before the instruction is complete: no #DB for it. */
TEST_F(insn, single_step_into_fault)
{
	struct vm_op op = vm_op_rdmsr(MSR_UNKNOWN);

	op.rflags = X86_EFLAGS_TF;
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_GP, op.vector);
	EXPECT_EQ(0, op.rip);
}

/*
 * MOV SS holds #DB back for one instruction, here the RDMSR, and no longer.
 * Were the shadow left on, VM entry would fail or the #DB come too late.
 */
TEST_F(insn, mov_ss_shadow_ends)
{
	static const uint8_t mov_ss_rdmsr[] = {
		0x8e, 0xd0,		/* mov %eax, %ss */
		0x0f, 0x32,		/* rdmsr */
		0x90,			/* nop */
	};
	struct vm_op op = vm_op_insn(mov_ss_rdmsr, sizeof(mov_ss_rdmsr));

	op.rax = VM_SEL_DATA;
	op.rcx = MSR_IA32_STAR;
	op.rflags = X86_EFLAGS_TF;
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_DB, op.vector);
	EXPECT_EQ(4, op.rip) {
		TH_LOG("#DB at +%d, not behind the RDMSR", op.rip);
	}
	EXPECT_EQ(STAR_LOW, op.rax);
}

GUEST_CODE(sti_out, 64,
	   "sti\n"
	   "outb %al, $0x80\n"
	   "hlt");

GUEST_CODE(sti_rdmsr_out, 64,
	   "movl $0xc0000081, %ecx\n"
	   "sti\n"
	   "rdmsr\n"
	   "outb %al, $0x80\n"
	   "hlt");

GUEST_CODE(sti_wrmsr_out, 64,
	   "movl $0xc0000081, %ecx\n"
	   "sti\n"
	   "wrmsr\n"
	   "outb %al, $0x80\n"
	   "hlt");

/* STI lets interrupts in after the next instruction: that has to end it. */
TEST_F(insn, sti_shadow_ends)
{
	const struct kvm_run *run = self->m.vcpu.run;

	ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_LONG, sti_out));
	ASSERT_EXIT(KVM_EXIT_IO, &self->m.vcpu);
	EXPECT_EQ(1, run->if_flag);
	EXPECT_EQ(0, run->ready_for_interrupt_injection) {
		TH_LOG("an interrupt is let in right behind STI");
	}
	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);

	ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_LONG,
				     sti_rdmsr_out));
	ASSERT_EXIT(KVM_EXIT_IO, &self->m.vcpu);
	EXPECT_EQ(1, run->ready_for_interrupt_injection) {
		TH_LOG("RDMSR has not ended the shadow of STI");
	}
	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);

	ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_LONG,
				     sti_wrmsr_out));
	ASSERT_EXIT(KVM_EXIT_IO, &self->m.vcpu);
	EXPECT_EQ(1, run->ready_for_interrupt_injection) {
		TH_LOG("WRMSR has not ended the shadow of STI");
	}
}

/*
 * The same program for real and for protected mode: read STAR, write LSTAR,
 * read what does not exist. The handler of that #GP leaves a mark in EDI.
 */
#define MSR_PROGRAM(name)						\
	"movl $0xc0000081, %ecx\n"					\
	"movl $-1, %eax\n"						\
	"movl $-1, %edx\n"						\
	"rdmsr\n"							\
	"movl %eax, %ebx\n"						\
	"movl %edx, %esi\n"						\
	"movl $0xc0000082, %ecx\n"					\
	"movl $0x89abcdef, %eax\n"					\
	"movl $0x00001234, %edx\n"					\
	"wrmsr\n"							\
	"movl $0x12345678, %ecx\n"					\
	#name "_bad: rdmsr\n"						\
	"hlt\n"								\
	#name "_gp: movl $0x600d, %edi\n"				\
	"hlt"

GUEST_CODE(real_mode, 16, MSR_PROGRAM(real_mode));
GUEST_LABEL(real_mode_bad);
GUEST_LABEL(real_mode_gp);

GUEST_CODE(protected_mode, 32, MSR_PROGRAM(protected_mode));
GUEST_LABEL(protected_mode_bad);
GUEST_LABEL(protected_mode_gp);

TEST_F(insn, real_mode)
{
	uint16_t *ivt = vm_gpa(&self->m.vm, 4 * VECTOR_GP, 4);
	struct kvm_regs regs;
	uint16_t *stack;
	uint64_t lstar;

	ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_REAL, real_mode));
	ivt[0] = real_mode_gp - real_mode;
	ivt[1] = CODE_GPA >> 4;
	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);

	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(STAR_LOW, regs.rbx);
	EXPECT_EQ(STAR_HIGH, regs.rsi);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_LSTAR, &lstar));
	EXPECT_EQ(0x123489abcdef, lstar);

	EXPECT_EQ(0x600d, regs.rdi) {
		TH_LOG("no #GP for an unknown MSR");
	}
	/* FLAGS, CS and IP, and no error code in this mode. */
	ASSERT_EQ(CODE_STACK - 6, regs.rsp);
	stack = vm_gpa(&self->m.vm, CODE_GPA + regs.rsp, 6);
	EXPECT_EQ(real_mode_bad - real_mode, stack[0]);
}

TEST_F(insn, protected_mode)
{
	const uint64_t idt = CODE_GPA + 0x1000;
	uint32_t *gate = vm_gpa(&self->m.vm, idt + 8 * VECTOR_GP, 8);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint32_t *stack;
	uint64_t lstar;

	ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_PROTECTED,
				     protected_mode));
	/* A 32-bit interrupt gate, present. */
	gate[0] = VM_SEL_CODE32 << 16 |
		  ((CODE_GPA + (protected_mode_gp - protected_mode)) & 0xffff);
	gate[1] = (CODE_GPA & 0xffff0000) | 0x8e00;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &sregs));
	sregs.idt.base = idt;
	sregs.idt.limit = 8 * (VECTOR_GP + 1) - 1;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_SREGS, &sregs));
	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);

	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(STAR_LOW, regs.rbx);
	EXPECT_EQ(STAR_HIGH, regs.rsi);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_LSTAR, &lstar));
	EXPECT_EQ(0x123489abcdef, lstar);

	EXPECT_EQ(0x600d, regs.rdi) {
		TH_LOG("no #GP for an unknown MSR");
	}
	/* EFLAGS, CS, EIP and the error code. */
	ASSERT_EQ(CODE_GPA + CODE_STACK - 16, regs.rsp);
	stack = vm_gpa(&self->m.vm, regs.rsp, 16);
	EXPECT_EQ(0, stack[0]);
	EXPECT_EQ(CODE_GPA + (protected_mode_bad - protected_mode), stack[1]);
}

TEST_HARNESS_MAIN
