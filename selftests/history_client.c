// SPDX-License-Identifier: GPL-2.0
/*
 * Classes of bugs that KVM and Xen have had around MSRs, in which the client or the
 * course of its ioctls is what does harm; see history.c.
 */
#include <asm/processor-flags.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "filter.h"
#include "free_pages.h"
#include "guest_code.h"
#include "harness.h"

#define ROUNDS		3000	/* of ioctls whose structure changes meanwhile */
#define VMS		12	/* with 16 vCPUs each, for what they leave behind */
#define CLIENTS		100	/* that die, the same */

/* A word of a structure that another thread keeps changing from one value to the other. */
struct flip {
	volatile uint64_t *word;
	uint64_t values[2];
	volatile bool stop;
	pthread_t thread;
};

static void *flip_run(void *arg)
{
	struct flip *flip = arg;

	for (unsigned int i = 0; !flip->stop; i++)
		*flip->word = flip->values[i & 1];
	return NULL;
}

static int flip_start(struct flip *flip, void *word, uint64_t first, uint64_t second)
{
	*flip = (struct flip){ .word = word, .values = { first, second } };
	return pthread_create(&flip->thread, NULL, flip_run, flip);
}

static void flip_stop(struct flip *flip)
{
	flip->stop = true;
	pthread_join(flip->thread, NULL);
}

/*
 * KVM on AMD: what a nested guest's VMCB said was read a second time after it had been
 * checked, and MSR permissions were lost by it. Class: a structure changes between check
 * and use. Each ioctl that takes one has to act on a single copy.
 */
FIXTURE(cve_2021_29657_double_fetch) {
	struct machine m;
	struct vcpu *vcpu;
	struct flip flip;
	unsigned int results[2];
};

FIXTURE_SETUP(cve_2021_29657_double_fetch)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
}

FIXTURE_TEARDOWN(cve_2021_29657_double_fetch)
{
	/* Else the other thread has not had a turn, and nothing was tested. */
	EXPECT_LT(0, self->results[0]);
	EXPECT_LT(0, self->results[1]);
	machine_destroy(&self->m);
}

/* The value of an entry: one that is refused must never be stored. */
TEST_F(cve_2021_29657_double_fetch, msr_value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {
		.head.nmsrs = 1, .entry.index = MSR_IA32_CSTAR, .entry.data = CANONICAL_LOW,
	};
	uint64_t value;

	ASSERT_EQ(0, flip_start(&self->flip, &msrs.entry.data, CANONICAL_LOW, NONCANONICAL));
	for (int i = 0; i < ROUNDS; i++) {
		int ret = sys_ioctl_ptr(self->vcpu->fd, KVM_SET_MSRS, &msrs);

		ASSERT_TRUE(ret == 0 || ret == 1);
		self->results[ret]++;
		ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_CSTAR, &value));
		ASSERT_TRUE(value == 0 || value == CANONICAL_LOW) {
			TH_LOG("%#lx", value);
		}
	}
	flip_stop(&self->flip);
}

/* The number of entries: for one no more than one is read, and no more is written back. */
TEST_F(cve_2021_29657_double_fetch, msr_count)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[256];
	} *msrs = calloc(1, sizeof(*msrs));

	ASSERT_NE(NULL, msrs);
	msrs->head.nmsrs = 1;
	for (int i = 0; i < 256; i++)
		msrs->entries[i].index = MSR_IA32_PAT;
	ASSERT_EQ(0, flip_start(&self->flip, msrs, 1, 257));
	for (int i = 0; i < ROUNDS; i++) {
		int ret = sys_ioctl_ptr(self->vcpu->fd, KVM_GET_MSRS, msrs);

		ASSERT_TRUE(ret == 1 || ret == -E2BIG) {
			TH_LOG("%d", ret);
		}
		self->results[ret == 1]++;
		ASSERT_EQ(0, msrs->entries[1].data);
	}
	flip_stop(&self->flip);
	free(msrs);
}

