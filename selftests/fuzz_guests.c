// SPDX-License-Identifier: GPL-2.0
/*
 * Guests of random bytes, and of random sequences of the instructions that a
 * hypervisor has to do with, in all modes. The code is a row of slots; whatever
 * exception ends one, its handler goes on with the next. An operation is a slot
 * that the guest has got to.
 *
 * A guest begins in a good state, and what it does by itself cannot lead to one
 * that VM entry refuses. The state that it ends in can be read and written back.
 */
#include <asm/processor-flags.h>
#include <stdio.h>

#include "fuzz.h"
#include "fuzz_insn.h"
#include "guest_code.h"

/* In the 64 KiB of code; stores of random code go to lower addresses mostly. */
#define SLOTS		0x1000
#define HANDLER		0xa000
#define COUNTER		0xa800
#define IDT		0xb000
#define TSS		0xc000
#define OUT		0xe6	/* to port 0xe6, at any byte: what the rest is full of */

#define IO_MAP		0x2000	/* bytes, a bit for each port */

#define N_SLOTS		64
#define ROUND_GUESTS	64
#define GUESTS_UNSEEN	64	/* so many of a mode, and none of them in it, is a failure */
#define ENTRIES_MAX	96
#define KICK_USEC	1000
#define GATES		256
#define EXIT_TASK_SWITCH	9

/*
 * Count; then to the slot of that number, or to the end.
 *
 * Bochs 2.7 does not let the host's interrupts end a guest that has RFLAGS.IF clear.
 * So it is set, what random bytes there are does not clear it, and code that is
 * none of them leaves the guest.
 */
GUEST_CODE(next_slot_16, 16,
	   "sti\n"
	   "movw $0xf000, %sp\n"
	   "incw %cs:0xa800\n"
	   "movw %cs:0xa800, %bx\n"
	   "cmpw $64, %bx\n"
	   "jae 1f\n"
	   "shlw $5, %bx\n"
	   "addw $0x1000, %bx\n"
	   "jmp *%bx\n"
	   "1: hlt\n"
	   "jmp 1b\n");

/* The same in 32 bits and in 64; @first is where a guest begins that is not in its mode yet. */
#define NEXT_SLOT(first, go)						\
	   "sti\n"							\
	   "movl $0x1f000, %esp\n"					\
	   "incl 0x1a800\n"						\
	   first ": movl 0x1a800, %ebx\n"				\
	   "cmpl $64, %ebx\n"						\
	   "jae 1f\n"							\
	   "shll $5, %ebx\n"						\
	   "addl $0x11000, %ebx\n"					\
	   go								\
	   "1: hlt\n"							\
	   "jmp 1b\n"

GUEST_CODE(next_slot_32, 32, NEXT_SLOT("first_32", "jmp *%ebx\n"));
GUEST_CODE(next_slot_64, 64, NEXT_SLOT("first_64", "jmp *%rbx\n"));

/* In a segment of 64-bit code; VM_SEL_CODE32 has what is to be run. */
GUEST_CODE(next_slot_compat, 64,
	   NEXT_SLOT("first_compat", "pushq $0x18\npushq %rbx\nlretq\n"));
GUEST_LABEL(first_compat);

/* FUZZ_SEL_CODE16 begins at FUZZ_CODE. */
GUEST_CODE(next_slot_p16, 32,
	   NEXT_SLOT("first_p16",
		     "subl $0x10000, %ebx\n"
		     "pushl $0x40\n"
		     "pushl %ebx\n"
		     "lretl\n"));
GUEST_LABEL(first_p16);

/* From virtual-8086 mode it comes with empty segments, and goes there with IOPL 3. */
GUEST_CODE(next_slot_v86, 32,
	   "movl $0x10, %ebx\n"
	   "movl %ebx, %ds\n"
	   NEXT_SLOT("first_v86",
		     "subl $0x10000, %ebx\n"
		     "movl $0x1000, %ecx\n"
		     "pushl %ecx\n"
		     "pushl %ecx\n"
		     "pushl %ecx\n"
		     "pushl %ecx\n"
		     "pushl %ecx\n"
		     "pushl $0xf000\n"
		     "pushl $0x23202\n"
		     "pushl %ecx\n"
		     "pushl %ebx\n"
		     "iretl\n"));
GUEST_LABEL(first_v86);

