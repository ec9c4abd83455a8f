// SPDX-License-Identifier: GPL-2.0
/*
 * Several VMs, several vCPUs, several CPUs: everyone's MSRs stay their own,
 * also when a vCPU moves from one CPU to another while it runs.
 */
#include <sched.h>

#include "background.h"
#include "cpus.h"
#include "harness.h"

#define VMS		2
#define VCPUS		2
#define ROUNDS		12

/* Stored in memory, in the VMCS, or in the CPU while the guest runs. */
static const uint32_t indices[] = {
	MSR_IA32_SYSENTER_ESP, MSR_IA32_STAR, MSR_IA32_LSTAR, MSR_IA32_FMASK,
	MSR_IA32_FS_BASE, MSR_IA32_GS_BASE, MSR_IA32_KERNEL_GS_BASE,
	MSR_IA32_TSC_AUX, MSR_IA32_MCG_STATUS,
};

#define MSRS ARRAY_SIZE(indices)

static int nr_cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

FIXTURE(smp) {
	int dev;
	struct vm vms[VMS];
	struct vcpu vcpus[VMS][VCPUS];
};

FIXTURE_SETUP(smp)
{
	self->dev = vm_open_device(test_device());
	ASSERT_LE(0, self->dev);
	for (int v = 0; v < VMS; v++) {
		ASSERT_EQ(0, vm_create(&self->vms[v], self->dev, 2));
		for (int c = 0; c < VCPUS; c++) {
			struct vcpu *vcpu = &self->vcpus[v][c];

			ASSERT_EQ(0, vcpu_create(vcpu, &self->vms[v], c));
			ASSERT_EQ(0, vcpu_set_supported_cpuid(vcpu));
		}
	}
}

FIXTURE_TEARDOWN(smp)
{
	for (int v = 0; v < VMS; v++) {
		for (int c = 0; c < VCPUS; c++)
			vcpu_destroy(&self->vcpus[v][c]);
		vm_destroy(&self->vms[v]);
	}
	close(self->dev);
}

static uint64_t value_of(int owner, int round, size_t msr)
{
	/* IA32_MCG_STATUS has three bits, the others have 31 at least. */
	if (indices[msr] == MSR_IA32_MCG_STATUS)
		return (owner + round) & 7;
	return 0x1000000 * (owner + 1) + 0x1000 * round + msr;
}

struct worker {
	pthread_t thread;
	struct vcpu *vcpu;
	int owner;
	const char *error;
	int round;
	uint32_t index;
};

/*
 * Write them all in the guest, move, read them back in the guest and by the
 * host, and start over.
 */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct vm_op ops[MSRS];

	for (w->round = 0; w->round < ROUNDS; w->round++) {
		stay_on((w->owner + w->round) % nr_cpus());
		for (size_t i = 0; i < MSRS; i++)
			ops[i] = vm_op_wrmsr(indices[i], value_of(w->owner,
								  w->round, i));
		if (vm_run_ops(w->vcpu, ops, MSRS)) {
			w->error = "the guest left while it wrote";
			return NULL;
		}
		stay_on((w->owner + w->round + 1) % nr_cpus());
		for (size_t i = 0; i < MSRS; i++)
			ops[i] = vm_op_rdmsr(indices[i]);
		if (vm_run_ops(w->vcpu, ops, MSRS)) {
			w->error = "the guest left while it read";
			return NULL;
		}
		for (size_t i = 0; i < MSRS; i++) {
			uint64_t expected = value_of(w->owner, w->round, i);
			uint64_t value;

			w->index = indices[i];
			if (ops[i].vector != VM_OP_DONE ||
			    vm_op_value(&ops[i]) != expected) {
				w->error = "the guest reads another value";
				return NULL;
			}
			if (vcpu_get_msr(w->vcpu, indices[i], &value) ||
			    value != expected) {
				w->error = "the host reads another value";
				return NULL;
			}
		}
	}
	return NULL;
}

