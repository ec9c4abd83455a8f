// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CAP_X86_USER_SPACE_MSR: the client is told of accesses that fail, and
 * completes them.
 */
#include "harness.h"
#include "background.h"
#include "filter.h"

#define INVAL		KVM_MSR_EXIT_REASON_INVAL
#define UNKNOWN		KVM_MSR_EXIT_REASON_UNKNOWN
#define FILTER		KVM_MSR_EXIT_REASON_FILTER

#define HIGH_HALF	0xffffffff00000000ULL
#define VALUE		0x123456789abcdef0ULL

static int report(struct vm *vm, uint64_t reasons)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons },
	};

	return sys_ioctl_ptr(vm->fd, KVM_ENABLE_CAP, &cap);
}

FIXTURE(exits) {
	struct machine m;
	uint8_t deny;
};

FIXTURE_SETUP(exits)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
}

FIXTURE_TEARDOWN(exits)
{
	machine_destroy(&self->m);
}

/* Forbid the guest one MSR. */
#define ASSERT_DENIED(index)						\
do {									\
	struct kvm_msr_filter_range __range =				\
		range_of(FILTER_BOTH, index, 1, &self->deny);		\
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW,	\
				&__range, 1));				\
} while (0)

/* Run one op, which has to end in @exit; then complete it and get what it left. */
#define ASSERT_OP_EXITS(exit, op)					\
do {									\
	ASSERT_EQ(-EIO, vm_run_ops(&self->m.vcpu, op, 1));		\
	ASSERT_EQ(exit, (int)self->m.vcpu.run->exit_reason);		\
} while (0)

#define ASSERT_COMPLETED(op)						\
do {									\
	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);			\
	op = op_in_guest(&self->m.vm);					\
} while (0)

/* The op as the guest left it; its RIP is behind the INT $0x20 that ends it. */
static struct vm_op op_in_guest(struct vm *vm)
{
	struct vm_op op;

	memcpy(&op, vm_gpa(vm, VM_GPA_VCPUS + VM_AREA_OPS, sizeof(op)), sizeof(op));
	if (op.vector == VM_OP_DONE)
		op.rip -= 2;
	return op;
}

TEST_F(exits, capability)
{
	struct kvm_enable_cap flagged = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .flags = 1, .args = { INVAL },
	};

	EXPECT_EQ(1, sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_USER_SPACE_MSR));
	EXPECT_EQ(1, sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_ENABLE_CAP_VM));
	EXPECT_EQ(0, report(&self->m.vm, INVAL | UNKNOWN | FILTER));
	EXPECT_EQ(0, report(&self->m.vm, 0));
	EXPECT_EQ(-EINVAL, report(&self->m.vm, 1ULL << 63));
	EXPECT_EQ(-EINVAL, report(&self->m.vm, 1ULL << 32 | INVAL));
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->m.vm.fd, KVM_ENABLE_CAP, &flagged));
}

/* Each reason asked for alone: its own accesses exit, those of the others are #GP. */
TEST_F(exits, reasons)
{
	static const uint32_t reasons[] = { INVAL, UNKNOWN, FILTER };
	const struct {
		const char *name;
		uint32_t reason;
		uint32_t exit;
		struct vm_op op;
	} rows[] = {
		{ "value not canonical", INVAL, KVM_EXIT_X86_WRMSR,
			vm_op_wrmsr(MSR_IA32_CSTAR, NONCANONICAL) },
		{ "read-only MSR", INVAL, KVM_EXIT_X86_WRMSR,
			vm_op_wrmsr(MSR_PLATFORM_INFO, VALUE) },
		{ "constant written, which KVM can only read", UNKNOWN, KVM_EXIT_X86_WRMSR,
			vm_op_wrmsr(MSR_IA32_PERF_CTL, VALUE) },
		{ "unknown MSR read", UNKNOWN, KVM_EXIT_X86_RDMSR,
			vm_op_rdmsr(MSR_UNKNOWN_LOW) },
		{ "write-only MSR", UNKNOWN, KVM_EXIT_X86_RDMSR, vm_op_rdmsr(MSR_IA32_PRED_CMD) },
		{ "unknown MSR written", UNKNOWN, KVM_EXIT_X86_WRMSR,
			vm_op_wrmsr(MSR_UNKNOWN, VALUE) },
		{ "filtered read", FILTER, KVM_EXIT_X86_RDMSR, vm_op_rdmsr(MSR_IA32_STAR) },
		{ "filtered write", FILTER, KVM_EXIT_X86_WRMSR,
			vm_op_wrmsr(MSR_IA32_STAR, VALUE) },
	};
	struct kvm_run *run = self->m.vcpu.run;

	ASSERT_DENIED(MSR_IA32_STAR);
	for (size_t r = 0; r < ARRAY_SIZE(reasons); r++) {
		ASSERT_EQ(0, report(&self->m.vm, reasons[r]));
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			struct vm_op op = rows[i].op;

			if (reasons[r] != rows[i].reason) {
				ASSERT_OPS(&self->m.vcpu, &op, 1);
				EXPECT_EQ(VECTOR_GP, op.vector) TH_LOG("%s", rows[i].name);
				continue;
			}
			memset(&run->msr, 0xff, sizeof(run->msr));
			ASSERT_OP_EXITS((int)rows[i].exit, &op);
			EXPECT_EQ(rows[i].reason, run->msr.reason) TH_LOG("%s", rows[i].name);
			EXPECT_EQ((uint32_t)op.rcx, run->msr.index) TH_LOG("%s", rows[i].name);
			EXPECT_EQ(0, run->msr.error) TH_LOG("%s", rows[i].name);
			EXPECT_EQ(rows[i].exit == KVM_EXIT_X86_RDMSR ? 0 :
				  op.rdx << 32 | (uint32_t)op.rax, run->msr.data) {
				TH_LOG("%s", rows[i].name);
			}
			ASSERT_COMPLETED(op);
			EXPECT_EQ(VM_OP_DONE, op.vector) TH_LOG("%s", rows[i].name);
			EXPECT_EQ(op.len, op.rip) TH_LOG("%s", rows[i].name);
		}
	}
}

