// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest moves to or from a control or debug register, or executes XSETBV.
 *
 * SDM vol. 3, tables "Exit Qualification for Control-Register Accesses" and
 * "Exit Qualification for MOV DR".
 */
#include <linux/bitfield.h>
#include <asm/traps.h>

#include "compat.h"
#include "exit.h"
#include "fpu.h"
#include "skip_insn.h"
#include "vcpu.h"

#define REG_NUMBER	GENMASK(3, 0)
#define CR_ACCESS	GENMASK(5, 4)
#define CR_GPR		GENMASK(11, 8)
#define CR_LMSW_DATA	GENMASK(31, 16)
#define DR_NUMBER	GENMASK(2, 0)
#define DR_READ		BIT(4)

enum { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };

static unsigned long get_gpr(struct vcpu *vcpu, unsigned int gpr)
{
	unsigned long value = vcpu->vmenter.regs[gpr];

	return vcpu_is_64bit_code(vcpu) ? value : (u32)value;
}

static void set_gpr(struct vcpu *vcpu, unsigned int gpr, unsigned long value)
{
	vcpu->vmenter.regs[gpr] = value;
	if (gpr == GPR_RSP)
		vcpu->dirty |= DIRTY_REGS;
}

/* -EINVAL is #GP(0); any other error is the client's, and the guest is still at the instruction. */
static int finish(struct vcpu *vcpu, int error)
{
	if (!error)
		vcpu_skip_insn(vcpu);
	else if (error == -EINVAL)
		vcpu_inject_gp(vcpu);
	else
		return error;
	return 1;
}

static int write_cr8(struct vcpu *vcpu, unsigned long value)
{
	unsigned long old = vcpu_get_cr8(vcpu);

	if (finish(vcpu, vcpu_set_cr8(vcpu, value)) && (vcpu->lapic || vcpu->cr8 >= old))
		return 1;
	/* A lower priority may let an interrupt through: that is the client's to see. */
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

static int write_cr(struct vcpu *vcpu, unsigned int cr, unsigned long value)
{
	switch (cr) {
	case 0:
		return finish(vcpu, vcpu_set_cr0(vcpu, value));
	case 4:
		return finish(vcpu, vcpu_set_cr4(vcpu, value));
	case 8:
		return write_cr8(vcpu, value);
	}
	return -EINVAL;
}

/* LMSW can set PE but not clear it, and reaches the low four bits only. */
static int lmsw(struct vcpu *vcpu, u16 value)
{
	unsigned long cr0 = (vcpu->cr0 & ~0xeul) | (value & 0xf);

	return finish(vcpu, vcpu_set_cr0(vcpu, cr0));
}

/**
 * handle_cr_access() - MOV to CR0, CR4 or CR8, MOV from CR8, CLTS, LMSW
 * @vcpu: the vCPU
 *
 * Return: 1 to go on, 0 for the client (KVM_EXIT_SET_TPR); -EFAULT if the process has no
 * memory for the PDPTEs, -EINTR when killed, or an error of vcpu_vmcs_get().
 */
int handle_cr_access(struct vcpu *vcpu)
{
	unsigned long qualification = vcpu->exit.qualification;
	unsigned int cr = FIELD_GET(REG_NUMBER, qualification);
	unsigned int gpr = FIELD_GET(CR_GPR, qualification);

	switch (FIELD_GET(CR_ACCESS, qualification)) {
	case MOV_TO_CR:
		return write_cr(vcpu, cr, get_gpr(vcpu, gpr));
	case MOV_FROM_CR:
		/* CR8 only: the others are read without an exit. */
		set_gpr(vcpu, gpr, vcpu_get_cr8(vcpu));
		return finish(vcpu, 0);
	case CLTS:
		return finish(vcpu, vcpu_set_cr0(vcpu, vcpu->cr0 & ~X86_CR0_TS));
	default:
		return lmsw(vcpu, FIELD_GET(CR_LMSW_DATA, qualification));
	}
}

/**
 * handle_dr_access() - MOV to or from a debug register
 * @vcpu: the vCPU
 *
 * The exit comes before the CPU's own checks, so those are made here.
 *
 * Return: 1, to go on.
 */
int handle_dr_access(struct vcpu *vcpu)
{
	unsigned long qualification = vcpu->exit.qualification;
	unsigned int dr = FIELD_GET(DR_NUMBER, qualification);
	unsigned int gpr = FIELD_GET(CR_GPR, qualification);

	if (dr == 4 || dr == 5) {
		if (vcpu->cr4 & X86_CR4_DE) {
			vcpu_inject_exception(vcpu, UD_VECTOR, false, 0);
			return 1;
		}
		dr += 2;
	}
	if (vcpu_cpl(vcpu))
		return finish(vcpu, -EINVAL);
	if (vcpu->dr7 & DR7_GENERAL_DETECT) {
		vcpu_inject_db(vcpu, DR6_DETECTED);
		return 1;
	}
	if (!(qualification & DR_READ))
		return finish(vcpu, vcpu_set_dr(vcpu, dr, get_gpr(vcpu, gpr)));
	set_gpr(vcpu, gpr, vcpu_get_dr(vcpu, dr));
	return finish(vcpu, 0);
}

/**
 * handle_xsetbv() - XSETBV, which always exits
 * @vcpu: the vCPU
 *
 * Return: 1, to go on.
 */
int handle_xsetbv(struct vcpu *vcpu)
{
	unsigned long *regs = vcpu->vmenter.regs;
	u64 xcr0 = regs[GPR_RDX] << 32 | (u32)regs[GPR_RAX];

	if ((u32)regs[GPR_RCX] || vcpu_cpl(vcpu))
		return finish(vcpu, -EINVAL);
	return finish(vcpu, fpu_set_xcr0(vcpu, xcr0));
}
