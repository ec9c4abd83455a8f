/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to the current VMCS, and the VMCS itself as an object.
 *
 * SDM vol. 3, "VMREAD, VMWRITE, and Encodings of VMCS Fields": bits 14:13 of
 * an encoding are the field's width. The accessors check them when they are
 * compiled, so a 64-bit field that is read as 32 bits does not build.
 */
#ifndef MINIHV_VMCS_H
#define MINIHV_VMCS_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

struct vcpu;

enum vmcs_width {
	VMCS_16BIT,
	VMCS_64BIT,
	VMCS_32BIT,
	VMCS_NATURAL,
};

static __always_inline enum vmcs_width vmcs_width(unsigned long field)
{
	return field >> 13 & 3;
}

void vmcs_write_failed(unsigned long field, unsigned long value);

/* Any width; for the MSR table, whose fields are not known when compiling. */
static __always_inline u64 vmread_any(unsigned long field)
{
	unsigned long value;

	/* A fault (VMX is off: reboot) reads as 0; the caller is on its way out. */
	asm volatile("1: vmread %[field], %[value]\n2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_ZERO_REG, %[value])
		     : [value] "=r" (value) : [field] "r" (field) : "cc");
	return value;
}

static __always_inline void vmwrite_any(unsigned long field, u64 value)
{
	/* A fault (see above) counts as done. */
	asm goto("1: vmwrite %[value], %[field]\n\t"
		 "jna %l[failed]\n"
		 "2:\n"
		 _ASM_EXTABLE(1b, 2b)
		 : : [value] "r" (value), [field] "r" (field) : "cc" : failed);
	return;
failed:
	vmcs_write_failed(field, value);
}

#define DEFINE_VMCS_ACCESSORS(suffix, type, width)				\
static __always_inline type vmread##suffix(unsigned long field)		\
{										\
	BUILD_BUG_ON(!__builtin_constant_p(field) || vmcs_width(field) != (width)); \
	return vmread_any(field);						\
}										\
static __always_inline void vmwrite##suffix(unsigned long field, type value)	\
{										\
	BUILD_BUG_ON(!__builtin_constant_p(field) || vmcs_width(field) != (width)); \
	vmwrite_any(field, value);						\
}

DEFINE_VMCS_ACCESSORS(16, u16, VMCS_16BIT)
DEFINE_VMCS_ACCESSORS(32, u32, VMCS_32BIT)
DEFINE_VMCS_ACCESSORS(64, u64, VMCS_64BIT)
DEFINE_VMCS_ACCESSORS(l, unsigned long, VMCS_NATURAL)

/* SDM vol. 3, "Format of the VMCS Region". */
struct vmcs_region {
	u32 revision_id;
	u32 abort_indicator;
	u8 data[];
};

/**
 * struct vcpu_vmcs - one VMCS and where it is
 * @region: the VMCS region, one page
 * @phys: its physical address
 * @cpu: the CPU on which it is active, or -1. Written by that CPU only.
 * @launched: VMLAUNCH has succeeded since the last VMCLEAR
 * @link: in the list of VMCSs that are active on @cpu
 */
struct vcpu_vmcs {
	struct vmcs_region *region;
	phys_addr_t phys;
	int cpu;
	bool launched;
	struct list_head link;
};

int vmcs_alloc(struct vcpu_vmcs *vmcs);
void vmcs_free(struct vcpu_vmcs *vmcs);

void vmcs_init_constant(struct vcpu *vcpu);
void vmcs_init_guest(struct vcpu *vcpu);
void vmcs_reset_msrs(void);
void vmcs_set_host_cpu(void);
u32 vmcs_proc_controls(const struct vcpu *vcpu);
int vmcs_update_proc2(struct vcpu *vcpu);

#endif
