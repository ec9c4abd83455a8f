/* SPDX-License-Identifier: GPL-2.0 */
/* Of KVM's API: what is newer than the user space headers of Debian 12. */
#ifndef MINIHV_SELFTESTS_KVM_NEW_H
#define MINIHV_SELFTESTS_KVM_NEW_H

#include <linux/kvm.h>

/* Since Linux 6.8. */
#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2	231
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define KVM_SET_USER_MEMORY_REGION2	\
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

#endif
