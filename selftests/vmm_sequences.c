// SPDX-License-Identifier: GPL-2.0
/*
 * The MSR calls of real VMMs, in their order: rust-vmm's, QEMU's, Firecracker's
 * and Cloud Hypervisor's. What they take for granted is what is expected here.
 */
#include <linux/kvm_para.h>

#include "harness.h"
#include "test.h"

#define MAX_MSRS	1024
#define CALL_MAX	255

#define MSR_KVM_FIRST	0x4b564d00
#define MSR_KVM_LAST	0x4b564d08

#define MSR_IA32_SMBASE		0x9e
#define MSR_SMI_COUNT		0x34

/* What a VMM has put together for one KVM_GET_MSRS or KVM_SET_MSRS. */
struct buffer {
	uint32_t n;
	struct kvm_msr_entry entries[MAX_MSRS];
};

FIXTURE(vmm) {
	struct machine m;
	struct kvm_msr_list *list;
	struct buffer *msrs;
};

FIXTURE_SETUP(vmm)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->msrs = calloc(1, sizeof(*self->msrs));
	ASSERT_NE(NULL, self->msrs);
	self->list = calloc(1, sizeof(*self->list) + MAX_MSRS * sizeof(self->list->indices[0]));
	ASSERT_NE(NULL, self->list);
}

FIXTURE_TEARDOWN(vmm)
{
	free(self->list);
	free(self->msrs);
	machine_destroy(&self->m);
}

static void add(struct buffer *b, uint32_t index, uint64_t data)
{
	b->entries[b->n++] = (struct kvm_msr_entry){ .index = index, .data = data };
}

/* A paravirtual clock may point anywhere; it is no state of the CPU's. */
static bool is_kvms_own(uint32_t index)
{
	return (index >= MSR_KVM_FIRST && index <= MSR_KVM_LAST) ||
	       (index >= 0x40000000 && index <= 0x400001ff) ||
	       index == MSR_KVM_WALL_CLOCK || index == MSR_KVM_SYSTEM_TIME;
}

/*
 * rust-vmm's vm-vcpu-ref asks for the list once, with room enough, and keeps
 * what it knows, which is described by ranges.
 */