/* The filter comes before the question whether there is such an MSR or value. */
TEST_F(exits, filter_comes_first)
{
	struct vm_op unknown = vm_op_rdmsr(MSR_UNKNOWN_LOW);
	struct vm_op invalid = vm_op_wrmsr(MSR_IA32_LSTAR, NONCANONICAL);

	ASSERT_EQ(0, report(&self->m.vm, INVAL | UNKNOWN | FILTER));
	ASSERT_DENIED(MSR_UNKNOWN_LOW);
	ASSERT_OP_EXITS(KVM_EXIT_X86_RDMSR, &unknown);
	EXPECT_EQ(FILTER, self->m.vcpu.run->msr.reason);
	ASSERT_COMPLETED(unknown);

	ASSERT_DENIED(MSR_IA32_LSTAR);
	ASSERT_OP_EXITS(KVM_EXIT_X86_WRMSR, &invalid);
	EXPECT_EQ(FILTER, self->m.vcpu.run->msr.reason);
}

/* The local APIC's MSRs are not the filter's, whatever else becomes of them. */
TEST_F(exits, x2apic_is_not_filtered)
{
	static const uint32_t indices[] = { 0x800, 0x802, 0x830, 0x8ff };
	uint8_t allow = 1;
	struct kvm_msr_filter_range star = range_of(FILTER_BOTH, MSR_IA32_STAR, 1, &allow);

	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_DENY, &star, 1));
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		struct vm_op op = vm_op_rdmsr(indices[i]);

		EXPECT_EQ(0, vm_run_ops(&self->m.vcpu, &op, 1)) TH_LOG("MSR %#x", indices[i]);
	}
	for (uint32_t index = 0x7ff; index <= 0x900; index += 0x101) {
		struct vm_op op = vm_op_rdmsr(index);

		ASSERT_OP_EXITS(KVM_EXIT_X86_RDMSR, &op);
		ASSERT_COMPLETED(op);
	}
}

TEST_F(exits, client_gives_the_value)
{
	static const uint8_t prefixed[] = { 0x66, 0x0f, 0x32 };
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_FS_BASE), vm_op_insn(prefixed, sizeof(prefixed)),
	};

	ops[1].rax = ~0ULL;
	ops[1].rdx = ~0ULL;
	ops[1].rcx = HIGH_HALF | MSR_IA32_FS_BASE;
	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	ASSERT_DENIED(MSR_IA32_FS_BASE);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct vm_op op = ops[i];

		ASSERT_OP_EXITS(KVM_EXIT_X86_RDMSR, &op);
		self->m.vcpu.run->msr.data = VALUE;
		ASSERT_COMPLETED(op);
		EXPECT_EQ(VM_OP_DONE, op.vector);
		EXPECT_EQ(op.len, op.rip);
		EXPECT_EQ((uint32_t)VALUE, op.rax);
		EXPECT_EQ(VALUE >> 32, op.rdx);
		EXPECT_EQ(ops[i].rcx, op.rcx);
	}
}

