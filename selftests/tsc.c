// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's time stamp counter: RDTSC and IA32_TIME_STAMP_COUNTER agree, go
 * on from what is written, and never back.
 */
#include <unistd.h>
#include <x86intrin.h>

#include "harness.h"
#include "test.h"

#define SAMPLES	64

FIXTURE(tsc) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(tsc)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(tsc)
{
	machine_destroy(&self->m);
}

static struct vm_op op_rdtsc(void)
{
	static const uint8_t rdtsc[] = { 0x0f, 0x31 };

	return vm_op_insn(rdtsc, sizeof(rdtsc));
}

TEST_F(tsc, never_goes_back)
{
	struct vm_op ops[SAMPLES];
	uint64_t last = 0;

	for (int i = 0; i < SAMPLES; i++)
		ops[i] = i & 1 ? op_rdtsc() : vm_op_rdmsr(MSR_IA32_TSC);
	/* Twice, with a way out to user space in between. */
	for (int round = 0; round < 2; round++) {
		ASSERT_OPS(self->vcpu, ops, SAMPLES);
		for (int i = 0; i < SAMPLES; i++) {
			uint64_t now = vm_op_value(&ops[i]);

			EXPECT_EQ(VM_OP_DONE, ops[i].vector);
			EXPECT_LT(last, now) {
				TH_LOG("%s, sample %d",
				       i & 1 ? "RDTSC" : "RDMSR", i);
			}
			last = now;
		}
	}
}

/* The guest's counter runs with the host's: no faster, and it is not ahead. */
TEST_F(tsc, goes_on_from_what_the_host_wrote)
{
	const uint64_t start = 1ULL << 52;
	struct vm_op op = op_rdtsc();
	uint64_t before, after, value;

	before = __rdtsc();
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_TSC, start));
	ASSERT_OPS(self->vcpu, &op, 1);
	after = __rdtsc();
	EXPECT_LT(start, vm_op_value(&op));
	EXPECT_LE(vm_op_value(&op) - start, after - before);

	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC, &value));
	EXPECT_LT(vm_op_value(&op), value);
}

TEST_F(tsc, goes_on_from_what_the_guest_wrote)
{
	static const uint64_t starts[] = { 0, 1ULL << 40, 1ULL << 63 };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		struct vm_op ops[] = {
			vm_op_wrmsr(MSR_IA32_TSC, starts[i]),
			op_rdtsc(),
			vm_op_rdmsr(MSR_IA32_TSC),
		};
		uint64_t before, after, value;

		before = __rdtsc();
		ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
		ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC, &value));
		after = __rdtsc();
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		EXPECT_LT(starts[i], vm_op_value(&ops[1]));
		EXPECT_LT(vm_op_value(&ops[1]), vm_op_value(&ops[2]));
		EXPECT_LT(vm_op_value(&ops[2]), value);
		EXPECT_LE(value - starts[i], after - before);
	}
}

/* A guest's write is its own: the host's counter and other vCPUs go on. */
TEST_F(tsc, other_vcpus_are_left_alone)
{
	struct vm_op op = vm_op_wrmsr(MSR_IA32_TSC, 1ULL << 60);
	struct vcpu other;
	uint64_t before, after, host;

	ASSERT_EQ(0, vcpu_create(&other, &self->m.vm, 1));
	ASSERT_EQ(0, vcpu_get_msr(&other, MSR_IA32_TSC, &before));
	host = __rdtsc();
	ASSERT_OPS(self->vcpu, &op, 1);
	ASSERT_EQ(VM_OP_DONE, op.vector);
	ASSERT_EQ(0, vcpu_get_msr(&other, MSR_IA32_TSC, &after));
	EXPECT_LT(before, after);
	EXPECT_GT(1ULL << 59, after);
	EXPECT_GT(1ULL << 59, __rdtsc() - host);
	vcpu_destroy(&other);
}

static int offset_attr(struct vcpu *vcpu, unsigned long cmd, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return sys_ioctl_ptr(vcpu->fd, cmd, &attr);
}

/* Written to one vCPU after the other, as VMMs do: to the guest it is one TSC. */
TEST_F(tsc, same_value_for_all_is_one_offset)
{
	uint64_t first, second;
	struct vcpu other;
	int khz;

	ASSERT_EQ(0, vcpu_create(&other, &self->m.vm, 1));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_TSC, 1ULL << 50));
	ASSERT_EQ(0, vcpu_set_msr(&other, MSR_IA32_TSC, 1ULL << 50));
	ASSERT_EQ(0, offset_attr(self->vcpu, KVM_GET_DEVICE_ATTR, &first));
	ASSERT_EQ(0, offset_attr(&other, KVM_GET_DEVICE_ATTR, &second));
	EXPECT_EQ(first, second);

	/* The client may take longer for all of them: what counts is what it wrote last. */
	khz = sys_ioctl(other.fd, KVM_GET_TSC_KHZ, 0);
	ASSERT_LT(0, khz);
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, vcpu_set_msr(&other, MSR_IA32_TSC, (1ULL << 50) - 600ULL * khz * i));
		ASSERT_EQ(0, offset_attr(&other, KVM_GET_DEVICE_ATTR, &second));
		EXPECT_EQ(first, second);
	}

	/* Another time altogether is another offset. */
	ASSERT_EQ(0, vcpu_set_msr(&other, MSR_IA32_TSC, 1ULL << 60));
	ASSERT_EQ(0, offset_attr(&other, KVM_GET_DEVICE_ATTR, &second));
	EXPECT_LT(first, second);
	vcpu_destroy(&other);
}

