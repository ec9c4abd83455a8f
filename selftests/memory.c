// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory is the process's memory, whatever the process does to it while
 * a guest has it mapped: unmap, replace, move, fork, truncate, protect.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "background.h"
#include "cpus.h"
#include "harness.h"

#define PAGE		4096
#define SLOT		1
#define GPA		0x10000000ULL
#define PAGES		4

FIXTURE(memory) {
	struct machine m;
	struct vcpu *vcpu;
	uint8_t *mem;		/* PAGES pages, slot SLOT at GPA */
	int memfd;
};

FIXTURE_VARIANT(memory) {
	bool file;
};

FIXTURE_VARIANT_ADD(memory, anonymous) { .file = false };
FIXTURE_VARIANT_ADD(memory, shared_file) { .file = true };

static void *map(int fd, void *where, size_t size)
{
	return mmap(where, size, PROT_READ | PROT_WRITE,
		    (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) |
		    (where ? MAP_FIXED : 0), fd, 0);
}

FIXTURE_SETUP(memory)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->memfd = -1;
	if (variant->file) {
		self->memfd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		ASSERT_LE(0, self->memfd);
		ASSERT_EQ(0, ftruncate(self->memfd, PAGES * PAGE));
	}
	self->mem = map(self->memfd, NULL, PAGES * PAGE);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, PAGES * PAGE, self->mem));
}

FIXTURE_TEARDOWN(memory)
{
	machine_destroy(&self->m);
	if (self->mem != MAP_FAILED)
		munmap(self->mem, PAGES * PAGE);
	close(self->memfd);
}

static int guest_load(struct vcpu *vcpu, int page, uint64_t *value)
{
	static const uint8_t load[] = { 0x48, 0x8b, 0x18 };
	struct vm_op op = vm_op_insn(load, sizeof(load));
	int ret;

	op.rax = GPA + page * PAGE;
	ret = vm_run_ops(vcpu, &op, 1);
	*value = op.rbx;
	return ret;
}

static int guest_store(struct vcpu *vcpu, int page, uint64_t value)
{
	static const uint8_t store[] = { 0x48, 0x89, 0x18 };
	struct vm_op op = vm_op_insn(store, sizeof(store));

	op.rax = GPA + page * PAGE;
	op.rbx = value;
	return vm_run_ops(vcpu, &op, 1);
}

static volatile uint64_t *host_page(const uint8_t *mem, int page)
{
	return (volatile uint64_t *)(mem + page * PAGE);
}

#define ASSERT_LOAD(expected, page)					\
do {									\
	uint64_t __value;						\
	ASSERT_EQ(0, guest_load(self->vcpu, page, &__value));		\
	ASSERT_EQ(expected, __value);					\
} while (0)

TEST_F(memory, is_shared_with_the_process)
{
	*host_page(self->mem, 1) = 0x1234;
	ASSERT_LOAD(0x1234, 1);
	ASSERT_EQ(0, guest_store(self->vcpu, 1, 0x5678));
	EXPECT_EQ(0x5678, *host_page(self->mem, 1));
	*host_page(self->mem, 1) = 0x9abc;
	ASSERT_LOAD(0x9abc, 1);
}

/* Nobody has touched it yet: the guest's access brings it in. */
TEST_F(memory, is_filled_on_demand)
{
	ASSERT_LOAD(0, 2);
	ASSERT_EQ(0, guest_store(self->vcpu, 3, 0x77));
	EXPECT_EQ(0x77, *host_page(self->mem, 3));
}

TEST_F(memory, unmapped_is_efault)
{
	uint64_t value;

	*host_page(self->mem, 1) = 0x1234;
	ASSERT_LOAD(0x1234, 1);
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	EXPECT_EQ(-EFAULT, guest_load(self->vcpu, 1, &value)) {
		TH_LOG("the guest reads %#lx from a page that has gone", value);
	}
	EXPECT_EQ(-EFAULT, guest_store(self->vcpu, 1, 0));
	ASSERT_LOAD(0, 2);

	/* It is an error that can be repaired. */
	ASSERT_NE(MAP_FAILED, map(-1, self->mem + PAGE, PAGE));
	ASSERT_LOAD(0, 1);
}

#ifndef MADV_HWPOISON
#define MADV_HWPOISON	100
#endif

static siginfo_t poisoned;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	poisoned = *info;
}

/*
 * Memory that an error has taken: the client gets what its own access would give it, and can
 * replace the page, or have the guest get #MC. The guest waits at its instruction.
 */
