// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CAP_X86_DISABLE_EXITS: a guest that halts keeps its CPU until something comes
 * for it: an interrupt or NMI of the client's, an exception, its local APIC's timer.
 *
 * SDM vol. 3, "VM Entry and the Activity State".
 */
#include <signal.h>
#include <sys/time.h>

#include "real_mode.h"
#include "harness.h"

#define VECTOR		0x40

#define PORT_BEGIN	0xe0
#define PORT_BEHIND	0xe1	/* behind the HLT */
#define PORT_INTERRUPT	0xe2
#define PORT_NMI	0xe3
#define PORT_UD		0xe4

#define HANDLERS(name)							\
	"jmp .\n"							\
	#name "_interrupt: outb %al, $0xe2\n"				\
	"iret\n"							\
	#name "_nmi: outb %al, $0xe3\n"					\
	"iret\n"							\
	#name "_ud: outb %al, $0xe4\n"					\
	"iret\n"

GUEST_CODE(halts, 16,
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "hlt\n"
	   "outb %al, $0xe1\n"
	   HANDLERS(halts));
GUEST_LABEL(halts_interrupt);
GUEST_LABEL(halts_nmi);
GUEST_LABEL(halts_ud);

/*
 * x2APIC; a one-shot timer at VECTOR, counting down from 0x10000 undivided. It halts until the
 * client has set EBX, as Bochs 2.7 may end HLT for an interrupt of the host's.
 */
GUEST_CODE(timer, 16,
	   "outb %al, $0xe0\n"
	   "movl $0x1b, %ecx\n rdmsr\n orl $0xc00, %eax\n wrmsr\n"
	   "xorl %edx, %edx\n"
	   "movl $0x80f, %ecx\n movl $0x1ff, %eax\n wrmsr\n"
	   "movl $0x83e, %ecx\n movl $0xb, %eax\n wrmsr\n"
	   "movl $0x832, %ecx\n movl $0x40, %eax\n wrmsr\n"
	   "movl $0x838, %ecx\n movl $0x10000, %eax\n wrmsr\n"
	   "sti\n"
	   "xorl %ebx, %ebx\n"
	   "1: hlt\n"
	   "testl %ebx, %ebx\n"
	   "jz 1b\n"
	   "outb %al, $0xe1\n"
	   HANDLERS(timer));
GUEST_LABEL(timer_interrupt);
GUEST_LABEL(timer_nmi);
GUEST_LABEL(timer_ud);

GUEST_CODE(pauses, 16,
	   "movw $1000, %cx\n"
	   "1: pause\n"
	   "loop 1b\n"
	   "outb %al, $0xe0\n"
	   HANDLERS(pauses));
GUEST_LABEL(pauses_interrupt);
GUEST_LABEL(pauses_nmi);
GUEST_LABEL(pauses_ud);

/* With IF set: bochs 2.7 lets no interrupt of the host's end a wait that has it clear. */
GUEST_CODE(waits, 64,
	   "outb %al, $0xe0\n"
	   "movq %rsp, %rax\n"
	   "xorl %ecx, %ecx\n"
	   "xorl %edx, %edx\n"
	   "sti\n"
	   "monitor\n"
	   "xorl %eax, %eax\n"
	   "mwait\n"
	   "outb %al, $0xe1");

FIXTURE(disable_exits) {
	struct machine m;
	struct vcpu *vcpu;
	int can;
};

FIXTURE_SETUP(disable_exits)
{
	self->m.dev = vm_open_device(test_device());
	ASSERT_LE(0, self->m.dev);
	ASSERT_EQ(0, vm_create(&self->m.vm, self->m.dev, 2));
	self->vcpu = &self->m.vcpu;
	self->vcpu->fd = -1;
	self->can = sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS);
	ASSERT_EQ(KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE,
		  self->can & (KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE));
}

FIXTURE_TEARDOWN(disable_exits)
{
	if (self->vcpu->fd >= 0)
		vcpu_destroy(self->vcpu);
	vm_destroy(&self->m.vm);
	close(self->m.dev);
}

static int disable(struct vm *vm, uint64_t exits)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS, .args[0] = exits };

	return sys_ioctl_ptr(vm->fd, KVM_ENABLE_CAP, &cap);
}

