/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzers share: random numbers from a seed that is printed, a budget,
 * the seeds that once found something, and the report.
 *
 * A run is a row of rounds. Each round begins with a new VM and its own seed; the
 * seed of the first one is the run's, and each of the others follows from the one
 * before. So the seed of any round is also the seed of a run that begins with it.
 *
 * From the environment, all numbers:
 *   MINIHV_FUZZ_SEED	of the run; a random one if there is none
 *   MINIHV_FUZZ_OPS	how many operations there have to be
 *   MINIHV_FUZZ_SECONDS	how long it may take. Without MINIHV_FUZZ_OPS it takes
 *			as long as that; with it, less than that, or it failed.
 */
#ifndef MINIHV_SELFTESTS_FUZZ_H
#define MINIHV_SELFTESTS_FUZZ_H

#include <stdint.h>

#include "test.h"

#define FUZZ_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Random numbers, of the calling thread. */
extern __thread uint64_t fuzz_state;

/* SplitMix64: any state will do, also 0. */
static inline uint64_t fuzz_random(void)
{
	uint64_t z = fuzz_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint32_t fuzz_below(uint32_t n)
{
	return (fuzz_random() >> 32) * n >> 32;
}

static inline bool fuzz_one_in(uint32_t n)
{
	return !fuzz_below(n);
}

#define fuzz_pick(array)	((array)[fuzz_below(FUZZ_ARRAY_SIZE(array))])

/* fuzz_value() - a number at which something changes, or any */
uint64_t fuzz_value(void);

/* fuzz_mutate() - change some bits, bytes and words of an image */
void fuzz_mutate(void *image, size_t size);

/**
 * struct fuzzer - one of the fuzzers
 * @name:	its own, as in the file of seeds
 * @round:	one round; the random numbers are seeded. It calls fuzz_did() for
 *		what it does, and ends when it wants to or fuzz_over() says so.
 */
struct fuzzer {
	const char *name;
	void (*round)(void);
};

/* fuzz_main() - the whole program; returns its exit status */
int fuzz_main(const struct fuzzer *fuzzer);

/* fuzz_did() - @n operations are done; for any thread */
void fuzz_did(uint64_t n);

/* fuzz_over() - is the budget used up, or has something failed? */
bool fuzz_over(void);

/*
 * fuzz_fail() - something is as it should not be; the round ends
 *
 * The first that is said counts.
 */
__attribute__((format(printf, 1, 2)))
void fuzz_fail(const char *format, ...);

/* fuzz_failed() - has something? */
bool fuzz_failed(void);

/* fuzz_words() - what was said then */
const char *fuzz_words(void);

/* fuzz_begin() - what fuzz_main() does first, for a program that does without it */
bool fuzz_begin(void);

/* fuzz_expect() - @condition has to hold; is false if it does not */
#define fuzz_expect(condition, format, ...) ({				\
	bool __holds = condition;					\
	if (!__holds)							\
		fuzz_fail("%s:%d: " format, __FILE__, __LINE__, ##__VA_ARGS__);	\
	__holds; })

/* What a vCPU is in when it begins. */
enum fuzz_mode {
	FUZZ_REAL,
	FUZZ_PROTECTED,
	FUZZ_PAE,
	FUZZ_LONG,
	FUZZ_MODES,
	FUZZ_PAGING_32 = FUZZ_MODES,	/* with pages of 4 MiB; for fuzz_guests alone */
};

/* The code is here in all modes, 64 KiB with the stack at the end; in real mode a segment. */
#define FUZZ_CODE	0x10000
#define FUZZ_STACK	0xf000
#define FUZZ_MIB	2

/* fuzz_set_mode() - RIP at FUZZ_CODE + @rip, other registers 0 */
int fuzz_set_mode(struct vcpu *vcpu, enum fuzz_mode mode, uint16_t rip);

/* fuzz_machine() - a new VM, with a local APIC and with CPUID or without; false if that fails */
bool fuzz_machine(struct machine *m, bool lapic, bool cpuid);

/* fuzz_now_ms() - milliseconds since some moment */
uint64_t fuzz_now_ms(void);

/* fuzz_kicks() - a SIGALRM every @usec * test_patience() from now on ends KVM_RUN; 0: none */
void fuzz_kicks(unsigned int usec);

/* fuzz_exit_is_defined() - may KVM_RUN end so, with @ret and what @run says? */
bool fuzz_exit_is_defined(int ret, const struct kvm_run *run);

#endif
