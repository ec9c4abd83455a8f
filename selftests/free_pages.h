/* SPDX-License-Identifier: GPL-2.0 */
/* The memory that nobody uses. */
#ifndef MINIHV_SELFTESTS_FREE_PAGES_H
#define MINIHV_SELFTESTS_FREE_PAGES_H

#include <errno.h>
#include <stdio.h>

/*
 * Pages, or an error, less than 0. Those that a CPU keeps in hand count as well: MemFree
 * leaves them out.
 */
static inline long free_pages(void)
{
	char line[256];
	long pages = 0, n;
	FILE *file = fopen("/proc/zoneinfo", "r");

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " pages free %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	fclose(file);
	return pages;
}

#endif
