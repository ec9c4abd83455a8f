// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts and NMIs of a client that has an interrupt controller of its own:
 * KVM_INTERRUPT, KVM_NMI, the interrupt window, and KVM_GET/SET_VCPU_EVENTS.
 */
#include <asm/processor-flags.h>

#include "real_mode.h"
#include "harness.h"

#define VECTOR		0x40

#define PORT_MAIN	0xe0	/* the program gets here... */
#define PORT_LATER	0xe1	/* ...and here */
#define PORT_INTERRUPT	0xe2	/* the handlers */
#define PORT_NMI	0xe3
#define PORT_UD		0xe4

GUEST_CODE(program, 16,
	   "cli\n"
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "nop\n"
	   "outb %al, $0xe1\n"
	   "1: jmp 1b\n"
	   "on_interrupt: outb %al, $0xe2\n"
	   "iret\n"
	   "on_nmi: outb %al, $0xe3\n"
	   "iret\n"
	   "on_ud: outb %al, $0xe4\n"
	   "iret");
GUEST_LABEL(on_interrupt);
GUEST_LABEL(on_nmi);
GUEST_LABEL(on_ud);

FIXTURE(events) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(events)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, program));
	set_vector(&self->m.vm, VECTOR, on_interrupt - program);
	set_vector(&self->m.vm, VECTOR_NMI, on_nmi - program);
	set_vector(&self->m.vm, VECTOR_UD, on_ud - program);
}

FIXTURE_TEARDOWN(events)
{
	machine_destroy(&self->m);
}

static int interrupt(struct vcpu *vcpu, uint32_t vector)
{
	struct kvm_interrupt interrupt = { .irq = vector };

	return sys_ioctl_ptr(vcpu->fd, KVM_INTERRUPT, &interrupt);
}

static int get_events(struct vcpu *vcpu, struct kvm_vcpu_events *events)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_VCPU_EVENTS, events);
}

static int set_events(struct vcpu *vcpu, struct kvm_vcpu_events *events)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_VCPU_EVENTS, events);
}

TEST_F(events, interrupt)
{
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
	ASSERT_OUT(PORT_LATER, self->vcpu);
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);

	EXPECT_EQ(-EINVAL, interrupt(self->vcpu, 256));
	ASSERT_EQ(0, interrupt(self->vcpu, VECTOR));
	/* Documented, but KVM takes the second for the first. */
	if (!testing_kvm())
		EXPECT_EQ(-EEXIST, interrupt(self->vcpu, VECTOR + 1));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	/* In the handler. */
	EXPECT_EQ(0, self->run->if_flag);
	EXPECT_EQ(0, self->run->ready_for_interrupt_injection);
}

/* SDM vol. 3, "Masking Maskable Hardware Interrupts": not before STI, nor right behind it. */
TEST_F(events, interrupt_waits_for_the_guest)
{
	if (testing_kvm())
		SKIP(return, "KVM relies on the client to wait");
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, interrupt(self->vcpu, VECTOR));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

