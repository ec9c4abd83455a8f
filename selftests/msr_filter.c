// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_X86_SET_MSR_FILTER: which of the guest's accesses a client forbids. What
 * the client is told of them is msr_exits.c's.
 */
#include <sys/mman.h>

#include "harness.h"
#include "filter.h"

#define PAGE		4096

/* Without a filter the guest can read and write these. */
static const uint32_t writable[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, MSR_IA32_PAT,
	MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR, MSR_IA32_FMASK,
	MSR_IA32_FS_BASE, MSR_IA32_GS_BASE, MSR_IA32_KERNEL_GS_BASE, MSR_IA32_TSC_AUX,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_EFER, MSR_IA32_TSC,
};

FIXTURE(filter) {
	struct machine m;
};

FIXTURE_SETUP(filter)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
}

FIXTURE_TEARDOWN(filter)
{
	machine_destroy(&self->m);
}

/* The guest's RDMSR: true when it got a value, false on #GP. */
#define can_read(index)							\
({									\
	struct vm_op __op = vm_op_rdmsr(index);				\
	ASSERT_OPS(&self->m.vcpu, &__op, 1);				\
	__op.vector == VM_OP_DONE;					\
})

/* The guest writes what the MSR holds already. */
#define can_write(index)						\
({									\
	uint64_t __now;							\
	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, index, &__now));	\
	struct vm_op __op = vm_op_wrmsr(index, __now);			\
	ASSERT_OPS(&self->m.vcpu, &__op, 1);				\
	__op.vector == VM_OP_DONE;					\
})

TEST_F(filter, announced)
{
	EXPECT_EQ(1, sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER));
	EXPECT_EQ(1, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER));
}

TEST_F(filter, without_one_all_is_allowed)
{
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		EXPECT_TRUE(can_read(writable[i])) TH_LOG("MSR %#x", writable[i]);
		EXPECT_TRUE(can_write(writable[i])) TH_LOG("MSR %#x", writable[i]);
	}
}

TEST_F(filter, sixteen_ranges)
{
	uint8_t deny = 0;
	struct kvm_msr_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];

	ASSERT_EQ(KVM_MSR_FILTER_MAX_RANGES, ARRAY_SIZE(writable));
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++)
		ranges[i] = range_of(FILTER_BOTH, writable[i], 1, &deny);
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, ranges, 16));

	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		EXPECT_FALSE(can_read(writable[i])) TH_LOG("MSR %#x", writable[i]);
		EXPECT_FALSE(can_write(writable[i])) TH_LOG("MSR %#x", writable[i]);
	}
	EXPECT_TRUE(can_read(MSR_IA32_BIOS_SIGN_ID));

	/* No range, and what is not in one allowed: that is no filter. */
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, NULL, 0));
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		EXPECT_TRUE(can_read(writable[i])) TH_LOG("MSR %#x", writable[i]);
		EXPECT_TRUE(can_write(writable[i])) TH_LOG("MSR %#x", writable[i]);
	}
}

/* The struct has room for 16. With 17 it is another ioctl, which there is not. */
TEST_F(filter, no_seventeenth_range)
{
	struct {
		struct kvm_msr_filter filter;
		struct kvm_msr_filter_range seventeenth;
	} larger = { .filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW };
	unsigned int nr = _IOC_NR(KVM_X86_SET_MSR_FILTER);

	EXPECT_EQ(-ENOTTY, sys_ioctl_ptr(self->m.vm.fd,
					 _IOC(_IOC_WRITE, KVMIO, nr, sizeof(larger)), &larger));
}

TEST_F(filter, default_deny)
{
	uint8_t allow = 1;
	struct kvm_msr_filter_range star = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &allow);

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_DENY, &star, 1));
	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		bool allowed = writable[i] == MSR_IA32_STAR;

		EXPECT_EQ(allowed, can_read(writable[i])) TH_LOG("MSR %#x", writable[i]);
		EXPECT_EQ(allowed, can_write(writable[i])) TH_LOG("MSR %#x", writable[i]);
	}
}

