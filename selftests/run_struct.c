// SPDX-License-Identifier: GPL-2.0
/*
 * What a client arranges with KVM_RUN: registers that travel in struct kvm_run
 * (KVM_CAP_SYNC_REGS), and which signals end it (KVM_SET_SIGNAL_MASK).
 */
#include <asm/processor-flags.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "guest_code.h"
#include "harness.h"

#define FLAG_GPA	(CODE_GPA + 0x2000)

GUEST_CODE(count, 64,
	   "1: outb %al, $0xe0\n"
	   "incq %rbx\n"
	   "jmp 1b\n");

/* Until the client writes to FLAG_GPA. STI for an emulator, see run.c. */
GUEST_CODE(wait_for_flag, 64,
	   "sti\n"
	   "1: cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "hlt\n"
	   "jmp 1b\n");

FIXTURE(run_struct) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
	uint64_t fields;
};

FIXTURE_SETUP(run_struct)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	self->run = self->vcpu->run;
	self->fields = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, count));
}

FIXTURE_TEARDOWN(run_struct)
{
	machine_destroy(&self->m);
}

TEST_F(run_struct, valid_regs)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	ASSERT_EQ(KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS, self->fields);
	memset(&self->run->s, 0x5a, sizeof(self->run->s));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, self->run->s.regs.regs.rbx);

	/* KVM does not write to padding. */
	memset(&self->run->s, 0, sizeof(self->run->s));
	self->run->kvm_valid_regs = self->fields;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(1, regs.rbx);
	EXPECT_EQ(0, memcmp(&regs, &self->run->s.regs.regs, sizeof(regs)));
	EXPECT_EQ(0, memcmp(&sregs, &self->run->s.regs.sregs, sizeof(sregs)));

	/* One without the others, and on a return without the guest, too. */
	memset(&self->run->s, 0, sizeof(self->run->s));
	self->run->s.regs.regs.rbx = 0x5a5a5a5a5a5a5a5a;
	self->run->kvm_valid_regs = KVM_SYNC_X86_SREGS;
	self->run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, self->run->s.regs.regs.rbx);
	EXPECT_EQ(0, memcmp(&sregs, &self->run->s.regs.sregs, sizeof(sregs)));
}

TEST_F(run_struct, dirty_regs)
{
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	self->run->kvm_valid_regs = self->fields;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);

	self->run->s.regs.regs.rbx = 0x1000;
	self->run->s.regs.sregs.cr2 = 0x1234;
	self->run->kvm_dirty_regs = self->fields;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0, self->run->kvm_dirty_regs);
	EXPECT_EQ(0x1001, self->run->s.regs.regs.rbx);
	EXPECT_EQ(0x1234, self->run->s.regs.sregs.cr2);

	/* What is not dirty is not taken. */
	self->run->s.regs.regs.rbx = 0x2000;
	self->run->s.regs.sregs.cr2 = 0x5678;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0x1002, self->run->s.regs.regs.rbx);
	EXPECT_EQ(0x1234, self->run->s.regs.sregs.cr2);
}

TEST_F(run_struct, fields_that_do_not_exist)
{
	struct kvm_regs regs;

	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &self->run->s.regs.regs));
	self->run->s.regs.regs.rbx = 0x1000;
	for (int bit = 0; bit < 64; bit++) {
		if (self->fields & 1ULL << bit)
			continue;
		self->run->kvm_valid_regs = 1ULL << bit;
		EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu)) {
			TH_LOG("valid, bit %d", bit);
		}
		self->run->kvm_valid_regs = 0;
		self->run->kvm_dirty_regs = 1ULL << bit | KVM_SYNC_X86_REGS;
		EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu)) {
			TH_LOG("dirty, bit %d", bit);
		}
		self->run->kvm_dirty_regs = 0;
	}
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0, regs.rbx);
}

/* The blocking of NMIs goes in and out. */
TEST_F(run_struct, events)
{
	struct kvm_vcpu_events *events = &self->run->s.regs.events, after;

	self->run->kvm_valid_regs = KVM_SYNC_X86_EVENTS;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0, events->nmi.masked);

	events->nmi.masked = 1;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	self->run->kvm_valid_regs = 0;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0, self->run->kvm_dirty_regs);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &after));
	EXPECT_EQ(1, after.nmi.masked);

	/* There is no exception 32. */
	events->nmi.masked = 0;
	events->exception.injected = 1;
	events->exception.nr = 32;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_EVENTS;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_SYNC_X86_EVENTS, self->run->kvm_dirty_regs);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &after));
	EXPECT_EQ(1, after.nmi.masked);
	EXPECT_EQ(0, after.exception.injected);
}

/* Registers that KVM_SET_SREGS refuses: the fields before are taken, theirs stays dirty. */
TEST_F(run_struct, bad_registers)
{
	struct kvm_sregs sregs, after;
	struct kvm_regs regs;

	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &self->run->s.regs.regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	self->run->s.regs.regs.rbx = 0x1000;
	self->run->s.regs.sregs = sregs;
	self->run->s.regs.sregs.cr2 = 0x1234;
	self->run->s.regs.sregs.cr4 &= ~(uint64_t)X86_CR4_PAE;
	self->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_SYNC_X86_SREGS, self->run->kvm_dirty_regs);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0x1000, regs.rbx);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &after));
	EXPECT_EQ(0, memcmp(&sregs, &after, sizeof(after)));

	self->run->kvm_dirty_regs = 0;
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
}

