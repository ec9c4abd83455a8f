/* SPDX-License-Identifier: GPL-2.0-only */
/* VM exits: what is done for each exit reason. */
#ifndef MINIHV_EXIT_H
#define MINIHV_EXIT_H

#include <linux/types.h>

struct vcpu;

bool exit_handle_fast(struct vcpu *vcpu, u32 reason);
int exit_handle(struct vcpu *vcpu);
void vcpu_skip_insn(struct vcpu *vcpu);

/* exit_io.c */
int handle_io(struct vcpu *vcpu);
/* mmio.c */
int handle_mmio(struct vcpu *vcpu);
/* exit_cr.c */
int handle_cr_access(struct vcpu *vcpu);
int handle_dr_access(struct vcpu *vcpu);
int handle_xsetbv(struct vcpu *vcpu);

#endif
