// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions reach the guest with the vector, the error code and the RIP that
 * the SDM gives them, whether the CPU raised them or the hypervisor did.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define PF_WRITE	(1 << 1)
#define PF_USER		(1 << 2)

/* vcpu_set_mode() maps the first GiB. */
#define UNMAPPED	0x40001000

FIXTURE(exceptions) {
	struct machine m;
};

FIXTURE_SETUP(exceptions)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
}

FIXTURE_TEARDOWN(exceptions)
{
	machine_destroy(&self->m);
}

struct row {
	const char *name;
	uint8_t len;
	uint8_t insn[8];
	uint64_t rax;
	bool user;
	uint32_t vector;
	uint32_t error_code;
	int32_t rip;
};

static const struct row by_the_cpu[] = {
	{ "DIV by 0", 2, { 0xf7, 0xf3 }, 0, false, VECTOR_DE, 0, 0 },
	{ "INT1", 1, { 0xf1 }, 0, false, VECTOR_DB, 0, 1 },
	{ "INT3", 1, { 0xcc }, 0, false, VECTOR_BP, 0, 1 },
	{ "UD2", 2, { 0x0f, 0x0b }, 0, false, VECTOR_UD, 0, 0 },
	{ "MOV DS beyond the GDT", 2, { 0x8e, 0xd8 }, 0x1238, false,
		VECTOR_GP, 0x1238, 0 },
	{ "MOV SS, null selector in ring 3", 2, { 0x8e, 0xd0 }, 0, true,
		VECTOR_GP, 0, 0 },
	{ "INT 0x30 beyond the IDT", 2, { 0xcd, 0x30 }, 0, false,
		VECTOR_GP, 0x30 << 3 | 2, 0 },
	{ "load, address not canonical", 3, { 0x48, 0x8b, 0x00 },
		NONCANONICAL, false, VECTOR_GP, 0, 0 },
	/* mov %rax, %rsp; pop %rbx */
	{ "POP, RSP not canonical", 4, { 0x48, 0x89, 0xc4, 0x5b },
		NONCANONICAL, false, VECTOR_SS, 0, 3 },
	{ "load, page not present", 3, { 0x48, 0x8b, 0x00 }, UNMAPPED, false,
		VECTOR_PF, 0, 0 },
	{ "store, page not present", 3, { 0x48, 0x89, 0x00 }, UNMAPPED, false,
		VECTOR_PF, PF_WRITE, 0 },
	{ "load in ring 3, page not present", 3, { 0x48, 0x8b, 0x00 },
		UNMAPPED, true, VECTOR_PF, PF_USER, 0 },
	{ "store in ring 3, page not present", 3, { 0x48, 0x89, 0x00 },
		UNMAPPED, true, VECTOR_PF, PF_USER | PF_WRITE, 0 },
	{ "HLT in ring 3", 1, { 0xf4 }, 0, true, VECTOR_GP, 0, 0 },
	{ "CLI in ring 3", 1, { 0xfa }, 0, true, VECTOR_GP, 0, 0 },
};

/* VM exits that the hypervisor answers with an exception. */
static const struct row by_the_hypervisor[] = {
	{ "MOV CR0, PG without PE", 3, { 0x0f, 0x22, 0xc0 }, 1U << 31, false,
		VECTOR_GP, 0, 0 },
	{ "MOV CR0, bit 32", 3, { 0x0f, 0x22, 0xc0 }, 1ULL << 32 | 0x80000011,
		false, VECTOR_GP, 0, 0 },
	{ "MOV CR4, PAE off in long mode", 3, { 0x0f, 0x22, 0xe0 }, 0, false,
		VECTOR_GP, 0, 0 },
	{ "MOV CR4, bit 31", 3, { 0x0f, 0x22, 0xe0 }, 0x80000020, false,
		VECTOR_GP, 0, 0 },
	{ "VMXON", 4, { 0xf3, 0x0f, 0xc7, 0x30 }, CODE_GPA, false,
		VECTOR_UD, 0, 0 },
	{ "VMLAUNCH", 3, { 0x0f, 0x01, 0xc2 }, 0, false, VECTOR_UD, 0, 0 },
	{ "VMRESUME", 3, { 0x0f, 0x01, 0xc3 }, 0, false, VECTOR_UD, 0, 0 },
	{ "VMXOFF", 3, { 0x0f, 0x01, 0xc4 }, 0, false, VECTOR_UD, 0, 0 },
	{ "VMREAD", 3, { 0x0f, 0x78, 0xc0 }, 0, false, VECTOR_UD, 0, 0 },
	{ "VMWRITE", 3, { 0x0f, 0x79, 0xc0 }, 0, false, VECTOR_UD, 0, 0 },
	{ "VMPTRLD", 3, { 0x0f, 0xc7, 0x30 }, CODE_GPA, false,
		VECTOR_UD, 0, 0 },
	{ "VMCLEAR", 4, { 0x66, 0x0f, 0xc7, 0x30 }, CODE_GPA, false,
		VECTOR_UD, 0, 0 },
	{ "INVEPT", 5, { 0x66, 0x0f, 0x38, 0x80, 0x00 }, CODE_GPA, false,
		VECTOR_UD, 0, 0 },
	{ "INVVPID", 5, { 0x66, 0x0f, 0x38, 0x81, 0x00 }, CODE_GPA, false,
		VECTOR_UD, 0, 0 },
	{ "GETSEC", 2, { 0x0f, 0x37 }, 0, false, VECTOR_UD, 0, 0 },
};

