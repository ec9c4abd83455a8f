// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and MSR names from the command line.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "msrctl.h"
#include "names.h"

/*
 * Hexadecimal with 0x, decimal without: a leading zero does not make it octal,
 * and there is no sign.
 */
static int parse_number(const char *text, uint64_t max, uint64_t *number)
{
	bool hex = !strncasecmp(text, "0x", 2);
	const char *digits = hex ? text + 2 : text;

	/* strtoull() would take blanks, signs and another 0x. */
	if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
		return -EINVAL;
	errno = 0;
	*number = strtoull(digits, NULL, hex ? 16 : 10);
	return errno || *number > max ? -ERANGE : 0;
}

static void complain_of_name(const char *text)
{
	const char *nearest = msr_nearest(text);

	if (*text && text[strspn(text, "0123456789abcdefABCDEF")] == '\0')
		complain("'%s' is no MSR's name; a hexadecimal index needs 0x: 0x%s", text, text);
	else if (nearest)
		complain("no MSR is called '%s'; perhaps %s?", text, nearest);
	else
		complain("no MSR is called '%s'", text);
}

bool parse_msr(const char *text, uint32_t *index)
{
	uint64_t number;

	switch (parse_number(text, UINT32_MAX, &number)) {
	case 0:
		*index = (uint32_t)number;
		return true;
	case -ERANGE:
		complain("'%s' is too large for an MSR's index, which has 32 bits", text);
		return false;
	}
	if (isdigit((unsigned char)*text)) {
		complain("'%s' is not a number", text);
		return false;
	}
	if (msr_lookup(text, index))
		return true;
	complain_of_name(text);
	return false;
}

bool parse_value(const char *text, uint64_t *value)
{
	switch (parse_number(text, UINT64_MAX, value)) {
	case 0:
		return true;
	case -ERANGE:
		complain("'%s' is too large for an MSR's value, which has 64 bits", text);
		return false;
	default:
		complain("'%s' is not a number (decimal, or hexadecimal with 0x)", text);
		return false;
	}
}
