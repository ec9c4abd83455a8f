/* SPDX-License-Identifier: GPL-2.0 */
/* The names of MSRs, as module/msr_table.c has them. */
#ifndef MINIHV_NAMES_H
#define MINIHV_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSR_NAME_MAX	64

/*
 * msr_name() - the name of MSR @index; "NAME+2" inside a range
 *
 * Returns false, and an empty string, when it has none.
 */
bool msr_name(uint32_t index, char buf[MSR_NAME_MAX]);

/*
 * msr_lookup() - the index of the MSR called @name
 *
 * Letter case does not matter, nor does a prefix IA32_, MSR_ or MSR_IA32_ on
 * either side. "NAME+2" is the third of a range. The kernel's names serve too.
 */
bool msr_lookup(const char *name, uint32_t *index);

/* msr_nearest() - the known name that is most like @name, or NULL */
const char *msr_nearest(const char *name);

#endif
