// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine-check registers. What they say is made up by the client; minihv
 * keeps the rules of who may write what.
 *
 * SDM vol. 3, chapter "Machine-Check Architecture".
 */
#include <linux/nospec.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/traps.h>

#include "interrupt.h"
#include "msr.h"
#include "vcpu.h"

/* What a client may switch on in MCG_CAP besides the number of banks. */
#define MCG_CAP_OFFERED	(MCG_CTL_P | MCG_SER_P | MCG_LMCE_P)

/* IA32_MCG_CTL exists where MCG_CAP says so; a client may clear it anyway. */

static bool has_mcg_ctl(struct vcpu *vcpu)
{
	return vcpu->msrs[MSR_SLOT_MCG_CAP] & MCG_CTL_P;
}

static enum msr_result get_mcg_ctl(struct msr_access *a)
{
	if (!a->host && !has_mcg_ctl(a->vcpu))
		return MSR_ABSENT;
	return msr_get_slot(a);
}

static enum msr_result set_mcg_ctl(struct msr_access *a)
{
	if (!has_mcg_ctl(a->vcpu) && (a->data || !a->host))
		return MSR_ABSENT;
	if (a->data != 0 && a->data != ~0ull)
		return MSR_INVALID;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_mcg_ctl_ops = { .get = get_mcg_ctl, .set = set_mcg_ctl };

/* Local machine checks exist where firmware has enabled them in FEATURE_CONTROL. */
static bool has_mcg_ext_ctl(struct msr_access *a)
{
	return a->host || a->vcpu->msrs[MSR_SLOT_FEATURE_CONTROL] & FEAT_CTL_LMCE_ENABLED;
}

static enum msr_result get_mcg_ext_ctl(struct msr_access *a)
{
	return has_mcg_ext_ctl(a) ? msr_get_slot(a) : MSR_ABSENT;
}

static enum msr_result set_mcg_ext_ctl(struct msr_access *a)
{
	if (!has_mcg_ext_ctl(a))
		return MSR_ABSENT;
	*msr_slot_of(a) = a->data;
	return MSR_OK;
}

const struct msr_ops msr_mcg_ext_ctl_ops = { .get = get_mcg_ext_ctl, .set = set_mcg_ext_ctl };

static u64 *mc_bank_slot(struct msr_access *a)
{
	u32 i = a->index - a->row->first;

	if (i >= 4 * (a->vcpu->msrs[MSR_SLOT_MCG_CAP] & MCG_BANKCNT_MASK))
		return NULL;
	return &a->vcpu->msrs[a->row->slot + array_index_nospec(i, 4 * MSR_MCE_BANKS)];
}

static enum msr_result get_mc_bank(struct msr_access *a)
{
	u64 *value = mc_bank_slot(a);

	if (!value)
		return MSR_ABSENT;
	a->data = *value;
	return MSR_OK;
}

enum { MC_CTL, MC_STATUS, MC_ADDR, MC_MISC };

static enum msr_result set_mc_bank(struct msr_access *a)
{
	u64 *value = mc_bank_slot(a);
	/* Kernels of the past clear bit 0 or bit 10; KVM lets them. */
	u64 ctl_any = BIT(0) | BIT(10);

	if (!value)
		return MSR_ABSENT;
	switch (a->index & 3) {
	case MC_CTL:
		if (a->data && (a->data | ctl_any) != ~0ull)
			return MSR_INVALID;
		break;
	case MC_STATUS:
		/* A guest clears a status; what it says, only the client can make up. */
		if (a->data && !a->host)
			return MSR_INVALID;
		break;
	}
	*value = a->data;
	return MSR_OK;
}

const struct msr_ops msr_mc_bank_ops = { .get = get_mc_bank, .set = set_mc_bank };

/* IA32_MCi_CTL2: corrected-error interrupts, where MCG_CAP has them. */
#define MC_CTL2_DEFINED	(BIT_ULL(30) | GENMASK_ULL(14, 0))

static bool has_cmci(struct msr_access *a)
{
	return a->vcpu->msrs[MSR_SLOT_MCG_CAP] & MCG_CMCI_P;
}

static u64 *mc_ctl2_slot(struct msr_access *a)
{
	u32 i = a->index - a->row->first;

	if (i >= (a->vcpu->msrs[MSR_SLOT_MCG_CAP] & MCG_BANKCNT_MASK))
		return NULL;
	return &a->vcpu->msrs[a->row->slot + array_index_nospec(i, MSR_MCE_BANKS)];
}

static enum msr_result get_mc_ctl2(struct msr_access *a)
{
	u64 *value = mc_ctl2_slot(a);