static bool rust_vmm_knows(uint32_t index)
{
	static const struct {
		uint32_t first;
		uint32_t count;
	} allowed[] = {
		{ 0x0, 2 }, { MSR_IA32_TSC, 1 }, { 0x17, 1 }, { MSR_IA32_APIC_BASE, 1 },
		{ 0x2a, 1 }, { 0x2c, 1 }, { MSR_SMI_COUNT, 1 }, { MSR_IA32_FEATURE_CONTROL, 2 },
		{ 0x48, 2 }, { 0x79, 1 }, { MSR_IA32_BIOS_SIGN_ID, 1 }, { MSR_IA32_SMBASE, 1 },
		{ 0xcd, 2 }, { 0xe2, 1 }, { 0xe7, 2 }, { MSR_IA32_MTRRCAP, 1 }, { 0x11e, 1 },
		{ 0x140, 1 }, { MSR_IA32_SYSENTER_CS, 3 }, { MSR_IA32_MCG_CAP, 3 }, { 0x198, 1 },
		{ MSR_IA32_MISC_ENABLE, 1 }, { 0x1d9, 6 }, { 0x1fc, 1 }, { 0x200, 0x100 },
		{ 0x400, 0x80 }, { 0x606, 1 }, { MSR_IA32_TSC_DEADLINE, 1 }, { 0x800, 0x400 },
		{ MSR_KVM_FIRST, 5 }, { MSR_IA32_EFER, 5 }, { MSR_IA32_FS_BASE, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (index - allowed[i].first < allowed[i].count)
			return true;
	return false;
}

/* Dropped from what is written down, since restoring it is refused or pointless. */
static bool rust_vmm_drops(uint32_t index)
{
	return index == MSR_IA32_FEATURE_CONTROL || index == MSR_IA32_MCG_CTL;
}

/* The calls of one save or restore, in chunks of @size. */
static int in_chunks(int (*call)(struct vcpu *, struct kvm_msr_entry *, uint32_t),
		     struct vcpu *vcpu, struct buffer *b, uint32_t size)
{
	uint32_t first, n;
	int done;

	for (first = 0; first < b->n; first += n) {
		n = b->n - first < size ? b->n - first : size;
		done = call(vcpu, &b->entries[first], n);
		if (done != (int)n)
			return done < 0 ? done : (int)first + done;
	}
	return (int)b->n;
}

#define ASSERT_ALL_DONE(done, b)					\
do {									\
	int __done = done;						\
	ASSERT_EQ((int)(b)->n, __done) {				\
		if (__done >= 0)					\
			TH_LOG("stopped at MSR %#x",			\
			       (b)->entries[__done].index);		\
	}								\
} while (0)

TEST_F(vmm, rust_vmm_boot)
{
	struct buffer *b = self->msrs;

	add(b, MSR_IA32_SYSENTER_CS, 0);
	add(b, MSR_IA32_SYSENTER_ESP, 0);
	add(b, MSR_IA32_SYSENTER_EIP, 0);
	add(b, MSR_IA32_STAR, 0);
	add(b, MSR_IA32_CSTAR, 0);
	add(b, MSR_IA32_KERNEL_GS_BASE, 0);
	add(b, MSR_IA32_FMASK, 0);
	add(b, MSR_IA32_LSTAR, 0);
	add(b, MSR_IA32_TSC, 0);
	add(b, MSR_IA32_MISC_ENABLE, 1);
	ASSERT_ALL_DONE(vcpu_set_msrs(&self->m.vcpu, b->entries, b->n), b);
	ASSERT_ALL_DONE(vcpu_get_msrs(&self->m.vcpu, b->entries, b->n), b);
	EXPECT_EQ(1, b->entries[b->n - 1].data);
}

/* Fill a vCPU with values, save it, restore another from that, and compare. */
TEST_F(vmm, rust_vmm_snapshot)
{
	struct buffer *b = self->msrs, *again;
	struct machine to;

	self->list->nmsrs = MAX_MSRS;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_GET_MSR_INDEX_LIST, self->list));
	for (uint32_t i = 0; i < self->list->nmsrs; i++) {
		uint32_t index = self->list->indices[i];

		if (rust_vmm_knows(index) && !rust_vmm_drops(index))
			add(b, index, 0);
	}
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_LSTAR, CANONICAL_HIGH));
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_SYSENTER_EIP, CANONICAL_LOW));
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_PAT, 0x0606060606060606));
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_STATUS, 4));
	/* So long ago that the new VM's cannot be taken for nearly the same. */
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_TSC, 1ULL << 40));
	ASSERT_ALL_DONE(in_chunks(vcpu_get_msrs, &self->m.vcpu, b, 16), b);

	again = malloc(sizeof(*again));
	ASSERT_NE(NULL, again);
	*again = *b;
	ASSERT_MACHINE(&to, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&to.vcpu));
	ASSERT_ALL_DONE(in_chunks(vcpu_set_msrs, &to.vcpu, again, CALL_MAX), again);
	ASSERT_ALL_DONE(in_chunks(vcpu_get_msrs, &to.vcpu, again, CALL_MAX), again);
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].index == MSR_IA32_TSC) {
			EXPECT_LE(b->entries[i].data, again->entries[i].data);
			continue;
		}
		EXPECT_EQ(b->entries[i].data, again->entries[i].data) {
			TH_LOG("MSR %#x", b->entries[i].index);
		}
	}
	free(again);
	machine_destroy(&to);
}

/* Those that rust-vmm's boot and its snapshots of a 64-bit guest can't do without. */
TEST_F(vmm, rust_vmm_list)
{
	static const uint32_t needed[] = {
		MSR_IA32_TSC, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
		MSR_IA32_SYSENTER_EIP, MSR_IA32_MCG_STATUS, MSR_IA32_MISC_ENABLE, MSR_IA32_PAT,
		MSR_IA32_TSC_DEADLINE, 0x3b, MSR_IA32_SMBASE,
		MSR_SMI_COUNT, MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_CSTAR, MSR_IA32_FMASK,
		MSR_IA32_KERNEL_GS_BASE, MSR_IA32_TSC_AUX, MSR_PLATFORM_INFO,
	};

	self->list->nmsrs = MAX_MSRS;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_GET_MSR_INDEX_LIST, self->list));
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		EXPECT_TRUE(vm_msr_listed(self->list, needed[i])) {
			TH_LOG("MSR %#x", needed[i]);
		}
	}
}

