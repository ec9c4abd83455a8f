/* SPDX-License-Identifier: GPL-2.0 */
/* What the bits of the feature MSRs are called. */
#ifndef MINIHV_FEATURE_BITS_H
#define MINIHV_FEATURE_BITS_H

#include <stdint.h>

/* A field of @width bits from bit @low up, named as in the SDM. */
struct feature_field {
	uint8_t low;
	uint8_t width;
	const char *name;
};

enum feature_kind {
	/* Each field has a value. */
	FEATURE_FIELDS,
	/*
	 * VMX controls: a bit set in the low half must be 1 in the control, one set
	 * in the high half may be. The fields' bits are those of the control.
	 */
	FEATURE_CONTROLS,
};

struct feature {
	uint32_t index;
	enum feature_kind kind;
	const struct feature_field *fields;	/* the last has no name */
};

/* feature_find() - the description of MSR @index, or NULL */
const struct feature *feature_find(uint32_t index);

#endif
