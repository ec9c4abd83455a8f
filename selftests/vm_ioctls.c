// SPDX-License-Identifier: GPL-2.0
/*
 * What a client says of a VM as a whole: the bootstrap processor, the highest vCPU
 * id, quirks, exits that it does without, the clock, memory by the newer ioctl, and
 * capabilities of a vCPU.
 */
#include <time.h>

#include "guest_code.h"
#include "harness.h"
#include "kvm_new.h"

#define MISC_ENABLE_MWAIT	(1ull << 18)
#define CPUID_1_ECX_SSE3	(1u << 0)
#define CPUID_1_ECX_MONITOR	(1u << 3)
#define SECOND			1000000000ull

FIXTURE(vm_ioctls) {
	int dev;
	struct vm vm;
};

FIXTURE_SETUP(vm_ioctls)
{
	self->dev = vm_open_device(test_device());
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vm_create(&self->vm, self->dev, 2));
}

FIXTURE_TEARDOWN(vm_ioctls)
{
	vm_destroy(&self->vm);
	close(self->dev);
}

static int enable(int fd, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args[0] = arg };

	return sys_ioctl_ptr(fd, KVM_ENABLE_CAP, &enable);
}

static int has(struct vm *vm, uint32_t cap)
{
	return sys_ioctl(vm->fd, KVM_CHECK_EXTENSION, cap);
}

/* SDM vol. 3, IA32_APIC_BASE: the BSP flag. */
TEST_F(vm_ioctls, boot_cpu_id)
{
	struct vcpu vcpu[2];
	uint64_t base;

	ASSERT_EQ(1, has(&self->vm, KVM_CAP_SET_BOOT_CPU_ID));
	ASSERT_EQ(0, sys_ioctl(self->vm.fd, KVM_SET_BOOT_CPU_ID, 1));
	/* Of what does not fit nobody takes a part, but KVM of 6.1. */
	if (!testing_kvm()) {
		EXPECT_EQ(-EINVAL, sys_ioctl(self->vm.fd, KVM_SET_BOOT_CPU_ID, 1ul << 32));
		EXPECT_EQ(-EINVAL, sys_ioctl(self->vm.fd, KVM_CREATE_VCPU, 1ul << 32));
		EXPECT_EQ(-EINVAL, sys_ioctl(self->vm.fd, KVM_SET_TSC_KHZ, 1ul << 32));
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, vcpu_create(&vcpu[i], &self->vm, i));
		ASSERT_EQ(0, vcpu_get_msr(&vcpu[i], MSR_IA32_APIC_BASE, &base));
		EXPECT_EQ(i == 1 ? APIC_BASE_BSP : 0, base & APIC_BASE_BSP);
	}
	EXPECT_EQ(-EBUSY, sys_ioctl(self->vm.fd, KVM_SET_BOOT_CPU_ID, 0));
	for (int i = 0; i < 2; i++)
		vcpu_destroy(&vcpu[i]);
}

TEST_F(vm_ioctls, max_vcpu_id)
{
	int most = has(&self->vm, KVM_CAP_MAX_VCPU_ID);
	struct vcpu vcpu;

	EXPECT_EQ(-EINVAL, enable(self->vm.fd, KVM_CAP_MAX_VCPU_ID, most + 1));
	if (!testing_kvm())
		EXPECT_EQ(-EINVAL, enable(self->vm.fd, KVM_CAP_MAX_VCPU_ID, 0));
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_MAX_VCPU_ID, 2));
	EXPECT_EQ(0, enable(self->vm.fd, KVM_CAP_MAX_VCPU_ID, 2));
	EXPECT_EQ(-EINVAL, enable(self->vm.fd, KVM_CAP_MAX_VCPU_ID, 3));
	EXPECT_EQ(-EINVAL, sys_ioctl(self->vm.fd, KVM_CREATE_VCPU, 2));
	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 1));
	vcpu_destroy(&vcpu);
}

