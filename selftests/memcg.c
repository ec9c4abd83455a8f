// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's memory is charged to the memory cgroup of the process that it belongs to,
 * all of it, and whoever runs out of memory dies alone and leaves nothing behind.
 *
 * Changes the cgroups of the machine and kills for want of memory, therefore not
 * among the tests that run by default.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "background.h"
#include "harness.h"
#include "users.h"

#define PAGE		4096ULL
#define MIB		1048576ULL
#define GPA		0x10000000ULL
#define MOUNT		"/tmp/minihv-cgroup"

static int write_text(const char *dir, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return write_file(path, text);
}

static int write_number(const char *dir, const char *file, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return write_text(dir, file, text);
}

/* The number behind @key in a file of lines, or the number that the file is. */
static long long read_number(const char *dir, const char *file, const char *key)
{
	char path[256], name[64];
	long long number = -1, n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!key && fscanf(f, "%lld", &number) != 1)
		number = -1;
	while (key && fscanf(f, "%63s %lld", name, &n) == 2)
		if (!strcmp(name, key))
			number = n;
	fclose(f);
	return number;
}

/* Where the cgroups are; mounted here if nobody has. */
static int find_cgroups(char *root, size_t size)
{
	char line[512], where[256];
	FILE *mounts = fopen("/proc/mounts", "r");

	if (!mounts)
		return -errno;
	while (fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "cgroup2 %255s cgroup2", where) == 1 ||
		    sscanf(line, "none %255s cgroup2", where) == 1) {
			if (!strstr(line, " cgroup2 "))
				continue;
			snprintf(root, size, "%s", where);
			fclose(mounts);
			return 0;
		}
	}
	fclose(mounts);
	mkdir(MOUNT, 0700);
	if (mount("cgroup2", MOUNT, "cgroup2", 0, NULL))
		return -errno;
	snprintf(root, size, MOUNT);
	return 0;
}

FIXTURE(memcg) {
	char dir[300];
	int users;
	int wake[2];		/* parent to child */
	int done[2];		/* child to parent */
};

FIXTURE_SETUP(memcg)
{
	char root[256];

	self->users = module_users();
	/* Of version 2, with memory. (After a SKIP here the harness would run the test.) */
	ASSERT_EQ(0, find_cgroups(root, sizeof(root)));
	ASSERT_EQ(0, write_text(root, "cgroup.subtree_control", "+memory"));
	snprintf(self->dir, sizeof(self->dir), "%s/minihv-test", root);
	ASSERT_TRUE(!mkdir(self->dir, 0700) || errno == EEXIST);
	ASSERT_EQ(0, pipe(self->wake));
	ASSERT_EQ(0, pipe(self->done));
	ASSERT_EQ(0, write_text(self->dir, "memory.max", "max"));
	write_text(self->dir, "memory.swap.max", "0");
}

FIXTURE_TEARDOWN(memcg)
{
	EXPECT_EQ(self->users, users_after_a_while(self->users));
	for (int i = 0; i < 100 && rmdir(self->dir) && errno == EBUSY; i++)
		usleep(10000);
	for (int i = 0; i < 2; i++) {
		close(self->wake[i]);
		close(self->done[i]);
	}
}

/* In the child: tell the parent, and wait for it. */
static void rendezvous(int done, int wake)
{
	char byte = 0;

	if (write(done, &byte, 1) != 1 || read(wake, &byte, 1) != 1)
		_exit(100);
}

/* A page, once in each 2 MiB: one EPT table for each. RCX times. */
GUEST_CODE(touch_sparse, 64,
	   "1: movl %ecx, (%rsi)\n"
	   "addq $0x200000, %rsi\n"
	   "loop 1b\n"
	   "hlt\n");

/* Each page, one after the other. */
GUEST_CODE(touch_dense, 64,
	   "1: movl %ecx, (%rsi)\n"
	   "addq $0x1000, %rsi\n"
	   "loop 1b\n"
	   "hlt\n");

