// SPDX-License-Identifier: GPL-2.0-only
/* The guest's debug registers: what they can hold, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS. */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <asm/debugreg.h>

#include "compat.h"
#include "vcpu.h"

/* SDM vol. 3, "Debug Status Register (DR6)" and "Debug Control Register (DR7)". */
#define DR6_WRITABLE	(DR_TRAP_BITS | DR6_DETECTED | DR_STEP | BIT(15))
#define DR6_ONES	0xffff0ff0ul
#define DR7_WRITABLE	0xffff2bfful
#define DR7_ONES	0x400ul

/**
 * vcpu_get_dr() - what MOV from a debug register gives
 * @vcpu: the vCPU
 * @dr: 0 to 3, 6 or 7
 */
unsigned long vcpu_get_dr(struct vcpu *vcpu, unsigned int dr)
{
	switch (dr) {
	case 6:
		return vcpu->dr6;
	case 7:
		return vcpu->dr7;
	default:
		return vcpu->dr[dr];
	}
}

/**
 * vcpu_set_dr() - what MOV to a debug register does
 * @vcpu: the vCPU
 * @dr: 0 to 3, 6 or 7
 * @value: bits that have a fixed value are ignored
 *
 * Return: 0, or -EINVAL (and nothing changed) where the SDM has #GP(0): DR6 and
 * DR7 have 32 bits.
 */
int vcpu_set_dr(struct vcpu *vcpu, unsigned int dr, unsigned long value)
{
	if (dr >= 6 && value >> 32)
		return -EINVAL;
	switch (dr) {
	case 6:
		vcpu->dr6 = (value & DR6_WRITABLE) | DR6_ONES;
		break;
	case 7:
		vcpu->dr7 = (value & DR7_WRITABLE) | DR7_ONES;
		vcpu->dirty |= DIRTY_DEBUG;
		break;
	default:
		vcpu->dr[dr] = value;
	}
	return 0;
}

/**
 * vcpu_get_debugregs() - KVM_GET_DEBUGREGS
 * @vcpu: the vCPU
 * @regs: as in the KVM API
 */
void vcpu_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *regs)
{
	int i;

	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < ARRAY_SIZE(regs->db); i++)
		regs->db[i] = vcpu_get_dr(vcpu, i);
	regs->dr6 = vcpu_get_dr(vcpu, 6);
	regs->dr7 = vcpu_get_dr(vcpu, 7);
}

/**
 * vcpu_set_debugregs() - KVM_SET_DEBUGREGS
 * @vcpu: the vCPU
 * @regs: as in the KVM API
 *
 * Return: 0; -EINVAL, and nothing changed, for flags or a value that MOV would refuse.
 */
int vcpu_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *regs)
{
	int i;

	if (regs->flags || (regs->dr6 | regs->dr7) >> 32)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(regs->db); i++)
		vcpu_set_dr(vcpu, i, regs->db[i]);
	vcpu_set_dr(vcpu, 6, regs->dr6);
	vcpu_set_dr(vcpu, 7, regs->dr7);
	return 0;
}
