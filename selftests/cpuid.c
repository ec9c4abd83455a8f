// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_SUPPORTED_CPUID, KVM_SET_CPUID2 and KVM_GET_CPUID2: the protocol
 * and what the offered leaves promise.
 */
#include <cpuid.h>

#include "harness.h"
#include "test.h"

#define MAX_ENTRIES	256

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[MAX_ENTRIES];
};

FIXTURE(cpuid) {
	struct machine m;
	struct cpuid *supported;
};

FIXTURE_SETUP(cpuid)
{
	ASSERT_MACHINE(&self->m, 2);

	self->supported = calloc(1, sizeof(*self->supported));
	ASSERT_NE(NULL, self->supported);
	self->supported->head.nent = MAX_ENTRIES;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_GET_SUPPORTED_CPUID,
				   self->supported));
}

FIXTURE_TEARDOWN(cpuid)
{
	free(self->supported);
	machine_destroy(&self->m);
}

static const struct kvm_cpuid_entry2 *find(const struct cpuid *cpuid,
					   uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     e->index == index))
			return e;
	}
	return NULL;
}

TEST_F(cpuid, count_is_exact)
{
	struct cpuid *c = calloc(1, sizeof(*c));
	uint32_t n = self->supported->head.nent;

	ASSERT_NE(NULL, c);
	ASSERT_LT(2, n);

	c->head.nent = n;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_GET_SUPPORTED_CPUID, c));
	EXPECT_EQ(n, c->head.nent);
	EXPECT_EQ(0, memcmp(c->entries, self->supported->entries,
			    n * sizeof(c->entries[0])));
	free(c);
}

TEST_F(cpuid, too_small_is_e2big)
{
	struct cpuid *c = calloc(1, sizeof(*c));
	uint32_t sizes[] = { 0, 1, self->supported->head.nent - 1 };

	ASSERT_NE(NULL, c);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		c->head.nent = sizes[i];
		EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.dev,
						KVM_GET_SUPPORTED_CPUID, c)) {
			TH_LOG("nent %u of %u", sizes[i],
			       self->supported->head.nent);
		}
		/* Nothing is written before it is known to fit. */
		EXPECT_EQ(0, c->entries[0].eax);
	}
	free(c);
}

TEST_F(cpuid, bad_pointer)
{
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.dev, KVM_GET_SUPPORTED_CPUID, 0));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vcpu.fd, KVM_SET_CPUID2, 0));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vcpu.fd, KVM_GET_CPUID2, 0));
}

TEST_F(cpuid, no_leaf_twice)
{
	const struct cpuid *c = self->supported;

	for (uint32_t i = 0; i < c->head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c->entries[i];

		EXPECT_EQ(e, find(c, e->function, e->index)) {
			TH_LOG("leaf %#x.%#x", e->function, e->index);
		}
	}
}

TEST_F(cpuid, highest_leaves_are_there)
{
	const struct kvm_cpuid_entry2 *basic = find(self->supported, 0, 0);
	const struct kvm_cpuid_entry2 *ext = find(self->supported,
						  0x80000000, 0);

	ASSERT_NE(NULL, basic);
	ASSERT_NE(NULL, ext);
	EXPECT_LE(0xd, basic->eax);
	EXPECT_LE(0x80000008, ext->eax);
	for (uint32_t leaf = 0x80000001; leaf <= 0x80000008; leaf++) {
		EXPECT_NE(NULL, find(self->supported, leaf, 0)) {
			TH_LOG("leaf %#x", leaf);
		}
	}
}

