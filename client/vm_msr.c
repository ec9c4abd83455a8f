// SPDX-License-Identifier: GPL-2.0
/*
 * The MSR ioctls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

int vm_msr_list(int dev, unsigned long ioctl_nr, struct kvm_msr_list **list)
{
	struct kvm_msr_list *got, none = { .nmsrs = 0 };
	int err;

	/* The kernel tells how many there are by refusing too short a list. */
	if (ioctl(dev, ioctl_nr, &none) < 0 && errno != E2BIG)
		return -errno;
	got = calloc(1, sizeof(*got) + none.nmsrs * sizeof(got->indices[0]));
	if (!got)
		return -ENOMEM;
	got->nmsrs = none.nmsrs;
	if (ioctl(dev, ioctl_nr, got) < 0) {
		err = -errno;
		free(got);
		return err;
	}
	*list = got;
	return 0;
}

static int msrs_ioctl(int fd, unsigned long ioctl_nr, struct kvm_msr_entry *entries, uint32_t n)
{
	size_t size = n * sizeof(*entries);
	struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + size);
	int done;

	if (!msrs)
		return -ENOMEM;
	msrs->nmsrs = n;
	memcpy(msrs->entries, entries, size);
	done = ioctl(fd, ioctl_nr, msrs);
	if (done < 0)
		done = -errno;
	else
		memcpy(entries, msrs->entries, size);
	free(msrs);
	return done;
}

bool vm_msr_listed(const struct kvm_msr_list *list, uint32_t index)
{
	for (uint32_t i = 0; i < list->nmsrs; i++)
		if (list->indices[i] == index)
			return true;
	return false;
}

int vm_get_feature_msrs(int dev, struct kvm_msr_entry *entries, uint32_t n)
{
	return msrs_ioctl(dev, KVM_GET_MSRS, entries, n);
}

int vcpu_get_msrs(struct vcpu *vcpu, struct kvm_msr_entry *entries, uint32_t n)
{
	return msrs_ioctl(vcpu->fd, KVM_GET_MSRS, entries, n);
}

int vcpu_set_msrs(struct vcpu *vcpu, struct kvm_msr_entry *entries, uint32_t n)
{
	return msrs_ioctl(vcpu->fd, KVM_SET_MSRS, entries, n);
}

static int one_msr(int fd, unsigned long ioctl_nr, uint32_t index, uint64_t *value)
{
	struct kvm_msr_entry entry = { .index = index, .data = *value };
	int done = msrs_ioctl(fd, ioctl_nr, &entry, 1);

	if (done < 0)
		return done;
	if (done == 0)
		return -EPERM;
	*value = entry.data;
	return 0;
}

int vm_get_feature_msr(int dev, uint32_t index, uint64_t *value)
{
	*value = 0;
	return one_msr(dev, KVM_GET_MSRS, index, value);
}

int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = 0;
	return one_msr(vcpu->fd, KVM_GET_MSRS, index, value);
}

int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return one_msr(vcpu->fd, KVM_SET_MSRS, index, &value);
}