/* The count by asking with none, then all. */
static int qemu_list(int dev, unsigned long cmd, struct kvm_msr_list *list)
{
	int ret;

	list->nmsrs = 0;
	ret = sys_ioctl_ptr(dev, cmd, list);
	if (ret != -E2BIG)
		return ret;
	if (!list->nmsrs || list->nmsrs > MAX_MSRS)
		return -ERANGE;
	return sys_ioctl_ptr(dev, cmd, list);
}

TEST_F(vmm, qemu_features_one_by_one)
{
	ASSERT_EQ(0, qemu_list(self->m.dev, KVM_GET_MSR_FEATURE_INDEX_LIST, self->list));
	ASSERT_LT(0, self->list->nmsrs);
	for (uint32_t i = 0; i < self->list->nmsrs; i++) {
		struct kvm_msr_entry entry = { .index = self->list->indices[i] };

		EXPECT_EQ(1, vm_get_feature_msrs(self->m.dev, &entry, 1)) {
			TH_LOG("MSR %#x", entry.index);
		}
	}
}

/* What QEMU writes at reset: some always, some when they are in the list. */
static void qemu_reset_state(struct buffer *b, const struct kvm_msr_list *list, uint32_t banks)
{
	static const struct kvm_msr_entry always[] = {
		{ .index = MSR_IA32_SYSENTER_CS }, { .index = MSR_IA32_SYSENTER_ESP },
		{ .index = MSR_IA32_SYSENTER_EIP }, { .index = MSR_IA32_PAT, .data = PAT_RESET },
		{ .index = MSR_IA32_CSTAR }, { .index = MSR_IA32_KERNEL_GS_BASE },
		{ .index = MSR_IA32_FMASK }, { .index = MSR_IA32_LSTAR },
		{ .index = MSR_IA32_TSC }, { .index = MSR_IA32_MTRR_DEF_TYPE },
		{ .index = 0x250 }, { .index = 0x258 }, { .index = 0x259 }, { .index = 0x268 },
		{ .index = 0x269 }, { .index = 0x26a }, { .index = 0x26b }, { .index = 0x26c },
		{ .index = 0x26d }, { .index = 0x26e }, { .index = 0x26f },
	};
	static const struct kvm_msr_entry if_listed[] = {
		{ .index = MSR_IA32_STAR }, { .index = MSR_IA32_TSC_AUX }, { .index = 0x3b },
		{ .index = MSR_IA32_MISC_ENABLE, .data = 1 },
		{ .index = MSR_IA32_SMBASE, .data = 0x30000 }, { .index = MSR_SMI_COUNT },
		{ .index = 0xd90 }, { .index = 0xda0 }, { .index = 0xe1 }, { .index = 0x48 },
		{ .index = 0x122 }, { .index = 0x1c4 }, { .index = 0x1c5 },
		{ .index = MSR_IA32_BIOS_SIGN_ID, .data = 0x100000000 },
		{ .index = MSR_IA32_TSC_DEADLINE }, { .index = MSR_IA32_FEATURE_CONTROL },
		{ .index = 0x4d0 },
	};
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(always); i++)
		add(b, always[i].index, always[i].data);
	for (i = 0; i < ARRAY_SIZE(if_listed); i++)
		if (vm_msr_listed(list, if_listed[i].index))
			add(b, if_listed[i].index, if_listed[i].data);
	for (i = 0; i < 8; i++) {
		add(b, 0x200 + 2 * i, 0);
		add(b, 0x201 + 2 * i, 0);
	}
	add(b, MSR_IA32_MCG_STATUS, 0);
	add(b, MSR_IA32_MCG_CTL, ~0ULL);
	for (i = 0; i < 4 * banks; i++)
		add(b, 0x400 + i, i % 4 ? 0 : ~0ULL);
}