/* The kernel's own sigset has 8 bytes, libc's has 128. */
#define KERNEL_SIGSET	8

static int set_mask(struct vcpu *vcpu, uint32_t len, uint64_t blocked)
{
	uint8_t buf[sizeof(struct kvm_signal_mask) + 16] = { 0 };
	struct kvm_signal_mask *mask = (struct kvm_signal_mask *)buf;

	mask->len = len;
	memcpy(mask->sigset, &blocked, sizeof(blocked));
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_SIGNAL_MASK, mask);
}

static uint64_t bit_of(int number)
{
	return 1ULL << (number - 1);
}

static int block(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	return pthread_sigmask(how, &set, NULL);
}

static bool is_blocked(int number)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, number);
}

/* Fetch a signal that is blocked and pending. */
static int fetch(int number)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	return sigtimedwait(&set, NULL, &now);
}

/*
 * Blocked but during KVM_RUN, which it ends. Its action, which is to kill the
 * process, is not taken: it is for the client to fetch.
 */
TEST_F(run_struct, unblocked_signal_ends_it)
{
	ASSERT_EQ(0, block(SIG_BLOCK, SIGUSR1));
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);

	ASSERT_EQ(0, set_mask(self->vcpu, KERNEL_SIGSET, bit_of(SIGUSR2)));
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(KVM_EXIT_INTR, self->run->exit_reason);
	EXPECT_TRUE(is_blocked(SIGUSR1));
	EXPECT_FALSE(is_blocked(SIGUSR2));
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(SIGUSR1, fetch(SIGUSR1));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);

	/* Without the mask it is as before. */
	ASSERT_EQ(0, raise(SIGUSR1));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, 0));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(SIGUSR1, fetch(SIGUSR1));
}

/* An early return gives the thread its mask back as well. */
TEST_F(run_struct, mask_comes_back_after_an_error)
{
	ASSERT_EQ(0, set_mask(self->vcpu, KERNEL_SIGSET, bit_of(SIGUSR2)));
	self->run->kvm_valid_regs = 1ULL << 63;
	EXPECT_EQ(-EINVAL, vcpu_run(self->vcpu));
	EXPECT_FALSE(is_blocked(SIGUSR2));
}

static volatile uint32_t *flag;
static volatile int handled_before, handled_after;

static void handler(int number)
{
	if (*flag)
		handled_after++;
	else
		handled_before++;
}

static void *signal_then_flag(void *thread)
{
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	usleep(100000);
	*flag = 1;
	return NULL;
}

/* Blocked during KVM_RUN: it waits until the guest leaves for another reason. */
TEST_F(run_struct, blocked_signal_does_not_end_it)
{
	struct sigaction action = { .sa_handler = handler };
	pthread_t self_thread = pthread_self(), thread;

	flag = vm_gpa(&self->m.vm, FLAG_GPA, sizeof(*flag));
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, wait_for_flag));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, set_mask(self->vcpu, KERNEL_SIGSET, bit_of(SIGUSR1)));

	/* The other thread's signal may come before KVM_RUN: then it is handled there. */
	for (int i = 0; i < 5 && !handled_after; i++) {
		*flag = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, signal_then_flag, &self_thread));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		pthread_join(thread, NULL);
	}
	EXPECT_EQ(1, handled_after) {
		TH_LOG("%d signals came before KVM_RUN, or ended it", handled_before);
	}
}

TEST_F(run_struct, bad_masks_change_nothing)
{
	static const uint32_t lens[] = { 0, 4, 7, 9, 16, 128, 0xffffffff };

	ASSERT_EQ(0, block(SIG_BLOCK, SIGUSR1));
	ASSERT_EQ(0, set_mask(self->vcpu, KERNEL_SIGSET, 0));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(-EINVAL, set_mask(self->vcpu, lens[i], bit_of(SIGUSR1))) {
			TH_LOG("length %u", lens[i]);
		}
	}
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_SET_SIGNAL_MASK, -4096UL));
	ASSERT_EQ(0, raise(SIGUSR1));
	EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
	EXPECT_EQ(SIGUSR1, fetch(SIGUSR1));
}

/* SIGKILL cannot be blocked. */
TEST(sigkill_is_never_blocked)
{
	int pipe_fd[2], status;
	struct machine m;
	char ready;
	pid_t child;

	ASSERT_EQ(0, pipe(pipe_fd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (machine_create(&m, 2) ||
		    load_guest_code(&m.vcpu, VM_MODE_LONG, wait_for_flag) ||
		    set_mask(&m.vcpu, KERNEL_SIGSET, ~0ULL) || write(pipe_fd[1], "", 1) != 1)
			_exit(1);
		vcpu_run(&m.vcpu);
		_exit(2);
	}
	ASSERT_EQ(1, read(pipe_fd[0], &ready, 1));
	usleep(100000);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_HARNESS_MAIN
