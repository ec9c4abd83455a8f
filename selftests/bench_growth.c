// SPDX-License-Identifier: GPL-2.0
/*
 * usage: bench_growth DEVICE
 *
 * What a device's work costs when there is much of something: an exit beside many VMs,
 * vCPUs, memory slots, ranges of the MSR filter, and of different rows;
 * KVM_GET_MSRS by the number of entries; memory for a VM and for a vCPU. Prints a line for
 * each: name, figure. The first are in ticks of the TSC, instructions in the test machine;
 * memory is in bytes, by what is free before and after.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bench.h"
#include "filter.h"
#include "free_pages.h"

#define VMS		1000
#define VCPUS		1024	/* in one VM; KVM's most, too */
#define SLOTS		500
#define RANGES		KVM_MSR_FILTER_MAX_RANGES
#define PAGE		4096

MEASURED_LOOP(loop_rdmsr, "rdmsr");

static void report(const char *name, unsigned int number, long long figure)
{
	printf("%s-%u %lld\n", name, number, figure);
	fflush(stdout);
}

static uint64_t exit_cost(struct bench *b, uint32_t index)
{
	return BENCH_LOOP(b, loop_rdmsr, index, 0).median;
}

static void report_exit(struct bench *b, const char *name, unsigned int number)
{
	report(name, number, exit_cost(b, MSR_IA32_MISC_ENABLE));
}

static long unused_pages(void)
{
	long pages = free_pages();

	bench_check("/proc/zoneinfo", pages < 0 ? pages : 0);
	return pages;
}

static void exit_by_row(struct bench *b)
{
	report("exit-row", 1, exit_cost(b, MSR_IA32_MISC_ENABLE));
	report("exit-row", 2, exit_cost(b, MSR_IA32_MCG_STATUS));
	report("exit-row", 3, exit_cost(b, MSR_IA32_MTRR_DEF_TYPE));
}

static void exit_by_slots(struct bench *b)
{
	struct kvm_userspace_memory_region region = { .memory_size = PAGE };
	uint8_t *mem = mmap(NULL, SLOTS * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	bench_check("mmap", mem == MAP_FAILED ? -errno : 0);
	report_exit(b, "exit-slots", 1);
	for (i = 1; i <= SLOTS; i++) {
		region.slot = i;
		/* With a hole between each two. */
		region.guest_phys_addr = 0x10000000 + 2ull * PAGE * i;
		region.userspace_addr = (uintptr_t)mem + (i - 1) * PAGE;
		bench_check("KVM_SET_USER_MEMORY_REGION",
			    sys_ioctl_ptr(b->m.vm.fd, KVM_SET_USER_MEMORY_REGION, &region));
	}
	report_exit(b, "exit-slots", SLOTS + 1);
}

/* The range that is asked about is the last. */
static void exit_by_ranges(struct bench *b)
{
	static const unsigned int counts[] = { 1, RANGES };
	struct kvm_msr_filter_range all[RANGES];
	uint8_t bits[8];
	unsigned int i, n;

	memset(bits, 0xff, sizeof(bits));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (n = 0; n < counts[i]; n++)
			all[n] = range_of(FILTER_BOTH, 0x600 + 8 * n, 8, bits);
		all[n - 1].base = MSR_IA32_MISC_ENABLE;
		bench_check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, all, counts[i]));
		report_exit(b, "exit-ranges", counts[i]);
	}
	bench_check("KVM_X86_SET_MSR_FILTER", set_filter(&b->m.vm, 0, NULL, 0));
}

static void entries(struct bench *b)
{
	static const unsigned int counts[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255 };
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entries[255];
	} msrs = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msrs.entries); i++)
		msrs.entries[i].index = MSR_IA32_MISC_ENABLE;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		msrs.header.nmsrs = counts[i];
		report("get-msrs", counts[i],
		       bench_ioctl(b, KVM_GET_MSRS, &msrs, counts[i]).median);
	}
}

static int create(int fd, unsigned long cmd, unsigned int id)
{
	int ret = sys_ioctl(fd, cmd, id);

	bench_check(cmd == KVM_CREATE_VM ? "KVM_CREATE_VM" : "KVM_CREATE_VCPU", ret < 0 ? ret : 0);
	return ret;
}

/*
 * Beside the one there is: vCPUs in its VM, and VMs of one vCPU each. They are never run. What
 * has been closed takes its time to go, so nothing is closed.
 */
static void many(struct bench *b)
{
	long long before, per_vcpu, per_vm;
	unsigned int i;

	report_exit(b, "exit-vcpus", 1);
	before = unused_pages();
	for (i = 1; i < VCPUS; i++)
		create(b->m.vm.fd, KVM_CREATE_VCPU, i);
	per_vcpu = (before - unused_pages()) * PAGE / (VCPUS - 1);
	report_exit(b, "exit-vcpus", VCPUS);

	report_exit(b, "exit-vms", 1);
	before = unused_pages();
	for (i = 1; i < VMS; i++)
		create(create(b->m.dev, KVM_CREATE_VM, 0), KVM_CREATE_VCPU, 0);
	per_vm = (before - unused_pages()) * PAGE / (VMS - 1) - per_vcpu;
	report_exit(b, "exit-vms", VMS);
	report("memory-vm", 1, per_vm);
	report("memory-vcpu", 1, per_vcpu);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4 * VMS, 4 * VMS };
	struct bench b;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_growth DEVICE\n");
		return 2;
	}
	bench_check("RLIMIT_NOFILE", setrlimit(RLIMIT_NOFILE, &files) ? -errno : 0);
	bench_create(&b, argv[1], false);
	exit_by_row(&b);
	entries(&b);
	exit_by_ranges(&b);
	exit_by_slots(&b);
	many(&b);
	return 0;
}
