/* SPDX-License-Identifier: GPL-2.0-only */
/* Extended page tables: guest-physical to host-physical, filled on demand. */
#ifndef MINIHV_EPT_H
#define MINIHV_EPT_H

#include <linux/mmu_notifier.h>

#include "vm.h"

extern const struct mmu_notifier_ops ept_notifier_ops;

unsigned int ept_address_bits(void);
int ept_init(struct vm *vm);
void ept_destroy(struct vm *vm);
int ept_fault(struct vm *vm, u64 gpa, bool write);
void ept_zap_gfns(struct vm *vm, u64 first, u64 last);

#endif