TEST_F(tsc, offset_is_an_attribute)
{
	struct kvm_device_attr unknown = { .group = KVM_VCPU_TSC_CTRL, .attr = 99 };
	uint64_t offset = 1ULL << 50, before, after;
	struct vm_op op = op_rdtsc();

	EXPECT_EQ(0, offset_attr(self->vcpu, KVM_HAS_DEVICE_ATTR, NULL));
	EXPECT_EQ(-ENXIO, sys_ioctl_ptr(self->vcpu->fd, KVM_HAS_DEVICE_ATTR, &unknown));
	EXPECT_EQ(-ENXIO, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEVICE_ATTR, &unknown));
	EXPECT_EQ(-EFAULT, offset_attr(self->vcpu, KVM_GET_DEVICE_ATTR, NULL));

	before = __rdtsc();
	ASSERT_EQ(0, offset_attr(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
	ASSERT_OPS(self->vcpu, &op, 1);
	after = __rdtsc();
	ASSERT_EQ(VM_OP_DONE, op.vector);
	EXPECT_LE(before + offset, vm_op_value(&op));
	EXPECT_LE(vm_op_value(&op), after + offset);
}

/* KVM_SET_TSC_KHZ: half the frequency, where the CPU scales. */
TEST_F(tsc, frequency)
{
	struct vm_op ops[2];
	uint64_t host, within, guest;
	int khz = sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0);

	ASSERT_LT(0, khz);
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, khz));
	if (!sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL)) {
		ASSERT_EQ(-EINVAL, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, khz / 2));
		SKIP(return, "the CPU has no TSC scaling");
	}
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, khz / 2));
	EXPECT_EQ(khz / 2, sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0));

	ops[0] = op_rdtsc();
	ops[1] = op_rdtsc();
	host = __rdtsc();
	ASSERT_OPS(self->vcpu, &ops[0], 1);
	within = __rdtsc();
	usleep(1000);
	within = __rdtsc() - within;
	ASSERT_OPS(self->vcpu, &ops[1], 1);
	host = __rdtsc() - host;
	guest = vm_op_value(&ops[1]) - vm_op_value(&ops[0]);
	EXPECT_LE(within / 2, guest + 1);
	EXPECT_LE(guest, host / 2 + 1);

	/* KVM_GET_TSC_KHZ could not tell. */
	EXPECT_EQ(-EINVAL, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, 0xfffffff0));
}

/* vCPUs that get it one after the other have one TSC then, as they had before. */
TEST_F(tsc, frequency_leaves_the_offset)
{
	int khz = sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0);
	uint64_t first, second, offset = 1ULL << 50;
	struct vcpu other;

	if (!sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL))
		SKIP(return, "the CPU has no TSC scaling");
	ASSERT_EQ(0, vcpu_create(&other, &self->m.vm, 1));
	ASSERT_EQ(0, offset_attr(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
	ASSERT_EQ(0, offset_attr(&other, KVM_SET_DEVICE_ATTR, &offset));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, khz / 2));
	usleep(1000);
	ASSERT_EQ(0, sys_ioctl(other.fd, KVM_SET_TSC_KHZ, khz / 2));
	ASSERT_EQ(0, offset_attr(self->vcpu, KVM_GET_DEVICE_ATTR, &first));
	ASSERT_EQ(0, offset_attr(&other, KVM_GET_DEVICE_ATTR, &second));
	EXPECT_EQ(offset, first);
	EXPECT_EQ(offset, second);
	vcpu_destroy(&other);
}

/* SDM vol. 3, "IA32_TSC_ADJUST MSR": what is added to it is added to the counter. */
TEST_F(tsc, adjust_moves_the_counter)
{
	const uint64_t adjust = 1ULL << 40;
	struct vm_op ops[] = {
		op_rdtsc(), vm_op_wrmsr(MSR_IA32_TSC_ADJUST, adjust), op_rdtsc(),
		vm_op_rdmsr(MSR_IA32_TSC_ADJUST), vm_op_wrmsr(MSR_IA32_TSC_ADJUST, 0), op_rdtsc(),
	};
	uint64_t host = __rdtsc(), moved;

	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	host = __rdtsc() - host;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		ASSERT_EQ(VM_OP_DONE, ops[i].vector) {
			TH_LOG("op %zu", i);
		}
	}
	moved = vm_op_value(&ops[2]) - vm_op_value(&ops[0]);
	EXPECT_LT(adjust, moved);
	EXPECT_GE(adjust + host, moved);
	EXPECT_EQ(adjust, vm_op_value(&ops[3]));
	EXPECT_GE(host, vm_op_value(&ops[5]) - vm_op_value(&ops[0]));
}

/* As with a value: who is plugged in later has the TSC of those that are there. */
TEST_F(tsc, offset_is_for_later_vcpus_too)
{
	uint64_t offset = 1ULL << 50, other_offset;
	struct vcpu other;

	ASSERT_EQ(0, offset_attr(self->vcpu, KVM_SET_DEVICE_ATTR, &offset));
	ASSERT_EQ(0, vcpu_create(&other, &self->m.vm, 1));
	ASSERT_EQ(0, offset_attr(&other, KVM_GET_DEVICE_ATTR, &other_offset));
	EXPECT_EQ(offset, other_offset);
	vcpu_destroy(&other);
}

TEST_HARNESS_MAIN