/* The index counts where the SDM says "sub-leaves", and only there. */
TEST_F(cpuid, significant_index)
{
	static const uint32_t indexed[] = { 0x4, 0x7, 0xb, 0xd };

	for (size_t i = 0; i < ARRAY_SIZE(indexed); i++) {
		const struct kvm_cpuid_entry2 *e = find(self->supported,
							indexed[i], 0);

		/* Topology (0xb) is the VMM's to fill in and may be absent. */
		if (!e && indexed[i] == 0xb)
			continue;
		ASSERT_NE(NULL, e) {
			TH_LOG("leaf %#x", indexed[i]);
		}
		EXPECT_TRUE(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) {
			TH_LOG("leaf %#x", indexed[i]);
		}
	}
	EXPECT_FALSE(find(self->supported, 1, 0)->flags &
		     KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

/*
 * A guest is not promised what the CPU does not have, but for the few bits
 * that a hypervisor provides itself: x2APIC, TSC deadline and "hypervisor".
 */
TEST_F(cpuid, features_are_the_hosts)
{
	const uint32_t emulated_ecx = 1U << 21 | 1U << 24 | 1U << 31;
	const struct kvm_cpuid_entry2 *e;
	uint32_t eax, ebx, ecx, edx;

	e = find(self->supported, 1, 0);
	ASSERT_NE(NULL, e);
	__cpuid(1, eax, ebx, ecx, edx);
	EXPECT_EQ(0, e->ecx & ~(ecx | emulated_ecx));
	EXPECT_EQ(0, e->edx & ~edx);

	e = find(self->supported, 0x80000001, 0);
	ASSERT_NE(NULL, e);
	__cpuid(0x80000001, eax, ebx, ecx, edx);
	EXPECT_EQ(0, e->ecx & ~ecx);
	EXPECT_EQ(0, e->edx & ~edx);

	e = find(self->supported, 7, 0);
	ASSERT_NE(NULL, e);
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	/* TSC_ADJUST (bit 1) can be had from the TSC offset. */
	EXPECT_EQ(0, e->ebx & ~(ebx | 1U << 1));
}

/* What a 64-bit guest cannot do without. */
TEST_F(cpuid, long_mode_is_offered)
{
	const struct kvm_cpuid_entry2 *e = find(self->supported,
						0x80000001, 0);

	ASSERT_NE(NULL, e);
	EXPECT_TRUE(e->edx & 1U << 29) {
		TH_LOG("no long mode");
	}
	EXPECT_TRUE(e->edx & 1U << 20) {
		TH_LOG("no execute-disable");
	}
	EXPECT_TRUE(e->edx & 1U << 11) {
		TH_LOG("no SYSCALL");
	}
}

TEST_F(cpuid, minihv_offers_no_vmx)
{
	if (testing_kvm())
		SKIP(return, "KVM runs hypervisors in guests, minihv does not");
	EXPECT_FALSE(find(self->supported, 1, 0)->ecx & 1U << 5);
}

TEST_F(cpuid, fresh_vcpu_has_none)
{
	struct cpuid *c = calloc(1, sizeof(*c));

	ASSERT_NE(NULL, c);
	c->head.nent = MAX_ENTRIES;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_CPUID2, c));
	/* KVM leaves nent alone on success, so count what was written. */
	EXPECT_EQ(0, c->entries[0].function | c->entries[0].eax);
	free(c);
}

TEST_F(cpuid, get_returns_what_was_set_in_order)
{
	struct cpuid *set = calloc(1, sizeof(*set));
	struct cpuid *got = calloc(1, sizeof(*got));

	ASSERT_TRUE(set && got);
	/* Not sorted, and with values that no CPU has. */
	set->head.nent = 3;
	set->entries[0] = (struct kvm_cpuid_entry2){
		.function = 0x80000000, .eax = 0x80000001, .ebx = 1,
	};
	set->entries[1] = (struct kvm_cpuid_entry2){
		.function = 0x7, .index = 0, .ebx = 0x12345678,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
	set->entries[2] = (struct kvm_cpuid_entry2){
		.function = 0, .eax = 7, .ebx = 2, .ecx = 3, .edx = 4,
	};
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, set));

	got->head.nent = 3;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_CPUID2, got));
	EXPECT_EQ(0, memcmp(set->entries, got->entries,
			    3 * sizeof(set->entries[0])));

	got->head.nent = 2;
	EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_CPUID2, got));

	/* A new set replaces the old one, the empty one too. */
	set->head.nent = 0;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, set));
	memset(got, 0, sizeof(*got));
	got->head.nent = MAX_ENTRIES;
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_CPUID2, got));
	EXPECT_EQ(0, got->entries[0].function | got->entries[0].eax);
	free(got);
	free(set);
}

