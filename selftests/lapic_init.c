// SPDX-License-Identifier: GPL-2.0
/*
 * INIT and SIPI: another processor is started, and what they make of one that has been used.
 *
 * SDM vol. 3, "Multiple-Processor (MP) Initialization".
 */
#include "background.h"
#include "lapic.h"
#include "harness.h"

#define PORT_AP		0xe3

FIXTURE(init) {
	struct machine m;
	struct vm *vm;
	struct vcpu *vcpu;
	struct vcpu ap;
};

FIXTURE_SETUP(init)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, 0));
	self->vm = &self->m.vm;
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_create(&self->ap, self->vm, 1));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->ap));
}

FIXTURE_TEARDOWN(init)
{
	vcpu_destroy(&self->ap);
	machine_destroy(&self->m);
}

GUEST_CODE(starts_ap, 16,
	   SWITCH_ON
	   "outb %al, $0xe0\n"
	   WRMSR(0x830, 0x4500, 1)
	   WRMSR(0x830, 0x4610, 1)
	   "sti\n"
	   "1: hlt\n"
	   "jmp 1b\n"
	   HANDLERS(starts_ap)
	   /* The AP begins at a page: this code's. */
	   ".org starts_ap + 0x100\n"
	   "ap: " SWITCH_ON
	   "outb %al, $0xe3\n"
	   WRMSR(0x830, 0x4041, 0)
	   "outb %al, $0xe3\n"
	   "hlt\n"
	   "ap_spins: sti\n"
	   "1: incl 0x2008\n"
	   "jmp 1b\n");
GUEST_LABEL(ap_spins);
GUEST_LABEL(starts_ap_interrupt);
GUEST_LABEL(starts_ap_nmi);

static const uint8_t jump_to_ap[] = { 0xe9, 0xfd, 0x00 }; /* to 0x100 */

/* KVM has the client call again. */
static void *run_ap(void *ap)
{
	int ret;

	do {
		ret = vcpu_run(ap);
	} while (ret == -EAGAIN);
	return (void *)(intptr_t)ret;
}

/*
 * The BSP is about to send INIT and SIPI; SIPI 0x10 is CODE_GPA. Then an IPI comes back. An AP
 * that @runs counts, and is seen to.
 */
static void start_ap(struct __test_metadata *_metadata, struct vcpu *bsp, struct vcpu *ap,
		     bool runs)
{
	pthread_t bsp_thread, ap_thread;
	void *ret;

	/* The BSP is done with what is there. */
	ASSERT_EQ(0, vm_load_code(bsp->vm, CODE_GPA, jump_to_ap, sizeof(jump_to_ap)));
	ASSERT_EQ(0, pthread_create(&ap_thread, NULL, run_ap, ap));
	if (runs)
		ASSERT_TRUE(goes_on(count_of(ap->vm, 0)));
	ASSERT_EQ(0, pthread_create(&bsp_thread, NULL, run_vcpu, bsp));
	ASSERT_EQ(0, pthread_join(ap_thread, &ret));
	ASSERT_EQ(NULL, ret);
	ASSERT_EQ(KVM_EXIT_IO, ap->run->exit_reason);
	EXPECT_EQ(PORT_AP, ap->run->io.port);
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, get_mp_state(ap));
	ASSERT_OUT(PORT_AP, ap);
	ASSERT_EQ(0, pthread_join(bsp_thread, &ret));
	ASSERT_EQ(NULL, ret);
	EXPECT_EQ(PORT_INTERRUPT, bsp->run->io.port);
}

/* SDM vol. 3, "Typical BSP Initialization Sequence". */
TEST_F(init, starts_another)
{
	EXPECT_EQ(KVM_MP_STATE_UNINITIALIZED, get_mp_state(&self->ap));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, get_mp_state(self->vcpu));
	ASSERT_LOADED(starts_ap);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	start_ap(_metadata, self->vcpu, &self->ap, false);
}

