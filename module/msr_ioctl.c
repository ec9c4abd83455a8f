// SPDX-License-Identifier: GPL-2.0-only
/* KVM's four MSR ioctls: the two index lists, KVM_GET_MSRS and KVM_SET_MSRS. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "msr.h"
#include "msr_plain.h"
#include "vcpu.h"

/* As KVM's: a call with this many entries or more is -E2BIG. */
#define MAX_ENTRIES	256

static bool listed(const struct msr_row *row, u32 flag)
{
	return row->flags & flag && msr_row_exists(row);
}

static int list_part(u32 flag, u32 __user *indices, u32 *n)
{
	const struct msr_row *row;
	unsigned int r;
	u32 i;

	for (r = 0; r < msr_table_rows; r++) {
		row = &msr_table[r];
		if (!listed(row, flag))
			continue;
		for (i = 0; i < msr_row_count(row); i++, (*n)++)
			if (indices && put_user(row->first + i, &indices[*n]))
				return -EFAULT;
	}
	return 0;
}

static int list_all(unsigned int cmd, u32 __user *indices, u32 *n)
{
	int ret;

	*n = 0;
	if (cmd == KVM_GET_MSR_FEATURE_INDEX_LIST)
		return list_part(MSR_FEATURE, indices, n);
	ret = list_part(MSR_SAVE, indices, n);
	if (!ret)
		ret = list_part(MSR_EMULATED, indices, n);
	return ret;
}

/**
 * msr_ioctl_lists() - KVM_GET_MSR_INDEX_LIST and KVM_GET_MSR_FEATURE_INDEX_LIST
 * @cmd: which of the two
 * @user: nmsrs says how many indices fit, and gets how many there are
 *
 * Return: 0; -E2BIG if they do not fit (nmsrs is set all the same); -EFAULT.
 */
int msr_ioctl_lists(unsigned int cmd, struct kvm_msr_list __user *user)
{
	u32 room, n;

	if (get_user(room, &user->nmsrs))
		return -EFAULT;
	list_all(cmd, NULL, &n);
	if (put_user(n, &user->nmsrs))
		return -EFAULT;
	if (room < n)
		return -E2BIG;
	return list_all(cmd, user->indices, &n);
}

/**
 * msr_ioctl_get_features() - KVM_GET_MSRS on the device: feature MSRs
 * @user: the client's structure
 *
 * Return: as msr_ioctl_get().
 */
