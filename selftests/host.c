// SPDX-License-Identifier: GPL-2.0
/*
 * The host beside a guest on the same CPU: what a process has in the CPU is
 * still there after the guest has run, both when another thread ran the guest
 * and when the process did so itself.
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/io.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "beside.h"
#include "harness.h"

#define TURNS		8
#define PORT_POST	0x80	/* diagnostic codes: nothing listens */

FIXTURE(host) {
	struct neighbour n;
};

FIXTURE_SETUP(host)
{
	ASSERT_EQ(0, neighbour_start(&self->n)) {
		TH_LOG("cannot run a guest with %s", test_device());
	}
	ASSERT_TRUE(neighbour_turn(&self->n)) {
		TH_LOG("the guest beside us does not run: %d", self->n.error);
	}
}

FIXTURE_TEARDOWN(host)
{
	EXPECT_EQ(0, neighbour_stop(&self->n));
}

/* Run something of ours in this very thread. */
#define ASSERT_RUN_OURSELVES(m)						\
do {									\
	struct vm_op __op = vm_op_wrmsr(MSR_IA32_KERNEL_GS_BASE, 0x1000); \
	ASSERT_OPS(&(m)->vcpu, &__op, 1);				\
	ASSERT_EQ(VM_OP_DONE, __op.vector);				\
} while (0)

/* A VM exit shortens the TSS, and with it the I/O permissions that end it. */
TEST_F(host, io_ports)
{
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, ioperm(PORT_POST, 1, 1));
	for (int i = 0; i < TURNS; i++) {
		outb(i, PORT_POST);
		ASSERT_TRUE(neighbour_turn(&self->n));
		outb(i, PORT_POST);
		ASSERT_RUN_OURSELVES(&m);
		outb(i, PORT_POST);
	}
	ASSERT_EQ(0, ioperm(PORT_POST, 1, 0));
	ASSERT_EQ(0, iopl(3));
	for (int i = 0; i < TURNS; i++) {
		outb(i, PORT_POST);
		ASSERT_TRUE(neighbour_turn(&self->n));
		outb(i, PORT_POST);
		ASSERT_RUN_OURSELVES(&m);
		outb(i, PORT_POST);
	}
	machine_destroy(&m);
}

/* And the other way round: no permission comes from it either. */
TEST_F(host, no_io_ports_for_free)
{
	int turn[2], status;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(turn));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Its turn, which this process would not see, is the parent's to take. */
		if (read(turn[0], &byte, 1) != 1)
			_exit(1);
		outb(0, PORT_POST);
		_exit(0);
	}
	ASSERT_TRUE(neighbour_turn(&self->n));
	ASSERT_EQ(1, write(turn[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
		TH_LOG("a process without ioperm() wrote to a port");
	}
}

static uint64_t get_base(int which)
{
	uint64_t base = ~0ULL;

	syscall(SYS_arch_prctl, which, &base);
	return base;
}

TEST_F(host, fs_and_gs_base)
{
	const uint64_t fs = get_base(ARCH_GET_FS);
	const bool fsgsbase = getauxval(AT_HWCAP2) & 2;
	uint64_t target = 0x900d;
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, &target));
	for (int i = 0; i < 2 * TURNS; i++) {
		uint64_t gs, seen;

		if (fsgsbase && i & 1) {
			/* Unknown to the kernel until it looks. */
			target = 0x900d + i;
			asm volatile("wrgsbase %0" :: "r"(&target));
		}
		if (i & 2)
			ASSERT_RUN_OURSELVES(&m);
		else
			ASSERT_TRUE(neighbour_turn(&self->n));

		asm volatile("movq %%gs:0, %0" : "=r"(seen));
		EXPECT_EQ(target, seen);
		EXPECT_EQ((uintptr_t)&target, get_base(ARCH_GET_GS));
		EXPECT_EQ(fs, get_base(ARCH_GET_FS));
		if (fsgsbase) {
			asm volatile("rdgsbase %0" : "=r"(gs));
			EXPECT_EQ((uintptr_t)&target, gs);
		}
	}
	machine_destroy(&m);
}

/* Selectors of an LDT: host state in a VMCS cannot hold them. */
TEST_F(host, segments_from_an_ldt)
{
	struct user_desc desc = {
		.entry_number = 0, .limit = 0xfffff, .seg_32bit = 1,
		.limit_in_pages = 1,
	};
	const uint16_t selector = 0 << 3 | 4 | 3;
	uint64_t *target;
	struct machine m;

	/* A base in a descriptor has 32 bits. */
	target = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, target);
	*target = 0x1d7;
	desc.base_addr = (uintptr_t)target;

	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)))
		SKIP(return, "modify_ldt(): %s", strerror(errno));
	ASSERT_MACHINE(&m, 2);
	asm volatile("movw %0, %%es\n"
		     "movw %0, %%ds\n"
		     "movw %0, %%gs" :: "r"(selector));
	for (int i = 0; i < TURNS; i++) {
		uint16_t ds, es, gs;
		uint64_t seen;

		if (i & 1)
			ASSERT_RUN_OURSELVES(&m);
		else
			ASSERT_TRUE(neighbour_turn(&self->n));
		asm volatile("movw %%ds, %0\n"
			     "movw %%es, %1\n"
			     "movw %%gs, %2" : "=r"(ds), "=r"(es), "=r"(gs));
		EXPECT_EQ(selector, ds);
		EXPECT_EQ(selector, es);
		EXPECT_EQ(selector, gs);
		asm volatile("movq %%gs:0, %0" : "=r"(seen));
		EXPECT_EQ(0x1d7, seen);
		/* Faults if the LDT is not there any more. */
		asm volatile("movw %0, %%es" :: "r"(selector));
	}
	machine_destroy(&m);
}

