/* SPDX-License-Identifier: GPL-2.0-only */
/* VM exits: what is done for each exit reason. */
#ifndef MINIHV_EXIT_H
#define MINIHV_EXIT_H

#include <linux/types.h>
#include <asm/vmx.h>

#include "cpuid.h"
#include "vcpu.h"

/* Not an exit reason: the host wants the CPU before the guest got it. */
#define EXIT_NOT_ENTERED	(~0u)
/* Nor this: VMLAUNCH or VMRESUME failed; VM_INSTRUCTION_ERROR has more. */
#define EXIT_VMFAIL		(~0u - 1)

/* enter.c */
u32 vcpu_enter(struct vcpu *vcpu);
/* exit.c */
int exit_handle(struct vcpu *vcpu);
int exit_shutdown(struct vcpu *vcpu);

/* exit_io.c */
int handle_io(struct vcpu *vcpu);
/* mmio.c */
int handle_mmio(struct vcpu *vcpu);
/* exit_cr.c */
int handle_cr_access(struct vcpu *vcpu);
int handle_dr_access(struct vcpu *vcpu);
int handle_xsetbv(struct vcpu *vcpu);

/**
 * exit_handle_fast() - exits that need nothing more than the CPU they are on
 * @vcpu: the vCPU, loaded
 * @reason: the exit reason
 *
 * Context: interrupts off, straight after the VM exit.
 * Return: true if the guest may be entered again; false if exit_handle() or the
 * host has to look at it, nothing having been done.
 */
static __always_inline bool exit_handle_fast(struct vcpu *vcpu, u32 reason)
{
	/* Not a switch: the compiler would ask for the other one first. */
	if (reason == EXIT_REASON_MSR_WRITE) {
		if (handle_wrmsr(vcpu) <= 0)
			return false;
		vcpu->stats.exits[EXIT_REASON_MSR_WRITE]++;
		return true;
	}
	if (reason == EXIT_REASON_MSR_READ) {
		if (handle_rdmsr(vcpu) <= 0)
			return false;
		vcpu->stats.exits[EXIT_REASON_MSR_READ]++;
		return true;
	}
	if (reason == EXIT_REASON_CPUID) {
		handle_cpuid(vcpu);
		vcpu->stats.exits[EXIT_REASON_CPUID]++;
		return true;
	}
	return false;
}

#endif
