// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O: KVM_EXIT_IO for IN and OUT of 8, 16 and 32 bits, and how the
 * client's answer gets into the guest. Their string forms are in io_string.c.
 */
#include "guest_code.h"
#include "harness.h"

FIXTURE(io) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(io)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(io)
{
	machine_destroy(&self->m);
}

#define EXPECT_IO(dir, bytes, where)					\
do {									\
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);				\
	EXPECT_EQ(dir, self->run->io.direction);			\
	EXPECT_EQ(bytes, self->run->io.size);				\
	EXPECT_EQ(1, self->run->io.count);				\
	EXPECT_EQ(where, self->run->io.port);				\
	/* Inside what is mapped, and not on top of struct kvm_run. */	\
	ASSERT_LE(sizeof(struct kvm_run), self->run->io.data_offset);	\
	ASSERT_LE(self->run->io.data_offset + (bytes),			\
		  self->vcpu->run_size);				\
} while (0)

GUEST_CODE(outs_of_each_size, 64,
	   "movl $0x89abcdef, %eax\n"
	   "outb %al, $0xe0\n"
	   "outw %ax, $0xe1\n"
	   "outl %eax, $0xe2\n"
	   "movl $0xfffc, %edx\n"
	   "outl %eax, %dx\n"
	   "hlt");

TEST_F(io, out)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     outs_of_each_size));
	EXPECT_IO(KVM_EXIT_IO_OUT, 1, 0xe0);
	EXPECT_EQ(0xef, out_data(self->vcpu));
	EXPECT_IO(KVM_EXIT_IO_OUT, 2, 0xe1);
	EXPECT_EQ(0xcdef, out_data(self->vcpu));
	EXPECT_IO(KVM_EXIT_IO_OUT, 4, 0xe2);
	EXPECT_EQ(0x89abcdef, out_data(self->vcpu));
	EXPECT_IO(KVM_EXIT_IO_OUT, 4, 0xfffc);
	EXPECT_EQ(0x89abcdef, out_data(self->vcpu));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(CODE_GPA + (outs_of_each_size_end - outs_of_each_size),
		  regs.rip);
}

GUEST_CODE(ins_of_each_size, 64,
	   "movq $-1, %rax\n"
	   "inb $0xe0, %al\n"
	   "movq %rax, %rbx\n"
	   "movq $-1, %rax\n"
	   "inw $0xe1, %ax\n"
	   "movq %rax, %rcx\n"
	   "movq $-1, %rax\n"
	   "inl $0xe2, %eax\n"
	   "hlt");

/* SDM volume 1, "General-Purpose Registers": 32 bits clear the upper half. */
TEST_F(io, in)
{
	const uint32_t answer = 0x12345678;
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     ins_of_each_size));
	EXPECT_IO(KVM_EXIT_IO_IN, 1, 0xe0);
	memcpy(io_data(self->vcpu), &answer, 1);
	EXPECT_IO(KVM_EXIT_IO_IN, 2, 0xe1);
	memcpy(io_data(self->vcpu), &answer, 2);
	EXPECT_IO(KVM_EXIT_IO_IN, 4, 0xe2);
	memcpy(io_data(self->vcpu), &answer, 4);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xffffffffffffff78, regs.rbx);
	EXPECT_EQ(0xffffffffffff5678, regs.rcx);
	EXPECT_EQ(0x12345678, regs.rax);
}

/* The registers in between are those before the instruction. */
TEST_F(io, rip_stays_until_done)
{
	struct kvm_regs at_exit, after;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     ins_of_each_size));
	EXPECT_IO(KVM_EXIT_IO_IN, 1, 0xe0);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &at_exit));
	EXPECT_EQ(~0ULL, at_exit.rax);
	*io_data(self->vcpu) = 0x42;
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &after));
	EXPECT_EQ(0xffffffffffffff42, after.rax);
	EXPECT_EQ(at_exit.rip + 2, after.rip);
}

GUEST_CODE(two_segments, 16,
	   "outb %al, $0xe0\n"
	   "hlt\n"
	   ".org two_segments + 0x100\n"
	   "outb %al, $0xe1\n"
	   "hlt\n");

/* A client that sends the vCPU to where IP is the same: that is another instruction. */
TEST_F(io, another_segment_at_the_exit)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, two_segments));
	EXPECT_IO(KVM_EXIT_IO_OUT, 1, 0xe0);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.base += 0x100;
	sregs.cs.selector += 0x10;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_IO(KVM_EXIT_IO_OUT, 1, 0xe1);
}

/*
 * struct kvm_run belongs to the client, who may write what it likes there:
 * what the kernel goes by is its own.
 */
TEST_F(io, answer_with_a_scribbled_header)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     ins_of_each_size));
	EXPECT_IO(KVM_EXIT_IO_IN, 1, 0xe0);
	*io_data(self->vcpu) = 0x42;
	memset(&self->run->io, 0xff, sizeof(self->run->io));
	EXPECT_IO(KVM_EXIT_IO_IN, 2, 0xe1);
	memset(&self->run->io, 0, sizeof(self->run->io));
	EXPECT_IO(KVM_EXIT_IO_IN, 4, 0xe2);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xffffffffffffff42, regs.rbx);
}

TEST_HARNESS_MAIN
