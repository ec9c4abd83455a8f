/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMX instructions that work on a whole VMCS, or on a CPU. All of them
 * survive a fault: a reboot turns VMX off under whoever is using it.
 */
#ifndef MINIHV_VMX_INSN_H
#define MINIHV_VMX_INSN_H

#include <linux/types.h>
#include <asm/asm.h>

/* SDM vol. 3, "Conventions": CF or ZF set is failure. A fault leaves @ok as it was. */
#define VMX_INSN(insn)							\
	"1: " insn "\n\t"						\
	"seta %[ok]\n"							\
	"2:\n"								\
	_ASM_EXTABLE(1b, 2b)

/* The register alone, behind the back of the kernel, which keeps a copy. */
static inline void do_write_cr4(unsigned long cr4)
{
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

static inline bool do_vmxon(phys_addr_t region)
{
	bool ok = false;

	asm volatile(VMX_INSN("vmxon %[region]")
		     : [ok] "+qm" (ok) : [region] "m" (region) : "cc", "memory");
	return ok;
}

static inline bool do_vmxoff(void)
{
	bool ok = false;

	asm volatile(VMX_INSN("vmxoff") : [ok] "+qm" (ok) : : "cc", "memory");
	return ok;
}

static inline bool do_vmclear(phys_addr_t region)
{
	bool ok = false;

	asm volatile(VMX_INSN("vmclear %[region]")
		     : [ok] "+qm" (ok) : [region] "m" (region) : "cc", "memory");
	return ok;
}

static inline bool do_vmptrld(phys_addr_t region)
{
	bool ok = false;

	asm volatile(VMX_INSN("vmptrld %[region]")
		     : [ok] "+qm" (ok) : [region] "m" (region) : "cc", "memory");
	return ok;
}

/* SDM vol. 3, "INVEPT - Invalidate Translations Derived from EPT" and "INVVPID". */
struct inv_descriptor {
	u64 context;
	u64 address;
};

static inline void do_invept(unsigned long type, u64 eptp)
{
	struct inv_descriptor desc = { .context = eptp };

	asm volatile("1: invept %[desc], %[type]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : [desc] "m" (desc), [type] "r" (type) : "cc", "memory");
}

static inline void do_invvpid(unsigned long type, u16 vpid)
{
	struct inv_descriptor desc = { .context = vpid };

	asm volatile("1: invvpid %[desc], %[type]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : [desc] "m" (desc), [type] "r" (type) : "cc", "memory");
}

#endif
