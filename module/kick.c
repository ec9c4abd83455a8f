// SPDX-License-Identifier: GPL-2.0-only
/* Making running guests notice that something has changed. */
#include <linux/cpumask.h>
#include <linux/smp.h>

#include "kick.h"

DEFINE_PER_CPU(struct vm *, kick_guest_vm);

static bool runs_guest(int cpu, void *vm)
{
	return READ_ONCE(*per_cpu_ptr(&kick_guest_vm, cpu)) == vm;
}

/* To be interrupted is to leave the guest. */
static void leave_guest(void *unused)
{
}

/**
 * kick_guests() - wait until no vCPU of a VM is where it was
 * @vm: the VM
 *
 * When it returns each vCPU that was in the guest has left it, and sees what the
 * caller wrote before the call when it enters again.
 *
 * Context: interrupts on; does not sleep.
 */
void kick_guests(struct vm *vm)
{
	/* Pairs with the barrier in kick_guest_begin(). */
	smp_mb();
	on_each_cpu_cond_mask(runs_guest, leave_guest, vm, true, cpu_online_mask);
}
