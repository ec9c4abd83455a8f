// SPDX-License-Identifier: GPL-2.0
/*
 * The process that a VM belongs to, when other processes have its files, by fork or
 * by message; and what it may not do: lock memory.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "counter.h"
#include "harness.h"
#include "users.h"

struct files {
	int fds[3];	/* device, VM, vCPU */
};

static int send_files(int socket, const struct machine *m)
{
	const struct files files = { { m->dev, m->vm.fd, m->vcpu.fd } };
	char control[CMSG_SPACE(sizeof(files))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(files));
	memcpy(CMSG_DATA(cmsg), &files, sizeof(files));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_files(int socket, struct files *files)
{
	char control[CMSG_SPACE(sizeof(*files))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EIO;
	memcpy(files, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(*files));
	return 0;
}

/* The ioctls that need the process are refused; all else works. 0 or the check that failed. */
static int use_files(const struct files *files)
{
	const size_t size = sysconf(_SC_PAGESIZE);
	struct vm vm = { .fd = files->fds[1] };
	struct kvm_run *run;
	struct kvm_regs regs;
	int own, vcpu, ret = 0;
	void *page;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 1;
	if (sys_ioctl(files->fds[2], KVM_RUN, 0) != -EIO)
		ret = 2;
	else if (sys_ioctl_ptr(files->fds[2], KVM_GET_REGS, &regs) != -EIO)
		ret = 3;
	else if (sys_ioctl(files->fds[1], KVM_CREATE_VCPU, 1) != -EIO)
		ret = 4;
	else if (set_slot(&vm, 2, 0, 2 * GPA, PAGE, page) != -EIO)
		ret = 5;
	munmap(page, PAGE);
	if (ret)
		return ret;

	/* What is shared with the client can be shared with others. */
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   files->fds[2], 0);
	if (run == MAP_FAILED)
		return 6;
	ret = run->exit_reason == KVM_EXIT_HLT ? 0 : 7;
	munmap(run, size);

	/* The device is nobody's: who makes a VM has it. */
	own = sys_ioctl(files->fds[0], KVM_CREATE_VM, 0);
	if (own < 0)
		return 8;
	vcpu = sys_ioctl(own, KVM_CREATE_VCPU, 0);
	close(vcpu);
	close(own);
	return vcpu < 0 ? 9 : ret;
}

GUEST_CODE(halt, 64, "hlt\n");

/* From a process that was there before the VM, so that nothing is inherited. */
TEST(files_passed_to_another_process)
{
	int before = module_users(), sockets[2], status, report;
	struct machine m;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct files files;

		close(sockets[0]);
		report = receive_files(sockets[1], &files) ?: use_files(&files);
		if (write(sockets[1], &report, sizeof(report)) < 0)
			_exit(1);
		/* Until the owner's have been closed. */
		if (read(sockets[1], &report, sizeof(report)) < 0)
			_exit(1);
		for (int i = 0; i < 3; i++)
			if (close(files.fds[i]))
				_exit(1);
		_exit(0);
	}
	close(sockets[1]);
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, halt));
	ASSERT_EXIT(KVM_EXIT_HLT, &m.vcpu);
	ASSERT_EQ(0, send_files(sockets[0], &m));
	ASSERT_EQ(sizeof(report), read(sockets[0], &report, sizeof(report)));
	EXPECT_EQ(0, report) {
		TH_LOG("check %d of the other process failed", report);
	}
	/* The owner's go on as before. */
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, halt));
	ASSERT_EXIT(KVM_EXIT_HLT, &m.vcpu);

	machine_destroy(&m);
	EXPECT_LT(before, module_users()) {
		TH_LOG("not held by the other process's files");
	}
	ASSERT_EQ(sizeof(report), write(sockets[0], &report, sizeof(report)));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(before, users_after_a_while(before));
	close(sockets[0]);
}

/* The owner dies, and with it the memory, while another process has the files. */
TEST(files_outlive_their_owner)
{
	int before = module_users(), sockets[2], status;
	struct files files;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct machine m;

		if (machine_create(&m, 2) ||
		    load_guest_code(&m.vcpu, VM_MODE_LONG, halt) ||
		    vcpu_run(&m.vcpu) || send_files(sockets[1], &m))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(0, receive_files(sockets[0], &files));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, use_files(&files));
	EXPECT_LT(before, module_users());
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, close(files.fds[i]));
	EXPECT_EQ(before, users_after_a_while(before));
	close(sockets[0]);
	close(sockets[1]);
}

/*
 * A process whose guest runs forks: parent and child have the files, only the
 * parent may use them, and its guest goes on while the child comes and goes.
 */
TEST(forks_while_a_guest_runs)
{
	int before = module_users(), status;
	volatile uint64_t *counter = shared_page();
	pthread_t thread;
	struct machine m;
	void *ret;

	ASSERT_NE(MAP_FAILED, counter);
	catch_signal(SIGUSR1);
	ASSERT_EQ(0, make_counter(&m, (void *)counter));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_vcpu, &m.vcpu));
	ASSERT_TRUE(goes_on(counter));
	for (int round = 0; round < 4; round++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			/* Does not wait for the parent's KVM_RUN either. */
			if (sys_ioctl(m.vcpu.fd, KVM_RUN, 0) != -EIO)
				_exit(1);
			if (round & 1)
				machine_destroy(&m);
			_exit(goes_on(counter) ? 0 : 2);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_TRUE(goes_on(counter));
	}
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EINTR, (long)ret);
	machine_destroy(&m);
	EXPECT_EQ(before, users_after_a_while(before));
	munmap((void *)counter, PAGE);
}

static long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name));
	fclose(file);
	return kib;
}

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

#define PAGES		64

/* Writes to each page from GPA on. */
GUEST_CODE(touch, 64,
	   "movl $0x10000000, %esi\n"
	   "movl $64, %ecx\n"
	   "1: movl %ecx, (%rsi)\n"
	   "addl $0x1000, %esi\n"
	   "loop 1b\n"
	   "hlt\n");

/* Guest memory is not locked: a process that may not lock any has its guest. */
TEST(no_memory_is_locked)
{
	const struct rlimit none = { 0, 0 };
	struct machine m;
	uint32_t *mem;

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &none));
	ASSERT_EQ(0, drop_ipc_lock());
	mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	/* The limit holds. */
	ASSERT_NE(0, mlock(mem, PAGE));

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, set_slot(&m.vm, 1, 0, GPA, PAGES * PAGE, mem));
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, touch));
	ASSERT_EXIT(KVM_EXIT_HLT, &m.vcpu);
	EXPECT_EQ(PAGES, mem[0]);
	EXPECT_EQ(1, mem[(PAGES - 1) * PAGE / 4]);
	EXPECT_EQ(0, status_kib("VmLck:"));
	EXPECT_EQ(0, status_kib("VmPin:"));
	machine_destroy(&m);
	munmap(mem, PAGES * PAGE);
}

TEST_HARNESS_MAIN
