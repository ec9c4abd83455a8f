// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC in the kernel, after KVM_CREATE_IRQCHIP: its registers in
 * KVM_GET/SET_LAPIC, as MSRs and in memory, the priorities of interrupts, and HLT
 * that waits for them. Its timer: lapic_timer.c; who sends to whom: lapic_ipi.c, lapic_init.c.
 */
#include "background.h"
#include "lapic.h"
#include "harness.h"

FIXTURE(lapic) {
	struct machine m;
	struct vm *vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(lapic)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, 0));
	self->vm = &self->m.vm;
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(lapic)
{
	machine_destroy(&self->m);
}

TEST_F(lapic, is_created_once_and_before_vcpus)
{
	struct kvm_lapic_state state;
	struct machine m;

	EXPECT_EQ(-EEXIST, sys_ioctl(self->vm->fd, KVM_CREATE_IRQCHIP, 0));
	ASSERT_MACHINE(&m, 0);
	EXPECT_EQ(-EINVAL, sys_ioctl(m.vm.fd, KVM_CREATE_IRQCHIP, 0));
	EXPECT_EQ(-EINVAL, get_lapic(&m.vcpu, &state));
	memset(&state, 0, sizeof(state));
	EXPECT_EQ(-EINVAL, set_lapic(&m.vcpu, &state));
	machine_destroy(&m);
}

/* SDM vol. 3, "Local APIC State After Power-Up or Reset". */
TEST_F(lapic, reset_state)
{
	struct kvm_lapic_state state;
	unsigned int reg;
	uint32_t lvts;

	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(0, get_reg(&state, APIC_ID));
	EXPECT_EQ(0x14, get_reg(&state, APIC_VERSION) & 0xff);
	lvts = (get_reg(&state, APIC_VERSION) >> 16 & 0xff) + 1;
	EXPECT_LE(4, lvts);
	EXPECT_EQ(0, get_reg(&state, APIC_TPR));
	EXPECT_EQ(0, get_reg(&state, APIC_LDR));
	EXPECT_EQ(0xffffffff, get_reg(&state, APIC_DFR));
	EXPECT_EQ(0xff, get_reg(&state, APIC_SPIV));
	for (reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg += 0x10)
		/* KVM's LINT0 is open to its PIC, as a BIOS would have it. */
		if (!(testing_kvm() && reg == 0x350))
			EXPECT_EQ(LVT_MASKED, get_reg(&state, reg));
	EXPECT_EQ(0, get_reg(&state, APIC_TMICT));
	EXPECT_EQ(0, get_reg(&state, APIC_TMCCT));
	for (reg = 0x100; reg < 0x280; reg += 0x10)
		EXPECT_EQ(0, get_reg(&state, reg));
}

GUEST_CODE(self_ipi, 16,
	   SWITCH_ON
	   "sti\n"
	   WRMSR(0x83f, 0x41, 0)
	   "outb %al, $0xe0\n"
	   "cli\n"
	   WRMSR(0x83f, 0x41, 0)
	   "movl $0x822, %ecx\n"
	   "rdmsr\n"
	   "outl %eax, $0xe0\n"
	   WRMSR(0x808, 0x50, 0)
	   "sti\n"
	   "nop\n"
	   "outb %al, $0xe0\n"
	   WRMSR(0x808, 0, 0)
	   "outb %al, $0xe0\n"
	   "hlt\n"
	   HANDLERS(self_ipi));
GUEST_LABEL(self_ipi_interrupt);
GUEST_LABEL(self_ipi_nmi);

