// SPDX-License-Identifier: GPL-2.0
/*
 * Guests go on while CPUs go and come back, and when the host has been suspended
 * to RAM: they keep their MSRs, and their time does not go back.
 *
 * Suspends the machine, therefore not among the tests that run by default.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "guest_code.h"
#include "cpus.h"
#include "harness.h"

#define MAX_CPUS	4
#define PER_CPU		2	/* guests that run */
#define ROUNDS		3
#define STOP		0x12000
#define COUNT		0x12008

/*
 * Runs until the word at STOP is set, and looks all the time at what the CPU holds
 * for it: R8 = KERNEL_GS_BASE, R9 = TSC_AUX, R10 = LSTAR, XMM0, and its TSC, as a
 * signed number: one that is set back goes below 0. Counts at COUNT. Leaves with
 * R15 = 0 when all was right, or at the first that was not.
 */
GUEST_CODE(watch, 64,
	   "sti\n"
	   "movq %r10, %xmm0\n"
	   "xorl %esi, %esi\n"
	   "1: movl $1, %r15d\n"
	   "movl $0xc0000102, %ecx\n"
	   "rdmsr\n"
	   "shlq $32, %rdx\n"
	   "orq %rdx, %rax\n"
	   "cmpq %r8, %rax\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "rdtscp\n"
	   "cmpq %r9, %rcx\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "shlq $32, %rdx\n"
	   "orq %rdx, %rax\n"
	   "cmpq %rsi, %rax\n"
	   "jle 2f\n"
	   "movq %rax, %rsi\n"
	   "incl %r15d\n"
	   "movl $0xc0000082, %ecx\n"
	   "rdmsr\n"
	   "shlq $32, %rdx\n"
	   "orq %rdx, %rax\n"
	   "cmpq %r10, %rax\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "movq %xmm0, %rax\n"
	   "cmpq %r10, %rax\n"
	   "jne 2f\n"
	   "incq 0x12008\n"
	   "cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "xorl %r15d, %r15d\n"
	   "2: hlt\n");

static int nr_cpus(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF);

	return cpus < MAX_CPUS ? cpus : MAX_CPUS;
}

struct runner {
	struct machine m;
	pthread_t thread;
	int cpu;
};

/* Freezing, as signals do, ends KVM_RUN. */
static void *run(void *arg)
{
	struct runner *r = arg;
	int ret;

	stay_on(r->cpu);
	do {
		ret = vcpu_run(&r->m.vcpu);
	} while (ret == -EINTR);
	return (void *)(long)ret;
}

static uint64_t count(const struct runner *r)
{
	return *(volatile uint64_t *)vm_gpa(&r->m.vm, COUNT, 8);
}

/* The guests that run, and per CPU one that has run there and waits. */
FIXTURE(guests) {
	struct runner runners[MAX_CPUS * PER_CPU];
	struct machine idle[MAX_CPUS];
	struct kvm_msr_list *list;
	int nr_runners;
	int nr_idle;
};

static int start(struct runner *r, int number)
{
	struct vcpu *vcpu = &r->m.vcpu;
	struct kvm_regs regs;
	int ret;

	ret = vcpu_set_supported_cpuid(vcpu);
	if (!ret)
		ret = load_guest_code(vcpu, VM_MODE_LONG, watch);
	if (!ret)
		ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
	if (ret)
		return ret;
	regs.r8 = CANONICAL_HIGH + number;
	regs.r9 = 0x12345670 + number;
	regs.r10 = CANONICAL_LOW - number;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
	ret = ret ?: vcpu_set_msr(vcpu, MSR_IA32_KERNEL_GS_BASE, regs.r8);
	ret = ret ?: vcpu_set_msr(vcpu, MSR_IA32_TSC_AUX, regs.r9);
	ret = ret ?: vcpu_set_msr(vcpu, MSR_IA32_LSTAR, regs.r10);
	return ret ?: -pthread_create(&r->thread, NULL, run, r);
}