/* What a guest's slots are in. */
static struct mode {
	enum fuzz_mode begins_in;
	unsigned int bits;
	const uint8_t *handler, *end;
	const uint8_t *first;	/* in the handler, on the way to the mode; NULL: a slot is first */
	bool virtual_8086;
	bool seen;		/* a guest in it */
	unsigned int guests;
} modes[] = {
	{ FUZZ_REAL, 16, next_slot_16, next_slot_16_end },
	{ FUZZ_PROTECTED, 32, next_slot_32, next_slot_32_end },
	{ FUZZ_PAE, 32, next_slot_32, next_slot_32_end },
	{ FUZZ_LONG, 64, next_slot_64, next_slot_64_end },
	{ FUZZ_PAGING_32, 32, next_slot_32, next_slot_32_end },
	{ FUZZ_LONG, 32, next_slot_compat, next_slot_compat_end, first_compat },
	{ FUZZ_PROTECTED, 16, next_slot_p16, next_slot_p16_end, first_p16 },
	{ FUZZ_PROTECTED, 16, next_slot_v86, next_slot_v86_end, first_v86, .virtual_8086 = true },
};

#define HALF	(FUZZ_ARRAY_SIZE(modes) / 2)

static struct {
	struct machine m;
	bool lapic, cpuid;
	struct fuzz_msrs msrs;
	uint8_t tables[FUZZ_CODE + 0x10000];	/* what the library has put into memory */
	struct mode *mode;
	bool bytes;
} g;

static bool is_real(void)
{
	return g.mode->begins_in == FUZZ_REAL;
}

static int mode_number(void)
{
	return g.mode - modes;
}

/* Trap gates that all lead to the handler, in long mode on a stack of its own. */
static void fill_idt(void)
{
	const uint64_t gate = (FUZZ_CODE + HANDLER) & 0xffff, high = FUZZ_CODE >> 16;
	uint16_t vector[2] = { HANDLER, FUZZ_CODE >> 4 };
	uint64_t *idt = vm_gpa(&g.m.vm, FUZZ_CODE + IDT, GATES * 16);

	for (int i = 0; i < GATES; i++) {
		switch (g.mode->begins_in) {
		case FUZZ_REAL:
			memcpy(vm_gpa(&g.m.vm, 4 * i, sizeof(vector)), vector, sizeof(vector));
			break;
		case FUZZ_LONG:
			idt[2 * i] = gate | VM_SEL_CODE64 << 16 | 0x8f01ULL << 32 | high << 48;
			idt[2 * i + 1] = 0;
			break;
		default:
			idt[i] = gate | VM_SEL_CODE32 << 16 | 0x8f00ULL << 32 | high << 48;
		}
	}
}

/* Where exceptions of virtual-8086 mode find a stack, and with all ports allowed. */
static void fill_tss(uint8_t *tss)
{
	const uint32_t stack[] = { FUZZ_CODE + FUZZ_STACK, VM_SEL_DATA };
	const uint16_t io_map = VM_TSS_SIZE;

	memcpy(tss + 4, stack, sizeof(stack));
	memcpy(tss + 102, &io_map, sizeof(io_map));
	memset(tss + VM_TSS_SIZE, 0, IO_MAP);
	tss[VM_TSS_SIZE + IO_MAP] = 0xff;
}

static void fill_code(void)
{
	uint8_t *code = vm_gpa(&g.m.vm, FUZZ_CODE, 0x10000);
	const uint64_t tss = FUZZ_CODE + TSS;
	/* Present, an available TSS of 104 bytes. */
	const uint64_t descriptor = 0x67 | (tss & 0xffffff) << 16 | 0x89ULL << 40;
	/* Present, 64 KiB of 16-bit code that can be read. */
	const uint64_t code16 = 0xffff | (uint64_t)FUZZ_CODE << 16 | 0x9bULL << 40;

	memcpy(g.m.vm.mem, g.tables, sizeof(g.tables));
	memcpy(g.m.vm.mem + VM_GPA_GDT + FUZZ_SEL_TSS, &descriptor, sizeof(descriptor));
	memcpy(g.m.vm.mem + VM_GPA_GDT + FUZZ_SEL_CODE16, &code16, sizeof(code16));
	memcpy(code + HANDLER, g.mode->handler, g.mode->end - g.mode->handler);
	memset(code + COUNTER, 0, 4);
	for (int i = 0; i < N_SLOTS; i++) {
		if (g.bytes)
			fuzz_bytes(code + SLOTS + i * FUZZ_SLOT);
		else
			fuzz_insn(code + SLOTS + i * FUZZ_SLOT, g.mode->bits, &g.msrs);
	}
}

