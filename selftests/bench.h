/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measuring in ticks of the TSC, which are instructions in the test machine: exits by the
 * guest, ioctls by the client. What goes wrong ends the program.
 */
#ifndef MINIHV_SELFTESTS_BENCH_H
#define MINIHV_SELFTESTS_BENCH_H

#include "guest_code.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SAMPLES		31
#define ROUNDS		100	/* of the loop in the guest */

/* A NOP but for the emulator. */
#define MARK		"xchgw %bx, %bx"

/**
 * struct bench - the device that is measured
 * @m:		with a VM of its own
 * @vcpu:	of @m
 * @marking:	nothing is measured: operations are marked for the emulator
 * @empty:	what an empty loop in the guest takes
 */
struct bench {
	struct machine m;
	struct vcpu *vcpu;
	bool marking;
	uint64_t empty;
};

struct sample {
	uint64_t median, least, most;
};

/* bench_check() - is @ret 0? If not it is an errno, and @what has failed. */
void bench_check(const char *what, int ret);

/* bench_create() - a machine with @device, its vCPU on CPU 0, and what an empty loop takes */
void bench_create(struct bench *b, const char *device, bool marking);

uint64_t bench_rdtsc(void);
void bench_go_to_cpu(int cpu);

/* bench_summary() - of SAMPLES samples, less @minus each, divided by @per */
struct sample bench_summary(uint64_t *samples, uint64_t minus, uint64_t per);

/* bench_report() - a line: name, median, least, most; or the name alone */
void bench_report(const struct bench *b, const char *name, struct sample s);

/*
 * Guests that execute an instruction R9 times, with the registers that the client
 * has left in R10 (RCX), R11 (RAX) and R12 (RDX), and leave the time that took in
 * R13.
 */
#define MEASURED_LOOP(name, insn)					\
	GUEST_CODE(name, 64,						\
		   "rdtsc\n"						\
		   "shlq $32, %rdx\n"					\
		   "orq %rdx, %rax\n"					\
		   "movq %rax, %r8\n"					\
		   "1: movq %r10, %rcx\n"				\
		   "movq %r11, %rax\n"					\
		   "movq %r12, %rdx\n"					\
		   MARK "\n"						\
		   insn "\n"						\
		   MARK "\n"						\
		   "decl %r9d\n"					\
		   "jnz 1b\n"						\
		   "rdtsc\n"						\
		   "shlq $32, %rdx\n"					\
		   "orq %rdx, %rax\n"					\
		   "subq %r8, %rax\n"					\
		   "movq %rax, %r13\n"					\
		   "hlt\n"						\
		   #name "_gp: addq $8, %rsp\n"				\
		   "addq $2, (%rsp)\n"					\
		   "iretq")

/* bench_loop() - of the @len bytes of a MEASURED_LOOP() with @index in RCX and @value in EDX:EAX */
struct sample bench_loop(struct bench *b, const uint8_t *code, size_t len, uint32_t index,
			 uint64_t value);
#define BENCH_LOOP(b, name, index, value)	bench_loop(b, name, name##_end - name, index, value)

/* bench_ioctl() - of an ioctl on the vCPU that returns @expected */
struct sample bench_ioctl(struct bench *b, unsigned long cmd, void *arg, int expected);

#endif