static void *reserve(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem != MAP_FAILED)
		madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

/* A guest that is to touch @times pages of @size bytes at GPA. */
static int make_toucher(struct machine *m, const uint8_t *code, size_t len,
			uint64_t size, uint64_t times)
{
	void *mem = reserve(size);
	struct kvm_regs regs;
	int ret;

	if (mem == MAP_FAILED)
		return -ENOMEM;
	ret = machine_create(m, 2);
	ret = ret ?: set_slot(&m->vm, 1, 0, GPA, size, mem);
	ret = ret ?: __load_guest_code(&m->vcpu, VM_MODE_LONG, code, len);
	ret = ret ?: sys_ioctl_ptr(m->vcpu.fd, KVM_GET_REGS, &regs);
	regs.rsi = GPA;
	regs.rcx = times;
	return ret ?: sys_ioctl_ptr(m->vcpu.fd, KVM_SET_REGS, &regs);
}

#define VCPUS		64
#define TABLES		384
/* What a vCPU has at least: kvm_run, I/O data, bitmap, VMCS, FPU. */
#define VCPU_PAGES	5

static void be_charged(const char *dir, int done, int wake)
{
	struct machine m;

	if (write_text(dir, "cgroup.procs", "0"))
		_exit(1);
	rendezvous(done, wake);
	if (make_toucher(&m, touch_sparse, touch_sparse_end - touch_sparse,
			 TABLES * 2 * MIB, TABLES))
		_exit(2);
	for (int i = 1; i < VCPUS; i++)
		if (sys_ioctl(m.vm.fd, KVM_CREATE_VCPU, i) < 0)
			_exit(3);
	rendezvous(done, wake);
	if (vcpu_run(&m.vcpu) ||
	    m.vcpu.run->exit_reason != KVM_EXIT_HLT)
		_exit(4);
	rendezvous(done, wake);
	close_range(m.dev, m.dev + VCPUS + 2, 0);
	munmap(m.vcpu.run, m.vcpu.run_size);
	rendezvous(done, wake);
	_exit(0);
}

/* Less the page tables of the client itself. In 6.1 the number is up to two seconds old. */
static long long kernel_memory(const char *dir)
{
	sleep(3);
	return read_number(dir, "memory.stat", "kernel") -
	       read_number(dir, "memory.stat", "pagetables");
}

