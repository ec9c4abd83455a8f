/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls that fail half way: the kernel's fault injection lets the first
 * allocation or user copy of a thread fail, then the second, and so on until a
 * call gets through untouched. Each has to end in success, or in a clean error
 * with nothing changed that the test looks at; after that the same call has to work.
 *
 * Kernel: Documentation/fault-injection/fault-injection.rst, "fail-nth".
 */
#ifndef MINIHV_SELFTESTS_FAULTS_H
#define MINIHV_SELFTESTS_FAULTS_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest_code.h"
#include "harness.h"

#define FAULTS_MAX	2000	/* in one call; more, and something is wrong */

/* All tests of a program, which are processes, add to it. */
struct fault_counts {
	unsigned int calls, faults, refused;
};

static struct fault_counts *fault_counts;

/*
 * Switches fault injection on for whoever asks for it in fail-nth: for all sizes
 * and all contexts, without a word in the log. 0, or -ENOENT where the kernel has none.
 */
static inline int faults_enable(void)
{
	static const char * const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		ret = write_file(path, settings[i][1]);
		if (ret)
			return ret;
	}
	return access("/proc/thread-self/fail-nth", W_OK) ? -errno : 0;
}

/*
 * The @nth allocation or user copy of this thread from now on fails; 0: none. Saying
 * so is a user copy, too, and may be the one that fails.
 */
static inline void fail_nth(int fd, unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	while (pwrite(fd, text, strlen(text), 0) < 0)
		if (errno != EFAULT)
			abort();
}

/* How many were left before the one that fails: 0 if it has come. */
static inline unsigned int fail_nth_left(int fd)
{
	char text[16] = "1";	/* then it is the reading that fails */

	if (pread(fd, text, sizeof(text) - 1, 0) < 0 && errno != EFAULT)
		abort();
	fail_nth(fd, 0);
	return strtoul(text, NULL, 10);
}

GUEST_CODE(fault_guest, 64,
	   "xorl %eax, %eax\n"
	   "cpuid\n"
	   "outb %al, $0xe0\n");

/* The ops of vm.h end in HLT, which waits where the local APIC is the kernel's. */
static inline int guest_runs(struct vcpu *vcpu)
{
	int ret = load_guest_code(vcpu, VM_MODE_LONG, fault_guest) ?: vcpu_run(vcpu);

	if (ret)
		return ret;
	return vcpu->run->exit_reason == KVM_EXIT_IO && vcpu->run->io.port == 0xe0 ? 0 : -EPROTO;
}

/**
 * struct fault_op - a system call
 * @name:	for the report
 * @prepare:	makes what it needs; each time anew
 * @act:	the call; 0 or more, or -errno
 * @unchanged:	after an error: 0 if all is as @prepare has left it
 * @finish:	after a success: 0 if the call has done what it should, which is
 *		undone
 *
 * Only @act is subject to faults.
 */
struct fault_op {
	const char *name;
	int (*prepare)(void *with);
	int (*act)(void *with);
	int (*unchanged)(void *with);
	int (*finish)(void *with);
};

static inline bool is_clean_error(int ret)
{
	return ret == -ENOMEM || ret == -EFAULT;
}

/*
 * From the @first allocation or copy on each @step-th fails, one in each call. Returns
 * how many did, or -1 if something was not as it should be, having said so.
 */
static inline int fault_op_run_some(const struct fault_op *op, void *with, unsigned int first,
				    unsigned int step, struct fault_counts *counts)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), n = 0;
	unsigned int nth, left;
	int ret, wrong;

	if (fd < 0)
		return -1;
	for (nth = first; nth < first + FAULTS_MAX; nth += step) {
		wrong = op->prepare ? op->prepare(with) : 0;
		if (wrong) {
			printf("# %s, fault %u: preparing it: %d\n", op->name, nth, wrong);
			goto out;
		}
		fail_nth(fd, nth);
		ret = op->act(with);
		left = fail_nth_left(fd);
		if (!left) {
			n++;
			counts->faults++;
			counts->refused += ret < 0;
		}
		if (ret < 0) {
			if (left || !is_clean_error(ret)) {
				printf("# %s, fault %u: %d, %u left\n", op->name, nth, ret, left);
				goto out;
			}
			wrong = op->unchanged ? op->unchanged(with) : 0;
			if (wrong) {
				printf("# %s, fault %u: something has changed: %d\n", op->name,
				       nth, wrong);
				goto out;
			}
			ret = op->act(with);
			if (ret < 0) {
				printf("# %s, fault %u: the next time, %d\n", op->name, nth, ret);
				goto out;
			}
		}
		wrong = op->finish ? op->finish(with) : 0;
		if (wrong) {
			printf("# %s, fault %u: not done: %d\n", op->name, nth, wrong);
			goto out;
		}
		if (left) {
			counts->calls++;
			close(fd);
			return n;
		}
	}
	printf("# %s: no end after fault %u\n", op->name, nth);
out:
	close(fd);
	return -1;
}

/* The same with each allocation and copy that there is. */
static inline int fault_op_run(const struct fault_op *op, void *with, struct fault_counts *counts)
{
	return fault_op_run_some(op, with, 1, 1, counts);
}

/* Each of @ops has faults, and takes them well. */
#define EXPECT_TAKES_FAULTS(ops, with)					\
do {									\
	for (size_t __i = 0; __i < ARRAY_SIZE(ops); __i++) {		\
		struct fault_counts __was = *fault_counts;		\
		int __n = fault_op_run(&(ops)[__i], with, fault_counts); \
		EXPECT_LT(0, __n);					\
		printf("# %s: %d faults, %u errors\n", (ops)[__i].name, __n, \
		       fault_counts->refused - __was.refused);		\
	}								\
} while (0)

static inline void faults_report(void)
{
	printf("# faults: %u in %u calls, %u of them reported as errors\n",
	       fault_counts->faults, fault_counts->calls, fault_counts->refused);
}

/*
 * For main(): the tests, and what they have counted. The harness exits by itself, and runs
 * a test whose setup has asked to be skipped.
 */
static inline int faults_main(int argc, char **argv)
{
	if (faults_enable()) {
		ksft_print_header();
		ksft_exit_skip("the kernel has no fault injection (fail-nth)\n");
	}
	fault_counts = mmap(NULL, sizeof(*fault_counts), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fault_counts == MAP_FAILED)
		return KSFT_FAIL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	atexit(faults_report);
	return test_harness_run(argc, argv);
}

#endif