static void check_rows(struct __test_metadata *_metadata, struct vcpu *vcpu,
		       const struct row *rows, size_t n)
{
	struct vm_op ops[32];

	ASSERT_GE(ARRAY_SIZE(ops), n);
	for (size_t i = 0; i < n; i++) {
		ops[i] = vm_op_insn(rows[i].insn, rows[i].len);
		ops[i].rax = rows[i].rax;
		ops[i].user = rows[i].user;
	}
	ASSERT_OPS(vcpu, ops, n);
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(rows[i].vector, ops[i].vector) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(rows[i].error_code, ops[i].error_code) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(rows[i].rip, ops[i].rip) {
			TH_LOG("%s", rows[i].name);
		}
	}
}

TEST_F(exceptions, by_the_cpu)
{
	check_rows(_metadata, &self->m.vcpu, by_the_cpu,
		   ARRAY_SIZE(by_the_cpu));
}

TEST_F(exceptions, by_the_hypervisor)
{
	check_rows(_metadata, &self->m.vcpu, by_the_hypervisor,
		   ARRAY_SIZE(by_the_hypervisor));
}

TEST_F(exceptions, page_fault_address)
{
	static const uint8_t load[] = { 0x48, 0x8b, 0x00 };
	static const uint8_t read_cr2[] = { 0x0f, 0x20, 0xd0 };
	struct vm_op ops[] = {
		vm_op_insn(load, sizeof(load)),
		vm_op_insn(read_cr2, sizeof(read_cr2)),
	};

	ops[0].rax = UNMAPPED + 0x123;
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VECTOR_PF, ops[0].vector);
	EXPECT_EQ(UNMAPPED + 0x123, ops[1].rax);
}

/* A fault in the middle of other exits does not lose CR2. */
TEST_F(exceptions, cr2_survives_exits)
{
	static const uint8_t write_cr2[] = { 0x0f, 0x22, 0xd0 };
	static const uint8_t read_cr2[] = { 0x0f, 0x20, 0xd0 };
	struct vm_op ops[] = {
		vm_op_insn(write_cr2, sizeof(write_cr2)),
		vm_op_cpuid(0, 0),
		vm_op_rdmsr(MSR_UNKNOWN),
		vm_op_insn(read_cr2, sizeof(read_cr2)),
	};
	struct kvm_sregs sregs;

	ops[0].rax = 0x123456789abc;
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0x123456789abc, ops[3].rax);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0x123456789abc, sregs.cr2);
}

/* Single steps through instructions that exit and through those that don't. */
TEST_F(exceptions, single_step)
{
	static const uint8_t nop[] = { 0x90 };
	struct vm_op ops[] = {
		vm_op_insn(nop, sizeof(nop)),
		vm_op_cpuid(0, 0),
	};

	ops[0].rflags = X86_EFLAGS_TF;
	ops[1].rflags = X86_EFLAGS_TF;
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_DB, ops[i].vector);
		EXPECT_EQ(ops[i].len, ops[i].rip);
	}
}

/* CR4.VMXE has to be set in hardware; the guest did not set it. */
TEST_F(exceptions, vmxe_is_hidden)
{
	static const uint8_t read_cr4[] = { 0x0f, 0x20, 0xe0 };
	static const uint8_t write_cr4[] = { 0x0f, 0x22, 0xe0 };
	struct vm_op read = vm_op_insn(read_cr4, sizeof(read_cr4));
	struct vm_op write = vm_op_insn(write_cr4, sizeof(write_cr4));
	struct kvm_sregs sregs;

	ASSERT_OPS(&self->m.vcpu, &read, 1);
	EXPECT_EQ(0, read.rax & X86_CR4_VMXE);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(read.rax, sregs.cr4);

	if (testing_kvm())	/* which lets guests have VMX */
		return;
	write.rax = read.rax | X86_CR4_VMXE;
	ASSERT_OPS(&self->m.vcpu, &write, 1);
	EXPECT_EQ(VECTOR_GP, write.vector);
}

/* No IDT: #UD becomes #DF becomes a shutdown. */
TEST_F(exceptions, triple_fault)
{
	static const uint8_t ud2[] = { 0x0f, 0x0b };

	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, ud2, sizeof(ud2)));
	ASSERT_EQ(0, vcpu_set_mode(&self->m.vcpu, VM_MODE_PROTECTED, CODE_GPA,
				   CODE_GPA + CODE_STACK));
	ASSERT_EXIT(KVM_EXIT_SHUTDOWN, &self->m.vcpu);
}

/* The same when the first fault is one that the hypervisor injects. */
TEST_F(exceptions, triple_fault_from_rdmsr)
{
	static const uint8_t rdmsr[] = { 0x0f, 0x32 };
	struct kvm_regs regs;

	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, rdmsr,
				  sizeof(rdmsr)));
	ASSERT_EQ(0, vcpu_set_mode(&self->m.vcpu, VM_MODE_PROTECTED, CODE_GPA,
				   CODE_GPA + CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &regs));
	regs.rcx = MSR_UNKNOWN;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_REGS, &regs));
	ASSERT_EXIT(KVM_EXIT_SHUTDOWN, &self->m.vcpu);
}

TEST_HARNESS_MAIN
