// SPDX-License-Identifier: GPL-2.0
/*
 * What a process leaves behind: nothing, however it ends.
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "background.h"
#include "harness.h"
#include "users.h"

/* Two VMs, one of them with two vCPUs that run. Tells when they do. */
static void be_busy(int ready)
{
	struct machine a, b;
	struct vcpu second;
	pthread_t threads[2];

	if (machine_create(&a, 2) || machine_create(&b, 2) ||
	    vcpu_create(&second, &a.vm, 1) ||
	    start_counting(&a.vcpu, 0, &threads[0]) || start_counting(&second, 1, &threads[1]))
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(2);
	pthread_join(threads[0], NULL);
	_exit(3);
}

TEST(killed)
{
	int before = module_users();

	ASSERT_LE(0, before);
	for (int round = 0; round < 3; round++) {
		int ready[2], status;
		pid_t pid;
		char byte;

		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			be_busy(ready[1]);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		EXPECT_LT(before, module_users());
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status)) {
			TH_LOG("it ended by itself, status %#x", status);
		}
		EXPECT_EQ(before, users_after_a_while(before)) {
			TH_LOG("the module is still in use");
		}
		close(ready[0]);
		close(ready[1]);
	}
}

/* Any one of the files, or the mapping of one, keeps the module loaded. */
TEST(each_file_holds_the_module)
{
	int before = module_users();
	struct machine m;

	ASSERT_LE(0, before);
	ASSERT_MACHINE(&m, 0);
	EXPECT_LT(before, module_users());

	/* Only the VM. */
	vcpu_destroy(&m.vcpu);
	close(m.dev);
	EXPECT_LT(before, module_users()) {
		TH_LOG("not held by a VM");
	}
	vm_destroy(&m.vm);
	EXPECT_EQ(before, users_after_a_while(before));

	/* Only the vCPU, then only its mapping. */
	ASSERT_MACHINE(&m, 0);
	close(m.dev);
	close(m.vm.fd);
	EXPECT_LT(before, module_users()) {
		TH_LOG("not held by a vCPU");
	}
	close(m.vcpu.fd);
	EXPECT_LT(before, module_users()) {
		TH_LOG("not held by a mapping");
	}
	munmap(m.vcpu.run, m.vcpu.run_size);
	EXPECT_EQ(before, users_after_a_while(before));
}

/* In whatever order the files are closed, and struct kvm_run is unmapped. */
TEST(closed_in_any_order)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 },
	};
	int before = module_users();

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct machine m;
		int fds[3];

		ASSERT_MACHINE(&m, 2);
		fds[0] = m.dev;
		fds[1] = m.vm.fd;
		fds[2] = m.vcpu.fd;
		if (i & 1)
			munmap(m.vcpu.run, m.vcpu.run_size);
		for (int n = 0; n < 3; n++)
			EXPECT_EQ(0, close(fds[orders[i][n]]));
		if (!(i & 1))
			munmap(m.vcpu.run, m.vcpu.run_size);
	}
	EXPECT_EQ(before, users_after_a_while(before));
}

/* A vCPU that runs is not torn down under the thread that runs it. */
TEST(closed_while_running)
{
	int before = module_users();
	pthread_t thread;
	struct machine m;
	void *ret;

	catch_signal(SIGUSR1);
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, start_counting(&m.vcpu, 0, &thread));
	munmap(m.vcpu.run, m.vcpu.run_size);
	close(m.vcpu.fd);
	close(m.vm.fd);
	close(m.dev);
	usleep(20000 * test_patience());
	EXPECT_LT(before, module_users()) {
		TH_LOG("the module is no longer in use, but a guest runs");
	}
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EINTR, (long)ret);
	EXPECT_EQ(before, users_after_a_while(before));
}

/* Nothing of this is inherited by a program that the process starts. */
TEST(closed_on_exec)
{
	int before = module_users(), status, in_child[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe2(in_child, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct machine m;

		if (machine_create(&m, 2) || write(in_child[1], "", 1) != 1)
			_exit(1);
		execlp("sleep", "sleep", "600", NULL);
		_exit(2);
	}
	close(in_child[1]);
	ASSERT_EQ(1, read(in_child[0], &byte, 1));
	/* That this closes says that the other program has begun. */
	ASSERT_EQ(0, read(in_child[0], &byte, 1));
	close(in_child[0]);
	EXPECT_EQ(before, users_after_a_while(before));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

/* Too few file descriptors: an errno, and the VM that there is lives on. */
TEST(out_of_file_descriptors)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	struct rlimit limit, none;
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, sys_ioctl(m.dev, KVM_CREATE_VM, 0));
	EXPECT_EQ(-EMFILE, sys_ioctl(m.vm.fd, KVM_CREATE_VCPU, 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_OPS(&m.vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);

	/* What failed for want of a descriptor can be had now. */
	EXPECT_LE(0, sys_ioctl(m.vm.fd, KVM_CREATE_VCPU, 1));
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
