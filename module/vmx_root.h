/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX root operation on each CPU, and which VMCSs are active there. */
#ifndef MINIHV_VMX_ROOT_H
#define MINIHV_VMX_ROOT_H

#include <linux/types.h>

struct vcpu_vmcs;

int vmx_root_init(void);
void vmx_root_exit(void);

enum vmcs_was {
	VMCS_WAS_HERE,
	VMCS_WAS_ELSEWHERE,
};

unsigned long vmx_root_host_cr4(void);
bool vmx_root_is_on(void);
bool vmx_root_is_current(struct vcpu_vmcs *vmcs);
int vmx_root_load_vmcs(struct vcpu_vmcs *vmcs);
void vmx_root_put_vmcs(struct vcpu_vmcs *vmcs);
void vmx_root_clear_vmcs(struct vcpu_vmcs *vmcs);
struct vmcs_region *vmx_root_alloc_region(int node);

void vmx_root_emergency(void);

/* emergency.c */
void emergency_init(void);
void emergency_exit(void);

void vmx_root_invept(u64 eptp);
void vmx_root_invvpid(u16 vpid);

#endif
