// SPDX-License-Identifier: GPL-2.0
/*
 * Ops: single instructions that a guest runs, each with what became of it. The
 * guest's half is guest.S.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

static_assert(offsetof(struct vm_op, rax) == VM_OP_RAX, "guest.S");
static_assert(offsetof(struct vm_op, rbx) == VM_OP_RBX, "guest.S");
static_assert(offsetof(struct vm_op, rcx) == VM_OP_RCX, "guest.S");
static_assert(offsetof(struct vm_op, rdx) == VM_OP_RDX, "guest.S");
static_assert(offsetof(struct vm_op, rflags) == VM_OP_RFLAGS, "guest.S");
static_assert(offsetof(struct vm_op, vector) == VM_OP_VECTOR, "guest.S");
static_assert(offsetof(struct vm_op, error_code) == VM_OP_ERROR_CODE, "guest.S");
static_assert(offsetof(struct vm_op, rip) == VM_OP_RIP, "guest.S");
static_assert(offsetof(struct vm_op, user) == VM_OP_USER, "guest.S");
static_assert(offsetof(struct vm_op, insn) == VM_OP_INSN, "guest.S");
static_assert(sizeof(struct vm_op) == VM_OP_SIZE, "guest.S");

#define HIGH_HALF	0xffffffff00000000ull
#define INSN_INT3	0xcc
#define OPS_MAX		((VM_VCPU_AREA - VM_AREA_OPS) / sizeof(struct vm_op))

/* INT $0x20: the way back out of an op */
static const uint8_t insn_leave[] = { 0xcd, VM_VECTOR_DONE };

struct vm_op vm_op_insn(const uint8_t *insn, size_t len)
{
	struct vm_op op = { .len = (uint8_t)len };

	if (len > VM_INSN_MAX)
		op.len = UINT8_MAX;	/* for vm_run_ops() to refuse */
	else
		memcpy(op.insn, insn, len);
	return op;
}

struct vm_op vm_op_rdmsr(uint32_t index)
{
	static const uint8_t rdmsr[] = { 0x0f, 0x32 };
	struct vm_op op = vm_op_insn(rdmsr, sizeof(rdmsr));

	op.rcx = HIGH_HALF | index;
	op.rax = ~0ull;
	op.rdx = ~0ull;
	return op;
}

struct vm_op vm_op_wrmsr(uint32_t index, uint64_t value)
{
	static const uint8_t wrmsr[] = { 0x0f, 0x30 };
	struct vm_op op = vm_op_insn(wrmsr, sizeof(wrmsr));

	op.rcx = HIGH_HALF | index;
	op.rax = HIGH_HALF | (uint32_t)value;
	op.rdx = HIGH_HALF | value >> 32;
	return op;
}

struct vm_op vm_op_cpuid(uint32_t leaf, uint32_t subleaf)
{
	static const uint8_t cpuid[] = { 0x0f, 0xa2 };
	struct vm_op op = vm_op_insn(cpuid, sizeof(cpuid));

	op.rax = HIGH_HALF | leaf;
	op.rbx = ~0ull;
	op.rcx = HIGH_HALF | subleaf;
	op.rdx = ~0ull;
	return op;
}

uint64_t vm_op_value(const struct vm_op *op)
{
	return op->rdx << 32 | (uint32_t)op->rax;
}

static uint64_t vcpu_area(const struct vcpu *vcpu)
{
	return VM_GPA_VCPUS + (uint64_t)vcpu->id * VM_VCPU_AREA;
}

static void copy_in(struct vm_op *to, const struct vm_op *from)
{
	*to = *from;
	to->vector = VM_OP_NOT_RUN;
	memset(to->insn + to->len, INSN_INT3, sizeof(to->insn) - to->len);
	memcpy(to->insn + to->len, insn_leave, sizeof(insn_leave));
}

static void copy_out(struct vm_op *to, const struct vm_op *from)
{
	struct vm_op op = *from;

	/* RIP as saved by the INT $0x20 is behind that one. */
	if (op.vector == VM_OP_DONE)
		op.rip -= (int32_t)sizeof(insn_leave);
	memcpy(op.insn, to->insn, sizeof(op.insn));
	*to = op;
}

static int enter_interpreter(struct vcpu *vcpu, uint64_t area)
{
	uint64_t rsp = area + VM_AREA_OP_STACK;
	struct kvm_regs regs = { .rip = VM_GPA_GUEST, .rsp = rsp, .rflags = 2 };
	int err;

	if (!vcpu->ops_ready) {
		err = vcpu_set_mode(vcpu, VM_MODE_LONG, VM_GPA_GUEST, rsp);
		if (err)
			return err;
		vcpu->ops_ready = true;
	} else if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0) {
		return -errno;
	}
	err = vcpu_run(vcpu);
	if (err)
		return err;
	return vcpu->run->exit_reason == KVM_EXIT_HLT ? 0 : -EIO;
}

static int run_batch(struct vcpu *vcpu, uint8_t *area, struct vm_op *ops, size_t n)
{
	uint64_t first = vcpu_area(vcpu) + VM_AREA_OPS;
	uint64_t end = first + n * sizeof(*ops);
	struct vm_op *guest_ops = (struct vm_op *)(area + VM_AREA_OPS);
	size_t i;
	int err;

	for (i = 0; i < n; i++)
		copy_in(&guest_ops[i], &ops[i]);
	memcpy(area + VM_AREA_NEXT_OP, &first, sizeof(first));
	memcpy(area + VM_AREA_END_OP, &end, sizeof(end));
	err = enter_interpreter(vcpu, vcpu_area(vcpu));
	for (i = 0; i < n; i++)
		copy_out(&ops[i], &guest_ops[i]);
	return err;
}

int vm_run_ops(struct vcpu *vcpu, struct vm_op *ops, size_t n)
{
	uint8_t *area = vm_gpa(vcpu->vm, vcpu_area(vcpu), VM_VCPU_AREA);
	size_t i, batch;
	int err = 0;

	if (!area)
		return -ENOSPC;
	for (i = 0; i < n; i++) {
		if (ops[i].len > VM_INSN_MAX)
			return -EINVAL;
		ops[i].vector = VM_OP_NOT_RUN;
	}
	for (; n && !err; n -= batch, ops += batch) {
		batch = n < OPS_MAX ? n : OPS_MAX;
		err = run_batch(vcpu, area, ops, batch);
	}
	return err;
}
