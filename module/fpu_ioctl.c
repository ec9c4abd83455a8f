// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's x87, SSE and AVX registers and XCR0, read and written by the client.
 *
 * An image is what XSAVE would store, in the standard format, with PKRU in its
 * place. The vCPU's area has the same format but no PKRU. XRSTOR will take that
 * area in kernel mode, where a #GP is fatal: what it would check is checked here.
 *
 * SDM vol. 1, "Managing State Using the XSAVE Feature Set".
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "compat.h"
#include "cpuid.h"
#include "fpu.h"
#include "vcpu.h"

/* The parts that MXCSR belongs to; x87 because FXRSTOR takes it along. */
#define MXCSR_PARTS	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM)

/**
 * fpu_image_size() - KVM_CAP_XSAVE2
 *
 * Return: bytes; never less than KVM_GET_XSAVE's structure has.
 */
u32 fpu_image_size(void)
{
	return max_t(u32, sizeof(struct kvm_xsave), cpuid_xsave_size(cpuid_host_xcr0(), false));
}

/* Where a part is in an image and in an area, behind the legacy region and the header. */
static void *find_part(struct xregs_state *image, unsigned int part, u32 *size)
{
	u32 offset, ecx, edx;

	cpuid_count(0xd, part, size, &offset, &ecx, &edx);
	return (void *)image + offset;
}

static void copy_extended_parts(struct xregs_state *to, struct xregs_state *from, u64 parts)
{
	unsigned int i;
	void *dest;
	u32 size;

	for (i = 2; i < 63; i++) {
		if (!(parts & BIT_ULL(i)))
			continue;
		dest = find_part(to, i, &size);
		memcpy(dest, find_part(from, i, &size), size);
	}
}

/*
 * x87 and SSE are always said to be there, initial or not: then MXCSR is there, too.
 * So is PKRU, because KVM leaves it alone where it is not.
 */
static void fill_image(struct vcpu *vcpu, struct xregs_state *image)
{
	struct xregs_state *area = vcpu->fpu;
	u64 parts = area->header.xfeatures & vcpu->cpuid.xcr0 & ~XFEATURE_MASK_PKRU;
	u32 size;

	memcpy(&image->i387, &area->i387, offsetof(struct fxregs_state, padding));
	copy_extended_parts(image, area, parts);
	image->header.xfeatures = parts | XFEATURE_MASK_FPSSE;
	if (vcpu->cpuid.xcr0 & XFEATURE_MASK_PKRU) {
		image->header.xfeatures |= XFEATURE_MASK_PKRU;
		*(u32 *)find_part(image, XFEATURE_PKRU, &size) = vcpu->pkru;
	}
}

/**
 * fpu_get_xsave() - KVM_GET_XSAVE, KVM_GET_XSAVE2
 * @vcpu: the vCPU
 * @user: where to
 * @room: bytes there
 *
 * Return: 0; -EINVAL if an image has more than @room bytes; -EFAULT, -ENOMEM.
 */
int fpu_get_xsave(struct vcpu *vcpu, void __user *user, u32 room)
{
	u32 size = fpu_image_size();
	struct xregs_state *image;
	int ret;

	if (size > room)
		return -EINVAL;
	image = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!image)
		return -ENOMEM;
	fill_image(vcpu, image);
	ret = copy_to_user(user, image, size) ? -EFAULT : 0;
	kfree(image);
	return ret;
}

static bool image_valid(const struct xregs_state *image)
{
	const struct xstate_header *header = &image->header;
	u64 parts = cpuid_host_xcr0() ?: XFEATURE_MASK_FPSSE;

	if (header->xfeatures & ~parts || header->xcomp_bv ||
	    memchr_inv(header->reserved, 0, sizeof(header->reserved)))
		return false;
	return !(image->i387.mxcsr & ~fpu_mxcsr_mask()) || !(header->xfeatures & MXCSR_PARTS);
}

/* Parts that are not in the image get their initial values, PKRU excepted. */
static void take_image(struct vcpu *vcpu, struct xregs_state *image)
{
	struct fxregs_state *from = &image->i387, *to;
	u64 parts = image->header.xfeatures;
	struct xregs_state *area;
	u32 size;

	fpu_reset(vcpu);
	area = vcpu->fpu;
	to = &area->i387;
	if (parts & XFEATURE_MASK_FP) {
		memcpy(to, from, offsetof(struct fxregs_state, mxcsr));
		memcpy(to->st_space, from->st_space, sizeof(to->st_space));
	}
	if (parts & MXCSR_PARTS)
		to->mxcsr = from->mxcsr;
	if (parts & XFEATURE_MASK_SSE)
		memcpy(to->xmm_space, from->xmm_space, sizeof(to->xmm_space));
	copy_extended_parts(area, image, parts & ~XFEATURE_MASK_PKRU);
	area->header.xfeatures = parts & ~XFEATURE_MASK_PKRU;
	if (parts & XFEATURE_MASK_PKRU)
		vcpu->pkru = *(u32 *)find_part(image, XFEATURE_PKRU, &size);
}