TEST_F(smp, everyone_has_their_own_msrs)
{
	struct worker workers[VMS * VCPUS];

	if (nr_cpus() < 2)
		SKIP(return, "one CPU only");

	for (int i = 0; i < VMS * VCPUS; i++) {
		workers[i] = (struct worker){
			.vcpu = &self->vcpus[i / VCPUS][i % VCPUS], .owner = i,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (int i = 0; i < VMS * VCPUS; i++) {
		struct worker *w = &workers[i];

		ASSERT_EQ(0, pthread_join(w->thread, NULL));
		EXPECT_EQ(NULL, w->error) {
			TH_LOG("VM %d, vCPU %d, round %d, MSR %#x: %s",
			       i / VCPUS, i % VCPUS, w->round, w->index,
			       w->error);
		}
	}
}

/* The guest's time does not go back when its vCPU changes the CPU. */
TEST_F(smp, tsc_across_cpus)
{
	struct vcpu *vcpu = &self->vcpus[0][0];
	uint64_t last = 0;

	if (nr_cpus() < 2)
		SKIP(return, "one CPU only");

	for (int round = 0; round < ROUNDS; round++) {
		struct vm_op op = vm_op_rdmsr(MSR_IA32_TSC);

		stay_on(round % nr_cpus());
		ASSERT_OPS(vcpu, &op, 1);
		EXPECT_LT(last, vm_op_value(&op)) {
			TH_LOG("round %d", round);
		}
		last = vm_op_value(&op);
	}
}

/*
 * Runs until the word at 0x12000 is set, and looks all the time at what the
 * CPU holds for it: R8 = KERNEL_GS_BASE, R9 = TSC_AUX, R10 = LSTAR, XMM0.
 * Leaves with R15 = 0 when all was right, or at the first that was not.
 */
GUEST_CODE(watch_own_state, 64,
	   "sti\n"
	   "movq %r10, %xmm0\n"
	   "movl $1, %r15d\n"
	   "1: movl $0xc0000102, %ecx\n"
	   "rdmsr\n"
	   "shlq $32, %rdx\n"
	   "orq %rdx, %rax\n"
	   "cmpq %r8, %rax\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "rdtscp\n"
	   "cmpq %r9, %rcx\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "movl $0xc0000082, %ecx\n"
	   "rdmsr\n"
	   "shlq $32, %rdx\n"
	   "orq %rdx, %rax\n"
	   "cmpq %r10, %rax\n"
	   "jne 2f\n"
	   "incl %r15d\n"
	   "movq %xmm0, %rax\n"
	   "cmpq %r10, %rax\n"
	   "jne 2f\n"
	   "movl $1, %r15d\n"
	   "incq %r14\n"
	   "cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "xorl %r15d, %r15d\n"
	   "2: hlt\n");

TEST_F(smp, pushed_from_cpu_to_cpu_while_running)
{
	pthread_t threads[VMS];
	struct kvm_regs regs;

	if (nr_cpus() < 2)
		SKIP(return, "one CPU only");

	for (int v = 0; v < VMS; v++) {
		struct vcpu *vcpu = &self->vcpus[v][0];

		ASSERT_EQ(0, load_guest_code(vcpu, VM_MODE_LONG,
					     watch_own_state));
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs));
		regs.r8 = CANONICAL_HIGH + v;
		regs.r9 = 0x12345670 + v;
		regs.r10 = CANONICAL_LOW - v;
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_EQ(0, vcpu_set_msr(vcpu, MSR_IA32_KERNEL_GS_BASE,
					  regs.r8));
		ASSERT_EQ(0, vcpu_set_msr(vcpu, MSR_IA32_TSC_AUX, regs.r9));
		ASSERT_EQ(0, vcpu_set_msr(vcpu, MSR_IA32_LSTAR, regs.r10));
		ASSERT_EQ(0, pthread_create(&threads[v], NULL, run_vcpu, vcpu));
	}
	/* Both over the same CPUs, one after the other, now and then together. */
	for (int round = 0; round < ROUNDS; round++) {
		for (int v = 0; v < VMS; v++) {
			cpu_set_t set;

			CPU_ZERO(&set);
			CPU_SET((round + v * (round & 2)) % nr_cpus(), &set);
			ASSERT_EQ(0, pthread_setaffinity_np(threads[v],
							    sizeof(set), &set));
		}
		usleep(5000);
	}
	for (int v = 0; v < VMS; v++)
		tell_to_stop(&self->vms[v]);
	for (int v = 0; v < VMS; v++) {
		struct vcpu *vcpu = &self->vcpus[v][0];
		void *ret;

		ASSERT_EQ(0, pthread_join(threads[v], &ret));
		EXPECT_EQ(0, (long)ret);
		ASSERT_EQ(KVM_EXIT_HLT, vcpu->run->exit_reason);
		ASSERT_EQ(0, sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs));
		EXPECT_LT(0, regs.r14) {
			TH_LOG("VM %d: not one round completed", v);
		}
		EXPECT_EQ(0, regs.r15) {
			TH_LOG("VM %d: check %llu, round %llu: RAX %#llx RCX %#llx",
			       v, regs.r15, regs.r14, regs.rax, regs.rcx);
		}
	}
}

TEST_F(smp, vcpu_ids)
{
	int max = sys_ioctl(self->dev, KVM_CHECK_EXTENSION,
			    KVM_CAP_MAX_VCPU_ID);
	int fd;

	if (max <= 0)
		max = sys_ioctl(self->dev, KVM_CHECK_EXTENSION,
				KVM_CAP_MAX_VCPUS);
	EXPECT_EQ(-EEXIST, sys_ioctl(self->vms[0].fd, KVM_CREATE_VCPU, 0));
	EXPECT_EQ(-EEXIST, sys_ioctl(self->vms[0].fd, KVM_CREATE_VCPU, 1));
	EXPECT_EQ(-EINVAL, sys_ioctl(self->vms[0].fd, KVM_CREATE_VCPU, max));
	EXPECT_EQ(-EINVAL, sys_ioctl(self->vms[0].fd, KVM_CREATE_VCPU,
				     UINT32_MAX));
	/* They need not be in a row. */
	fd = sys_ioctl(self->vms[0].fd, KVM_CREATE_VCPU, max - 1);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_HARNESS_MAIN
