// SPDX-License-Identifier: GPL-2.0
/*
 * Random bytes are run in ring 3 with all registers pointing to a device. What
 * is carried out has to be what the CPU makes of it in memory; what is refused
 * leaves RIP where it is and says the bytes. Single-stepping ends each trial.
 */
#include <asm/processor-flags.h>

#include "twins.h"
#include "harness.h"

#define TRIALS		6000

/* A gate for each vector, and the HLT that it leads to: RIP tells which it was. */
#define IDT		(CODE_GPA + 0x2000)
#define STUBS		(CODE_GPA + 0x4000)
#define GATES		256
/* An interrupt gate for ring 0, on the stack IST1, whose top is here: */
#define GATE		(0x8eULL << 40 | 1ULL << 32)
#define STACK_TOP	(VM_GPA_VCPUS + VM_AREA_FAULT_STACK)
#define FRAME		48	/* bytes, with an error code */

FIXTURE(fuzz) {
	struct twins twins;
	struct kvm_sregs sregs;
};

static void fill_idt(struct vm *vm)
{
	uint64_t *idt = vm_gpa(vm, IDT, GATES * 16);

	for (uint64_t i = 0; i < GATES; i++) {
		idt[2 * i] = ((STUBS + i) & 0xffff) | VM_SEL_CODE64 << 16 |
			     GATE | (STUBS + i) >> 16 << 48;
		idt[2 * i + 1] = 0;
	}
	memset(vm_gpa(vm, STUBS, GATES), HLT, GATES);
}

static void to_ring_3(struct kvm_segment *seg, uint16_t selector)
{
	seg->selector = selector;
	seg->dpl = 3;
}

/*
 * Let the guest have all pages before it single-steps: bochs 2.7 takes an EPT
 * violation under TF for an instruction that is done, and raises #DB for it.
 */
static int touch_pages(struct vcpu *vcpu, uint64_t start, uint64_t size)
{
	/* 1: lock orb $0, (%rdi); add $0x1000, %rdi; loop 1b; hlt */
	static const uint8_t touch[] = {
		0xf0, 0x80, 0x0f, 0x00, 0x48, 0x81, 0xc7, 0x00, 0x10, 0x00,
		0x00, 0xe2, 0xf3, 0xf4
	};
	struct kvm_regs regs = {
		.rip = CODE_GPA, .rflags = X86_EFLAGS_FIXED, .rdi = start,
		.rcx = size / 0x1000,
	};
	int ret;

	ret = vm_load_code(vcpu->vm, CODE_GPA, touch, sizeof(touch));
	if (ret)
		return ret;
	ret = vcpu_set_mode(vcpu, VM_MODE_LONG, CODE_GPA, 0);
	if (ret)
		return ret;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
	if (ret)
		return ret;
	ret = vcpu_run(vcpu);
	return ret ? ret : vcpu->run->exit_reason == KVM_EXIT_HLT ? 0 : -EIO;
}

FIXTURE_SETUP(fuzz)
{
	struct kvm_sregs *sregs = &self->sregs;
	struct vcpu *vcpu;

	ASSERT_EQ(0, twins_create(&self->twins));
	fill_idt(&self->twins.ram.vm);
	fill_idt(&self->twins.dev.vm);
	vcpu = &self->twins.dev.vcpu;
	ASSERT_EQ(0, touch_pages(vcpu, 0, vcpu->vm->mem_size));
	vcpu = &self->twins.ram.vcpu;
	ASSERT_EQ(0, touch_pages(vcpu, 0, vcpu->vm->mem_size));
	ASSERT_EQ(0, touch_pages(vcpu, HOLE, HOLE_SIZE));
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, sregs));
	sregs->idt.base = IDT;
	sregs->idt.limit = GATES * 16 - 1;
	to_ring_3(&sregs->cs, VM_SEL_USER_CODE64);
	to_ring_3(&sregs->ss, VM_SEL_USER_DATA);
	to_ring_3(&sregs->ds, VM_SEL_USER_DATA);
	to_ring_3(&sregs->es, VM_SEL_USER_DATA);
	to_ring_3(&sregs->fs, VM_SEL_USER_DATA);
	to_ring_3(&sregs->gs, VM_SEL_USER_DATA);
	srandom(2);
}

FIXTURE_TEARDOWN(fuzz)
{
	twins_destroy(&self->twins);
}

static int start(struct vcpu *vcpu, struct kvm_sregs *sregs, struct trial *t,
		 uint8_t *mem)
{
	int ret;

	memset(vm_gpa(vcpu->vm, STACK_TOP - FRAME, FRAME), 0, FRAME);
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, sregs);
	if (ret)
		return ret;
	t->regs.rip = CODE_GPA;
	t->regs.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_TF;
	return trial_start(vcpu, t, mem);
}

/* What a guest has left behind: registers, CR2, and the frame of the exception. */
struct result {
	struct kvm_regs regs;
	uint64_t cr2;
	uint8_t frame[FRAME];
};

static int get_result(struct vcpu *vcpu, struct result *r)
{
	struct kvm_sregs sregs;
	int ret;

	memset(r, 0, sizeof(*r));
	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	r->cr2 = sregs.cr2;
	memcpy(r->frame, vm_gpa(vcpu->vm, STACK_TOP - FRAME, FRAME), FRAME);
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &r->regs);
}

/* One of the bytes of @from. */
static uint8_t one_of(const char *from, size_t n)
{
	return from[random() % n];
}

#define ONE_OF(bytes)	one_of(bytes, sizeof(bytes) - 1)