/**
 * fpu_set_xsave() - KVM_SET_XSAVE
 * @vcpu: the vCPU; its CPUID does not matter
 * @user: an image of fpu_image_size() bytes
 *
 * Return: 0; -EINVAL, and nothing changed, for parts that the host does not have,
 * another format, reserved bytes or reserved bits of MXCSR; -EFAULT, -ENOMEM.
 */
int fpu_set_xsave(struct vcpu *vcpu, const void __user *user)
{
	struct xregs_state *image = memdup_user(user, fpu_image_size());
	int ret = -EINVAL;

	if (IS_ERR(image))
		return PTR_ERR(image);
	/* A host without XSAVE stores with FXSAVE, which knows of no header. */
	if (!cpuid_host_xcr0() && !image->header.xfeatures)
		image->header.xfeatures = XFEATURE_MASK_FPSSE;
	if (image_valid(image)) {
		take_image(vcpu, image);
		ret = 0;
	}
	kfree(image);
	return ret;
}

/**
 * fpu_get() - KVM_GET_FPU
 * @vcpu: the vCPU
 * @fpu: as in the KVM API
 */
void fpu_get(struct vcpu *vcpu, struct kvm_fpu *fpu)
{
	const struct fxregs_state *fx = vcpu->fpu;

	memset(fpu, 0, sizeof(*fpu));
	memcpy(fpu->fpr, fx->st_space, sizeof(fpu->fpr));
	fpu->fcw = fx->cwd;
	fpu->fsw = fx->swd;
	fpu->ftwx = fx->twd;
	fpu->last_opcode = fx->fop;
	fpu->last_ip = fx->rip;
	fpu->last_dp = fx->rdp;
	memcpy(fpu->xmm, fx->xmm_space, sizeof(fpu->xmm));
	fpu->mxcsr = fx->mxcsr;
}

/**
 * fpu_set() - KVM_SET_FPU
 * @vcpu: the vCPU
 * @fpu: as in the KVM API. MXCSR stays as it is: KVM does not take it either, and
 *	clients leave 0 there, which would unmask every exception
 */
void fpu_set(struct vcpu *vcpu, const struct kvm_fpu *fpu)
{
	struct xregs_state *area = vcpu->fpu;
	struct fxregs_state *fx = &area->i387;

	memcpy(fx->st_space, fpu->fpr, sizeof(fpu->fpr));
	fx->cwd = fpu->fcw;
	fx->swd = fpu->fsw;
	fx->twd = fpu->ftwx;
	fx->fop = fpu->last_opcode;
	fx->rip = fpu->last_ip;
	fx->rdp = fpu->last_dp;
	memcpy(fx->xmm_space, fpu->xmm, sizeof(fpu->xmm));
	area->header.xfeatures |= XFEATURE_MASK_FPSSE;
}

/**
 * fpu_get_xcrs() - KVM_GET_XCRS
 * @vcpu: the vCPU
 * @xcrs: as in the KVM API
 *
 * Return: 0, or -ENOTTY on a host without XSAVE.
 */
int fpu_get_xcrs(struct vcpu *vcpu, struct kvm_xcrs *xcrs)
{
	if (!cpuid_host_xcr0())
		return -ENOTTY;
	memset(xcrs, 0, sizeof(*xcrs));
	xcrs->nr_xcrs = 1;
	xcrs->xcrs[0].xcr = XCR_XFEATURE_ENABLED_MASK;
	xcrs->xcrs[0].value = vcpu->xcr0;
	return 0;
}

/**
 * fpu_set_xcrs() - KVM_SET_XCRS
 * @vcpu: the vCPU
 * @xcrs: as in the KVM API; the first XCR0 counts, others are ignored
 *
 * Return: 0; -EINVAL, and nothing changed, for flags, too many, or a value that
 * XSETBV would refuse.
 */
int fpu_set_xcrs(struct vcpu *vcpu, const struct kvm_xcrs *xcrs)
{
	u32 i;

	if (xcrs->nr_xcrs > KVM_MAX_XCRS || xcrs->flags)
		return -EINVAL;
	for (i = 0; i < xcrs->nr_xcrs; i++)
		if (xcrs->xcrs[i].xcr == XCR_XFEATURE_ENABLED_MASK)
			return fpu_set_xcr0(vcpu, xcrs->xcrs[i].value);
	return 0;
}
