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
#include <stdio.h>

#include "bench.h"
#include "filter.h"

#define MSR_MANY	64

MEASURED_LOOP(loop_rdmsr, "rdmsr");
MEASURED_LOOP(loop_wrmsr, "wrmsr");
MEASURED_LOOP(loop_cpuid, "cpuid");
GUEST_LABEL(loop_rdmsr_gp);

GUEST_CODE(loop_hlt, 64, "1: hlt; jmp 1b");

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

	bench_report(b, "rdmsr-exit-stored", BENCH_LOOP(b, loop_rdmsr, MSR_IA32_MISC_ENABLE, 0));
	bench_report(b, "rdmsr-exit-constant", BENCH_LOOP(b, loop_rdmsr, MSR_IA32_MTRRCAP, 0));
	bench_report(b, "rdmsr-exit-pat", BENCH_LOOP(b, loop_rdmsr, MSR_IA32_PAT, 0));
	bench_report(b, "rdmsr-exit-lstar", BENCH_LOOP(b, loop_rdmsr, MSR_IA32_LSTAR, 0));
	bench_report(b, "wrmsr-exit-stored", BENCH_LOOP(b, loop_wrmsr, MSR_IA32_MCG_STATUS, 0));
	bench_report(b, "wrmsr-exit-pat",
		     BENCH_LOOP(b, loop_wrmsr, MSR_IA32_PAT, 0x0007040600070406));
	bench_report(b, "wrmsr-exit-lstar",
		     BENCH_LOOP(b, loop_wrmsr, MSR_IA32_LSTAR, 0xffffffff81000000));
	bench_report(b, "wrmsr-exit-tsc-adjust", BENCH_LOOP(b, loop_wrmsr, 0x3b, 0));
	bench_report(b, "cpuid-exit", BENCH_LOOP(b, loop_cpuid, 0, 1));
	set_gp_handler(b);
	bench_report(b, "rdmsr-exit-gp", BENCH_LOOP(b, loop_rdmsr, 0xdead, 0));

	memset(all, 0xff, sizeof(all));
	bench_check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, &range, 1));
	bench_report(b, "rdmsr-exit-filtered", BENCH_LOOP(b, loop_rdmsr, MSR_IA32_MISC_ENABLE, 0));
	bench_check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, NULL, 0));
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
	bench_report(b, "get-msrs-1", bench_ioctl(b, KVM_GET_MSRS, &msrs, 1));
	bench_report(b, "set-msrs-1", bench_ioctl(b, KVM_SET_MSRS, &msrs, 1));
	msrs.header.nmsrs = MSR_MANY;
	bench_report(b, "get-msrs-64-each",
		     per_entry(bench_ioctl(b, KVM_GET_MSRS, &msrs, MSR_MANY)));
	bench_report(b, "set-msrs-64-each",
		     per_entry(bench_ioctl(b, KVM_SET_MSRS, &msrs, MSR_MANY)));
}

static void run_to_hlt(struct bench *b)
{
	bench_check("code", load_guest_code(b->vcpu, VM_MODE_LONG, loop_hlt));
	bench_report(b, "run-to-hlt", bench_ioctl(b, KVM_RUN, NULL, 0));
}

/* A KVM_RUN on another CPU than the last, less one on the same. */
static void cpu_switch(struct bench *b)
{
	uint64_t samples[SAMPLES], start, there;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	for (i = 0; i < SAMPLES; i++) {
		bench_go_to_cpu(i % 2);
		start = bench_rdtsc();
		bench_check("KVM_RUN", vcpu_run(b->vcpu));
		there = bench_rdtsc() - start;
		start = bench_rdtsc();
		bench_check("KVM_RUN", vcpu_run(b->vcpu));
		there -= bench_rdtsc() - start;
		samples[i] = (int64_t)there < 0 ? 0 : there;
	}
	bench_go_to_cpu(0);
	bench_report(b, "switch-cpu", bench_summary(samples, 0, 1));
}

static void create_and_close(struct bench *b)
{
	uint64_t samples[SAMPLES], start;
	int i, vm, vcpu;

	for (i = 0; i < SAMPLES; i++) {
		start = bench_rdtsc();
		vm = ioctl(b->m.dev, KVM_CREATE_VM, 0);
		vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
		if (vcpu < 0)
			bench_check("KVM_CREATE_VM, KVM_CREATE_VCPU", -errno);
		close(vcpu);
		close(vm);
		samples[i] = bench_rdtsc() - start;
	}
	bench_report(b, "create-and-close", bench_summary(samples, 0, 1));
}

int main(int argc, char **argv)
{
	bool marking = argc == 3 && !strcmp(argv[2], "mark");
	struct bench b;

	if (argc != 2 && !marking) {
		fprintf(stderr, "usage: bench DEVICE [mark]\n");
		return 2;
	}
	bench_create(&b, argv[1], marking);
	exits(&b);
	msr_ioctls(&b);
	run_to_hlt(&b);
	if (!marking) {
		cpu_switch(&b);
		create_and_close(&b);
	}
	machine_destroy(&b.m);
	return 0;
}