/* A vCPU of a VM that does without @exits, at the start of @name, which has HANDLERS(). */
#define ASSERT_READY(exits, name)					\
do {									\
	ASSERT_EQ(0, disable(&self->m.vm, exits));			\
	ASSERT_EQ(0, vcpu_create(self->vcpu, &self->m.vm, 0));		\
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));		\
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, name));	\
	set_vector(&self->m.vm, VECTOR, name##_interrupt - name);	\
	set_vector(&self->m.vm, VECTOR_NMI, name##_nmi - name);		\
	set_vector(&self->m.vm, VECTOR_UD, name##_ud - name);		\
} while (0)

static void woken(int sig)
{
}

/* KVM_RUN for as long as @ms say, at most. */
static int run_for(struct vcpu *vcpu, unsigned int ms)
{
	struct itimerval timer = { .it_value.tv_usec = 1000 * ms };
	struct sigaction action = { .sa_handler = woken };
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = vcpu_run(vcpu);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	return ret;
}

enum { HALTED, WOKEN, BROKEN };

/* Does it halt, and stay so from one KVM_RUN to the next? */
static int how_it_halts(struct vcpu *vcpu)
{
	for (int i = 0; i < 2; i++) {
		int ret = run_for(vcpu, 200);

		if (!ret && vcpu->run->exit_reason == KVM_EXIT_IO &&
		    vcpu->run->io.port == PORT_BEHIND)
			return WOKEN;
		if (ret != -EINTR || vcpu->run->exit_reason != KVM_EXIT_INTR)
			return BROKEN;
	}
	return HALTED;
}

/*
 * bochs 2.7: each interrupt of the host's ends a guest's HLT, and the guest goes on by itself.
 * Where that is so MINIHV_HLT_ENDS is set; elsewhere it is a failure.
 */
static bool woken_by_emulator(int how)
{
	return how == WOKEN && getenv("MINIHV_HLT_ENDS");
}

#define WHY_WOKEN	"this CPU does not stay in HLT"

TEST_F(disable_exits, unknown_bits)
{
	EXPECT_EQ(-EINVAL, disable(&self->m.vm, 1ull << 31));
	EXPECT_EQ(-EINVAL, disable(&self->m.vm, 1ull << 32));
	EXPECT_EQ(-EINVAL, disable(&self->m.vm, KVM_X86_DISABLE_EXITS_HLT | 1ull << 63));
	/* Nothing has come of the last one. */
	ASSERT_READY(0, halts);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

/* vCPUs that exist keep what they have; KVM has refused this since Linux 6.2. */
TEST_F(disable_exits, too_late)
{
	ASSERT_READY(0, halts);
	EXPECT_EQ(testing_kvm() ? 0 : -EINVAL,
		  disable(&self->m.vm, KVM_X86_DISABLE_EXITS_HLT));
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

TEST_F(disable_exits, interrupt_ends_hlt)
{
	struct kvm_interrupt interrupt = { .irq = VECTOR };
	int how;

	ASSERT_READY(KVM_X86_DISABLE_EXITS_HLT, halts);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	how = how_it_halts(self->vcpu);
	if (woken_by_emulator(how))
		SKIP(return, WHY_WOKEN);
	ASSERT_EQ(HALTED, how);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_INTERRUPT, &interrupt));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

TEST_F(disable_exits, nmi_ends_hlt)
{
	int how;

	ASSERT_READY(KVM_X86_DISABLE_EXITS_HLT, halts);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	how = how_it_halts(self->vcpu);
	if (woken_by_emulator(how))
		SKIP(return, WHY_WOKEN);
	ASSERT_EQ(HALTED, how);
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_OUT(PORT_NMI, self->vcpu);
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

/* VM entry refuses most exceptions for a guest that halts: it must not halt any more. */
TEST_F(disable_exits, exception_ends_hlt)
{
	struct kvm_vcpu_events events;
	int how;

	ASSERT_READY(KVM_X86_DISABLE_EXITS_HLT, halts);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	how = how_it_halts(self->vcpu);
	if (woken_by_emulator(how))
		SKIP(return, WHY_WOKEN);
	ASSERT_EQ(HALTED, how);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_VCPU_EVENTS, &events));
	events.exception.injected = 1;
	events.exception.nr = VECTOR_UD;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_VCPU_EVENTS, &events));
	ASSERT_OUT(PORT_UD, self->vcpu);
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

/* The window opens while the guest halts with IF set. */
TEST_F(disable_exits, window_while_halted)
{
	int how;

	ASSERT_READY(KVM_X86_DISABLE_EXITS_HLT, halts);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	how = how_it_halts(self->vcpu);
	if (woken_by_emulator(how))
		SKIP(return, WHY_WOKEN);
	ASSERT_EQ(HALTED, how);
	self->vcpu->run->request_interrupt_window = 1;
	ASSERT_EXIT(KVM_EXIT_IRQ_WINDOW_OPEN, self->vcpu);
}

/* Nothing of the kernel's sleeps in its place: the guest is RUNNABLE all the time. */
TEST_F(disable_exits, timer_ends_hlt)
{
	struct kvm_mp_state state;
	struct kvm_regs regs;

	ASSERT_EQ(0, sys_ioctl(self->m.vm.fd, KVM_CREATE_IRQCHIP, 0));
	ASSERT_READY(KVM_X86_DISABLE_EXITS_HLT, timer);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_MP_STATE, &state));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, (int)state.mp_state);
	ASSERT_EQ(0, get_regs(self->vcpu, &regs));
	regs.rbx = 1;
	ASSERT_EQ(0, set_regs(self->vcpu, &regs));
	ASSERT_OUT(PORT_BEHIND, self->vcpu);
}