TEST_F(memcg, charged_to_the_owner)
{
	long long start, vcpus, tables, end;
	int status;
	char byte;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		be_charged(self->dir, self->done[1], self->wake[0]);
	close(self->done[1]);	/* a child that dies is seen */

#define CHILD_GOES_ON()							\
do {									\
	ASSERT_EQ(1, write(self->wake[1], "", 1));			\
	ASSERT_EQ(1, read(self->done[0], &byte, 1));			\
} while (0)
	ASSERT_EQ(1, read(self->done[0], &byte, 1));
	start = kernel_memory(self->dir);
	ASSERT_LE(0, start);
	CHILD_GOES_ON();
	vcpus = kernel_memory(self->dir);
	CHILD_GOES_ON();
	tables = kernel_memory(self->dir);
	CHILD_GOES_ON();
	end = kernel_memory(self->dir);

	TH_LOG("KiB: %lld at first, %lld with %d vCPUs, %lld with %d tables, %lld at last",
	       start >> 10, vcpus >> 10, VCPUS, tables >> 10, TABLES,
	       end >> 10);
	EXPECT_LE((long long)(VCPUS * VCPU_PAGES * PAGE), vcpus - start);
	EXPECT_LE((long long)(TABLES * PAGE), tables - vcpus);
	EXPECT_GT(start + (long long)(64 * PAGE), end);
	ASSERT_EQ(1, write(self->wake[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Somebody else's guest, which must not notice. */
struct bystander {
	struct machine m;
	pthread_t thread;
};

static int bystander_start(struct bystander *b)
{
	return machine_create(&b->m, 2) ?: start_counting(&b->m.vcpu, 0, &b->thread);
}

/* Whether it has gone on since, and ended as told. */
static bool bystander_stop(struct bystander *b)
{
	bool ok = goes_on(count_of(&b->m.vm, 0));
	void *ret;

	tell_to_stop(&b->m.vm);
	pthread_join(b->thread, &ret);
	ok = ok && !ret && b->m.vcpu.run->exit_reason == KVM_EXIT_HLT;
	machine_destroy(&b->m);
	return ok;
}

#define ROUNDS	4

/* The guest touches more memory than the cgroup may have. */
TEST_F(memcg, guest_past_the_limit)
{
	struct bystander other;

	ASSERT_EQ(0, bystander_start(&other));
	ASSERT_EQ(0, write_number(self->dir, "memory.max", 12 * MIB));
	for (int round = 0; round < ROUNDS; round++) {
		long long kills = read_number(self->dir, "memory.events",
					      "oom_kill");
		int status;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			struct machine m;

			if (write_text(self->dir, "cgroup.procs", "0") ||
			    make_toucher(&m, touch_dense,
					 touch_dense_end - touch_dense,
					 64 * MIB, 64 * MIB / PAGE))
				_exit(1);
			_exit(vcpu_run(&m.vcpu) ? 2 : 3);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) &&
			    WTERMSIG(status) == SIGKILL) {
			TH_LOG("the client ended with status %#x", status);
		}
		EXPECT_EQ(kills + 1, read_number(self->dir, "memory.events",
						 "oom_kill"));
	}
	EXPECT_TRUE(bystander_stop(&other)) {
		TH_LOG("a guest outside of the cgroup has suffered");
	}
	TH_LOG("%d clients killed", ROUNDS);
}

/* The client makes more VMs and vCPUs than the cgroup may have. */
TEST_F(memcg, kernel_memory_past_the_limit)
{
	struct bystander other;

	ASSERT_EQ(0, bystander_start(&other));
	ASSERT_EQ(0, write_number(self->dir, "memory.max", 8 * MIB));
	for (int round = 0; round < ROUNDS; round++) {
		int status;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			int dev = vm_open_device(test_device());
			int ret = write_text(self->dir, "cgroup.procs", "0");

			for (int vm = -1, i = 0; ret >= 0 && dev >= 0; i++) {
				if (i % 64 == 0)
					vm = sys_ioctl(dev, KVM_CREATE_VM, 0);
				ret = vm;
				if (ret >= 0)
					ret = sys_ioctl(vm, KVM_CREATE_VCPU,
							i % 64);
			}
			_exit(ret == -ENOMEM ? 0 : 1);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(!status || (WIFSIGNALED(status) &&
					WTERMSIG(status) == SIGKILL)) {
			TH_LOG("the client ended with status %#x", status);
		}
	}
	EXPECT_LT(0, read_number(self->dir, "memory.events", "max"));
	EXPECT_TRUE(bystander_stop(&other));
}

/* All of the machine's memory: the OOM killer takes the client, while its guest runs. */
TEST(out_of_memory)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	int before = module_users(), status;
	struct bystander other;
	pid_t pid;

	ASSERT_EQ(0, bystander_start(&other));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct machine m;
		pthread_t thread;
		uint8_t *mem;

		write_text("/proc/self", "oom_score_adj", "1000");
		mem = reserve(pages * PAGE);
		if (mem == MAP_FAILED ||
		    make_toucher(&m, touch_dense, touch_dense_end - touch_dense,
				 512 * MIB, 512 * MIB / PAGE) ||
		    pthread_create(&thread, NULL, run_vcpu, &m.vcpu))
			_exit(1);
		/* The guest alone would take long. */
		for (long page = 0; page < pages; page++)
			mem[page * PAGE] = 1;
		pthread_join(thread, NULL);
		_exit(2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		TH_LOG("the client ended with status %#x", status);
	}
	EXPECT_TRUE(bystander_stop(&other));
	EXPECT_EQ(before, users_after_a_while(before));
}

TEST_HARNESS_MAIN
