// SPDX-License-Identifier: GPL-2.0
/*
 * Counts and prints how often the machine has started. The count is in a byte of the
 * RTC's memory that nobody else uses, which outlives a reset.
 */
#include <stdio.h>
#include <sys/io.h>

#define RTC_INDEX	0x70
#define RTC_DATA	0x71
#define OURS		0x70

int main(void)
{
	unsigned int lives;

	if (ioperm(RTC_INDEX, 2, 1)) {
		perror("ioperm");
		return 1;
	}
	outb(OURS, RTC_INDEX);
	lives = inb(RTC_DATA) + 1;
	outb(OURS, RTC_INDEX);
	outb(lives, RTC_DATA);
	printf("%u\n", lives);
	return 0;
}
