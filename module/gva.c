// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked in software: for string I/O, the one
 * instruction that minihv carries out in guest memory, and to read instructions. Segments
 * come before it: segment.c.
 *
 * SDM vol. 3, chapter "Paging": 32-bit, PAE and 4-level paging. Not looked at:
 * reserved bits, and protection keys.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <asm/pgtable_types.h>
#include <asm/trap_pf.h>

#include "compat.h"
#include "vcpu.h"

struct walk {
	struct vcpu *vcpu;
	enum gva_access access;
	bool user;
	/* What the levels so far allow. */
	bool writable;
	bool user_page;
	bool executable;
	/* The last one, where it is, and its size. */
	u64 entry, gpa;
	unsigned int size;
};

static bool is_leaf(const struct walk *w, int level, bool pae)
{
	if (level == 1)
		return true;
	if (!(w->entry & _PAGE_PSE))
		return false;
	/* In 32-bit paging, 4 MiB pages are CR4.PSE's to allow. */
	return pae ? level < 4 : w->vcpu->cr4 & X86_CR4_PSE;
}

static bool has_nx(const struct vcpu *vcpu)
{
	return vcpu->cr4 & X86_CR4_PAE && vcpu->msrs[MSR_SLOT_EFER] & EFER_NX;
}

static bool fetch_permitted(const struct walk *w)
{
	if (!w->user && w->user_page && w->vcpu->cr4 & X86_CR4_SMEP)
		return false;
	return w->executable || !has_nx(w->vcpu);
}

static bool permitted(const struct walk *w)
{
	if (w->user && !w->user_page)
		return false;
	if (w->access == GVA_FETCH)
		return fetch_permitted(w);
	if (w->access == GVA_WRITE && !w->writable && (w->user || w->vcpu->cr0 & X86_CR0_WP))
		return false;
	if (!w->user && w->user_page && w->vcpu->cr4 & X86_CR4_SMAP &&
	    !(w->vcpu->rflags & X86_EFLAGS_AC))
		return false;
	return true;
}

/*
 * Sets bits in the entry that was just read; in ROM they stay clear. -EAGAIN if
 * another vCPU has changed the entry: the walk has to start again, as a CPU's does.
 */
static int mark_entry(const struct walk *w, u64 bits)
{
	int ret;

	if ((w->entry & bits) == bits)
		return 0;
	ret = vm_set_guest_bits(w->vcpu->vm, w->gpa, w->entry, bits, w->size);
	return ret == -ENOENT ? 0 : ret;
}

/* Reads one entry. -ENOENT if it is not there, or not in memory. */
static int read_entry(struct walk *w, u64 gpa, unsigned int size)
{
	int ret;

	w->gpa = gpa;
	w->size = size;
	ret = vm_read_guest_entry(w->vcpu->vm, gpa, &w->entry, size);
	if (ret)
		return ret;
	if (!(w->entry & _PAGE_PRESENT))
		return -ENOENT;
	w->writable &= !!(w->entry & _PAGE_RW);
	w->user_page &= !!(w->entry & _PAGE_USER);
	w->executable &= !(w->entry & _PAGE_NX);
	return 0;
}

/* SDM vol. 3, "32-Bit Paging": a 4-MiB page has bits 39:32 of its address in 20:13 (PSE-36). */
static u64 upper_address(const struct walk *w, int level)
{
	return w->size == 4 && level == 2 ? (w->entry & GENMASK_ULL(20, 13)) << 19 : 0;
}