TEST_F(filter, reads_and_writes_apart)
{
	static const struct {
		uint32_t flags;
		bool read;
		bool write;
	} rows[] = {
		{ KVM_MSR_FILTER_READ, false, true },
		{ KVM_MSR_FILTER_WRITE, true, false },
		{ FILTER_BOTH, false, false },
	};
	uint8_t deny = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(writable); j++) {
			struct kvm_msr_filter_range range =
				range_of(rows[i].flags, writable[j], 1, &deny);

			ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW,
						&range, 1));
			EXPECT_EQ(rows[i].read, can_read(writable[j])) {
				TH_LOG("MSR %#x, flags %u", writable[j], rows[i].flags);
			}
			EXPECT_EQ(rows[i].write, can_write(writable[j])) {
				TH_LOG("MSR %#x, flags %u", writable[j], rows[i].flags);
			}
		}
	}
}

TEST_F(filter, a_bit_for_each)
{
	/* STAR, CSTAR allowed; LSTAR, FMASK not; EFER is before the range. */
	uint8_t bitmap = 0x5;
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, MSR_IA32_STAR, 4, &bitmap);

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1));
	EXPECT_TRUE(can_read(MSR_IA32_EFER));
	EXPECT_TRUE(can_read(MSR_IA32_STAR));
	EXPECT_FALSE(can_read(MSR_IA32_LSTAR));
	EXPECT_TRUE(can_read(MSR_IA32_CSTAR));
	EXPECT_FALSE(can_read(MSR_IA32_FMASK));
}

TEST_F(filter, first_range_decides)
{
	uint8_t allow = 1, deny = 0;
	struct kvm_msr_filter_range ranges[] = {
		range_of(KVM_MSR_FILTER_READ, MSR_IA32_STAR, 1, &allow),
		range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &deny),
	};

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, ranges, 2));
	EXPECT_TRUE(can_read(MSR_IA32_STAR));
	EXPECT_FALSE(can_write(MSR_IA32_STAR));
}

/* A range without MSRs is none, whatever else it says. */
TEST_F(filter, empty_ranges_are_skipped)
{
	uint8_t deny = 0;
	struct kvm_msr_filter_range ranges[] = {
		{ .flags = ~0u, .base = MSR_IA32_LSTAR, .bitmap = (uint8_t *)1 },
		range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &deny),
	};

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, ranges, 2));
	EXPECT_TRUE(can_read(MSR_IA32_LSTAR));
	EXPECT_FALSE(can_read(MSR_IA32_STAR));
}

/* One that goes over the end does not come in again at 0. */
TEST_F(filter, wrapping_range)
{
	uint8_t bitmap[0x40] = { 0 };
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, 0xffffff00, 0x200, bitmap);

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1));
	EXPECT_TRUE(can_read(MSR_IA32_TSC));
	EXPECT_TRUE(can_read(MSR_IA32_BIOS_SIGN_ID));
	EXPECT_TRUE(can_read(MSR_IA32_STAR));
}

TEST_F(filter, binds_the_guest_only)
{
	uint8_t deny = 0;
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, MSR_IA32_STAR, 4, &deny);
	uint64_t value;

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_DENY, &range, 1));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_LSTAR, CANONICAL_HIGH));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_LSTAR, &value));
	EXPECT_EQ(CANONICAL_HIGH, value);
}

/* A guest that is denied the MSR keeps what is in it. */
TEST_F(filter, denied_write_changes_nothing)
{
	uint8_t deny = 0;
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, MSR_IA32_FS_BASE, 1, &deny);
	struct vm_op op = vm_op_wrmsr(MSR_IA32_FS_BASE, 0x5000);
	uint64_t value;

	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_FS_BASE, 0x1000));
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1));
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_GP, op.vector);
	EXPECT_EQ(0, op.error_code);
	EXPECT_EQ(0, op.rip);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_FS_BASE, &value));
	EXPECT_EQ(0x1000, value);
}

