// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HW_SWITCHED rows: VM entry and exit do not switch these MSRs, so they
 * hold the guest's values from vcpu_switch_in() to vcpu_switch_out(). The kernel itself
 * does not use them in between: they matter to user space and to the way there.
 */
#include <linux/irqflags.h>
#include <linux/string.h>
#include <asm/msr.h>

#include "compat.h"
#include "msr.h"
#include "vcpu.h"

/* Those of SYSCALL come last. */
static const struct msr_row *rows[MSR_HW_MAX] __ro_after_init;
static unsigned int row_count __ro_after_init;
static unsigned int syscall_from __ro_after_init;

/*
 * TSX is not offered. The instructions are there all the same, and a guest that is told of
 * none does nothing about TAA. So while a guest runs, IA32_TSX_CTRL has the host's
 * value and RTM_DISABLE, whatever the guest has in its own: each transaction aborts.
 */
static bool switches_tsx __ro_after_init;
static u64 host_tsx_ctrl __ro_after_init;

/** msr_switch_tsx_init() - can TSX be switched off for guests, and need it be? */
void __init msr_switch_tsx_init(void)
{
	switches_tsx = !rdmsrq_safe(MSR_IA32_TSX_CTRL, &host_tsx_ctrl) &&
		       !(host_tsx_ctrl & TSX_CTRL_RTM_DISABLE);
}

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
	if (row->flags & MSR_SYSCALL) {
		rows[row_count++] = row;
		return 0;
	}
	memmove(&rows[syscall_from + 1], &rows[syscall_from],
		(row_count++ - syscall_from) * sizeof(*rows));
	rows[syscall_from++] = row;
	return 0;
}

/* Without EFER.SCE, SYSCALL is #UD, and its MSRs may as well be the host's. */
static unsigned int loaded_rows(const struct vcpu *vcpu)
{
	return vcpu->loaded_syscall ? row_count : syscall_from;
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

	vcpu->loaded_syscall = vcpu->msrs[MSR_SLOT_EFER] & EFER_SCE;
	for (i = 0; i < loaded_rows(vcpu); i++) {
		vcpu->host.msrs[i] = native_read_msr(rows[i]->first);
		guest = vcpu->msrs[rows[i]->slot];
		if (guest != vcpu->host.msrs[i])
			native_wrmsrq(rows[i]->first, guest);
	}
	if (switches_tsx)
		native_wrmsrq(MSR_IA32_TSX_CTRL, host_tsx_ctrl | TSX_CTRL_RTM_DISABLE);
}

/* Does its value change without minihv's doing? */
static bool changes_by_itself(const struct msr_row *row)
{
	return row->flags & MSR_PASS_WRITE;
}

/**
 * msr_save_guest() - keep what the guest has changed without an exit
 * @vcpu: the vCPU
 *
 * Context: preemption disabled, after msr_load_guest() on this CPU; before the
 * host's segment registers come back, for those change an MSR too.
 */
void msr_save_guest(struct vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < loaded_rows(vcpu); i++)
		if (changes_by_itself(rows[i]))
			vcpu->msrs[rows[i]->slot] = native_read_msr(rows[i]->first);
}

/**
 * msr_load_host() - load the host's values
 * @vcpu: the vCPU
 *
 * Context: preemption disabled, after msr_save_guest() on this CPU.
 */
void msr_load_host(struct vcpu *vcpu)
{
	unsigned int i;
	u64 host;

	for (i = 0; i < loaded_rows(vcpu); i++) {
		host = vcpu->host.msrs[i];
		if (changes_by_itself(rows[i]) || vcpu->msrs[rows[i]->slot] != host)
			native_wrmsrq(rows[i]->first, host);
	}
	if (switches_tsx)
		native_wrmsrq(MSR_IA32_TSX_CTRL, host_tsx_ctrl);
}

/**
 * msr_hw_accepts() - would the CPU take this value?
 * @row: the row of an MSR that the kernel does not use on the way
 * @value: within the row's masks
 *
 * The CPU knows reserved bits that the table does not. Found out by writing it,
 * for a moment.
 *
 * Context: any; if it is a HW_SWITCHED row, the guest's value is not loaded.
 */
bool msr_hw_accepts(const struct msr_row *row, u64 value)
{
	unsigned long flags;
	u64 old;
	bool ok;

	/* An interrupt's handler shall not run without the IBRS that SPEC_CTRL gives it. */
	local_irq_save(flags);
	old = native_read_msr(row->first);
	ok = !wrmsrq_safe(row->first, value);
	native_wrmsrq(row->first, old);
	local_irq_restore(flags);
	return ok;
}
