// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO under paging: the instruction is fetched through the guest's page tables,
 * and the address is one that they give.
 */
#include <asm/processor-flags.h>
#include <cpuid.h>

#include "guest_code.h"
#include "harness.h"

#define PAGE		4096ULL
#define HOLE		0x10000000ULL
#define DEVICE		(HOLE + 5 * PAGE)

#define EFER_NX		(1 << 11)

#define PTE_TABLE	7ULL	/* present, writable, user */
#define PTE_USER	4ULL
#define PTE_LARGE	(1ULL << 7)
#define PTE_NX		(1ULL << 63)

#define PF_PRESENT	(1 << 0)
#define PF_FETCH	(1 << 4)

/* 2 MiB of linear addresses with a page table of their own. */
#define LINEAR		(100 * 0x200000ULL)
#define PT		(CODE_GPA + 0x8000)
#define PD32		(CODE_GPA + 0x9000)
/* Two pages of code that are not side by side, and in the other order. */
#define CODE_0		(CODE_GPA + 0x5000)
#define CODE_1		(CODE_GPA + 0x3000)

FIXTURE(paging) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
	uint64_t *pt;
};

FIXTURE_SETUP(paging)
{
	uint64_t *pd;

	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
	pd = vm_gpa(&self->m.vm, VM_GPA_PD, PAGE);
	pd[LINEAR / 0x200000] = PT | PTE_TABLE;
	self->pt = vm_gpa(&self->m.vm, PT, PAGE);
	self->pt[0] = CODE_0 | PTE_TABLE;
	self->pt[1] = CODE_1 | PTE_TABLE;
	self->pt[2] = DEVICE | PTE_TABLE;
}

FIXTURE_TEARDOWN(paging)
{
	machine_destroy(&self->m);
}

/* movl $0x44332211, 0x123(%rbx); hlt */
static const uint8_t store[] = {
	0xc7, 0x83, 0x23, 0x01, 0x00, 0x00, 0x11, 0x22, 0x33, 0x44, 0xf4
};

#define STORE_LEN	10

/* Put the store at linear address LINEAR + PAGE - @before, and the vCPU there. */
static int load_store(struct vcpu *vcpu, unsigned int before)
{
	struct kvm_regs regs = {
		.rip = LINEAR + PAGE - before, .rflags = X86_EFLAGS_FIXED,
		.rbx = LINEAR + 2 * PAGE,
	};
	int ret;

	ret = vm_load_code(vcpu->vm, CODE_0 + PAGE - before, store, before);
	if (ret)
		return ret;
	ret = vm_load_code(vcpu->vm, CODE_1, store + before,
			   sizeof(store) - before);
	if (ret)
		return ret;
	ret = vcpu_set_mode(vcpu, VM_MODE_LONG, regs.rip, 0);
	if (ret)
		return ret;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
}

TEST_F(paging, instruction_across_pages)
{
	static const uint8_t value[] = { 0x11, 0x22, 0x33, 0x44 };

	for (int before = 1; before <= STORE_LEN; before++) {
		ASSERT_EQ(0, load_store(self->vcpu, before));
		ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);
		EXPECT_EQ(1, self->run->mmio.is_write);
		EXPECT_EQ(DEVICE + 0x123, self->run->mmio.phys_addr);
		EXPECT_EQ(4, self->run->mmio.len);
		EXPECT_EQ(0, memcmp(self->run->mmio.data, value, 4));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

/* An instruction that ends with its page has no interest in the next one. */
TEST_F(paging, nothing_behind_the_instruction)
{
	static const struct {
		const char *name;
		uint64_t pte;
	} rows[] = {
		{ "not present", 0 },
		{ "not for code", CODE_1 | PTE_TABLE | PTE_NX },
		{ "no memory", (HOLE + 9 * PAGE) | PTE_TABLE },
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		self->pt[1] = rows[i].pte;
		ASSERT_EQ(0, load_store(self->vcpu, STORE_LEN));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS,
					   &sregs));
		sregs.efer |= EFER_NX;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
					   &sregs));
		ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);
		self->run->immediate_exit = 1;
		EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
		self->run->immediate_exit = 0;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS,
					   &regs));
		EXPECT_EQ(LINEAR + PAGE, regs.rip) {
			TH_LOG("%s", rows[i].name);
		}
	}
}

