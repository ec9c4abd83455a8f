// SPDX-License-Identifier: GPL-2.0-only
/* The MSRs whose access is more than storage. */
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <asm/apicdef.h>
#include <asm/mce.h>
#include <asm/msr.h>

#include "compat.h"
#include "lapic.h"
#include "msr.h"
#include "vcpu.h"
#include "vmx_caps.h"

/** msr_slot_of() - where the vCPU keeps the value of a row of one MSR */
u64 *msr_slot_of(struct msr_access *a)
{
	return &a->vcpu->msrs[a->row->slot];
}

/** msr_get_slot() - for rows whose writes are more than storage, but not their reads */
enum msr_result msr_get_slot(struct msr_access *a)
{
	a->data = *msr_slot_of(a);
	return MSR_OK;
}

/* IA32_APIC_BASE. Without x2APIC in CPUID its enable bit is reserved. */

static enum msr_result set_apic_base(struct msr_access *a)
{
	const struct vcpu_cpuid *cpuid = &a->vcpu->cpuid;
	u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;
	u64 old = *msr_slot_of(a);

	if (a->data >> cpuid->maxphyaddr)
		return MSR_RESERVED;
	if (a->data & X2APIC_ENABLE &&
	    (!cpuid_has(cpuid, FEATURE_X2APIC) || !(a->data & MSR_IA32_APICBASE_ENABLE)))
		return MSR_INVALID;
	/* x2APIC is left by way of "disabled", and entered by way of xAPIC. */
	if (!a->host && (old & mode) == mode && (a->data & mode) == MSR_IA32_APICBASE_ENABLE)
		return MSR_INVALID;
	if (!a->host && !(old & mode) && (a->data & mode) == mode)
		return MSR_INVALID;
	*msr_slot_of(a) = a->data;
	lapic_base_changed(a->vcpu, old);
	return MSR_OK;
}

static u64 reset_apic_base(struct vcpu *vcpu)
{
	return APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE |
	       (vcpu_is_bsp(vcpu) ? MSR_IA32_APICBASE_BSP : 0);
}

const struct msr_ops msr_apic_base_ops = {
	.get = msr_get_slot,
	.set = set_apic_base,
	.reset = reset_apic_base,
};

/* IA32_FEATURE_CONTROL: what CPUID offers can be enabled, until it is locked. */

static enum msr_result set_feature_control(struct msr_access *a)
{
	u64 valid = FEAT_CTL_LOCKED;

	if (cpuid_has(&a->vcpu->cpuid, FEATURE_VMX))
		valid |= FEAT_CTL_VMX_ENABLED_INSIDE_SMX | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	if (a->vcpu->msrs[MSR_SLOT_MCG_CAP] & MCG_LMCE_P)
		valid |= FEAT_CTL_LMCE_ENABLED;
	if (cpuid_has(&a->vcpu->cpuid, FEATURE_SGX))
		valid |= FEAT_CTL_SGX_ENABLED;
	if (cpuid_has(&a->vcpu->cpuid, FEATURE_SGX_LC))
		valid |= FEAT_CTL_SGX_LC_ENABLED;
	if (a->data & ~valid)
		return MSR_RESERVED;
	if (!a->host && *msr_slot_of(a) & FEAT_CTL_LOCKED)
		return MSR_READ_ONLY;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_feature_control_ops = { .get = msr_get_slot, .set = set_feature_control };

/* IA32_SGXLEPUBKEYHASH0 to 3: locked with IA32_FEATURE_CONTROL, unless that leaves them open. */

static enum msr_result set_sgx_hash(struct msr_access *a)
{
	u64 control = a->vcpu->msrs[MSR_SLOT_FEATURE_CONTROL];

	if (!a->host && control & FEAT_CTL_LOCKED && !(control & FEAT_CTL_SGX_LC_ENABLED))
		return MSR_READ_ONLY;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_sgx_hash_ops = { .get = msr_get_slot, .set = set_sgx_hash };

/* CPUID faulting: announced in PLATFORM_INFO, switched on in MISC_FEATURES_ENABLES. */

static enum msr_result set_platform_info(struct msr_access *a)
{
	if (!(a->data & MSR_PLATFORM_INFO_CPUID_FAULT) &&
	    a->vcpu->msrs[MSR_SLOT_MISC_FEATURES_ENABLES] & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT)
		return MSR_INVALID;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

static enum msr_result get_platform_info(struct msr_access *a)
{
	if (!a->host && READ_ONCE(a->vcpu->vm->hide_platform_info))
		return MSR_ABSENT;
	return msr_get_slot(a);
}

const struct msr_ops msr_platform_info_ops = { .get = get_platform_info, .set = set_platform_info };

static enum msr_result set_misc_features(struct msr_access *a)
{
	if (a->data & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT &&
	    !(a->vcpu->msrs[MSR_SLOT_PLATFORM_INFO] & MSR_PLATFORM_INFO_CPUID_FAULT))
		return MSR_INVALID;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_misc_features_ops = { .get = msr_get_slot, .set = set_misc_features };

/*
 * IA32_MISC_ENABLE: the bit that switches MONITOR in CPUID is there only together
 * with SSE3, of which MONITOR is a part.
 */
static enum msr_result set_misc_enable(struct msr_access *a)
{
	if ((*msr_slot_of(a) ^ a->data) & MSR_IA32_MISC_ENABLE_MWAIT &&
	    cpuid_monitor_follows_msr(a->vcpu) && !cpuid_has(&a->vcpu->cpuid, FEATURE_SSE3))
		return MSR_INVALID;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_misc_enable_ops = { .get = msr_get_slot, .set = set_misc_enable };

/* IA32_ARCH_CAPABILITIES: of what the host says, that which holds for its guests. */

#define ARCH_CAP_OFFERED							\
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | ARCH_CAP_RRSBA |	\
	 ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO |			\
	 ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO |				\
	 ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO |		\
	 ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_PBRSB_NO |		\
	 ARCH_CAP_BHI_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO |			\
	 ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

static u64 host_arch_capabilities(u32 index)
{
	u64 value = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrq_safe(index, &value);
	return value & ARCH_CAP_OFFERED;
}

const struct msr_ops msr_arch_capabilities_ops = { .host_value = host_arch_capabilities };

/* The host's microcode revision is a feature; a vCPU's own starts as the row says. */
static u64 host_ucode_rev(u32 index)
{
	u64 value = 0;

	rdmsrq_safe(index, &value);
	return value;
}

const struct msr_ops msr_ucode_rev_ops = { .host_value = host_ucode_rev };

static u64 host_vmx_capability(u32 index)
{
	return vmx_cap(index);
}

const struct msr_ops msr_vmx_ops = { .host_value = host_vmx_capability };

/*
 * SDM vol. 3, appendix "VMX Capability Reporting Facility": IA32_VMX_PINBASED_CTLS and so on
 * are IA32_VMX_TRUE_PINBASED_CTLS and so on, which a client may have cut down, with more bits
 * that must be 1. IA32_VMX_CR4_FIXED1 has the bits that the guest's CR4 can have.
 */
static enum msr_result get_vmx_derived(struct msr_access *a)
{
	u32 true_index;