/* A write that the client takes on itself is not the MSR's any more. */
TEST_F(exits, client_takes_the_write)
{
	struct vm_op op = vm_op_wrmsr(MSR_IA32_LSTAR, CANONICAL_LOW);
	uint64_t value;

	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_LSTAR, CANONICAL_HIGH));
	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	ASSERT_DENIED(MSR_IA32_LSTAR);
	ASSERT_OP_EXITS(KVM_EXIT_X86_WRMSR, &op);
	EXPECT_EQ(CANONICAL_LOW, self->m.vcpu.run->msr.data);
	/* Not asked for: */
	self->m.vcpu.run->msr.data = VALUE;
	ASSERT_COMPLETED(op);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ(HIGH_HALF | (uint32_t)CANONICAL_LOW, op.rax);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_LSTAR, &value));
	EXPECT_EQ(CANONICAL_HIGH, value);
}

TEST_F(exits, client_says_error)
{
	const struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_STAR), vm_op_wrmsr(MSR_IA32_STAR, VALUE),
	};
	static const uint32_t want[] = { KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR };

	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	ASSERT_DENIED(MSR_IA32_STAR);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct vm_op op = ops[i];

		ASSERT_OP_EXITS((int)want[i], &op);
		self->m.vcpu.run->msr.error = 1;
		self->m.vcpu.run->msr.data = VALUE;
		ASSERT_COMPLETED(op);
		EXPECT_EQ(VECTOR_GP, op.vector);
		EXPECT_EQ(0, op.error_code);
		EXPECT_EQ(0, op.rip);
		EXPECT_EQ(ops[i].rax, op.rax);
		EXPECT_EQ(ops[i].rdx, op.rdx);
	}
}

/* Before it looks at immediate_exit, KVM_RUN finishes what it was told to. */
TEST_F(exits, completed_by_immediate_exit)
{
	struct vm_op op = vm_op_rdmsr(MSR_IA32_STAR);
	struct kvm_run *run = self->m.vcpu.run;
	struct kvm_regs before, after;

	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	ASSERT_DENIED(MSR_IA32_STAR);
	ASSERT_OP_EXITS(KVM_EXIT_X86_RDMSR, &op);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &before));
	run->msr.data = VALUE;
	run->immediate_exit = 1;
	EXPECT_EQ(-EINTR, vcpu_run(&self->m.vcpu));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &after));
	EXPECT_EQ(before.rip + op.len, after.rip);
	EXPECT_EQ((uint32_t)VALUE, after.rax);
	EXPECT_EQ(VALUE >> 32, after.rdx);

	/* Once. */
	run->msr.data = 0;
	run->immediate_exit = 0;
	ASSERT_COMPLETED(op);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ((uint32_t)VALUE, op.rax);
}

/* Reads the MSR in ECX, and counts. */
GUEST_CODE(read_for_ever, 64,
	   "sti\n"
	   "1: rdmsr\n"
	   "incq 0x12008\n"
	   "jmp 1b\n");

/* Those that a guest may access without an exit have to be taken from it again. */
TEST_F(exits, filter_for_a_running_guest)
{
	static const uint32_t indices[] = { MSR_IA32_STAR, MSR_IA32_FS_BASE, MSR_IA32_TSC };
	struct kvm_regs regs;
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, report(&self->m.vm, FILTER));
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		volatile uint64_t *count = count_of(&self->m.vm, 0);
		uint64_t first;

		ASSERT_EQ(0, set_filter(&self->m.vm, KVM_MSR_FILTER_DEFAULT_ALLOW, NULL, 0));
		ASSERT_EQ(0, load_guest_code(&self->m.vcpu, VM_MODE_LONG, read_for_ever));
		ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &regs));
		regs.rcx = indices[i];
		ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_REGS, &regs));
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_vcpu, &self->m.vcpu));
		ASSERT_TRUE(goes_on(count));
		ASSERT_DENIED(indices[i]);
		/* From now on, and not from the next exit: one access may be on its way. */
		first = *count;
		usleep(20000);
		EXPECT_GE(first + 1, *count) {
			TH_LOG("%lu accesses after the filter was set", *count - first);
		}
		pthread_join(thread, &ret);
		ASSERT_EQ(0, (long)ret);
		EXPECT_EQ(KVM_EXIT_X86_RDMSR, self->m.vcpu.run->exit_reason);
		EXPECT_EQ(indices[i], self->m.vcpu.run->msr.index);
		self->m.vcpu.run->msr.error = 0;
		/* Completed, or the next KVM_SET_REGS would be undone. */
		self->m.vcpu.run->immediate_exit = 1;
		EXPECT_EQ(-EINTR, vcpu_run(&self->m.vcpu));
		self->m.vcpu.run->immediate_exit = 0;
	}
}

TEST_HARNESS_MAIN