/* The number of MSRs in a filter's range, for which its bitmap is much too short. */
TEST_F(cve_2021_29657_double_fetch, filter_range)
{
	uint8_t bitmap[8] = { 0 };
	struct kvm_msr_filter filter = {
		.ranges[0] = range_of(FILTER_BOTH, MSR_IA32_CSTAR, 1, bitmap),
	};
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_CSTAR, 0), vm_op_rdmsr(MSR_IA32_FMASK),
	};
	uint64_t range;

	/* Base and number are one word; one byte differs, since a copy may take half a word. */
	memcpy(&range, &filter.ranges[0].nmsrs, sizeof(range));
	ASSERT_EQ(0, flip_start(&self->flip, &filter.ranges[0].nmsrs, range, range | 0xff000000));
	for (int i = 0; i < ROUNDS; i++) {
		int ret = sys_ioctl_ptr(self->m.vm.fd, KVM_X86_SET_MSR_FILTER, &filter);

		ASSERT_TRUE(ret == 0 || ret == -EINVAL) {
			TH_LOG("%d", ret);
		}
		self->results[!ret]++;
	}
	flip_stop(&self->flip);
	ASSERT_OPS(self->vcpu, ops, 2);
	EXPECT_EQ(VECTOR_GP, ops[0].vector);
	EXPECT_EQ(VM_OP_DONE, ops[1].vector);
}

GUEST_CODE(out_for_ever, 64,
	   "1: outb %al, $0xe0\n"
	   "jmp 1b\n");

/* Registers in struct kvm_run: a guest never starts with what is refused. */
TEST_F(cve_2021_29657_double_fetch, registers_in_kvm_run)
{
	struct kvm_run *run = self->vcpu->run;
	struct kvm_sregs *sregs = &run->s.regs.sregs;

	if (testing_kvm()) {
		self->results[0] = 1;
		self->results[1] = 1;
		SKIP(return, "KVM of before 6.6 reads them twice");
	}
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, out_for_ever));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, sregs));
	/* Long mode without PAE: VM entry would fail. */
	ASSERT_EQ(0, flip_start(&self->flip, &sregs->cr4, sregs->cr4,
				sregs->cr4 & ~(uint64_t)X86_CR4_PAE));
	for (int i = 0; i < ROUNDS; i++) {
		int ret;

		run->kvm_dirty_regs = KVM_SYNC_X86_SREGS;
		ret = vcpu_run(self->vcpu);
		ASSERT_TRUE(ret == 0 || ret == -EINVAL) {
			TH_LOG("%d", ret);
		}
		self->results[!ret]++;
		if (!ret)
			ASSERT_EQ(KVM_EXIT_IO, run->exit_reason);
	}
	flip_stop(&self->flip);
}

/* Let go of what the kernel only caches, and tell the number of pages that are free. */
static long uncached_free_pages(void)
{
	glob_t caches;

	sync();
	/* Long enough for what waits until nobody looks at it. */
	usleep(100000);
	write_file("/proc/sys/vm/drop_caches", "3");
	/* The module's memory is from these. All of them would take some kernels seconds. */
	if (!glob("/sys/kernel/slab/kmalloc*/shrink", 0, NULL, &caches)) {
		for (size_t i = 0; i < caches.gl_pathc; i++)
			write_file(caches.gl_pathv[i], "1");
		globfree(&caches);
	}
	/* Each CPU counts for itself, too, for a while. */
	write_file("/proc/sys/vm/stat_refresh", "1");
	return free_pages();
}

/* The same, when no more comes back. */
static long settled_free_pages(void)
{
	long before, now = uncached_free_pages();

	for (int i = 0; i < 5; i++) {
		before = now;
		now = uncached_free_pages();
		if (now - before < 8)
			break;
	}
	return now;
}

/*
 * What has memory of its own for MSRs: vCPUs, those that have been asked for one, filters.
 * Half of the filters have a bitmap of a few bytes: each bit of the large ones takes time.
 * Returns how many vCPUs, or an error.
 */