	if (a->index == MSR_IA32_VMX_CR4_FIXED1) {
		a->data = vcpu_cr4_allowed(a->vcpu);
		return MSR_OK;
	}
	true_index = a->index - MSR_IA32_VMX_PINBASED_CTLS + MSR_IA32_VMX_TRUE_PINBASED_CTLS;
	a->data = a->vcpu->msrs[MSR_SLOT_VMX + true_index - MSR_IA32_VMX_BASIC] |
		  lower_32_bits(vmx_cap(a->index));
	return MSR_OK;
}

const struct msr_ops msr_vmx_derived_ops = {
	.get = get_vmx_derived,
	.host_value = host_vmx_capability,
};

/*
 * IA32_TSX_CTRL: for a guest it is there where IA32_ARCH_CAPABILITIES says so, which a client
 * writes as it likes.
 */
static bool has_tsx_ctrl(const struct msr_access *a)
{
	return a->host || a->vcpu->msrs[MSR_SLOT_ARCH_CAPABILITIES] & ARCH_CAP_TSX_CTRL_MSR;
}

static enum msr_result get_tsx_ctrl(struct msr_access *a)
{
	return has_tsx_ctrl(a) ? msr_get_slot(a) : MSR_ABSENT;
}

static enum msr_result set_tsx_ctrl(struct msr_access *a)
{
	if (!has_tsx_ctrl(a))
		return MSR_ABSENT;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_tsx_ctrl_ops = { .get = get_tsx_ctrl, .set = set_tsx_ctrl };

/*
 * IA32_SPEC_CTRL: the register itself holds the guest's value while the guest
 * runs and the host's before the first instruction after; see vmenter.S.
 */

/**
 * msr_update_spec_ctrl() - have the next VM entry load what the guest wants
 * @vcpu: the vCPU; its vmenter.host_spec_ctrl is valid
 */
void msr_update_spec_ctrl(struct vcpu *vcpu)
{
	struct vmenter *vmenter = &vcpu->vmenter;

	vmenter->guest_spec_ctrl = vcpu->msrs[MSR_SLOT_SPEC_CTRL];
	if (vmenter->guest_spec_ctrl != vmenter->host_spec_ctrl)
		vmenter->flags |= BIT(VMENTER_SPEC_CTRL_IN) | BIT(VMENTER_SPEC_CTRL_OUT);
	else
		vmenter->flags &= ~BIT(VMENTER_SPEC_CTRL_IN);
}

/*
 * Which bits it has is not all in CPUID: the CPU says. Where the kernel leaves the MSR alone,
 * for a microcode that is known to be bad, there is nobody to restore it.
 */
static enum msr_result set_spec_ctrl(struct msr_access *a)
{
	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return a->data ? MSR_INVALID : MSR_OK;
	if (!msr_hw_accepts(a->row, a->data))
		return MSR_RESERVED;
	*msr_slot_of(a) = a->data;
	if (a->vcpu->loaded)
		msr_update_spec_ctrl(a->vcpu);
	return MSR_OK;
}

const struct msr_ops msr_spec_ctrl_ops = { .get = msr_get_slot, .set = set_spec_ctrl };

/* IA32_PRED_CMD: a barrier that the guest orders for itself is one for the host, too. */

static enum msr_result set_pred_cmd(struct msr_access *a)
{
	if (!boot_cpu_has(X86_FEATURE_IBPB))
		return MSR_INVALID;
	if (a->data)
		native_wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return MSR_OK;
}

const struct msr_ops msr_pred_cmd_ops = { .set = set_pred_cmd };

/* IA32_FLUSH_CMD: likewise. */

static enum msr_result set_flush_cmd(struct msr_access *a)
{
	if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return MSR_INVALID;
	if (a->data)
		native_wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	return MSR_OK;
}

const struct msr_ops msr_flush_cmd_ops = { .set = set_flush_cmd };

/* IA32_EFER: control registers decide with it; control_regs.c knows the rules. */

static enum msr_result set_efer(struct msr_access *a)
{
	return vcpu_set_efer(a->vcpu, a->data, a->host) ? MSR_INVALID : MSR_OK;
}

const struct msr_ops msr_efer_ops = { .get = msr_get_slot, .set = set_efer };
