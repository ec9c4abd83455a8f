/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's segment registers. */
#ifndef MINIHV_SEGMENT_H
#define MINIHV_SEGMENT_H

#include <linux/kvm.h>
#include <linux/types.h>

struct vcpu;

/* As the sreg field of instructions has it, and the VMCS. */
enum segment {
	SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS,
	SEG_COUNT,	/* that an instruction can name */
	SEG_LDTR = SEG_COUNT,
	SEG_TR,
};

/**
 * struct segment_access - an access to memory by way of a segment
 * @segment: which; not LDTR or TR
 * @offset: in it, of the first byte
 * @size: bytes
 * @write: it is a write
 * @last: the highest offset that there is
 */
struct segment_access {
	enum segment segment;
	u64 offset;
	unsigned int size;
	bool write;
	u64 last;
};

void segment_get(enum segment segment, struct kvm_segment *seg);
void segment_set(enum segment segment, const struct kvm_segment *seg);
int segment_check(struct vcpu *vcpu, struct segment_access *access);

#endif
