// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that the process has unmapped, where minihv reads it in the CPU's stead: the
 * tables of the guest's paging, and the memory side of INS and OUTS. The guest can't help it:
 * KVM_RUN is -EFAULT as for the guest's own accesses, nothing has happened, and when the memory
 * is back the guest goes on.
 */
#include <asm/processor-flags.h>
#include <sys/mman.h>

#include "real_mode.h"
#include "harness.h"

#define PAGE		4096
#define PORT		0xe0

/* 2 MiB of linear addresses whose first page is BUFFER. */
#define LINEAR		(100 * 0x200000ULL)
#define PT		(CODE_GPA + 0x8000)
#define BUFFER		(CODE_GPA + 0x9000)
#define PDPT		(CODE_GPA + 0xa000)

#define PTE_TABLE	7ULL	/* present, writable, user */
#define PDPTE_PRESENT	1ULL	/* in PAE paging the other bits are reserved */

FIXTURE(gone) {
	struct machine m;
	struct vcpu *vcpu;
	uint8_t kept[PAGE];
};

FIXTURE_SETUP(gone)
{
	uint64_t *entry;

	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	entry = vm_gpa(&self->m.vm, VM_GPA_PD, PAGE);
	entry[LINEAR / 0x200000] = PT | PTE_TABLE;
	entry = vm_gpa(&self->m.vm, PT, PAGE);
	entry[0] = BUFFER | PTE_TABLE;
	entry = vm_gpa(&self->m.vm, PDPT, PAGE);
	entry[0] = VM_GPA_PD | PDPTE_PRESENT;
}

FIXTURE_TEARDOWN(gone)
{
	machine_destroy(&self->m);
}

static int take_away(uint8_t *kept, const struct vm *vm, uint64_t gpa)
{
	void *page = vm_gpa(vm, gpa, PAGE);

	memcpy(kept, page, PAGE);
	return munmap(page, PAGE);
}

static int put_back(const uint8_t *kept, const struct vm *vm, uint64_t gpa)
{
	void *page = mmap(vm_gpa(vm, gpa, PAGE), PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	memcpy(page, kept, PAGE);
	return 0;
}

#define ON_KVM	"KVM gives the guest a page fault or #GP"

/* KVM_RUN is -EFAULT for want of the page at @gpa, as often as it is tried, and then it is back. */
#define ASSERT_WANTS(gpa)						\
do {									\
	struct kvm_regs __before, __after;				\
	ASSERT_EQ(0, take_away(self->kept, &self->m.vm, gpa));		\
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));			\
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &__before)); \
	EXPECT_EQ(-EFAULT, vcpu_run(self->vcpu));			\
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &__after)); \
	EXPECT_EQ(0, memcmp(&__before, &__after, sizeof(__after)));	\
	ASSERT_EQ(0, put_back(self->kept, &self->m.vm, gpa));		\
} while (0)

#define ASSERT_ASKED(way)						\
do {									\
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);				\
	EXPECT_EQ(way, self->vcpu->run->io.direction);			\
	EXPECT_EQ(PORT, self->vcpu->run->io.port);			\
} while (0)

GUEST_CODE(insb, 64,
	   "movl $0xe0, %edx\n"
	   "movl $0xc800000, %edi\n"
	   "insb\n"
	   "hlt");

TEST_F(gone, insb_page_table)
{
	if (testing_kvm())
		SKIP(return, ON_KVM);
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, insb));
	ASSERT_WANTS(PT);
	ASSERT_ASKED(KVM_EXIT_IO_IN);
	*io_data(self->vcpu) = 0x5a;
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(0x5a, *(uint8_t *)vm_gpa(&self->m.vm, BUFFER, 1));
}

/* Gone between the question and the answer: what the device has said is not asked of it again. */
TEST_F(gone, insb_at_the_answer)
{
	static const uint64_t pages[] = { PT, BUFFER };

	if (testing_kvm())
		SKIP(return, ON_KVM);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, insb));
		ASSERT_ASKED(KVM_EXIT_IO_IN);
		*io_data(self->vcpu) = 0x5a + i;
		ASSERT_WANTS(pages[i]);
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		EXPECT_EQ(0x5a + i, *(uint8_t *)vm_gpa(&self->m.vm, BUFFER, 1));
	}
}

GUEST_CODE(outsb, 64,
	   "movl $0xe0, %edx\n"
	   "movl $0xc800000, %esi\n"
	   "outsb\n"
	   "hlt");

TEST_F(gone, outsb)
{
	static const uint64_t pages[] = { PT, BUFFER };

	if (testing_kvm())
		SKIP(return, ON_KVM);
	*(uint8_t *)vm_gpa(&self->m.vm, BUFFER, 1) = 0xa5;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, outsb));
		ASSERT_WANTS(pages[i]);
		ASSERT_ASKED(KVM_EXIT_IO_OUT);
		EXPECT_EQ(0xa5, *io_data(self->vcpu));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

/* PAE paging: switched on, and then CR4 changes, each of which loads the PDPTEs. */
GUEST_CODE(pae, 32,
	   "movl %cr4, %eax\n"
	   "orl $0x20, %eax\n"			/* PAE */
	   "movl %eax, %cr4\n"
	   "movl $0x1a000, %eax\n"		/* PDPT */
	   "movl %eax, %cr3\n"
	   "movl %cr0, %eax\n"
	   "orl $0x80000000, %eax\n"		/* PG */
	   "hlt\n"
	   "movl %eax, %cr0\n"
	   "movl %cr4, %eax\n"
	   "orl $0x10, %eax\n"			/* PSE */
	   "hlt\n"
	   "movl %eax, %cr4\n"
	   "movl 0xc800000, %ebx\n"
	   "hlt");

TEST_F(gone, pdptes)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, ON_KVM);
	*(uint32_t *)vm_gpa(&self->m.vm, BUFFER, 4) = 0x12345678;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED, pae));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_WANTS(PDPT);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0, sregs.cr0 & X86_CR0_PG);

	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_WANTS(PDPT);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(X86_CR0_PG, sregs.cr0 & X86_CR0_PG);
	EXPECT_EQ(0, sregs.cr4 & X86_CR4_PSE);

	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(X86_CR4_PSE, sregs.cr4 & X86_CR4_PSE);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0x12345678, regs.rbx);
}

GUEST_CODE(int_40, 16,
	   "int $0x40\n"
	   "outb %al, $0xe1\n"
	   "int_40_handler: outb %al, $0xe0\n");
GUEST_LABEL(int_40_handler);

/* The vectors are gone. INT n is executed again, unless the client has sent the guest elsewhere. */
TEST_F(gone, vectors)
{
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, ON_KVM);
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, int_40));
		set_vector(&self->m.vm, 0x40, int_40_handler - int_40);
		ASSERT_WANTS(0);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		EXPECT_EQ(0, regs.rip);
		regs.rip += elsewhere ? 2 : 0;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_OUT(elsewhere ? 0xe1 : PORT, self->vcpu);
	}
}

TEST_HARNESS_MAIN