TEST_F(memory, poisoned_is_sigbus)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO }, before;
	uint64_t value;

	ASSERT_EQ(0, guest_store(self->vcpu, 1, 0x1234));
	ASSERT_EQ(0, sigaction(SIGBUS, &action, &before));
	/* Kernels from 6.11 send a first signal at once. */
	if (madvise(self->mem + PAGE, PAGE, MADV_HWPOISON)) {
		ASSERT_EQ(EINVAL, errno);
		SKIP(return, "the kernel does not handle memory failures");
	}
	for (int i = 0; i < 2; i++) {
		poisoned.si_signo = 0;
		EXPECT_EQ(-EINTR, i ? guest_load(self->vcpu, 1, &value) :
				      guest_store(self->vcpu, 1, 0));
		EXPECT_EQ(SIGBUS, poisoned.si_signo);
		EXPECT_EQ(BUS_MCEERR_AR, poisoned.si_code);
		EXPECT_EQ(self->mem + PAGE, poisoned.si_addr);
		EXPECT_EQ(12, poisoned.si_addr_lsb);
	}
	ASSERT_EQ(0, sigaction(SIGBUS, &before, NULL));
	ASSERT_NE(MAP_FAILED, map(-1, self->mem + PAGE, PAGE));
	ASSERT_LOAD(0, 1);
}

TEST_F(memory, replaced_by_another_mapping)
{
	*host_page(self->mem, 1) = 1;
	ASSERT_LOAD(1, 1);
	ASSERT_NE(MAP_FAILED, map(-1, self->mem + PAGE, PAGE));
	*host_page(self->mem, 1) = 2;
	ASSERT_LOAD(2, 1);
	ASSERT_EQ(0, guest_store(self->vcpu, 1, 3));
	EXPECT_EQ(3, *host_page(self->mem, 1));
}

TEST_F(memory, moved_by_mremap)
{
	uint8_t *away;
	uint64_t value;

	*host_page(self->mem, 1) = 1;
	ASSERT_LOAD(1, 1);
	away = mremap(self->mem + PAGE, PAGE, PAGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, map(-1, NULL, PAGE));
	ASSERT_NE(MAP_FAILED, away);
	EXPECT_EQ(-EFAULT, guest_load(self->vcpu, 1, &value));
	EXPECT_EQ(-EFAULT, guest_store(self->vcpu, 1, 2));
	EXPECT_EQ(1, *host_page(away, 0));
	munmap(away, PAGE);
}

TEST_F(memory, thrown_away_by_madvise)
{
	ASSERT_EQ(0, guest_store(self->vcpu, 1, 1));
	ASSERT_EQ(0, madvise(self->mem + PAGE, PAGE,
			     variant->file ? MADV_REMOVE : MADV_DONTNEED));
	ASSERT_LOAD(0, 1);
}