/* MONITOR and MWAIT in a guest whose CPUID does not have them. */
TEST_F(vm_ioctls, mwait_quirks)
{
	static const uint8_t mwait[] = { 0x0f, 0x01, 0xc9 };
	struct vm_op op;
	struct vcpu vcpu;
	int quirks = has(&self->vm, KVM_CAP_DISABLE_QUIRKS2);

	ASSERT_EQ(KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS | KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT,
		  quirks & (KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS |
			    KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT));
	EXPECT_EQ(-EINVAL, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS2, 1u << 31));
	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&vcpu));
	op = vm_op_insn(mwait, sizeof(mwait));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);

	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS2,
			    KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS));
	op = vm_op_insn(mwait, sizeof(mwait));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector);
	op = vm_op_cpuid(1, 0);
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(0, op.rcx & CPUID_1_ECX_MONITOR);

	/* The MSR switches both, where the quirk does not keep it from that. */
	ASSERT_EQ(0, vcpu_set_msr(&vcpu, MSR_IA32_MISC_ENABLE, MISC_ENABLE_MWAIT));
	op = vm_op_insn(mwait, sizeof(mwait));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector);
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS2, quirks));
	ASSERT_EQ(0, vcpu_set_msr(&vcpu, MSR_IA32_MISC_ENABLE, 0));
	ASSERT_EQ(0, vcpu_set_msr(&vcpu, MSR_IA32_MISC_ENABLE, MISC_ENABLE_MWAIT));
	op = vm_op_insn(mwait, sizeof(mwait));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	op = vm_op_cpuid(1, 0);
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(CPUID_1_ECX_MONITOR, op.rcx & CPUID_1_ECX_MONITOR);
	vcpu_destroy(&vcpu);
}

/* With IF clear the emulated CPU would sleep through the host's interrupts, too. */
GUEST_CODE(halts, 64,
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "hlt\n"
	   "outb %al, $0xe1");

/* A HLT does not exit. */
TEST_F(vm_ioctls, hlt_without_exit)
{
	int can = has(&self->vm, KVM_CAP_X86_DISABLE_EXITS);
	struct kvm_regs regs;
	struct vcpu vcpu;

	ASSERT_EQ(KVM_X86_DISABLE_EXITS_HLT, can & KVM_X86_DISABLE_EXITS_HLT);
	EXPECT_EQ(-EINVAL, enable(self->vm.fd, KVM_CAP_X86_DISABLE_EXITS, 1 << 30));
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	/* KVM of 6.1 takes it and does not do it. */
	EXPECT_EQ(testing_kvm() ? 0 : -EINVAL,
		  enable(self->vm.fd, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&vcpu));
	ASSERT_EQ(0, load_guest_code(&vcpu, VM_MODE_LONG, halts));
	ASSERT_EXIT(KVM_EXIT_IO, &vcpu);
	ASSERT_EQ(0xe0, vcpu.run->io.port);

	/*
	 * On silicon it sleeps until the alarm, and goes on when its registers are
	 * set. The emulated CPU is awake after any interrupt of the host's.
	 */
	alarm(1);
	if (vcpu_run(&vcpu) == -EINTR) {
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu.fd, KVM_GET_REGS, &regs));
		EXPECT_EQ(CODE_GPA + 4, regs.rip);
		if (testing_kvm())
			return;
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu.fd, KVM_SET_REGS, &regs));
		ASSERT_EQ(0, vcpu_run(&vcpu));
	}
	ASSERT_EQ(KVM_EXIT_IO, vcpu.run->exit_reason);
	EXPECT_EQ(0xe1, vcpu.run->io.port);
	vcpu_destroy(&vcpu);
}

static uint64_t realtime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

TEST_F(vm_ioctls, clock)
{
	struct kvm_clock_data data, later;

	ASSERT_LT(0, has(&self->vm, KVM_CAP_ADJUST_CLOCK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_GET_CLOCK, &data));
	EXPECT_GT(60 * SECOND, data.clock) {
		TH_LOG("a new VM's clock begins at 0");
	}
	if (!testing_kvm())
		EXPECT_EQ(KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC, data.flags);
	if (data.flags & KVM_CLOCK_REALTIME) {
		EXPECT_LE(data.realtime, realtime());
		EXPECT_GT(data.realtime + 60 * SECOND, realtime());
	}
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_GET_CLOCK, &later));
	EXPECT_LT(data.clock, later.clock);

	memset(&data, 0, sizeof(data));
	data.clock = 1000000 * SECOND;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_SET_CLOCK, &data));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_GET_CLOCK, &later));
	EXPECT_LE(data.clock, later.clock);
	EXPECT_GT(data.clock + 60 * SECOND, later.clock);

	/* As it was an hour ago. */
	data.flags = KVM_CLOCK_REALTIME;
	data.realtime = realtime() - 3600 * SECOND;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_SET_CLOCK, &data));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_GET_CLOCK, &later));
	EXPECT_LE(data.clock + 3600 * SECOND, later.clock);
	EXPECT_GT(data.clock + 3660 * SECOND, later.clock);

	data.flags = 1u << 31;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vm.fd, KVM_SET_CLOCK, &data));
}

TEST_F(vm_ioctls, memory_region2)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = 1, .guest_phys_addr = 0x10000000, .memory_size = 0x1000,
		.userspace_addr = (uintptr_t)self->vm.mem,
		/* Not looked at without the flag. */
		.guest_memfd = -1u, .pad2[0] = 1,
	};

	if (!has(&self->vm, KVM_CAP_USER_MEMORY2))
		SKIP(return, "KVM has had it since Linux 6.8");
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region));
	region.slot = 2;
	EXPECT_EQ(-EEXIST, sys_ioctl_ptr(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region));
	region.flags = 1 << 2;	/* KVM_MEM_GUEST_MEMFD */
	region.guest_phys_addr = 0x20000000;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region));
	region.slot = 1;
	region.flags = 0;
	region.memory_size = 0;
	EXPECT_EQ(0, sys_ioctl_ptr(self->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region));
}