static unsigned int slots_done(void)
{
	uint32_t n;

	memcpy(&n, vm_gpa(&g.m.vm, FUZZ_CODE + COUNTER, sizeof(n)), sizeof(n));
	return n < N_SLOTS ? n : N_SLOTS;
}

static int vcpu_call(unsigned long cmd, void *arg)
{
	return sys_ioctl_ptr(g.m.vcpu.fd, cmd, arg);
}

static bool no_events(void)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};
	struct kvm_debugregs debugregs = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	return fuzz_expect(!vcpu_call(KVM_SET_VCPU_EVENTS, &events) &&
			   !vcpu_call(KVM_SET_DEBUGREGS, &debugregs) &&
			   !vcpu_call(KVM_SET_MP_STATE, &runnable), "no fresh start");
}

static bool start_guest(void)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int ret;

	fill_code();
	fill_idt();
	if (g.mode->virtual_8086)
		fill_tss(vm_gpa(&g.m.vm, VM_GPA_VCPUS, VM_TSS_SIZE + IO_MAP + 1));
	if (!no_events())
		return false;
	ret = fuzz_set_mode(&g.m.vcpu, g.mode->begins_in,
			    g.mode->first ? HANDLER + (g.mode->first - g.mode->handler) : SLOTS);
	if (!fuzz_expect(!ret, "mode %d: %d", mode_number(), ret))
		return false;
	if (vcpu_call(KVM_GET_REGS, &regs) || vcpu_call(KVM_GET_SREGS, &sregs))
		return fuzz_expect(false, "registers cannot be read");
	regs.rflags |= X86_EFLAGS_IF;
	ret = vcpu_call(KVM_SET_REGS, &regs);
	if (!fuzz_expect(!ret, "KVM_SET_REGS: %d", ret))
		return false;
	if (is_real())
		return true;
	sregs.idt.base = FUZZ_CODE + IDT;
	sregs.idt.limit = GATES * (g.mode->begins_in == FUZZ_LONG ? 16 : 8) - 1;
	sregs.gdt.limit = FUZZ_SEL_CODE16 + 7;
	if (g.mode->virtual_8086)
		sregs.tr.limit = VM_TSS_SIZE + IO_MAP;
	ret = vcpu_call(KVM_SET_SREGS, &sregs);
	if (!fuzz_expect(!ret, "KVM_SET_SREGS: %d", ret))
		return false;
	/* Where there is no XSAVE this is refused. */
	sregs.cr4 |= X86_CR4_OSXSAVE;
	vcpu_call(KVM_SET_SREGS, &sregs);
	return true;
}

/* Interrupts and NMIs, now and then, when the guest may or may not want them. */
static void send_something(void)
{
	struct kvm_interrupt interrupt = { .irq = fuzz_below(256) };
	struct kvm_msi msi = {
		.address_lo = 0xfee00000,
		.data = fuzz_below(256) | (fuzz_one_in(8) ? 0x400 : 0), /* or NMI */
	};
	int ret = 0;

	switch (fuzz_below(24)) {
	case 0:
		ret = vcpu_call(KVM_NMI, NULL);
		break;
	case 1 ... 3:
		if (g.lapic)
			ret = sys_ioctl_ptr(g.m.vm.fd, KVM_SIGNAL_MSI, &msi);
		else if (!testing_kvm() || g.m.vcpu.run->ready_for_interrupt_injection)
			ret = vcpu_call(KVM_INTERRUPT, &interrupt);
		break;
	case 4:
		g.m.vcpu.run->request_interrupt_window ^= 1;
		break;
	}
	fuzz_expect(ret >= 0 || ret == -EEXIST, "an interrupt: %d", ret);
}

/*
 * The handler is where the client sends a guest that is at something it cannot do. It is beyond
 * the limit of a segment of 16-bit code, and that exception leads there.
 */
static void skip(void)
{
	struct kvm_regs regs;

	if (vcpu_call(KVM_GET_REGS, &regs))
		return;
	regs.rip = HANDLER + (is_real() ? 0 : FUZZ_CODE);
	regs.rsp = FUZZ_STACK + (is_real() ? 0 : FUZZ_CODE);
	vcpu_call(KVM_SET_REGS, &regs);
}

static void answer(void *data, size_t size)
{
	for (uint8_t *p = data; size--; p++)
		*p = fuzz_random();
}

