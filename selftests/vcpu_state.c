// SPDX-License-Identifier: GPL-2.0
/*
 * State that the client reads and writes besides registers and MSRs: debug
 * registers, the PDPTEs, and CR4 before there is a CPUID.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define DR6_ONES	0xffff0ff0
#define DR7_ONES	0x400

#define OP(insn) vm_op_insn(insn, sizeof(insn))

static const uint8_t read_dr[6][3] = {	/* 0 to 3, 6, 7 */
	{ 0x0f, 0x21, 0xc0 }, { 0x0f, 0x21, 0xc8 }, { 0x0f, 0x21, 0xd0 },
	{ 0x0f, 0x21, 0xd8 }, { 0x0f, 0x21, 0xf0 }, { 0x0f, 0x21, 0xf8 },
};

static const uint8_t write_dr[6][3] = {
	{ 0x0f, 0x23, 0xc0 }, { 0x0f, 0x23, 0xc8 }, { 0x0f, 0x23, 0xd0 },
	{ 0x0f, 0x23, 0xd8 }, { 0x0f, 0x23, 0xf0 }, { 0x0f, 0x23, 0xf8 },
};

static const uint8_t store[] = { 0x48, 0x89, 0x18 };	/* mov %rbx, (%rax) */

FIXTURE(state) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(state)
{
	ASSERT_MACHINE(&self->m, 4);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
}

FIXTURE_TEARDOWN(state)
{
	machine_destroy(&self->m);
}

static const struct kvm_debugregs some_debugregs = {
	.db = { 0x1111222233334444, 0xffff800000000010, 0x7fffffffffff, 1 },
	.dr6 = DR6_ONES | 0x4005, .dr7 = DR7_ONES | 0xd0d00300,
};

TEST_F(state, debugregs_from_client_to_guest)
{
	struct kvm_debugregs regs = some_debugregs, after;
	const uint64_t values[] = {
		regs.db[0], regs.db[1], regs.db[2], regs.db[3], regs.dr6, regs.dr7,
	};
	struct vm_op ops[6];

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &after));
	EXPECT_EQ(DR6_ONES, after.dr6);
	EXPECT_EQ(DR7_ONES, after.dr7);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_DEBUGREGS, &regs));
	memset(&after, 0xff, sizeof(after));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &after));
	EXPECT_EQ(0, memcmp(&regs, &after, sizeof(regs)));

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = OP(read_dr[i]);
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VM_OP_DONE, ops[i].vector);
		EXPECT_EQ(values[i], ops[i].rax);
	}
}

TEST_F(state, debugregs_from_guest_to_client)
{
	struct kvm_debugregs regs = some_debugregs, after;
	const uint64_t values[] = {
		regs.db[0], regs.db[1], regs.db[2], regs.db[3], regs.dr6, regs.dr7,
	};
	struct vm_op ops[6];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		ops[i] = OP(write_dr[i]);
		ops[i].rax = values[i];
	}
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	memset(&after, 0xff, sizeof(after));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &after));
	EXPECT_EQ(0, memcmp(&regs, &after, sizeof(regs)));
}

TEST_F(state, bad_debugregs_change_nothing)
{
	static const struct {
		uint64_t dr6, dr7, flags;
	} rows[] = {
		{ DR6_ONES | 1ULL << 32, DR7_ONES, 0 },
		{ DR6_ONES | 1ULL << 63, DR7_ONES, 0 },
		{ DR6_ONES, DR7_ONES | 1ULL << 32, 0 },
		{ DR6_ONES, DR7_ONES, 1 },
		{ DR6_ONES, DR7_ONES, 1ULL << 63 },
	};
	struct kvm_debugregs regs = some_debugregs, after;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_DEBUGREGS, &regs));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		regs = (struct kvm_debugregs){
			.db = { 2, 4, 6, 8 }, .dr6 = rows[i].dr6, .dr7 = rows[i].dr7,
			.flags = rows[i].flags,
		};
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_DEBUGREGS, &regs)) {
			TH_LOG("row %zu", i);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &after));
		EXPECT_EQ(0, memcmp(&some_debugregs, &after, sizeof(after))) {
			TH_LOG("row %zu: refused, and something has changed", i);
		}
	}
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_GET_DEBUGREGS, -4096UL));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_SET_DEBUGREGS, -4096UL));
}

/* A breakpoint of the guest that the client has restored is one. */
TEST_F(state, debugregs_work)
{
	struct kvm_debugregs regs = {
		.db = { 0, CODE_GPA + 0x40 }, .dr6 = DR6_ONES,
		.dr7 = DR7_ONES | 1 << 2 | 0xdu << 20,	/* L1: writes, four bytes */
	};
	struct vm_op ops[] = { OP(store), OP(store) };

	ops[0].rax = CODE_GPA + 0x80;
	ops[1].rax = CODE_GPA + 0x40;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_DEBUGREGS, &regs));
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	EXPECT_EQ(VECTOR_DB, ops[1].vector);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &regs));
	EXPECT_EQ(2, regs.dr6 & 0xf);
}

/* Where PAE paging has its tables, and the two pages that address 0 can be. */
#define PDPT_GPA	(CODE_GPA + 0x1000)
#define PD_GPA(n)	(CODE_GPA + 0x2000 + 0x1000 * (n))
#define WINDOW		0x40000000	/* the second PDPTE's */
#define PAGE_GPA(n)	(0x200000 * (n))
#define WORD_AT		0x20000

/* What is at WINDOW + WORD_AT. */
GUEST_CODE(look, 32,
	   "1: movl 0x40020000, %eax\n"
	   "hlt\n"
	   "jmp 1b\n");

