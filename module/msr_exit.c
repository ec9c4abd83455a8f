// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest executed RDMSR or WRMSR.
 *
 * Both handlers are called twice at most: first with interrupts off, straight
 * after the VM exit; if they return -EAGAIN there, once more with interrupts on
 * and the vCPU switched out, where an access may sleep and the client be asked.
 *
 * SDM vol. 2, "RDMSR" and "WRMSR": the index is in ECX, the value in EDX:EAX;
 * in 64-bit mode RDMSR clears the upper halves of RAX and RDX, and both ignore
 * the upper halves of what they read.
 */
#include <linux/kernel.h>

#include "exit.h"
#include "skip_insn.h"
#include "msr.h"
#include "msr_plain.h"
#include "vcpu.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* On failure the guest gets #GP(0), and RIP stays at the instruction. */
static int finish(struct vcpu *vcpu, bool ok)
{
	if (ok) {
		skip_insn(vcpu);
	} else {
		vcpu->stats.msr_faults++;
		vcpu_inject_gp(vcpu);
	}
	return 1;
}

static void set_edx_eax(struct vcpu *vcpu, u64 data)
{
	vcpu->vmenter.regs[GPR_RAX] = lower_32_bits(data);
	vcpu->vmenter.regs[GPR_RDX] = upper_32_bits(data);
}

/* KVM knows only how to read what nobody can write, and no paravirtual MSR that is not offered. */
static bool unknown_to_kvm(u32 index, enum msr_result result)
{
	const struct msr_row *row = msr_lookup(index);

	switch (result) {
	case MSR_UNKNOWN:
		return true;
	case MSR_READ_ONLY:
		return (row->flags & (MSR_NO_WRITE | MSR_GUEST_RO)) == MSR_NO_WRITE;
	case MSR_ABSENT:
		return row->flags & MSR_HOST_ONLY && row->kind == MSR_CONST;
	default:
		return false;
	}
}

/* What the client calls it, if it has asked to be told; else 0. */
static u32 exit_reason(struct vcpu *vcpu, u32 index, enum msr_result result)
{
	u32 asked = READ_ONCE(vcpu->vm->msr_exit_reasons), reason;

	if (!asked || result == MSR_OK || result == MSR_AGAIN)
		return 0;
	if (result == MSR_FILTERED)
		reason = KVM_MSR_EXIT_REASON_FILTER;
	else if (unknown_to_kvm(index, result))
		reason = KVM_MSR_EXIT_REASON_UNKNOWN;
	else
		reason = KVM_MSR_EXIT_REASON_INVAL;
	return reason & asked;
}

/* The client's answer: an error, or (to a read) a value. */
static int complete_rdmsr(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	bool ok = !READ_ONCE(run->msr.error);

	if (ok)
		set_edx_eax(vcpu, READ_ONCE(run->msr.data));
	return finish(vcpu, ok);
}

static int complete_wrmsr(struct vcpu *vcpu)
{
	return finish(vcpu, !vcpu->run->msr.error);
}

static int ask_client(struct vcpu *vcpu, u32 exit, u32 reason, u64 data)
{
	struct kvm_run *run = vcpu->run;

	vcpu->stats.msr_user_exits++;
	run->exit_reason = exit;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = vcpu->vmenter.regs[GPR_RCX];
	run->msr.data = data;
	vcpu->complete = exit == KVM_EXIT_X86_RDMSR ? complete_rdmsr : complete_wrmsr;
	vcpu->complete_rip = vcpu->rip;
	return 0;
}

static noinline int full_rdmsr(struct vcpu *vcpu)
{
	u32 index = vcpu->vmenter.regs[GPR_RCX];
	struct msr_value value = msr_get(vcpu, index, false);
	u32 reason = exit_reason(vcpu, index, value.result);

	if (vcpu->loaded && (value.result == MSR_AGAIN || reason))
		return -EAGAIN;
	trace_minihv_msr_read(index, value.data, value.result);
	if (reason)
		return ask_client(vcpu, KVM_EXIT_X86_RDMSR, reason, 0);
	if (value.result == MSR_OK)
		set_edx_eax(vcpu, value.data);
	return finish(vcpu, value.result == MSR_OK);
}

/**
 * handle_rdmsr() - carry out the guest's RDMSR
 * @vcpu: the vCPU, just after the VM exit
 *
 * Return: 1 when done; 0 when the client has to be asked (KVM_EXIT_X86_RDMSR);
 * -EAGAIN, nothing having happened, to be called again after vcpu_switch_out().
 */
int handle_rdmsr(struct vcpu *vcpu)
{
	u32 index = vcpu->vmenter.regs[GPR_RCX];
	u64 data;

	if (unlikely(!vcpu->loaded || trace_minihv_msr_read_enabled() ||
		     !msr_plain_read(vcpu, index, &data)))
		return full_rdmsr(vcpu);
	set_edx_eax(vcpu, data);
	skip_insn_loaded(vcpu);
	return 1;
}

static u64 edx_eax(const struct vcpu *vcpu)
{
	const unsigned long *regs = vcpu->vmenter.regs;

	return regs[GPR_RDX] << 32 | lower_32_bits(regs[GPR_RAX]);
}

static noinline int full_wrmsr(struct vcpu *vcpu)
{
	u32 index = vcpu->vmenter.regs[GPR_RCX];
	u64 data = edx_eax(vcpu);
	enum msr_result result = msr_set(vcpu, index, data, false);
	u32 reason = exit_reason(vcpu, index, result);

	if (vcpu->loaded && (result == MSR_AGAIN || reason))
		return -EAGAIN;
	trace_minihv_msr_write(index, data, result);
	if (reason)
		return ask_client(vcpu, KVM_EXIT_X86_WRMSR, reason, data);
	return finish(vcpu, result == MSR_OK);
}

/**
 * handle_wrmsr() - carry out the guest's WRMSR
 * @vcpu: the vCPU, just after the VM exit
 *
 * Return: 1 when done; 0 when the client has to be asked (KVM_EXIT_X86_WRMSR);
 * -EAGAIN, nothing having happened, to be called again after vcpu_switch_out().
 */
int handle_wrmsr(struct vcpu *vcpu)
{
	u32 index = vcpu->vmenter.regs[GPR_RCX];
	u64 data = edx_eax(vcpu);

	if (unlikely(!vcpu->loaded || trace_minihv_msr_write_enabled() ||
		     !msr_plain_write(vcpu, index, data)))
		return full_wrmsr(vcpu);
	skip_insn_loaded(vcpu);
	return 1;
}
