/* SPDX-License-Identifier: GPL-2.0-only */
/* Which CPUs run a VM's guest, and how to make them leave it for a moment. */
#ifndef MINIHV_KICK_H
#define MINIHV_KICK_H

#include <linux/percpu.h>

struct vcpu;
struct vm;

/* The VM whose guest this CPU is running, or about to. */
DECLARE_PER_CPU(struct vm *, kick_guest_vm);

/**
 * kick_guest_begin() - from now on kick_guests() counts this CPU in
 * @vm: the VM whose guest it is about to run
 *
 * Either the CPU that changes something the guest depends on sees us here, and
 * waits until the guest has stopped; or we see its change before we enter.
 *
 * Context: interrupts off.
 */
static inline void kick_guest_begin(struct vm *vm)
{
	this_cpu_write(kick_guest_vm, vm);
	/* Pairs with the barrier in kick_guests(). */
	smp_mb();
}

/** kick_guest_end() - the guest does not run here any more */
static inline void kick_guest_end(void)
{
	this_cpu_write(kick_guest_vm, NULL);
}

void kick_guests(struct vm *vm);
void kick_vcpu(struct vcpu *vcpu);

#endif
