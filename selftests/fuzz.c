// SPDX-License-Identifier: GPL-2.0
/*
 * The frame of the fuzzers: see fuzz.h.
 */
#include <asm/processor-flags.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

#include "fuzz.h"
#include "kselftest.h"

#define SEEDS_FILE	"fuzz_seeds"
#define SEEDS_MAX	64
#define SECONDS_DEFAULT	7
#define SAY_MS		5000	/* how often it says how far it is */
#define PAE_PDPT	(FUZZ_CODE + 0x10000)
#define PAGE_DIRECTORY	(FUZZ_CODE + 0x11000)
#define PDE_LARGE	0x87	/* present, to be written, the user's, of 4 MiB */

__thread uint64_t fuzz_state;

/* Shared by all processes of a fuzzer. */
static struct report {
	uint64_t ops;
	bool failed;
	char words[256];
} *report;

static struct {
	uint64_t ops;		/* 0: any number */
	uint64_t deadline;	/* in ms; 0: never */
} budget;

uint64_t fuzz_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

void fuzz_did(uint64_t n)
{
	__atomic_fetch_add(&report->ops, n, __ATOMIC_RELAXED);
}

static uint64_t ops_done(void)
{
	return __atomic_load_n(&report->ops, __ATOMIC_RELAXED);
}

bool fuzz_failed(void)
{
	return __atomic_load_n(&report->failed, __ATOMIC_ACQUIRE);
}

const char *fuzz_words(void)
{
	return report->words;
}

bool fuzz_begin(void)
{
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	return report != MAP_FAILED;
}

static bool late(void)
{
	return budget.deadline && fuzz_now_ms() >= budget.deadline;
}

bool fuzz_over(void)
{
	return fuzz_failed() || (budget.ops && ops_done() >= budget.ops) || late();
}

void fuzz_fail(const char *format, ...)
{
	char words[sizeof(report->words)];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (!__atomic_exchange_n(&report->failed, true, __ATOMIC_ACQ_REL))
		strcpy(report->words, words);
}

uint64_t fuzz_value(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 0xff, 0x100, 0xfff, 0x1000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffff, 0x800000000000, 0xffff7fffffffffff,
		0xffff800000000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL,
		0xfee00000, 0xfffff000, 0xfffffffffffff000, 0x000fffffffffffff,
	};
	uint64_t r = fuzz_random();

	switch (r & 7) {
	case 0 ... 2:
		return fuzz_pick(edges);
	case 3:
		return fuzz_pick(edges) + (int8_t)(r >> 8);
	case 4:
		return 1ULL << (r >> 8 & 63);
	case 5:
		return ~(1ULL << (r >> 8 & 63));
	case 6:
		return fuzz_random() >> (r >> 8 & 63);
	default:
		return fuzz_random();
	}
}

void fuzz_mutate(void *image, size_t size)
{
	unsigned int n = 1 + fuzz_below(4);
	uint8_t *bytes = image;
	uint64_t value;
	size_t width;

	while (n--) {
		if (fuzz_one_in(3)) {
			bytes[fuzz_below(size)] ^= 1 << fuzz_below(8);
			continue;
		}
		width = 1 << fuzz_below(4);
		if (width > size)
			continue;
		value = fuzz_value();
		memcpy(bytes + fuzz_below(size / width) * width, &value, width);
	}
}

static void kicked(int signal)
{
	(void)signal;
}

