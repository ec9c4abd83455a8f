/* SPDX-License-Identifier: GPL-2.0-only */
/* Where kernels differ. The only file with LINUX_VERSION_CODE. */
#ifndef MINIHV_COMPAT_H
#define MINIHV_COMPAT_H

#include <linux/entry-kvm.h>
#include <linux/interrupt.h>
#include <linux/kvm_host.h>
#include <linux/version.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>

/* Came with 6.8; the second half of the structure is for guest_memfd. */
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

#define KVM_SET_USER_MEMORY_REGION2	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

/* Bits of IA32_ARCH_CAPABILITIES that kernels learnt of one after the other. */
#ifndef ARCH_CAP_BHI_NO
#define ARCH_CAP_BHI_NO		BIT(20)
#endif
#ifndef ARCH_CAP_GDS_NO
#define ARCH_CAP_GDS_NO		BIT(26)
#endif
#ifndef ARCH_CAP_RFDS_NO
#define ARCH_CAP_RFDS_NO	BIT(27)
#define ARCH_CAP_RFDS_CLEAR	BIT(28)
#endif
#ifndef ARCH_CAP_ITS_NO
#define ARCH_CAP_ITS_NO		BIT_ULL(62)
#endif

/* FRED came with 6.9; before, no kernel can be using it. */
static inline bool compat_fred_in_use(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/* The handler treats it as if it had hit user space, whatever the guest was doing. */
static inline void compat_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/*
 * A guest has trained the branch predictor, and the client's user code is next
 * (VMSCAPE). Newer kernels barrier on the way to user space when they are told.
 */
static inline void compat_guest_has_run(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/*
 * Does an FPU section have to end for softirqs to run? Since 6.15
 * kernel_fpu_begin() holds them off; before, they run when an interrupt ends.
 */
static inline bool compat_softirqs_wait(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return local_softirq_pending();
#else
	return false;
#endif
}

/*
 * Do what is pending before this thread enters the guest: reschedule, task work.
 * Returns -EINTR for a signal. Up to 6.x the kernel's function wants a struct
 * kvm_vcpu in which to note that signal; minihv has none to offer but this one,
 * which nobody reads.
 */
extern struct kvm_vcpu compat_kvm_vcpu;

static inline int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work(&compat_kvm_vcpu);
}

/*
 * What the kernel calls on each CPU when it dies: since 6.6, and in stable kernels of
 * 6.1. Before, it executed VMXOFF itself wherever CR4.VMXE was set. Weak: where the
 * kernel lacks them they are NULL, and the module loads all the same.
 */
void cpu_emergency_register_virt_callback(void (*callback)(void)) __weak;
void cpu_emergency_unregister_virt_callback(void (*callback)(void)) __weak;

static inline void compat_register_emergency(void (*callback)(void))
{
	if (cpu_emergency_register_virt_callback)
		cpu_emergency_register_virt_callback(callback);
}

static inline void compat_unregister_emergency(void (*callback)(void))
{
	if (cpu_emergency_unregister_virt_callback)
		cpu_emergency_unregister_virt_callback(callback);
}

#endif