/* From the entry table at @table, with @level levels to go. */
static int walk_tables(struct walk *w, u64 table, int level, u64 gva, u64 *gpa, u32 *error_code)
{
	bool pae = w->vcpu->cr4 & X86_CR4_PAE;
	unsigned int size = pae ? 8 : 4, bits = pae ? 9 : 10, shift;
	u64 address_bits = pae ? GENMASK_ULL(51, 12) : GENMASK_ULL(31, 12);
	u64 in_page;
	int ret;

	for (;; level--) {
		shift = PAGE_SHIFT + (level - 1) * bits;
		ret = read_entry(w, table + (gva >> shift & (BIT(bits) - 1)) * size, size);
		if (ret == -ENOENT) {
			*error_code &= ~X86_PF_PROT;
			return -ENXIO;
		}
		if (ret)
			return ret;
		if (is_leaf(w, level, pae))
			break;
		ret = mark_entry(w, _PAGE_ACCESSED);
		if (ret)
			return ret;
		table = w->entry & address_bits;
	}
	if (!permitted(w))
		return -ENXIO;
	ret = mark_entry(w, _PAGE_ACCESSED | (w->access == GVA_WRITE ? _PAGE_DIRTY : 0));
	if (ret)
		return ret;
	in_page = BIT_ULL(shift) - 1;
	*gpa = upper_address(w, level) | (w->entry & address_bits & ~in_page) | (gva & in_page);
	return 0;
}

/* SDM vol. 3, "Page-Fault Exceptions": what the access alone says. */
static u32 access_error_code(const struct vcpu *vcpu, enum gva_access access)
{
	switch (access) {
	case GVA_WRITE:
		return X86_PF_WRITE;
	case GVA_FETCH:
		return has_nx(vcpu) || vcpu->cr4 & X86_CR4_SMEP ? X86_PF_INSTR : 0;
	default:
		return 0;
	}
}

static int walk(struct vcpu *vcpu, u64 gva, enum gva_access access, u64 *gpa, u32 *error_code)
{
	struct walk w = {
		.vcpu = vcpu,
		.access = access,
		.user = vcpu_cpl(vcpu) == 3,
		.writable = true,
		.user_page = true,
		.executable = true,
	};
	u64 cr3, pdpte[4];
	int ret;

	*error_code = X86_PF_PROT | (w.user ? X86_PF_USER : 0) | access_error_code(vcpu, access);
	if (!(vcpu->cr0 & X86_CR0_PG)) {
		*gpa = (u32)gva;
		return 0;
	}
	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	cr3 = vmreadl(GUEST_CR3);
	pdpte[0] = vmread64(GUEST_PDPTR0);
	pdpte[1] = vmread64(GUEST_PDPTR1);
	pdpte[2] = vmread64(GUEST_PDPTR2);
	pdpte[3] = vmread64(GUEST_PDPTR3);
	vcpu_vmcs_put(vcpu);

	if (vcpu_is_long_mode(vcpu))
		return walk_tables(&w, cr3 & GENMASK_ULL(51, 12), 4, gva, gpa, error_code);
	gva = (u32)gva;
	if (!(vcpu->cr4 & X86_CR4_PAE))
		return walk_tables(&w, cr3 & GENMASK_ULL(31, 12), 2, gva, gpa, error_code);
	/* PAE: the top level is in registers. */
	if (!(pdpte[gva >> 30] & _PAGE_PRESENT)) {
		*error_code &= ~X86_PF_PROT;
		return -ENXIO;
	}
	return walk_tables(&w, pdpte[gva >> 30] & GENMASK_ULL(51, 12), 2, gva, gpa, error_code);
}

/**
 * vcpu_gva_to_gpa() - translate a linear address as the guest's paging does
 * @vcpu: the vCPU, not loaded
 * @gva: linear address
 * @access: what for
 * @gpa: gets the guest-physical address
 * @error_code: gets the page fault's error code
 *
 * Sets accessed and dirty bits, as the CPU would.
 *
 * Context: may sleep.
 * Return: 0; -ENXIO if the access is a page fault; -EFAULT if the process has no
 * memory for the page tables; -EINTR for a signal, with KVM_EXIT_INTR; or an error of
 * vcpu_vmcs_get().
 */
int vcpu_gva_to_gpa(struct vcpu *vcpu, u64 gva, enum gva_access access, u64 *gpa,
		    u32 *error_code)
{
	int ret;

	for (;;) {
		ret = walk(vcpu, gva, access, gpa, error_code);
		if (ret != -EAGAIN)
			return ret;
		/* For as long as another vCPU likes. */
		if (signal_pending(current)) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		cond_resched();
	}
}
