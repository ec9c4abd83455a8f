// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs that the CPU itself uses: what is stored in them has to take effect in
 * the guest, and what the guest's instructions change has to be seen.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

FIXTURE(hw) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(hw)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(hw)
{
	machine_destroy(&self->m);
}

static int set_msrs(struct vcpu *vcpu, const struct kvm_msr_entry *entries,
		    int n)
{
	for (int i = 0; i < n; i++) {
		int ret = vcpu_set_msr(vcpu, entries[i].index, entries[i].data);

		if (ret)
			return ret;
	}
	return 0;
}

/* Where SYSCALL and SYSENTER lead: note CS and RSP, leave the op. */
static const uint8_t kernel_entry[] = {
	0x8c, 0xc8,			/* mov %cs, %eax */
	0x48, 0x89, 0xe3,		/* mov %rsp, %rbx */
	0xcd, VM_VECTOR_DONE,		/* int $0x20 */
};

TEST_F(hw, syscall)
{
	static const uint8_t insn[] = { 0x0f, 0x05 };
	const struct kvm_msr_entry msrs[] = {
		{ .index = MSR_IA32_EFER, .data = EFER_SCE },
		{ .index = MSR_IA32_STAR,
			.data = (uint64_t)VM_SEL_USER_CODE32 << 48 |
				(uint64_t)VM_SEL_CODE64 << 32 },
		{ .index = MSR_IA32_LSTAR, .data = CODE_GPA },
		{ .index = MSR_IA32_FMASK, .data = X86_EFLAGS_DF },
	};
	struct vm_op op = vm_op_insn(insn, sizeof(insn));

	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, kernel_entry,
				  sizeof(kernel_entry)));
	ASSERT_EQ(0, set_msrs(self->vcpu, msrs, ARRAY_SIZE(msrs)));
	op.user = 1;
	op.rflags = X86_EFLAGS_DF;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ(VM_SEL_CODE64, (uint32_t)op.rax) {
		TH_LOG("CS is not what IA32_STAR says");
	}
	EXPECT_EQ(0, op.rflags & X86_EFLAGS_DF) {
		TH_LOG("RFLAGS were not masked by IA32_FMASK");
	}
	/* RIP as it came here, and as SYSCALL saved it in RCX. */
	EXPECT_EQ(CODE_GPA + sizeof(kernel_entry) - 2,
		  op.rcx - sizeof(insn) + op.rip);
}

TEST_F(hw, syscall_without_sce_is_ud)
{
	static const uint8_t insn[] = { 0x0f, 0x05 };
	struct vm_op op = vm_op_insn(insn, sizeof(insn));

	op.user = 1;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector);
}

TEST_F(hw, sysenter)
{
	static const uint8_t insn[] = { 0x0f, 0x34 };
	const uint64_t stack = CODE_GPA + CODE_STACK;
	const struct kvm_msr_entry msrs[] = {
		{ .index = MSR_IA32_SYSENTER_CS, .data = VM_SEL_CODE64 },
		{ .index = MSR_IA32_SYSENTER_ESP, .data = stack },
		{ .index = MSR_IA32_SYSENTER_EIP, .data = CODE_GPA },
	};
	struct vm_op op = vm_op_insn(insn, sizeof(insn));

	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, kernel_entry,
				  sizeof(kernel_entry)));
	ASSERT_EQ(0, set_msrs(self->vcpu, msrs, ARRAY_SIZE(msrs)));
	op.user = 1;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ(VM_SEL_CODE64, (uint32_t)op.rax);
	EXPECT_EQ(stack, op.rbx);
}

TEST_F(hw, segment_bases)
{
	static const uint8_t load_fs[] = {	/* mov %fs:0, %rax */
		0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0,
	};
	static const uint8_t load_gs[] = {	/* mov %gs:0, %rax */
		0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0,
	};
	static const uint8_t swapgs[] = { 0x0f, 0x01, 0xf8 };
	const struct kvm_msr_entry msrs[] = {
		{ .index = MSR_IA32_FS_BASE, .data = CODE_GPA },
		{ .index = MSR_IA32_GS_BASE, .data = CODE_GPA + 8 },
		{ .index = MSR_IA32_KERNEL_GS_BASE, .data = CODE_GPA + 16 },
	};
	struct vm_op ops[] = {
		vm_op_insn(load_fs, sizeof(load_fs)),
		vm_op_insn(load_gs, sizeof(load_gs)),
		vm_op_insn(swapgs, sizeof(swapgs)),
		vm_op_insn(load_gs, sizeof(load_gs)),
		vm_op_rdmsr(MSR_IA32_GS_BASE),
		vm_op_rdmsr(MSR_IA32_KERNEL_GS_BASE),
		vm_op_wrmsr(MSR_IA32_FS_BASE, CODE_GPA + 16),
		vm_op_insn(load_fs, sizeof(load_fs)),
	};
	uint64_t *data = vm_gpa(&self->m.vm, CODE_GPA, 24);
	uint64_t value;

	data[0] = 0xf5;
	data[1] = 0x95;
	data[2] = 0x295;
	/* Into long mode first: it loads the segments and with them the bases. */
	ASSERT_OPS(self->vcpu, &ops[0], 1);
	ASSERT_EQ(0, set_msrs(self->vcpu, msrs, ARRAY_SIZE(msrs)));
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0xf5, ops[0].rax);
	EXPECT_EQ(0x95, ops[1].rax);
	EXPECT_EQ(0x295, ops[3].rax) {
		TH_LOG("SWAPGS did not bring what IA32_KERNEL_GS_BASE held");
	}
	EXPECT_EQ(CODE_GPA + 16, vm_op_value(&ops[4]));
	EXPECT_EQ(CODE_GPA + 8, vm_op_value(&ops[5]));
	EXPECT_EQ(0x295, ops[7].rax);

	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_GS_BASE, &value));
	EXPECT_EQ(CODE_GPA + 16, value);
	EXPECT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_KERNEL_GS_BASE, &value));
	EXPECT_EQ(CODE_GPA + 8, value) {
		TH_LOG("the host does not see what SWAPGS has done");
	}
}

