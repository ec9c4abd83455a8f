// SPDX-License-Identifier: GPL-2.0
/*
 * MMIO: KVM_EXIT_MMIO for a MOV to or from an address without memory, and how
 * the client's answer gets into the guest.
 */
#include <sys/mman.h>

#include "guest_code.h"
#include "harness.h"

#define PAGE		4096ULL
#define HOLE		0x10000000ULL	/* mapped in long mode, no memory there */
#define SLOT		1
#define RAX		0x8182838485868788ULL

#define VM_GPA_OF(label, name)	(CODE_GPA + ((label) - (name)))

FIXTURE(mmio) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(mmio)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(mmio)
{
	machine_destroy(&self->m);
}

static uint64_t mmio_value(const struct kvm_run *run)
{
	uint64_t value = 0;

	memcpy(&value, run->mmio.data, run->mmio.len);
	return value;
}

#define EXPECT_MMIO(write, where, bytes)				\
do {									\
	ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);				\
	EXPECT_EQ(write, self->run->mmio.is_write);			\
	EXPECT_EQ(where, self->run->mmio.phys_addr);			\
	ASSERT_EQ(bytes, self->run->mmio.len);				\
} while (0)

#define EXPECT_WRITE(where, bytes, value)				\
do {									\
	EXPECT_MMIO(1, where, bytes);					\
	EXPECT_EQ(value, mmio_value(self->run));			\
} while (0)

#define ANSWER_READ(where, bytes, value)				\
do {									\
	const uint64_t __answer = (value);				\
									\
	EXPECT_MMIO(0, where, bytes);					\
	memcpy(self->run->mmio.data, &__answer, 8);			\
} while (0)

#define LOAD_RAX_RBX "movabsq $0x8182838485868788, %rax\n movl $0x10000000, %ebx\n"

GUEST_CODE(writes, 64,
	   LOAD_RAX_RBX
	   "movb %al, (%rbx)\n"
	   "movb %ah, 1(%rbx)\n"
	   "movw %ax, 2(%rbx)\n"
	   "movl %eax, 4(%rbx)\n"
	   "movq %rax, 8(%rbx)\n"
	   "movl %eax, 0x11(%rbx)\n"
	   "movb $0x12, (%rbx)\n"
	   "movw $0x1234, (%rbx)\n"
	   "movl $0x89abcdef, (%rbx)\n"
	   "movq $-2, 0xff8(%rbx)\n"
	   "movl %eax, 0x10000ffc\n"
	   "movabsl %eax, 0x10000008\n"
	   "hlt");

TEST_F(mmio, writes)
{
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, writes));
	EXPECT_WRITE(HOLE, 1, 0x88);
	EXPECT_WRITE(HOLE + 1, 1, 0x87);
	EXPECT_WRITE(HOLE + 2, 2, 0x8788);
	EXPECT_WRITE(HOLE + 4, 4, 0x85868788);
	EXPECT_WRITE(HOLE + 8, 8, RAX);
	EXPECT_WRITE(HOLE + 0x11, 4, 0x85868788);
	EXPECT_WRITE(HOLE, 1, 0x12);
	EXPECT_WRITE(HOLE, 2, 0x1234);
	EXPECT_WRITE(HOLE, 4, 0x89abcdef);
	EXPECT_WRITE(HOLE + 0xff8, 8, 0xfffffffffffffffe);
	EXPECT_WRITE(HOLE + 0xffc, 4, 0x85868788);
	EXPECT_WRITE(HOLE + 8, 4, 0x85868788);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

GUEST_CODE(reads, 64,
	   LOAD_RAX_RBX
	   "movq $-1, %rcx\n"
	   "movq %rcx, %rdx\n"
	   "movq %rcx, %rsi\n"
	   "movq %rcx, %rdi\n"
	   "movq %rcx, %rbp\n"
	   "movq %rcx, %r8\n"
	   "movq %rcx, %r9\n"
	   "movb (%rbx), %cl\n"
	   "movb (%rbx), %dh\n"
	   "movb (%rbx), %sil\n"
	   "movw (%rbx), %di\n"
	   "movl (%rbx), %ebp\n"
	   "movq (%rbx), %r8\n"
	   "movzbl (%rbx), %r9d\n"
	   "movsbq (%rbx), %r10\n"
	   "movswl (%rbx), %r11d\n"
	   "movzwq (%rbx), %r12\n"
	   "movabsq 0x10000000, %rax\n"
	   "hlt");

