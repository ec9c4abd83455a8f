// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events minihv_msr_read and minihv_msr_write: one for each access
 * of the guest, with its index, its data and whether it faulted.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "harness.h"
#include "test.h"

/* An instance of our own, so that nobody else's tracing is disturbed. */
#define INSTANCE	"/sys/kernel/tracing/instances/minihv-selftest"
#define EVENTS		INSTANCE "/events/minihv/"

FIXTURE(trace) {
	struct machine m;
};

/* The number of events called @name, which are printed if they are unwanted. */
static int count_events(const char *name, bool print)
{
	FILE *file = fopen(INSTANCE "/trace", "r");
	char line[512], pattern[64];
	int count = 0;

	if (!file)
		return -errno;
	snprintf(pattern, sizeof(pattern), ": %s:", name);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, pattern))
			continue;
		count++;
		if (print)
			fprintf(stderr, "# %s", line);
	}
	fclose(file);
	return count;
}

static void expect_events(struct __test_metadata *_metadata, int expected, const char *name)
{
	EXPECT_EQ(expected, count_events(name, false)) {
		count_events(name, true);
	}
}

FIXTURE_SETUP(trace)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
}

FIXTURE_TEARDOWN(trace)
{
	rmdir(INSTANCE);
	machine_destroy(&self->m);
}

/*
 * Accesses of all kinds of MSRs, and what their events have to say. Filters
 * name the fields, so this does not depend on how an event is printed.
 */
static const struct row {
	bool write;
	uint32_t index;
	uint64_t value;		/* written, or to be read */
	bool fault;
} rows[] = {
	{ true, MSR_IA32_SYSENTER_CS, 0x1234, false },
	{ false, MSR_IA32_SYSENTER_CS, 0x1234, false },
	{ true, MSR_IA32_MISC_ENABLE, 0x1801, false },
	{ false, MSR_IA32_MISC_ENABLE, 0x1801, false },
	{ true, MSR_IA32_PAT, 0x0606060606060606, false },
	{ false, MSR_IA32_PAT, 0x0606060606060606, false },
	{ true, MSR_IA32_KERNEL_GS_BASE, CANONICAL_HIGH, false },
	{ false, MSR_IA32_KERNEL_GS_BASE, CANONICAL_HIGH, false },
	{ true, MSR_IA32_LSTAR, NONCANONICAL, true },
	{ false, MSR_UNKNOWN, 0, true },
	{ true, MSR_UNKNOWN, 0x55, true },
};

/* "(one row) || (the next) ...", for the reads or for the writes. */
static int filter_for(bool write, char *filter, size_t size)
{
	size_t len = 0;
	int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (row->write != write)
			continue;
		len += snprintf(filter + len, size - len,
				"%s(index == %#x && data == %#lx && fault == %d)",
				count++ ? " || " : "", row->index, row->value,
				row->fault);
	}
	return count;
}

/*
 * Accesses of the guest, each with the event that is due; then, without the
 * filters, that there is one for each access and none for those of the host.
 * All in one test: an instance is thousands of files, and slow to make.
 */
TEST_F(trace, one_event_for_each_access)
{
	struct vm_op ops[ARRAY_SIZE(rows)], more[] = {
		vm_op_rdmsr(MSR_IA32_PAT), vm_op_cpuid(0, 0),
		vm_op_wrmsr(MSR_IA32_PAT, PAT_RESET),
		vm_op_rdmsr(MSR_IA32_MISC_ENABLE),
	};
	char reads[1024], writes[1024];
	int nr_reads, nr_writes;
	uint64_t value;

	if (testing_kvm())
		SKIP(return, "KVM has other trace events");

	ASSERT_TRUE(!mkdir(INSTANCE, 0700) || errno == EEXIST) {
		TH_LOG("%s: %s", INSTANCE, strerror(errno));
	}
	nr_reads = filter_for(false, reads, sizeof(reads));
	nr_writes = filter_for(true, writes, sizeof(writes));
	ASSERT_EQ(0, write_file(EVENTS "minihv_msr_read/filter", reads)) {
		TH_LOG("filter '%s' is not taken", reads);
	}
	ASSERT_EQ(0, write_file(EVENTS "minihv_msr_write/filter", writes)) {
		TH_LOG("filter '%s' is not taken", writes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ops[i] = rows[i].write ?
			 vm_op_wrmsr(rows[i].index, rows[i].value) :
			 vm_op_rdmsr(rows[i].index);

	ASSERT_EQ(0, write_file(EVENTS "enable", "1"));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	expect_events(_metadata, nr_reads, "minihv_msr_read");
	expect_events(_metadata, nr_writes, "minihv_msr_write");

	ASSERT_EQ(0, write_file(INSTANCE "/trace", ""));
	ASSERT_EQ(0, write_file(EVENTS "minihv_msr_read/filter", "0"));
	ASSERT_EQ(0, write_file(EVENTS "minihv_msr_write/filter", "0"));
	ASSERT_OPS(&self->m.vcpu, more, ARRAY_SIZE(more));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_PAT, &value));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_PAT, value));
	expect_events(_metadata, 2, "minihv_msr_read");
	expect_events(_metadata, 1, "minihv_msr_write");
	ASSERT_EQ(0, write_file(EVENTS "enable", "0"));
}

TEST_HARNESS_MAIN
