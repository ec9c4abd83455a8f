// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_RUN: how it is ended, who may call it, and what it is called on.
 */
#include <sys/mman.h>
#include <sys/time.h>

#include "background.h"
#include "harness.h"

FIXTURE(run) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(run)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(run)
{
	machine_destroy(&self->m);
}

GUEST_CODE(two_halts, 64,
	   "incq %rbx\n"
	   "hlt\n"
	   "incq %rbx\n"
	   "hlt");

static uint64_t guest_rbx(const struct vcpu *vcpu)
{
	struct kvm_regs regs = { .rbx = ~0ULL };

	sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
	return regs.rbx;
}

TEST_F(run, hlt_and_on)
{
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(1, guest_rbx(self->vcpu));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(2, regs.rbx);
	EXPECT_EQ(CODE_GPA + (two_halts_end - two_halts), regs.rip);
}

TEST_F(run, argument_is_einval)
{
	EXPECT_EQ(-EINVAL, sys_ioctl(self->vcpu->fd, KVM_RUN, 1));
}

/* A task priority has four bits. */
TEST_F(run, invalid_cr8_is_einval)
{
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	self->vcpu->run->cr8 = 16;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	self->vcpu->run->cr8 = 0;
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

TEST_F(run, immediate_exit)
{
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	self->vcpu->run->exit_reason = 0x5555;
	self->vcpu->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(0, guest_rbx(self->vcpu)) {
		TH_LOG("the guest has run");
	}
	EXPECT_EQ(0x5555, self->vcpu->run->exit_reason) {
		TH_LOG("there was no exit, but exit_reason has changed");
	}
	self->vcpu->run->immediate_exit = 0;
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(1, guest_rbx(self->vcpu));
}

TEST_F(run, signal_is_eintr)
{
	const struct itimerval soon = { .it_value.tv_usec = 100000 };
	volatile uint64_t *count = count_of(&self->m.vm, 0);

	catch_signal(SIGALRM);
	ASSERT_EQ(0, load_counting(self->vcpu, 0, count_until_told));
	for (int i = 0; i < 3; i++) {
		uint64_t before = *count;

		ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
		EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
		EXPECT_EQ(KVM_EXIT_INTR, self->vcpu->run->exit_reason);
		EXPECT_LT(before, *count) {
			TH_LOG("the guest has not gone on, run %d", i);
		}
	}
}

/* Waits in the kernel until the vCPU is free. */
static void *get_regs_in_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	struct kvm_regs regs;

	return (void *)(long)sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
}

TEST_F(run, others_wait_for_a_running_vcpu)
{
	pthread_t runner, waiter;
	struct timespec deadline;
	void *ret;

	catch_signal(SIGUSR1);
	ASSERT_EQ(0, start_counting(self->vcpu, 0, &runner));
	ASSERT_EQ(0, pthread_create(&waiter, NULL, get_regs_in_thread, self->vcpu));

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_nsec += 100000000;
	deadline.tv_sec += deadline.tv_nsec / 1000000000;
	deadline.tv_nsec %= 1000000000;
	EXPECT_EQ(ETIMEDOUT, pthread_timedjoin_np(waiter, &ret, &deadline)) {
		TH_LOG("KVM_GET_REGS of a vCPU that is running returned");
	}

	ASSERT_EQ(0, pthread_kill(runner, SIGUSR1));
	ASSERT_EQ(0, pthread_join(runner, &ret));
	EXPECT_EQ(-EINTR, (long)ret);
	ASSERT_EQ(0, pthread_join(waiter, &ret));
	EXPECT_EQ(0, (long)ret);
}

/* A process that runs one vCPU and waits for it can be killed at once. */
TEST_F(run, killed_while_running_and_waiting)
{
	int status, from_child[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(from_child));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct machine m;
		pthread_t thread;

		if (machine_create(&m, 2) || start_counting(&m.vcpu, 0, &thread) ||
		    write(from_child[1], "", 1) != 1)
			_exit(1);
		get_regs_in_thread(&m.vcpu);
		_exit(2);
	}
	close(from_child[1]);
	ASSERT_EQ(1, read(from_child[0], &byte, 1));
	close(from_child[0]);
	/* Now it waits, most likely. */
	usleep(50000 * test_patience());
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status)) {
		TH_LOG("the process ended by itself, status %#x", status);
	}
}

static void *run_to_hlt(void *arg)
{
	struct vcpu *vcpu = arg;

	if (vcpu_run(vcpu) || vcpu->run->exit_reason != KVM_EXIT_HLT)
		return (void *)-1L;
	return NULL;
}

TEST_F(run, one_thread_after_the_other)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_hlt, self->vcpu));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(2, guest_rbx(self->vcpu));
}

/* Guest memory is that of the process that made the VM, and of no other. */
TEST_F(run, another_process_is_eio)
{
	struct kvm_regs regs;
	int status;
	pid_t pid;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (sys_ioctl(self->vcpu->fd, KVM_RUN, 0) != -EIO)
			_exit(1);
		if (sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs) != -EIO)
			_exit(2);
		if (sys_ioctl(self->m.vm.fd, KVM_CREATE_VCPU, 1) != -EIO)
			_exit(3);
		if (sys_ioctl(self->m.dev, KVM_GET_API_VERSION, 0) != 12)
			_exit(4);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("check %d of the other process failed",
		       WEXITSTATUS(status));
	}
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

TEST_F(run, vcpu_keeps_its_vm_alive)
{
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	close(self->m.vm.fd);
	self->m.vm.fd = -1;
	close(self->m.dev);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(1, guest_rbx(self->vcpu));
}

TEST_F(run, run_page_outlives_the_fd)
{
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, two_halts));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	close(self->vcpu->fd);
	self->vcpu->fd = -1;
	EXPECT_EQ(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
}

TEST_SIGNAL(nothing_behind_the_mmap_size, SIGBUS)
{
	struct machine m;
	uint8_t *run;

	ASSERT_MACHINE(&m, 0);
	run = mmap(NULL, m.vcpu.run_size + getpagesize(), PROT_READ,
		   MAP_SHARED, m.vcpu.fd, 0);
	/* Refusing to map it is as good. */
	if (run == MAP_FAILED)
		raise(SIGBUS);
	EXPECT_EQ(0, *(volatile uint8_t *)(run + m.vcpu.run_size));
}

/* In its reset state, with not a page of memory to fetch from. */
TEST(fresh_vcpu)
{
	struct machine m;

	ASSERT_MACHINE(&m, 0);
	if (testing_kvm()) {
		/* Its page tables are limited by the size of the memory. */
		EXPECT_EQ(-ENOSPC, vcpu_run(&m.vcpu));
	} else {
		EXPECT_EQ(0, vcpu_run(&m.vcpu));
		EXPECT_EQ(KVM_EXIT_INTERNAL_ERROR, m.vcpu.run->exit_reason);
	}
	machine_destroy(&m);
}

/* Code where there is no memory cannot be run, and the client is told so. */
TEST_F(run, code_outside_of_memory)
{
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, 0x3000000, 0));
	ASSERT_EQ(0, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_EXIT_INTERNAL_ERROR, self->vcpu->run->exit_reason);
}

TEST_HARNESS_MAIN
