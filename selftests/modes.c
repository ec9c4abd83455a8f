// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that change their mode themselves, and CPUID, which tells them what
 * they may use.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

FIXTURE(modes) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(modes)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(modes)
{
	machine_destroy(&self->m);
}

/*
 * From real mode through protected mode to long mode and the whole way back,
 * as a boot loader goes there and firmware returns. 0x1000 and the selectors
 * 0x08, 0x10, 0x18 are those of guest.h; 16-bit ones are appended to the GDT.
 */
GUEST_CODE(there_and_back, 16,
	   "lgdtl %cs:gdtr - there_and_back\n"
	   "movl %cr0, %eax\n"
	   "orl $1, %eax\n"
	   "movl %eax, %cr0\n"
	   "ljmpl $0x18, $0x10000 + protected - there_and_back\n"
	   ".code32\n"
	   "protected:\n"
	   "movl $0x10, %eax\n"
	   "movl %eax, %ds\n"
	   "movl %eax, %es\n"
	   "movl %eax, %ss\n"
	   "movl $0x10000 + 0xf000, %esp\n"
	   "hlt\n"					/* 1: protected mode */
	   "movl %cr4, %eax\n"
	   "orl $0x20, %eax\n"			/* PAE */
	   "movl %eax, %cr4\n"
	   "movl $0x4000, %eax\n"			/* VM_GPA_PML4 */
	   "movl %eax, %cr3\n"
	   "movl $0xc0000080, %ecx\n"		/* EFER */
	   "rdmsr\n"
	   "orl $0x100, %eax\n"			/* LME */
	   "wrmsr\n"
	   "movl %cr0, %eax\n"
	   "orl $0x80000000, %eax\n"
	   "movl %eax, %cr0\n"
	   "hlt\n"					/* 2: compatibility mode */
	   "ljmpl $0x08, $0x10000 + long - there_and_back\n"
	   ".code64\n"
	   "long:\n"
	   "movq $-1, %rbx\n"			/* only 64-bit code can */
	   "hlt\n"					/* 3: 64-bit mode */
	   "pushq $0x18\n"
	   "leaq compat(%rip), %rax\n"
	   "pushq %rax\n"
	   "lretq\n"
	   ".code32\n"
	   "compat:\n"
	   "movl %cr0, %eax\n"
	   "andl $0x7fffffff, %eax\n"
	   "movl %eax, %cr0\n"
	   "movl $0xc0000080, %ecx\n"
	   "rdmsr\n"
	   "andl $~0x100, %eax\n"
	   "wrmsr\n"
	   "hlt\n"					/* 4: protected mode again */
	   "ljmpl $0x40, $real16 - there_and_back\n"
	   ".code16\n"
	   "real16:\n"
	   "movw $0x48, %ax\n"
	   "movw %ax, %ds\n"
	   "movw %ax, %es\n"
	   "movw %ax, %ss\n"
	   "movl %cr0, %eax\n"
	   "andl $~1, %eax\n"
	   "movl %eax, %cr0\n"
	   "ljmpl $0x1000, $real - there_and_back\n"
	   "real:\n"
	   "movw %cs, %ax\n"
	   "movw %ax, %ss\n"
	   "hlt\n"					/* 5: real mode again */
	   "gdtr:\n"
	   ".word 0x4f\n"
	   ".long 0x1000\n");

TEST_F(modes, there_and_back)
{
	static const struct {
		const char *name;
		uint64_t cr0;
		uint64_t efer;
		uint16_t cs;
		uint8_t l, db;
	} stops[] = {
		{ "protected", X86_CR0_PE, 0, VM_SEL_CODE32, 0, 1 },
		{ "compatibility", X86_CR0_PE | X86_CR0_PG, EFER_LME | EFER_LMA,
			VM_SEL_CODE32, 0, 1 },
		{ "64-bit", X86_CR0_PE | X86_CR0_PG, EFER_LME | EFER_LMA,
			VM_SEL_CODE64, 1, 0 },
		{ "protected again", X86_CR0_PE, 0, VM_SEL_CODE32, 0, 1 },
		{ "real again", 0, 0, CODE_GPA >> 4, 0, 0 },
	};
	uint64_t *gdt = vm_gpa(&self->m.vm, VM_GPA_GDT, 0x50);

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL,
				     there_and_back));
	gdt[0x40 / 8] = 0x00009b000000ffff | (uint64_t)CODE_GPA << 16;
	gdt[0x48 / 8] = 0x000093000000ffff | (uint64_t)CODE_GPA << 16;

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		struct kvm_sregs sregs;

		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS,
					   &sregs));
		EXPECT_EQ(stops[i].cr0, sregs.cr0 & (X86_CR0_PE | X86_CR0_PG)) {
			TH_LOG("%s mode: CR0 %#llx", stops[i].name, sregs.cr0);
		}
		EXPECT_EQ(stops[i].efer, sregs.efer) {
			TH_LOG("%s mode", stops[i].name);
		}
		EXPECT_EQ(stops[i].cs, sregs.cs.selector) {
			TH_LOG("%s mode", stops[i].name);
		}
		EXPECT_EQ(stops[i].l, sregs.cs.l) {
			TH_LOG("%s mode", stops[i].name);
		}
		EXPECT_EQ(stops[i].db, sregs.cs.db) {
			TH_LOG("%s mode", stops[i].name);
		}
	}
}

