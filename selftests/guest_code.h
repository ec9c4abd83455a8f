/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest code that a test brings along, for what single ops cannot do: other
 * modes, several instructions in a row, exits to user space.
 */
#ifndef MINIHV_SELFTESTS_GUEST_CODE_H
#define MINIHV_SELFTESTS_GUEST_CODE_H

#include <asm/processor-flags.h>

#include "test.h"

/* Where it runs: 64 KiB of its own, with the stack at the top. */
#define CODE_GPA	VM_GPA_FREE
#define CODE_STACK	0xf000

/* SDM vol. 3, "Debug Registers": a step, and what DR6 says of one */
#define DR6_BS		(1 << 14)

/*
 * Define @name as the machine code of @text, in a mode of @bits. It may jump
 * within itself, and address itself as CODE_GPA + (label - @name).
 */
#define GUEST_CODE(name, bits, text)					\
	asm(".pushsection .rodata\n"					\
	    ".code" #bits "\n"						\
	    #name ":\n" text "\n" #name "_end:\n"			\
	    ".code64\n"							\
	    ".popsection\n");						\
	extern const uint8_t name[], name##_end[]

/* A label within the code of a GUEST_CODE(). */
#define GUEST_LABEL(name)	extern const uint8_t name[]

/* Put @name where it is to run, and the vCPU at its start. */
#define load_guest_code(vcpu, mode, name)				\
	__load_guest_code(vcpu, mode, name, name##_end - name)

static inline int __load_guest_code(struct vcpu *vcpu, enum vm_mode mode,
				    const uint8_t *code, size_t len)
{
	struct kvm_sregs sregs;
	int ret;

	ret = vm_load_code(vcpu->vm, CODE_GPA, code, len);
	if (ret)
		return ret;
	if (mode != VM_MODE_REAL)
		return vcpu_set_mode(vcpu, mode, CODE_GPA,
				     CODE_GPA + CODE_STACK);

	ret = vcpu_set_mode(vcpu, mode, 0, CODE_STACK);
	if (ret)
		return ret;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	sregs.cs.selector = CODE_GPA >> 4;
	sregs.cs.base = CODE_GPA;
	sregs.ss.selector = CODE_GPA >> 4;
	sregs.ss.base = CODE_GPA;
	sregs.ds.selector = CODE_GPA >> 4;
	sregs.ds.base = CODE_GPA;
	sregs.es.selector = CODE_GPA >> 4;
	sregs.es.base = CODE_GPA;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
}

/* Where 32-bit code has its IDT, if it wants one: behind the code. */
#define CODE_IDT	(CODE_GPA + 0x7000)

/*
 * Vector @vector of the vCPU goes to @offset in the code at CODE_GPA; the vCPU is in
 * VM_MODE_PROTECTED.
 */
static inline int set_gate(struct vcpu *vcpu, uint8_t vector, uint16_t offset)
{
	uint64_t *gate = vm_gpa(vcpu->vm, CODE_IDT + vector * 8, 8), handler = CODE_GPA + offset;
	struct kvm_sregs sregs;
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);

	if (ret)
		return ret;
	*gate = (handler & 0xffff) | VM_SEL_CODE32 << 16 | 0x8e00ULL << 32 | handler >> 16 << 48;
	sregs.idt.base = CODE_IDT;
	sregs.idt.limit = 32 * 8 - 1;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
}

/* What the guest has written with its last OUT, or where the answer to an IN goes. */
static inline uint8_t *io_data(const struct vcpu *vcpu)
{
	return (uint8_t *)vcpu->run + vcpu->run->io.data_offset;
}

static inline uint32_t out_data(const struct vcpu *vcpu)
{
	uint32_t value = 0;

	memcpy(&value, io_data(vcpu), vcpu->run->io.size);
	return value;
}

/* The guest runs in another thread, and comes to set the word at @gpa. */
static inline bool guest_has_set(struct vm *vm, uint64_t gpa)
{
	volatile uint32_t *word = vm_gpa(vm, gpa, 4);

	for (int i = 0; i < 500 * test_patience() && !*word; i++)
		usleep(10000);
	return *word;
}

/* KVM_RUN has to come back for @reason, or the test ends. */
#define ASSERT_EXIT(reason, vcpu)					\
do {									\
	ASSERT_EQ(0, vcpu_run(vcpu));					\
	ASSERT_EQ(reason, (int)(vcpu)->run->exit_reason) {		\
		char __exit[128];					\
		vcpu_describe_exit(vcpu, __exit, sizeof(__exit));	\
		TH_LOG("the guest left with %s", __exit);		\
	}								\
} while (0)

#endif