/* Each VM has its own, and it is also for the vCPUs that come later. */
TEST_F(filter, of_the_vm)
{
	uint8_t deny = 0;
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &deny);
	struct vm_op op = vm_op_rdmsr(MSR_IA32_STAR);
	struct machine other;
	struct vcpu later;

	ASSERT_MACHINE(&other, 2);
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1));
	ASSERT_EQ(0, vcpu_create(&later, &self->m.vm, 1));
	ASSERT_OPS(&later, &op, 1);
	EXPECT_EQ(VECTOR_GP, op.vector);
	ASSERT_OPS(&other.vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	vcpu_destroy(&later);
	machine_destroy(&other);
}

TEST_F(filter, bad_arguments_change_nothing)
{
	uint8_t deny = 0;
	uint8_t large[KVM_MSR_FILTER_MAX_BITMAP_SIZE + 8] = { 0 };
	const struct {
		const char *name;
		int want;
		uint32_t flags;
		struct kvm_msr_filter_range range;
	} rows[] = {
		{ "unknown flag", -EINVAL, 2, range_of(FILTER_BOTH, 0, 1, &deny) },
		{ "range with unknown flag", -EINVAL, 0, range_of(4, 0, 1, &deny) },
		{ "range for nothing", -EINVAL, 0, range_of(0, 0, 1, &deny) },
		{ "all denied", -EINVAL, KVM_MSR_FILTER_DEFAULT_DENY, { .nmsrs = 0 } },
		{ "a range too large", -EINVAL, 0,
			range_of(FILTER_BOTH, 0, 8 * KVM_MSR_FILTER_MAX_BITMAP_SIZE + 1, large) },
		{ "a range of all there are", -EINVAL, 0,
			range_of(FILTER_BOTH, 0, UINT32_MAX, large) },
		{ "no bitmap", -EFAULT, 0, range_of(FILTER_BOTH, 0, 1, NULL) },
	};
	struct kvm_msr_filter_range star = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &deny);

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &star, 1));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].want, set_filter(&self->m.vm, rows[i].flags,
						   &rows[i].range, 1)) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_FALSE(can_read(MSR_IA32_STAR)) TH_LOG("%s: filter gone", rows[i].name);
		EXPECT_TRUE(can_read(MSR_IA32_LSTAR)) TH_LOG("%s: taken", rows[i].name);
	}
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vm.fd, KVM_X86_SET_MSR_FILTER, 0));
	EXPECT_FALSE(can_read(MSR_IA32_STAR));
}

TEST_F(filter, largest_range)
{
	uint8_t bitmap[KVM_MSR_FILTER_MAX_BITMAP_SIZE] = { 0 };
	struct kvm_msr_filter_range range =
		range_of(FILTER_BOTH, 0, 8 * sizeof(bitmap), bitmap);

	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1));
	EXPECT_FALSE(can_read(MSR_IA32_PAT));
	EXPECT_TRUE(can_read(MSR_IA32_STAR));
}

/* The second of two ranges has a bitmap that ends in the middle of nowhere. */
TEST_F(filter, bitmap_unmapped_halfway)
{
	uint8_t deny = 0;
	uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_msr_filter_range ranges[] = {
		range_of(FILTER_BOTH, MSR_IA32_LSTAR, 1, &deny),
		range_of(FILTER_BOTH, 0, 8 * 512, pages + PAGE - 256),
	};
	struct kvm_msr_filter_range star = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &deny);

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + PAGE, PAGE));
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &star, 1));
	EXPECT_EQ(-EFAULT, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, ranges, 2));
	EXPECT_FALSE(can_read(MSR_IA32_STAR));
	EXPECT_TRUE(can_read(MSR_IA32_LSTAR));
	EXPECT_TRUE(can_read(MSR_IA32_BIOS_SIGN_ID));
	munmap(pages, PAGE);
}

TEST_HARNESS_MAIN
