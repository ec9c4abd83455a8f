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

/* VMX_BASIC to VMX_VMFUNC: constants of the CPU that describe its VMX. */
#define VMX_CAPABILITY(index, vmx_name)						\
{										\
	.first = (index), .name = vmx_name,					\
	.kind = MSR_STORED, .slot = MSR_SLOT_VMX + (index) - 0x480,		\
	.ro_mask = ~0ull, .feature = FEATURE_VMX,				\
	.flags = MSR_EMULATED | MSR_FEATURE | MSR_IMMUTABLE | MSR_GUEST_RO,	\
	.ops = &msr_vmx_ops,							\
	.sdm = "SDM vol. 3, VMX Capability Reporting Facility",			\
}

const struct msr_row msr_table[] = {
	{
		.first = 0x10, .name = "IA32_TIME_STAMP_COUNTER",
		.kind = MSR_SPECIAL, .ops = &msr_tsc_ops,
		.flags = MSR_SAVE | MSR_PASS_READ,
		.sdm = "SDM vol. 3, Time-Stamp Counter",
	}, {
		.first = 0x1b, .name = "IA32_APIC_BASE",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_APIC_BASE,
		.gp_mask = 0x2ff, .ops = &msr_apic_base_ops,
		.flags = MSR_EMULATED,
		.sdm = "SDM vol. 3, Local APIC Status and Location, figure IA32_APIC_BASE MSR",
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
		.first = 0x8b, .name = "IA32_BIOS_SIGN_ID",
		.kind = MSR_STORED, .slot = MSR_SLOT_UCODE_REV,
		.reset = 0x100000000, .ignore_mask = ~0ull,
		.flags = MSR_EMULATED | MSR_FEATURE | MSR_HOST_ANY,
		.sdm = "SDM vol. 3, Microcode Update Signature and Verification",
	}, {
		.first = 0xce, .name = "MSR_PLATFORM_INFO",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_PLATFORM_INFO,
		.reset = MSR_PLATFORM_INFO_CPUID_FAULT, .ops = &msr_platform_info_ops,
		.flags = MSR_EMULATED | MSR_GUEST_RO,
		.sdm = "SDM vol. 4, table MSRs in Processors Based on Nehalem Microarchitecture",
	}, {
		.first = 0x10a, .name = "IA32_ARCH_CAPABILITIES",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_ARCH_CAPABILITIES,
		.feature = FEATURE_ARCH_CAPABILITIES, .ops = &msr_arch_capabilities_ops,
		.flags = MSR_SAVE | MSR_FEATURE | MSR_IMMUTABLE | MSR_GUEST_RO,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
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
		.reset = MSR_MCE_BANKS, .ro_mask = ~0ull,
		.flags = MSR_GUEST_RO,
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
	}, {
		.first = 0x1a0, .name = "IA32_MISC_ENABLE",
		.kind = MSR_STORED, .slot = MSR_SLOT_MISC_ENABLE,
		.reset = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL,
		.ro_mask = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL,
		.ignore_mask = MSR_IA32_MISC_ENABLE_EMON,
		.flags = MSR_EMULATED | MSR_HOST_ANY,
		.sdm = "SDM vol. 4, table IA-32 Architectural MSRs",
	}, {
		.first = 0x277, .name = "IA32_PAT",
		.kind = MSR_VMCS, .field = GUEST_IA32_PAT,
		.reset = 0x0007040600070406, .check = MSR_CHECK_PAT,
		.flags = MSR_SAVE,
		.sdm = "SDM vol. 3, IA32_PAT MSR, table Memory Types That Can Be Encoded With PAT",
	}, {
		.first = 0x400, .count = 128, .name = "IA32_MC0_CTL",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_MC_BANKS, .ops = &msr_mc_bank_ops,
		.sdm = "SDM vol. 3, Error-Reporting Register Banks",
	},
	VMX_CAPABILITY(0x480, "IA32_VMX_BASIC"),
	VMX_CAPABILITY(0x481, "IA32_VMX_PINBASED_CTLS"),
	VMX_CAPABILITY(0x482, "IA32_VMX_PROCBASED_CTLS"),
	VMX_CAPABILITY(0x483, "IA32_VMX_EXIT_CTLS"),
	VMX_CAPABILITY(0x484, "IA32_VMX_ENTRY_CTLS"),
	VMX_CAPABILITY(0x485, "IA32_VMX_MISC"),
	VMX_CAPABILITY(0x486, "IA32_VMX_CR0_FIXED0"),
	VMX_CAPABILITY(0x487, "IA32_VMX_CR0_FIXED1"),
	VMX_CAPABILITY(0x488, "IA32_VMX_CR4_FIXED0"),
	VMX_CAPABILITY(0x489, "IA32_VMX_CR4_FIXED1"),
	VMX_CAPABILITY(0x48a, "IA32_VMX_VMCS_ENUM"),
	VMX_CAPABILITY(0x48b, "IA32_VMX_PROCBASED_CTLS2"),
	VMX_CAPABILITY(0x48c, "IA32_VMX_EPT_VPID_CAP"),
	VMX_CAPABILITY(0x48d, "IA32_VMX_TRUE_PINBASED_CTLS"),
	VMX_CAPABILITY(0x48e, "IA32_VMX_TRUE_PROCBASED_CTLS"),
	VMX_CAPABILITY(0x48f, "IA32_VMX_TRUE_EXIT_CTLS"),
	VMX_CAPABILITY(0x490, "IA32_VMX_TRUE_ENTRY_CTLS"),
	VMX_CAPABILITY(0x491, "IA32_VMX_VMFUNC"),
	{
		.first = 0xc0000080, .name = "IA32_EFER",
		.kind = MSR_SPECIAL, .slot = MSR_SLOT_EFER, .ops = &msr_efer_ops,
		.flags = MSR_EMULATED | MSR_SLOW,
		.sdm = "SDM vol. 3, Extended Feature Enable Register, table IA32_EFER MSR",
	}, {
		.first = 0xc0000081, .name = "IA32_STAR",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_STAR,
		.flags = MSR_SAVE,
		.sdm = "SDM vol. 3, SYSCALL and SYSRET in 64-Bit Mode",
	}, {
		.first = 0xc0000082, .name = "IA32_LSTAR",
		.kind = MSR_HW_SWITCHED, .slot = MSR_SLOT_LSTAR,
		.check = MSR_CHECK_CANONICAL,
		.flags = MSR_SAVE,
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
		.flags = MSR_SAVE,
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
};

const unsigned int msr_table_rows = ARRAY_SIZE(msr_table);