void fuzz_kicks(unsigned int usec)
{
	/* On a slow kernel KVM_RUN has to get into the guest first. */
	const suseconds_t after = usec * test_patience();
	const struct itimerval timer = {
		.it_interval.tv_usec = after, .it_value.tv_usec = after,
	};
	/* No SA_RESTART: KVM_RUN is to end. */
	const struct sigaction action = { .sa_handler = kicked };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* The first four GiB, each in 512 pages of 2 MiB, all the same GiB. */
static int fill_pae_tables(struct vm *vm)
{
	uint64_t pdpte[4];

	for (int i = 0; i < 4; i++)
		pdpte[i] = VM_GPA_PD | 1;
	return vm_load_code(vm, PAE_PDPT, pdpte, sizeof(pdpte));
}

/* All four GiB, each page at its own address. */
static int fill_32_bit_tables(struct vm *vm)
{
	uint32_t pde[1024];

	for (uint32_t i = 0; i < FUZZ_ARRAY_SIZE(pde); i++)
		pde[i] = i << 22 | PDE_LARGE;
	return vm_load_code(vm, PAGE_DIRECTORY, pde, sizeof(pde));
}

int fuzz_set_mode(struct vcpu *vcpu, enum fuzz_mode mode, uint16_t rip)
{
	static const enum vm_mode modes[] = {
		[FUZZ_REAL] = VM_MODE_REAL, [FUZZ_PROTECTED] = VM_MODE_PROTECTED,
		[FUZZ_PAE] = VM_MODE_PROTECTED, [FUZZ_LONG] = VM_MODE_LONG,
		[FUZZ_PAGING_32] = VM_MODE_PROTECTED,
	};
	uint64_t base = mode == FUZZ_REAL ? 0 : FUZZ_CODE;
	struct kvm_sregs sregs;
	int ret;

	ret = vcpu_set_mode(vcpu, modes[mode], base + rip, base + FUZZ_STACK);
	if (ret || mode == FUZZ_PROTECTED || mode == FUZZ_LONG)
		return ret;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	if (mode == FUZZ_REAL) {
		struct kvm_segment *segs[] = { &sregs.cs, &sregs.ss, &sregs.ds, &sregs.es };

		for (size_t i = 0; i < FUZZ_ARRAY_SIZE(segs); i++) {
			segs[i]->selector = FUZZ_CODE >> 4;
			segs[i]->base = FUZZ_CODE;
		}
	} else {
		bool pae = mode == FUZZ_PAE;

		ret = pae ? fill_pae_tables(vcpu->vm) : fill_32_bit_tables(vcpu->vm);
		if (ret)
			return ret;
		sregs.cr3 = pae ? PAE_PDPT : PAGE_DIRECTORY;
		sregs.cr4 |= pae ? X86_CR4_PAE : X86_CR4_PSE;
		sregs.cr0 |= X86_CR0_PG;
	}
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
}

bool fuzz_machine(struct machine *m, bool lapic, bool cpuid)
{
	int ret;

	m->dev = vm_open_device(test_device());
	if (!fuzz_expect(m->dev >= 0, "%s: %s", test_device(), strerror(-m->dev)))
		return false;
	ret = vm_create(&m->vm, m->dev, FUZZ_MIB);
	if (!fuzz_expect(!ret, "KVM_CREATE_VM: %s", strerror(-ret)))
		goto err_close;
	if (lapic)
		ret = sys_ioctl(m->vm.fd, KVM_CREATE_IRQCHIP, 0);
	if (!fuzz_expect(!ret, "KVM_CREATE_IRQCHIP: %s", strerror(-ret)))
		goto err_vm;
	ret = vcpu_create(&m->vcpu, &m->vm, 0);
	if (!fuzz_expect(!ret, "KVM_CREATE_VCPU: %s", strerror(-ret)))
		goto err_vm;
	if (cpuid)
		ret = vcpu_set_supported_cpuid(&m->vcpu);
	if (!fuzz_expect(!ret, "KVM_SET_CPUID2: %s", strerror(-ret)))
		goto err_vcpu;
	return true;

err_vcpu:
	vcpu_destroy(&m->vcpu);
err_vm:
	vm_destroy(&m->vm);
err_close:
	close(m->dev);
	return false;
}

bool fuzz_exit_is_defined(int ret, const struct kvm_run *run)
{
	if (ret)
		return ret == -EINTR || ret == -EFAULT || (testing_kvm() && ret == -EAGAIN);
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
	case KVM_EXIT_HLT:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_SHUTDOWN:
	case KVM_EXIT_FAIL_ENTRY:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_INTERNAL_ERROR:
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return true;
	default:
		return false;
	}
}

/* After all of it the device still makes VMs whose guests get the right answers. */
static bool still_works(void)
{
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_PAT),
		vm_op_wrmsr(MSR_IA32_LSTAR, CANONICAL_HIGH),
		vm_op_wrmsr(MSR_IA32_LSTAR, NONCANONICAL),
		vm_op_rdmsr(MSR_IA32_LSTAR),
		vm_op_rdmsr(MSR_UNKNOWN),
	};
	struct machine m;
	int ret;

	if (machine_create(&m, FUZZ_MIB))
		return false;
	ret = vm_run_ops(&m.vcpu, ops, FUZZ_ARRAY_SIZE(ops));
	machine_destroy(&m);
	return !ret && ops[0].vector == VM_OP_DONE && vm_op_value(&ops[0]) == PAT_RESET &&
	       ops[1].vector == VM_OP_DONE && ops[2].vector == 13 &&
	       ops[3].vector == VM_OP_DONE && vm_op_value(&ops[3]) == CANONICAL_HIGH &&
	       ops[4].vector == 13;
}

