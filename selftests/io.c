// SPDX-License-Identifier: GPL-2.0
/*
 * Port I/O: KVM_EXIT_IO for IN and OUT of 8, 16 and 32 bits and for their
 * string forms, and how the client's answer gets into the guest.
 */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define PORT		0xe0
#define BUFFER		(CODE_GPA + 0x1ff0)	/* crosses into another page */
#define ITEMS		32

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

static void *io_data(struct kvm_run *run)
{
	return (char *)run + run->io.data_offset;
}

static uint32_t io_value(struct kvm_run *run)
{
	uint32_t value = 0;

	memcpy(&value, io_data(run), run->io.size);
	return value;
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
	EXPECT_EQ(0xef, io_value(self->run));
	EXPECT_IO(KVM_EXIT_IO_OUT, 2, 0xe1);
	EXPECT_EQ(0xcdef, io_value(self->run));
	EXPECT_IO(KVM_EXIT_IO_OUT, 4, 0xe2);
	EXPECT_EQ(0x89abcdef, io_value(self->run));
	EXPECT_IO(KVM_EXIT_IO_OUT, 4, 0xfffc);
	EXPECT_EQ(0x89abcdef, io_value(self->run));
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
	memcpy(io_data(self->run), &answer, 1);
	EXPECT_IO(KVM_EXIT_IO_IN, 2, 0xe1);
	memcpy(io_data(self->run), &answer, 2);
	EXPECT_IO(KVM_EXIT_IO_IN, 4, 0xe2);
	memcpy(io_data(self->run), &answer, 4);
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
	*(uint8_t *)io_data(self->run) = 0x42;
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
 * The string forms. A client has to take any number of items an exit: here
 * the bytes go to, or come from, one stream.
 */
static const uint8_t rep_outs[][3] = {
	[1] = { 0xf3, 0x6e, 0xf4 },		/* rep outsb; hlt */
	[2] = { 0xf3, 0x66, 0x6f },		/* rep outsw */
	[4] = { 0xf3, 0x6f, 0xf4 },		/* rep outsl; hlt */
};

static const uint8_t rep_ins[][3] = {
	[1] = { 0xf3, 0x6c, 0xf4 },
	[2] = { 0xf3, 0x66, 0x6d },
	[4] = { 0xf3, 0x6d, 0xf4 },
};

FIXTURE(string_io) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_VARIANT(string_io) {
	int size;
	bool down;
};

FIXTURE_VARIANT_ADD(string_io, bytes) { .size = 1, .down = false };
FIXTURE_VARIANT_ADD(string_io, words) { .size = 2, .down = false };
FIXTURE_VARIANT_ADD(string_io, longs) { .size = 4, .down = false };
FIXTURE_VARIANT_ADD(string_io, bytes_down) { .size = 1, .down = true };
FIXTURE_VARIANT_ADD(string_io, longs_down) { .size = 4, .down = true };

FIXTURE_SETUP(string_io)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(string_io)
{
	machine_destroy(&self->m);
}

static int start_string_io(struct vcpu *vcpu, const uint8_t *insn, int size,
			   bool down, struct kvm_regs *regs)
{
	int ret;

	ret = vm_load_code(vcpu->vm, CODE_GPA, insn, 3);
	if (ret)
		return ret;
	ret = vm_load_code(vcpu->vm, CODE_GPA + 3, "\xf4", 1);
	if (ret)
		return ret;
	ret = vcpu_set_mode(vcpu, VM_MODE_LONG, CODE_GPA,
			    CODE_GPA + CODE_STACK);
	if (ret)
		return ret;
	*regs = (struct kvm_regs){
		.rip = CODE_GPA, .rflags = 2 | (down ? X86_EFLAGS_DF : 0),
		.rcx = ITEMS, .rdx = PORT,
	};
	regs->rsi = down ? BUFFER + (ITEMS - 1) * size : BUFFER;
	regs->rdi = regs->rsi;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, regs);
}

/* Item @i of the stream is item @i of the buffer, or from its other end. */
static size_t place(int i, int size, bool down)
{
	return (down ? ITEMS - 1 - i : i) * size;
}

TEST_F(string_io, rep_outs)
{
	uint8_t *buffer = vm_gpa(&self->m.vm, BUFFER, ITEMS * 4);
	int size = variant->size, done = 0;
	struct kvm_regs start, end;

	for (int i = 0; i < ITEMS * size; i++)
		buffer[i] = 7 * i + 1;
	ASSERT_EQ(0, start_string_io(self->vcpu, rep_outs[size], size,
				     variant->down, &start));
	while (done < ITEMS) {
		uint8_t *data;

		ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
		ASSERT_EQ(KVM_EXIT_IO_OUT, self->run->io.direction);
		ASSERT_EQ(PORT, self->run->io.port);
		ASSERT_EQ(size, self->run->io.size);
		ASSERT_LT(0, self->run->io.count);
		ASSERT_GE(ITEMS - done, self->run->io.count);
		data = io_data(self->run);
		for (uint32_t n = 0; n < self->run->io.count; n++, done++) {
			EXPECT_EQ(0, memcmp(data + n * size, buffer +
					    place(done, size, variant->down),
					    size)) {
				TH_LOG("item %d", done);
			}
		}
	}
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &end));
	EXPECT_EQ(0, end.rcx);
	EXPECT_EQ(start.rsi + (variant->down ? -1 : 1) * ITEMS * size,
		  end.rsi);
	EXPECT_EQ(start.rdi, end.rdi);
}

