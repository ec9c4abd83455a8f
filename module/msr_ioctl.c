// SPDX-License-Identifier: GPL-2.0-only
/* KVM's four MSR ioctls: the two index lists, KVM_GET_MSRS and KVM_SET_MSRS. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "msr.h"
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

/* One entry; true when it was taken. */
typedef bool (*entry_fn)(struct vcpu *vcpu, struct kvm_msr_entry *entry);

static bool get_feature(struct vcpu *unused, struct kvm_msr_entry *entry)
{
	const struct msr_row *row = msr_lookup(entry->index);

	entry->data = 0;
	if (!row || !(row->flags & MSR_FEATURE))
		return false;
	entry->data = msr_feature_value(row, entry->index);
	return true;
}

static bool get_entry(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	struct msr_value value = msr_get(vcpu, entry->index, true);

	entry->data = value.data;
	return value.result == MSR_OK;
}

static bool set_entry(struct vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return msr_set(vcpu, entry->index, entry->data, true) == MSR_OK;
}

/* Returns how many entries were taken; the first that is not ends it. */
static int for_entries(struct vcpu *vcpu, struct kvm_msrs __user *user, entry_fn fn,
		       bool write_back)
{
	struct kvm_msr_entry *entries;
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

	for (n = 0; n < nmsrs; n++)
		if (!fn(vcpu, &entries[n]))
			break;

	if (write_back && copy_to_user(user->entries, entries, size))
		n = -EFAULT;
	kfree(entries);
	return n;
}

/**
 * msr_ioctl_get_features() - KVM_GET_MSRS on the device: feature MSRs
 * @user: the client's structure
 *
 * Return: as msr_ioctl_get().
 */
int msr_ioctl_get_features(struct kvm_msrs __user *user)
{
	return for_entries(NULL, user, get_feature, true);
}

/**
 * msr_ioctl_get() - KVM_GET_MSRS on a vCPU
 * @vcpu: whose MSRs
 * @user: nmsrs entries; each one's data is filled in, 0 for the one that failed
 *
 * Return: how many entries were read before the first that could not be;
 * -E2BIG for 256 entries or more, -EFAULT, -ENOMEM.
 */
int msr_ioctl_get(struct vcpu *vcpu, struct kvm_msrs __user *user)
{
	return for_entries(vcpu, user, get_entry, true);
}

/**
 * msr_ioctl_set() - KVM_SET_MSRS on a vCPU
 * @vcpu: whose MSRs
 * @user: nmsrs entries
 *
 * Return: how many entries were written before the first that was refused;
 * -E2BIG for 256 entries or more, -EFAULT, -ENOMEM.
 */
int msr_ioctl_set(struct vcpu *vcpu, struct kvm_msrs __user *user)
{
	return for_entries(vcpu, user, set_entry, false);
}