struct seed {
	unsigned long seed;
	char words[128];
};

/* The lines "FUZZER SEED WORDS" of the file beside the program; a # begins a remark. */
static size_t read_seeds(const char *name, struct seed *seeds)
{
	char path[PATH_MAX] = "", line[256], fuzzer[32];
	size_t n = 0;
	FILE *file;

	if (readlink("/proc/self/exe", path, sizeof(path) - sizeof(SEEDS_FILE) - 1) < 0)
		return 0;
	strcat(dirname(path), "/" SEEDS_FILE);
	file = fopen(path, "r");
	if (!file)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	while (n < SEEDS_MAX && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %lx %127[^\n]", fuzzer, &seeds[n].seed,
			   seeds[n].words) == 3 && !strcmp(fuzzer, name))
			n++;
	}
	fclose(file);
	return n;
}

static bool run_round(const struct fuzzer *fuzzer, uint64_t seed)
{
	fuzz_state = seed;
	fuzzer->round();
	fuzz_kicks(0);
	if (fuzz_failed())
		ksft_print_msg("%s: seed %#lx: %s\n", fuzzer->name, seed, report->words);
	return !fuzz_failed();
}

static uint64_t next_seed(uint64_t seed)
{
	fuzz_state = seed ^ 0x6d696e69687621;
	return fuzz_random();
}

static void replay(const struct fuzzer *fuzzer, const struct seed *seeds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		report->failed = false;
		if (run_round(fuzzer, seeds[i].seed))
			ksft_test_result_pass("%#lx: %s\n", seeds[i].seed, seeds[i].words);
		else
			ksft_test_result_fail("%#lx: %s\n", seeds[i].seed, seeds[i].words);
	}
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* As many rounds as the budget allows. */
static bool run(const struct fuzzer *fuzzer, uint64_t seed)
{
	uint64_t seconds = number_from("MINIHV_FUZZ_SECONDS", 0);
	uint64_t began = fuzz_now_ms(), said = began;
	bool enough;

	budget.ops = number_from("MINIHV_FUZZ_OPS", 0);
	if (!seconds && !budget.ops)
		seconds = SECONDS_DEFAULT;
	budget.deadline = seconds ? began + 1000 * seconds : 0;
	report->failed = false;
	report->ops = 0;
	ksft_print_msg("%s: seed %#lx\n", fuzzer->name, seed);
	for (; !fuzz_over(); seed = next_seed(seed)) {
		if (!run_round(fuzzer, seed))
			break;
		if (fuzz_now_ms() - said >= SAY_MS) {
			said = fuzz_now_ms();
			ksft_print_msg("%s: %lu operations\n", fuzzer->name, ops_done());
		}
	}
	ksft_print_msg("%s: %lu operations in %lu ms\n", fuzzer->name,
		       ops_done(), fuzz_now_ms() - began);
	enough = budget.ops ? ops_done() >= budget.ops : ops_done() > 0;
	if (!enough)
		ksft_print_msg("%s: too few\n", fuzzer->name);
	return enough && !fuzz_failed();
}

int fuzz_main(const struct fuzzer *fuzzer)
{
	static struct seed seeds[SEEDS_MAX];
	size_t n = read_seeds(fuzzer->name, seeds);
	uint64_t seed;

	if (!fuzz_begin() || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ksft_exit_fail_msg("%s\n", strerror(errno));
	seed = number_from("MINIHV_FUZZ_SEED", seed);

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(n + 2);
	replay(fuzzer, seeds, n);
	if (run(fuzzer, seed))
		ksft_test_result_pass("seed %#lx\n", seed);
	else
		ksft_test_result_fail("seed %#lx\n", seed);
	if (still_works())
		ksft_test_result_pass("a new VM works\n");
	else
		ksft_test_result_fail("a new VM does not work\n");
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
