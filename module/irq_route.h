/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts from the client to the local APICs in the kernel. */
#ifndef MINIHV_IRQ_ROUTE_H
#define MINIHV_IRQ_ROUTE_H

#include "vm.h"

/* As many GSIs as KVM has. */
#define IRQ_ROUTES	4096

int irq_signal_msi(struct vm *vm, const struct kvm_msi *msi);
int irq_line(struct vm *vm, const struct kvm_irq_level *irq);
int irq_set_routing(struct vm *vm, struct kvm_irq_routing __user *user);
void irq_free_routing(struct vm *vm);

#endif
