// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC in the kernel, after KVM_CREATE_IRQCHIP: its registers in
 * KVM_GET/SET_LAPIC and as MSRs, interrupts from itself, from other vCPUs, from
 * its timer and from the client, and HLT that waits for them.
 *
 * SDM vol. 3, chapter "Advanced Programmable Interrupt Controller (APIC)".
 */
#include <pthread.h>
#include <signal.h>

#include "real_mode.h"
#include "harness.h"

#define VECTOR		0x41
#define NMI_VECTOR	2

#define PORT_MAIN	0xe0
#define PORT_INTERRUPT	0xe1
#define PORT_NMI	0xe2
#define PORT_AP		0xe3

/* Offsets in the page of registers; an MSR is 0x800 + offset / 16. */
#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SPIV	0xf0
#define APIC_IRR	0x200
#define APIC_ICR	0x300
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_ERROR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0

#define LVT_MASKED	(1u << 16)
#define LVT_DEADLINE	(2u << 17)

#define MSR_APIC_BASE	0x1b
#define APIC_BASE_X2	(3u << 10)
#define MSR_DEADLINE	0x6e0
#define MSR_X2APIC	0x800

/* Switches the APIC on, in x2APIC mode; %ebx is what it wants to do after that. */
#define SWITCH_ON							\
	"movl $0x1b, %ecx\n"						\
	"rdmsr\n"							\
	"orl $0xc00, %eax\n"						\
	"wrmsr\n"							\
	"xorl %edx, %edx\n"						\
	"movl $0x80f, %ecx\n"						\
	"movl $0x1ff, %eax\n"						\
	"wrmsr\n"

#define WRMSR(index, low, high)						\
	"movl $" #index ", %ecx\n"					\
	"movl $" #low ", %eax\n"					\
	"movl $" #high ", %edx\n"					\
	"wrmsr\n"

#define HANDLERS(name)							\
	#name "_interrupt: outb %al, $0xe1\n"				\
	WRMSR(0x80b, 0, 0)						\
	"iret\n"							\
	#name "_nmi: outb %al, $0xe2\n"					\
	"iret\n"

FIXTURE(lapic) {
	struct machine m;
	struct vm *vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(lapic)
{
	struct machine *m = &self->m;

	m->dev = vm_open_device(test_device());
	ASSERT_LE(0, m->dev);
	ASSERT_EQ(0, vm_create(&m->vm, m->dev, 2));
	ASSERT_EQ(0, sys_ioctl(m->vm.fd, KVM_CREATE_IRQCHIP, 0));
	ASSERT_EQ(0, vcpu_create(&m->vcpu, &m->vm, 0));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m->vcpu));
	self->vm = &m->vm;
	self->vcpu = &m->vcpu;
}

FIXTURE_TEARDOWN(lapic)
{
	machine_destroy(&self->m);
}

/* Code with HANDLERS(), for the first vCPU. */
#define ASSERT_LOADED(name)						\
do {									\
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, name));	\
	set_vector(self->vm, VECTOR, name##_interrupt - name);		\
	set_vector(self->vm, NMI_VECTOR, name##_nmi - name);		\
} while (0)

static uint32_t get_reg(const struct kvm_lapic_state *state, unsigned int reg)
{
	uint32_t value;

	memcpy(&value, state->regs + reg, sizeof(value));
	return value;
}

static void put_reg(struct kvm_lapic_state *state, unsigned int reg, uint32_t value)
{
	memcpy(state->regs + reg, &value, sizeof(value));
}

static int get_lapic(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_LAPIC, state);
}

static int set_lapic(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_LAPIC, state);
}

static int get_mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state state;
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_MP_STATE, &state);

	return ret ? ret : (int)state.mp_state;
}