/* What KVM_SET_CPUID2 was given is what CPUID returns. */
TEST_F(modes, cpuid_is_the_clients)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[8];
	} cpuid = {
		.head.nent = 8,
		.entries = {
			{ .function = 0, .eax = 0xd, .ebx = 0x756e6547,
				.ecx = 0x6c65746e, .edx = 0x49656e69 },
			{ .function = 1, .eax = 0x806f8, .ebx = 0x89abcdef,
				.edx = 0x178bfbff },
			{ .function = 4, .index = 0, .eax = 0x80000004,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
			{ .function = 4, .index = 1, .eax = 0x80000104,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
			{ .function = 6, .eax = 0xfedcba98 },
			{ .function = 0x40000000, .ebx = 0x9abcdef0 },
			{ .function = 0x80000000, .eax = 0x80000001 },
			{ .function = 0x80000001, .edx = 0x2c100800 },
		},
	};
	struct vm_op ops[] = {
		vm_op_cpuid(0, 0), vm_op_cpuid(1, 0), vm_op_cpuid(4, 0),
		vm_op_cpuid(4, 1), vm_op_cpuid(6, 0),
		vm_op_cpuid(0x40000000, 0), vm_op_cpuid(0x80000000, 0),
		vm_op_cpuid(0x80000001, 0),
	};

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, &cpuid));
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid.entries[i];

		EXPECT_EQ(VM_OP_DONE, ops[i].vector);
		/* All 64 bits: CPUID clears the upper halves. */
		EXPECT_TRUE(ops[i].rax == e->eax && ops[i].rbx == e->ebx &&
			    ops[i].rcx == e->ecx && ops[i].rdx == e->edx) {
			TH_LOG("leaf %#x.%u: %#lx %#lx %#lx %#lx", e->function,
			       e->index, ops[i].rax, ops[i].rbx, ops[i].rcx,
			       ops[i].rdx);
		}
	}
}

/*
 * SDM volume 2, CPUID: a leaf in range that is not there is zeroes, one
 * beyond the basic leaves is the highest basic leaf.
 */
TEST_F(modes, cpuid_of_absent_leaves)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[2];
	} cpuid = {
		.head.nent = 2,
		.entries = {
			{ .function = 0, .eax = 6, .ebx = 0x756e6547,
				.ecx = 0x6c65746e, .edx = 0x49656e69 },
			{ .function = 6, .eax = 1, .ebx = 2, .ecx = 3,
				.edx = 4 },
		},
	};
	struct vm_op ops[] = { vm_op_cpuid(3, 0), vm_op_cpuid(0x1234, 0) };

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, &cpuid));
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0, ops[0].rax | ops[0].rbx | ops[0].rcx | ops[0].rdx);
	EXPECT_TRUE(ops[1].rax == 1 && ops[1].rbx == 2 && ops[1].rcx == 3 &&
		    ops[1].rdx == 4) {
		TH_LOG("leaf 0x1234: %#lx %#lx %#lx %#lx", ops[1].rax,
		       ops[1].rbx, ops[1].rcx, ops[1].rdx);
	}
}

/* The guest has seen it. The same once more is fine: VMMs do that. */
TEST_F(modes, cpuid_is_fixed_once_run)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	struct kvm_cpuid2 *cpuid;

	ASSERT_EQ(0, vm_supported_cpuid(self->m.dev, &cpuid));
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	cpuid->entries[0].ebx ^= 1;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2,
					 cpuid));
	cpuid->nent--;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2,
					 cpuid));
	free(cpuid);
}

/* CPUID.1:ECX.OSXSAVE is not a feature: it repeats CR4.OSXSAVE. */
TEST_F(modes, cpuid_follows_cr4)
{
	static const uint8_t read_cr4[] = { 0x0f, 0x20, 0xe0 };
	static const uint8_t write_cr4[] = { 0x0f, 0x22, 0xe0 };
	struct vm_op ops[] = {
		vm_op_insn(read_cr4, sizeof(read_cr4)),
		vm_op_cpuid(1, 0),
		vm_op_insn(write_cr4, sizeof(write_cr4)),
		vm_op_cpuid(1, 0),
	};

	ASSERT_OPS(self->vcpu, ops, 2);
	ASSERT_EQ(0, ops[1].rcx & 1 << 27);
	if (!(ops[1].rcx & 1 << 26))
		SKIP(return, "the CPU has no XSAVE");
	ops[2].rax = ops[0].rax | X86_CR4_OSXSAVE;
	ASSERT_OPS(self->vcpu, ops + 2, 2);
	EXPECT_EQ(VM_OP_DONE, ops[2].vector);
	EXPECT_EQ(1 << 27, ops[3].rcx & 1 << 27);
}

/* CS.L means nothing outside of long mode, and does not keep the state from being restored. */
GUEST_CODE(to_code64, 32,
	   "ljmp $0x08, $0x10007\n"	/* behind itself */
	   "hlt\n");

TEST_F(modes, cs_l_in_legacy_mode)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED, to_code64));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(VM_SEL_CODE64, sregs.cs.selector);
	if (!testing_kvm())	/* which refuses what it has given */
		EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
}

/* SDM vol. 3, "IA-32e Mode Operation": MOV to CR0 that begins it is #GP if TR has a 16-bit TSS. */
TEST_F(modes, no_long_mode_with_a_16_bit_tss)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, there_and_back));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	ASSERT_EQ(0, sregs.efer);
	sregs.tr.type = 3;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	/* There is no handler. KVM makes the TSS one of 64 bits. */
	ASSERT_EXIT(testing_kvm() ? KVM_EXIT_HLT : KVM_EXIT_SHUTDOWN, self->vcpu);
}

TEST_HARNESS_MAIN