/* Delivered when IF and the task priority let it through; in IRR before. */
TEST_F(lapic, priorities)
{
	ASSERT_LOADED(self_ipi);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(1u << VECTOR % 32, out_data(self->vcpu));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

GUEST_CODE(disabled, 16,
	   SWITCH_ON
	   WRMSR(0x83f, 0x41, 0)
	   WRMSR(0x80f, 0xff, 0)
	   WRMSR(0x83f, 0x42, 0)
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "nop\n"
	   "outb %al, $0xe0\n"
	   HANDLERS(disabled));
GUEST_LABEL(disabled_interrupt);
GUEST_LABEL(disabled_nmi);

/* SDM vol. 3, "Local APIC State After It Has Been Software Disabled": what is in IRR stays. */
TEST_F(lapic, disabled_by_software)
{
	struct kvm_lapic_state state;

	ASSERT_LOADED(disabled);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(1u << VECTOR % 32, get_reg(&state, APIC_IRR + VECTOR / 32 * 0x10));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

#define PORT_OUTER	0xe4
#define PORT_INNER	0xe5
#define OUTER		0x81
#define INNER		0x91

/* The handler of 0x81 lets others in: 0x41 has to wait for its end, 0x91 has not. */
GUEST_CODE(nested, 16,
	   SWITCH_ON
	   "sti\n"
	   WRMSR(0x83f, 0x81, 0)
	   "nop\n"
	   "outb %al, $0xe0\n"
	   "nested_outer:\n"
	   "movl $0x80a, %ecx\n"
	   "rdmsr\n"
	   "outl %eax, $0xe4\n"
	   "sti\n"
	   WRMSR(0x83f, 0x41, 0)
	   "nop\n"
	   "outb %al, $0xe4\n"
	   WRMSR(0x83f, 0x91, 0)
	   "nop\n"
	   "outb %al, $0xe4\n"
	   EOI
	   "nop\n"
	   "outb %al, $0xe4\n"
	   "iret\n"
	   "nested_inner:\n"
	   "movl $0x80a, %ecx\n"
	   "rdmsr\n"
	   "outl %eax, $0xe5\n"
	   EOI
	   "iret\n"
	   HANDLERS(nested));
GUEST_LABEL(nested_outer);
GUEST_LABEL(nested_inner);
GUEST_LABEL(nested_interrupt);
GUEST_LABEL(nested_nmi);

/* SDM vol. 3, "Interrupt, Task, and Processor Priority": what is in service counts. */
TEST_F(lapic, interrupts_in_interrupts)
{
	ASSERT_LOADED(nested);
	set_vector(self->vm, OUTER, nested_outer - nested);
	set_vector(self->vm, INNER, nested_inner - nested);
	ASSERT_OUT(PORT_OUTER, self->vcpu);
	EXPECT_EQ(0x80, out_data(self->vcpu));
	ASSERT_OUT(PORT_OUTER, self->vcpu);
	ASSERT_OUT(PORT_INNER, self->vcpu);
	EXPECT_EQ(0x90, out_data(self->vcpu));
	/* The end of 0x91 is not that of 0x81. */
	ASSERT_OUT(PORT_OUTER, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_OUTER, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

GUEST_CODE(sleeper, 16,
	   SWITCH_ON
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "hlt\n"
	   "cli\n"
	   "outb %al, $0xe0\n"
	   "hlt\n"
	   "outb %al, $0xe0\n"
	   HANDLERS(sleeper));
GUEST_LABEL(sleeper_interrupt);
GUEST_LABEL(sleeper_nmi);

static void *send_msi_soon(void *vm)
{
	usleep(20000 * test_patience());
	signal_msi(vm, 0, VECTOR);
	return NULL;
}

/* HLT waits in the kernel; a message from the client ends it. */
TEST_F(lapic, message_ends_halt)
{
	pthread_t thread;

	ASSERT_LOADED(sleeper);
	EXPECT_EQ(0, signal_msi(self->vm, 0, VECTOR)) {
		TH_LOG("accepted by an APIC that is switched off");
	}
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, signal_msi(self->vm, 1, VECTOR)) {
		TH_LOG("accepted by a vCPU that is not there");
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_msi_soon, self->vm));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

struct signals {
	pthread_t to;
	volatile bool enough;
};

/* One by one, as the first may come before KVM_RUN, or before the guest halts. */
static void *send_signals(void *arg)
{
	struct signals *signals = arg;

	while (!signals->enough) {
		usleep(20000 * test_patience());
		pthread_kill(signals->to, SIGUSR1);
	}
	return NULL;
}

/* ...and so does a signal for the thread; the vCPU stays halted. */
static void run_until_halted(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	struct signals signals = { .to = pthread_self() };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_signals, &signals));
	do {
		ASSERT_EQ(-EINTR, vcpu_run(vcpu));
		EXPECT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
	} while (get_mp_state(vcpu) != KVM_MP_STATE_HALTED);
	signals.enough = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_F(lapic, signal_interrupts_halt)
{
	catch_signal(SIGUSR1);
	ASSERT_LOADED(sleeper);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	run_until_halted(_metadata, self->vcpu);
	ASSERT_EQ(1, signal_msi(self->vm, 0, VECTOR));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);

	/* With IF clear only an NMI wakes it. */
	ASSERT_EQ(1, signal_msi(self->vm, 0, VECTOR));
	run_until_halted(_metadata, self->vcpu);
	ASSERT_EQ(1, signal_msi(self->vm, 0, MODE_NMI));
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

TEST_F(lapic, state_goes_out_and_in)
{
	struct kvm_lapic_state state, again;

	ASSERT_LOADED(sleeper);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(1, signal_msi(self->vm, 0, VECTOR));
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(1u << VECTOR % 32, get_reg(&state, APIC_IRR + VECTOR / 32 * 0x10));
	ASSERT_EQ(0, set_lapic(self->vcpu, &state));
	ASSERT_EQ(0, get_lapic(self->vcpu, &again));
	EXPECT_EQ(0, memcmp(&state, &again, sizeof(state)));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
}

/* Any bits at all: the vCPU takes them or not, and goes on working. */
TEST_F(lapic, images_at_random)
{
	struct kvm_lapic_state state;
	unsigned int seed = 4, i, round;

	TH_LOG("seed %u", seed);
	ASSERT_LOADED(sleeper);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < sizeof(state.regs); i++)
			state.regs[i] = rand_r(&seed) >> 8;
		/* A timer that fires all the time is a test of patience only. */
		put_reg(&state, APIC_LVT_TIMER, get_reg(&state, APIC_LVT_TIMER) & ~(3u << 17));
		ASSERT_EQ(0, set_lapic(self->vcpu, &state));
		ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	}
	memset(&state, 0, sizeof(state));
	put_reg(&state, APIC_SPIV, 0xff);
	ASSERT_EQ(0, set_lapic(self->vcpu, &state));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

#define PORT_GP		0xe4

GUEST_CODE(accesses, 16,
	   SWITCH_ON
	   "outb %al, $0xe0\n"
	   "access_write: wrmsr\n"
	   "outb %al, $0xe0\n"
	   "access_read: rdmsr\n"
	   "outb %al, $0xe0\n"
	   "accesses_interrupt:\n"
	   "accesses_nmi: hlt\n"
	   "on_gp: outb %al, $0xe4\n");
GUEST_LABEL(accesses_interrupt);
GUEST_LABEL(accesses_nmi);
GUEST_LABEL(access_write);
GUEST_LABEL(access_read);
GUEST_LABEL(on_gp);

/* One WRMSR or RDMSR in the guest, in a state of its own: the port that it gets to, or an error. */
static int access_msr(struct vcpu *vcpu, const uint8_t *label, uint32_t reg, uint64_t *value)
{
	struct kvm_regs regs = {
		.rip = label - accesses,
		.rflags = 2,
		.rsp = CODE_STACK,
		.rcx = MSR_X2APIC + reg / 16,
		.rax = (uint32_t)*value,
		.rdx = *value >> 32,
	};
	int ret;

	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs) ?: vcpu_run(vcpu);
	ret = ret ?: sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
	if (ret)
		return ret;
	*value = regs.rdx << 32 | (uint32_t)regs.rax;
	return vcpu->run->exit_reason == KVM_EXIT_IO ? vcpu->run->io.port : -EPROTO;
}