TEST_F(hw, tsc_aux)
{
	static const uint8_t rdtscp[] = { 0x0f, 0x01, 0xf9 };
	struct vm_op ops[] = {
		vm_op_insn(rdtscp, sizeof(rdtscp)),
		vm_op_wrmsr(MSR_IA32_TSC_AUX, 0x87654321),
		vm_op_insn(rdtscp, sizeof(rdtscp)),
		vm_op_cpuid(0x80000001, 0),
	};

	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_TSC_AUX, 0x12345678));
	ops[0].rcx = ~0ULL;
	ops[2].rcx = ~0ULL;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	if (!(ops[3].rdx & 1 << 27))
		SKIP(return, "the CPU has no RDTSCP");
	EXPECT_EQ(0x12345678, ops[0].rcx);
	EXPECT_EQ(0x87654321, ops[2].rcx);
}

/* EFER.NXE makes the execute-disable bit of a page count. */
TEST_F(hw, efer_nxe)
{
	const uint64_t far = 0x3fe00000;
	uint64_t *pd = vm_gpa(&self->m.vm, VM_GPA_PD, 4096);
	static const uint8_t call[] = { 0xff, 0xd0 };	/* call *%rax */
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_EFER, EFER_LME | EFER_NXE),
		vm_op_insn(call, sizeof(call)),
	};

	/* The last 2 MiB mapped, once more the first, not executable. */
	pd[511] = (pd[511] & 0x1ff) | 1ULL << 63;
	*(uint8_t *)vm_gpa(&self->m.vm, CODE_GPA, 1) = 0xc3;	/* ret */
	ops[1].rax = far + CODE_GPA;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	/* #PF: present, instruction fetch. */
	EXPECT_EQ(14, ops[1].vector);
	EXPECT_EQ(1 << 0 | 1 << 4, ops[1].error_code);

	/* Without NXE that bit is a reserved one. */
	ops[0] = vm_op_wrmsr(MSR_IA32_EFER, EFER_LME);
	ops[1] = vm_op_insn(call, sizeof(call));
	ops[1].rax = far + CODE_GPA;
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(14, ops[1].vector);
	EXPECT_EQ(1 << 0 | 1 << 3, ops[1].error_code);
}

/*
 * A client whose GS holds a selector: to load it again after the guest writes the
 * very register that the guest's KERNEL_GS_BASE is in.
 */
TEST_F(hw, kernel_gs_base_beside_a_gs_selector)
{
	const uint64_t base = 0x123456789000;
	struct vm_op op = vm_op_rdmsr(MSR_IA32_KERNEL_GS_BASE);
	unsigned short gs, user_ds;
	uint64_t value;
	int ret;

	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_KERNEL_GS_BASE, base));
	asm volatile("mov %%gs, %0" : "=r" (gs));
	asm volatile("mov %%ss, %0" : "=r" (user_ds));
	asm volatile("mov %0, %%gs" : : "r" (user_ds));
	ret = vm_run_ops(self->vcpu, &op, 1);
	asm volatile("mov %0, %%gs" : : "r" (gs));
	ASSERT_EQ(0, ret);
	EXPECT_EQ(base, vm_op_value(&op));
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_KERNEL_GS_BASE, &value));
	EXPECT_EQ(base, value);
}

/*
 * SDM vol. 3, "Debug Control Register (DR7)": GD traps the next MOV DR, and the
 * handler finds it clear: without that it could not read DR6.
 */
TEST_F(hw, general_detect_is_clear_in_the_handler)
{
	struct vm_op ops[2];
	static const uint8_t set_gd[] = {
		0xb8, 0x00, 0x24, 0x00, 0x00,	/* mov $0x2400, %eax */
		0x0f, 0x23, 0xf8,		/* mov %rax, %db7 */
		0x0f, 0x21, 0xc3,		/* mov %db0, %rbx */
	};
	static const uint8_t read_dr7[] = { 0x0f, 0x21, 0xf8 };	/* mov %db7, %rax */

	ops[0] = vm_op_insn(set_gd, sizeof(set_gd));
	ops[1] = vm_op_insn(read_dr7, sizeof(read_dr7));
	ASSERT_OPS(self->vcpu, ops, 2);
	EXPECT_EQ(1, ops[0].vector);
	EXPECT_EQ(8, ops[0].rip);
	ASSERT_EQ(VM_OP_DONE, ops[1].vector);
	EXPECT_EQ(0x400, ops[1].rax);
}

TEST_HARNESS_MAIN