/* INIT reaches one that runs, too. */
TEST_F(init, starts_one_that_runs)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs;

	ASSERT_EQ(0, load_guest_code(&self->ap, VM_MODE_REAL, starts_ap));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_REGS, &regs));
	regs.rip = ap_spins - starts_ap;
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_MP_STATE, &runnable));
	ASSERT_LOADED(starts_ap);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	start_ap(_metadata, self->vcpu, &self->ap, true);
}

/* From one vCPU to another KVM passes them on: see starts_another. */
#define INIT_ON_KVM	"KVM loses INIT and SIPI that are messages; why has not been found out"
#define OTHER_ID	5u	/* that a guest has chosen: in xAPIC mode it may */

/* They come as messages, to @id. It runs its first instruction, at CODE_GPA, which tells so. */
static void init_and_sipi(struct __test_metadata *_metadata, struct vcpu *vcpu, unsigned int id)
{
	static const uint8_t out[] = { 0xe6, PORT_AP };

	ASSERT_EQ(0, vm_load_code(vcpu->vm, CODE_GPA, out, sizeof(out)));
	ASSERT_EQ(1, signal_msi(vcpu->vm, id, MODE_INIT));
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, get_mp_state(vcpu));
	ASSERT_EQ(1, signal_msi(vcpu->vm, id, MODE_STARTUP | CODE_GPA >> 12));
	ASSERT_OUT(PORT_AP, vcpu);
}

/*
 * INIT and SIPI for a vCPU that has been used. SDM vol. 3, table "IA-32 and Intel 64 Processor
 * States Following Power-up, Reset, or INIT": most is as after RESET, some is left alone.
 */
