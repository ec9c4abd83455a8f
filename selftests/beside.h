/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that runs on the CPU of the test, takes turns with it, and has all
 * of its own state different from the host's.
 */
#ifndef MINIHV_SELFTESTS_BESIDE_H
#define MINIHV_SELFTESTS_BESIDE_H

#include <sched.h>

#include "background.h"

struct neighbour {
	struct machine m;
	pthread_t thread;
	volatile bool stop;
	volatile unsigned long entries;
	volatile int error;
};

/*
 * Fills what a guest can fill: debug registers, MSRs, CR8, x87 and SSE. Then
 * goes on with instructions that exit, and leaves to user space now and then.
 */
GUEST_CODE(neighbour_code, 64,
	   "sti\n"
	   "movq $0x123456789000, %rax\n"
	   "movq %rax, %db0\n"
	   "movq %rax, %db1\n"
	   "movq %rax, %db2\n"
	   "movq %rax, %db3\n"
	   "movl $0x000f07ff, %eax\n"		/* all four, write, one byte */
	   "movq %rax, %db7\n"
	   "xorl %edx, %edx\n"
	   "movl $0x11111000, %eax\n"
	   "movl $0x174, %ecx\n"			/* SYSENTER_CS, ESP, EIP */
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "movl $0xc0000081, %ecx\n"		/* STAR, LSTAR, CSTAR, FMASK */
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "movl $0xc0000100, %ecx\n"		/* FS, GS, KERNEL_GS, TSC_AUX */
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "incl %ecx\n"
	   "wrmsr\n"
	   "movl $0x277, %ecx\n"			/* PAT: all uncached */
	   "xorl %eax, %eax\n"
	   "wrmsr\n"
	   "movl $0xc0000080, %ecx\n"		/* EFER: without SCE and NXE */
	   "movl $0x100, %eax\n"
	   "wrmsr\n"
	   "fninit\n"
	   "pcmpeqb %xmm0, %xmm0\n"
	   "pcmpeqb %xmm15, %xmm15\n"
	   "1: movl $100, %esi\n"
	   "2: movl $0x1a0, %ecx\n"
	   "rdmsr\n"
	   "swapgs\n"
	   "decl %esi\n"
	   "jne 2b\n"
	   "cpuid\n"
	   "outb %al, $0xe0\n"
	   "jmp 1b\n");

static void *neighbour_run(void *arg)
{
	struct neighbour *n = arg;

	while (!n->stop) {
		int ret = vcpu_run(&n->m.vcpu);

		if (ret && ret != -EINTR) {
			n->error = ret;
			break;
		}
		if (!ret && n->m.vcpu.run->exit_reason != KVM_EXIT_IO) {
			n->error = -EIO;
			break;
		}
		n->entries++;
	}
	return NULL;
}

static inline int neighbour_start(struct neighbour *n)
{
	cpu_set_t set;
	int ret;

	/* The CPU that we are on, for this thread and those to come. */
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return -errno;
	catch_signal(SIGUSR1);
	*n = (struct neighbour){ 0 };
	ret = machine_create(&n->m, 2);
	if (ret)
		return ret;
	ret = vcpu_set_supported_cpuid(&n->m.vcpu);
	if (ret)
		return ret;
	ret = load_guest_code(&n->m.vcpu, VM_MODE_LONG, neighbour_code);
	if (ret)
		return ret;
	return -pthread_create(&n->thread, NULL, neighbour_run, n);
}

/* Let the neighbour have the CPU until its guest has left once more. */
static inline bool neighbour_turn(struct neighbour *n)
{
	unsigned long entries = n->entries;

	for (int i = 0; i < 500 * test_patience() && !n->error; i++) {
		if (n->entries != entries)
			return true;
		usleep(1000);
	}
	return false;
}

/* Returns 0 if it ran well all the time. */
static inline int neighbour_stop(struct neighbour *n)
{
	n->stop = true;
	pthread_kill(n->thread, SIGUSR1);
	pthread_join(n->thread, NULL);
	machine_destroy(&n->m);
	return n->error;
}

#endif
