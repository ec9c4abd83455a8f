// SPDX-License-Identifier: GPL-2.0
/*
 * The host's own MSRs, read through the msr driver on the CPU that a guest
 * runs on: a guest has written each of them, and the host still has its own.
 */
#include <fcntl.h>
#include <stdio.h>

#include "beside.h"
#include "harness.h"

#define TURNS	8

static const struct {
	const char *name;
	uint32_t index;
} rows[] = {
	{ "IA32_SYSENTER_CS", MSR_IA32_SYSENTER_CS },
	{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP },
	{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP },
	{ "IA32_PAT", MSR_IA32_PAT },
	{ "IA32_EFER", MSR_IA32_EFER },
	{ "IA32_STAR", MSR_IA32_STAR },
	{ "IA32_LSTAR", MSR_IA32_LSTAR },
	{ "IA32_CSTAR", MSR_IA32_CSTAR },
	{ "IA32_FMASK", MSR_IA32_FMASK },
	{ "IA32_FS_BASE", MSR_IA32_FS_BASE },
	{ "IA32_GS_BASE", MSR_IA32_GS_BASE },
	{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE },
	{ "IA32_TSC_AUX", MSR_IA32_TSC_AUX },
	{ "IA32_MISC_ENABLE", MSR_IA32_MISC_ENABLE },
	{ "IA32_APIC_BASE", MSR_IA32_APIC_BASE },
};

struct host_msrs {
	bool there[ARRAY_SIZE(rows)];
	uint64_t value[ARRAY_SIZE(rows)];
};

static void read_host(int fd, struct host_msrs *msrs)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		msrs->there[i] = pread(fd, &msrs->value[i], 8,
				       rows[i].index) == 8;
}

/* Of the CPU that this thread is on from now on. */
static int open_host(void)
{
	char path[64];
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	return open(path, O_RDWR);
}

#define EXPECT_SAME(before, after, when)				\
do {									\
	for (size_t __i = 0; __i < ARRAY_SIZE(rows); __i++) {		\
		EXPECT_EQ((before)->there[__i], (after)->there[__i]) {	\
			TH_LOG("%s, %s", rows[__i].name, when);		\
		}							\
		EXPECT_EQ((before)->value[__i], (after)->value[__i]) {	\
			TH_LOG("%s, %s: was %#lx, is %#lx",		\
			       rows[__i].name, when,			\
			       (before)->value[__i],			\
			       (after)->value[__i]);			\
		}							\
	}								\
} while (0)

TEST(unchanged_by_a_guest)
{
	struct host_msrs before = { 0 }, after = { 0 };
	struct neighbour n;
	struct machine m;
	int fd = open_host();

	if (fd < 0)
		SKIP(return, "no /dev/cpu/*/msr: load the module msr");

	read_host(fd, &before);
	ASSERT_TRUE(before.there[0]);

	ASSERT_EQ(0, neighbour_start(&n));
	for (int i = 0; i < TURNS; i++) {
		ASSERT_TRUE(neighbour_turn(&n));
		read_host(fd, &after);
		EXPECT_SAME(&before, &after, "beside a guest");
	}
	EXPECT_EQ(0, neighbour_stop(&n));

	/* The same guest in this thread. */
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, neighbour_code));
	for (int i = 0; i < TURNS; i++) {
		ASSERT_EXIT(KVM_EXIT_IO, &m.vcpu);
		read_host(fd, &after);
		EXPECT_SAME(&before, &after, "after running a guest");
	}
	machine_destroy(&m);
	read_host(fd, &after);
	EXPECT_SAME(&before, &after, "after its end");
	close(fd);
}

/* The one that the guest has only between VM entry and VM exit. */
TEST(spec_ctrl_is_the_hosts)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_SPEC_CTRL, 1),
		vm_op_rdmsr(MSR_IA32_SPEC_CTRL),
	};
	uint64_t before, after, value;
	struct machine m;
	int fd = open_host();

	if (fd < 0 || pread(fd, &before, 8, MSR_IA32_SPEC_CTRL) != 8)
		SKIP(return, "the CPU has no IA32_SPEC_CTRL, or msr is not loaded");
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	ASSERT_OPS(&m.vcpu, ops, 2);
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	EXPECT_EQ(1, vm_op_value(&ops[1]));
	ASSERT_EQ(8, pread(fd, &after, 8, MSR_IA32_SPEC_CTRL));
	EXPECT_EQ(before, after);
	/* It stays the guest's, too. */
	ASSERT_OPS(&m.vcpu, &ops[1], 1);
	EXPECT_EQ(1, vm_op_value(&ops[1]));
	ASSERT_EQ(0, vcpu_get_msr(&m.vcpu, MSR_IA32_SPEC_CTRL, &value));
	EXPECT_EQ(1, value);
	machine_destroy(&m);
	close(fd);
}

/*
 * PEBS is off while a guest runs. That cannot be seen from here; that it is on again can. Nothing
 * counts, so nothing is written. Whatever happens, the host gets its values back.
 */
TEST(pebs_goes_on)
{
	uint64_t global = 3, enable = 1, before[2], after;
	struct vm_op op = vm_op_cpuid(0, 0);
	struct machine m;
	int fd = open_host();

	if (fd < 0 || pread(fd, &before[0], 8, MSR_IA32_PERF_GLOBAL_CTRL) != 8 ||
	    pread(fd, &before[1], 8, MSR_IA32_PEBS_ENABLE) != 8)
		SKIP(return, "the CPU has no IA32_PEBS_ENABLE, or msr is not loaded");
	if (before[0] || before[1])
		SKIP(return, "the kernel uses the performance counters");
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	ASSERT_EQ(8, pwrite(fd, &global, 8, MSR_IA32_PERF_GLOBAL_CTRL));
	for (int i = 0; i < 3; i++, enable = enable ? 0 : 2) {
		EXPECT_EQ(8, pwrite(fd, &enable, 8, MSR_IA32_PEBS_ENABLE));
		EXPECT_EQ(0, vm_run_ops(&m.vcpu, &op, 1));
		EXPECT_EQ(VM_OP_DONE, op.vector);
		EXPECT_EQ(8, pread(fd, &after, 8, MSR_IA32_PEBS_ENABLE));
		EXPECT_EQ(enable, after);
		EXPECT_EQ(8, pread(fd, &after, 8, MSR_IA32_PERF_GLOBAL_CTRL));
		EXPECT_EQ(global, after);
	}
	EXPECT_EQ(8, pwrite(fd, &before[1], 8, MSR_IA32_PEBS_ENABLE));
	EXPECT_EQ(8, pwrite(fd, &before[0], 8, MSR_IA32_PERF_GLOBAL_CTRL));
	machine_destroy(&m);
	close(fd);
}

TEST_HARNESS_MAIN