/* What has no handler in minihv; abi.rst says which exits that are. */
static bool may_be_unexpected(const struct kvm_run *run)
{
	return testing_kvm() || run->internal.data[0] == EXIT_TASK_SWITCH;
}

static const char *content(void)
{
	return g.bytes ? "bytes" : "instructions";
}

/*
 * Bochs 2.7: IRET to virtual-8086 mode leaves the L bit of a segment register that held
 * a 64-bit code segment, which no CPU does, and which VM entry refuses.
 */
static bool left_l_bit(const struct kvm_regs *regs, const struct kvm_sregs *sregs)
{
	return regs->rflags & X86_EFLAGS_VM &&
	       (sregs->ds.l || sregs->es.l || sregs->fs.l || sregs->gs.l || sregs->ss.l);
}

static void entry_failed(const struct kvm_run *run)
{
	struct kvm_vcpu_events e = {};
	struct kvm_sregs sregs = {};
	struct kvm_regs regs = {};

	vcpu_call(KVM_GET_VCPU_EVENTS, &e);
	vcpu_call(KVM_GET_SREGS, &sregs);
	vcpu_call(KVM_GET_REGS, &regs);
	if (left_l_bit(&regs, &sregs))
		return;
	fuzz_fail("mode %d, %s: entry fails: %#llx; CR0 %#llx RIP %#llx RFLAGS %#llx %d %d %d %d",
		  mode_number(), content(), run->fail_entry.hardware_entry_failure_reason,
		  sregs.cr0, regs.rip, regs.rflags, e.exception.injected, e.exception.nr,
		  e.nmi.masked, e.interrupt.shadow);
}

/* Deal with an exit; false if it is the guest's last. */
static bool handle_exit(struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (!fuzz_expect(run->io.data_offset + (uint64_t)run->io.size * run->io.count <=
				 g.m.vcpu.run_size, "too much I/O"))
			return false;
		if (run->io.direction == KVM_EXIT_IO_IN)
			answer(io_data(&g.m.vcpu), run->io.size * run->io.count);
		return true;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			answer(run->mmio.data, sizeof(run->mmio.data));
		return true;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		run->msr.error = fuzz_below(2);
		run->msr.data = fuzz_value();
		return true;
	case KVM_EXIT_INTERNAL_ERROR:
		fuzz_expect(run->internal.suberror != KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON ||
			    may_be_unexpected(run), "exit reason %#llx, qualification %#llx",
			    run->internal.data[0], run->internal.data[1]);
		skip();
		return true;
	case KVM_EXIT_HLT:
		return slots_done() < N_SLOTS;
	case KVM_EXIT_FAIL_ENTRY:
		if (!testing_kvm())	/* which emulates instructions, and gets there */
			entry_failed(run);
		return false;
	case KVM_EXIT_SHUTDOWN:
		return false;
	default:
		return true;
	}
}

/* Is the guest in its mode, and not in another one on its way there or back? */
static bool is_in_mode(void)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	unsigned int bits;

	if (vcpu_call(KVM_GET_REGS, &regs) || vcpu_call(KVM_GET_SREGS, &sregs))
		return false;
	bits = sregs.cs.l ? 64 : sregs.cs.db ? 32 : 16;
	return bits == g.mode->bits && !(regs.rflags & X86_EFLAGS_VM) == !g.mode->virtual_8086 &&
	       !(sregs.cr0 & X86_CR0_PE) == is_real() &&
	       !(sregs.efer & EFER_LMA) == (g.mode->begins_in != FUZZ_LONG);
}

static void run_guest(void)
{
	struct kvm_run *run = g.m.vcpu.run;
	unsigned int kicks = 0;
	int ret;

	g.mode->guests++;
	for (int i = 0; i < ENTRIES_MAX && !fuzz_failed(); i++) {
		send_something();
		ret = vcpu_run(&g.m.vcpu);
		if (!fuzz_expect(fuzz_exit_is_defined(ret, run), "KVM_RUN: %d, exit reason %u",
				 ret, run->exit_reason))
			break;
		g.mode->seen = g.mode->seen || is_in_mode();
		if (ret == -EINTR) {
			if (kicks++ || slots_done() == N_SLOTS)
				break;
		} else if (ret) {
			skip();
		} else if (!handle_exit(run)) {
			break;
		}
	}
	run->request_interrupt_window = 0;
	fuzz_expect(g.mode->seen || g.mode->guests < GUESTS_UNSEEN, "no guest has been in mode %d",
		    mode_number());
}