/* With it a guest has no paravirtual MSR that its CPUID does not name. */
TEST_F(vm_ioctls, enforce_pv_cpuid)
{
	static const uint32_t pv_msrs[] = { 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, };
	struct vcpu vcpu;
	struct vm_op op;

	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	ASSERT_EQ(1, has(&self->vm, KVM_CAP_ENFORCE_PV_FEATURE_CPUID));
	ASSERT_EQ(0, enable(vcpu.fd, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1));
	EXPECT_EQ(-EINVAL, enable(vcpu.fd, 0x7fff, 1));
	/* No CPUID at all. */
	for (unsigned int i = 0; i < ARRAY_SIZE(pv_msrs); i++) {
		op = vm_op_rdmsr(pv_msrs[i]);
		ASSERT_OPS(&vcpu, &op, 1);
		EXPECT_EQ(13, op.vector) {
			TH_LOG("MSR 0x%x", pv_msrs[i]);
		}
	}
	vcpu_destroy(&vcpu);
}

/* The supported CPUID with other features in leaf 1's ECX. */
static int set_cpuid(struct vcpu *vcpu, uint32_t off, uint32_t on)
{
	struct kvm_cpuid2 *cpuid;
	int ret = vm_supported_cpuid(vcpu->vm->dev, &cpuid);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx = (cpuid->entries[i].ecx & ~off) | on;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

/* SSE3 has brought MONITOR: without it there is no bit to switch it. */
TEST_F(vm_ioctls, mwait_bit_needs_sse3)
{
	struct vm_op op = vm_op_wrmsr(MSR_IA32_MISC_ENABLE, MISC_ENABLE_MWAIT);
	struct vcpu vcpu;
	uint64_t before, after;

	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	ASSERT_EQ(0, set_cpuid(&vcpu, CPUID_1_ECX_SSE3, 0));
	ASSERT_EQ(0, vcpu_get_msr(&vcpu, MSR_IA32_MISC_ENABLE, &before));
	op.rax |= before;
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS2,
			    KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT));
	EXPECT_EQ(-EPERM, vcpu_set_msr(&vcpu, MSR_IA32_MISC_ENABLE, before | MISC_ENABLE_MWAIT));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(13, op.vector);
	ASSERT_EQ(0, vcpu_get_msr(&vcpu, MSR_IA32_MISC_ENABLE, &after));
	EXPECT_EQ(before, after);
	/* With the quirk it is a bit like another. */
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS2, 0));
	EXPECT_EQ(0, vcpu_set_msr(&vcpu, MSR_IA32_MISC_ENABLE, before | MISC_ENABLE_MWAIT));
	vcpu_destroy(&vcpu);
}

/* What the guest has seen stays, MONITOR too. */
TEST_F(vm_ioctls, monitor_stays_in_cpuid)
{
	struct vm_op op = vm_op_cpuid(1, 0);
	struct vcpu vcpu;

	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	ASSERT_EQ(0, set_cpuid(&vcpu, 0, CPUID_1_ECX_MONITOR));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(CPUID_1_ECX_MONITOR, op.rcx & CPUID_1_ECX_MONITOR);
	EXPECT_EQ(-EINVAL, set_cpuid(&vcpu, CPUID_1_ECX_MONITOR, 0));
	EXPECT_EQ(0, set_cpuid(&vcpu, 0, CPUID_1_ECX_MONITOR));
	vcpu_destroy(&vcpu);
}

/* The older capability does not look at what it is given: not to do what one never did is easy. */
TEST_F(vm_ioctls, any_quirk_can_be_missing)
{
	static const uint8_t mwait[] = { 0x0f, 0x01, 0xc9 };
	struct vm_op op = vm_op_insn(mwait, sizeof(mwait));
	struct vcpu vcpu;

	ASSERT_EQ(1, has(&self->vm, KVM_CAP_DISABLE_QUIRKS));
	ASSERT_EQ(0, enable(self->vm.fd, KVM_CAP_DISABLE_QUIRKS, ~0u));
	ASSERT_EQ(0, vcpu_create(&vcpu, &self->vm, 0));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&vcpu));
	ASSERT_OPS(&vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector);
	vcpu_destroy(&vcpu);
}

static void woken(int sig)
{
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = woken };

	sigaction(SIGALRM, &action, NULL);
	return test_harness_run(argc, argv);
}
