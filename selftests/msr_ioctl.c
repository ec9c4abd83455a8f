// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_MSRS and KVM_SET_MSRS: how many entries are done, where they stop,
 * and what bad arguments give. The values themselves are msr_values.c's.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "harness.h"
#include "test.h"

#define MAX_ENTRIES	257

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[MAX_ENTRIES];
};

FIXTURE(msrs) {
	struct machine m;
	struct msrs *msrs;
};

FIXTURE_SETUP(msrs)
{
	ASSERT_MACHINE(&self->m, 0);
	self->msrs = calloc(1, sizeof(*self->msrs));
	ASSERT_NE(NULL, self->msrs);
	for (int i = 0; i < MAX_ENTRIES; i++) {
		self->msrs->entries[i].index = MSR_IA32_STAR;
		self->msrs->entries[i].data = i;
	}
}

FIXTURE_TEARDOWN(msrs)
{
	free(self->msrs);
	machine_destroy(&self->m);
}

TEST_F(msrs, returns_the_number_done)
{
	static const uint32_t counts[] = { 0, 1, 2, 255 };
	uint64_t star;

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint32_t n = counts[i];

		self->msrs->head.nmsrs = n;
		EXPECT_EQ((int)n, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS,
						self->msrs));
		EXPECT_EQ((int)n, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS,
						self->msrs));
		if (!n)
			continue;
		/* In the order given: the last write is the one that stays. */
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_STAR, &star));
		EXPECT_EQ(n - 1, star);
		for (uint32_t j = 0; j < n; j++)
			self->msrs->entries[j].data = j;
	}
}

TEST_F(msrs, more_than_255_is_e2big)
{
	static const uint32_t counts[] = { 256, 257, 1U << 31, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		self->msrs->head.nmsrs = counts[i];
		EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS,
						self->msrs)) {
			TH_LOG("KVM_GET_MSRS, nmsrs %u", counts[i]);
		}
		EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS,
						self->msrs)) {
			TH_LOG("KVM_SET_MSRS, nmsrs %u", counts[i]);
		}
		EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.dev, KVM_GET_MSRS,
						self->msrs)) {
			TH_LOG("on the device, nmsrs %u", counts[i]);
		}
	}
}

TEST_F(msrs, get_stops_at_the_first_failure)
{
	struct kvm_msr_entry *e = self->msrs->entries;

	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_STAR, 0x1234));
	self->msrs->head.nmsrs = 4;
	e[0].data = 1;
	e[1].data = 2;
	e[2] = (struct kvm_msr_entry){ .index = MSR_UNKNOWN, .data = 3 };
	e[3].data = 4;
	EXPECT_EQ(2, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS, self->msrs));
	EXPECT_EQ(0x1234, e[0].data);
	EXPECT_EQ(0x1234, e[1].data);
	EXPECT_EQ(0, e[2].data) {
		TH_LOG("the data of the failed entry is not 0");
	}
	EXPECT_EQ(4, e[3].data) {
		TH_LOG("an entry after the failed one was touched");
	}
}

TEST_F(msrs, set_stops_at_the_first_failure)
{
	static const struct {
		const char *name;
		struct kvm_msr_entry bad;
	} rows[] = {
		{ "unknown MSR", { .index = MSR_UNKNOWN, .data = 0 } },
		{ "invalid value",
			{ .index = MSR_IA32_LSTAR, .data = NONCANONICAL } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_msr_entry *e = self->msrs->entries;
		uint64_t star, cstar;

		ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_CSTAR, 7));
		self->msrs->head.nmsrs = 3;
		e[0].data = 0x1000 + i;
		e[1] = rows[i].bad;
		e[2] = (struct kvm_msr_entry){
			.index = MSR_IA32_CSTAR, .data = 0x1000,
		};
		EXPECT_EQ(1, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS,
					   self->msrs)) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_STAR, &star));
		EXPECT_EQ(0x1000 + i, star);
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_CSTAR,
					  &cstar));
		EXPECT_EQ(7, cstar) {
			TH_LOG("%s: went on after it", rows[i].name);
		}
	}
}

/* Not an errno: the client has to be told which entry it was. */
TEST_F(msrs, first_entry_bad_is_zero)
{
	self->msrs->head.nmsrs = 3;
	self->msrs->entries[0].index = MSR_UNKNOWN;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS, self->msrs));
	EXPECT_EQ(0, self->msrs->entries[0].data);
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS, self->msrs));
}

TEST_F(msrs, unknown_in_every_range)
{
	static const uint32_t unknown[] = {
		MSR_UNKNOWN_LOW, 0x2000, 0x3fffffff, MSR_UNKNOWN, 0xbfffffff,
		MSR_UNKNOWN_HIGH, 0xc0002000, 0xffffffff,
	};

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		uint64_t value;

		EXPECT_EQ(-EPERM, vcpu_get_msr(&self->m.vcpu, unknown[i],
					       &value)) {
			TH_LOG("read of MSR %#x", unknown[i]);
		}
		EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu, unknown[i], 0)) {
			TH_LOG("write of MSR %#x", unknown[i]);
		}
	}
}

TEST_F(msrs, padding_is_ignored)
{
	self->msrs->head.nmsrs = 1;
	self->msrs->head.pad = UINT32_MAX;
	self->msrs->entries[0].reserved = UINT32_MAX;
	EXPECT_EQ(1, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS, self->msrs));
	EXPECT_EQ(1, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS, self->msrs));
}

TEST_F(msrs, null_is_efault)
{
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vcpu.fd, KVM_GET_MSRS, 0));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vcpu.fd, KVM_SET_MSRS, 0));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.dev, KVM_GET_MSRS, 0));
}

/* Two pages of which the second is as @prot says, or the test is over. */
#define two_pages(prot) ({						\
	size_t size = getpagesize();					\
	char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,	\
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);		\
	ASSERT_NE(MAP_FAILED, pages);					\
	ASSERT_EQ(0, mprotect(pages + size, size, prot));		\
	pages; })

/* The header and the first entry on a good page, the second on a bad one. */
static struct kvm_msrs *straddle(char *pages)
{
	struct kvm_msrs *msrs;

	msrs = (void *)(pages + getpagesize() - sizeof(*msrs) -
			sizeof(msrs->entries[0]));
	msrs->nmsrs = 2;
	msrs->entries[0].index = MSR_IA32_STAR;
	msrs->entries[0].data = 0xbad;
	return msrs;
}

TEST_F(msrs, pointer_that_faults_halfway)
{
	struct kvm_msrs *msrs = straddle(two_pages(PROT_NONE));
	uint64_t star;

	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_STAR, 0x900d));
	EXPECT_EQ(-EFAULT, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS, msrs));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_STAR, &star));
	EXPECT_EQ(0x900d, star) {
		TH_LOG("an MSR was written from arguments that fault");
	}
	EXPECT_EQ(-EFAULT, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS, msrs));
	EXPECT_EQ(-EFAULT, sys_ioctl_ptr(self->m.dev, KVM_GET_MSRS, msrs));
}

TEST_F(msrs, result_that_cannot_be_written)
{
	struct kvm_msrs *msrs = straddle(two_pages(PROT_READ));

	EXPECT_EQ(-EFAULT, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MSRS, msrs));

	/* Reading the arguments of a write is all that the kernel does. */
	msrs->nmsrs = 1;
	EXPECT_EQ(1, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MSRS, msrs));
}

TEST_HARNESS_MAIN
