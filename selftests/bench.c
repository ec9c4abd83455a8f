// SPDX-License-Identifier: GPL-2.0
/*
 * usage: bench DEVICE [mark]
 *
 * Measures what MSR work costs on a device of KVM's ioctls, in ticks of the TSC, and
 * prints for each operation a line: name, median, least, most. Exits are measured
 * by the guest, from loop to loop, less an empty loop; ioctls by the client. For
 * comparing two devices in one boot; in the test machine a tick is an instruction.
 *
 * With "mark" it prints no figures but only the names. It does each operation a few
 * times between two marks, instructions at which the emulator stops if told to.
 */
#include <sched.h>
#include <stdio.h>

#include "filter.h"
#include "guest_code.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SAMPLES		31
#define ROUNDS		100	/* of the loop in the guest */
#define CALLS		20	/* of an ioctl, for one sample */
#define MARKED		3	/* rounds or calls when marking; the first ones fill caches */

/* A NOP but for the emulator. */
#define MARK		"xchgw %bx, %bx"

#define MSR_MANY	64
#define VECTOR_GP	13

struct bench {
	struct machine m;
	struct vcpu *vcpu;
	bool marking;
	uint64_t empty;		/* an empty loop in the guest */
};

struct sample {
	uint64_t median, least, most;
};

static void check(const char *what, int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static uint64_t rdtsc(void)
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

static struct sample summary(uint64_t *samples, uint64_t minus, uint64_t per)
{
	qsort(samples, SAMPLES, sizeof(*samples), compare);
	return (struct sample){
		.median = (samples[SAMPLES / 2] - minus) / per,
		.least = (samples[0] - minus) / per,
		.most = (samples[SAMPLES - 1] - minus) / per,
	};
}

static void report(const struct bench *b, const char *name, struct sample s)
{
	if (b->marking)
		puts(name);
	else
		printf("%s %llu %llu %llu\n", name, (unsigned long long)s.median,
		       (unsigned long long)s.least, (unsigned long long)s.most);
	fflush(stdout);
}

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

MEASURED_LOOP(loop_empty, "");
MEASURED_LOOP(loop_rdmsr, "rdmsr");
MEASURED_LOOP(loop_wrmsr, "wrmsr");
MEASURED_LOOP(loop_cpuid, "cpuid");
GUEST_LABEL(loop_rdmsr_gp);

GUEST_CODE(loop_hlt, 64, "1: hlt; jmp 1b");

static struct sample run_loop(struct bench *b, const uint8_t *code, size_t len, uint32_t index,
			      uint64_t value)
{
	uint64_t samples[SAMPLES] = {}, rounds = b->marking ? MARKED : ROUNDS;
	struct kvm_regs regs;
	int i;

	for (i = 0; i < (b->marking ? 1 : SAMPLES); i++) {
		check("code", __load_guest_code(b->vcpu, VM_MODE_LONG, code, len));
		check("KVM_GET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_GET_REGS, &regs));
		regs.r9 = rounds;
		regs.r10 = index;
		regs.r11 = (uint32_t)value;
		regs.r12 = value >> 32;
		check("KVM_SET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_SET_REGS, &regs));
		check("KVM_RUN", vcpu_run(b->vcpu));
		if (b->vcpu->run->exit_reason != KVM_EXIT_HLT)
			check("an exit that was not expected", -EIO);
		check("KVM_GET_REGS", sys_ioctl_ptr(b->vcpu->fd, KVM_GET_REGS, &regs));
		samples[i] = regs.r13;
	}
	return summary(samples, b->empty, code == loop_empty ? 1 : rounds);
}

#define RUN_LOOP(b, name, index, value)	run_loop(b, name, name##_end - name, index, value)

/* The IDT of guest.S ends an op; this one goes on behind the instruction. */
static void set_gp_handler(struct bench *b)
{
	uint64_t handler = CODE_GPA + (loop_rdmsr_gp - loop_rdmsr);
	uint64_t gate[2] = {
		(handler & 0xffff) | VM_SEL_CODE64 << 16 | 0x8e00ull << 32 |
		(handler & 0xffff0000) << 32,
		handler >> 32,
	};

	memcpy(vm_gpa(&b->m.vm, VM_GPA_IDT + VECTOR_GP * sizeof(gate), sizeof(gate)), gate,
	       sizeof(gate));
}

static void exits(struct bench *b)
{
	uint8_t all[64];
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, 0x1a0, 64 * 8, all);

	report(b, "rdmsr-exit-stored", RUN_LOOP(b, loop_rdmsr, MSR_IA32_MISC_ENABLE, 0));
	report(b, "rdmsr-exit-constant", RUN_LOOP(b, loop_rdmsr, MSR_IA32_MTRRCAP, 0));
	report(b, "rdmsr-exit-pat", RUN_LOOP(b, loop_rdmsr, MSR_IA32_PAT, 0));
	report(b, "rdmsr-exit-lstar", RUN_LOOP(b, loop_rdmsr, MSR_IA32_LSTAR, 0));
	report(b, "wrmsr-exit-stored", RUN_LOOP(b, loop_wrmsr, MSR_IA32_MCG_STATUS, 0));
	report(b, "wrmsr-exit-pat", RUN_LOOP(b, loop_wrmsr, MSR_IA32_PAT, 0x0007040600070406));
	report(b, "wrmsr-exit-lstar", RUN_LOOP(b, loop_wrmsr, MSR_IA32_LSTAR, 0xffffffff81000000));
	report(b, "wrmsr-exit-tsc-adjust", RUN_LOOP(b, loop_wrmsr, 0x3b, 0));
	report(b, "cpuid-exit", RUN_LOOP(b, loop_cpuid, 0, 1));
	set_gp_handler(b);
	report(b, "rdmsr-exit-gp", RUN_LOOP(b, loop_rdmsr, 0xdead, 0));

	memset(all, 0xff, sizeof(all));
	check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, &range, 1));
	report(b, "rdmsr-exit-filtered", RUN_LOOP(b, loop_rdmsr, MSR_IA32_MISC_ENABLE, 0));
	check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, NULL, 0));
}