TEST_F(cpuid, set_takes_at_most_256)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 257 *
				      sizeof(c->entries[0]));

	ASSERT_NE(NULL, c);
	c->nent = 257;
	EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, c));
	c->nent = UINT32_MAX;
	EXPECT_EQ(-E2BIG, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, c));
	free(c);
}

TEST_F(cpuid, virtual_address_width_is_48_57_or_absent)
{
	static const struct {
		uint32_t width;
		int ret;
	} rows[] = {
		{ 0, 0 }, { 48, 0 }, { 57, 0 }, { 32, -EINVAL },
		{ 47, -EINVAL }, { 64, -EINVAL },
	};
	struct cpuid *c = calloc(1, sizeof(*c));

	ASSERT_NE(NULL, c);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		c->head.nent = 1;
		c->entries[0] = (struct kvm_cpuid_entry2){
			.function = 0x80000008,
			.eax = rows[i].width << 8 | 39,
		};
		EXPECT_EQ(rows[i].ret,
			  sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, c)) {
			TH_LOG("CPUID.80000008H:EAX[15:8] = %u",
			       rows[i].width);
		}
	}
	free(c);
}

/*
 * Once the guest has run its CPUID is fixed, but what KVM_GET_CPUID2 gives can be
 * set again: VMMs do that when they plug a vCPU in a second time. Bits that follow
 * the vCPU's state (OSXSAVE here) make no difference.
 */
TEST_F(cpuid, fixed_after_run_but_may_be_repeated)
{
	struct cpuid *c = calloc(1, sizeof(*c));
	struct vm_op op = vm_op_cpuid(0, 0);
	struct kvm_sregs sregs;
	struct vcpu *vcpu = &self->m.vcpu;

	ASSERT_NE(NULL, c);
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, self->supported));
	ASSERT_OPS(vcpu, &op, 1);
	if (find(self->supported, 1, 0)->ecx & 1 << 26) {
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs));
		sregs.cr4 |= 1 << 18;
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs));
	}
	c->head.nent = self->supported->head.nent;
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_CPUID2, c));
	EXPECT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, c));
	EXPECT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, self->supported));
	/* Padding says nothing. */
	((struct kvm_cpuid_entry2 *)find(c, 1, 0))->padding[2] = 1;
	EXPECT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, c));

	((struct kvm_cpuid_entry2 *)find(c, 1, 0))->edx ^= 1 << 4;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, c));
	free(c);
}

static struct kvm_cpuid_entry2 *find_entry(struct cpuid *cpuid, uint32_t function, uint32_t index)
{
	return (struct kvm_cpuid_entry2 *)find(cpuid, function, index);
}