static int signal_msi(struct vm *vm, uint8_t destination, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | destination << 12, .data = data };

	return sys_ioctl_ptr(vm->fd, KVM_SIGNAL_MSI, &msi);
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
	EXPECT_EQ(1u << VECTOR % 32,
		  *(uint32_t *)((char *)self->vcpu->run + self->vcpu->run->io.data_offset));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
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
	usleep(20000);
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

static void nothing(int sig)
{
}

static void *signal_soon(void *thread)
{
	usleep(20000);
	pthread_kill(*(pthread_t *)thread, SIGUSR1);
	return NULL;
}

/* ...and so does a signal for the thread; the vCPU stays halted. */
static void run_until_halted(struct __test_metadata *_metadata, struct vcpu *vcpu)
{
	pthread_t self_thread = pthread_self(), thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_soon, &self_thread));
	ASSERT_EQ(-EINTR, vcpu_run(vcpu));
	EXPECT_EQ(KVM_EXIT_INTR, vcpu->run->exit_reason);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(KVM_MP_STATE_HALTED, get_mp_state(vcpu));
}

TEST_F(lapic, signal_interrupts_halt)
{
	struct sigaction action = { .sa_handler = nothing };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_LOADED(sleeper);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	run_until_halted(_metadata, self->vcpu);
	ASSERT_EQ(1, signal_msi(self->vm, 0, VECTOR));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);

	/* With IF clear only an NMI wakes it. */
	ASSERT_EQ(1, signal_msi(self->vm, 0, VECTOR));
	run_until_halted(_metadata, self->vcpu);
	ASSERT_EQ(1, signal_msi(self->vm, 0, 4 << 8));
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

GUEST_CODE(one_shot, 16,
	   SWITCH_ON
	   WRMSR(0x83e, 0xb, 0)
	   WRMSR(0x832, 0x41, 0)
	   WRMSR(0x838, 1000000, 0)
	   "sti\n"
	   "hlt\n"
	   "movl $0x839, %ecx\n"
	   "rdmsr\n"
	   "outl %eax, $0xe0\n"
	   WRMSR(0x832, 0x20041, 0)
	   WRMSR(0x838, 1000000, 0)
	   "1: hlt\n"
	   "jmp 1b\n"
	   HANDLERS(one_shot));
GUEST_LABEL(one_shot_interrupt);
GUEST_LABEL(one_shot_nmi);

TEST_F(lapic, timer)
{
	struct kvm_lapic_state state;

	ASSERT_LOADED(one_shot);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, *(uint32_t *)((char *)self->vcpu->run + self->vcpu->run->io.data_offset)) {
		TH_LOG("a one-shot timer goes on counting");
	}
	/* Periodic: once more, and again; and it is running now. */
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(1000000, get_reg(&state, APIC_TMICT));
	EXPECT_GE(1000000, get_reg(&state, APIC_TMCCT));
}

/* A vCPU that is moved: a one-shot timer goes on, one that has ended does not begin again. */
TEST_F(lapic, timer_is_moved)
{
	struct kvm_lapic_state state;

	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	put_reg(&state, APIC_SPIV, 0x1ff);
	put_reg(&state, APIC_LVT_TIMER, VECTOR);
	put_reg(&state, APIC_TDCR, 0xb);
	put_reg(&state, APIC_TMICT, 4000000000);
	put_reg(&state, APIC_TMCCT, 3000000000);
	ASSERT_EQ(0, set_lapic(self->vcpu, &state));
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(4000000000, get_reg(&state, APIC_TMICT));
	EXPECT_GE(3000000000, get_reg(&state, APIC_TMCCT));
	EXPECT_LT(2000000000, get_reg(&state, APIC_TMCCT));

	if (testing_kvm())
		return;	/* It fires at once. */
	put_reg(&state, APIC_TMCCT, 0);
	ASSERT_EQ(0, set_lapic(self->vcpu, &state));
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(0, get_reg(&state, APIC_TMCCT));
	EXPECT_EQ(0, get_reg(&state, APIC_IRR + VECTOR / 32 * 0x10));
}