/* SDM vol. 3, table "Local APIC Register Address Map Supported by x2APIC". */
TEST_F(lapic, x2apic_msrs)
{
	static const struct {
		uint32_t reg;
		bool read, write;
		uint64_t value;
	} rows[] = {
		{ APIC_ID, true, false, 0 },
		{ APIC_VERSION, true, false, 0 },
		{ APIC_TPR, true, true, 0x20 },
		{ 0xb0, false, true, 0 },	/* EOI */
		{ APIC_LDR, true, false, 0 },
		{ APIC_DFR, false, false, 0 },
		{ APIC_SPIV, true, true, 0x1f0 },
		{ 0x100, true, false, 0 },	/* ISR */
		{ 0x280, true, true, 0 },	/* ESR */
		{ 0x310, false, false, 0 },	/* ICR's high half */
		{ APIC_LVT_TIMER, true, true, LVT_MASKED | 0x33 },
		{ APIC_TMICT, true, true, 0 },
		{ APIC_TMCCT, true, false, 0 },
		{ APIC_TDCR, true, true, 0xb },
		{ 0x3f0, false, true, 0x41 },	/* SELF IPI */
		{ 0x3d0, false, false, 0 },
		{ 0x400, false, false, 0 },
	};
	unsigned int i;
	uint64_t value;

	ASSERT_LOADED(accesses);
	set_vector(self->vm, 13, on_gp - accesses);
	value = 0;
	EXPECT_EQ(PORT_GP, access_msr(self->vcpu, access_read, APIC_VERSION, &value)) {
		TH_LOG("outside of x2APIC mode");
	}
	ASSERT_LOADED(accesses);
	ASSERT_OUT(PORT_MAIN, self->vcpu);

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		value = rows[i].value;
		EXPECT_EQ(rows[i].write ? PORT_MAIN : PORT_GP,
			  access_msr(self->vcpu, access_write, rows[i].reg, &value)) {
			TH_LOG("WRMSR of register 0x%x", rows[i].reg);
		}
		value = ~0ull;
		EXPECT_EQ(rows[i].read ? PORT_MAIN : PORT_GP,
			  access_msr(self->vcpu, access_read, rows[i].reg, &value)) {
			TH_LOG("RDMSR of register 0x%x", rows[i].reg);
		}
		if (rows[i].read && rows[i].write)
			EXPECT_EQ(rows[i].value, value) {
				TH_LOG("register 0x%x", rows[i].reg);
			}
		/* 64 bits, which only ICR has. */
		value = 1ull << 32;
		EXPECT_EQ(PORT_GP,
			  access_msr(self->vcpu, access_write, rows[i].reg, &value)) {
			TH_LOG("64 bits in register 0x%x", rows[i].reg);
		}
	}
}

