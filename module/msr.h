/* SPDX-License-Identifier: GPL-2.0-only */
/* MSRs: the table's row, and what is done with the table. */
#ifndef MINIHV_MSR_H
#define MINIHV_MSR_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/kvm.h>
#include <linux/types.h>
#include <asm/page.h>

#include "cpuid.h"

struct msr_row;
struct vcpu;

/* As many banks as KVM has; four registers each. */
#define MSR_MCE_BANKS	32

/* Variable-range MTRRs: also as many as KVM has. */
#define MSR_MTRR_COUNT	8

/* Where a vCPU keeps the values that are not in its VMCS. */
enum msr_slot {
	MSR_SLOT_NONE,
	/* In the registers themselves while the vCPU is loaded. */
	MSR_SLOT_STAR,
	MSR_SLOT_LSTAR,
	MSR_SLOT_SYSCALL_MASK,
	MSR_SLOT_KERNEL_GS_BASE,
	MSR_SLOT_TSC_AUX,
	/* Here, and nowhere else. */
	MSR_SLOT_TSX_CTRL,
	MSR_SLOT_SPEC_CTRL,
	MSR_SLOT_CSTAR,
	MSR_SLOT_EFER,
	MSR_SLOT_APIC_BASE,
	MSR_SLOT_FEATURE_CONTROL,
	MSR_SLOT_TSC_ADJUST,
	MSR_SLOT_UCODE_REV,
	MSR_SLOT_PLATFORM_INFO,
	MSR_SLOT_MISC_FEATURES_ENABLES,
	MSR_SLOT_ARCH_CAPABILITIES,
	MSR_SLOT_MISC_ENABLE,
	MSR_SLOT_MCG_CAP,
	MSR_SLOT_MCG_STATUS,
	MSR_SLOT_MCG_CTL,
	MSR_SLOT_MCG_EXT_CTL,
	MSR_SLOT_SMI_COUNT,
	MSR_SLOT_SGX_HASH,
	MSR_SLOT_SGX_HASH_LAST = MSR_SLOT_SGX_HASH + 3,
	MSR_SLOT_SMBASE,
	MSR_SLOT_UMWAIT_CONTROL,
	MSR_SLOT_POWER_CTL,
	MSR_SLOT_HWCR,
	MSR_SLOT_MTRR_VARIABLE,
	MSR_SLOT_MTRR_VARIABLE_LAST = MSR_SLOT_MTRR_VARIABLE + 2 * MSR_MTRR_COUNT - 1,
	MSR_SLOT_MTRR_FIX64K,
	MSR_SLOT_MTRR_FIX16K,
	MSR_SLOT_MTRR_FIX16K_LAST = MSR_SLOT_MTRR_FIX16K + 1,
	MSR_SLOT_MTRR_FIX4K,
	MSR_SLOT_MTRR_FIX4K_LAST = MSR_SLOT_MTRR_FIX4K + 7,
	MSR_SLOT_MTRR_DEF_TYPE,
	MSR_SLOT_MC_CTL2,
	MSR_SLOT_MC_CTL2_LAST = MSR_SLOT_MC_CTL2 + MSR_MCE_BANKS - 1,
	MSR_SLOT_MC_BANKS,
	MSR_SLOT_MC_BANKS_LAST = MSR_SLOT_MC_BANKS + 4 * MSR_MCE_BANKS - 1,
	MSR_SLOT_VMX,
	MSR_SLOT_VMX_LAST = MSR_SLOT_VMX + 17,
	MSR_SLOTS
};

/**
 * enum msr_kind - where the value is
 * @MSR_CONST: the row's reset value, always
 * @MSR_STORED: the row's slot
 * @MSR_VMCS: a field of the VMCS; VM entry and exit switch it
 * @MSR_HW_SWITCHED: the row's slot, and the CPU's own register while loaded
 * @MSR_SPECIAL: the row's callbacks know
 */
enum msr_kind {
	MSR_CONST,
	MSR_STORED,
	MSR_VMCS,
	MSR_HW_SWITCHED,
	MSR_SPECIAL,
};

/**
 * enum msr_check - what a value has to satisfy besides the masks
 * @MSR_CHECK_NONE: nothing
 * @MSR_CHECK_CANONICAL: bits 63:47 are equal; 63:56 where the CPU takes such addresses
 * @MSR_CHECK_PAT: eight memory types, none of them reserved
 * @MSR_CHECK_MTRR_FIXED: eight memory types that an MTRR can have
 * @MSR_CHECK_MTRR_VARIABLE: even index: base and memory type; odd: mask
 * @MSR_CHECK_MTRR_DEF_TYPE: the default memory type and two enable bits
 * @MSR_CHECK_SUBSET: no bit that the reset value does not have
 * @MSR_CHECK_SUPERSET: every bit that the reset value has
 * @MSR_CHECK_VMX_MISC: features: subset; the numbers among them: not more
 * @MSR_CHECK_VMX_CONTROL: allowed-0 half: superset; allowed-1 half: subset
 */
