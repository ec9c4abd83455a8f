// SPDX-License-Identifier: GPL-2.0
/* What the guest says, through the serial port, a line a REP OUTSB. */
#include <stdarg.h>

#include "guest.h"

#define SERIAL	0x3f8

static bool failed;

static char line[256];
static size_t used;

static void put(char c)
{
	if (used < sizeof(line))
		line[used++] = c;
}

static void put_number(uint64_t value, unsigned int base)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(digits[--n]);
}

static void flush(void)
{
	const char *from = line;

	asm volatile("rep outsb" : "+S" (from), "+c" (used) : "d" (SERIAL) : "memory");
}

/* %s a string, %u and %x a uint64_t. */
void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		const char *s;

		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (s = va_arg(args, const char *); *s; s++)
				put(*s);
			break;
		case 'u':
			put_number(va_arg(args, uint64_t), 10);
			break;
		case 'x':
			put_number(va_arg(args, uint64_t), 16);
			break;
		}
	}
	va_end(args);
	flush();
}

void check_eq(const char *file, int line_number, const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return;
	failed = true;
	say("# %s:%u: %s is 0x%x, should be 0x%x\n", file, (uint64_t)line_number, what, got, want);
}

/* The result of the test that has run since the last one; true if it passed. */
bool report(unsigned int number, const char *name, const char *skipped)
{
	bool passed = !failed;

	failed = false;
	if (!passed)
		say("not ok %u %s\n", (uint64_t)number, name);
	else if (skipped)
		say("ok %u %s # SKIP %s\n", (uint64_t)number, name, skipped);
	else
		say("ok %u %s\n", (uint64_t)number, name);
	return passed;
}
