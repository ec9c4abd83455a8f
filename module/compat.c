// SPDX-License-Identifier: GPL-2.0-only
/* What compat.h needs storage for. */
#include "compat.h"

#ifdef COMPAT_KVM_VCPU
static struct kvm_run compat_kvm_run;
struct kvm_vcpu compat_kvm_vcpu = { .run = &compat_kvm_run };
#endif
