/* SPDX-License-Identifier: GPL-2.0-only */
/* Capabilities. */
#ifndef MINIHV_CAPS_H
#define MINIHV_CAPS_H

#include <linux/kvm.h>

struct vm;

/* Where KVM does what a CPU does not, minihv does so in these cases. */
#define VM_QUIRKS	(KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)

long vm_check_extension(unsigned long cap);
int vm_enable_cap(struct vm *vm, const struct kvm_enable_cap *cap);
int vcpu_enable_cap(const struct kvm_enable_cap *cap);

#endif
