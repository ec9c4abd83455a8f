// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's x87, SSE and AVX registers, in an XSAVE area of our own.
 *
 * The host's are the kernel's business: kernel_fpu_begin() saves them, and they
 * come back when the client returns to user space. In between, from
 * vcpu_switch_in() to vcpu_switch_out(), the registers are the guest's.
 */
#include <linux/slab.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "compat.h"
#include "cpuid.h"
#include "fpu.h"
#include "vcpu.h"

/* Without XSAVE, too, there is room for a header. */
static unsigned int area_size __ro_after_init = XSAVE_MIN_SIZE;
static u64 area_mask __ro_after_init;
static u32 mxcsr_mask __ro_after_init;

/* SDM vol. 1, "MXCSR Control and Status Register": CPUs that do not say have no DAZ. */
#define MXCSR_MASK_DEFAULT	0xffbf

static void __init read_mxcsr_mask(void)
{
	static struct fxregs_state fx __initdata;

	kernel_fpu_begin();
	asm volatile("fxsave64 %0" : "+m" (fx));
	kernel_fpu_end();
	mxcsr_mask = fx.mxcsr_mask ?: MXCSR_MASK_DEFAULT;
}

/**
 * fpu_init() - choose the size of a guest's XSAVE area
 *
 * All that the host has enabled and minihv offers, whatever the guest enables:
 * what it does not enable stays in its initial state, and no host value shows.
 */
void __init fpu_init(void)
{
	u32 eax, ebx, ecx, edx;
	unsigned int i;

	read_mxcsr_mask();
	/* PKRU goes its own way, see enter.c. */
	area_mask = cpuid_host_xcr0() & ~XFEATURE_MASK_PKRU;
	if (!area_mask)
		return;

	/* SDM vol. 1, "Standard Format of XSAVE Area": each part has its place. */
	for (i = 2; i < 63; i++) {
		if (!(area_mask & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		area_size = max(area_size, ebx + eax);
	}
}

/** fpu_mxcsr_mask() - the bits that MXCSR has on this host; others are #GP */
u32 fpu_mxcsr_mask(void)
{
	return mxcsr_mask;
}

/**
 * fpu_reset() - initial values for all registers in the area
 * @vcpu: the vCPU
 *
 * SDM vol. 1, "Processor Tracking of XSAVE-Managed State": as after FNINIT, zeros otherwise.
 */
void fpu_reset(struct vcpu *vcpu)
{
	struct fxregs_state *fx = vcpu->fpu;

	memset(vcpu->fpu, 0, area_size);
	fx->cwd = 0x37f;
	/* XRSTOR and FXRSTOR take MXCSR in any case. */
	fx->mxcsr = 0x1f80;
	fx->mxcsr_mask = mxcsr_mask;
}

/**
 * fpu_create() - allocate a vCPU's area
 * @vcpu: the vCPU
 *
 * Return: 0 or -ENOMEM.
 */
int fpu_create(struct vcpu *vcpu)
{
	/* XSAVE wants 64-byte alignment; kmalloc gives it for powers of two only. */
	vcpu->fpu = kmalloc(roundup_pow_of_two(area_size), GFP_KERNEL_ACCOUNT);
	if (!vcpu->fpu)
		return -ENOMEM;
	fpu_reset(vcpu);
	/* Every CPU with VMX has XCR0 bit 0 set from reset on. */
	vcpu->xcr0 = XFEATURE_MASK_FP;
	return 0;
}

void fpu_free(struct vcpu *vcpu)
{
	kfree(vcpu->fpu);
}

/**
 * fpu_load_guest() - put the guest's values into the registers
 * @vcpu: the vCPU
 *
 * Context: within kernel_fpu_begin() and kernel_fpu_end(), the host's XCR0.
 */
void fpu_load_guest(struct vcpu *vcpu)
{
	if (!area_mask) {
		asm volatile("fxrstor64 %0" : : "m" (*(struct fxregs_state *)vcpu->fpu));
		return;
	}
	asm volatile("xrstor64 %0" : : "m" (*(struct fxregs_state *)vcpu->fpu),
		     "a" ((u32)area_mask), "d" ((u32)(area_mask >> 32)) : "memory");

	/* Without OSXSAVE the guest can't reach what XCR0 governs. */
	if (vcpu->cr4 & X86_CR4_OSXSAVE) {
		vcpu->host.xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		if (vcpu->xcr0 != vcpu->host.xcr0)
			xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->xcr0);
	}
}

/**
 * fpu_save_guest() - take the guest's values out of the registers
 * @vcpu: the vCPU
 *
 * Context: as fpu_load_guest(), after it. Leaves the host's XCR0.
 */
void fpu_save_guest(struct vcpu *vcpu)
{
	if (!area_mask) {
		asm volatile("fxsave64 %0" : "=m" (*(struct fxregs_state *)vcpu->fpu));
		return;
	}
	if (vcpu->cr4 & X86_CR4_OSXSAVE && vcpu->xcr0 != vcpu->host.xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->host.xcr0);
	asm volatile("xsave64 %0" : "+m" (*(struct fxregs_state *)vcpu->fpu)
		     : "a" ((u32)area_mask), "d" ((u32)(area_mask >> 32)) : "memory");
}

/* SDM vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static bool xcr0_valid(const struct vcpu *vcpu, u64 xcr0)
{
	u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM;

	/* Bit 0 is set without XSAVE in the vCPU's CPUID, too. */
	return !(xcr0 & ~(vcpu->cpuid.xcr0 | XFEATURE_MASK_FP)) && xcr0 & XFEATURE_MASK_FP &&
	       !(xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE)) &&
	       (!(xcr0 & avx512) || ((xcr0 & avx512) == avx512 && xcr0 & XFEATURE_MASK_YMM));
}

/**
 * fpu_set_xcr0() - XSETBV
 * @vcpu: the vCPU
 * @xcr0: the value
 *
 * Return: 0, or -EINVAL (and nothing changed) where the SDM has #GP(0).
 */
int fpu_set_xcr0(struct vcpu *vcpu, u64 xcr0)
{
	if (!xcr0_valid(vcpu, xcr0))
		return -EINVAL;
	vcpu->xcr0 = xcr0;
	return 0;
}
