// SPDX-License-Identifier: GPL-2.0
/*
 * With vmx_window=1: KVM has VMX, by its first VM, while there is a vCPU of minihv's. What needs
 * the VMCS says EBUSY and has changed nothing, and when KVM's VM has gone all goes on.
 */
#include "cpus.h"
#include "lapic.h"
#include "harness.h"

#define SOME_ADDRESS	0xffffffff81234560ULL

FIXTURE(taken) {
	struct machine m;
	struct vcpu *vcpu;
	int kvm;
	int kvm_vm;
	int offline;	/* the CPU that a test has taken, or -1 */
};

FIXTURE_SETUP(taken)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	self->offline = -1;
	self->kvm = open("/dev/kvm", O_RDWR);
	ASSERT_LE(0, self->kvm);
}

FIXTURE_TEARDOWN(taken)
{
	close(self->kvm);
	machine_destroy(&self->m);
	if (self->offline >= 0)
		set_online(self->offline, true);
	stay_anywhere();
}

#define ASSERT_TAKEN()							\
do {									\
	self->kvm_vm = sys_ioctl(self->kvm, KVM_CREATE_VM, 0);		\
	ASSERT_LE(0, self->kvm_vm);					\
} while (0)

static int msrs(struct vcpu *vcpu, unsigned long cmd, struct kvm_msr_entry *entries, int count)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[2];
	} all = { .head.nmsrs = count };
	int ret;

	memcpy(all.entries, entries, count * sizeof(*entries));
	ret = sys_ioctl_ptr(vcpu->fd, cmd, &all);
	memcpy(entries, all.entries, count * sizeof(*entries));
	return ret;
}

/* One that minihv keeps itself, and one that is in the VMCS. */
TEST_F(taken, msrs)
{
	struct kvm_msr_entry entries[] = {
		{ .index = MSR_IA32_LSTAR, .data = SOME_ADDRESS },
		{ .index = MSR_IA32_PAT, .data = 0 },
	};

	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, msrs(self->vcpu, KVM_SET_MSRS, entries, 2));
	EXPECT_EQ(-EBUSY, msrs(self->vcpu, KVM_GET_MSRS, entries, 2));
	entries[0].data = 0;
	EXPECT_EQ(1, msrs(self->vcpu, KVM_GET_MSRS, entries, 1));
	EXPECT_EQ(SOME_ADDRESS, entries[0].data);
	close(self->kvm_vm);

	EXPECT_EQ(2, msrs(self->vcpu, KVM_GET_MSRS, entries, 2));
	EXPECT_EQ(PAT_RESET, entries[1].data);
	entries[1].data = 0;
	EXPECT_EQ(2, msrs(self->vcpu, KVM_SET_MSRS, entries, 2));
}

TEST_F(taken, cpuid)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry;
	} cpuid = { .head.nent = 1, .entry.eax = 1 };

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, &cpuid));
	ASSERT_TAKEN();
	cpuid.entry.eax = 2;
	EXPECT_EQ(-EBUSY, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, &cpuid));
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_CPUID2, &cpuid));
	EXPECT_EQ(1, cpuid.entry.eax);
	close(self->kvm_vm);

	cpuid.entry.eax = 3;
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, &cpuid));
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_CPUID2, &cpuid));
	EXPECT_EQ(3, cpuid.entry.eax);
}

TEST_F(taken, sregs)
{
	struct kvm_sregs before, after;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &before));
	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &after));
	after = before;
	after.apic_base ^= APIC_BASE_ENABLE;
	after.cr2 = 0x1000;
	after.cr3 = 0x1000;
	EXPECT_EQ(-EBUSY, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &after));
	close(self->kvm_vm);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(taken, run)
{
	struct vm_op op = vm_op_cpuid(0, 0);

	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_OPS(self->vcpu, &op, 1);
	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, sys_ioctl(self->vcpu->fd, KVM_RUN, 0));
	close(self->kvm_vm);

	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
}

/* What the client wants to see with each exit takes VMX, too. Without an exit nothing is lost. */
TEST_F(taken, run_with_sync_regs)
{
	struct vm_op op = vm_op_cpuid(0, 0);

	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_OPS(self->vcpu, &op, 1);
	self->vcpu->run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, sys_ioctl(self->vcpu->fd, KVM_RUN, 0));
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-EBUSY, sys_ioctl(self->vcpu->fd, KVM_RUN, 0));
	self->vcpu->run->immediate_exit = 0;
	close(self->kvm_vm);

	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
}

/* INIT and SIPI that could not be taken still are to be. */
TEST_F(taken, init)
{
	static const uint8_t out[] = { 0xe6, PORT_MAIN };
	struct kvm_sregs sregs;
	struct machine m;
	struct vcpu ap;

	ASSERT_EQ(0, lapic_machine_create(&m, 0));
	ASSERT_EQ(0, vcpu_create(&ap, &m.vm, 1));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&ap));
	ASSERT_EQ(0, vm_load_code(&m.vm, CODE_GPA, out, sizeof(out)));
	ASSERT_EQ(1, signal_msi(&m.vm, 1, MODE_INIT));
	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, get_mp_state(&ap));
	EXPECT_EQ(-EBUSY, vcpu_run(&ap));
	close(self->kvm_vm);
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, get_mp_state(&ap));

	ASSERT_EQ(1, signal_msi(&m.vm, 1, MODE_STARTUP | CODE_GPA >> 12));
	ASSERT_TAKEN();
	EXPECT_EQ(-EBUSY, get_mp_state(&ap));
	EXPECT_EQ(-EBUSY, vcpu_run(&ap));
	close(self->kvm_vm);
	ASSERT_OUT(PORT_MAIN, &ap);
	ASSERT_EQ(0, sys_ioctl_ptr(ap.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(CODE_GPA, sregs.cs.base);
	vcpu_destroy(&ap);
	machine_destroy(&m);
}

/* A CPU that goes and comes back meanwhile comes back; suspend does that to all but one. */
TEST_F(taken, cpu_comes)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	int cpu = removable_cpu();

	if (cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_TAKEN();
	ASSERT_EQ(0, set_online(cpu, false));
	self->offline = cpu;
	ASSERT_EQ(0, set_online(cpu, true));
	self->offline = -1;
	ASSERT_EQ(0, stay_on(cpu));
	EXPECT_EQ(-EBUSY, sys_ioctl(self->vcpu->fd, KVM_RUN, 0));
	close(self->kvm_vm);

	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
}

TEST_HARNESS_MAIN