/* Leaf 1, EDX bit 9, is IA32_APIC_BASE's, whenever the client saved what it restores. */
TEST_F(cpuid, apic_follows_the_msr)
{
	struct cpuid *saved = calloc(1, sizeof(*saved));
	struct vm_op op = vm_op_cpuid(1, 0);
	struct vcpu *vcpu = &self->m.vcpu;
	uint64_t base;

	ASSERT_NE(NULL, saved);
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, self->supported));
	ASSERT_OPS(vcpu, &op, 1);
	EXPECT_TRUE(op.rdx & 1 << 9);
	ASSERT_EQ(0, vcpu_get_msr(vcpu, MSR_IA32_APIC_BASE, &base));
	ASSERT_EQ(0, vcpu_set_msr(vcpu, MSR_IA32_APIC_BASE, base & ~APIC_BASE_ENABLE));
	op = vm_op_cpuid(1, 0);
	ASSERT_OPS(vcpu, &op, 1);
	EXPECT_FALSE(op.rdx & 1 << 9);
	saved->head.nent = MAX_ENTRIES;
	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_CPUID2, saved));
	saved->head.nent = self->supported->head.nent;
	EXPECT_FALSE(find(saved, 1, 0)->edx & 1 << 9);

	ASSERT_EQ(0, vcpu_set_msr(vcpu, MSR_IA32_APIC_BASE, base));
	EXPECT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, saved));
	op = vm_op_cpuid(1, 0);
	ASSERT_OPS(vcpu, &op, 1);
	EXPECT_TRUE(op.rdx & 1 << 9);
	free(saved);
}

/*
 * SDM vol. 2, "Information Returned by CPUID Instruction", leaf 0BH: above the last level
 * ECX[7:0] and EDX are still answered. Of other leaves what is missing is 0.
 */
TEST_F(cpuid, levels_that_are_missing)
{
	struct vm_op ops[] = {
		vm_op_cpuid(0xb, 1), vm_op_cpuid(0xb, 5), vm_op_cpuid(0xb, 0x1ff),
		vm_op_cpuid(4, 9), vm_op_cpuid(5, 0),
	};
	struct cpuid *c = calloc(1, sizeof(*c));

	ASSERT_NE(NULL, c);
	c->head.nent = 4;
	c->entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 0xb };
	for (int i = 0; i < 2; i++) {
		c->entries[1 + i] = (struct kvm_cpuid_entry2){
			.function = 0xb, .index = i, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.eax = 1, .ebx = 2, .ecx = (i + 1) << 8 | i, .edx = 7,
		};
	}
	c->entries[3] = (struct kvm_cpuid_entry2){
		.function = 4, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = 1, .edx = 7,
	};
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, c));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0x201, ops[0].rcx);
	for (int i = 1; i < 3; i++) {
		EXPECT_EQ(0, ops[i].rax | ops[i].rbx);
		EXPECT_EQ(i == 1 ? 5 : 0xff, ops[i].rcx);
		EXPECT_EQ(7, ops[i].rdx);
	}
	EXPECT_EQ(0, ops[3].rax | ops[3].rbx | ops[3].rcx | ops[3].rdx);
	EXPECT_EQ(0, ops[4].rax | ops[4].rbx | ops[4].rcx | ops[4].rdx);
	free(c);
}

/* SDM vol. 1, "Enumeration of CPU Support for XSAVE Instructions": without XSAVEC it is 0. */
TEST_F(cpuid, size_of_the_compacted_format)
{
	struct kvm_cpuid_entry2 *e = find_entry(self->supported, 0xd, 1);

	if (!e || !find(self->supported, 0xd, 0)->eax)
		SKIP(return, "the CPU has no XSAVE");
	for (int with = 0; with < 2; with++) {
		struct vm_op op = vm_op_cpuid(0xd, 1);
		struct vcpu vcpu;

		e->eax = with ? 1 << 1 : 0;
		e->ebx = 0;
		ASSERT_EQ(0, vcpu_create(&vcpu, &self->m.vm, 1 + with));
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu.fd, KVM_SET_CPUID2, self->supported));
		ASSERT_OPS(&vcpu, &op, 1);
		EXPECT_EQ(with ? 512 + 64 : 0, op.rbx);
		vcpu_destroy(&vcpu);
	}
}

/* A KVM_RUN that did not get as far as the guest fixes nothing. */
TEST_F(cpuid, not_fixed_by_a_run_that_was_none)
{
	struct vcpu *vcpu = &self->m.vcpu;

	ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, self->supported));
	vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(vcpu));
	self->supported->entries[1].eax ^= 1;
	EXPECT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, self->supported));
}

TEST_HARNESS_MAIN
