// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's segment registers: what of them is in the VMCS, and whether an access of the
 * guest's may go through one.
 */
#include <linux/bitfield.h>
#include <asm/page.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "segment.h"
#include "vcpu.h"

/* SDM vol. 3, table "Format of Access Rights". */
#define RIGHTS_TYPE	GENMASK(3, 0)
#define RIGHTS_TSS32	BIT(3)	/* in the type of a TSS: 32 bits, or 64 */
#define RIGHTS_S	BIT(4)
#define RIGHTS_DPL	GENMASK(6, 5)
#define RIGHTS_P	BIT(7)
#define RIGHTS_AVL	BIT(12)
#define RIGHTS_L	BIT(13)
#define RIGHTS_DB	BIT(14)
#define RIGHTS_G	BIT(15)
#define RIGHTS_UNUSABLE	BIT(16)

/* Those of memory: LA57 is not offered. */
#define LINEAR_ADDRESS_BITS	48

/* In RIGHTS_TYPE of a code or data segment. */
#define TYPE_CODE	BIT(3)
#define TYPE_DOWN	BIT(2)	/* data: it expands downwards */
#define TYPE_ACCESS	BIT(1)	/* data: writable; code: readable */
#define TYPE_ACCESSED	BIT(0)

/* The VMCS has four fields for each segment register, in the order of enum segment. */

static unsigned long selector_field(enum segment segment)
{
	return GUEST_ES_SELECTOR + 2 * segment;
}

static unsigned long base_field(enum segment segment)
{
	return GUEST_ES_BASE + 2 * segment;
}

static unsigned long limit_field(enum segment segment)
{
	return GUEST_ES_LIMIT + 2 * segment;
}

static unsigned long ar_field(enum segment segment)
{
	return GUEST_ES_AR_BYTES + 2 * segment;
}

/**
 * segment_get() - a segment register, as the client sees it
 * @segment: which
 * @seg: is filled in
 *
 * Context: the VMCS is current.
 */
void segment_get(enum segment segment, struct kvm_segment *seg)
{
	u32 ar = vmread_any(ar_field(segment));

	*seg = (struct kvm_segment) {
		.base = vmread_any(base_field(segment)),
		.limit = vmread_any(limit_field(segment)),
		.selector = vmread_any(selector_field(segment)),
		.type = FIELD_GET(RIGHTS_TYPE, ar),
		.s = FIELD_GET(RIGHTS_S, ar),
		.dpl = FIELD_GET(RIGHTS_DPL, ar),
		/* A segment that can't be used is what the client calls not present. */
		.present = !FIELD_GET(RIGHTS_UNUSABLE, ar),
		.avl = FIELD_GET(RIGHTS_AVL, ar),
		.l = FIELD_GET(RIGHTS_L, ar),
		.db = FIELD_GET(RIGHTS_DB, ar),
		.g = FIELD_GET(RIGHTS_G, ar),
		.unusable = FIELD_GET(RIGHTS_UNUSABLE, ar),
	};
}

/**
 * segment_set() - a segment register, from the client
 * @segment: which
 * @seg: its new value
 *
 * Context: the VMCS is current.
 */
void segment_set(enum segment segment, const struct kvm_segment *seg)
{
	u32 ar = FIELD_PREP(RIGHTS_TYPE, seg->type & 0xf) | FIELD_PREP(RIGHTS_S, seg->s & 1) |
		 FIELD_PREP(RIGHTS_DPL, seg->dpl & 3) | FIELD_PREP(RIGHTS_P, seg->present & 1) |
		 FIELD_PREP(RIGHTS_AVL, seg->avl & 1) | FIELD_PREP(RIGHTS_L, seg->l & 1) |
		 FIELD_PREP(RIGHTS_DB, seg->db & 1) | FIELD_PREP(RIGHTS_G, seg->g & 1);

	if (seg->unusable || !seg->present)
		ar |= RIGHTS_UNUSABLE;
	/*
	 * Loading a segment register sets "accessed", and VM entry insists on it. Clients count
	 * on KVM's setting it in TR's type, too: 10, which is no type, is 11 then, a busy TSS.
	 */
	if (seg->s || segment == SEG_TR)
		ar |= TYPE_ACCESSED;
	vmwrite_any(selector_field(segment), seg->selector);
	vmwrite_any(base_field(segment), seg->base);
	vmwrite_any(limit_field(segment), seg->limit);
	vmwrite_any(ar_field(segment), ar);
}

