// SPDX-License-Identifier: GPL-2.0
/*
 * What the bits of the feature MSRs are called. The names are the SDM's: volume 3,
 * appendix "VMX Capability Reporting Facility" and the tables of VM-execution,
 * VM-exit and VM-entry controls; volume 4, "Architectural MSRs".
 */
#include <stddef.h>

#include "feature_bits.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct feature_field ucode_rev[] = {
	{ 32, 32, "Microcode update signature" },
	{ 0 }
};

static const struct feature_field core_capabilities[] = {
	{ 0, 1, "STLB_QOS_SUPPORTED" },
	{ 2, 1, "FUSA_SUPPORTED" },
	{ 3, 1, "RSM_IN_CPL0_ONLY" },
	{ 4, 1, "UC_LOCK_DISABLE_SUPPORTED" },
	{ 5, 1, "SPLIT_LOCK_DISABLE_SUPPORTED" },
	{ 6, 1, "SNOOP_FILTER_QOS_SUPPORTED" },
	{ 0 }
};

static const struct feature_field arch_capabilities[] = {
	{ 0, 1, "RDCL_NO" },
	{ 1, 1, "IBRS_ALL" },
	{ 2, 1, "RSBA" },
	{ 3, 1, "SKIP_L1DFL_VMENTRY" },
	{ 4, 1, "SSB_NO" },
	{ 5, 1, "MDS_NO" },
	{ 6, 1, "IF_PSCHANGE_MC_NO" },
	{ 7, 1, "TSX_CTRL" },
	{ 8, 1, "TAA_NO" },
	{ 9, 1, "MCU_CONTROL" },
	{ 10, 1, "MISC_PACKAGE_CTLS" },
	{ 11, 1, "ENERGY_FILTERING_CTL" },
	{ 12, 1, "DOITM" },
	{ 13, 1, "SBDR_SSDP_NO" },
	{ 14, 1, "FBSDP_NO" },
	{ 15, 1, "PSDP_NO" },
	{ 16, 1, "MCU_ENUMERATION" },
	{ 17, 1, "FB_CLEAR" },
	{ 18, 1, "FB_CLEAR_CTRL" },
	{ 19, 1, "RRSBA" },
	{ 20, 1, "BHI_NO" },
	{ 21, 1, "XAPIC_DISABLE_STATUS" },
	{ 22, 1, "MCU_EXTENDED_SERVICE" },
	{ 23, 1, "OVERCLOCKING_STATUS" },
	{ 24, 1, "PBRSB_NO" },
	{ 25, 1, "GDS_CTRL" },
	{ 26, 1, "GDS_NO" },
	{ 27, 1, "RFDS_NO" },
	{ 28, 1, "RFDS_CLEAR" },
	{ 29, 1, "IGN_UMONITOR_SUPPORT" },
	{ 30, 1, "MON_UMON_MITG_SUPPORT" },
	{ 32, 1, "PBOPT_SUPPORT" },
	{ 62, 1, "ITS_NO" },
	{ 0 }
};

static const struct feature_field perf_capabilities[] = {
	{ 0, 6, "LBR format" },
	{ 6, 1, "PEBS trap" },
	{ 7, 1, "PEBS saves architectural registers" },
	{ 8, 4, "PEBS record format" },
	{ 12, 1, "Freeze while SMM is supported" },
	{ 13, 1, "Full-width counter writes" },
	{ 14, 1, "PEBS_BASELINE" },
	{ 15, 1, "PERF_METRICS available" },
	{ 16, 1, "PEBS output to Intel PT" },
	{ 0 }
};

static const struct feature_field vmx_basic[] = {
	{ 0, 31, "VMCS revision identifier" },
	{ 32, 13, "VMXON and VMCS region size, bytes" },
	{ 48, 1, "Addresses of VMX structures limited to 32 bits" },
	{ 49, 1, "Dual-monitor treatment of SMIs and SMM" },
	{ 50, 4, "Memory type of VMX structures" },
	{ 54, 1, "VM exits report INS and OUTS information" },
	{ 55, 1, "TRUE control MSRs, default1 controls may be 0" },
	{ 56, 1, "Hardware exceptions with or without error code" },
	{ 58, 1, "Nested-exception support" },
	{ 0 }
};

