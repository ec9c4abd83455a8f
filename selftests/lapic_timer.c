// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's timer. It counts at 1 GHz, as KVM's does.
 *
 * SDM vol. 3, "APIC Timer".
 */

#include "cpus.h"
#include "lapic.h"
#include "harness.h"

FIXTURE(timer) {
	struct machine m;
	struct vm *vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(timer)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, 0));
	self->vm = &self->m.vm;
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(timer)
{
	machine_destroy(&self->m);
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

TEST_F(timer, one_shot_and_periodic)
{
	struct kvm_lapic_state state;

	ASSERT_LOADED(one_shot);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, out_data(self->vcpu)) {
		TH_LOG("a one-shot timer goes on counting");
	}
	/* Periodic: once more, and again; and it is running now. */
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	EXPECT_EQ(1000000, get_reg(&state, APIC_TMICT));
	EXPECT_GE(1000000, get_reg(&state, APIC_TMCCT));
	EXPECT_LT(0, get_reg(&state, APIC_TMCCT));
}

/* A vCPU that is moved: a one-shot timer goes on, one that has ended does not begin again. */
TEST_F(timer, is_moved)
{
	struct kvm_lapic_state state;

	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	put_reg(&state, APIC_SPIV, SPIV_ENABLED);
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

/* A count of 0 is that of a timer whose interrupt has come, even if another CPU is busy with it. */
TEST_F(timer, has_a_count_until_it_ends)
{
	enum { ROUNDS = 500, STEPS = 2000, DIVIDE_BY_128 = 0xa };
	int lost = 0, other_cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	struct kvm_lapic_state start, state;

	if (testing_kvm())
		SKIP(return, "KVM's timer sets no bit in IRR before KVM_RUN");
	ASSERT_EQ(0, get_lapic(self->vcpu, &start));
	put_reg(&start, APIC_SPIV, SPIV_ENABLED);
	put_reg(&start, APIC_LVT_TIMER, VECTOR);
	put_reg(&start, APIC_TDCR, DIVIDE_BY_128);
	for (int i = 0; i < ROUNDS; i++) {
		put_reg(&start, APIC_TMICT, STEPS + i % 64);
		put_reg(&start, APIC_TMCCT, STEPS + i % 64);
		ASSERT_EQ(0, stay_on(other_cpu));
		ASSERT_EQ(0, set_lapic(self->vcpu, &start));
		ASSERT_EQ(0, stay_on(0));
		do {
			ASSERT_EQ(0, get_lapic(self->vcpu, &state));
		} while (get_reg(&state, APIC_TMCCT));
		lost += !(get_reg(&state, APIC_IRR + VECTOR / 32 * 0x10) & 1u << VECTOR % 32);
	}
	stay_anywhere();
	EXPECT_EQ(0, lost);
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

TEST_F(timer, tsc_deadline)
{
	ASSERT_EQ(1, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER));
	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(deadline);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_NE(0, out_data(self->vcpu));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_EQ(0, out_data(self->vcpu)) {
		TH_LOG("armed after its time");
	}
}

/* EBX ticks from now; at the interrupt, EDI:ESI is the deadline, and EDX:EAX the TSC. */
GUEST_CODE(by_deadline, 16,
	   SWITCH_ON
	   WRMSR(0x832, 0x40041, 0)
	   "rdtsc\n"
	   "addl %ebx, %eax\n"
	   "adcl $0, %edx\n"
	   "movl %eax, %esi\n"
	   "movl %edx, %edi\n"
	   "movl $0x6e0, %ecx\n"
	   "wrmsr\n"
	   "sti\n"
	   "1: hlt\n"
	   "jmp 1b\n"
	   "by_deadline_interrupt: rdtsc\n"
	   "outb %al, $0xe1\n"
	   "by_deadline_nmi: hlt\n");
GUEST_LABEL(by_deadline_interrupt);
GUEST_LABEL(by_deadline_nmi);

/* By the TSC, and not by another clock: here it is as much slower than said as may be. */
TEST_F(timer, not_before_the_deadline)
{
	int khz = sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0);
	struct kvm_regs regs;
	uint64_t tsc, deadline;

	if (testing_kvm())
		SKIP(return, "KVM's timer of a vCPU that halts goes by the other clock");
	ASSERT_LT(0, khz);
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_SET_TSC_KHZ, khz + khz / 4200));
	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(by_deadline);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	/* So long that it is more than an interrupt takes in Bochs. */
	regs.rbx = khz < 800000 ? 5000 * khz : UINT32_MAX;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	tsc = regs.rdx << 32 | (uint32_t)regs.rax;
	deadline = regs.rdi << 32 | (uint32_t)regs.rsi;
	EXPECT_LE(deadline, tsc) {
		TH_LOG("%lu ticks of %d kHz too early", deadline - tsc, khz);
	}
}

