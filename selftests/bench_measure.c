// SPDX-License-Identifier: GPL-2.0
/* What the bench programs measure with. */
#include <sched.h>
#include <stdio.h>

#include "bench.h"

#define CALLS		20	/* of an ioctl, for one sample */
#define MARKED		3	/* rounds or calls when marking; the first ones fill caches */

MEASURED_LOOP(loop_empty, "");

void bench_check(const char *what, int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

uint64_t bench_rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct sample bench_summary(uint64_t *samples, uint64_t minus, uint64_t per)
{
	qsort(samples, SAMPLES, sizeof(*samples), compare);
	return (struct sample){
		.median = (samples[SAMPLES / 2] - minus) / per,
		.least = (samples[0] - minus) / per,
		.most = (samples[SAMPLES - 1] - minus) / per,
	};
}

void bench_report(const struct bench *b, const char *name, struct sample s)
{
	if (b->marking)
		puts(name);
	else
		printf("%s %llu %llu %llu\n", name, (unsigned long long)s.median,
		       (unsigned long long)s.least, (unsigned long long)s.most);
	fflush(stdout);
}

void bench_go_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	bench_check("sched_setaffinity", sched_setaffinity(0, sizeof(set), &set) ? -errno : 0);
}

struct sample bench_loop(struct bench *b, const uint8_t *code, size_t len, uint32_t index,
			 uint64_t value)
{
	uint64_t samples[SAMPLES] = {}, rounds = b->marking ? MARKED : ROUNDS;
	struct kvm_regs regs;
	int i;

	for (i = 0; i < (b->marking ? 1 : SAMPLES); i++) {
		bench_check("code", __load_guest_code(b->vcpu, VM_MODE_LONG, code, len));
		bench_check("KVM_GET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_GET_REGS, &regs));
		regs.r9 = rounds;
		regs.r10 = index;
		regs.r11 = (uint32_t)value;
		regs.r12 = value >> 32;
		bench_check("KVM_SET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_SET_REGS, &regs));
		bench_check("KVM_RUN", vcpu_run(b->vcpu));
		if (b->vcpu->run->exit_reason != KVM_EXIT_HLT)
			bench_check("an exit that was not expected", -EIO);
		bench_check("KVM_GET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_GET_REGS, &regs));
		samples[i] = regs.r13;
	}
	return bench_summary(samples, b->empty, code == loop_empty ? 1 : rounds);
}

/* CALLS calls of an ioctl, one after the other, on the vCPU. */
struct sample bench_ioctl(struct bench *b, unsigned long cmd, void *arg, int expected)
{
	uint64_t samples[SAMPLES] = {}, start;
	int i, j, ret = expected;

	for (i = 0; i < MARKED && b->marking; i++) {
		asm volatile(MARK);
		ret = ioctl(b->vcpu->fd, cmd, arg);
		asm volatile(MARK);
	}
	for (i = 0; i < SAMPLES && !b->marking; i++) {
		start = bench_rdtsc();
		for (j = 0; j < CALLS && ret == expected; j++)
			ret = ioctl(b->vcpu->fd, cmd, arg);
		samples[i] = bench_rdtsc() - start;
		if (ret != expected)
			bench_check("an ioctl", ret < 0 ? -errno : -EIO);
	}
	return bench_summary(samples, 0, CALLS);
}

void bench_create(struct bench *b, const char *device, bool marking)
{
	*b = (struct bench){ .marking = marking };
	setenv("MINIHV_DEVICE", device, 1);
	bench_go_to_cpu(0);
	bench_check(device, machine_create(&b->m, 2));
	b->vcpu = &b->m.vcpu;
	bench_check("KVM_SET_CPUID2", vcpu_set_supported_cpuid(b->vcpu));
	b->empty = marking ? 0 : BENCH_LOOP(b, loop_empty, 0, 0).median;
}