/* Their limits are 0xffff after a VM exit, unless somebody cares. */
TEST_F(host, descriptor_tables)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} gdt[2], idt[2];
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	asm volatile("sgdt %0" : "=m"(gdt[0]));
	asm volatile("sidt %0" : "=m"(idt[0]));
	/* No table is as short. */
	if (!gdt[0].limit)
		SKIP(return, "the kernel makes up what SGDT and SIDT give (UMIP)");
	for (int i = 0; i < TURNS; i++) {
		if (i & 1)
			ASSERT_RUN_OURSELVES(&m);
		else
			ASSERT_TRUE(neighbour_turn(&self->n));
		asm volatile("sgdt %0" : "=m"(gdt[1]));
		asm volatile("sidt %0" : "=m"(idt[1]));
		EXPECT_EQ(gdt[0].limit, gdt[1].limit);
		EXPECT_EQ(idt[0].limit, idt[1].limit);
		EXPECT_EQ(gdt[0].base, gdt[1].base);
		EXPECT_EQ(idt[0].base, idt[1].base);
	}
	EXPECT_NE(0xffff, gdt[0].limit);
	if (!testing_kvm())	/* which thinks that it does no harm */
		EXPECT_NE(0xffff, idt[0].limit);
	machine_destroy(&m);
}

/* Written by a child, watched by a debug register of the CPU. */
static volatile int watched;

static void be_watched(bool run_guests)
{
	/* The guest has a breakpoint of its own, in the same register. */
	struct kvm_debugregs guests = { .db = { 0x1000 }, .dr6 = 0xffff0ff0, .dr7 = 0x401 };
	struct machine m;

	if (machine_create(&m, 2) ||
	    sys_ioctl_ptr(m.vcpu.fd, KVM_SET_DEBUGREGS, &guests))
		_exit(1);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	for (int i = 0; i < TURNS; i++) {
		struct vm_op op = vm_op_cpuid(0, 0);

		if (run_guests && vm_run_ops(&m.vcpu, &op, 1))
			_exit(2);
		if (!run_guests)
			usleep(1000);	/* the neighbour's turn */
		watched = i;
	}
	_exit(0);
}

static void watch(struct __test_metadata *_metadata, bool run_guests)
{
	const unsigned long dr7 = 0xd0001;	/* DR0, write, 4 bytes */
	int hits = 0, status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		be_watched(run_guests);

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid,
			    offsetof(struct user, u_debugreg[0]), &watched));
	ASSERT_EQ(0, ptrace(PTRACE_POKEUSER, pid,
			    offsetof(struct user, u_debugreg[7]), dr7));
	for (;;) {
		ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		ASSERT_EQ(SIGTRAP, WSTOPSIG(status));
		hits++;
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(TURNS, hits) {
		TH_LOG("of %d writes %d were caught", TURNS, hits);
	}
}

TEST_F(host, debug_registers_beside_a_guest)
{
	watch(_metadata, false);
}

TEST_F(host, debug_registers_of_who_runs_a_guest)
{
	watch(_metadata, true);
}

/* The kernel's register file of a thread that does not run the guest. */
TEST_F(host, vector_registers_of_a_neighbour)
{
	uint8_t in[16][16], out[16][16];

	for (int i = 0; i < 16; i++)
		memset(in[i], 0x30 + i, 16);
	for (int i = 0; i < TURNS; i++) {
		unsigned long turn = self->n.entries;
		const struct timespec nap = { .tv_nsec = 5000000 * test_patience() };
		long ret;

		asm volatile(".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			     "movups 16 * \\i(%[in]), %%xmm\\i\n"
			     ".endr\n"
			     "syscall\n"
			     ".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
			     "movups %%xmm\\i, 16 * \\i(%[out])\n"
			     ".endr\n"
			     : "=a"(ret)
			     : "0"(SYS_nanosleep), "D"(&nap), "S"(0),
			       [in] "r"(in), [out] "r"(out)
			     : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2",
			       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			       "xmm14", "xmm15");
		EXPECT_EQ(0, ret);
		EXPECT_NE(turn, self->n.entries) {
			TH_LOG("the guest did not run meanwhile");
		}
		EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	}
}

static bool has_pku(void)
{
	uint32_t eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
	       ecx & bit_OSPKE;
}

static uint32_t rdpkru(void)
{
	uint32_t pkru, edx;

	asm volatile("rdpkru" : "=a"(pkru), "=d"(edx) : "c"(0));
	return pkru;
}

/* Sets CR4.PKE and a PKRU of its own. */
GUEST_CODE(use_pkru, 64,
	   "movq %cr4, %rax\n"
	   "orl $0x400000, %eax\n"
	   "movq %rax, %cr4\n"
	   "xorl %ecx, %ecx\n"
	   "xorl %edx, %edx\n"
	   "movl $0x55555550, %eax\n"
	   "wrpkru\n"
	   "1: outb %al, $0xe0\n"
	   "rdpkru\n"
	   "jmp 1b\n");

TEST_F(host, pkru)
{
	const uint32_t ours = 0xaaaaaaa0;
	struct kvm_regs regs;
	struct machine m;

	if (!has_pku())
		SKIP(return, "the CPU has no protection keys, or the kernel does not use them");

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, use_pkru));
	asm volatile("wrpkru" :: "a"(ours), "c"(0), "d"(0));
	for (int i = 0; i < TURNS; i++) {
		ASSERT_EXIT(KVM_EXIT_IO, &m.vcpu);
		EXPECT_EQ(ours, rdpkru());
		ASSERT_TRUE(neighbour_turn(&self->n));
		EXPECT_EQ(ours, rdpkru());
	}
	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0x55555550, regs.rax) {
		TH_LOG("the guest has lost its PKRU");
	}
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