TEST_F(events, window)
{
	struct kvm_regs regs;

	self->run->request_interrupt_window = 1;
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
	EXPECT_EQ(1, self->run->if_flag);
	EXPECT_EQ(1, self->run->ready_for_interrupt_injection);
	/* CLI 1 byte, OUT 2, STI 1, and the instruction in its shadow. */
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(5, regs.rip);

	/* It is open, and closes with what comes through it. */
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
	ASSERT_EQ(0, interrupt(self->vcpu, VECTOR));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
	self->run->request_interrupt_window = 0;
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

/* SDM vol. 3, "Handling Multiple NMIs": blocked until the handler's IRET. */
TEST_F(events, nmi)
{
	struct kvm_vcpu_events events;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	/* Whatever IF is. One is delivered, one waits, a third has no place. */
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(1, events.nmi.masked);
	EXPECT_EQ(1, events.nmi.pending);
	EXPECT_EQ(0, events.nmi.injected);
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(0, events.nmi.masked);
	EXPECT_EQ(0, events.nmi.pending);
}

/* Behind one that is being handled there is place for one more. */
TEST_F(events, nmi_while_one_is_handled)
{
	struct kvm_vcpu_events events;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_OUT(PORT_NMI, self->vcpu);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(1, events.nmi.pending);
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

/* One that was under way is state: setting it twice makes no second one. */
TEST_F(events, nmi_under_way_is_set_twice)
{
	struct kvm_vcpu_events events;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	events.flags = 0;
	events.nmi.injected = 1;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(1, events.nmi.injected);
	EXPECT_EQ(0, events.nmi.pending);
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

/* Beside one that waits it is a second one, and it can be taken back. */
TEST_F(events, nmi_under_way_beside_another)
{
	struct kvm_vcpu_events events;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	for (int injected = 1; injected >= 0; injected--) {
		ASSERT_EQ(0, get_events(self->vcpu, &events));
		ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
		events.flags = 0;
		events.nmi.injected = 1;
		ASSERT_EQ(0, set_events(self->vcpu, &events));
		events.nmi.injected = injected;
		ASSERT_EQ(0, set_events(self->vcpu, &events));
		for (int i = 0; i <= injected; i++)
			ASSERT_OUT(PORT_NMI, self->vcpu);
	}
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

TEST_F(events, nmi_goes_before_an_interrupt)
{
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
	ASSERT_EQ(0, interrupt(self->vcpu, VECTOR));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	if (testing_kvm())
		SKIP(return, "KVM counts KVM_INTERRUPT as under way");
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
}

/* What one vCPU has, another one can be given. */
TEST_F(events, are_state)
{
	struct kvm_vcpu_events events;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
	ASSERT_EQ(0, interrupt(self->vcpu, VECTOR));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(1, events.interrupt.injected);
	EXPECT_EQ(VECTOR, events.interrupt.nr);
	EXPECT_EQ(0, events.interrupt.soft);

	events.interrupt.injected = 0;
	events.exception.injected = 1;
	events.exception.nr = VECTOR_UD;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(0, events.interrupt.injected);
	EXPECT_EQ(1, events.exception.injected);
	EXPECT_EQ(VECTOR_UD, events.exception.nr);
	EXPECT_EQ(0, events.exception.has_error_code);
	ASSERT_OUT(PORT_UD, self->vcpu);

	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(0, events.exception.injected);
	events.nmi.pending = 1;
	events.nmi.masked = 1;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	/* Back from #UD it is unmasked by IRET, and delivered. */
	ASSERT_OUT(PORT_NMI, self->vcpu);
}

/* Real mode has no error codes, whatever the client said before it went there. */
TEST_F(events, no_error_code_in_real_mode)
{
	struct kvm_sregs real, protected;
	struct kvm_vcpu_events events;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &real));
	protected = real;
	protected.cr0 |= 1;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &protected));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	events.exception.injected = 1;
	events.exception.nr = VECTOR_UD;
	events.exception.has_error_code = 1;
	events.exception.error_code = 0x1234;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &real));
	ASSERT_OUT(PORT_UD, self->vcpu);
}

#define PORT_GP		0xe5

GUEST_CODE(protected, 32,
	   "outb %al, $0xe0\n"
	   "on_gp: popl %eax\n"
	   "outl %eax, $0xe5\n");
GUEST_LABEL(on_gp);

/*
 * The kernel's selftests restore a vCPU in this order: control registers and segments after
 * the events, or before, and the general registers last. What is injected stays; of an error
 * code the CPU has 16 bits.
 */
TEST_F(events, exception_restored_before_the_registers)
{
	struct kvm_vcpu_events events = {
		.exception = { .injected = 1, .nr = VECTOR_GP, .has_error_code = 1,
			       .error_code = 0x80001234 },
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct vcpu other;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED, protected));
	ASSERT_EQ(0, set_gate(self->vcpu, VECTOR_GP, on_gp - protected));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));

	for (int events_first = 0; events_first < 2; events_first++) {
		ASSERT_EQ(0, vcpu_create(&other, &self->m.vm, 1 + events_first));
		ASSERT_EQ(0, vcpu_set_supported_cpuid(&other));
		if (events_first)
			ASSERT_EQ(0, set_events(&other, &events));
		sregs.apic_base &= ~APIC_BASE_BSP;
		ASSERT_EQ(0, sys_ioctl_ptr(other.fd, KVM_SET_SREGS, &sregs));
		if (!events_first)
			ASSERT_EQ(0, set_events(&other, &events));
		ASSERT_EQ(0, sys_ioctl_ptr(other.fd, KVM_SET_REGS, &regs));
		ASSERT_OUT(PORT_GP, &other);
		EXPECT_EQ(0x1234, out_data(&other));
		vcpu_destroy(&other);
	}
}

/* Behind STI, restored before RFLAGS is: an interrupt still waits for the next instruction. */
TEST_F(events, shadow_restored_before_the_registers)
{
	struct kvm_vcpu_events events;
	struct kvm_regs regs;

	ASSERT_EQ(0, get_events(self->vcpu, &events));
	events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= X86_EFLAGS_IF;
	regs.rip = 4;		/* at the NOP */
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	self->run->request_interrupt_window = 1;
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(5, regs.rip);
}