/* QEMU stops with an assertion unless all entries are taken. */
TEST_F(vmm, qemu_reset)
{
	const uint64_t mcg_ctl_p = 1 << 8;
	uint32_t banks = 10;
	uint64_t mcg_cap;
	struct buffer *b = self->msrs;

	ASSERT_EQ(0, qemu_list(self->m.dev, KVM_GET_MSR_INDEX_LIST, self->list));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.dev, KVM_X86_GET_MCE_CAP_SUPPORTED, &mcg_cap));
	ASSERT_EQ(mcg_ctl_p, mcg_cap & mcg_ctl_p);
	ASSERT_LE(banks, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_MCE));
	mcg_cap = (mcg_cap & ~0xffULL) | banks;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_X86_SETUP_MCE, &mcg_cap));

	qemu_reset_state(b, self->list, banks);
	ASSERT_ALL_DONE(vcpu_set_msrs(&self->m.vcpu, b->entries, b->n), b);
	ASSERT_ALL_DONE(vcpu_get_msrs(&self->m.vcpu, b->entries, b->n), b);

	/* The state of a guest that has run is put back the same way. */
	struct vm_op op = vm_op_wrmsr(MSR_IA32_MTRR_DEF_TYPE, 0xc06);

	ASSERT_OPS(&self->m.vcpu, &op, 1);
	ASSERT_EQ(VM_OP_DONE, op.vector);
	ASSERT_ALL_DONE(vcpu_get_msrs(&self->m.vcpu, b->entries, b->n), b);
	ASSERT_ALL_DONE(vcpu_set_msrs(&self->m.vcpu, b->entries, b->n), b);
}

/*
 * Firecracker saves all that is listed, and restores TSC_DEADLINE in a call of
 * its own after the others, since writing the TSC changes what it means.
 */
TEST_F(vmm, firecracker)
{
	struct buffer *b = self->msrs;
	struct kvm_msr_entry deadline = { .index = 0 };

	ASSERT_EQ(0, qemu_list(self->m.dev, KVM_GET_MSR_INDEX_LIST, self->list));
	for (uint32_t i = 0; i < self->list->nmsrs; i++)
		if (!is_kvms_own(self->list->indices[i]))
			add(b, self->list->indices[i], 0);
	ASSERT_ALL_DONE(in_chunks(vcpu_get_msrs, &self->m.vcpu, b, CALL_MAX), b);
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].index != MSR_IA32_TSC_DEADLINE)
			continue;
		deadline = b->entries[i];
		memmove(&b->entries[i], &b->entries[i + 1],
			(--b->n - i) * sizeof(b->entries[0]));
	}
	ASSERT_EQ(MSR_IA32_TSC_DEADLINE, deadline.index);
	ASSERT_ALL_DONE(in_chunks(vcpu_set_msrs, &self->m.vcpu, b, CALL_MAX), b);
	EXPECT_EQ(1, vcpu_set_msrs(&self->m.vcpu, &deadline, 1));
}

/* Cloud Hypervisor leaves out an entry that is refused, and goes on behind it. */
TEST_F(vmm, cloud_hypervisor)
{
	struct buffer *b = self->msrs;
	uint32_t refused[4], first = 0, n = 0;
	uint64_t value;
	int done;

	add(b, MSR_IA32_STAR, 1);
	add(b, MSR_UNKNOWN, 2);
	add(b, MSR_IA32_CSTAR, 3);
	add(b, MSR_IA32_FMASK, 4);
	add(b, MSR_IA32_LSTAR, NONCANONICAL);
	add(b, MSR_IA32_SYSENTER_CS, 6);
	while (first < b->n) {
		done = vcpu_set_msrs(&self->m.vcpu, &b->entries[first], b->n - first);
		ASSERT_LE(0, done);
		first += done;
		if (first == b->n)
			break;
		ASSERT_GT(ARRAY_SIZE(refused), n);
		refused[n++] = b->entries[first++].index;
	}
	ASSERT_EQ(2, n);
	EXPECT_EQ(MSR_UNKNOWN, refused[0]);
	EXPECT_EQ(MSR_IA32_LSTAR, refused[1]);
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entries[i].index == refused[0] || b->entries[i].index == refused[1])
			continue;
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, b->entries[i].index, &value));
		EXPECT_EQ(b->entries[i].data, value) TH_LOG("MSR %#x", b->entries[i].index);
	}
}

TEST_HARNESS_MAIN