static const struct feature_field pinbased[] = {
	{ 0, 1, "External-interrupt exiting" },
	{ 3, 1, "NMI exiting" },
	{ 5, 1, "Virtual NMIs" },
	{ 6, 1, "Activate VMX-preemption timer" },
	{ 7, 1, "Process posted interrupts" },
	{ 0 }
};

static const struct feature_field procbased[] = {
	{ 2, 1, "Interrupt-window exiting" },
	{ 3, 1, "Use TSC offsetting" },
	{ 7, 1, "HLT exiting" },
	{ 9, 1, "INVLPG exiting" },
	{ 10, 1, "MWAIT exiting" },
	{ 11, 1, "RDPMC exiting" },
	{ 12, 1, "RDTSC exiting" },
	{ 15, 1, "CR3-load exiting" },
	{ 16, 1, "CR3-store exiting" },
	{ 17, 1, "Activate tertiary controls" },
	{ 19, 1, "CR8-load exiting" },
	{ 20, 1, "CR8-store exiting" },
	{ 21, 1, "Use TPR shadow" },
	{ 22, 1, "NMI-window exiting" },
	{ 23, 1, "MOV-DR exiting" },
	{ 24, 1, "Unconditional I/O exiting" },
	{ 25, 1, "Use I/O bitmaps" },
	{ 27, 1, "Monitor trap flag" },
	{ 28, 1, "Use MSR bitmaps" },
	{ 29, 1, "MONITOR exiting" },
	{ 30, 1, "PAUSE exiting" },
	{ 31, 1, "Activate secondary controls" },
	{ 0 }
};

static const struct feature_field procbased2[] = {
	{ 0, 1, "Virtualize APIC accesses" },
	{ 1, 1, "Enable EPT" },
	{ 2, 1, "Descriptor-table exiting" },
	{ 3, 1, "Enable RDTSCP" },
	{ 4, 1, "Virtualize x2APIC mode" },
	{ 5, 1, "Enable VPID" },
	{ 6, 1, "WBINVD exiting" },
	{ 7, 1, "Unrestricted guest" },
	{ 8, 1, "APIC-register virtualization" },
	{ 9, 1, "Virtual-interrupt delivery" },
	{ 10, 1, "PAUSE-loop exiting" },
	{ 11, 1, "RDRAND exiting" },
	{ 12, 1, "Enable INVPCID" },
	{ 13, 1, "Enable VM functions" },
	{ 14, 1, "VMCS shadowing" },
	{ 15, 1, "Enable ENCLS exiting" },
	{ 16, 1, "RDSEED exiting" },
	{ 17, 1, "Enable PML" },
	{ 18, 1, "EPT-violation #VE" },
	{ 19, 1, "Conceal VMX from PT" },
	{ 20, 1, "Enable XSAVES/XRSTORS" },
	{ 21, 1, "PASID translation" },
	{ 22, 1, "Mode-based execute control for EPT" },
	{ 23, 1, "Sub-page write permissions for EPT" },
	{ 24, 1, "Intel PT uses guest physical addresses" },
	{ 25, 1, "Use TSC scaling" },
	{ 26, 1, "Enable user wait and pause" },
	{ 27, 1, "Enable PCONFIG" },
	{ 28, 1, "Enable ENCLV exiting" },
	{ 30, 1, "VMM bus-lock detection" },
	{ 31, 1, "Instruction timeout" },
	{ 0 }
};

static const struct feature_field procbased3[] = {
	{ 0, 1, "LOADIWKEY exiting" },
	{ 1, 1, "Enable HLAT" },
	{ 2, 1, "EPT paging-write control" },
	{ 3, 1, "Guest-paging verification" },
	{ 4, 1, "IPI virtualization" },
	{ 6, 1, "Enable MSR-list instructions" },
	{ 7, 1, "Virtualize IA32_SPEC_CTRL" },
	{ 0 }
};