/* A shadow of STI with interrupts off is nothing that a CPU can have. */
TEST_F(events, shadow_without_interrupts)
{
	struct kvm_vcpu_events events;

	if (testing_kvm())
		SKIP(return, "VM entry fails");
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

/*
 * SDM vol. 3, "Single-Step Exception Condition" and "Checks on Guest Non-Register State": the
 * shadow keeps the #DB of the instruction before it, and the CPU wants to be told. (Bochs 2.7 does
 * not look: there this test and the next one would pass without load_step().)
 */
TEST_F(events, shadow_of_a_guest_that_steps)
{
	struct kvm_vcpu_events events;
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, "VM entry fails");
	set_vector(&self->m.vm, VECTOR_DB, on_ud - program);
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= X86_EFLAGS_IF | X86_EFLAGS_TF;
	regs.rip = 4;		/* at the NOP */
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_UD, self->vcpu);
}

GUEST_CODE(steps, 16,
	   "movw %ss, %ax\n"
	   "movw %ax, %ss\n"
	   "outb %al, $0xe0\n"
	   "1: outb %al, $0xe1\n"
	   "jmp 1b\n"
	   "steps_on_db: iret\n");
GUEST_LABEL(steps_on_db);

/* The other way: the client takes a guest out of it that steps, in the shadow of MOV SS. */
TEST_F(events, steps_no_more_in_a_shadow)
{
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, "VM entry fails");
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, steps));
	set_vector(&self->m.vm, VECTOR_DB, steps_on_db - steps);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= X86_EFLAGS_TF;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(X86_EFLAGS_TF, regs.rflags & X86_EFLAGS_TF);
	regs.rflags &= ~X86_EFLAGS_TF;
	regs.rip += 2;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_LATER, self->vcpu);
}

/* Guest interruptibility state: behind STI the client sees its shadow, and can take it away. */
TEST_F(events, shadow)
{
	struct kvm_vcpu_events events;
	struct kvm_regs regs;

	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(0, events.interrupt.shadow);
	EXPECT_EQ(KVM_VCPUEVENT_VALID_SHADOW, events.flags & KVM_VCPUEVENT_VALID_SHADOW);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= X86_EFLAGS_IF;
	regs.rip = 4;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(KVM_X86_SHADOW_INT_STI, events.interrupt.shadow);

	/* The flag says whether the client means it. */
	events.interrupt.shadow = 0;
	events.flags &= ~KVM_VCPUEVENT_VALID_SHADOW;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(KVM_X86_SHADOW_INT_STI, events.interrupt.shadow);
	events.interrupt.shadow = 0;
	events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
	ASSERT_EQ(0, set_events(self->vcpu, &events));
	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(0, events.interrupt.shadow);
	self->run->request_interrupt_window = 1;
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(4, regs.rip);
}

TEST_F(events, bad_events)
{
	struct kvm_vcpu_events good, events;

	ASSERT_EQ(0, get_events(self->vcpu, &good));
	good.nmi.pending = 1;
	ASSERT_EQ(0, set_events(self->vcpu, &good));

	memset(&events, 0, sizeof(events));
	events.flags = 1u << 31;
	EXPECT_EQ(-EINVAL, set_events(self->vcpu, &events));
	/* Capabilities that nobody has enabled. */
	events.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	EXPECT_EQ(-EINVAL, set_events(self->vcpu, &events));
	events.flags = KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	EXPECT_EQ(-EINVAL, set_events(self->vcpu, &events));
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	events.exception.injected = 1;
	events.exception.nr = 32;
	EXPECT_EQ(-EINVAL, set_events(self->vcpu, &events));
	events.exception.nr = VECTOR_NMI;
	EXPECT_EQ(-EINVAL, set_events(self->vcpu, &events));

	ASSERT_EQ(0, get_events(self->vcpu, &events));
	EXPECT_EQ(1, events.nmi.pending);
	EXPECT_EQ(0, events.exception.injected);
}

/* Padding, in the API that is without KVM_CAP_EXCEPTION_PAYLOAD: what is in it means nothing. */
TEST_F(events, no_exception_is_pending)
{
	static const uint8_t numbers[] = { VECTOR_UD, 40 };
	struct kvm_vcpu_events events;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(0, get_events(self->vcpu, &events));
		events.exception.pending = 1;
		events.exception.nr = numbers[i];
		ASSERT_EQ(0, set_events(self->vcpu, &events));
		ASSERT_EQ(0, get_events(self->vcpu, &events));
		EXPECT_EQ(0, events.exception.injected);
	}
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

TEST_F(events, sregs_carry_an_interrupt)
{
	struct kvm_sregs sregs;

	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_LATER, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.interrupt_bitmap[VECTOR / 64] |= 1ull << VECTOR % 64;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(1ull << VECTOR % 64, sregs.interrupt_bitmap[VECTOR / 64]);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0, sregs.interrupt_bitmap[VECTOR / 64]);
}

TEST_HARNESS_MAIN
