// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSR table: one row says everything about one MSR, or about a range of
 * alike ones. Both index lists, KVM_GET_MSRS and KVM_SET_MSRS, the guest's
 * RDMSR and WRMSR, the MSR bitmap, debugfs and the reference page follow from
 * it. struct msr_row in msr.h says what the fields mean.
 *
 * An MSR without a row does not exist: #GP for the guest, and it is never read
 * from or written to the host. Rows are in order of index.
 */
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <asm/msr-index.h>
#include <asm/vmx.h>

#include "msr.h"

#define UPPER_HALF	GENMASK_ULL(63, 32)
#define LOWER_HALF	GENMASK_ULL(31, 0)

/* HWCR: TLB cache, IGNNE and flush filter bits; McStatusWrEn, which concerns AMD CPUs only. */
#define HWCR_IGNORED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_MC_STATUS_WRITE	BIT_ULL(18)

/* A constant that nobody can write. */
#define FIXED_RANGE(index, n, msr_name, value, source)				\
{										\
	.first = (index), .count = (n), .name = msr_name,			\
	.kind = MSR_CONST, .reset = (value),					\
	.flags = MSR_NO_WRITE, .sdm = source,					\
}

#define FIXED(index, msr_name, value, source)	FIXED_RANGE(index, 1, msr_name, value, source)

/* A constant to which writes get lost. */
#define DROPPED_RANGE(index, n, msr_name, value, source)			\
{										\
	.first = (index), .count = (n), .name = msr_name,			\
	.kind = MSR_CONST, .reset = (value), .ignore_mask = ~0ull,		\
	.sdm = source,								\
}

#define DROPPED(index, msr_name, value, source)	DROPPED_RANGE(index, 1, msr_name, value, source)

/* The digest of Intel's key, in four parts, until somebody writes another. */
#define SGX_HASH(n, digest)							\
{										\
	.first = 0x8c + (n), .name = "IA32_SGXLEPUBKEYHASH" #n,		\
	.kind = MSR_SPECIAL, .slot = MSR_SLOT_SGX_HASH + (n),			\
	.reset = (digest), .feature = FEATURE_SGX_LC, .ops = &msr_sgx_hash_ops,	\
	.sdm = "SDM vol. 3, Intel SGX Launch Control Configuration",		\
}

/*
 * VMX_BASIC to VMX_VMFUNC: what the CPU's VMX can do. A client may cut down what
 * its vCPU shows: controls, and single features; numbers (FIELDS) stay.
 */
#define VMX_CAPABILITY(index, vmx_name, more, rule, fields)			\
{										\
	.first = (index), .name = vmx_name,					\
	.kind = MSR_STORED, .slot = MSR_SLOT_VMX + (index) - 0x480,		\
	.check = (rule), .ro_mask = (fields), .feature = FEATURE_VMX,		\
	.flags = (more) | MSR_FEATURE | MSR_IMMUTABLE | MSR_GUEST_RO,		\
	.ops = &msr_vmx_ops,							\
	.sdm = "SDM vol. 3, VMX Capability Reporting Facility",			\
}

#define VMX_CONTROL(index, vmx_name)						\
	VMX_CAPABILITY(index, vmx_name, MSR_EMULATED, MSR_CHECK_VMX_CONTROL, 0)

/* Those that follow from others, or from CPUID, are features, but not state to save. */
#define VMX_DERIVED(index, vmx_name)						\
{										\
	.first = (index), .name = vmx_name,					\
	.kind = MSR_SPECIAL, .slot = MSR_SLOT_VMX + (index) - 0x480,		\
	.feature = FEATURE_VMX,							\
	.flags = MSR_NO_WRITE | MSR_FEATURE | MSR_GUEST_RO,			\
	.ops = &msr_vmx_derived_ops,						\
	.sdm = "SDM vol. 3, VMX Capability Reporting Facility",			\
}

