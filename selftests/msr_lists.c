// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, and the promise
 * behind them: what is listed can be read.
 */
#include "harness.h"
#include "test.h"

#define MAX_MSRS	1024

struct msr_list {
	struct kvm_msr_list head;
	uint32_t indices[MAX_MSRS];
};

FIXTURE(lists) {
	int dev;
	struct msr_list *list;
};

FIXTURE_VARIANT(lists) {
	unsigned long cmd;
};

FIXTURE_VARIANT_ADD(lists, save) {
	.cmd = KVM_GET_MSR_INDEX_LIST,
};

FIXTURE_VARIANT_ADD(lists, feature) {
	.cmd = KVM_GET_MSR_FEATURE_INDEX_LIST,
};

FIXTURE_SETUP(lists)
{
	self->dev = vm_open_device(test_device());
	ASSERT_LE(0, self->dev) {
		TH_LOG("%s: %s", test_device(), strerror(-self->dev));
	}
	self->list = calloc(1, sizeof(*self->list));
	ASSERT_NE(NULL, self->list);
	self->list->head.nmsrs = MAX_MSRS;
	ASSERT_EQ(0, sys_ioctl_ptr(self->dev, variant->cmd, self->list));
}

FIXTURE_TEARDOWN(lists)
{
	free(self->list);
	close(self->dev);
}

TEST_F(lists, not_empty_and_counted)
{
	uint32_t n = self->list->head.nmsrs;

	EXPECT_LT(0, n);
	ASSERT_GT(MAX_MSRS, n);
	EXPECT_EQ(0, self->list->head.indices[n]) {
		TH_LOG("wrote more than the %u entries counted", n);
	}
}

TEST_F(lists, too_small_is_e2big_with_the_count)
{
	uint32_t n = self->list->head.nmsrs;
	uint32_t sizes[] = { 0, 1, n - 1 };
	struct msr_list *small = calloc(1, sizeof(*small));

	ASSERT_NE(NULL, small);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		small->head.nmsrs = sizes[i];
		EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->dev, variant->cmd,
						small)) {
			TH_LOG("nmsrs %u of %u", sizes[i], n);
		}
		EXPECT_EQ(n, small->head.nmsrs);
		EXPECT_EQ(0, small->head.indices[0]) {
			TH_LOG("entries written although they do not fit");
		}
	}
	free(small);
}

TEST_F(lists, exact_fit)
{
	uint32_t n = self->list->head.nmsrs;
	struct msr_list *exact = calloc(1, sizeof(*exact));

	ASSERT_NE(NULL, exact);
	exact->head.nmsrs = n;
	EXPECT_EQ(0, sys_ioctl_ptr(self->dev, variant->cmd, exact));
	EXPECT_EQ(n, exact->head.nmsrs);
	EXPECT_EQ(0, memcmp(exact->head.indices, self->list->head.indices,
			    n * sizeof(uint32_t)));
	free(exact);
}

TEST_F(lists, bad_pointer)
{
	EXPECT_EQ(-EFAULT, sys_ioctl(self->dev, variant->cmd, 0));
}

TEST_F(lists, no_index_twice)
{
	for (uint32_t i = 0; i < self->list->head.nmsrs; i++) {
		for (uint32_t j = 0; j < i; j++) {
			EXPECT_NE(self->list->head.indices[j],
				  self->list->head.indices[i]);
		}
	}
}

FIXTURE(members) {
	struct machine m;
	struct kvm_msr_list *save;
	struct kvm_msr_list *feature;
};

FIXTURE_SETUP(members)
{
	ASSERT_MACHINE(&self->m, 0);
	ASSERT_EQ(0, vm_msr_list(self->m.dev, KVM_GET_MSR_INDEX_LIST,
				 &self->save));
	ASSERT_EQ(0, vm_msr_list(self->m.dev, KVM_GET_MSR_FEATURE_INDEX_LIST,
				 &self->feature));
}

FIXTURE_TEARDOWN(members)
{
	free(self->feature);
	free(self->save);
	machine_destroy(&self->m);
}