/* Has each of the guests come round at least once since @before? */
static bool all_go_on(struct runner *runners, int n, const uint64_t *before)
{
	for (int tries = 0; tries < 200; tries++) {
		int i;

		for (i = 0; i < n && count(&runners[i]) > before[i] + 1; i++)
			;
		if (i == n)
			return true;
		usleep(10000);
	}
	return false;
}

FIXTURE_SETUP(guests)
{
	const uint64_t zero[MAX_CPUS * PER_CPU] = { 0 };

	self->nr_runners = nr_cpus() * PER_CPU;
	self->nr_idle = nr_cpus();
	for (int i = 0; i < self->nr_idle; i++) {
		struct vm_op ops[] = {
			vm_op_wrmsr(MSR_IA32_KERNEL_GS_BASE, 0x1000 + i),
			vm_op_wrmsr(MSR_IA32_LSTAR, 0x2000 + i),
			vm_op_wrmsr(MSR_IA32_STAR, 0x3000 + i),
			vm_op_wrmsr(MSR_IA32_PAT, 0x0606060606060606),
			vm_op_wrmsr(MSR_IA32_SYSENTER_ESP, 0x4000 + i),
		};

		ASSERT_MACHINE(&self->idle[i], 2);
		ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->idle[i].vcpu));
		stay_on(i);
		ASSERT_OPS(&self->idle[i].vcpu, ops, ARRAY_SIZE(ops));
	}
	stay_anywhere();
	ASSERT_EQ(0, vm_msr_list(self->idle[0].dev, KVM_GET_MSR_INDEX_LIST,
				 &self->list));
	for (int i = 0; i < self->nr_runners; i++) {
		self->runners[i].cpu = i / PER_CPU;
		ASSERT_MACHINE(&self->runners[i].m, 2);
		ASSERT_EQ(0, start(&self->runners[i], i));
	}
	ASSERT_TRUE(all_go_on(self->runners, self->nr_runners, zero));
}

FIXTURE_TEARDOWN(guests)
{
	for (int i = 0; i < self->nr_runners; i++) {
		struct runner *r = &self->runners[i];
		struct kvm_regs regs = { 0 };
		void *ret;

		*(volatile uint32_t *)vm_gpa(&r->m.vm, STOP, 4) = 1;
		EXPECT_EQ(0, pthread_join(r->thread, &ret));
		EXPECT_EQ(0, (long)ret);
		EXPECT_EQ(KVM_EXIT_HLT, r->m.vcpu.run->exit_reason);
		EXPECT_EQ(0, sys_ioctl_ptr(r->m.vcpu.fd, KVM_GET_REGS, &regs));
		EXPECT_EQ(0, regs.r15) {
			TH_LOG("guest %d: check %llu: RAX %#llx RCX %#llx RSI %#llx",
			       i, regs.r15, regs.rax, regs.rcx, regs.rsi);
		}
		machine_destroy(&r->m);
	}
	for (int i = 0; i < self->nr_idle; i++)
		machine_destroy(&self->idle[i]);
	free(self->list);
}

static void counts(const struct runner *runners, int n, uint64_t *counts)
{
	for (int i = 0; i < n; i++)
		counts[i] = count(&runners[i]);
}

TEST_F(guests, cpus_go_and_come_back)
{
	uint64_t before[MAX_CPUS * PER_CPU];

	if (nr_cpus() < 2)
		SKIP(return, "one CPU only");
	for (int round = 0; round < ROUNDS; round++) {
		for (int cpu = 1; cpu < nr_cpus(); cpu++) {
			counts(self->runners, self->nr_runners, before);
			ASSERT_EQ(0, set_online(cpu, false));
			EXPECT_TRUE(all_go_on(self->runners, self->nr_runners,
					      before));
		}
		for (int cpu = 1; cpu < nr_cpus(); cpu++) {
			ASSERT_EQ(0, set_online(cpu, true));
			/* Back to where they were. */
			for (int i = 0; i < PER_CPU; i++) {
				struct runner *r;
				cpu_set_t set;

				r = &self->runners[cpu * PER_CPU + i];
				CPU_ZERO(&set);
				CPU_SET(cpu, &set);
				pthread_setaffinity_np(r->thread, sizeof(set),
						       &set);
			}
			counts(self->runners, self->nr_runners, before);
			EXPECT_TRUE(all_go_on(self->runners, self->nr_runners,
					      before));
		}
	}
	TH_LOG("%d guests, %d times", self->nr_runners,
	       ROUNDS * (nr_cpus() - 1));
}