/* Revision, region size, memory type. */
#define VMX_BASIC_FIELDS	(GENMASK_ULL(30, 0) | GENMASK_ULL(44, 32) | GENMASK_ULL(53, 50))
/* Timer rate, MSEG revision. */
#define VMX_MISC_FIELDS		(GENMASK_ULL(4, 0) | UPPER_HALF)

const struct msr_row msr_table[] = {
	FIXED(0x0, "IA32_P5_MC_ADDR", 0, "SDM vol. 4, table IA-32 Architectural MSRs"),
	FIXED(0x1, "IA32_P5_MC_TYPE", 0, "SDM vol. 4, table IA-32 Architectural MSRs"),
	{
		.first = 0x10, .name = "IA32_TIME_STAMP_COUNTER",
		.kind = MSR_SPECIAL, .ops = &msr_tsc_ops,
		.flags = MSR_SAVE | MSR_PASS_READ,
		.sdm = "SDM vol. 3, Time-Stamp Counter",
	},
	{
		.first = 0x11, .count = 2, .name = "MSR_KVM_WALL_CLOCK",
		.kind = MSR_CONST, .flags = MSR_HOST_ONLY,
		.sdm = "KVM, x86/msr.rst; no such clock is offered, and 0 says that it is off",
	},
	FIXED(0x17, "IA32_PLATFORM_ID", 0, "SDM vol. 4, table IA-32 Architectural MSRs"),
	{
		.first = 0x1b, .name = "IA32_APIC_BASE",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_APIC_BASE,
		.gp_mask = 0x2ff, .ops = &msr_apic_base_ops,
		.sdm = "SDM vol. 3, Local APIC Status and Location, figure IA32_APIC_BASE MSR",
	},
	FIXED(0x2a, "MSR_EBL_CR_POWERON", 0,
	      "SDM vol. 4, EBL_CR_POWERON in the tables of processor families"),
	FIXED(0x2c, "MSR_EBC_FREQUENCY_ID", BIT_ULL(24),
	      "SDM vol. 4, table MSRs in the Pentium 4 and Intel Xeon Processors"),
	{
		.first = 0x34, .name = "MSR_SMI_COUNT",
		.kind = MSR_STORED, .slot = MSR_SLOT_SMI_COUNT,
		.flags = MSR_EMULATED | MSR_GUEST_RO,
		.sdm = "SDM vol. 4, SMI_COUNT in the tables of processor families",
	}, {
		.first = 0x3a, .name = "IA32_FEATURE_CONTROL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_FEATURE_CONTROL,
		.ops = &msr_feature_control_ops,
		.flags = MSR_SAVE,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x3b, .name = "IA32_TSC_ADJUST",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_TSC_ADJUST,
		.feature = FEATURE_TSC_ADJUST, .ops = &msr_tsc_adjust_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, IA32_TSC_ADJUST Register and TSC Stamp Counter Sharing",
	}, {
		.first = 0x48, .name = "IA32_SPEC_CTRL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_SPEC_CTRL, .ops = &msr_spec_ctrl_ops,
		.gp_mask = UPPER_HALF, .feature = FEATURE_SPEC_CTRL,
		.flags = MSR_SAVE | MSR_PROBE_HOST,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x49, .name = "IA32_PRED_CMD",
		.kind = MSR_SPECIAL, .ops = &msr_pred_cmd_ops,
		.gp_mask = ~(u64)PRED_CMD_IBPB, .feature = FEATURE_SPEC_CTRL,
		.flags = MSR_NO_READ,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x79, .name = "IA32_BIOS_UPDT_TRIG",
		.kind = MSR_CONST, .ignore_mask = ~0ull,
		.flags = MSR_NO_READ,
		.sdm = "SDM vol. 3, Microcode Update Loader; there is none to load in a guest",
	}, {
		.first = 0x8b, .name = "IA32_BIOS_SIGN_ID",
		.kind = MSR_STORED, .slot = MSR_SLOT_UCODE_REV,
		.reset = 0x100000000, .ignore_mask = ~0ull, .ops = &msr_ucode_rev_ops,
		.flags = MSR_EMULATED | MSR_FEATURE | MSR_HOST_ANY,
		.sdm = "SDM vol. 3, Microcode Update Signature and Verification",
	},
	SGX_HASH(0, 0xa6053e051270b7ac),
	SGX_HASH(1, 0x6cfbe8ba8b3b413d),
	SGX_HASH(2, 0xc4916d99f2b3735d),
	SGX_HASH(3, 0xd4f8c05909f9bb3b),
	{
		.first = 0x9e, .name = "IA32_SMBASE",
		.kind = MSR_STORED, .slot = MSR_SLOT_SMBASE,
		.reset = 0x30000,
		.flags = MSR_EMULATED | MSR_HOST_ONLY,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs (readable in SMM only)",
	},
	DROPPED_RANGE(0xc1, 2, "IA32_PMC0", 0, "SDM vol. 4, table IA-32 Architectural MSRs"),
	FIXED(0xcd, "MSR_FSB_FREQ", 3,
	      "SDM vol. 4, table MSRs in Intel Core Solo and Duo Processors"),
	{
		.first = 0xce, .name = "MSR_PLATFORM_INFO",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_PLATFORM_INFO,
		.reset = MSR_PLATFORM_INFO_CPUID_FAULT, .ops = &msr_platform_info_ops,
		.flags = MSR_EMULATED | MSR_GUEST_RO,
		.sdm = "SDM vol. 4, table MSRs in Processors Based on Nehalem Microarchitecture",
	}, {
		.first = 0xcf, .name = "IA32_CORE_CAPABILITIES",
		.kind = MSR_CONST, .feature = FEATURE_CORE_CAPABILITIES,
		.flags = MSR_NO_WRITE,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0xe1, .name = "IA32_UMWAIT_CONTROL",
		.kind = MSR_STORED, .slot = MSR_SLOT_UMWAIT_CONTROL,
		.gp_mask = UPPER_HALF | BIT_ULL(1), .feature = FEATURE_WAITPKG,
		.sdm = "SDM vol. 2, UMWAIT - User Level Monitor Wait",
	},
	FIXED(0xfe, "IA32_MTRRCAP", 0x500 | MSR_MTRR_COUNT,
	      "SDM vol. 3, figure IA32_MTRRCAP Register"),
	{
		.first = 0x10a, .name = "IA32_ARCH_CAPABILITIES",
		.kind = MSR_STORED, .slot = MSR_SLOT_ARCH_CAPABILITIES,
		.feature = FEATURE_ARCH_CAPABILITIES, .ops = &msr_arch_capabilities_ops,
		.flags = MSR_EMULATED | MSR_FEATURE | MSR_IMMUTABLE | MSR_GUEST_RO,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x10b, .name = "IA32_FLUSH_CMD",
		.kind = MSR_SPECIAL, .ops = &msr_flush_cmd_ops,
		.gp_mask = ~(u64)L1D_FLUSH, .feature = FEATURE_FLUSH_L1D,
		.flags = MSR_NO_READ,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	},
	DROPPED(0x11e, "MSR_BBL_CR_CTL3", 0xbe702111,
		"SDM vol. 4, BBL_CR_CTL3 in the tables of processor families"),
	{
		.first = 0x122, .name = "IA32_TSX_CTRL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_TSX_CTRL, .ops = &msr_tsx_ctrl_ops,
		.gp_mask = ~(u64)(TSX_CTRL_RTM_DISABLE | TSX_CTRL_CPUID_CLEAR),
		.flags = MSR_SAVE | MSR_PROBE_HOST,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs; TSX is off whatever it says",
	}, {
		.first = 0x140, .name = "MSR_MISC_FEATURES_ENABLES",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MISC_FEATURES_ENABLES,
		.gp_mask = ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT,
		.ops = &msr_misc_features_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 4, MISC_FEATURE_ENABLES in the tables of processor families",
	}, {
		.first = 0x174, .name = "IA32_SYSENTER_CS",
		.kind = MSR_VMCS, .field = GUEST_SYSENTER_CS,
		.ignore_mask = UPPER_HALF,
		.flags = MSR_SAVE | MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, SYSENTER - Fast System Call",
	}, {
		.first = 0x175, .name = "IA32_SYSENTER_ESP",
		.kind = MSR_VMCS, .field = GUEST_SYSENTER_ESP,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE | MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, SYSENTER - Fast System Call; WRMSR (canonical addresses)",
	}, {
		.first = 0x176, .name = "IA32_SYSENTER_EIP",
		.kind = MSR_VMCS, .field = GUEST_SYSENTER_EIP,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE | MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, SYSENTER - Fast System Call; WRMSR (canonical addresses)",
	}, {
		.first = 0x179, .name = "IA32_MCG_CAP",
		.kind = MSR_STORED, .slot = MSR_SLOT_MCG_CAP,
		.reset = MSR_MCE_BANKS,
		.flags = MSR_NO_WRITE,
		.sdm = "SDM vol. 3, IA32_MCG_CAP MSR",
	}, {
		.first = 0x17a, .name = "IA32_MCG_STATUS",
		.kind = MSR_STORED, .slot = MSR_SLOT_MCG_STATUS,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, IA32_MCG_STATUS MSR",
	}, {
		.first = 0x17b, .name = "IA32_MCG_CTL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MCG_CTL, .ops = &msr_mcg_ctl_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, IA32_MCG_CTL MSR",
	},
	DROPPED_RANGE(0x186, 2, "IA32_PERFEVTSEL0", 0,
		      "SDM vol. 4, table IA-32 Architectural MSRs"),
	FIXED(0x198, "IA32_PERF_STATUS", 4ull << 40 | 1000,
	      "SDM vol. 4, table IA-32 Architectural MSRs"),
	FIXED(0x199, "IA32_PERF_CTL", 0, "SDM vol. 4, table IA-32 Architectural MSRs"),
	{
		.first = 0x1a0, .name = "IA32_MISC_ENABLE",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MISC_ENABLE, .ops = &msr_misc_enable_ops,
		.reset = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL,
		.ro_mask = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL,
		.ignore_mask = MSR_IA32_MISC_ENABLE_EMON,
		.ask_mask = MSR_IA32_MISC_ENABLE_MWAIT,
		.flags = MSR_EMULATED | MSR_HOST_ANY,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x1c4, .count = 2, .name = "IA32_XFD",
		.kind = MSR_CONST, .gp_mask = ~0ull, .feature = FEATURE_XFD,
		.sdm = "SDM vol. 1, Extended Feature Disable (XFD); IA32_XFD_ERR follows",
	}, {
		.first = 0x1d9, .name = "IA32_DEBUGCTL",
		.kind = MSR_VMCS, .field = GUEST_IA32_DEBUGCTL,
		.gp_mask = ~(u64)(DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF),
		.ignore_mask = DEBUGCTLMSR_LBR | DEBUGCTLMSR_BTF,
		.sdm = "SDM vol. 3, IA32_DEBUGCTL MSR",
	},
	FIXED_RANGE(0x1db, 4, "MSR_LASTBRANCHFROMIP", 0,
		    "SDM vol. 4, LBR stacks in the tables of processor families"),
	{
		.first = 0x1fc, .name = "MSR_POWER_CTL",
		.kind = MSR_STORED, .slot = MSR_SLOT_POWER_CTL,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 4, POWER_CTL in the tables of processor families",
	}, {
		.first = 0x200, .count = 16, .name = "IA32_MTRR_PHYSBASE0",
		.kind = MSR_STORED, .slot = MSR_SLOT_MTRR_VARIABLE,
		.check = MSR_CHECK_MTRR_VARIABLE,
		.sdm = "SDM vol. 3, Variable Range MTRRs (IA32_MTRR_PHYSBASEn, PHYSMASKn)",
	}, {
		.first = 0x250, .name = "IA32_MTRR_FIX64K_00000",
		.kind = MSR_STORED, .slot = MSR_SLOT_MTRR_FIX64K,
		.check = MSR_CHECK_MTRR_FIXED,
		.sdm = "SDM vol. 3, table Address Mapping for Fixed-Range MTRRs",
	}, {
		.first = 0x258, .count = 2, .name = "IA32_MTRR_FIX16K_80000",
		.kind = MSR_STORED, .slot = MSR_SLOT_MTRR_FIX16K,
		.check = MSR_CHECK_MTRR_FIXED,
		.sdm = "SDM vol. 3, table Address Mapping for Fixed-Range MTRRs",
	}, {
		.first = 0x268, .count = 8, .name = "IA32_MTRR_FIX4K_C0000",
		.kind = MSR_STORED, .slot = MSR_SLOT_MTRR_FIX4K,
		.check = MSR_CHECK_MTRR_FIXED,
		.sdm = "SDM vol. 3, table Address Mapping for Fixed-Range MTRRs",
	}, {
		.first = 0x277, .name = "IA32_PAT",
		.kind = MSR_VMCS, .field = GUEST_IA32_PAT,
		.reset = 0x0007040600070406, .check = MSR_CHECK_PAT,
		.flags = MSR_SAVE,
		.sdm = "SDM vol. 3, IA32_PAT MSR, table Memory Types That Can Be Encoded With PAT",
	}, {
		.first = 0x280, .count = 32, .name = "IA32_MC0_CTL2",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MC_CTL2, .ops = &msr_mc_ctl2_ops,
		.sdm = "SDM vol. 3, IA32_MCi_CTL2 MSRs",
	}, {
		.first = 0x2ff, .name = "IA32_MTRR_DEF_TYPE",
		.kind = MSR_STORED, .slot = MSR_SLOT_MTRR_DEF_TYPE,
		.check = MSR_CHECK_MTRR_DEF_TYPE,
		.sdm = "SDM vol. 3, figure IA32_MTRR_DEF_TYPE MSR",
	}, {
		.first = 0x345, .name = "IA32_PERF_CAPABILITIES",
		.kind = MSR_CONST, .gp_mask = ~0ull, .feature = FEATURE_PDCM,
		.flags = MSR_EMULATED | MSR_FEATURE | MSR_GUEST_RO,
		.sdm = "SDM vol. 3, Performance Monitoring; minihv has no virtual PMU",
	}, {
		.first = 0x400, .count = 128, .name = "IA32_MC0_CTL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MC_BANKS, .ops = &msr_mc_bank_ops,
		.sdm = "SDM vol. 3, Error-Reporting Register Banks",
	},
	VMX_CAPABILITY(0x480, "IA32_VMX_BASIC", MSR_EMULATED, MSR_CHECK_SUBSET,
		       VMX_BASIC_FIELDS),
	VMX_DERIVED(0x481, "IA32_VMX_PINBASED_CTLS"),
	VMX_DERIVED(0x482, "IA32_VMX_PROCBASED_CTLS"),
	VMX_DERIVED(0x483, "IA32_VMX_EXIT_CTLS"),
	VMX_DERIVED(0x484, "IA32_VMX_ENTRY_CTLS"),
	VMX_CAPABILITY(0x485, "IA32_VMX_MISC", MSR_EMULATED, MSR_CHECK_VMX_MISC, VMX_MISC_FIELDS),
	VMX_CAPABILITY(0x486, "IA32_VMX_CR0_FIXED0", MSR_EMULATED, MSR_CHECK_SUPERSET, 0),
	VMX_CAPABILITY(0x487, "IA32_VMX_CR0_FIXED1", MSR_NO_WRITE, MSR_CHECK_NONE, 0),
	VMX_CAPABILITY(0x488, "IA32_VMX_CR4_FIXED0", MSR_EMULATED, MSR_CHECK_SUPERSET, 0),
	VMX_DERIVED(0x489, "IA32_VMX_CR4_FIXED1"),
	VMX_CAPABILITY(0x48a, "IA32_VMX_VMCS_ENUM", MSR_EMULATED, MSR_CHECK_NONE, 0),
	VMX_CONTROL(0x48b, "IA32_VMX_PROCBASED_CTLS2"),
	VMX_CAPABILITY(0x48c, "IA32_VMX_EPT_VPID_CAP", MSR_EMULATED, MSR_CHECK_SUBSET, 0),
	VMX_CONTROL(0x48d, "IA32_VMX_TRUE_PINBASED_CTLS"),
	VMX_CONTROL(0x48e, "IA32_VMX_TRUE_PROCBASED_CTLS"),
	VMX_CONTROL(0x48f, "IA32_VMX_TRUE_EXIT_CTLS"),
	VMX_CONTROL(0x490, "IA32_VMX_TRUE_ENTRY_CTLS"),
	VMX_CAPABILITY(0x491, "IA32_VMX_VMFUNC", MSR_EMULATED, MSR_CHECK_SUBSET, 0),
	{
		.first = 0x4d0, .name = "IA32_MCG_EXT_CTL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MCG_EXT_CTL,
		.gp_mask = ~BIT_ULL(0), .ops = &msr_mcg_ext_ctl_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, IA32_MCG_EXT_CTL MSR",
	},
	FIXED(0x606, "MSR_RAPL_POWER_UNIT", 0, "SDM vol. 3, RAPL Interfaces"),
	FIXED(0x611, "MSR_PKG_ENERGY_STATUS", 0, "SDM vol. 3, RAPL Interfaces"),
	FIXED(0x619, "MSR_DRAM_ENERGY_STATUS", 0, "SDM vol. 3, RAPL Interfaces"),
	FIXED(0x639, "MSR_PP0_ENERGY_STATUS", 0, "SDM vol. 3, RAPL Interfaces"),
	FIXED(0x641, "MSR_PP1_ENERGY_STATUS", 0, "SDM vol. 3, RAPL Interfaces"),
	{
		.first = 0x6e0, .name = "IA32_TSC_DEADLINE",
		.kind = MSR_SPECIAL, .ops = &msr_tsc_deadline_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, TSC-Deadline Mode",
	}, {
		.first = 0x800, .count = 0x100, .name = "IA32_X2APIC_APICID",
		.kind = MSR_SPECIAL, .ops = &msr_x2apic_ops,
		.feature = FEATURE_X2APIC,
		.flags = MSR_SLOW,
		.sdm = "SDM vol. 3, table Local APIC Register Address Map Supported by x2APIC",
	}, {
		.first = 0xda0, .name = "IA32_XSS",
		.kind = MSR_CONST, .gp_mask = ~0ull, .feature = FEATURE_XSAVES,
		.sdm = "SDM vol. 1, IA32_XSS MSR; no supervisor state is offered",
	}, {
		.first = 0xc0000080, .name = "IA32_EFER",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_EFER, .ops = &msr_efer_ops,
		.flags = MSR_SLOW,
		.sdm = "SDM vol. 3, Extended Feature Enable Register, table IA32_EFER MSR",
	}, {
		.first = 0xc0000081, .name = "IA32_STAR",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_STAR,
		.ask_mask = LOWER_HALF,
		.flags = MSR_SAVE | MSR_SYSCALL,
		.sdm = "SDM vol. 3, SYSCALL and SYSRET in 64-Bit Mode",
	}, {
		.first = 0xc0000082, .name = "IA32_LSTAR",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_LSTAR,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE | MSR_SYSCALL,
		.sdm = "SDM vol. 2, WRMSR (canonical addresses)",
	}, {
		.first = 0xc0000083, .name = "IA32_CSTAR",
		.kind = MSR_STORED, .slot = MSR_SLOT_CSTAR,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs; not used by Intel CPUs",
	}, {
		.first = 0xc0000084, .name = "IA32_FMASK",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_SYSCALL_MASK,
		.ask_mask = UPPER_HALF,
		.flags = MSR_SAVE | MSR_SYSCALL,
		.sdm = "SDM vol. 3, SYSCALL and SYSRET in 64-Bit Mode",
	}, {
		.first = 0xc0000100, .name = "IA32_FS_BASE",
		.kind = MSR_VMCS, .field = GUEST_FS_BASE,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, WRMSR (canonical addresses)",
	}, {
		.first = 0xc0000101, .name = "IA32_GS_BASE",
		.kind = MSR_VMCS, .field = GUEST_GS_BASE,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, WRMSR (canonical addresses)",
	}, {
		.first = 0xc0000102, .name = "IA32_KERNEL_GS_BASE",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_KERNEL_GS_BASE,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE | MSR_PASS_READ | MSR_PASS_WRITE,
		.sdm = "SDM vol. 2, SWAPGS; WRMSR (canonical addresses)",
	}, {
		.first = 0xc0000103, .name = "IA32_TSC_AUX",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_TSC_AUX,
		.gp_mask = UPPER_HALF,
		.feature = FEATURE_RDTSCP, .feature_alt = FEATURE_RDPID,
		.flags = MSR_SAVE | MSR_PROBE_HOST,
		.sdm = "SDM vol. 3, Time-Stamp Counter (IA32_TSC_AUX)",
	},
	DROPPED_RANGE(0xc0010000, 8, "PERF_CTL0", 0,
		      "AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	FIXED(0xc0010010, "SYSCFG", 0,
	      "AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	{
		.first = 0xc0010015, .name = "HWCR",
		.kind = MSR_STORED, .slot = MSR_SLOT_HWCR,
		.gp_mask = ~(u64)(HWCR_IGNORED | HWCR_MC_STATUS_WRITE), .ignore_mask = HWCR_IGNORED,
		.flags = MSR_EMULATED,
		.sdm = "AMD64 APM vol. 2, appendix A; boot code of guests touches it",
	},
	DROPPED(0xc001001b, "K7_CLK_CTL", 0x20000000,
		"AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	DROPPED(0xc001001f, "NB_CFG", 0,
		"AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	{
		.first = 0xc0010020, .name = "PATCH_LOADER",
		.kind = MSR_CONST, .ignore_mask = ~0ull,
		.flags = MSR_NO_READ,
		.sdm = "AMD64 APM vol. 2, appendix A; boot code of guests touches it",
	},
	FIXED(0xc0010055, "INT_PENDING_MSG", 0,
	      "AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	{
		.first = 0xc0010058, .name = "MMIO_CONF_BASE",
		.kind = MSR_CONST, .gp_mask = ~0ull,
		.sdm = "AMD64 APM vol. 2, appendix A; boot code of guests touches it",
	},
	FIXED_RANGE(0xc0010112, 2, "SMM_ADDR", 0,
		    "AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	DROPPED(0xc0010117, "VM_HSAVE_PA", 0,
		"AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	DROPPED_RANGE(0xc0011022, 2, "DC_CFG", 0,
		      "AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	DROPPED(0xc001102a, "BU_CFG2", 0,
		"AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
	DROPPED(0xc001102c, "EX_CFG", 0,
		"AMD64 APM vol. 2, appendix A; boot code of guests touches it"),
};

const unsigned int msr_table_rows = ARRAY_SIZE(msr_table);
