/* SPDX-License-Identifier: GPL-2.0-only */
/* From an MSR's index to its row, in constant time. */
#ifndef MINIHV_MSR_MAP_H
#define MINIHV_MSR_MAP_H

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/types.h>

/*
 * Nearly all MSRs are in the two ranges that MSR bitmaps cover: the first 0x2000
 * numbers, and as many from 0xc0000000. Rotated by two bits, these are the numbers
 * below MSR_MAP_SIZE that end in 0 and in 3; the map has the two quarters between
 * them, too.
 */
#define MSR_MAP_SIZE	0x8000u

/* Row number plus one for each place; 0: no row. */
extern u8 msr_map[MSR_MAP_SIZE];

/* Where an index is in the map, if that is below MSR_MAP_SIZE. */
static __always_inline u32 msr_map_place(u32 index)
{
	return rol32(index, 2);
}

/*
 * The guest may have chosen @place. It is below MSR_MAP_SIZE, and under speculation too: the
 * compiler, who has seen the comparison, must not leave this out.
 */
static __always_inline u32 msr_map_clamp(u32 place)
{
	OPTIMIZER_HIDE_VAR(place);
	return place & (MSR_MAP_SIZE - 1);
}

static_assert(!(MSR_MAP_SIZE & (MSR_MAP_SIZE - 1)));

static __always_inline unsigned int msr_row_number(u32 place)
{
	return msr_map[msr_map_clamp(place)];
}

#endif