TEST_F(init, of_a_used_one)
{
	struct kvm_debugregs debug = {
		.db = { 0x1000, 0x2000, 0x3000, 0x4000 }, .dr6 = 0xffff0ff1, .dr7 = 0x401,
	};
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_vcpu_events events = {};
	struct kvm_lapic_state lapic;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint64_t value;

	if (testing_kvm())
		SKIP(return, INIT_ON_KVM);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_MP_STATE, &runnable));
	ASSERT_EQ(0, vcpu_set_mode(&self->ap, VM_MODE_LONG, CODE_GPA, CODE_GPA + CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_REGS, &regs));
	memset(&regs, 0x5a, offsetof(struct kvm_regs, rip));
	regs.rflags |= 1 << 10;		/* DF */
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_SREGS, &sregs));
	sregs.efer |= EFER_SCE;
	sregs.cr2 = 0x123456789abc;
	sregs.cr8 = 5;
	sregs.gdt.limit = 0x77;
	sregs.idt.base = 0x5000;
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_SREGS, &sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_DEBUGREGS, &debug));
	ASSERT_EQ(0, vcpu_set_msr(&self->ap, MSR_IA32_LSTAR, CANONICAL_HIGH));
	ASSERT_EQ(0, vcpu_set_msr(&self->ap, MSR_IA32_FS_BASE, CANONICAL_LOW));
	ASSERT_EQ(0, vcpu_set_msr(&self->ap, MSR_IA32_KERNEL_GS_BASE, CANONICAL_LOW));
	ASSERT_EQ(0, get_lapic(&self->ap, &lapic));
	put_reg(&lapic, APIC_ID, OTHER_ID << 24);
	put_reg(&lapic, APIC_SPIV, SPIV_ENABLED);
	put_reg(&lapic, APIC_IRR + VECTOR / 32 * 0x10, 1u << VECTOR % 32);
	ASSERT_EQ(0, set_lapic(&self->ap, &lapic));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_VCPU_EVENTS, &events));
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	events.nmi.pending = 1;
	events.nmi.masked = 1;
	events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_VCPU_EVENTS, &events));

	/* Before it runs: in bochs 2.7 a VM entry does not end another guest's blocking of NMIs. */
	ASSERT_EQ(1, signal_msi(self->vm, OTHER_ID, MODE_INIT));
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, get_mp_state(&self->ap));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.nmi.pending);
	EXPECT_EQ(0, events.nmi.masked);
	EXPECT_EQ(0, events.nmi.injected);
	EXPECT_EQ(0, events.interrupt.shadow | events.interrupt.injected);
	EXPECT_EQ(0, events.exception.injected);

	init_and_sipi(_metadata, &self->ap, OTHER_ID);

	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0, regs.rax | regs.rbx | regs.rcx | regs.rsi | regs.rdi | regs.rsp | regs.rbp);
	EXPECT_EQ(0, regs.r8 | regs.r9 | regs.r10 | regs.r11 | regs.r12 | regs.r13 | regs.r14 |
		     regs.r15);
	EXPECT_EQ(2, regs.rflags);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0x10, sregs.cr0);	/* ET; CD and NW stay, as 0 here */
	EXPECT_EQ(0, sregs.cr2 | sregs.cr3 | sregs.cr4 | sregs.cr8 | sregs.efer);
	EXPECT_EQ(CODE_GPA, sregs.cs.base);
	EXPECT_EQ(CODE_GPA >> 4, sregs.cs.selector);
	EXPECT_EQ(0, sregs.cs.l | sregs.cs.db | sregs.cs.g | sregs.cs.dpl);
	EXPECT_EQ(0, sregs.fs.base);
	EXPECT_EQ(0xffff, sregs.gdt.limit);
	EXPECT_EQ(0, sregs.idt.base);
	EXPECT_EQ(0xfee00000 | APIC_BASE_ENABLE, sregs.apic_base);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_DEBUGREGS, &debug));
	EXPECT_EQ(0, debug.db[0] | debug.db[1] | debug.db[2] | debug.db[3]);
	EXPECT_EQ(0xffff0ff0, debug.dr6);
	EXPECT_EQ(0x400, debug.dr7);
	ASSERT_EQ(0, get_lapic(&self->ap, &lapic));
	EXPECT_EQ(OTHER_ID << 24, get_reg(&lapic, APIC_ID));
	EXPECT_EQ(0xff, get_reg(&lapic, APIC_SPIV));
	EXPECT_EQ(0, get_reg(&lapic, APIC_TPR));
	EXPECT_EQ(0, get_reg(&lapic, APIC_IRR + VECTOR / 32 * 0x10));
	ASSERT_EQ(0, vcpu_get_msr(&self->ap, MSR_IA32_LSTAR, &value));
	EXPECT_EQ(CANONICAL_HIGH, value);
	ASSERT_EQ(0, vcpu_get_msr(&self->ap, MSR_IA32_KERNEL_GS_BASE, &value));
	EXPECT_EQ(CANONICAL_LOW, value);
}

/* The processor's signature, by which a BIOS knows it, is in EDX then. */
TEST_F(init, tells_the_signature)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct vm_op signature = vm_op_cpuid(1, 0);
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, INIT_ON_KVM);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_MP_STATE, &runnable));
	ASSERT_EQ(0, lapic_run_ops(&self->ap, &signature, 1));
	ASSERT_EQ(VM_OP_DONE, signature.vector);
	init_and_sipi(_metadata, &self->ap, 1);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_REGS, &regs));
	EXPECT_EQ((uint32_t)signature.rax, regs.rdx);
}

/* Those that come before the client has dealt with an OUT: the new code's OUT is another one. */
TEST_F(init, ends_what_the_client_was_asked)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	if (testing_kvm())
		SKIP(return, INIT_ON_KVM);
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_MP_STATE, &runnable));
	init_and_sipi(_metadata, &self->ap, 1);
	ASSERT_EQ(1, signal_msi(self->vm, 1, MODE_INIT));
	ASSERT_EQ(1, signal_msi(self->vm, 1, MODE_STARTUP | CODE_GPA >> 12));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, get_mp_state(&self->ap));
	ASSERT_OUT(PORT_AP, &self->ap);
}