	if (!value || (!a->host && !has_cmci(a)))
		return MSR_ABSENT;
	a->data = *value;
	return MSR_OK;
}

static enum msr_result set_mc_ctl2(struct msr_access *a)
{
	u64 *value = mc_ctl2_slot(a);

	if (!value || (!has_cmci(a) && (a->data || !a->host)))
		return MSR_ABSENT;
	if (a->data & ~MC_CTL2_DEFINED)
		return MSR_RESERVED;
	*value = a->data;
	return MSR_OK;
}

const struct msr_ops msr_mc_ctl2_ops = { .get = get_mc_ctl2, .set = set_mc_ctl2 };

/** mce_cap_supported() - KVM_X86_GET_MCE_CAP_SUPPORTED: the bits of MCG_CAP to choose from */
u64 mce_cap_supported(void)
{
	return MCG_CAP_OFFERED;
}

/**
 * mce_set_cap() - KVM_X86_SETUP_MCE
 * @vcpu: the vCPU
 * @mcg_cap: its IA32_MCG_CAP: number of banks, and capabilities
 *
 * Return: 0, or -EINVAL for no banks, too many, or a capability that is not offered.
 */
int mce_set_cap(struct vcpu *vcpu, u64 mcg_cap)
{
	unsigned int banks = mcg_cap & MCG_BANKCNT_MASK, i;

	if (!banks || banks > MSR_MCE_BANKS)
		return -EINVAL;
	if (mcg_cap & ~(MCG_CAP_OFFERED | MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK))
		return -EINVAL;
	vcpu->msrs[MSR_SLOT_MCG_CAP] = mcg_cap;
	/* All error reporting on, as firmware leaves it. */
	if (mcg_cap & MCG_CTL_P)
		vcpu->msrs[MSR_SLOT_MCG_CTL] = ~0ull;
	for (i = 0; i < banks; i++)
		vcpu->msrs[MSR_SLOT_MC_BANKS + 4 * i] = ~0ull;
	return 0;
}

static void record(u64 *bank, const struct kvm_x86_mce *mce)
{
	bank[MC_STATUS] = mce->status | (bank[MC_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0);
	bank[MC_ADDR] = mce->addr;
	bank[MC_MISC] = mce->misc;
}

/* Not corrected, but software need do nothing. SDM vol. 3, "UCR Error Classification". */
static bool needs_no_action(const struct kvm_x86_mce *mce)
{
	return !mce->mcg_status &&
	       !(mce->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

/**
 * mce_set_error() - KVM_X86_SET_MCE: the client has an error for a bank
 * @vcpu: the vCPU, not loaded
 * @mce: as in the KVM API
 *
 * SDM vol. 3, "Machine-Check Error Codes" and "Overwrite Rules": one that was corrected
 * does not replace one that was not. One that was not replaces any, as with KVM: the client
 * says what happens. If it is reported the guest gets #MC; one that does not take it, or is
 * at another still, shuts down.
 *
 * Return: 0, also if the guest has switched off what reports it; -EINVAL for a bank that is
 * not there, or a status that is not valid.
 */
int mce_set_error(struct vcpu *vcpu, const struct kvm_x86_mce *mce)
{
	u64 *msrs = vcpu->msrs, *bank;

	if (mce->bank >= (msrs[MSR_SLOT_MCG_CAP] & MCG_BANKCNT_MASK) ||
	    !(mce->status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &msrs[MSR_SLOT_MC_BANKS + 4 * array_index_nospec(mce->bank, MSR_MCE_BANKS)];

	if (!(mce->status & MCI_STATUS_UC)) {
		if ((bank[MC_STATUS] & MCI_STATUS_VAL) && (bank[MC_STATUS] & MCI_STATUS_UC))
			bank[MC_STATUS] |= MCI_STATUS_OVER;
		else
			record(bank, mce);
		return 0;
	}
	if (needs_no_action(mce)) {
		record(bank, mce);
		return 0;
	}
	if (bank[MC_CTL] != ~0ull || (has_mcg_ctl(vcpu) && msrs[MSR_SLOT_MCG_CTL] != ~0ull))
		return 0;
	if (msrs[MSR_SLOT_MCG_STATUS] & MCG_STATUS_MCIP || !(vcpu->cr4 & X86_CR4_MCE)) {
		set_bit(REQUEST_SHUTDOWN, &vcpu->requests);
		return 0;
	}
	record(bank, mce);
	msrs[MSR_SLOT_MCG_STATUS] = mce->mcg_status;
	vcpu_inject_exception(vcpu, MC_VECTOR, false, 0);
	/* No instruction's: it stays if the client sets registers. */
	vcpu->event.raised = false;
	return 0;
}