TEST_F(string_io, rep_ins)
{
	uint8_t *buffer = vm_gpa(&self->m.vm, BUFFER - 8, ITEMS * 4 + 16);
	int size = variant->size, done = 0;
	struct kvm_regs start, end;

	memset(buffer, 0xee, ITEMS * size + 16);
	buffer += 8;
	ASSERT_EQ(0, start_string_io(self->vcpu, rep_ins[size], size,
				     variant->down, &start));
	while (done < ITEMS) {
		uint8_t *data;

		ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
		ASSERT_EQ(KVM_EXIT_IO_IN, self->run->io.direction);
		ASSERT_EQ(PORT, self->run->io.port);
		ASSERT_EQ(size, self->run->io.size);
		ASSERT_LT(0, self->run->io.count);
		ASSERT_GE(ITEMS - done, self->run->io.count);
		data = io_data(self->run);
		for (uint32_t n = 0; n < self->run->io.count; n++, done++)
			memset(data + n * size, done + 1, size);
	}
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &end));
	EXPECT_EQ(0, end.rcx);
	EXPECT_EQ(start.rdi + (variant->down ? -1 : 1) * ITEMS * size,
		  end.rdi);
	for (int i = 0; i < ITEMS; i++) {
		uint8_t *item = buffer + place(i, size, variant->down);

		EXPECT_TRUE(item[0] == i + 1 && item[size - 1] == i + 1) {
			TH_LOG("item %d is %#x", i, item[0]);
		}
	}
	EXPECT_TRUE(buffer[-1] == 0xee && buffer[ITEMS * size] == 0xee) {
		TH_LOG("written outside of the buffer");
	}
}

GUEST_CODE(rep_outs_of_none, 64,
	   "xorl %ecx, %ecx\n"
	   "movl $0xe0, %edx\n"
	   "rep outsb\n"
	   "rep insb\n"
	   "hlt");

TEST_F(io, rep_with_count_zero_is_nothing)
{
	struct kvm_regs regs;

	for (int down = 0; down < 2; down++) {
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, rep_outs_of_none));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		regs.rflags |= down ? X86_EFLAGS_DF : 0;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

GUEST_CODE(rep_ins_of_three, 64,
	   "movl $3, %ecx\n"
	   "movl $0xe0, %edx\n"
	   "movl $0x11ff0, %edi\n"
	   "rep insb\n"
	   "hlt");

/* A client that writes RCX while it is asked has the instruction go on from there. */
TEST_F(io, rep_with_another_count)
{
	static const uint64_t counts[] = { 0, 1, 3, 5 };
	struct kvm_regs regs;
	uint64_t answers;

	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		/* KVM takes 0 for as many as there can be. */
		if (testing_kvm() && !counts[i])
			continue;
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, rep_ins_of_three));
		ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		ASSERT_EQ(3, regs.rcx);
		regs.rcx = counts[i];
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		answers = self->run->io.count;
		memset(io_data(self->run), 0xaa, 8);
		ASSERT_EQ(0, vcpu_run(self->vcpu));
		while (self->run->exit_reason == KVM_EXIT_IO) {
			answers += self->run->io.count;
			memset(io_data(self->run), 0xaa, 8);
			ASSERT_EQ(0, vcpu_run(self->vcpu));
		}
		ASSERT_EQ(KVM_EXIT_HLT, self->run->exit_reason);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		EXPECT_EQ(0, regs.rcx);
		EXPECT_EQ(BUFFER + counts[i], regs.rdi) {
			TH_LOG("%d instead of 3", (int)counts[i]);
		}
		/* KVM goes on with what it has been given more of than it asked. */
		if (!testing_kvm())
			EXPECT_LE(counts[i], answers);
	}
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
	*(uint8_t *)io_data(self->run) = 0x42;
	memset(&self->run->io, 0xff, sizeof(self->run->io));
	EXPECT_IO(KVM_EXIT_IO_IN, 2, 0xe1);
	memset(&self->run->io, 0, sizeof(self->run->io));
	EXPECT_IO(KVM_EXIT_IO_IN, 4, 0xe2);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xffffffffffffff42, regs.rbx);
}

TEST_HARNESS_MAIN