/* Something has to wake the machine; the emulated one wakes at once by itself. */
static int suspend_to_ram(void)
{
	int ret;

	write_file("/sys/class/rtc/rtc0/wakealarm", "0");
	ret = write_file("/sys/class/rtc/rtc0/wakealarm", "+5");
	ret = ret ?: write_file("/sys/power/mem_sleep", "deep");
	return ret ?: write_file("/sys/power/state", "mem");
}

/* Some of Hyper-V's count time; they are KVM's only. */
static bool is_paravirtual(uint32_t index)
{
	return index >> 16 == 0x4000 || index >> 8 == 0x4b564d;
}

/* All MSRs of @vcpu but those; @msrs has room for them. Returns how many. */
static int get_msrs(struct vcpu *vcpu, const struct kvm_msr_list *list,
		    struct kvm_msr_entry *msrs)
{
	int n = 0;

	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (!is_paravirtual(list->indices[i]))
			msrs[n++].index = list->indices[i];
	return vcpu_get_msrs(vcpu, msrs, n) == n ? n : -EIO;
}

/* What a guest that did not run has in its MSRs is what it had. */
static void compare(struct __test_metadata *_metadata, int guest, int n,
		    const struct kvm_msr_entry *before,
		    const struct kvm_msr_entry *after)
{
	for (int i = 0; i < n; i++) {
		if (before[i].index == MSR_IA32_TSC) {
			EXPECT_LT((int64_t)before[i].data,
				  (int64_t)after[i].data) {
				TH_LOG("the TSC of the idle guest %d", guest);
			}
			continue;
		}
		EXPECT_EQ(before[i].data, after[i].data) {
			TH_LOG("MSR %#x of the idle guest %d", before[i].index,
			       guest);
		}
	}
}

TEST_F(guests, suspend_to_ram)
{
	struct kvm_msr_entry *before[MAX_CPUS], *after;
	uint64_t counted[MAX_CPUS * PER_CPU];
	struct machine m;
	int n = 0, ret;

	if (access("/sys/power/mem_sleep", W_OK))
		SKIP(return, "this host cannot be suspended to RAM");
	after = calloc(self->list->nmsrs, sizeof(*after));
	ASSERT_NE(NULL, after);
	for (int i = 0; i < self->nr_idle; i++) {
		before[i] = calloc(self->list->nmsrs, sizeof(*after));
		ASSERT_NE(NULL, before[i]);
		n = get_msrs(&self->idle[i].vcpu, self->list, before[i]);
		ASSERT_LT(0, n);
	}
	counts(self->runners, self->nr_runners, counted);

	ret = suspend_to_ram();
	ASSERT_EQ(0, ret) {
		TH_LOG("cannot suspend: %s", strerror(-ret));
	}

	EXPECT_TRUE(all_go_on(self->runners, self->nr_runners, counted)) {
		TH_LOG("a guest has stopped");
	}
	for (int i = 0; i < self->nr_idle; i++) {
		struct vm_op op = vm_op_rdmsr(MSR_IA32_KERNEL_GS_BASE);

		ASSERT_EQ(n, get_msrs(&self->idle[i].vcpu, self->list, after));
		compare(_metadata, i, n, before[i], after);
		free(before[i]);
		stay_on(i);
		ASSERT_OPS(&self->idle[i].vcpu, &op, 1);
		EXPECT_EQ(0x1000 + i, vm_op_value(&op));
	}
	stay_anywhere();
	free(after);
	TH_LOG("%d guests that ran, %d MSRs of %d that did not",
	       self->nr_runners, n, self->nr_idle);

	/* And new ones can be made. */
	ASSERT_MACHINE(&m, 2);
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
