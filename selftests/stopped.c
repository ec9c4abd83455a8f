// SPDX-License-Identifier: GPL-2.0
/* A client that is stopped, traced, and killed while it is: its guest with it. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "counter.h"
#include "harness.h"
#include "users.h"

/* A client of its own: KVM_RUN again and again, as clients do after a signal. */
FIXTURE(client) {
	volatile uint64_t *counter;
	pid_t pid;
	int users;
};

FIXTURE_SETUP(client)
{
	self->users = module_users();
	self->counter = shared_page();
	ASSERT_NE(MAP_FAILED, self->counter);
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid) {
		struct machine m;
		int ret = make_counter(&m, (void *)self->counter);

		while (!ret || ret == -EINTR)
			ret = vcpu_run(&m.vcpu);
		_exit(1);
	}
	ASSERT_TRUE(goes_on(self->counter)) {
		TH_LOG("the client's guest does not run");
	}
}

FIXTURE_TEARDOWN(client)
{
	int status;

	kill(self->pid, SIGKILL);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status)) {
		TH_LOG("the client ended by itself, status %#x", status);
	}
	EXPECT_EQ(self->users, users_after_a_while(self->users));
	EXPECT_TRUE(stands_still(self->counter));
	munmap((void *)self->counter, PAGE);
}

TEST_F(client, stopped_and_continued)
{
	for (int round = 0; round < 3; round++) {
		int status;

		ASSERT_EQ(0, kill(self->pid, SIGSTOP));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		EXPECT_TRUE(stands_still(self->counter)) {
			TH_LOG("the guest of a client that is stopped runs");
		}
		ASSERT_EQ(0, kill(self->pid, SIGCONT));
		EXPECT_TRUE(goes_on(self->counter));
	}
}

TEST_F(client, killed_while_it_is_stopped)
{
	int status;

	ASSERT_EQ(0, kill(self->pid, SIGSTOP));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
}

TEST_F(client, traced)
{
	for (int round = 0; round < 3; round++) {
		struct user_regs_struct regs;
		int status;

		ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, NULL));
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		EXPECT_TRUE(stands_still(self->counter));
		EXPECT_EQ(0, ptrace(PTRACE_GETREGS, self->pid, NULL, &regs));
		EXPECT_EQ(SYS_ioctl, regs.orig_rax);
		EXPECT_EQ(KVM_RUN, regs.rsi);
		EXPECT_EQ(-EINTR, (int)regs.rax);
		ASSERT_EQ(0, ptrace(PTRACE_DETACH, self->pid, NULL, NULL));
		EXPECT_TRUE(goes_on(self->counter));
	}
}

/* Each system call of the client stops twice. */
TEST_F(client, traced_by_system_calls)
{
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL,
			    PTRACE_O_TRACESYSGOOD));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	for (int round = 0; round < 3; round++) {
		/* Into KVM_RUN, and out of it again. */
		ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->pid, NULL, NULL));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		ASSERT_EQ(SIGTRAP | 0x80, WSTOPSIG(status));
		EXPECT_TRUE(stands_still(self->counter));
		ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, self->pid, NULL, NULL));
		EXPECT_TRUE(goes_on(self->counter));
		ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
		ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
		ASSERT_EQ(SIGTRAP | 0x80, WSTOPSIG(status));
	}
}

TEST_F(client, killed_while_it_is_traced)
{
	int status;

	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, self->pid, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, self->pid, NULL, NULL));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
}

TEST_HARNESS_MAIN