GUEST_CODE(far_deadline, 16,
	   SWITCH_ON
	   WRMSR(0x832, 0x40041, 0)
	   "rdtsc\n"
	   "addl $0x100, %edx\n"
	   "movl $0x6e0, %ecx\n"
	   "wrmsr\n"
	   "outb %al, $0xe0\n"
	   "sti\n"
	   "1: hlt\n"
	   "jmp 1b\n"
	   HANDLERS(far_deadline));
GUEST_LABEL(far_deadline_interrupt);
GUEST_LABEL(far_deadline_nmi);

/* The client has the guest's TSC go on from another value. */
static int shift_tsc(struct vcpu *vcpu, uint64_t ticks)
{
	uint64_t offset;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_DEVICE_ATTR, &attr);

	offset += ticks;
	return ret ? ret : sys_ioctl_ptr(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr);
}

/* SDM vol. 3, "TSC-Deadline Mode": the interrupt comes when the TSC gets there, and not before. */
TEST_F(timer, tsc_goes_past_the_deadline)
{
	if (testing_kvm())
		SKIP(return, "KVM does not look at the deadline again");
	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(far_deadline);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, shift_tsc(self->vcpu, 0x200ull << 32));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
}

TEST_F(timer, tsc_goes_back_before_the_deadline)
{
	uint64_t deadline, ticks = 200 * sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0), now;

	if (testing_kvm())
		SKIP(return, "KVM does not look at the deadline again");
	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(far_deadline);
	/* So that it can go back. */
	ASSERT_EQ(0, shift_tsc(self->vcpu, 0x1000ull << 32));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC, &now));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, now + ticks));
	ASSERT_EQ(0, shift_tsc(self->vcpu, -(0x100ull << 32)));
	usleep(300000);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, &deadline));
	EXPECT_EQ(now + ticks, deadline);
}

/*
 * It comes when the client has read the registers and not yet written them back: the interrupt
 * is in none of what the client has.
 */
TEST_F(timer, deadline_comes_while_the_client_has_the_state)
{
	uint64_t now, deadline, ticks = 50 * sys_ioctl(self->vcpu->fd, KVM_GET_TSC_KHZ, 0);
	struct kvm_lapic_state state;

	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(far_deadline);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC, &now));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, now + ticks));
	ASSERT_EQ(0, get_lapic(self->vcpu, &state));
	ASSERT_EQ(0, get_reg(&state, APIC_IRR + VECTOR / 32 * 0x10));
	usleep(100000);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, &deadline));
	EXPECT_EQ(now + ticks, deadline);
	ASSERT_EQ(0, set_lapic(self->vcpu, &state));
	ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, &deadline));
	EXPECT_EQ(0, deadline);
}

/* A state of another mode has no deadline, and the next one does not find the old. */
TEST_F(timer, no_deadline_is_left_behind)
{
	struct kvm_lapic_state armed, one_shot;
	uint64_t deadline;

	ASSERT_EQ(0, offer_deadline(self->vcpu));
	ASSERT_LOADED(far_deadline);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, get_lapic(self->vcpu, &armed));
	ASSERT_EQ(0, set_lapic(self->vcpu, &armed));
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, &deadline));
	EXPECT_NE(0, deadline);
	one_shot = armed;
	put_reg(&one_shot, APIC_LVT_TIMER, VECTOR);
	ASSERT_EQ(0, set_lapic(self->vcpu, &one_shot));
	ASSERT_EQ(0, set_lapic(self->vcpu, &armed));
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_TSC_DEADLINE, &deadline));
	EXPECT_EQ(0, deadline);
}

/*
 * SDM vol. 3, figure "Divide Configuration Register". What the timer has counted between two
 * looks is the time between them, as far as it can be known from outside.
 */
