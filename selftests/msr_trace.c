// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events minihv_msr_read and minihv_msr_write: one for each access
 * of the guest, with its index, its data and whether it faulted.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "test.h"

/* An instance of our own, so that nobody else's tracing is disturbed. */
#define INSTANCE	"/sys/kernel/tracing/instances/minihv-selftest"
#define EVENTS		INSTANCE "/events/minihv/"

FIXTURE(trace) {
	struct machine m;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int count_events(const char *name)
{
	FILE *file = fopen(INSTANCE "/trace", "r");
	char line[512], pattern[64];
	int count = 0;

	if (!file)
		return -errno;
	snprintf(pattern, sizeof(pattern), ": %s:", name);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, pattern))
			count++;
	fclose(file);
	return count;
}

FIXTURE_SETUP(trace)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700)) {
		TH_LOG("%s: %s", INSTANCE, strerror(errno));
	}
}

FIXTURE_TEARDOWN(trace)
{
	rmdir(INSTANCE);
	machine_destroy(&self->m);
}

/*
 * Each row is an access, and the filter that its event has to pass. Filters
 * name the fields, so this does not depend on how the event is printed.
 */
static const struct row {
	const char *event;
	bool write;
	uint32_t index;
	uint64_t value;
	const char *filter;
} rows[] = {
	/* SYSENTER_CS and STAR do not differ in how they are stored alone. */
	{ "minihv_msr_write", true, MSR_IA32_SYSENTER_CS, 0x1234,
		"index == 0x174 && data == 0x1234 && fault == 0" },
	{ "minihv_msr_read", false, MSR_IA32_SYSENTER_CS, 0,
		"index == 0x174 && data == 0x1234 && fault == 0" },
	{ "minihv_msr_write", true, MSR_IA32_MISC_ENABLE, 0x1801,
		"index == 0x1a0 && data == 0x1801 && fault == 0" },
	{ "minihv_msr_read", false, MSR_IA32_MISC_ENABLE, 0,
		"index == 0x1a0 && data == 0x1801 && fault == 0" },
	{ "minihv_msr_write", true, MSR_IA32_PAT, 0x0606060606060606,
		"index == 0x277 && data == 0x0606060606060606 && fault == 0" },
	{ "minihv_msr_read", false, MSR_IA32_PAT, 0,
		"index == 0x277 && data == 0x0606060606060606 && fault == 0" },
	{ "minihv_msr_write", true, MSR_IA32_LSTAR, NONCANONICAL,
		"index == 0xc0000082 && data == 0x800000000000 && fault == 1" },
	{ "minihv_msr_read", false, MSR_UNKNOWN, 0,
		"index == 0x12345678 && fault == 1" },
	{ "minihv_msr_write", true, MSR_UNKNOWN, 0x55,
		"index == 0x12345678 && data == 0x55 && fault == 1" },
};

TEST_F(trace, each_access)
{
	if (testing_kvm())
		SKIP(return, "KVM has other trace events");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct vm_op op = row->write ?
			vm_op_wrmsr(row->index, row->value) :
			vm_op_rdmsr(row->index);
		char filter[128], enable[128];

		snprintf(filter, sizeof(filter), EVENTS "%s/filter",
			 row->event);
		snprintf(enable, sizeof(enable), EVENTS "%s/enable",
			 row->event);
		ASSERT_EQ(0, write_file(INSTANCE "/trace", ""));
		ASSERT_EQ(0, write_file(filter, row->filter)) {
			TH_LOG("%s does not take filter '%s'", row->event,
			       row->filter);
		}
		ASSERT_EQ(0, write_file(enable, "1"));
		ASSERT_OPS(&self->m.vcpu, &op, 1);
		ASSERT_EQ(0, write_file(enable, "0"));
		EXPECT_EQ(1, count_events(row->event)) {
			TH_LOG("%s with %s", row->event, row->filter);
		}
	}
}

/* Every access is one event, and an access of the host is none. */
TEST_F(trace, nothing_else)
{
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_PAT), vm_op_cpuid(0, 0),
		vm_op_wrmsr(MSR_IA32_PAT, PAT_RESET),
		vm_op_rdmsr(MSR_IA32_MISC_ENABLE),
	};
	uint64_t value;

	if (testing_kvm())
		SKIP(return, "KVM has other trace events");

	ASSERT_EQ(0, write_file(EVENTS "enable", "1"));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_PAT, &value));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_PAT, value));
	ASSERT_EQ(0, write_file(EVENTS "enable", "0"));
	EXPECT_EQ(2, count_events("minihv_msr_read"));
	EXPECT_EQ(1, count_events("minihv_msr_write"));
}

TEST_HARNESS_MAIN