static void make_trial(struct trial *t)
{
	int kind = random() % 8;

	t->len = 0;
	while (random() % 2 && t->len < 4)
		trial_put(t, ONE_OF("\x66\x67\x2e\x36\x64\x65\xf2\xf3\xf0"), 1);
	if (random() % 2)
		trial_put(t, 0x40 | (random() & 0xf), 1);
	if (kind < 3) {
		trial_put(t, ONE_OF("\x88\x89\x8a\x8b\xc6\xc7\xa1\xa2"), 1);
	} else if (kind < 5) {
		trial_put(t, random() & 0xff, 1);
	} else {
		trial_put(t, 0x0f, 1);
		trial_put(t, kind == 5 ? ONE_OF("\xb6\xb7\xbe\xbf") :
			     random() & 0xff, 1);
	}
	/* ModRM that is mostly a register with a displacement of a byte. */
	trial_put(t, (random() & 0x3f) | 0x40, 1);
	if (random() % 4 == 0)
		t->code[t->len - 1] = random();
	while (t->len < INSN_MAX)
		trial_put(t, random() & 0xff, 1);
	for (int i = 0; i <= R15; i++)
		*trial_reg(t, i) = random() % 4 ?
			HOLE + TARGET + (random() & 0xff) : random() & 0x3f;
}

struct counts {
	unsigned int same, refused, others;
};

/* The guest is in the instruction that was refused: it has these bytes. */
static void check_refused(struct __test_metadata *_metadata,
			  struct vcpu *vcpu, const struct trial *t)
{
	struct kvm_run *run = vcpu->run;
	unsigned int size = run->emulation_failure.insn_size;
	struct kvm_regs regs;
	void *code;

	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION, run->internal.suberror) {
		TH_LOG("%s", trial_text(t));
	}
	if (testing_kvm())
		return;
	ASSERT_EQ(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
		  run->emulation_failure.flags);
	ASSERT_TRUE(size >= 1 && size <= INSN_MAX);
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs));
	code = vm_gpa(vcpu->vm, regs.rip, size);
	ASSERT_NE(NULL, code);
	ASSERT_EQ(0, memcmp(code, run->emulation_failure.insn_bytes, size)) {
		TH_LOG("%s", trial_text(t));
	}
}

static void check_trial(struct __test_metadata *_metadata, struct twins *twins,
			struct kvm_sregs *sregs, struct trial *t,
			struct counts *counts)
{
	struct vcpu *ram = &twins->ram.vcpu, *dev = &twins->dev.vcpu;
	struct result expected, result;
	unsigned int exits, no_exits;
	int outcome;

	ASSERT_EQ(0, start(dev, sregs, t, twins->dev_mem));
	outcome = trial_run(dev, twins->dev_mem, &exits);
	ASSERT_LE(0, outcome) {
		TH_LOG("%s", trial_text(t));
	}
	if (outcome == REFUSED) {
		check_refused(_metadata, dev, t);
		counts->refused++;
		return;
	}
	/* What is no MMIO is none of this test's business: RDTSC, for instance. */
	if (outcome != HALTED || !exits) {
		counts->others++;
		return;
	}
	counts->same++;
	if (testing_kvm())	/* which emulates more, and not all of it as CPUs do it */
		return;
	ASSERT_EQ(0, start(ram, sregs, t, twins->ram_mem));
	ASSERT_EQ(HALTED, trial_run(ram, NULL, &no_exits)) {
		TH_LOG("%s", trial_text(t));
	}
	ASSERT_EQ(0, get_result(ram, &expected));
	ASSERT_EQ(0, get_result(dev, &result));
	EXPECT_EQ(0, memcmp(&expected, &result, sizeof(result))) {
		TH_LOG("%s: RIP %#llx, memory %#llx", trial_text(t),
		       result.regs.rip, expected.regs.rip);
	}
	EXPECT_EQ(0, memcmp(twins->ram_mem, twins->dev_mem, WINDOW)) {
		TH_LOG("%s", trial_text(t));
	}
}

TEST_F(fuzz, random_bytes)
{
	struct counts counts = {};
	struct trial t = {};

	for (int i = 0; i < TRIALS; i++) {
		make_trial(&t);
		check_trial(_metadata, &self->twins, &self->sregs, &t, &counts);
	}
	TH_LOG("%u as in memory, %u refused, %u without a device", counts.same,
	       counts.refused, counts.others);
	EXPECT_LT(TRIALS / 20, counts.same);
	if (!testing_kvm())
		EXPECT_LT(TRIALS / 20, counts.refused);
}

/* Under TF there is a #DB behind a MOV that a device did half of. */
TEST_F(fuzz, single_step)
{
	static const uint8_t movs[][2] = { { 0x89, 0x03 }, { 0x8b, 0x03 } };
	struct vcpu *vcpu = &self->twins.dev.vcpu;
	struct trial t = {};
	unsigned int exits;
	uint64_t rip;

	for (int i = 0; i < 2; i++) {
		memcpy(t.code, movs[i], 2);
		t.len = 2;
		t.regs.rbx = HOLE + TARGET;
		ASSERT_EQ(0, start(vcpu, &self->sregs, &t,
				   self->twins.dev_mem));
		ASSERT_EQ(HALTED, trial_run(vcpu, self->twins.dev_mem, &exits));
		EXPECT_EQ(1, exits);
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &t.regs));
		EXPECT_EQ(STUBS + VECTOR_DB + 1, t.regs.rip);
		/* RIP, CS, RFLAGS, RSP, SS: no error code. */
		memcpy(&rip, vm_gpa(vcpu->vm, STACK_TOP - 40, 8), 8);
		EXPECT_EQ(CODE_GPA + 2, rip);
	}
}

TEST_HARNESS_MAIN