enum msr_check {
	MSR_CHECK_NONE,
	MSR_CHECK_CANONICAL,
	MSR_CHECK_PAT,
	MSR_CHECK_MTRR_FIXED,
	MSR_CHECK_MTRR_VARIABLE,
	MSR_CHECK_MTRR_DEF_TYPE,
	MSR_CHECK_SUBSET,
	MSR_CHECK_SUPERSET,
	MSR_CHECK_VMX_MISC,
	MSR_CHECK_VMX_CONTROL,
};

#define MSR_SAVE	BIT(0)	/* in the index list: register state */
#define MSR_EMULATED	BIT(1)	/* in the index list, after those: no such host register needed */
#define MSR_FEATURE	BIT(2)	/* in the feature index list */
#define MSR_IMMUTABLE	BIT(3)	/* fixed once the vCPU has run */
#define MSR_GUEST_RO	BIT(4)	/* a guest's WRMSR faults, whatever the value */
#define MSR_HOST_ANY	BIT(5)	/* masks and check bind the guest only */
#define MSR_PASS_READ	BIT(6)	/* may be read without an exit (passthrough=1) */
#define MSR_PASS_WRITE	BIT(7)	/* may change without an exit: WRMSR (passthrough=1), SWAPGS */
#define MSR_PROBE_HOST	BIT(8)	/* exists only where the host has it */
#define MSR_SLOW	BIT(9)	/* set may sleep: not with interrupts off */
#define MSR_HOST_ONLY	BIT(10)	/* for the guest it is not there */
#define MSR_NO_WRITE	BIT(11)	/* neither guest nor client can write it */
#define MSR_NO_READ	BIT(12)	/* a command: neither can read it */
#define MSR_SYSCALL	BIT(13)	/* of no use to a guest whose EFER.SCE is 0 */

/**
 * enum msr_result - outcome of an access
 * @MSR_OK: done
 * @MSR_FILTERED: the client's filter denies it (#GP)
 * @MSR_UNKNOWN: minihv has no such MSR (#GP)
 * @MSR_ABSENT: the vCPU's CPUID does not have it, or its local APIC (#GP)
 * @MSR_READ_ONLY: not to be written (#GP)
 * @MSR_RESERVED: a reserved bit is set or a fixed one changed (#GP)
 * @MSR_INVALID: the value fails the row's check (#GP)
 * @MSR_AGAIN: nothing happened; repeat with interrupts on and the vCPU put
 */
enum msr_result {
	MSR_OK,
	MSR_FILTERED,
	MSR_UNKNOWN,
	MSR_ABSENT,
	MSR_READ_ONLY,
	MSR_RESERVED,
	MSR_INVALID,
	MSR_AGAIN,
};

/**
 * struct msr_value - what a read gives, in two registers
 * @data: the value; 0 unless the result is MSR_OK
 * @result: the outcome
 */
struct msr_value {
	u64 data;
	enum msr_result result;
};

/**
 * struct msr_access - one read or write, for callbacks
 * @vcpu: whose MSR
 * @row: its row
 * @index: its index, within the row
 * @host: the client asks (KVM_GET_MSRS, KVM_SET_MSRS), not the guest
 * @data: the value
 */
struct msr_access {
	struct vcpu *vcpu;
	const struct msr_row *row;
	u32 index;
	bool host;
	u64 data;
};

/**
 * struct msr_ops - for rows whose access is more than storage
 * @get: fills data
 * @set: takes data; masks and check have passed
 * @reset: value for a new vCPU, when it depends on the vCPU
 * @host_value: what the host has; asked once, at load. The feature MSR's value,
 *	and the reset value of a row that has none of its own
 */
struct msr_ops {
	enum msr_result (*get)(struct msr_access *a);
	enum msr_result (*set)(struct msr_access *a);
	u64 (*reset)(struct vcpu *vcpu);
	u64 (*host_value)(u32 index);
};

/**
 * struct msr_row - all that minihv knows of an MSR, or of a range of them
 * @first: index of the first
 * @count: how many; 0 stands for 1
 * @name: the SDM's name
 * @kind: where the value is
 * @check: what a value must satisfy
 * @slot: of the first, for STORED, HW_SWITCHED and SPECIAL
 * @field: VMCS field, for VMCS
 * @reset: value of a new vCPU; 0 where ops->host_value says it
 * @gp_mask: bits that fault when set
 * @ro_mask: bits that fault when changed
 * @ignore_mask: bits that keep their value silently
 * @ask_mask: bits whose change the row alone does not decide: for HW_SWITCHED the CPU
 *	is asked, for which they may be reserved; for SPECIAL ops->set decides, and only
 *	stores the value if they do not change
 * @feature: the guest gets #GP unless its CPUID has this...
 * @feature_alt: ...or this
 * @flags: MSR_*
 * @ops: callbacks
 * @sdm: where the rule comes from: manual, section title, table title
 */
struct msr_row {
	u32 first;
	u32 count;
	const char *name;
	enum msr_kind kind;
	enum msr_check check;
	u16 slot;
	u32 field;
	u64 reset;
	u64 gp_mask;
	u64 ro_mask;
	u64 ignore_mask;
	u64 ask_mask;
	enum cpuid_feature feature;
	enum cpuid_feature feature_alt;
	u32 flags;
	const struct msr_ops *ops;
	const char *sdm;
};