/* The client reads the events and writes them back; a SIPI in between keeps its vector. */
TEST_F(init, sipi_while_the_client_has_the_events)
{
	static const uint8_t out[] = { 0xe6, PORT_AP };
	struct kvm_vcpu_events events;

	if (testing_kvm())
		SKIP(return, INIT_ON_KVM);
	ASSERT_EQ(0, vm_load_code(self->vm, CODE_GPA, out, sizeof(out)));
	ASSERT_EQ(1, signal_msi(self->vm, 1, MODE_INIT));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_GET_VCPU_EVENTS, &events));
	ASSERT_EQ(1, signal_msi(self->vm, 1, MODE_STARTUP | CODE_GPA >> 12));
	ASSERT_EQ(0, sys_ioctl_ptr(self->ap.fd, KVM_SET_VCPU_EVENTS, &events));
	ASSERT_OUT(PORT_AP, &self->ap);
}

/* The client of a halted bootstrap processor resets it by its registers, and says no more. */
TEST_F(init, is_what_registers_can_mean)
{
	struct kvm_mp_state halted = { .mp_state = KVM_MP_STATE_HALTED };
	struct kvm_regs regs = { .rip = 0xfff1, .rflags = 2 };
	struct kvm_sregs sregs;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.selector = 0xf000;
	sregs.cs.base = 0xffff0000;
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_MP_STATE, &halted));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
		/* One byte further it is no reset. */
		EXPECT_EQ(i ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_HALTED,
			  get_mp_state(self->vcpu));
		regs.rip--;
	}
}

/* INIT, SIPI, a pause that BX tells, INIT, SIPI; then the client is to look. */
GUEST_CODE(starts_ap_twice, 16,
	   SWITCH_ON
	   "1: "
	   WRMSR(0x830, 0x4500, 1)
	   WRMSR(0x830, 0x4611, 1)
	   "movw %bx, %cx\n"
	   "2: loop 2b\n"
	   WRMSR(0x830, 0x4500, 1)
	   WRMSR(0x830, 0x4611, 1)
	   "outb %al, $0xe0\n"
	   "jmp 1b\n");

#define AP_GPA	(CODE_GPA + 0x1000)	/* what SIPI 0x11 means */

struct started {
	struct vcpu *vcpu;
	volatile int count;
	volatile bool enough;
};

static void *count_starts(void *with)
{
	struct started *ap = with;
	int ret = 0;

	while (!ap->enough && (!ret || ret == -EAGAIN)) {
		ret = vcpu_run(ap->vcpu);
		if (!ret && ap->vcpu->run->exit_reason == KVM_EXIT_IO &&
		    ap->vcpu->run->io.port == PORT_AP)
			ap->count++;
	}
	return (void *)(intptr_t)ret;
}

static bool another_start(struct started *ap, int before)
{
	for (int i = 0; i < 2000 && ap->count == before; i++)
		usleep(1000);
	return ap->count != before;
}

/* The last INIT comes before the last SIPI, whatever the other one has got round to so far. */
TEST_F(init, twice_in_a_row)
{
	static const uint8_t tells[] = {
		0xe6, PORT_AP,		/* out %al, $PORT_AP */
		0xf4,			/* hlt */
		0xeb, 0xfd,		/* jmp to it */
	};
	struct started ap = { .vcpu = &self->ap };
	struct kvm_regs regs;
	pthread_t thread;
	void *ret;

	if (testing_kvm())
		SKIP(return, "KVM may take the second SIPI for the first");
	ASSERT_EQ(0, vm_load_code(self->vm, AP_GPA, tells, sizeof(tells)));
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, starts_ap_twice));
	ASSERT_EQ(0, pthread_create(&thread, NULL, count_starts, &ap));
	for (int i = 0; i < 300; i++) {
		int before = ap.count;

		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		regs.rbx = 1 + 37 * i % 1500;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_OUT(PORT_MAIN, self->vcpu);
		ASSERT_TRUE(another_start(&ap, before)) {
			TH_LOG("round %d: it waits for a SIPI", i);
		}
		/* The next round finds it halted, and not on its way. */
		usleep(100);
	}
	ap.enough = true;
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
}

TEST_HARNESS_MAIN
