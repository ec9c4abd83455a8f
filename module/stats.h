/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of VMs and vCPUs. */
#ifndef MINIHV_STATS_H
#define MINIHV_STATS_H

struct vcpu;
struct vm;

int stats_open_vm(struct vm *vm);
int stats_open_vcpu(struct vcpu *vcpu);

#endif
