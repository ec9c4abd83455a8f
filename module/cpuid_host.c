// SPDX-License-Identifier: GPL-2.0-only
/*
 * What minihv can offer a guest in CPUID: what the host has, less what minihv
 * does not do, plus the little that it does by itself.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "compat.h"
#include "cpuid.h"
#include "fpu.h"
#include "vmcs.h"
#include "vmx_caps.h"

static bool vmx_cpuid;
module_param(vmx_cpuid, bool, 0444);
MODULE_PARM_DESC(vmx_cpuid, "offer VMX in CPUID, with its capability MSRs; VMX instructions stay #UD (default: no)");

#define MAX_ENTRIES	64

static u64 host_xcr0 __ro_after_init;

/* SDM vol. 1, "Extended Control Registers": the parts of state that minihv switches. */
#define XCR0_OFFERED	(XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | \
			 XFEATURE_MASK_Hi16_ZMM | XFEATURE_MASK_PKRU)

/** cpuid_init() - look at the host, once */
void __init cpuid_init(void)
{
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & XCR0_OFFERED;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		host_xcr0 &= ~XFEATURE_MASK_PKRU;
}

/** cpuid_offers_vmx() - does KVM_GET_SUPPORTED_CPUID say VMX? The module parameter decides. */
bool cpuid_offers_vmx(void)
{
	return vmx_cpuid;
}

/** cpuid_host_xcr0() - the XCR0 bits that a guest may be offered; 0 without XSAVE */
u64 cpuid_host_xcr0(void)
{
	return host_xcr0;
}

/**
 * cpuid_xsave_size() - CPUID.0DH: size of an XSAVE area
 * @xcr0: the parts in it
 * @compacted: in the compacted format
 *
 * Return: bytes.
 */
u32 cpuid_xsave_size(u64 xcr0, bool compacted)
{
	u32 eax, ebx, ecx, edx, size = XSAVE_MIN_SIZE;
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		if (!compacted)
			size = max(size, ebx + eax);
		else
			size = (ecx & BIT(1) ? ALIGN(size, 64) : size) + eax;
	}
	return size;
}

/* Bits of a word that can be passed on where the host has them. */
#define B(n)	BIT(n)

/* SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
#define LEAF_1_ECX	(B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | \
			 B(22) | B(23) | B(25) | B(26) | B(28) | B(29) | B(30))
/* FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT CLFLUSH MMX FXSR SSE
 * SSE2 SS
 */
#define LEAF_1_EDX	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) | \
			 B(11) | B(12) | B(13) | B(14) | B(15) | B(16) | B(19) | B(23) | \
			 B(24) | B(25) | B(26) | B(27))
/* FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS INVPCID AVX512F/DQ RDSEED ADX SMAP AVX512IFMA CLFLUSHOPT CLWB
 * AVX512CD SHA AVX512BW/VL
 */
#define LEAF_7_EBX	(B(0) | B(3) | B(5) | B(7) | B(8) | B(9) | B(10) | B(16) | B(17) | B(18) | \
			 B(19) | B(20) | B(21) | B(23) | B(24) | B(28) | B(29) | B(30) | B(31))
/* AVX512VBMI UMIP PKU VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ RDPID CLDEMOTE
 * MOVDIRI MOVDIR64B
 */
#define LEAF_7_ECX	(B(1) | B(2) | B(3) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | \
			 B(14) | B(22) | B(25) | B(27) | B(28))
/* AVX512_4VNNIW AVX512_4FMAPS FSRM AVX512_VP2INTERSECT MD_CLEAR SERIALIZE AVX512_FP16
 * FLUSH_L1D SPEC_CTRL STIBP SSBD
 */
#define LEAF_7_EDX	(B(2) | B(3) | B(4) | B(8) | B(10) | B(14) | B(23) | B(28) | \
			 LEAF_7_EDX_SPEC_CTRL)