static int enter_pae(struct machine *m, struct kvm_sregs2 *sregs2)
{
	uint64_t *pdpt = vm_gpa(&m->vm, PDPT_GPA, 32);
	int ret = load_guest_code(&m->vcpu, VM_MODE_PROTECTED, look);

	if (ret)
		return ret;
	for (int n = 0; n < 2; n++) {
		uint64_t *pd = vm_gpa(&m->vm, PD_GPA(n), 4096);

		pd[0] = PAGE_GPA(n) | 0x83;	/* present, writable, 2 MiB */
		*(uint32_t *)vm_gpa(&m->vm, PAGE_GPA(n) + WORD_AT, 4) = 0xa0 + n;
	}
	pdpt[0] = PD_GPA(0) | 1;
	pdpt[1] = PD_GPA(0) | 1;
	ret = sys_ioctl_ptr(m->vcpu.fd, KVM_GET_SREGS2, sregs2);
	sregs2->cr0 |= X86_CR0_PG;
	sregs2->cr3 = PDPT_GPA;
	sregs2->cr4 |= X86_CR4_PAE;
	return ret;
}

/* PDPTEs are registers: memory may say something else by now. */
TEST_F(state, pdptes)
{
	struct kvm_sregs2 sregs2, after;
	struct kvm_regs regs;

	ASSERT_EQ(0, enter_pae(&self->m, &sregs2));
	EXPECT_EQ(0, sregs2.flags);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xa0, regs.rax) {
		TH_LOG("without PDPTEs from the client they come from memory");
	}
	memset(&after, 0xff, sizeof(after));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS2, &after));
	EXPECT_EQ(KVM_SREGS2_FLAGS_PDPTRS_VALID, after.flags);
	EXPECT_EQ(PD_GPA(0) | 1, after.pdptrs[0]);
	EXPECT_EQ(PD_GPA(0) | 1, after.pdptrs[1]);
	EXPECT_EQ(0, after.pdptrs[2]);

	after.pdptrs[1] = PD_GPA(1) | 1;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS2, &after));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xa1, regs.rax);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS2, &sregs2));
	EXPECT_EQ(0, memcmp(&after, &sregs2, sizeof(after)));
}

TEST_F(state, bad_sregs2_change_nothing)
{
	struct kvm_sregs2 before, bad, after;

	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, CODE_GPA, CODE_GPA));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS2, &before));
	EXPECT_EQ(0, before.flags);
	for (int i = 0; i < 4; i++) {
		bad = before;
		bad.cr2 = 0x1234;
		switch (i) {
		case 0:
			bad.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;	/* in long mode */
			break;
		case 1:
			bad.flags = 2;
			break;
		case 2:
			bad.flags = 1ULL << 63;
			break;
		case 3:
			bad.cr4 &= ~(uint64_t)X86_CR4_PAE;
			break;
		}
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS2, &bad)) {
			TH_LOG("row %d", i);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS2, &after));
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(after))) {
			TH_LOG("row %d: refused, and something has changed", i);
		}
	}
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_GET_SREGS2, -4096UL));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_SET_SREGS2, -4096UL));
}

/* Both structures tell the same. */
TEST_F(state, sregs2_are_sregs)
{
	struct kvm_sregs2 sregs2;
	struct kvm_sregs sregs;

	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, CODE_GPA, CODE_GPA));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS2, &sregs2));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0, memcmp(&sregs, &sregs2, offsetof(struct kvm_sregs, interrupt_bitmap)));
	sregs2.cr2 = 0xabcd;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS2, &sregs2));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0xabcd, sregs.cr2);
}

static uint32_t word(struct kvm_cpuid2 *cpuid, uint32_t function, bool ebx)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function && !e->index)
			return ebx ? e->ebx : e->ecx;
	}
	return 0;
}

/*
 * Before KVM_SET_CPUID2 the client may set all of CR4 that is offered, and nothing
 * else; afterwards, what the vCPU has. (KVM from 6.14 on does not know the former.)
 */
TEST_F(state, cr4_before_cpuid)
{
	static const struct {
		int bit;
		uint32_t function;
		bool ebx;
		int feature;
	} rows[] = {
		{ 11, 7, false, 2 },	/* UMIP */
		{ 13, 1, false, 5 },	/* VMXE */
		{ 14, 1, false, 6 },	/* SMXE */
		{ 16, 7, true, 0 },	/* FSGSBASE */
		{ 18, 1, false, 26 },	/* OSXSAVE */
		{ 20, 7, true, 7 },	/* SMEP */
		{ 21, 7, true, 20 },	/* SMAP */
		{ 22, 7, false, 3 },	/* PKE */
	};
	struct kvm_cpuid2 *supported, none = { .nent = 0 };
	struct kvm_sregs sregs;
	struct machine m;

	ASSERT_MACHINE(&m, 0);
	ASSERT_EQ(0, vm_supported_cpuid(m.dev, &supported));
	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_GET_SREGS, &sregs));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t features = word(supported, rows[i].function, rows[i].ebx);
		bool offered = features & 1u << rows[i].feature;

		sregs.cr4 = 1ULL << rows[i].bit;
		EXPECT_EQ(offered ? 0 : -EINVAL,
			  sys_ioctl_ptr(m.vcpu.fd, KVM_SET_SREGS, &sregs)) {
			TH_LOG("CR4 bit %d", rows[i].bit);
		}
	}
	free(supported);

	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_SET_CPUID2, &none));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sregs.cr4 = 1ULL << rows[i].bit;
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(m.vcpu.fd, KVM_SET_SREGS, &sregs)) {
			TH_LOG("CR4 bit %d without a CPUID that has it", rows[i].bit);
		}
	}
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
