// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations and user copies that fail in the ioctls about MSRs. The other ones are
 * in fault_ioctls.c.
 */
#include "faults.h"
#include "filter.h"

/* Only for the time that its tests may take. */
FIXTURE(msrs) {
};

FIXTURE_SETUP(msrs)
{
}

FIXTURE_TEARDOWN(msrs)
{
}

/* Two MSRs of a vCPU that has never been asked for any. */
struct first_msrs {
	struct machine m;
	struct two_msrs {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} set;
};

static int msrs_ioctl(struct first_msrs *first, unsigned long cmd, struct two_msrs *msrs)
{
	int ret = sys_ioctl_ptr(first->m.vcpu.fd, cmd, msrs);

	return ret < 0 ? ret : ret == 2 ? 0 : -EPROTO;
}

/* Whether they are @data. */
static int msrs_are(struct first_msrs *first, uint64_t data)
{
	struct two_msrs got = first->set;
	int ret;

	got.entries[0].data = ~data;
	got.entries[1].data = ~data;
	ret = msrs_ioctl(first, KVM_GET_MSRS, &got);
	if (ret)
		return ret;
	return got.entries[0].data == data && got.entries[1].data == data ? 0 : -EPROTO;
}

static int make_machine(void *with)
{
	struct first_msrs *first = with;

	return machine_create(&first->m, 2);
}

static int get_msrs(void *with)
{
	return msrs_are(with, 0);
}

static int set_msrs(void *with)
{
	struct first_msrs *first = with;

	return msrs_ioctl(first, KVM_SET_MSRS, &first->set);
}

static int msrs_got(void *with)
{
	struct first_msrs *first = with;

	machine_destroy(&first->m);
	return 0;
}

static int msrs_are_set(void *with)
{
	struct first_msrs *first = with;

	return msrs_are(first, first->set.entries[0].data) ?: msrs_got(first);
}

/*
 * Faults come to copy_from_user() and copy_to_user(), not to get_user(), put_user() and
 * unsafe_get_user(), with which the entries are read: what can fail is the room for them.
 */
TEST_F_TIMEOUT(msrs, first_access, 600)
{
	static const struct fault_op ops[] = {
		{ "first KVM_GET_MSRS", make_machine, get_msrs, NULL, msrs_got },
		{ "first KVM_SET_MSRS", make_machine, set_msrs, get_msrs, msrs_are_set },
	};
	struct first_msrs first = {
		.set.head.nmsrs = 2,
		.set.entries = {
			{ .index = MSR_IA32_LSTAR, .data = 0x1234567 },
			{ .index = MSR_IA32_KERNEL_GS_BASE, .data = 0x1234567 },
		},
	};

	EXPECT_TAKES_FAULTS(ops, &first);
}

/* Filters: the one that there is denies STAR, the next one allows it. */
static uint8_t deny[0x600 / 8], allow[0x600 / 8];

static int deny_star(void *with)
{
	struct kvm_msr_filter_range range = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, deny);
	struct vcpu *vcpu = with;

	return set_filter(vcpu->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &range, 1);
}

static int allow_star(void *with)
{
	struct kvm_msr_filter_range ranges[KVM_MSR_FILTER_MAX_RANGES];
	struct vcpu *vcpu = with;

	for (int i = 0; i < KVM_MSR_FILTER_MAX_RANGES; i++)
		ranges[i] = range_of(FILTER_BOTH, i ? 0x600 * i : MSR_IA32_STAR, i ? 0x600 : 1,
				     allow);
	return set_filter(vcpu->vm, KVM_MSR_FILTER_DEFAULT_DENY, ranges,
			  KVM_MSR_FILTER_MAX_RANGES);
}

static int star_reads(struct vcpu *vcpu, uint32_t vector)
{
	struct vm_op op = vm_op_rdmsr(MSR_IA32_STAR);
	int ret = vm_run_ops(vcpu, &op, 1);

	return ret ?: op.vector == vector ? 0 : -EPROTO;
}

static int star_is_denied(void *with)
{
	return star_reads(with, VECTOR_GP);
}

static int star_is_allowed(void *with)
{
	return star_reads(with, VM_OP_DONE);
}

TEST_F_TIMEOUT(msrs, filter, 600)
{
	static const struct fault_op ops[] = {
		{ "KVM_X86_SET_MSR_FILTER", deny_star, allow_star, star_is_denied,
		  star_is_allowed },
	};
	struct machine m;

	ASSERT_EQ(0, machine_create(&m, 2));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	memset(allow, 0xff, sizeof(allow));
	EXPECT_TAKES_FAULTS(ops, &m.vcpu);
	machine_destroy(&m);
}

int main(int argc, char **argv)
{
	return faults_main(argc, argv);
}