/* SDM vol. 3, appendix C, "VMX Basic Exit Reasons" */
#define REASON_MWAIT	36
#define REASON_MONITOR	39
#define REASON_PAUSE	40

/* How often a vCPU has left for this reason, by minihv's statistics; -1 without those. */
static int64_t exits_for(struct vcpu *vcpu, int reason)
{
	int fd = sys_ioctl(vcpu->fd, KVM_GET_STATS_FD, 0);
	struct kvm_stats_header header;
	struct kvm_stats_desc desc;
	uint64_t exits[REASON_PAUSE + 1];
	int64_t ret = -1;

	/* The first counter is of exits by reason. */
	if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    pread(fd, &desc, sizeof(desc), header.desc_offset) == sizeof(desc) &&
	    (desc.flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_LINEAR_HIST &&
	    desc.size >= ARRAY_SIZE(exits) &&
	    pread(fd, exits, sizeof(exits), header.data_offset + desc.offset) == sizeof(exits))
		ret = exits[reason];
	close(fd);
	return ret;
}

TEST_F(disable_exits, pause)
{
	ASSERT_READY(KVM_X86_DISABLE_EXITS_PAUSE, pauses);
	ASSERT_OUT(PORT_BEGIN, self->vcpu);
	if (!testing_kvm())
		EXPECT_EQ(0, exits_for(self->vcpu, REASON_PAUSE));
}

TEST_F(disable_exits, mwait)
{
	if (!(self->can & KVM_X86_DISABLE_EXITS_MWAIT))
		SKIP(return, "the CPU cannot leave MWAIT to a guest");
	for (int i = 0; i < 2; i++) {
		struct vm vm;

		ASSERT_EQ(0, vm_create(&vm, self->m.dev, 2));
		ASSERT_EQ(0, disable(&vm, i ? KVM_X86_DISABLE_EXITS_MWAIT : 0));
		ASSERT_EQ(0, vcpu_create(self->vcpu, &vm, 0));
		ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, waits));
		ASSERT_OUT(PORT_BEGIN, self->vcpu);
		/* Where it does wait, the host's next interrupt ends that. */
		ASSERT_OUT(PORT_BEHIND, self->vcpu);
		if (!testing_kvm()) {
			EXPECT_EQ(i ? 0 : 1, exits_for(self->vcpu, REASON_MWAIT));
			EXPECT_EQ(i ? 0 : 1, exits_for(self->vcpu, REASON_MONITOR));
		}
		vcpu_destroy(self->vcpu);
		self->vcpu->fd = -1;
		vm_destroy(&vm);
	}
}

TEST_HARNESS_MAIN