/* CALLS calls of an ioctl, one after the other, on the vCPU. */
static struct sample measure_ioctl(struct bench *b, unsigned long cmd, void *arg, int expected)
{
	uint64_t samples[SAMPLES] = {}, start;
	int i, j, ret = expected;

	for (i = 0; i < MARKED && b->marking; i++) {
		asm volatile(MARK);
		ret = ioctl(b->vcpu->fd, cmd, arg);
		asm volatile(MARK);
	}
	for (i = 0; i < SAMPLES && !b->marking; i++) {
		start = rdtsc();
		for (j = 0; j < CALLS && ret == expected; j++)
			ret = ioctl(b->vcpu->fd, cmd, arg);
		samples[i] = rdtsc() - start;
		if (ret != expected)
			check("an ioctl", ret < 0 ? -errno : -EIO);
	}
	return summary(samples, 0, CALLS);
}

static struct sample per_entry(struct sample s)
{
	return (struct sample){ s.median / MSR_MANY, s.least / MSR_MANY, s.most / MSR_MANY };
}

static void msr_ioctls(struct bench *b)
{
	static const uint32_t indices[] = {
		MSR_IA32_PAT, MSR_IA32_MISC_ENABLE, MSR_IA32_LSTAR, MSR_IA32_STAR,
		MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, MSR_IA32_MCG_STATUS,
		MSR_IA32_KERNEL_GS_BASE,
	};
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[MSR_MANY];
	} msrs = {};
	unsigned int i;

	for (i = 0; i < MSR_MANY; i++)
		msrs.entries[i].index = indices[i % ARRAY_SIZE(indices)];
	msrs.header.nmsrs = 1;
	report(b, "get-msrs-1", measure_ioctl(b, KVM_GET_MSRS, &msrs, 1));
	report(b, "set-msrs-1", measure_ioctl(b, KVM_SET_MSRS, &msrs, 1));
	msrs.header.nmsrs = MSR_MANY;
	report(b, "get-msrs-64-each", per_entry(measure_ioctl(b, KVM_GET_MSRS, &msrs, MSR_MANY)));
	report(b, "set-msrs-64-each", per_entry(measure_ioctl(b, KVM_SET_MSRS, &msrs, MSR_MANY)));
}

static void run_to_hlt(struct bench *b)
{
	check("code", load_guest_code(b->vcpu, VM_MODE_LONG, loop_hlt));
	report(b, "run-to-hlt", measure_ioctl(b, KVM_RUN, NULL, 0));
}

static int go_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* A KVM_RUN on another CPU than the last, less one on the same. */
static void cpu_switch(struct bench *b)
{
	uint64_t samples[SAMPLES], start, there;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	for (i = 0; i < SAMPLES; i++) {
		check("sched_setaffinity", go_to_cpu(i % 2));
		start = rdtsc();
		check("KVM_RUN", vcpu_run(b->vcpu));
		there = rdtsc() - start;
		start = rdtsc();
		check("KVM_RUN", vcpu_run(b->vcpu));
		there -= rdtsc() - start;
		samples[i] = (int64_t)there < 0 ? 0 : there;
	}
	check("sched_setaffinity", go_to_cpu(0));
	report(b, "switch-cpu", summary(samples, 0, 1));
}

static void create_and_close(struct bench *b)
{
	uint64_t samples[SAMPLES], start;
	int i, vm, vcpu;

	for (i = 0; i < SAMPLES; i++) {
		start = rdtsc();
		vm = ioctl(b->m.dev, KVM_CREATE_VM, 0);
		vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
		if (vcpu < 0)
			check("KVM_CREATE_VM, KVM_CREATE_VCPU", -errno);
		close(vcpu);
		close(vm);
		samples[i] = rdtsc() - start;
	}
	report(b, "create-and-close", summary(samples, 0, 1));
}

int main(int argc, char **argv)
{
	struct bench b = {};

	b.marking = argc == 3 && !strcmp(argv[2], "mark");
	if (argc != 2 && !b.marking) {
		fprintf(stderr, "usage: bench DEVICE [mark]\n");
		return 2;
	}
	setenv("MINIHV_DEVICE", argv[1], 1);
	check("sched_setaffinity", go_to_cpu(0));
	check(argv[1], machine_create(&b.m, 2));
	b.vcpu = &b.m.vcpu;
	check("KVM_SET_CPUID2", vcpu_set_supported_cpuid(b.vcpu));
	if (!b.marking)
		b.empty = RUN_LOOP(&b, loop_empty, 0, 0).median;

	exits(&b);
	msr_ioctls(&b);
	run_to_hlt(&b);
	if (!b.marking) {
		cpu_switch(&b);
		create_and_close(&b);
	}
	machine_destroy(&b.m);
	return 0;
}