static const struct feature_field exit_controls[] = {
	{ 2, 1, "Save debug controls" },
	{ 9, 1, "Host address-space size" },
	{ 12, 1, "Load IA32_PERF_GLOBAL_CTRL" },
	{ 15, 1, "Acknowledge interrupt on exit" },
	{ 18, 1, "Save IA32_PAT" },
	{ 19, 1, "Load IA32_PAT" },
	{ 20, 1, "Save IA32_EFER" },
	{ 21, 1, "Load IA32_EFER" },
	{ 22, 1, "Save VMX-preemption timer value" },
	{ 23, 1, "Clear IA32_BNDCFGS" },
	{ 24, 1, "Conceal VMX from PT" },
	{ 25, 1, "Clear IA32_RTIT_CTL" },
	{ 26, 1, "Clear IA32_LBR_CTL" },
	{ 27, 1, "Clear UINV" },
	{ 28, 1, "Load CET state" },
	{ 29, 1, "Load PKRS" },
	{ 30, 1, "Save IA32_PERF_GLOBAL_CTRL" },
	{ 31, 1, "Activate secondary controls" },
	{ 0 }
};

static const struct feature_field entry_controls[] = {
	{ 2, 1, "Load debug controls" },
	{ 9, 1, "IA-32e mode guest" },
	{ 10, 1, "Entry to SMM" },
	{ 11, 1, "Deactivate dual-monitor treatment" },
	{ 13, 1, "Load IA32_PERF_GLOBAL_CTRL" },
	{ 14, 1, "Load IA32_PAT" },
	{ 15, 1, "Load IA32_EFER" },
	{ 16, 1, "Load IA32_BNDCFGS" },
	{ 17, 1, "Conceal VMX from PT" },
	{ 18, 1, "Load IA32_RTIT_CTL" },
	{ 19, 1, "Load UINV" },
	{ 20, 1, "Load CET state" },
	{ 21, 1, "Load guest IA32_LBR_CTL" },
	{ 22, 1, "Load PKRS" },
	{ 0 }
};

static const struct feature_field vmx_misc[] = {
	{ 0, 5, "VMX-preemption timer counts each 2^n TSC ticks, n" },
	{ 5, 1, "VM exits save EFER.LMA in 'IA-32e mode guest'" },
	{ 6, 1, "Activity state HLT" },
	{ 7, 1, "Activity state shutdown" },
	{ 8, 1, "Activity state wait-for-SIPI" },
	{ 14, 1, "Intel PT can be used in VMX operation" },
	{ 15, 1, "RDMSR can read IA32_SMBASE in SMM" },
	{ 16, 9, "CR3-target values" },
	{ 25, 3, "MSR lists hold 512 * (n + 1) entries, n" },
	{ 28, 1, "IA32_SMM_MONITOR_CTL bit 2 can be set" },
	{ 29, 1, "VMWRITE can write VM-exit information fields" },
	{ 30, 1, "Injection with instruction length 0" },
	{ 32, 32, "MSEG revision identifier" },
	{ 0 }
};

static const struct feature_field cr0[] = {
	{ 0, 1, "PE" },
	{ 1, 1, "MP" },
	{ 2, 1, "EM" },
	{ 3, 1, "TS" },
	{ 4, 1, "ET" },
	{ 5, 1, "NE" },
	{ 16, 1, "WP" },
	{ 18, 1, "AM" },
	{ 29, 1, "NW" },
	{ 30, 1, "CD" },
	{ 31, 1, "PG" },
	{ 0 }
};