/* mov (%rbx), %eax; mov (%rbx), %eax; hlt */
static const uint8_t two_loads[] = { 0x8b, 0x03, 0x8b, 0x03, 0xf4 };

static const struct {
	const char *name;
	uint64_t pte;
	uint64_t cr4, efer;
	uint32_t error_code;
} gone[] = {
	{ "not present", 0, 0, 0, 0 },
	{ "not present, with NX", 0, 0, EFER_NX, PF_FETCH },
	{ "NX", CODE_0 | PTE_TABLE | PTE_NX, 0, EFER_NX,
		PF_FETCH | PF_PRESENT },
	{ "SMEP", CODE_0 | PTE_TABLE, X86_CR4_SMEP, 0, PF_FETCH | PF_PRESENT },
};

static bool cpu_has_smep(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ebx & 1 << 7;
}

static int start_loads(struct vcpu *vcpu, uint64_t cr4, uint64_t efer)
{
	struct kvm_regs regs = {
		.rip = LINEAR, .rflags = X86_EFLAGS_FIXED,
		.rbx = LINEAR + 2 * PAGE,
	};
	struct kvm_sregs sregs;
	int ret;

	ret = vm_load_code(vcpu->vm, CODE_0, two_loads, sizeof(two_loads));
	if (ret)
		return ret;
	ret = vcpu_set_mode(vcpu, VM_MODE_LONG, 0, 0);
	if (ret)
		return ret;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	sregs.efer = (sregs.efer & ~(uint64_t)EFER_NX) | efer;
	sregs.cr4 |= cr4;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
	if (ret)
		return ret;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
}

/*
 * The page of the second instruction is taken away while the client has the
 * first, and nobody flushes. The guest may get as far as the access, by the
 * translation that its CPU still has, or it may not: in both cases it has a page
 * fault at its fetch.
 */
TEST_F(paging, code_page_gone)
{
	uint8_t *stack = vm_gpa(&self->m.vm, VM_GPA_VCPUS, PAGE);
	uint64_t *idt = vm_gpa(&self->m.vm, VM_GPA_IDT, PAGE), frame[2];
	uint64_t *pd = vm_gpa(&self->m.vm, VM_GPA_PD, PAGE);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int ret;

	/* The handler of #PF halts. SMEP lets it: it is no page of ring 3. */
	*(uint8_t *)vm_gpa(&self->m.vm, CODE_GPA, 1) = 0xf4;
	idt[2 * VECTOR_PF] = CODE_GPA % 0x10000 | VM_SEL_CODE64 << 16 |
			     0x8eULL << 40 | 1ULL << 32 |
			     CODE_GPA / 0x10000ULL << 48;
	pd[0] &= ~PTE_USER;
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		self->pt[0] = (CODE_0 | PTE_TABLE) & ~PTE_USER;
		ret = start_loads(self->vcpu, gone[i].cr4, gone[i].efer);
		if (gone[i].cr4 & X86_CR4_SMEP && !cpu_has_smep()) {
			EXPECT_EQ(-EINVAL, ret);
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);
		self->pt[0] = gone[i].pte;
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS,
					   &regs));
		ASSERT_EQ(CODE_GPA + 1, regs.rip) {
			TH_LOG("%s", gone[i].name);
		}
		/* Error code and RIP; four more are behind them. */
		memcpy(frame, stack + PAGE - 6 * 8, sizeof(frame));
		EXPECT_EQ(gone[i].error_code, frame[0]) {
			TH_LOG("%s", gone[i].name);
		}
		EXPECT_EQ(LINEAR + 2, frame[1]);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS,
					   &sregs));
		EXPECT_EQ(LINEAR + 2, sregs.cr2);
	}
}