GUEST_CODE(deadline, 16,
	   SWITCH_ON
	   WRMSR(0x832, 0x40041, 0)
	   "rdtsc\n"
	   "addl $2000000, %eax\n"
	   "adcl $0, %edx\n"
	   "movl $0x6e0, %ecx\n"
	   "wrmsr\n"
	   "rdmsr\n"
	   "outl %eax, $0xe0\n"
	   "sti\n"
	   "hlt\n"
	   "movl $0x6e0, %ecx\n"
	   "rdmsr\n"
	   "orl %edx, %eax\n"
	   "outl %eax, $0xe0\n"
	   HANDLERS(deadline));
GUEST_LABEL(deadline_interrupt);
GUEST_LABEL(deadline_nmi);

/* The supported CPUID, and the timer that KVM_CAP_TSC_DEADLINE_TIMER speaks of. */
static int offer_deadline(struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid;
	unsigned int i;
	int ret;

	ret = vm_supported_cpuid(vcpu->vm->dev, &cpuid);
	if (ret)
		return ret;
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= 1 << 24;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

TEST_F(lapic, tsc_deadline)
{
	uint32_t *data = (void *)((char *)self->vcpu->run + 0x1000);

	ASSERT_EQ(1, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER));
	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(deadline);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	data = (void *)((char *)self->vcpu->run + self->vcpu->run->io.data_offset);
	EXPECT_NE(0, *data);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, *data) {
		TH_LOG("armed after its time");
	}
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
	   "1: pause\n"
	   "jmp 1b\n");
GUEST_LABEL(ap_spins);
GUEST_LABEL(starts_ap_interrupt);
GUEST_LABEL(starts_ap_nmi);

static void *run_until_out(void *vcpu)
{
	return (void *)(intptr_t)vcpu_run(vcpu);
}

static const uint8_t jump_to_ap[] = { 0xe9, 0xfd, 0x00 }; /* to 0x100 */

/* The BSP is about to send INIT and SIPI; SIPI 0x10 is CODE_GPA. Then an IPI comes back. */
static void start_ap(struct __test_metadata *_metadata, struct vcpu *bsp, struct vcpu *ap)
{
	pthread_t thread;
	void *ret;

	/* The BSP is done with what is there. */
	ASSERT_EQ(0, vm_load_code(bsp->vm, CODE_GPA, jump_to_ap, sizeof(jump_to_ap)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_until_out, bsp));
	/* KVM has the client call again. */
	do {
		ret = run_until_out(ap);
	} while ((intptr_t)ret == -EAGAIN);
	ASSERT_EQ(NULL, ret);
	ASSERT_EQ(KVM_EXIT_IO, ap->run->exit_reason);
	EXPECT_EQ(PORT_AP, ap->run->io.port);
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, get_mp_state(ap));
	ASSERT_OUT(PORT_AP, ap);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	ASSERT_EQ(NULL, ret);
	EXPECT_EQ(PORT_INTERRUPT, bsp->run->io.port);
}

/* SDM vol. 3, "Typical BSP Initialization Sequence". */
TEST_F(lapic, starts_another)
{
	struct vcpu ap;

	ASSERT_EQ(0, vcpu_create(&ap, self->vm, 1));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&ap));
	EXPECT_EQ(KVM_MP_STATE_UNINITIALIZED, get_mp_state(&ap));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, get_mp_state(self->vcpu));
	ASSERT_LOADED(starts_ap);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	start_ap(_metadata, self->vcpu, &ap);
	vcpu_destroy(&ap);
}