static const struct feature_field cr4[] = {
	{ 0, 1, "VME" },
	{ 1, 1, "PVI" },
	{ 2, 1, "TSD" },
	{ 3, 1, "DE" },
	{ 4, 1, "PSE" },
	{ 5, 1, "PAE" },
	{ 6, 1, "MCE" },
	{ 7, 1, "PGE" },
	{ 8, 1, "PCE" },
	{ 9, 1, "OSFXSR" },
	{ 10, 1, "OSXMMEXCPT" },
	{ 11, 1, "UMIP" },
	{ 12, 1, "LA57" },
	{ 13, 1, "VMXE" },
	{ 14, 1, "SMXE" },
	{ 16, 1, "FSGSBASE" },
	{ 17, 1, "PCIDE" },
	{ 18, 1, "OSXSAVE" },
	{ 19, 1, "KL" },
	{ 20, 1, "SMEP" },
	{ 21, 1, "SMAP" },
	{ 22, 1, "PKE" },
	{ 23, 1, "CET" },
	{ 24, 1, "PKS" },
	{ 25, 1, "UINTR" },
	{ 27, 1, "LASS" },
	{ 28, 1, "LAM_SUP" },
	{ 32, 1, "FRED" },
	{ 0 }
};

static const struct feature_field vmcs_enum[] = {
	{ 1, 9, "Highest index in a VMCS field's encoding" },
	{ 0 }
};

static const struct feature_field ept_vpid_cap[] = {
	{ 0, 1, "Execute-only translations" },
	{ 6, 1, "Page-walk length 4" },
	{ 7, 1, "Page-walk length 5" },
	{ 8, 1, "EPT structures uncacheable" },
	{ 14, 1, "EPT structures write-back" },
	{ 16, 1, "2-MByte pages" },
	{ 17, 1, "1-GByte pages" },
	{ 20, 1, "INVEPT" },
	{ 21, 1, "Accessed and dirty flags for EPT" },
	{ 22, 1, "Advanced information for EPT violations" },
	{ 23, 1, "Supervisor shadow-stack control" },
	{ 25, 1, "Single-context INVEPT" },
	{ 26, 1, "All-context INVEPT" },
	{ 32, 1, "INVVPID" },
	{ 40, 1, "Individual-address INVVPID" },
	{ 41, 1, "Single-context INVVPID" },
	{ 42, 1, "All-context INVVPID" },
	{ 43, 1, "Single-context-retaining-globals INVVPID" },
	{ 48, 6, "Maximum HLAT prefix size" },
	{ 0 }
};

static const struct feature_field vmfunc[] = {
	{ 0, 1, "EPTP switching" },
	{ 0 }
};

static const struct feature features[] = {
	{ 0x8b, FEATURE_FIELDS, ucode_rev },
	{ 0xcf, FEATURE_FIELDS, core_capabilities },
	{ 0x10a, FEATURE_FIELDS, arch_capabilities },
	{ 0x345, FEATURE_FIELDS, perf_capabilities },
	{ 0x480, FEATURE_FIELDS, vmx_basic },
	{ 0x481, FEATURE_CONTROLS, pinbased },
	{ 0x482, FEATURE_CONTROLS, procbased },
	{ 0x483, FEATURE_CONTROLS, exit_controls },
	{ 0x484, FEATURE_CONTROLS, entry_controls },
	{ 0x485, FEATURE_FIELDS, vmx_misc },
	{ 0x486, FEATURE_FIELDS, cr0 },
	{ 0x487, FEATURE_FIELDS, cr0 },
	{ 0x488, FEATURE_FIELDS, cr4 },
	{ 0x489, FEATURE_FIELDS, cr4 },
	{ 0x48a, FEATURE_FIELDS, vmcs_enum },
	{ 0x48b, FEATURE_CONTROLS, procbased2 },
	{ 0x48c, FEATURE_FIELDS, ept_vpid_cap },
	{ 0x48d, FEATURE_CONTROLS, pinbased },
	{ 0x48e, FEATURE_CONTROLS, procbased },
	{ 0x48f, FEATURE_CONTROLS, exit_controls },
	{ 0x490, FEATURE_CONTROLS, entry_controls },
	{ 0x491, FEATURE_FIELDS, vmfunc },
	{ 0x492, FEATURE_FIELDS, procbased3 },
};

const struct feature *feature_find(uint32_t index)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].index == index)
			return &features[i];
	return NULL;
}