TEST_F(timer, divides)
{
	static const struct {
		uint32_t tdcr, divisor;
	} rows[] = {
		{ 0x0, 2 }, { 0x1, 4 }, { 0x2, 8 }, { 0x3, 16 },
		{ 0x8, 32 }, { 0x9, 64 }, { 0xa, 128 }, { 0xb, 1 },
	};
	struct kvm_lapic_state state;
	uint64_t before[2], after[2], counted;
	uint32_t first;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, get_lapic(self->vcpu, &state));
		put_reg(&state, APIC_SPIV, SPIV_ENABLED);
		put_reg(&state, APIC_LVT_TIMER, LVT_MASKED | VECTOR);
		put_reg(&state, APIC_TDCR, rows[i].tdcr);
		put_reg(&state, APIC_TMICT, UINT32_MAX);
		put_reg(&state, APIC_TMCCT, UINT32_MAX);
		ASSERT_EQ(0, set_lapic(self->vcpu, &state));
		before[0] = now_ns();
		ASSERT_EQ(0, get_lapic(self->vcpu, &state));
		after[0] = now_ns();
		first = get_reg(&state, APIC_TMCCT);
		usleep(10000);
		before[1] = now_ns();
		ASSERT_EQ(0, get_lapic(self->vcpu, &state));
		after[1] = now_ns();
		counted = (uint64_t)(first - get_reg(&state, APIC_TMCCT)) * rows[i].divisor;
		EXPECT_LE(before[1] - after[0], counted + rows[i].divisor) {
			TH_LOG("divide configuration %#x: too slow", rows[i].tdcr);
		}
		EXPECT_GE(after[1] - before[0] + rows[i].divisor, counted) {
			TH_LOG("divide configuration %#x: too fast", rows[i].tdcr);
		}
	}
}

/* Other steps for a timer that runs: it has as many of them left as before. */
TEST_F(timer, steps_change)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | X2APIC_MODE),
		vm_op_wrmsr(MSR_X2APIC + APIC_SPIV / 16, SPIV_ENABLED),
		vm_op_wrmsr(MSR_X2APIC + APIC_TDCR / 16, 0xb),
		vm_op_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, LVT_MASKED | VECTOR),
		vm_op_wrmsr(MSR_X2APIC + APIC_TMICT / 16, UINT32_MAX),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
		vm_op_wrmsr(MSR_X2APIC + APIC_TDCR / 16, 0xa),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
		vm_op_wrmsr(MSR_X2APIC + APIC_TDCR / 16, 0xb),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
	};
	uint64_t before = now_ns(), passed;

	ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops, ARRAY_SIZE(ops)));
	passed = now_ns() - before;
	for (size_t i = 5; i < ARRAY_SIZE(ops); i += 2) {
		EXPECT_GE(UINT32_MAX, vm_op_value(&ops[i]));
		EXPECT_LE(UINT32_MAX - (uint32_t)passed, vm_op_value(&ops[i])) {
			TH_LOG("op %zu", i);
		}
	}
}

GUEST_CODE(restless, 16,
	   SWITCH_ON
	   "xorl %ebx, %ebx\n"
	   WRMSR(0x83e, 0xb, 0)
	   WRMSR(0x832, 0x20041, 0)
	   WRMSR(0x838, 1, 0)
	   "sti\n"
	   "1: hlt\n"
	   "jmp 1b\n"
	   "restless_interrupt: incl %ebx\n"
	   EOI
	   "cmpl $100, %ebx\n"
	   "jb 2f\n"
	   "outb %al, $0xe0\n"
	   "2: iret\n"
	   "restless_nmi: iret\n");
GUEST_LABEL(restless_interrupt);
GUEST_LABEL(restless_nmi);

#define SHORTEST_NS	200000ull	/* min_timer_period_us of KVM, by default */

/* A guest that asks for an interrupt each nanosecond does not get one: the host has other work. */
TEST_F(timer, shortest_period)
{
	uint64_t start = now_ns();

	ASSERT_LOADED(restless);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	EXPECT_LE(99 * SHORTEST_NS, now_ns() - start);
}

/*
 * One that runs is stopped by another mode, and waits for a new count. SDM vol. 3, "TSC-Deadline
 * Mode": a write that changes the mode disarms the timer.
 */
TEST_F(timer, mode_changes)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | X2APIC_MODE),
		vm_op_wrmsr(MSR_X2APIC + APIC_SPIV / 16, SPIV_ENABLED),
		vm_op_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, VECTOR),
		vm_op_wrmsr(MSR_X2APIC + APIC_TMICT / 16, UINT32_MAX),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
		vm_op_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, LVT_MASKED | VECTOR),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
		vm_op_wrmsr(MSR_X2APIC + APIC_LVT_TIMER / 16, LVT_PERIODIC | VECTOR),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMCCT / 16),
		vm_op_rdmsr(MSR_X2APIC + APIC_TMICT / 16),
	};

	ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops, ARRAY_SIZE(ops)));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VM_OP_DONE, ops[i].vector) {
			TH_LOG("op %zu", i);
		}
	}
	EXPECT_LT(0, vm_op_value(&ops[4]));
	EXPECT_LT(0, vm_op_value(&ops[6])) {
		TH_LOG("a mask is no mode");
	}
	/* KVM's goes on, but to and from the deadline. */
	if (!testing_kvm()) {
		EXPECT_EQ(0, vm_op_value(&ops[8]));
		EXPECT_EQ(0, vm_op_value(&ops[9]));
	}
}

TEST_HARNESS_MAIN
