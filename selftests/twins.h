/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two VMs that are alike but for one place: one has memory there, the other has
 * none, and the test is the device. An instruction that is run in both has to
 * leave the same behind.
 */
#ifndef MINIHV_SELFTESTS_TWINS_H
#define MINIHV_SELFTESTS_TWINS_H

#include <stdio.h>
#include <sys/mman.h>

#include "guest_code.h"

#define HOLE		0x10000000ULL	/* mapped in long mode */
#define HOLE_SIZE	0x11000ULL	/* what 16 bits can address, and a page */
#define WINDOW		0x1000		/* the part with contents */
#define TARGET		0x800		/* its middle */
#define TWINS_SLOT	1
#define INSN_MAX	15
#define HLT		0xf4

struct twins {
	struct machine ram, dev;
	uint8_t *ram_mem, *dev_mem;
};

static inline void *twins_memory(void)
{
	return mmap(NULL, HOLE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

static inline int twins_create(struct twins *twins)
{
	struct kvm_userspace_memory_region region = {
		.slot = TWINS_SLOT, .guest_phys_addr = HOLE,
		.memory_size = HOLE_SIZE,
	};
	int ret;

	twins->ram_mem = twins_memory();
	twins->dev_mem = twins_memory();
	if (twins->ram_mem == MAP_FAILED || twins->dev_mem == MAP_FAILED)
		return -ENOMEM;
	ret = machine_create(&twins->ram, 2);
	if (ret)
		return ret;
	ret = machine_create(&twins->dev, 2);
	if (ret)
		return ret;
	ret = vcpu_set_supported_cpuid(&twins->ram.vcpu);
	if (ret)
		return ret;
	ret = vcpu_set_supported_cpuid(&twins->dev.vcpu);
	if (ret)
		return ret;
	region.userspace_addr = (uintptr_t)twins->ram_mem;
	return sys_ioctl_ptr(twins->ram.vm.fd, KVM_SET_USER_MEMORY_REGION,
			     &region);
}

static inline void twins_destroy(struct twins *twins)
{
	machine_destroy(&twins->ram);
	machine_destroy(&twins->dev);
	munmap(twins->ram_mem, HOLE_SIZE);
	munmap(twins->dev_mem, HOLE_SIZE);
}

static inline uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
}

/* An instruction with HLTs behind it, and the registers to start with. */
struct trial {
	uint8_t code[2 * INSN_MAX];
	unsigned int len;
	struct kvm_regs regs;
};

/* The registers by their numbers in instructions. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R15 = 15, NONE };

static inline __u64 *trial_reg(struct trial *t, int number)
{
	__u64 *low[] = { &t->regs.rax, &t->regs.rcx, &t->regs.rdx, &t->regs.rbx,
			 &t->regs.rsp, &t->regs.rbp, &t->regs.rsi, &t->regs.rdi };

	return number < 8 ? low[number] : &t->regs.r8 + (number - 8);
}

static inline void trial_put(struct trial *t, uint64_t value, int bytes)
{
	memcpy(t->code + t->len, &value, bytes);
	t->len += bytes;
}

/* Load it; @mem, what is in the hole, gets its contents. */
static inline int trial_start(struct vcpu *vcpu, struct trial *t, uint8_t *mem)
{
	int ret;

	memset(t->code + t->len, HLT, sizeof(t->code) - t->len);
	/* Each byte is another; negative at some size, and not at others. */
	for (int i = 0; i < WINDOW; i++)
		mem[i] = 37 * i + 0x85;
	ret = vm_load_code(vcpu->vm, CODE_GPA, t->code, sizeof(t->code));
	if (ret)
		return ret;
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &t->regs);
}

/* The end of a trial, other than by an error of KVM_RUN. */
enum outcome {
	HALTED,
	REFUSED,	/* KVM_EXIT_INTERNAL_ERROR */
	OUTSIDE,	/* another exit, or MMIO outside of the hole */
};

/* Let the kernel finish what an exit has left, or the next trial gets it. */
static inline int trial_drop(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	vcpu_run(vcpu);
	vcpu->run->immediate_exit = 0;
	return OUTSIDE;
}

/* Be the device, until the guest does something else; @exits: how often. */
static inline int trial_run(struct vcpu *vcpu, uint8_t *mem,
			    unsigned int *exits)
{
	struct kvm_run *run = vcpu->run;
	uint64_t where;
	int ret;

	for (*exits = 0; *exits < 100; ++*exits) {
		ret = vcpu_run(vcpu);
		if (ret)
			return ret;
		if (run->exit_reason == KVM_EXIT_HLT)
			return HALTED;
		if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
			return REFUSED;
		if (run->exit_reason != KVM_EXIT_MMIO)
			return trial_drop(vcpu);
		if (run->mmio.len < 1 || run->mmio.len > 8)
			return -EPROTO;
		where = run->mmio.phys_addr - HOLE;
		if (where > HOLE_SIZE - run->mmio.len)
			return trial_drop(vcpu);
		if (run->mmio.is_write)
			memcpy(mem + where, run->mmio.data, run->mmio.len);
		else
			memcpy(run->mmio.data, mem + where, run->mmio.len);
	}
	return trial_drop(vcpu);
}

static inline const char *trial_text(const struct trial *t)
{
	static char text[3 * INSN_MAX + 1];

	for (unsigned int i = 0; i < t->len && i < INSN_MAX; i++)
		sprintf(text + 3 * i, "%02x ", t->code[i]);
	return text;
}

#endif