static int make_and_destroy_vcpus(int dev)
{
	enum { VCPUS = 16, FILTERS = 4 };
	uint8_t bitmap[KVM_MSR_FILTER_MAX_BITMAP_SIZE] = { 0 };
	struct kvm_msr_filter_range ranges[] = {
		range_of(FILTER_BOTH, 0, 8 * sizeof(bitmap), bitmap),
		range_of(FILTER_BOTH, 0, 64, bitmap),
	};
	struct vcpu vcpus[VCPUS];
	struct vm vm;
	uint64_t pat;
	int ret;

	for (int i = 0; i < VMS; i++) {
		ret = vm_create(&vm, dev, 0);
		if (ret)
			return ret;
		for (int v = 0; v < VCPUS; v++) {
			ret = vcpu_create(&vcpus[v], &vm, v) ?:
			      vcpu_get_msr(&vcpus[v], MSR_IA32_PAT, &pat);
			for (int f = 0; f < FILTERS && !ret; f++)
				ret = set_filter(&vm, KVM_MSR_FILTER_DEFAULT_ALLOW,
						 &ranges[f % 2], 1);
			if (ret)
				return ret;
		}
		for (int v = 0; v < VCPUS; v++)
			vcpu_destroy(&vcpus[v]);
		vm_destroy(&vm);
	}
	return VMS * VCPUS;
}

/* A VM whose guest has run, of a client that ends without a word. */
static void die_with_a_vm(int dev)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	struct vcpu vcpu;
	struct vm vm;

	if (vm_create(&vm, dev, 2) || vcpu_create(&vcpu, &vm, 0) || vm_run_ops(&vcpu, &op, 1))
		_exit(1);
	kill(getpid(), SIGKILL);
}

/* Returns how many. */
static int make_and_kill_clients(int dev)
{
	int status;
	pid_t pid;

	for (int i = 0; i < CLIENTS; i++) {
		pid = fork();
		if (!pid)
			die_with_a_vm(dev);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return -errno;
		if (!WIFSIGNALED(status))
			return -EPROTO;
	}
	return CLIENTS;
}

/* Whether testbed/leaks.sh counts, when the test has ended and caches of all kinds are empty. */
static bool counted_later(void)
{
	return getenv("FREE_PAGES") && !strcmp(getenv("FREE_PAGES"), "later");
}

/* Said by testbed/debug.sh of kernels where free pages say nothing, or take too long to count. */
static bool uncounted(void)
{
	return getenv("FREE_PAGES") && !counted_later();
}

/*
 * Whether @make keeps a quarter of a page for each of what it makes. What leaks does so each
 * time; the kernel's own memory comes and goes.
 */
static bool keeps_memory(struct __test_metadata *_metadata, int dev, int (*make)(int dev),
			 const char *what)
{
	int made, kept = 0, rounds = 0;
	long before, after;

	/* As much as leaks.sh has to notice. */
	for (; counted_later() && rounds < 5; rounds++)
		ASSERT_LT(0, make(dev));
	if (rounds)
		return false;
	/* What is made once, and kept. */
	ASSERT_LT(0, make(dev));
	before = settled_free_pages();
	ASSERT_LT(0, before);
	while (rounds - kept < 2 && kept < 5) {
		made = make(dev);
		ASSERT_LT(0, made);
		after = settled_free_pages();
		TH_LOG("%d %s: %ld pages free before, %ld after", made, what, before, after);
		kept += before - after >= made / 4;
		before = after;
		rounds++;
	}
	return kept == 5;
}

FIXTURE(cve_2018_5244) {
	int dev;
};