/* In xAPIC mode the registers are memory, where IA32_APIC_BASE says. */
TEST_F(lapic, registers_in_memory)
{
	/* mov (%rax), %ecx; mov %edx, (%rax) */
	static const uint8_t load[] = { 0x8b, 0x08 }, store[] = { 0x89, 0x10 };
	static const uint8_t leave[] = { 0xe6, 0xe0 };	/* out %al, $0xe0 */
	struct kvm_lapic_state state;
	struct kvm_regs regs;
	uint8_t code[8];

	memcpy(code, load, 2);
	memcpy(code + 2, store, 2);
	memcpy(code + 4, leave, 2);
	ASSERT_EQ(0, vm_load_code(self->vm, CODE_GPA, code, 6));
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_PROTECTED, CODE_GPA, CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rax = 0xfee00000 + APIC_SPIV;
	regs.rdx = 0x1fd;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	EXPECT_EQ(0xff, regs.rcx);
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(0x1fd, get_reg(&state, APIC_SPIV));

	/* Switched off, they are the client's to answer. */
	if (testing_kvm())
		return;	/* A quirk: there they read as ones. */
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_APIC_BASE, 0xfee00000));
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_PROTECTED, CODE_GPA, CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rax = 0xfee00000 + APIC_VERSION;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);
	EXPECT_EQ(0xfee00000 + APIC_VERSION, self->vcpu->run->mmio.phys_addr);
}

TEST_HARNESS_MAIN
