/* SPDX-License-Identifier: GPL-2.0 */
/* Guests that run while the test does something else, and how they are stopped. */
#ifndef MINIHV_SELFTESTS_BACKGROUND_H
#define MINIHV_SELFTESTS_BACKGROUND_H

#include <pthread.h>
#include <signal.h>

#include "guest_code.h"

/* Guest code compares and writes these. */
#define STOP_GPA	(CODE_GPA + 0x2000)
#define COUNT_GPA	(CODE_GPA + 0x2008)

/*
 * Counts until the word at STOP_GPA is set, and halts. R13 is the number of the vCPU. (STI:
 * Bochs 2.7 has no interrupt of the host's end a loop that has RFLAGS.IF clear.)
 */
GUEST_CODE(count_until_told, 64,
	   "sti\n"
	   "1: incq 0x12008(,%r13,8)\n"
	   "cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "hlt\n");

static inline int set_number(struct vcpu *vcpu, int number)
{
	struct kvm_regs regs;
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);

	regs.r13 = number;
	return ret ?: sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
}

/* The vCPU begins at @name, which counts as count_until_told does. */
#define load_counting(vcpu, number, name)				\
	(load_guest_code(vcpu, VM_MODE_LONG, name) ?: set_number(vcpu, number))

static inline volatile uint64_t *count_of(struct vm *vm, int number)
{
	return vm_gpa(vm, COUNT_GPA + number * 8, 8);
}

/* More than the one that may have been on its way */
static inline bool goes_on(volatile uint64_t *counter)
{
	uint64_t before = *counter;

	for (int i = 0; i < 200 * test_patience() && *counter <= before + 1; i++)
		usleep(10000);
	return *counter > before + 1;
}

static inline void *run_vcpu(void *vcpu)
{
	return (void *)(long)vcpu_run(vcpu);
}

/* 0 if the vCPU has begun to count in a thread of its own, which joins as run_vcpu() ends. */
static inline int start_counting(struct vcpu *vcpu, int number, pthread_t *thread)
{
	int ret = load_counting(vcpu, number, count_until_told) ?:
		  -pthread_create(thread, NULL, run_vcpu, vcpu);

	return ret ?: goes_on(count_of(vcpu->vm, number)) ? 0 : -ETIME;
}

static inline void tell_to_stop(struct vm *vm)
{
	*(volatile uint32_t *)vm_gpa(vm, STOP_GPA, 4) = 1;
}

static inline void nothing(int signal)
{
	(void)signal;
}

/* A signal that interrupts system calls, KVM_RUN among them, and has no other effect */
static inline void catch_signal(int number)
{
	const struct sigaction action = { .sa_handler = nothing };

	sigaction(number, &action, NULL);
}

#endif
