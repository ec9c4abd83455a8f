// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HW_SWITCHED rows: VM entry and exit do not switch these MSRs, so they
 * hold the guest's values from vcpu_switch_in() to vcpu_switch_out(). The kernel itself
 * does not use them in between: they matter to user space and to the way there.
 */
#include <asm/msr.h>

#include "compat.h"
#include "msr.h"
#include "vcpu.h"

static const struct msr_row *rows[MSR_HW_MAX] __ro_after_init;
static unsigned int row_count __ro_after_init;

/**
 * msr_switch_init() - from now on switch this row's MSR
 * @row: a row of kind HW_SWITCHED that the host has
 *
 * Return: 0, or -EINVAL if the table has more such rows than MSR_HW_MAX.
 */
int __init msr_switch_init(const struct msr_row *row)
{
	if (row_count == MSR_HW_MAX)
		return -EINVAL;
	rows[row_count++] = row;
	return 0;
}

/**
 * msr_load_guest() - save the host's values and load the guest's
 * @vcpu: the vCPU
 *
 * Context: preemption disabled.
 */
void msr_load_guest(struct vcpu *vcpu)
{
	unsigned int i;
	u64 guest;

	for (i = 0; i < row_count; i++) {
		vcpu->host.msrs[i] = native_read_msr(rows[i]->first);
		guest = vcpu->msrs[rows[i]->slot];
		if (guest != vcpu->host.msrs[i])
			native_wrmsrl(rows[i]->first, guest);
	}
}

/**
 * msr_load_host() - keep what the guest changed by itself, load the host's values
 * @vcpu: the vCPU
 *
 * Context: preemption disabled, on the CPU of the msr_load_guest() before.
 */
void msr_load_host(struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < row_count; i++) {
		u64 *guest = &vcpu->msrs[rows[i]->slot];
		bool volatile_here = rows[i]->flags & MSR_PASS_WRITE;

		if (volatile_here)
			*guest = native_read_msr(rows[i]->first);
		/* Loading a segment register may have changed such an MSR too. */
		if (volatile_here || *guest != vcpu->host.msrs[i])
			native_wrmsrl(rows[i]->first, vcpu->host.msrs[i]);
	}
}