/* msr_table.c */
extern const struct msr_row msr_table[];
extern const unsigned int msr_table_rows;

static inline u32 msr_row_count(const struct msr_row *row)
{
	return row->count ?: 1;
}

/* msr_check.c */
int msr_table_check(const struct msr_row *table, unsigned int rows);

/* msr.c */
int msr_init(void);
const struct msr_row *msr_lookup(u32 index);
struct msr_value msr_get(struct vcpu *vcpu, u32 index, bool host);
enum msr_result msr_set(struct vcpu *vcpu, u32 index, u64 data, bool host);
void msr_reset(struct vcpu *vcpu);
u64 msr_feature_value(const struct msr_row *row, u32 index);
u64 msr_reset_value(const struct msr_row *row, u32 index);
bool msr_row_exists(const struct msr_row *row);
bool msr_guest_has(const struct vcpu *vcpu, const struct msr_row *row);

/* msr_plain.c */
void msr_plain_init(const struct msr_row *row, unsigned int n);

/* msr_bitmap.c */
int msr_bitmap_create(struct vcpu *vcpu);
void msr_bitmap_update(struct vcpu *vcpu);

/* msr_switch.c */
#define MSR_HW_MAX	8
int msr_switch_init(const struct msr_row *row);
void msr_switch_tsx_init(void);
void msr_load_guest(struct vcpu *vcpu);
void msr_save_guest(struct vcpu *vcpu);
void msr_load_host(struct vcpu *vcpu);
bool msr_hw_accepts(const struct msr_row *row, u64 value);

/* msr_ioctl.c */
int msr_ioctl_lists(unsigned int cmd, struct kvm_msr_list __user *user);
int msr_ioctl_get_features(struct kvm_msrs __user *user);
int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *user);
int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *user);

/* tsc.c */
extern const struct msr_ops msr_tsc_ops;
extern const struct msr_ops msr_tsc_adjust_ops;

/* lapic_timer.c, lapic_access.c */
extern const struct msr_ops msr_tsc_deadline_ops;
extern const struct msr_ops msr_x2apic_ops;

/* mce.c */
extern const struct msr_ops msr_mcg_ctl_ops;
extern const struct msr_ops msr_mcg_ext_ctl_ops;
extern const struct msr_ops msr_mc_ctl2_ops;
extern const struct msr_ops msr_mc_bank_ops;
u64 mce_cap_supported(void);
int mce_set_cap(struct vcpu *vcpu, u64 mcg_cap);
int mce_set_error(struct vcpu *vcpu, const struct kvm_x86_mce *mce);

/* msr_ops.c */
extern const struct msr_ops msr_apic_base_ops;
extern const struct msr_ops msr_feature_control_ops;
extern const struct msr_ops msr_sgx_hash_ops;
extern const struct msr_ops msr_platform_info_ops;
extern const struct msr_ops msr_misc_features_ops;
extern const struct msr_ops msr_misc_enable_ops;
extern const struct msr_ops msr_arch_capabilities_ops;
extern const struct msr_ops msr_ucode_rev_ops;
extern const struct msr_ops msr_vmx_ops;
extern const struct msr_ops msr_vmx_derived_ops;
extern const struct msr_ops msr_tsx_ctrl_ops;
extern const struct msr_ops msr_efer_ops;
extern const struct msr_ops msr_spec_ctrl_ops;
extern const struct msr_ops msr_pred_cmd_ops;
extern const struct msr_ops msr_flush_cmd_ops;
u64 *msr_slot_of(struct msr_access *a);
enum msr_result msr_get_slot(struct msr_access *a);
void msr_update_spec_ctrl(struct vcpu *vcpu);

/* The CPU's linear addresses have 57 bits, in whatever mode it is, and its MSRs take them. */
DECLARE_STATIC_KEY_FALSE(msr_la57);

/*
 * What MSRs with addresses take, and SWAPGS puts into one, does not depend on CR4.LA57: SDM vol. 1,
 * "Canonical Addressing".
 */
static __always_inline bool msr_canonical(u64 address)
{
	return static_branch_unlikely(&msr_la57) ? __is_canonical_address(address, 57) :
						   __is_canonical_address(address, 48);
}

/**
 * msr_pat_valid() - is each of the eight bytes a memory type?
 * @pat: value meant for IA32_PAT
 *
 * SDM vol. 3, table "Memory Types That Can Be Encoded With PAT": 0, 1, 4, 5, 6
 * and 7; 2 and 3 are reserved, and so are bits 7:3.
 */
static __always_inline bool msr_pat_valid(u64 pat)
{
	/* 2 and 3 have bit 1 without bit 2. */
	return !(pat & 0xf8f8f8f8f8f8f8f8) &&
	       !((pat & 0x0202020202020202) & ~(pat >> 1 & 0x0202020202020202));
}

/* msr_mtrr.c */
bool msr_mtrr_valid(const struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 data);

/* msr_exit.c */
int handle_rdmsr(struct vcpu *vcpu);
int handle_wrmsr(struct vcpu *vcpu);

#endif
