// SPDX-License-Identifier: GPL-2.0-only
/* Capabilities: which there are, and those that a client enables. */
#include <linux/cpumask.h>
#include <asm/vmx.h>

#include "caps.h"
#include "clock.h"
#include "compat.h"
#include "cpuid.h"
#include "fpu.h"
#include "irq_route.h"
#include "vcpu.h"
#include "vm.h"

/*
 * Of HLT, PAUSE, MWAIT and C-states. PAUSE never exits; MWAIT is left to a guest
 * where an interrupt ends it and the timers go on.
 */
static u32 exits_that_can_go(void)
{
	u32 exits = KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE;

	if (boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	    !boot_cpu_has_bug(X86_BUG_MONITOR))
		exits |= KVM_X86_DISABLE_EXITS_MWAIT;
	return exits;
}

/**
 * vm_check_extension() - KVM_CHECK_EXTENSION, on the device and on a VM
 * @cap: KVM_CAP_*
 *
 * Return: what the capability is worth; 0 for all that minihv does not have.
 */
long vm_check_extension(unsigned long cap)
{
	switch (cap) {
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_X86_MSR_FILTER:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_TSC_DEADLINE_TIMER:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_SREGS2:
	case KVM_CAP_XSAVE:
	case KVM_CAP_ENABLE_CAP:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
	case KVM_CAP_USER_MEMORY2:
		return 1;
	case KVM_CAP_DISABLE_QUIRKS2:
		return VM_QUIRKS;
	case KVM_CAP_X86_DISABLE_EXITS:
		return exits_that_can_go();
	case KVM_CAP_ADJUST_CLOCK:
		return CLOCK_FLAGS;
	case KVM_CAP_IRQ_ROUTING:
		return IRQ_ROUTES;
	case KVM_CAP_XSAVE2:
		return fpu_image_size();
	case KVM_CAP_XCRS:
		return !!cpuid_host_xcr0();
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_MCE:
		return MSR_MCE_BANKS;
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return tsc_can_scale();
	case KVM_CAP_NR_VCPUS:
		return min_t(unsigned int, num_online_cpus(), VM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return VM_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return VM_MAX_VCPU_ID;
	case KVM_CAP_NR_MEMSLOTS:
		return VM_MAX_SLOTS;
	default:
		return 0;
	}
}

#define MSR_EXIT_REASONS	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
				 KVM_MSR_EXIT_REASON_FILTER)

/* Before there is a vCPU: its controls are made with it. */
static int disable_exits(struct vm *vm, u64 exits)
{
	u32 controls = 0;
	int ret = 0;

	if (exits & ~(u64)exits_that_can_go())
		return -EINVAL;
	if (exits & KVM_X86_DISABLE_EXITS_HLT)
		controls |= CPU_BASED_HLT_EXITING;
	if (exits & KVM_X86_DISABLE_EXITS_MWAIT)
		controls |= CPU_BASED_MONITOR_EXITING | CPU_BASED_MWAIT_EXITING;
	mutex_lock(&vm->vcpus_lock);
	if (vm->vcpu_count)
		ret = -EINVAL;
	else
		vm->no_exit_controls |= controls;
	mutex_unlock(&vm->vcpus_lock);
	return ret;
}

/* Said once; to say the same again does no harm. */
static int limit_vcpu_ids(struct vm *vm, u64 limit)
{
	int ret = 0;

	if (!limit || limit > VM_MAX_VCPU_ID)
		return -EINVAL;
	mutex_lock(&vm->vcpus_lock);
	if (vm->vcpu_count || vm->vcpu_ids_limited)
		ret = limit == vm->vcpu_ids ? 0 : -EINVAL;
	else
		vm->vcpu_ids = limit;
	if (!ret)
		vm->vcpu_ids_limited = true;
	mutex_unlock(&vm->vcpus_lock);
	return ret;
}

/**
 * vm_enable_cap() - KVM_ENABLE_CAP on a VM
 * @vm: the VM
 * @cap: as in the KVM API
 *
 * Return: 0; -EINVAL, and nothing changed, for flags, a capability that cannot be
 * enabled, arguments that it does not have, or when it is too late.
 */
int vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap->args[0] & ~(u64)MSR_EXIT_REASONS)
			return -EINVAL;
		WRITE_ONCE(vm->msr_exit_reasons, cap->args[0]);
		return 0;
	case KVM_CAP_MSR_PLATFORM_INFO:
		WRITE_ONCE(vm->hide_platform_info, !cap->args[0]);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS:
		/* As KVM: not to do what minihv never does is easy. */
		WRITE_ONCE(vm->disabled_quirks, cap->args[0] & VM_QUIRKS);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS2:
		if (cap->args[0] & ~(u64)VM_QUIRKS)
			return -EINVAL;
		WRITE_ONCE(vm->disabled_quirks, cap->args[0]);
		return 0;
	case KVM_CAP_X86_DISABLE_EXITS:
		return disable_exits(vm, cap->args[0]);
	case KVM_CAP_MAX_VCPU_ID:
		return limit_vcpu_ids(vm, cap->args[0]);
	default:
		return -EINVAL;
	}
}

/**
 * vcpu_enable_cap() - KVM_ENABLE_CAP on a vCPU
 * @cap: as in the KVM API
 *
 * KVM_CAP_ENFORCE_PV_FEATURE_CPUID has the guest find no paravirtual feature that its
 * CPUID does not name. minihv has none of them: that is so with it and without.
 *
 * Return: 0, or -EINVAL for flags or another capability.
 */
int vcpu_enable_cap(const struct kvm_enable_cap *cap)
{
	return cap->flags || cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID ? -EINVAL : 0;
}