#define LEAF_7_EDX_SPEC_CTRL	(B(26) | B(27) | B(31))
/* XSAVEOPT XSAVEC XGETBV1; not XSAVES: IA32_XSS is 0 */
#define LEAF_D_1_EAX	(B(0) | B(1) | B(2))
/* LAHF LZCNT PREFETCHW */
#define LEAF_80000001_ECX	(B(0) | B(5) | B(8))
/* SYSCALL NX 1-GiB pages RDTSCP LM */
#define LEAF_80000001_EDX	(B(11) | B(20) | B(26) | B(27) | B(29))

/* What makes no sense without AVX state, and without AVX-512 state. */
#define LEAF_1_ECX_AVX		(B(12) | B(28) | B(29))
#define LEAF_7_EBX_AVX		B(5)
#define LEAF_7_ECX_AVX		(B(9) | B(10))
#define LEAF_7_EBX_AVX512	(B(16) | B(17) | B(21) | B(28) | B(30) | B(31))
#define LEAF_7_ECX_AVX512	(B(1) | B(6) | B(11) | B(12) | B(14))
#define LEAF_7_EDX_AVX512	(B(2) | B(3) | B(8) | B(23))

struct entry_list {
	struct kvm_cpuid_entry2 *entries;
	u32 n;
};

static struct kvm_cpuid_entry2 *add(struct entry_list *list, u32 function, u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 *e;

	if (list->n == MAX_ENTRIES)
		return NULL;
	e = &list->entries[list->n++];
	e->function = function;
	e->index = index;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static void clear(struct kvm_cpuid_entry2 *e)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

static void leaf_1(struct kvm_cpuid_entry2 *e)
{
	e->ecx &= LEAF_1_ECX;
	e->edx &= LEAF_1_EDX;
	/* The initial APIC id and the number of CPUs are the client's to say. */
	e->ebx &= 0x0000ff00;
	if (!host_xcr0)
		e->ecx &= ~B(26);
	if (!(host_xcr0 & XFEATURE_MASK_YMM))
		e->ecx &= ~LEAF_1_ECX_AVX;
	if (vmx_cpuid)
		e->ecx |= B(5);
	/* There is a hypervisor, and the local APIC is its own. */
	e->ecx |= B(31) | B(21);
}

static void leaf_7(struct kvm_cpuid_entry2 *e)
{
	e->eax = 0;
	e->ebx &= LEAF_7_EBX;
	e->ecx &= LEAF_7_ECX;
	e->edx &= LEAF_7_EDX;
	if (!(host_xcr0 & XFEATURE_MASK_YMM)) {
		e->ebx &= ~LEAF_7_EBX_AVX;
		e->ecx &= ~LEAF_7_ECX_AVX;
	}
	if (!(host_xcr0 & XFEATURE_MASK_ZMM_Hi256)) {
		e->ebx &= ~LEAF_7_EBX_AVX512;
		e->ecx &= ~LEAF_7_ECX_AVX512;
		e->edx &= ~LEAF_7_EDX_AVX512;
	}
	if (!(host_xcr0 & XFEATURE_MASK_PKRU))
		e->ecx &= ~B(3);
	if (!(vmx_controls.proc2 & SECONDARY_EXEC_ENABLE_INVPCID))
		e->ebx &= ~B(10);
	if (!(vmx_controls.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP))
		e->ecx &= ~B(22);
	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL) || !boot_cpu_has(X86_FEATURE_IBPB))
		e->edx &= ~LEAF_7_EDX_SPEC_CTRL;
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		e->edx &= ~B(28);
	/* minihv's own: TSC_ADJUST needs nothing of the host, ARCH_CAPABILITIES may be 0. */
	e->ebx |= B(1);
	e->edx |= B(29);
}

static void add_caches(struct entry_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 i = 0;

	do {
		e = add(list, 4, i++, true);
		/* How many CPUs share it is the client's to say. */
		if (e)
			e->eax &= 0x3fff;
	} while (e && e->eax & 0x1f);
}

