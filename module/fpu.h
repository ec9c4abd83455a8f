/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's x87, SSE and AVX registers, and XCR0. */
#ifndef MINIHV_FPU_H
#define MINIHV_FPU_H

#include <linux/types.h>

struct kvm_fpu;
struct kvm_xcrs;
struct vcpu;

/* SDM vol. 1, "Standard Format of XSAVE Area": the legacy region and the header. */
#define XSAVE_LEGACY_SIZE	512
#define XSAVE_HEADER_SIZE	64
#define XSAVE_MIN_SIZE		(XSAVE_LEGACY_SIZE + XSAVE_HEADER_SIZE)

/* fpu.c */
void fpu_init(void);
u32 fpu_mxcsr_mask(void);
int fpu_create(struct vcpu *vcpu);
void fpu_reset(struct vcpu *vcpu);
void fpu_free(struct vcpu *vcpu);
void fpu_load_guest(struct vcpu *vcpu);
void fpu_save_guest(struct vcpu *vcpu);
int fpu_set_xcr0(struct vcpu *vcpu, u64 xcr0);

/* fpu_ioctl.c */
u32 fpu_image_size(void);
int fpu_get_xsave(struct vcpu *vcpu, void __user *user, u32 room);
int fpu_set_xsave(struct vcpu *vcpu, const void __user *user);
void fpu_get(struct vcpu *vcpu, struct kvm_fpu *fpu);
void fpu_set(struct vcpu *vcpu, const struct kvm_fpu *fpu);
int fpu_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *xcrs);
int fpu_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *xcrs);

#endif