/* What a VMM must save and restore for a 64-bit guest to live on. */
TEST_F(members, save_list)
{
	static const struct {
		const char *name;
		uint32_t index;
	} required[] = {
		{ "IA32_TIME_STAMP_COUNTER", MSR_IA32_TSC },
		{ "IA32_SYSENTER_CS", MSR_IA32_SYSENTER_CS },
		{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP },
		{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP },
		{ "IA32_MISC_ENABLE", MSR_IA32_MISC_ENABLE },
		{ "IA32_PAT", MSR_IA32_PAT },
		{ "IA32_MCG_STATUS", MSR_IA32_MCG_STATUS },
		{ "IA32_MCG_CTL", MSR_IA32_MCG_CTL },
		{ "IA32_STAR", MSR_IA32_STAR },
		{ "IA32_LSTAR", MSR_IA32_LSTAR },
		{ "IA32_CSTAR", MSR_IA32_CSTAR },
		{ "IA32_FMASK", MSR_IA32_FMASK },
		{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE },
		{ "IA32_TSC_AUX", MSR_IA32_TSC_AUX },
		{ "IA32_BIOS_SIGN_ID", MSR_IA32_BIOS_SIGN_ID },
		{ "IA32_ARCH_CAPABILITIES", MSR_IA32_ARCH_CAPABILITIES },
		{ "MSR_PLATFORM_INFO", MSR_PLATFORM_INFO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		EXPECT_TRUE(vm_msr_listed(self->save, required[i].index)) {
			TH_LOG("%s (%#x)", required[i].name,
			       required[i].index);
		}
	}
}

/* All that a VMM reads to find out what VMX and the CPU's bugs allow. */
TEST_F(members, feature_list)
{
	for (uint32_t index = MSR_IA32_VMX_BASIC;
	     index <= MSR_IA32_VMX_VMFUNC; index++) {
		EXPECT_TRUE(vm_msr_listed(self->feature, index)) {
			TH_LOG("VMX capability MSR %#x", index);
		}
	}
	EXPECT_TRUE(vm_msr_listed(self->feature, MSR_IA32_ARCH_CAPABILITIES));
}

TEST_F(members, device_reads_every_feature_msr)
{
	uint32_t n = self->feature->nmsrs;
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) +
				       n * sizeof(msrs->entries[0]));

	ASSERT_NE(NULL, msrs);
	msrs->nmsrs = n;
	for (uint32_t i = 0; i < n; i++)
		msrs->entries[i].index = self->feature->indices[i];
	EXPECT_EQ((int)n, sys_ioctl_ptr(self->m.dev, KVM_GET_MSRS, msrs));
	free(msrs);
}

/* The device fd knows no vCPU, so it has no value for an ordinary MSR. */
TEST_F(members, device_reads_nothing_else)
{
	static const uint32_t others[] = {
		MSR_IA32_LSTAR, MSR_IA32_TSC, MSR_IA32_EFER, MSR_UNKNOWN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} msr = {
			.head.nmsrs = 1,
			.entry = { .index = others[i], .data = ~0ULL },
		};

		EXPECT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_GET_MSRS, &msr)) {
			TH_LOG("MSR %#x", others[i]);
		}
		EXPECT_EQ(0, msr.entry.data) {
			TH_LOG("MSR %#x: data left as it was", others[i]);
		}
	}
}

/* A VMM may read the lists before it has decided on a CPUID. */
TEST_F(members, fresh_vcpu_reads_every_listed_msr)
{
	for (uint32_t i = 0; i < self->save->nmsrs; i++) {
		uint32_t index = self->save->indices[i];
		uint64_t value;

		/* KVM 6.1 refuses these while the guest's CPUID has no VMX. */
		if (testing_kvm() && index >= MSR_IA32_VMX_BASIC &&
		    index <= MSR_IA32_VMX_VMFUNC)
			continue;
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, index, &value)) {
			TH_LOG("MSR %#x", index);
		}
	}
}

TEST_HARNESS_MAIN