static void add_xsave(struct entry_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 i;

	e = add(list, 0xd, 0, true);
	if (e && host_xcr0) {
		e->eax = host_xcr0;
		e->edx = host_xcr0 >> 32;
		e->ebx = cpuid_xsave_size(XFEATURE_MASK_FP, false);
		e->ecx = cpuid_xsave_size(host_xcr0, false);
	} else if (e) {
		clear(e);
	}
	e = add(list, 0xd, 1, true);
	if (e && host_xcr0) {
		e->eax &= LEAF_D_1_EAX;
		e->ebx = e->eax & B(1) ? cpuid_xsave_size(XFEATURE_MASK_FP, true) : 0;
		e->ecx = 0;
		e->edx = 0;
	} else if (e) {
		clear(e);
	}
	for (i = 2; i < 63; i++)
		if (host_xcr0 & BIT_ULL(i))
			add(list, 0xd, i, true);
}

static void add_basic(struct entry_list *list)
{
	struct kvm_cpuid_entry2 *e;

	e = add(list, 0, 0, false);
	if (e)
		e->eax = min_t(u32, e->eax, 0xd);
	e = add(list, 1, 0, false);
	if (e)
		leaf_1(e);
	add(list, 2, 0, false);
	add_caches(list);
	e = add(list, 7, 0, true);
	if (e)
		leaf_7(e);
	add_xsave(list);
}

static void add_hypervisor(struct entry_list *list)
{
	static const char signature[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 *e;

	/* KVM's interface, with none of its paravirtual features. */
	e = add(list, 0x40000000, 0, false);
	if (e) {
		e->eax = 0x40000001;
		memcpy(&e->ebx, signature, 4);
		memcpy(&e->ecx, signature + 4, 4);
		memcpy(&e->edx, signature + 8, 4);
	}
	e = add(list, 0x40000001, 0, false);
	if (e)
		clear(e);
}

static void add_extended(struct entry_list *list)
{
	struct kvm_cpuid_entry2 *e;
	u32 function, invariant;

	e = add(list, 0x80000000, 0, false);
	if (e)
		e->eax = min_t(u32, e->eax, 0x80000008);
	e = add(list, 0x80000001, 0, false);
	if (e) {
		e->ecx &= LEAF_80000001_ECX;
		e->edx &= LEAF_80000001_EDX;
		if (!(vmx_controls.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP))
			e->edx &= ~B(27);
	}
	/* The brand string, and the L2 cache. */
	for (function = 0x80000002; function <= 0x80000004; function++)
		add(list, function, 0, false);
	e = add(list, 0x80000005, 0, false);
	if (e)
		clear(e);
	add(list, 0x80000006, 0, false);
	e = add(list, 0x80000007, 0, false);
	if (e) {
		/* Invariant TSC: the guest's is the host's plus an offset. */
		invariant = e->edx & B(8);
		clear(e);
		e->edx = invariant;
	}
	e = add(list, 0x80000008, 0, false);
	if (e) {
		/* 48 linear address bits: LA57 is not offered. */
		clear(e);
		e->eax = 48 << 8 | boot_cpu_data.x86_phys_bits;
	}
}

/**
 * cpuid_get_supported() - KVM_GET_SUPPORTED_CPUID
 * @user: nent says how many entries fit, and gets how many there are
 *
 * Return: 0; -E2BIG if they do not fit; -EFAULT, -ENOMEM.
 */
int cpuid_get_supported(struct kvm_cpuid2 __user *user)
{
	struct entry_list list = {};
	int ret = 0;
	u32 room;

	if (get_user(room, &user->nent))
		return -EFAULT;
	list.entries = kcalloc(MAX_ENTRIES, sizeof(*list.entries), GFP_KERNEL_ACCOUNT);
	if (!list.entries)
		return -ENOMEM;
	add_basic(&list);
	add_hypervisor(&list);
	add_extended(&list);

	if (room < list.n)
		ret = -E2BIG;
	else if (copy_to_user(user->entries, list.entries, list.n * sizeof(*list.entries)) ||
		 put_user(list.n, &user->nent))
		ret = -EFAULT;
	kfree(list.entries);
	return ret;
}
