/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX capabilities of the host CPUs and the control words made from them. */
#ifndef MINIHV_VMX_CAPS_H
#define MINIHV_VMX_CAPS_H

#include <linux/types.h>

/* Appendix A, "VMX Capability Reporting Facility": MSRs 0x480 to 0x491. */
#define VMX_CAP_FIRST	0x480
#define VMX_CAP_COUNT	18

/**
 * struct vmx_caps - the raw capability MSRs of one CPU
 * @msr: IA32_VMX_BASIC (0x480) to IA32_VMX_VMFUNC (0x491), in order of index;
 *       0 where the CPU does not have the register
 */
struct vmx_caps {
	u64 msr[VMX_CAP_COUNT];
};

/**
 * struct vmx_controls - the control words that every VMCS of this host starts from
 * @pin: pin-based VM-execution controls
 * @proc: primary processor-based VM-execution controls
 * @proc2: secondary processor-based VM-execution controls
 * @exit: primary VM-exit controls
 * @entry: VM-entry controls
 */
struct vmx_controls {
	u32 pin;
	u32 proc;
	u32 proc2;
	u32 exit;
	u32 entry;
};

extern struct vmx_caps vmx_caps;
extern struct vmx_controls vmx_controls;

static inline u64 vmx_cap(u32 index)
{
	return vmx_caps.msr[index - VMX_CAP_FIRST];
}

int vmx_caps_init(void);
int vmx_caps_check_this_cpu(void);

#endif