GUEST_CODE(read_write_32, 32,
	   "movl $0x10000000, %ebx\n"
	   "movl (%ebx), %ecx\n"
	   "movw %cx, 4(%ebx)\n"
	   "hlt");

#define READ_AND_WRITE()						\
do {									\
	ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);				\
	EXPECT_EQ(0, self->run->mmio.is_write);				\
	EXPECT_EQ(HOLE, self->run->mmio.phys_addr);			\
	memcpy(self->run->mmio.data, "\x11\x22\x33\x44", 4);		\
	ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);				\
	EXPECT_EQ(1, self->run->mmio.is_write);				\
	EXPECT_EQ(HOLE + 4, self->run->mmio.phys_addr);			\
	EXPECT_EQ(2, self->run->mmio.len);				\
	EXPECT_EQ(0, memcmp(self->run->mmio.data, "\x11\x22", 2));	\
} while (0)

TEST_F(paging, pae)
{
	uint64_t *pdpt = vm_gpa(&self->m.vm, PD32, PAGE);
	struct kvm_sregs sregs;

	pdpt[0] = VM_GPA_PD | 1;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED,
				     read_write_32));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr3 = PD32;
	sregs.cr4 |= X86_CR4_PAE;
	sregs.cr0 |= X86_CR0_PG;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	READ_AND_WRITE();
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

/* 4 MiB pages, each where it is; the lowest 4 MiB by a page table. */
static void fill_32(struct vm *vm)
{
	uint32_t *pd = vm_gpa(vm, PD32, PAGE), *pt = vm_gpa(vm, PT, PAGE);

	for (uint32_t i = 0; i < 1024; i++) {
		pd[i] = i << 22 | PTE_LARGE | PTE_TABLE;
		pt[i] = i << 12 | PTE_TABLE;
	}
	pd[0] = PT | PTE_TABLE;
}

TEST_F(paging, two_levels)
{
	struct kvm_sregs sregs;

	fill_32(&self->m.vm);
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED,
				     read_write_32));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr3 = PD32;
	sregs.cr4 |= X86_CR4_PSE;
	sregs.cr0 |= X86_CR0_PG;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	READ_AND_WRITE();
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

/* movw $0xa000, %ax; movw %ax, %ds; movl 0, %ecx; movw %cx, 4 */
GUEST_CODE(read_write_16, 16,
	   "movw $0xa000, %ax\n"
	   "movw %ax, %ds\n"
	   "movl 0, %ecx\n"
	   "movw %cx, 4\n"
	   "hlt");

static void to_v86(struct kvm_segment *seg, uint64_t base)
{
	*seg = (struct kvm_segment){
		.base = base, .selector = base >> 4, .limit = 0xffff,
		.type = 3, .s = 1, .dpl = 3, .present = 1,
	};
}

/* A device at linear 0xa0000, as a PC's; its guest-physical address is another. */
TEST_F(paging, virtual_8086)
{
	struct kvm_regs regs = { .rflags = X86_EFLAGS_FIXED | X86_EFLAGS_VM };
	uint32_t *pt = vm_gpa(&self->m.vm, PT, PAGE);
	struct kvm_sregs sregs;

	fill_32(&self->m.vm);
	pt[0xa0] = HOLE | PTE_TABLE;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED,
				     read_write_16));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr3 = PD32;
	sregs.cr4 |= X86_CR4_PSE;
	sregs.cr0 |= X86_CR0_PG;
	to_v86(&sregs.cs, CODE_GPA);
	to_v86(&sregs.ss, CODE_GPA);
	to_v86(&sregs.ds, 0);
	to_v86(&sregs.es, 0);
	to_v86(&sregs.fs, 0);
	to_v86(&sregs.gs, 0);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	READ_AND_WRITE();
}

TEST_HARNESS_MAIN
