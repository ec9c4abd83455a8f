/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's x87, SSE and AVX registers. */
#ifndef MINIHV_FPU_H
#define MINIHV_FPU_H

#include <linux/types.h>

struct vcpu;

/* SDM vol. 1, "Standard Format of XSAVE Area": the legacy region and the header. */
#define XSAVE_LEGACY_SIZE	512
#define XSAVE_HEADER_SIZE	64
#define XSAVE_MIN_SIZE		(XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE)

void fpu_init(void);
int fpu_create(struct vcpu *vcpu);
void fpu_free(struct vcpu *vcpu);
void fpu_load_guest(struct vcpu *vcpu);
void fpu_save_guest(struct vcpu *vcpu);

#endif
