// SPDX-License-Identifier: GPL-2.0
/*
 * The string forms of IN and OUT, with REP. A client has to take any number of items an exit: here
 * the bytes go to, or come from, one stream. To the guest each iteration is one by itself.
 */
#include <asm/processor-flags.h>

#include "harness.h"
#include "real_mode.h"

#define PORT		0xe0
#define BUFFER		(CODE_GPA + 0x1ff0)	/* crosses into another page */
#define ITEMS		32

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
		data = io_data(self->vcpu);
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
		data = io_data(self->vcpu);
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

FIXTURE(rep) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(rep)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(rep)
{
	machine_destroy(&self->m);
}

GUEST_CODE(rep_outs_of_none, 64,
	   "xorl %ecx, %ecx\n"
	   "movl $0xe0, %edx\n"
	   "rep outsb\n"
	   "rep insb\n"
	   "hlt");

TEST_F(rep, with_count_zero_is_nothing)
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
TEST_F(rep, with_another_count)
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
		memset(io_data(self->vcpu), 0xaa, 8);
		ASSERT_EQ(0, vcpu_run(self->vcpu));
		while (self->run->exit_reason == KVM_EXIT_IO) {
			answers += self->run->io.count;
			memset(io_data(self->vcpu), 0xaa, 8);
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

#define VECTOR		0x40
#define STRING		0x200	/* its last byte */

#define PORT_START	0xe1
#define PORT_BEHIND	0xe2
#define PORT_INTERRUPT	0xe3	/* the handlers */
#define PORT_DB		0xe4

GUEST_CODE(downwards, 16,
	   "outb %al, $0xe1\n"
	   "sti\n"
	   "downwards_rep: rep outsb\n"
	   "outb %al, $0xe2\n"
	   "1: jmp 1b\n"
	   "on_interrupt: outb %al, $0xe3\n"
	   "iret\n"
	   "on_db: outb %al, $0xe4\n"
	   "iret");
GUEST_LABEL(downwards_rep);
GUEST_LABEL(on_interrupt);
GUEST_LABEL(on_db);

/* The guest has written to PORT_START, and goes on @count times downwards, or steps there. */
static int start_downwards(struct vcpu *vcpu, uint64_t count, bool steps)
{
	struct kvm_regs regs;
	int ret;

	ret = load_guest_code(vcpu, VM_MODE_REAL, downwards);
	if (ret)
		return ret;
	set_vector(vcpu->vm, VECTOR, on_interrupt - downwards);
	set_vector(vcpu->vm, VECTOR_DB, on_db - downwards);
	/* Its page is there: in bochs 2.7 an EPT violation counts as a step. */
	ret = vcpu_run(vcpu);
	if (ret)
		return ret;
	if (vcpu->run->exit_reason != KVM_EXIT_IO || vcpu->run->io.port != PORT_START)
		return -EPROTO;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
	if (ret)
		return ret;
	if (steps)
		regs.rip = downwards_rep - downwards;
	regs.rflags |= X86_EFLAGS_DF | (steps ? X86_EFLAGS_TF : 0);
	regs.rdx = PORT;
	regs.rcx = count;
	regs.rsi = STRING;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
}

/* SDM vol. 2, "REP": an interrupt need not wait for the last. Its shadow is the first one's. */
TEST_F(rep, interrupted)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };

	ASSERT_EQ(0, start_downwards(self->vcpu, 3, false));
	ASSERT_OUT(PORT, self->vcpu);
	ASSERT_OUT(PORT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_INTERRUPT, &interrupt));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT, self->vcpu);
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

/* SDM vol. 3, "Single-Step Exception Condition": so is each one stepped. */
TEST_F(rep, stepped)
{
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, "KVM steps as much as it does at once");
	ASSERT_EQ(0, start_downwards(self->vcpu, 3, true));
	for (int i = 0; i < 3; i++) {
		ASSERT_OUT(PORT, self->vcpu);
		EXPECT_EQ(1, self->run->io.count);
		ASSERT_OUT(PORT_DB, self->vcpu);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		EXPECT_EQ(2 - i, regs.rcx);
	}
	/* The program's next instruction is stepped as well. */
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
	ASSERT_OUT(PORT_DB, self->vcpu);
}

/* Of none nothing is done, and that is a step. */
TEST_F(rep, stepped_with_count_zero)
{
	ASSERT_EQ(0, start_downwards(self->vcpu, 0, true));
	ASSERT_OUT(PORT_DB, self->vcpu);
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

TEST_HARNESS_MAIN