/* INIT reaches one that runs, too, and has no other reason to leave the guest. */
TEST_F(lapic, starts_one_that_runs)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs;
	struct vcpu ap;

	ASSERT_EQ(0, vcpu_create(&ap, self->vm, 1));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&ap));
	ASSERT_EQ(0, load_guest_code(&ap, VM_MODE_REAL, starts_ap));
	ASSERT_EQ(0, sys_ioctl_ptr(ap.fd, KVM_GET_REGS, &regs));
	regs.rip = ap_spins - starts_ap;
	ASSERT_EQ(0, sys_ioctl_ptr(ap.fd, KVM_SET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(ap.fd, KVM_SET_MP_STATE, &runnable));
	ASSERT_LOADED(starts_ap);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	start_ap(_metadata, self->vcpu, &ap);
	vcpu_destroy(&ap);
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
	/* In x2APIC mode the id is the vCPU's; KVM looks when it is asked to. */
	put_reg(&state, APIC_ID, 7);
	if (!testing_kvm())
		EXPECT_EQ(-EINVAL, set_lapic(self->vcpu, &state));
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

/* One WRMSR or RDMSR in the guest, in a state of its own: true if it does not fault. */
static bool access_msr(struct vcpu *vcpu, const uint8_t *label, uint32_t reg, uint64_t *value)
{
	struct kvm_regs regs = {
		.rip = label - accesses,
		.rflags = 2,
		.rsp = CODE_STACK,
		.rcx = MSR_X2APIC + reg / 16,
		.rax = (uint32_t)*value,
		.rdx = *value >> 32,
	};

	if (sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs) || vcpu_run(vcpu) ||
	    vcpu->run->exit_reason != KVM_EXIT_IO || vcpu->run->io.port != PORT_MAIN ||
	    sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs))
		return false;
	*value = regs.rdx << 32 | (uint32_t)regs.rax;
	return true;
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
	EXPECT_FALSE(access_msr(self->vcpu, access_read, APIC_VERSION, &value)) {
		TH_LOG("outside of x2APIC mode");
	}
	ASSERT_LOADED(accesses);
	ASSERT_OUT(PORT_MAIN, self->vcpu);

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		value = rows[i].value;
		EXPECT_EQ(rows[i].write,
			  access_msr(self->vcpu, access_write, rows[i].reg, &value)) {
			TH_LOG("WRMSR of register 0x%x", rows[i].reg);
		}
		value = ~0ull;
		EXPECT_EQ(rows[i].read,
			  access_msr(self->vcpu, access_read, rows[i].reg, &value)) {
			TH_LOG("RDMSR of register 0x%x", rows[i].reg);
		}
		if (rows[i].read && rows[i].write)
			EXPECT_EQ(rows[i].value, value) {
				TH_LOG("register 0x%x", rows[i].reg);
			}
		/* 64 bits, which only ICR has. */
		value = 1ull << 32;
		EXPECT_FALSE(access_msr(self->vcpu, access_write, rows[i].reg, &value)) {
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
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_APIC_BASE, 0xfee00000));
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_PROTECTED, CODE_GPA, CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rax = 0xfee00000 + APIC_VERSION;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EXIT(KVM_EXIT_MMIO, self->vcpu);
	EXPECT_EQ(0xfee00000 + APIC_VERSION, self->vcpu->run->mmio.phys_addr);
}

/* GSIs: what the client has laid down is sent. */
TEST_F(lapic, routes)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[2];
	} routing = {
		.header.nr = 1,
		.entries[0] = {
			.gsi = 30,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = VECTOR },
		},
	};
	struct kvm_irq_level level = { .irq = 30, .level = 1 };

	ASSERT_LT(30, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING));
	ASSERT_LOADED(sleeper);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm->fd, KVM_SET_GSI_ROUTING, &routing));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vm->fd, KVM_IRQ_LINE, &level));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);

	routing.header.flags = 1;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vm->fd, KVM_SET_GSI_ROUTING, &routing));
	routing.header.flags = 0;
	routing.header.nr = 1 << 20;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vm->fd, KVM_SET_GSI_ROUTING, &routing));
	routing.header.nr = 2;
	routing.entries[1] = routing.entries[0];
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vm->fd, KVM_SET_GSI_ROUTING, &routing));
}

TEST_HARNESS_MAIN
