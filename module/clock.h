/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM's clock. */
#ifndef MINIHV_CLOCK_H
#define MINIHV_CLOCK_H

#include <linux/kvm.h>

struct vm;

/* What KVM_GET_CLOCK tells besides the clock itself. */
#define CLOCK_FLAGS	(KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

void clock_init(struct vm *vm);
void clock_get(struct vm *vm, struct kvm_clock_data *data);
int clock_set(struct vm *vm, const struct kvm_clock_data *data);

#endif
