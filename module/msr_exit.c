// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest executed RDMSR or WRMSR.
 *
 * Both handlers are called twice at most: first with interrupts off, straight
 * after the VM exit; if they return false there, once more with interrupts on
 * and the vCPU put, where an access may sleep.
 *
 * SDM vol. 2, "RDMSR" and "WRMSR": the index is in ECX, the value in EDX:EAX;
 * in 64-bit mode RDMSR clears the upper halves of RAX and RDX, and both ignore
 * the upper halves of what they read.
 */
#include <linux/kernel.h>

#include "exit.h"
#include "msr.h"
#include "vcpu.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* On failure the guest gets #GP(0), and RIP stays at the instruction. */
static void finish(struct vcpu *vcpu, enum msr_result result)
{
	if (result == MSR_OK)
		vcpu_skip_insn(vcpu);
	else
		vcpu_inject_gp(vcpu);
}

/**
 * handle_rdmsr() - carry out the guest's RDMSR
 * @vcpu: the vCPU, just after the VM exit
 *
 * Return: true when done; false to be called again after vcpu_switch_out().
 */
bool handle_rdmsr(struct vcpu *vcpu)
{
	unsigned long *regs = vcpu->vmenter.regs;
	u32 index = regs[GPR_RCX];
	u64 data = 0;
	enum msr_result result = msr_get(vcpu, index, &data, false);

	if (result == MSR_AGAIN)
		return false;
	if (result == MSR_OK) {
		regs[GPR_RAX] = lower_32_bits(data);
		regs[GPR_RDX] = upper_32_bits(data);
	}
	trace_minihv_msr_read(index, data, result);
	finish(vcpu, result);
	return true;
}

/**
 * handle_wrmsr() - carry out the guest's WRMSR
 * @vcpu: the vCPU, just after the VM exit
 *
 * Return: true when done; false to be called again after vcpu_switch_out().
 */
bool handle_wrmsr(struct vcpu *vcpu)
{
	unsigned long *regs = vcpu->vmenter.regs;
	u32 index = regs[GPR_RCX];
	u64 data = regs[GPR_RDX] << 32 | lower_32_bits(regs[GPR_RAX]);
	enum msr_result result = msr_set(vcpu, index, data, false);

	if (result == MSR_AGAIN)
		return false;
	trace_minihv_msr_write(index, data, result);
	finish(vcpu, result);
	return true;
}