/* SDM volume 1, "General-Purpose Registers": 32 bits clear the upper half. */
TEST_F(mmio, reads)
{
	static const uint8_t sizes[] = { 1, 1, 1, 2, 4, 8, 1, 1, 2, 2, 8 };
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, reads));
	for (size_t i = 0; i < sizeof(sizes); i++)
		ANSWER_READ(HOLE, sizes[i], 0xa1a2a3a4a5a6a7a8);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	EXPECT_EQ(0xffffffffffffffa8, regs.rcx);
	EXPECT_EQ(0xffffffffffffa8ff, regs.rdx);
	EXPECT_EQ(0xffffffffffffffa8, regs.rsi);
	EXPECT_EQ(0xffffffffffffa7a8, regs.rdi);
	EXPECT_EQ(0xa5a6a7a8, regs.rbp);
	EXPECT_EQ(0xa1a2a3a4a5a6a7a8, regs.r8);
	EXPECT_EQ(0xa8, regs.r9);
	EXPECT_EQ(0xffffffffffffffa8, regs.r10);
	EXPECT_EQ(0xffffa7a8, regs.r11);
	EXPECT_EQ(0xa7a8, regs.r12);
	EXPECT_EQ(0xa1a2a3a4a5a6a7a8, regs.rax);
	EXPECT_EQ(VM_GPA_OF(reads_end, reads), regs.rip);
}

GUEST_CODE(read_write, 64,
	   LOAD_RAX_RBX
	   "movl (%rbx), %ecx\n"
	   "movl %ecx, 4(%rbx)\n"
	   "hlt");

TEST_F(mmio, immediate_exit_completes_a_read)
{
	struct kvm_regs at_exit, after;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, read_write));
	ANSWER_READ(HOLE, 4, 0x12345678);
	ASSERT_EQ(0, get_regs(self->vcpu, &at_exit));
	EXPECT_EQ(0, at_exit.rcx);
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	ASSERT_EQ(0, get_regs(self->vcpu, &after));
	EXPECT_EQ(0x12345678, after.rcx);
	EXPECT_EQ(at_exit.rip + 2, after.rip);
	/* Once. */
	memset(self->run->mmio.data, 0, 8);
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	ASSERT_EQ(0, get_regs(self->vcpu, &after));
	EXPECT_EQ(0x12345678, after.rcx);
	self->run->immediate_exit = 0;
	EXPECT_WRITE(HOLE + 4, 4, 0x12345678);
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	ASSERT_EQ(0, get_regs(self->vcpu, &after));
	EXPECT_EQ(VM_GPA_OF(read_write_end, read_write) - 1, after.rip);
	self->run->immediate_exit = 0;
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

/* What is written is what the register had when the guest was there. */
TEST_F(mmio, register_changed_at_a_write)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, read_write));
	ANSWER_READ(HOLE, 4, 1);
	EXPECT_WRITE(HOLE + 4, 4, 1);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	regs.rcx = 2;
	ASSERT_EQ(0, set_regs(self->vcpu, &regs));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	EXPECT_EQ(2, regs.rcx);
}

/* A client that sends the vCPU elsewhere does not want the instruction finished. */
TEST_F(mmio, rip_changed_at_the_exit)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, read_write));
	ANSWER_READ(HOLE, 4, 0x12345678);
	if (testing_kvm())	/* which finishes it, and goes on behind it */
		return;
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	regs.rip = VM_GPA_OF(read_write_end, read_write) - 1;
	ASSERT_EQ(0, set_regs(self->vcpu, &regs));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	EXPECT_EQ(0, regs.rcx);
	EXPECT_EQ(VM_GPA_OF(read_write_end, read_write), regs.rip);
}

/* struct kvm_run is the client's to scribble on; only the data counts. */
TEST_F(mmio, answer_with_a_scribbled_header)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, read_write));
	ANSWER_READ(HOLE, 4, 0x8182838485868788);
	self->run->mmio.phys_addr = ~0ULL;
	self->run->mmio.len = 0xffffffff;
	self->run->mmio.is_write = 1;
	self->run->exit_reason = 0xffffffff;
	EXPECT_WRITE(HOLE + 4, 4, 0x85868788);
	self->run->mmio.is_write = 0;
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	EXPECT_EQ(0x85868788, regs.rcx);
}

/* Memory in a read-only slot is read by the guest alone, and written by the client. */
TEST_F(mmio, write_to_a_read_only_slot)
{
	uint32_t *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	mem[0] = 0x11223344;
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, KVM_MEM_READONLY, HOLE, PAGE, mem));
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, read_write));
	EXPECT_WRITE(HOLE + 4, 4, 0x11223344);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(0, mem[1]);
}

/* In any slot's place there may be a device later, and the other way round. */
TEST_F(mmio, slot_comes_and_goes)
{
	uint32_t *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	mem[0] = 5;
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, HOLE, PAGE, mem));
		mem[1] = 0;
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
					     read_write));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		EXPECT_EQ(5, mem[1]);
		ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd,
					   KVM_SET_USER_MEMORY_REGION,
			&(struct kvm_userspace_memory_region){ .slot = SLOT }));
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
					     read_write));
		ANSWER_READ(HOLE, 4, 6 + round);
		EXPECT_WRITE(HOLE + 4, 4, 6 + round);
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

TEST_HARNESS_MAIN