/* A segment's field of the VMCS; @unknown where VMX is not to be had. */
static __always_inline u32 access_rights(struct vcpu *vcpu, unsigned long field, u32 unknown)
{
	u32 ar;

	if (vcpu->loaded)
		return vmread32(field);
	if (vcpu_vmcs_get(vcpu))
		return unknown;
	ar = vmread32(field);
	vcpu_vmcs_put(vcpu);
	return ar;
}

/**
 * vcpu_has_cs_l() - does the guest's CS descriptor have the L bit?
 * @vcpu: the vCPU
 *
 * Context: the vCPU's mutex is held; loaded or not.
 */
bool vcpu_has_cs_l(struct vcpu *vcpu)
{
	return access_rights(vcpu, GUEST_CS_AR_BYTES, 0) & RIGHTS_L;
}

/**
 * vcpu_has_16bit_tss() - is the guest's TSS, of which TR says so, one of 16 bits?
 * @vcpu: the vCPU
 *
 * Context: the vCPU's mutex is held; loaded or not.
 */
bool vcpu_has_16bit_tss(struct vcpu *vcpu)
{
	return !(access_rights(vcpu, GUEST_TR_AR_BYTES, RIGHTS_TSS32) & RIGHTS_TSS32);
}

/**
 * vcpu_cpl() - the guest's current privilege level
 * @vcpu: the vCPU
 *
 * SDM vol. 3, "Guest Register State": it is the DPL of SS, also in real mode
 * (0) and virtual-8086 mode (3).
 *
 * Context: the vCPU's mutex is held; loaded or not.
 */
u8 vcpu_cpl(struct vcpu *vcpu)
{
	/* Not known: the least that it can be allowed. */
	return FIELD_GET(RIGHTS_DPL,
			 access_rights(vcpu, GUEST_SS_AR_BYTES, RIGHTS_DPL));
}

/* Code can't be written to, nor read if it does not say so. */
static bool type_permits(u32 ar, bool write)
{
	u32 type = FIELD_GET(RIGHTS_TYPE, ar);

	if (type & TYPE_CODE)
		return !write && type & TYPE_ACCESS;
	return !write || type & TYPE_ACCESS;
}

/* The offsets of a segment outside of 64-bit code: from @first to @last. */
static void find_bounds(u32 ar, u32 limit, u64 *first, u64 *last)
{
	u32 type = FIELD_GET(RIGHTS_TYPE, ar);

	*first = 0;
	*last = limit;
	if (!(type & TYPE_CODE) && type & TYPE_DOWN) {
		*first = limit + 1ull;
		*last = ar & RIGHTS_DB ? U32_MAX : U16_MAX;
	}
}

/**
 * segment_check() - what the CPU checks before it accesses memory through a segment
 * @vcpu: the vCPU, not loaded
 * @access: what the guest is about to do; @access->last is filled in
 *
 * SDM vol. 3, chapter "Protection", and for 64-bit code vol. 1, "Canonical Addressing". An
 * exit for INS or OUTS comes before these checks.
 *
 * Return: 0; -ENXIO if the access is #GP(0), or #SS(0) where the segment is SS; or an error of
 * vcpu_vmcs_get().
 */
int segment_check(struct vcpu *vcpu, struct segment_access *access)
{
	bool typed = vcpu->cr0 & X86_CR0_PE && !(vcpu->rflags & X86_EFLAGS_VM);
	u64 base, begin, end, first, last;
	u32 cs_ar, ar, limit;
	int ret;

	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	cs_ar = vmread32(GUEST_CS_AR_BYTES);
	ar = vmread_any(ar_field(access->segment));
	limit = vmread_any(limit_field(access->segment));
	base = vmread_any(base_field(access->segment));
	vcpu_vmcs_put(vcpu);

	if (vcpu_is_long_mode(vcpu) && cs_ar & RIGHTS_L) {
		if (access->segment < SEG_FS)
			base = 0;
		begin = base + access->offset;
		end = begin + access->size - 1;
		access->last = U64_MAX;
		return __is_canonical_address(begin, LINEAR_ADDRESS_BITS) &&
		       __is_canonical_address(end, LINEAR_ADDRESS_BITS) ? 0 : -ENXIO;
	}
	if (ar & RIGHTS_UNUSABLE || (typed && !type_permits(ar, access->write)))
		return -ENXIO;
	find_bounds(ar, limit, &first, &last);
	if (access->offset < first || access->offset > last)
		return -ENXIO;
	/* One of 4 GiB has no end: addresses wrap. */
	if (last != U32_MAX && last - access->offset < access->size - 1)
		return -ENXIO;
	access->last = last;
	return 0;
}
