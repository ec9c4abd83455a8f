/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSRs and their bits as the SDM's volume 4 lists them, written down here for
 * the tests alone: what they expect must not come from the code under test.
 */
#ifndef MINIHV_SELFTESTS_MSRS_H
#define MINIHV_SELFTESTS_MSRS_H

#define MSR_IA32_TSC			0x10
#define MSR_IA32_APIC_BASE		0x1b
#define MSR_IA32_FEATURE_CONTROL	0x3a
#define MSR_IA32_TSC_ADJUST		0x3b
#define MSR_IA32_SPEC_CTRL		0x48
#define MSR_IA32_PRED_CMD		0x49
#define MSR_IA32_BIOS_SIGN_ID		0x8b
#define MSR_PLATFORM_INFO		0xce
#define MSR_IA32_MTRRCAP		0xfe
#define MSR_IA32_ARCH_CAPABILITIES	0x10a
#define MSR_IA32_TSX_CTRL		0x122
#define MSR_IA32_SYSENTER_CS		0x174
#define MSR_IA32_SYSENTER_ESP		0x175
#define MSR_IA32_SYSENTER_EIP		0x176
#define MSR_IA32_MCG_CAP		0x179
#define MSR_IA32_MCG_STATUS		0x17a
#define MSR_IA32_MCG_CTL		0x17b
#define MSR_IA32_PERF_CTL		0x199
#define MSR_IA32_MISC_ENABLE		0x1a0
#define MSR_IA32_PAT			0x277
#define MSR_IA32_MTRR_DEF_TYPE		0x2ff
#define MSR_IA32_PERF_GLOBAL_CTRL	0x38f
#define MSR_IA32_PEBS_ENABLE		0x3f1
#define MSR_IA32_MC0_CTL		0x400
#define MSR_IA32_VMX_BASIC		0x480
#define MSR_IA32_VMX_VMFUNC		0x491
#define MSR_IA32_TSC_DEADLINE		0x6e0
#define MSR_IA32_EFER			0xc0000080
#define MSR_IA32_STAR			0xc0000081
#define MSR_IA32_LSTAR			0xc0000082
#define MSR_IA32_CSTAR			0xc0000083
#define MSR_IA32_FMASK			0xc0000084
#define MSR_IA32_FS_BASE		0xc0000100
#define MSR_IA32_GS_BASE		0xc0000101
#define MSR_IA32_KERNEL_GS_BASE		0xc0000102
#define MSR_IA32_TSC_AUX		0xc0000103

/* No processor has these: one in the low range, one in the high, one outside. */
#define MSR_UNKNOWN_LOW			0x1fff
#define MSR_UNKNOWN_HIGH		0xc0001fff
#define MSR_UNKNOWN			0x12345678

#define EFER_SCE			(1ULL << 0)
#define EFER_LME			(1ULL << 8)
#define EFER_LMA			(1ULL << 10)
#define EFER_NXE			(1ULL << 11)

#define APIC_BASE_BSP			(1ULL << 8)
#define APIC_BASE_ENABLE		(1ULL << 11)

#define PAT_RESET			0x0007040600070406ULL

/* Not canonical, with addresses of 48 bits and of 57. */
#define NONCANONICAL			0x0100000000000000ULL
#define CANONICAL_LOW			0x00007ffffffff000ULL
#define CANONICAL_HIGH			0xffff800000001000ULL

#endif