static void sregs_refused(const struct kvm_sregs *sregs)
{
	/* Without CPUID there are 36 bits of physical addresses, but MOV to CR3 takes more. */
	if (!g.cpuid && sregs->cr3 >> 36)
		return;
	fuzz_fail("mode %d, %s, refused: CR0 %#llx CR3 %#llx CR4 %#llx EFER %#llx CS.L %d",
		  mode_number(), content(), sregs->cr0, sregs->cr3, sregs->cr4,
		  sregs->efer, sregs->cs.l);
}

/* A VMM that saves this guest can restore it. */
static void check_state(void)
{
	static const struct {
		const char *name;
		unsigned long get, set;
	} parts[] = {
		{ "REGS", KVM_GET_REGS, KVM_SET_REGS },
		{ "SREGS", KVM_GET_SREGS, KVM_SET_SREGS },
		{ "XCRS", KVM_GET_XCRS, KVM_SET_XCRS },
		{ "XSAVE", KVM_GET_XSAVE, KVM_SET_XSAVE },
		{ "DEBUGREGS", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS },
		{ "MP_STATE", KVM_GET_MP_STATE, KVM_SET_MP_STATE },
		{ "VCPU_EVENTS", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS },
	};
	static uint64_t buffer[512];	/* struct kvm_xsave, the largest */
	int ret;

	for (size_t i = 0; i < FUZZ_ARRAY_SIZE(parts); i++) {
		ret = vcpu_call(parts[i].get, buffer);
		if (ret == -ENOTTY && parts[i].get == KVM_GET_XCRS)
			continue;
		if (!fuzz_expect(!ret, "%s cannot be read: %d", parts[i].name, ret))
			return;
		ret = vcpu_call(parts[i].set, buffer);
		if (ret && parts[i].set == KVM_SET_SREGS)
			sregs_refused((void *)buffer);
		else
			fuzz_expect(!ret, "what %s is in the end is refused: %d", parts[i].name,
				    ret);
	}
}

/* The client may have a say in MSRs, and leave HLT, PAUSE and MWAIT to the guest. */
static void set_up_vm(void)
{
	struct kvm_enable_cap msrs = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { 7 } };
	struct kvm_msr_filter filter = {
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = fuzz_msr(&g.msrs), .nmsrs = 64,
		},
	};
	uint64_t bitmap = fuzz_random();

	filter.ranges[0].bitmap = (void *)&bitmap;
	if (fuzz_one_in(4))
		sys_ioctl_ptr(g.m.vm.fd, KVM_ENABLE_CAP, &msrs);
	if (fuzz_one_in(4))
		sys_ioctl_ptr(g.m.vm.fd, KVM_X86_SET_MSR_FILTER, &filter);
}

static void guests_round(void)
{
	/* One half of the modes, by a bit that is 0 in seeds from before there were two. */
	struct mode *half = fuzz_state & 8 ? modes + HALF : modes;
	int n;

	g.lapic = fuzz_one_in(3);
	g.cpuid = !fuzz_one_in(4);
	if (!fuzz_machine(&g.m, g.lapic, g.cpuid))
		return;
	memset(g.m.vm.mem, OUT, VM_GPA_GDT);
	memset(g.m.vm.mem + VM_GPA_GUEST, OUT, VM_GPA_VCPUS - VM_GPA_GUEST);
	memset(g.m.vm.mem + VM_GPA_VCPUS + VM_VCPU_AREA, OUT,
	       FUZZ_MIB * 0x100000 - VM_GPA_VCPUS - VM_VCPU_AREA);
	memcpy(g.tables, g.m.vm.mem, sizeof(g.tables));
	n = matrix_msrs(g.m.dev, &g.msrs.msrs);
	if (fuzz_expect(n > 0, "the MSR lists: %d", n)) {
		g.msrs.n = n;
		set_up_vm();
		fuzz_kicks(KICK_USEC);
		for (int i = 0; i < ROUND_GUESTS && !fuzz_over(); i++) {
			g.mode = &half[fuzz_below(HALF)];
			g.bytes = fuzz_one_in(2);
			if (!start_guest())
				break;
			run_guest();
			fuzz_did(slots_done());
			if (!fuzz_failed())
				check_state();
		}
		free(g.msrs.msrs);
	}
	machine_destroy(&g.m);
}

int main(void)
{
	static const struct fuzzer fuzzer = { .name = "fuzz_guests", .round = guests_round };

	return fuzz_main(&fuzzer);
}