int msr_ioctl_get_features(struct kvm_msrs __user *user)
{
	struct kvm_msr_entry *entries;
	const struct msr_row *row;
	size_t size;
	u32 nmsrs;
	int n;

	if (get_user(nmsrs, &user->nmsrs))
		return -EFAULT;
	if (nmsrs >= MAX_ENTRIES)
		return -E2BIG;
	size = array_size(nmsrs, sizeof(*entries));
	entries = memdup_user(user->entries, size);
	if (IS_ERR(entries))
		return PTR_ERR(entries);

	for (n = 0; n < nmsrs; n++) {
		row = msr_lookup(entries[n].index);
		entries[n].data = 0;
		if (!row || !(row->flags & MSR_FEATURE))
			break;
		entries[n].data = msr_feature_value(row, entries[n].index);
	}
	if (copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

/*
 * The client's entries, copied: nothing of a call is done before all of it could be
 * read. The room for it stays with the vCPU. Returns how many there are.
 */
static __always_inline int copy_entries(struct vcpu *vcpu, struct kvm_msrs __user *user,
					bool with_data)
{
	struct kvm_msr_entry *entries;
	u32 nmsrs, n;

	if (get_user(nmsrs, &user->nmsrs))
		return -EFAULT;
	if (nmsrs >= MAX_ENTRIES)
		return -E2BIG;
	if (!vcpu->msr_entries)
		vcpu->msr_entries = kmalloc_array(MAX_ENTRIES, sizeof(*entries),
						  GFP_KERNEL_ACCOUNT);
	entries = vcpu->msr_entries;
	if (!entries)
		return -ENOMEM;

	if (!user_read_access_begin(user->entries, nmsrs * sizeof(*entries)))
		return -EFAULT;
	for (n = 0; n < nmsrs; n++) {
		unsafe_get_user(entries[n].index, &user->entries[n].index, fault);
		if (with_data)
			unsafe_get_user(entries[n].data, &user->entries[n].data, fault);
	}
	user_read_access_end();
	return nmsrs;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int give_data(const struct kvm_msr_entry *entries, u32 count, struct kvm_msrs __user *user)
{
	u32 n;

	if (!user_write_access_begin(user->entries, count * sizeof(*entries)))
		return -EFAULT;
	for (n = 0; n < count; n++)
		unsafe_put_user(entries[n].data, &user->entries[n].data, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * The VMCS, current for as many plain entries in a row as there are. Others may
 * sleep, or get it for themselves.
 */
static bool hold_vmcs(struct vcpu *vcpu, bool *held)
{
	if (!*held)
		*held = !vcpu_vmcs_get(vcpu);
	return *held;
}

static void release_vmcs(struct vcpu *vcpu, bool *held)
{
	if (*held)
		vcpu_vmcs_put(vcpu);
	*held = false;
}

/* Returns false if it is not plain; then nothing has happened. */
static __always_inline bool get_plain(struct vcpu *vcpu, const struct msr_plain *row, u64 *data,
				      bool *held)
{
	if (row->read == MSR_PLAIN_SLOT)
		*data = vcpu->msrs[row->slot];
	else if (row->read == MSR_PLAIN_CONST)
		*data = row->value;
	else if (row->read == MSR_PLAIN_VMCS && hold_vmcs(vcpu, held))
		*data = vmread_any(row->field);
	else
		return false;
	return true;
}

/* Likewise. */
static __always_inline bool set_plain(struct vcpu *vcpu, const struct msr_plain *row, u64 data,
				      bool *held)
{
	if (row->write == MSR_NOT_PLAIN || !msr_plain_allowed(row, data))
		return false;
	if (row->write == MSR_PLAIN_SLOT) {
		if ((data ^ vcpu->msrs[row->slot]) & row->ask_mask)
			return false;
		vcpu->msrs[row->slot] = data;
		return true;
	}
	if (!hold_vmcs(vcpu, held))
		return false;
	vmwrite_any(row->field, data);
	return true;
}

static enum msr_result get_entry(struct vcpu *vcpu, struct kvm_msr_entry *entry, bool *held)
{
	struct msr_value value;

	if (get_plain(vcpu, msr_plain_client_row(entry->index), &entry->data, held))
		return MSR_OK;
	release_vmcs(vcpu, held);
	value = msr_get(vcpu, entry->index, true);
	entry->data = value.data;
	return value.result;
}

static enum msr_result set_entry(struct vcpu *vcpu, const struct kvm_msr_entry *entry, bool *held)
{
	if (set_plain(vcpu, msr_plain_client_row(entry->index), entry->data, held))
		return MSR_OK;
	release_vmcs(vcpu, held);
	return msr_set(vcpu, entry->index, entry->data, true);
}

/* Why the VMCS is not to be had; by now it may be. */
static int refusal(struct vcpu *vcpu)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	vcpu_vmcs_put(vcpu);
	return -EBUSY;
}

/**
 * msr_ioctl_get() - KVM_GET_MSRS on a vCPU
 * @vcpu: whose MSRs
 * @user: nmsrs entries; each one's data is filled in, 0 for the one that failed
 *
 * Return: how many entries were read before the first that could not be;
 * -E2BIG for 256 entries or more, -EFAULT, -ENOMEM; -EBUSY or -ESHUTDOWN if VMX is
 * not to be had, which those in the VMCS need.
 */
int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *user)
{
	int nmsrs = copy_entries(vcpu, user, false), n;
	struct kvm_msr_entry *entry, *end;
	enum msr_result result = MSR_OK;
	bool held = false;

	if (nmsrs < 0)
		return nmsrs;
	end = vcpu->msr_entries + nmsrs;
	for (entry = vcpu->msr_entries; entry < end; entry++) {
		result = get_entry(vcpu, entry, &held);
		if (result != MSR_OK)
			break;
	}
	release_vmcs(vcpu, &held);
	if (result == MSR_AGAIN)
		return refusal(vcpu);
	n = entry - vcpu->msr_entries;
	return give_data(vcpu->msr_entries, min(n + 1, nmsrs), user) ?: n;
}

/**
 * msr_ioctl_set() - KVM_SET_MSRS on a vCPU
 * @vcpu: whose MSRs
 * @user: nmsrs entries
 *
 * Return: how many entries were written before the first that was refused;
 * -E2BIG for 256 entries or more, -EFAULT, -ENOMEM; -EBUSY or -ESHUTDOWN, the entries
 * before it having been written, if one is in the VMCS and VMX is not to be had.
 */
int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *user)
{
	int nmsrs = copy_entries(vcpu, user, true);
	const struct kvm_msr_entry *entry, *end;
	enum msr_result result = MSR_OK;
	bool held = false;

	if (nmsrs < 0)
		return nmsrs;
	end = vcpu->msr_entries + nmsrs;
	for (entry = vcpu->msr_entries; entry < end; entry++) {
		result = set_entry(vcpu, entry, &held);
		if (result != MSR_OK)
			break;
	}
	release_vmcs(vcpu, &held);
	if (result == MSR_AGAIN)
		return refusal(vcpu);
	return entry - vcpu->msr_entries;
}
