/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ. The only file with LINUX_VERSION_CODE.
 *
 * Kbuild looks into the kernel's Module.symvers for what only KVM's modules may use:
 *
 *	MINIHV_KERNEL_KEEPS_CR4		cr4_read_shadow(), cr4_update_irqsoff()
 *	MINIHV_KERNEL_KEEPS_IBPB	write_ibpb()
 *	MINIHV_KERNEL_KEEPS_BHB		clear_bhb_loop()
 *	MINIHV_KERNEL_KEEPS_SPLIT_LOCK	handle_guest_split_lock()
 *	MINIHV_KERNEL_KEEPS_EMERGENCY	cpu_emergency_register_virt_callback()
 *
 * What is done instead is below, and for the branch history in vmenter.S. It also looks for
 * headers that have moved: MINIHV_HAS_*.
 */
#ifndef MINIHV_COMPAT_H
#define MINIHV_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kvm_host.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/intel_pt.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#ifdef MINIHV_HAS_ENTRY_VIRT
#include <linux/entry-virt.h>
#else
#include <linux/entry-kvm.h>
#endif
#ifdef MINIHV_HAS_CPUID_API
#include <asm/cpuid/api.h>
#else
#include <asm/cpuid.h>
#endif

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

/*
 * The kernel's copy of CR4. In the newest it is for KVM alone; then minihv is in VMX
 * root in windows only (vmx_window.c), and these are never called.
 */
#ifdef MINIHV_KERNEL_KEEPS_CR4
#define COMPAT_VMX_WINDOWS_ONLY	1

static inline unsigned long compat_cr4_shadow(void)
{
	return native_read_cr4();
}

static inline void compat_cr4_set_vmxe(void)
{
}

static inline void compat_cr4_clear_vmxe(void)
{
}
#else
#define COMPAT_VMX_WINDOWS_ONLY	0

static inline unsigned long compat_cr4_shadow(void)
{
	return cr4_read_shadow();
}

/* Intel PT, which not every CPU has in VMX root, is told. */
static inline void compat_cr4_set_vmxe(void)
{
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
}

static inline void compat_cr4_clear_vmxe(void)
{
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}
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
 * Returns -EINTR for a signal. Before 6.18 the kernel's function wants a struct
 * kvm_vcpu in which to note that signal; minihv has none to offer but this one,
 * which nobody reads.
 */
#ifdef MINIHV_HAS_ENTRY_VIRT
static inline int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work();
}
#else
#define COMPAT_KVM_VCPU
extern struct kvm_vcpu compat_kvm_vcpu;

static inline int compat_handle_work(void)
{
	return xfer_to_guest_mode_handle_work(&compat_kvm_vcpu);
}
#endif

/* The names that MSR accesses of 64 bits have since 6.16. */
#ifndef rdmsrq
#define rdmsrq_safe(msr, value)		rdmsrl_safe(msr, value)
#define wrmsrq_safe(msr, value)		wrmsrl_safe(msr, value)
#define native_wrmsrq(msr, value)	native_wrmsrl(msr, value)
#endif

/* Where the kernel's function is for KVM alone: what it does on Intel CPUs. */
static inline void compat_ibpb(void)
{
#ifdef MINIHV_KERNEL_KEEPS_IBPB
	if (boot_cpu_has(X86_FEATURE_IBPB))
		native_wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
#else
	indirect_branch_prediction_barrier();
#endif
}

/*
 * A guest has trained the branch predictor, and the client's user code is next
 * (VMSCAPE). Newer kernels barrier on the way to user space when they are told; one that
 * knows of the bug and is to be told in another way gets its barrier at once.
 */
static inline void compat_guest_has_run(void)
{
#if defined(X86_FEATURE_IBPB_EXIT_TO_USER)
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#elif defined(X86_BUG_VMSCAPE)
	if (boot_cpu_has_bug(X86_BUG_VMSCAPE))
		compat_ibpb();
#endif
}

/*
 * Where clearing the branch history is for KVM alone, vmenter.S has an IBPB instead
 * after each exit: dearer, and stronger. Is it needed, and the CPU has none?
 */
static inline bool compat_bhb_cannot_be_cleared(void)
{
#ifdef MINIHV_KERNEL_KEEPS_BHB
	return boot_cpu_has(X86_FEATURE_CLEAR_BHB_VMEXIT) && !boot_cpu_has(X86_FEATURE_IBPB);
#else
	return false;
#endif
}

/* A page that waits for a NUMA hint fault is not to be had without: since 6.6 only if asked for. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define COMPAT_GUP_FLAGS	FOLL_HONOR_NUMA_FAULT
#else
#define COMPAT_GUP_FLAGS	0
#endif

/*
 * The guest has locked across cache lines, on a kernel that looks for that. Has the kernel done
 * what it does with processes, so that the guest can go on?
 */
static inline bool compat_split_lock_handled(unsigned long rip)
{
#if defined(CONFIG_CPU_SUP_INTEL) && !defined(MINIHV_KERNEL_KEEPS_SPLIT_LOCK)
	return handle_guest_split_lock(rip);
#else
	return false;
#endif
}

/* A field that the client may change at any time is called so in later kernels. */
#ifdef HINT_UNSAFE_IN_KVM
#define COMPAT_IMMEDIATE_EXIT	immediate_exit__unsafe
#else
#define COMPAT_IMMEDIATE_EXIT	immediate_exit
#endif

/* In one step since 6.13, and in no other way since 6.15. */
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*function)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* Since 6.19, and in 6.12.118, what suspends has an argument, which minihv does not need. */
#ifdef MINIHV_HAS_SYSCORE
#define COMPAT_SYSCORE_ARG	void *unused
#define COMPAT_SYSCORE(name, on_suspend, on_resume)			\
	struct syscore name = {						\
		.ops = &(const struct syscore_ops) {			\
			.suspend = on_suspend,				\
			.resume = on_resume,				\
		},							\
	}
#define compat_register_syscore		register_syscore
#define compat_unregister_syscore	unregister_syscore
#else
#define COMPAT_SYSCORE_ARG	void
#define COMPAT_SYSCORE(name, on_suspend, on_resume)			\
	struct syscore_ops name = { .suspend = on_suspend, .resume = on_resume }
#define compat_register_syscore		register_syscore_ops
#define compat_unregister_syscore	unregister_syscore_ops
#endif

/*
 * What the kernel calls on each CPU when it dies: since 6.6, and in stable kernels of
 * 6.1. Before, and since 7.2, it executes VMXOFF itself wherever CR4.VMXE is set. Weak: where
 * the kernel lacks them they are NULL, and the module loads all the same. Not so where they
 * are for KVM alone: there they are not asked for.
 */
#ifdef MINIHV_KERNEL_KEEPS_EMERGENCY
static inline void compat_register_emergency(void (*callback)(void))
{
}

static inline void compat_unregister_emergency(void (*callback)(void))
{
}
#else
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

#endif
