// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls with hostile arguments, from several processes. They share the files of
 * the device, and of a VM that only the first one may use; each has a VM of its
 * own, with two threads at it, memory that changes, and guests that run. They are
 * killed at some moment. An operation is a system call.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "background.h"
#include "fuzz.h"
#include "fuzz_calls.h"

#define PROCESSES	3
#define THREADS		2
#define VCPUS		2
#define ROUND_MS	250
#define KICK_USEC	500
#define REAP_MS		30000
#define PAGE		4096
#define OUT		0xe6	/* to port 0xe6, at any byte */

/* The files of a VM. */
struct files {
	int vm;
	int vcpus[VCPUS];
	struct kvm_run *run[VCPUS];
};

static struct {
	int dev;
	int memory;			/* a file that is full of OUT */
	struct files shared, own;
	uint8_t *guest;			/* of this process */
	pthread_t threads[THREADS];
	uint64_t seed;
} p;

static void *pages(size_t size, int prot)
{
	void *mem = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static bool make_buffers(struct fuzz_buffers *b)
{
	b->page = pages(FUZZ_ROOM + PAGE, PROT_READ | PROT_WRITE);
	b->readonly = pages(PAGE, PROT_READ);
	b->guest = p.guest;
	b->run = (uint8_t *)p.own.run[0];
	return b->page && b->readonly && !mprotect(b->page + FUZZ_ROOM, PAGE, PROT_NONE);
}

/* A file that a call has given: looked into, mapped, closed. */
static void try_file(int fd)
{
	uint8_t bytes[64];
	void *mem;

	if (fuzz_one_in(2) && pread(fd, bytes, sizeof(bytes), fuzz_below(4096)) < 0)
		fuzz_did(1);
	mem = mmap(NULL, PAGE << fuzz_below(4), PROT_READ, MAP_SHARED, fd,
		   fuzz_below(4) * PAGE);
	if (mem != MAP_FAILED)
		munmap(mem, PAGE);
	close(fd);
	fuzz_did(2);
}

static void check_result(const struct fuzz_call *call, int ret)
{
	bool gives_file = (call->file == FUZZ_SYSTEM && call->cmd == KVM_CREATE_VM) ||
			  (call->file == FUZZ_VM && call->cmd == KVM_CREATE_VCPU) ||
			  (call->file != FUZZ_SYSTEM && call->cmd == KVM_GET_STATS_FD);

	fuzz_expect(ret >= 0 || fuzz_errno_is_known(-ret), "ioctl %#lx on file %d: errno %d",
		    call->cmd, call->file, -ret);
	if (gives_file && ret > 2)
		try_file(ret);
}

static void call_own(const struct fuzz_buffers *b)
{
	int vcpu = p.own.vcpus[fuzz_below(VCPUS)];
	struct fuzz_call call = fuzz_make_call(b, vcpu);
	int fds[FUZZ_FILES] = { p.dev, p.own.vm, vcpu };

	check_result(&call, sys_ioctl(fds[call.file], call.cmd, call.arg));
	fuzz_did(1);
}

/* Of another process's VM nothing can be had. */
static void call_shared(const struct fuzz_buffers *b)
{
	struct fuzz_call call = fuzz_make_call(b, p.own.vcpus[0]);
	int fds[FUZZ_FILES] = { p.dev, p.shared.vm, p.shared.vcpus[fuzz_below(VCPUS)] };
	int ret = sys_ioctl(fds[call.file], call.cmd, call.arg);

	if (call.file == FUZZ_SYSTEM)
		check_result(&call, ret);
	else
		fuzz_expect(ret == -EIO, "ioctl %#lx on another's file %d: %d", call.cmd,
			    call.file, ret);
	fuzz_did(1);
}

/* Mapped anew it is what it was: see make_memory(). */
static void *map_guest(void *at, size_t size)
{
	void *mem = mmap(at, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | (at ? MAP_FIXED : 0), p.memory, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* The guest's memory goes away, comes back, becomes other memory. */
static void change_memory(void)
{
	uint8_t *at = p.guest + fuzz_below(FUZZ_GUEST / PAGE) * PAGE;
	size_t size = PAGE << fuzz_below(4);

	if (at + size > p.guest + FUZZ_GUEST)
		size = PAGE;
	switch (fuzz_below(5)) {
	case 0:
		madvise(at, size, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, size, fuzz_below(8));
		break;
	case 2:
		munmap(at, size);
		break;
	default:
		map_guest(at, size);
	}
	fuzz_did(1);
}

/* What the kernel reads from struct kvm_run may change at any time. */
static void scribble(void)
{
	volatile uint8_t *run = (uint8_t *)p.own.run[fuzz_below(VCPUS)];

	run[fuzz_one_in(2) ? fuzz_below(2 * PAGE) : fuzz_below(64)] = fuzz_value();
	if (fuzz_one_in(2))
		((volatile struct kvm_run *)run)->immediate_exit = 0;
}

static void *call_all(void *number)
{
	struct fuzz_buffers b;

	fuzz_state = p.seed + (uintptr_t)number;
	if (!make_buffers(&b))
		return NULL;
	while (!fuzz_over()) {
		switch (fuzz_below(16)) {
		case 0:
			change_memory();
			break;
		case 1:
			scribble();
			break;
		case 2 ... 3:
			call_shared(&b);
			break;
		default:
			call_own(&b);
		}
	}
	return NULL;
}

/*
 * Wherever a guest goes it leaves at the next instruction: bochs 2.7 does not let the
 * host's interrupts end one that has RFLAGS.IF clear.
 */
static bool make_memory(void)
{
	static uint8_t page[PAGE];

	memset(page, OUT, sizeof(page));
	p.memory = memfd_create("guest", 0);
	for (size_t i = 0; i < FUZZ_GUEST; i += PAGE)
		if (write(p.memory, page, PAGE) != PAGE)
			return false;
	return true;
}

static bool make_vm(struct files *f, uint8_t *memory)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = FUZZ_GUEST, .userspace_addr = (uintptr_t)memory,
	};
	size_t size = sys_ioctl(p.dev, KVM_GET_VCPU_MMAP_SIZE, 0);

	f->vm = sys_ioctl(p.dev, KVM_CREATE_VM, 0);
	if (f->vm < 0)
		return false;
	sys_ioctl(f->vm, KVM_SET_TSS_ADDR, 0xfffbd000);
	if (fuzz_one_in(2))
		sys_ioctl(f->vm, KVM_CREATE_IRQCHIP, 0);
	for (int i = 0; i < VCPUS; i++) {
		f->vcpus[i] = sys_ioctl(f->vm, KVM_CREATE_VCPU, i);
		f->run[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->vcpus[i], 0);
		if (f->vcpus[i] < 0 || f->run[i] == MAP_FAILED)
			return false;
	}
	return !sys_ioctl_ptr(f->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* It outlives the process that the files' VM belongs to, and finds them dead. */
static void be_a_survivor(void)
{
	int ret;

	usleep(fuzz_below(ROUND_MS * 2000));
	for (int i = 0; i < 8; i++) {
		ret = sys_ioctl(i & 1 ? p.own.vm : p.own.vcpus[0], i & 2 ? KVM_RUN : fuzz_random(),
				0);
		fuzz_expect(ret == -EIO, "a dead process's VM answers %d", ret);
		fuzz_did(1);
	}
	_exit(0);
}

static void kick_threads(void)
{
	for (int i = 0; i < THREADS; i++)
		pthread_kill(p.threads[i], SIGUSR1);
}

/* A process with a VM of its own; the one that started it ends it. */
static void be_a_process(uint64_t seed)
{
	const struct rlimit files = { 64, 64 };

	p.seed = seed;
	fuzz_state = seed;
	setrlimit(RLIMIT_NOFILE, &files);
	catch_signal(SIGUSR1);
	p.guest = map_guest(NULL, FUZZ_GUEST);
	if (!fuzz_expect(p.guest && make_vm(&p.own, p.guest), "no VM in a process"))
		_exit(1);
	if (fuzz_one_in(3) && !fork())
		be_a_survivor();
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&p.threads[i], NULL, call_all, (void *)(i + 1)))
			_exit(1);
	while (!fuzz_over()) {
		usleep(KICK_USEC);
		kick_threads();
	}
	_exit(0);
}

/* All processes of the round, and those that they have left behind. */
static void reap(void)
{
	uint64_t until = fuzz_now_ms() + REAP_MS;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0)
			return;
		if (pid > 0) {
			fuzz_expect((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
				    (WIFEXITED(status) && !WEXITSTATUS(status)),
				    "a process ended with status %#x", status);
			continue;
		}
		if (!fuzz_expect(fuzz_now_ms() < until, "a process does not end"))
			return;
		usleep(1000);
	}
}