TEST_F(memory, write_protected_is_efault)
{
	*host_page(self->mem, 1) = 1;
	ASSERT_EQ(0, guest_store(self->vcpu, 1, 2));
	ASSERT_EQ(0, mprotect(self->mem + PAGE, PAGE, PROT_READ));
	ASSERT_LOAD(2, 1);
	EXPECT_EQ(-EFAULT, guest_store(self->vcpu, 1, 3)) {
		TH_LOG("the guest writes where the process may not");
	}
	EXPECT_EQ(2, *host_page(self->mem, 1));
	ASSERT_EQ(0, mprotect(self->mem + PAGE, PAGE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, guest_store(self->vcpu, 1, 4));
	EXPECT_EQ(4, *host_page(self->mem, 1));
}

/* Behind the end of a file there is nothing, also if it was there before. */
TEST_F(memory, truncated)
{
	int fd = memfd_create("short", MFD_CLOEXEC);
	uint64_t value;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	ASSERT_NE(MAP_FAILED, map(fd, self->mem + PAGE, PAGE));
	*host_page(self->mem, 1) = 1;
	ASSERT_LOAD(1, 1);
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(-EFAULT, guest_load(self->vcpu, 1, &value));
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	ASSERT_LOAD(0, 1);
	close(fd);
}

/*
 * fork() makes the pages copy-on-write. The guest goes with the parent: it
 * sees the parent's writes, and the child does not see the guest's.
 */
TEST_F(memory, fork_and_copy_on_write)
{
	int to_child[2], from_child[2], status;
	uint64_t seen;
	pid_t pid;

	*host_page(self->mem, 1) = 1;
	*host_page(self->mem, 2) = 1;
	ASSERT_LOAD(1, 1);
	ASSERT_EQ(0, guest_store(self->vcpu, 2, 2));
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(from_child));

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char go;

		if (read(to_child[0], &go, 1) != 1)
			_exit(1);
		seen = *host_page(self->mem, 1) << 32 |
		       *host_page(self->mem, 2);
		_exit(write(from_child[1], &seen, 8) != 8);
	}

	*host_page(self->mem, 1) = 3;
	ASSERT_LOAD(3, 1);
	ASSERT_EQ(0, guest_store(self->vcpu, 2, 4));
	EXPECT_EQ(4, *host_page(self->mem, 2));

	ASSERT_EQ(1, write(to_child[1], "", 1));
	ASSERT_EQ(8, read(from_child[0], &seen, 8));
	EXPECT_EQ(variant->file ? 0x300000004ULL : 0x100000002ULL, seen) {
		TH_LOG("the child sees %#lx", seen);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Sees page 1 of the slot change while it runs, and counts. */
GUEST_CODE(wait_for_change, 64,
	   "sti\n"
	   "movq 0x10001000, %rax\n"
	   "1: incq 0x12008\n"
	   "movq 0x10001000, %rbx\n"
	   "cmpq %rax, %rbx\n"
	   "je 1b\n"
	   "hlt");

TEST_F(memory, replaced_while_the_guest_runs)
{
	struct kvm_regs regs;
	pthread_t thread;
	uint8_t *other;
	void *ret;

	*host_page(self->mem, 1) = 1;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     wait_for_change));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_vcpu, self->vcpu));
	ASSERT_TRUE(goes_on(count_of(&self->m.vm, 0)));

	/* In one step, so that there is never nothing. */
	other = map(-1, NULL, PAGE);
	ASSERT_NE(MAP_FAILED, other);
	*host_page(other, 0) = 2;
	ASSERT_EQ(self->mem + PAGE, mremap(other, PAGE, PAGE,
					   MREMAP_MAYMOVE | MREMAP_FIXED,
					   self->mem + PAGE));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(0, (long)ret);
	ASSERT_EQ(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(1, regs.rax);
	EXPECT_EQ(2, regs.rbx);
}

TEST_F(memory, unmapped_while_the_guest_runs)
{
	pthread_t thread;
	void *ret;

	*host_page(self->mem, 1) = 1;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG,
				     wait_for_change));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_vcpu, self->vcpu));
	ASSERT_TRUE(goes_on(count_of(&self->m.vm, 0)));
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EFAULT, (long)ret);
}

static uint64_t page_frame(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry;

	if (pread(fd, &entry, 8, (uintptr_t)addr / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

/*
 * What fork() has made copy-on-write goes back to the parent when the child has gone: it is
 * copied if somebody else has a reference to it. 1 or 0, or -1.
 */
static int is_copied(volatile uint64_t *page, bool child_stays)
{
	uint64_t before = page_frame((void *)page), after;
	pid_t pid = before ? fork() : -1;

	if (!pid) {
		if (child_stays)
			pause();
		_exit(0);
	}
	if (pid < 0)
		return -1;
	if (!child_stays)
		waitpid(pid, NULL, 0);
	*page = 1;
	after = page_frame((void *)page);
	if (child_stays) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return after != before;
}

/* Memory follows the process: minihv does not keep what a guest has used. */
TEST_F(memory, nothing_is_held)
{
	/* Pages that the kernel has yet to sort in are held by the CPU that has brought them. */
	ASSERT_EQ(0, stay_on(0));
	if (!variant->file) {
		for (int page = 0; page < PAGES; page++)
			ASSERT_EQ(0, guest_store(self->vcpu, page, 1));
		for (int page = 0; page < PAGES; page++)
			EXPECT_EQ(0, is_copied(host_page(self->mem, page), false));
		/* So it would show. */
		EXPECT_EQ(1, is_copied(host_page(self->mem, 0), true));
		return;
	}
	/* A seal against writing: EBUSY while there is a mapping, or somebody has a page. */
	for (int page = 0; page < PAGES; page++)
		ASSERT_EQ(0, guest_store(self->vcpu, page, 1));
	ASSERT_EQ(-1, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(0, munmap(self->mem, PAGES * PAGE));
	EXPECT_EQ(0, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE)) {
		TH_LOG("%s", strerror(errno));
	}
	self->mem = MAP_FAILED;
}

TEST_HARNESS_MAIN
