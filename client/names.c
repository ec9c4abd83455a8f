// SPDX-License-Identifier: GPL-2.0
/*
 * From an MSR's index to its name and back.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "names.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t first;
	uint32_t count;
	const char *name;
} names[] = {
#include "msr_names.inc"	/* made by msr-names.awk */
};

bool msr_name(uint32_t index, char buf[MSR_NAME_MAX])
{
	size_t i;

	buf[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (index < names[i].first || index - names[i].first >= names[i].count)
			continue;
		if (names[i].count == 1)
			snprintf(buf, MSR_NAME_MAX, "%s", names[i].name);
		else
			snprintf(buf, MSR_NAME_MAX, "%s+%u", names[i].name,
				 index - names[i].first);
		return true;
	}
	return false;
}

/* Where the kernel's name for an MSR is another one than the SDM's. */
static const struct {
	const char *kernel;
	const char *sdm;
} kernel_names[] = {
	{ "TSC", "TIME_STAMP_COUNTER" },
	{ "UCODE_REV", "BIOS_SIGN_ID" },
	{ "SYSCALL_MASK", "FMASK" },
};

static const char *without_prefix(const char *name)
{
	if (!strncasecmp(name, "MSR_", 4))
		name += 4;
	if (!strncasecmp(name, "IA32_", 5))
		name += 5;
	return name;
}

/* The number behind "+"; false when it is none or not below @count. */
static bool parse_offset(const char *text, uint32_t count, uint32_t *offset)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	number = strtoul(text, &end, 10);
	*offset = (uint32_t)number;
	return !*end && number < count;
}

bool msr_lookup(const char *name, uint32_t *index)
{
	const char *wanted = without_prefix(name);
	uint32_t offset = 0;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(kernel_names); i++)
		if (!strcasecmp(wanted, kernel_names[i].kernel))
			wanted = kernel_names[i].sdm;
	len = strcspn(wanted, "+");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *known = without_prefix(names[i].name);

		if (strlen(known) != len || strncasecmp(known, wanted, len) != 0)
			continue;
		if (wanted[len] == '+' && !parse_offset(wanted + len + 1, names[i].count, &offset))
			return false;
		*index = names[i].first + offset;
		return true;
	}
	return false;
}

/* Levenshtein's distance, letter case aside. */
static size_t distance(const char *a, const char *b)
{
	size_t row[MSR_NAME_MAX + 1];
	size_t i, j, len = strlen(b);

	for (j = 0; j <= len; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (j = 0; j < len; j++) {
			size_t change = diagonal + (toupper((unsigned char)a[i]) !=
						    toupper((unsigned char)b[j]));
			size_t skip = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

			diagonal = row[j + 1];
			row[j + 1] = change < skip ? change : skip;
		}
	}
	return row[len];
}

const char *msr_nearest(const char *name)
{
	const char *wanted = without_prefix(name), *nearest = NULL;
	/* Farther than this is no longer a slip of the finger. */
	size_t best = (strlen(wanted) + 2) / 3 + 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *known = without_prefix(names[i].name);
		size_t d;

		if (strlen(known) > MSR_NAME_MAX)
			continue;
		d = distance(wanted, known);
		if (d < best) {
			best = d;
			nearest = names[i].name;
		}
	}
	return nearest;
}