/* @pid may be -1, of which kill() would think more. */
static void kill_process(pid_t pid)
{
	if (fuzz_expect(pid > 0, "no process"))
		kill(pid, SIGKILL);
}

/* The VM that the others could not use is as it was. */
static void check_shared(struct machine *m)
{
	struct vm_op op = vm_op_rdmsr(MSR_IA32_PAT);
	int ret = vm_run_ops(&m->vcpu, &op, 1);

	fuzz_expect(!ret && vm_op_value(&op) == PAT_RESET, "the shared VM: %d, IA32_PAT %#llx",
		    ret, (unsigned long long)vm_op_value(&op));
}

static void ioctls_round(void)
{
	struct machine m;
	struct vcpu second;
	pid_t pids[PROCESSES];

	if (!p.memory && !fuzz_expect(make_memory(), "no memory for guests"))
		return;
	if (!fuzz_machine(&m, false, true))
		return;
	if (!fuzz_expect(!vcpu_create(&second, &m.vm, 1), "no second vCPU"))
		goto out;
	p.dev = m.dev;
	p.shared.vm = m.vm.fd;
	p.shared.vcpus[0] = m.vcpu.fd;
	p.shared.vcpus[1] = second.fd;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < PROCESSES; i++) {
		uint64_t seed = fuzz_random();

		pids[i] = fork();
		if (!pids[i])
			be_a_process(seed);
	}
	/* One is killed early. */
	usleep(fuzz_below(ROUND_MS * 1000));
	kill_process(pids[0]);
	check_shared(&m);
	usleep(ROUND_MS * 1000);
	for (int i = 1; i < PROCESSES; i++)
		kill_process(pids[i]);
	reap();
	check_shared(&m);
	vcpu_destroy(&second);
out:
	machine_destroy(&m);
}

int main(void)
{
	static const struct fuzzer fuzzer = { .name = "fuzz_ioctls", .round = ioctls_round };

	return fuzz_main(&fuzzer);
}
