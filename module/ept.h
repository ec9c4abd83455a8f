/* SPDX-License-Identifier: GPL-2.0-only */
/* Extended page tables: guest-physical to host-physical, filled on demand. */
#ifndef MINIHV_EPT_H
#define MINIHV_EPT_H

#include <linux/mmu_notifier.h>
#include <linux/percpu.h>

#include "vm.h"

extern const struct mmu_notifier_ops ept_notifier_ops;

unsigned int ept_address_bits(void);
int ept_init(struct vm *vm);
void ept_destroy(struct vm *vm);
int ept_fault(struct vm *vm, u64 gpa, bool write);
void ept_zap_gfns(struct vm *vm, u64 first, u64 last);

/* The VM whose guest this CPU is running, or about to. */
DECLARE_PER_CPU(struct vm *, ept_guest_vm);

/**
 * ept_guest_begin() - from now on this CPU may use the VM's translations
 *
 * Either the CPU that removes a translation sees us here and waits until the
 * guest has stopped, or we see its tlb_gen before we enter the guest.
 *
 * Context: interrupts off.
 */
static inline void ept_guest_begin(struct vm *vm)
{
	this_cpu_write(ept_guest_vm, vm);
	/* Pairs with the barrier in flush(). */
	smp_mb();
}

static inline void ept_guest_end(void)
{
	this_cpu_write(ept_guest_vm, NULL);
}

#endif