FIXTURE_SETUP(cve_2018_5244)
{
	self->dev = vm_open_device(test_device());
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(cve_2018_5244)
{
	close(self->dev);
}

/*
 * Xen (XSA-253): a vCPU's structure for MSRs was not freed with it. Class: memory that
 * belongs to a vCPU outlives it.
 */
TEST_F_TIMEOUT(cve_2018_5244, vcpu_memory, 60)
{
	if (uncounted())
		SKIP(return, "free pages are counted on another kernel");
	EXPECT_FALSE(keeps_memory(_metadata, self->dev, make_and_destroy_vcpus, "vCPUs"));
}

/* The same class: what belongs to a VM, its page tables among it, outlives a client that dies. */
TEST_F_TIMEOUT(cve_2018_5244, vm_memory, 120)
{
	if (uncounted())
		SKIP(return, "free pages are counted on another kernel");
	EXPECT_FALSE(keeps_memory(_metadata, self->dev, make_and_kill_clients, "clients"));
}

#define PAGE	4096

/* Fill the kernel's stack where the next ioctl will have its structure; behind @edge is no page. */
static void leave_stale_bytes(struct machine *m, uint8_t stale, uint8_t *edge)
{
	uint8_t bytes[8192];

	memset(bytes, stale, sizeof(bytes));
	memset(edge, stale, PAGE);
	/* All are refused, for what they say in each of their fields. */
	sys_ioctl_ptr(m->vcpu.fd, KVM_SET_SREGS, bytes);
	sys_ioctl_ptr(m->vcpu.fd, KVM_SET_XCRS, bytes);
	sys_ioctl_ptr(m->vm.fd, KVM_X86_SET_MSR_FILTER, bytes);
	sys_ioctl_ptr(m->vm.fd, KVM_SET_USER_MEMORY_REGION, bytes);
	/* The largest on the stack: all but its last byte can be read. */
	sys_ioctl_ptr(m->vcpu.fd, KVM_SET_FPU, edge + PAGE - sizeof(struct kvm_fpu) + 1);
}

/*
 * KVM: padding of structures that it had filled on its stack went out to the client with
 * what was there before. Class: kernel memory in what an ioctl gives. What was there is one
 * byte first and another one then: no value of a new vCPU, nor a time, goes from one to the
 * other. A kernel with CONFIG_INIT_STACK_ALL_ZERO, as Debian's, has nothing to give: it is
 * those of "make check-debug" where this can fail.
 */
TEST(cve_2010_3881_stale_bytes)
{
#define GET(name, type)	{ #name, name, sizeof(type), false }
#define GET_VM(name, type)	{ #name, name, sizeof(type), true }
	static const struct {
		const char *name;
		unsigned long cmd;
		size_t size;
		bool vm;
	} gets[] = {
		GET(KVM_GET_REGS, struct kvm_regs), GET(KVM_GET_SREGS, struct kvm_sregs),
		GET(KVM_GET_SREGS2, struct kvm_sregs2), GET(KVM_GET_FPU, struct kvm_fpu),
		GET(KVM_GET_XCRS, struct kvm_xcrs), GET(KVM_GET_XSAVE, struct kvm_xsave),
		GET(KVM_GET_DEBUGREGS, struct kvm_debugregs),
		GET(KVM_GET_VCPU_EVENTS, struct kvm_vcpu_events),
		GET(KVM_GET_MP_STATE, struct kvm_mp_state),
		GET_VM(KVM_GET_CLOCK, struct kvm_clock_data),
	};
	static const uint8_t was_there[] = { 0xa5, 0x3c };
	struct machine m;
	/* A page, and behind that nothing. */
	uint8_t *edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, edge);
	ASSERT_EQ(0, munmap(edge + PAGE, PAGE));
	ASSERT_MACHINE(&m, 2);
	for (size_t i = 0; i < ARRAY_SIZE(gets); i++) {
		uint8_t got[2][8192];
		int fd = gets[i].vm ? m.vm.fd : m.vcpu.fd, ret;
		size_t stale = 0;

		for (size_t turn = 0; turn < ARRAY_SIZE(was_there); turn++) {
			leave_stale_bytes(&m, was_there[turn], edge);
			memset(got[turn], 0x5a, sizeof(got[turn]));
			ret = sys_ioctl_ptr(fd, gets[i].cmd, got[turn]);
		}
		if (ret == -ENOTTY || ret == -EINVAL)
			continue;
		EXPECT_EQ(0, ret) {
			TH_LOG("%s", gets[i].name);
		}
		for (size_t byte = 0; byte < gets[i].size; byte++)
			stale += got[0][byte] == was_there[0] && got[1][byte] == was_there[1];
		EXPECT_EQ(0, stale) {
			TH_LOG("%s: %zu bytes", gets[i].name, stale);
		}
		/* And not one byte more. */
		EXPECT_EQ(0x5a, got[1][gets[i].size]) {
			TH_LOG("%s", gets[i].name);
		}
	}
	machine_destroy(&m);
	munmap(edge, PAGE);
}

TEST_HARNESS_MAIN
