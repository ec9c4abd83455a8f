/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts and NMIs that wait for the guest. */
#ifndef MINIHV_INTERRUPT_H
#define MINIHV_INTERRUPT_H

#include "vcpu.h"

/* What other threads want of a vCPU: bits of vcpu->requests. */
#define REQUEST_NMI	0
#define REQUEST_INIT	1
#define REQUEST_SIPI	2
/* Its own: it has shut down. */
#define REQUEST_SHUTDOWN	3

void interrupt_prepare(struct vcpu *vcpu);
void interrupt_put_back(struct vcpu *vcpu);
void interrupt_add_nmi(struct vcpu *vcpu);
int interrupt_set(struct vcpu *vcpu, u32 vector);
bool interrupt_window_is_open(const struct vcpu *vcpu);
bool interrupt_ends_halt(struct vcpu *vcpu);
void interrupt_request(struct vcpu *vcpu, unsigned int request);

/* The client has an interrupt controller of its own and something in it. */
static inline bool interrupt_window_wanted(const struct vcpu *vcpu)
{
	return !vcpu->lapic && READ_ONCE(vcpu->run->request_interrupt_window);
}

#endif
