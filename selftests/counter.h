/* SPDX-License-Identifier: GPL-2.0 */
/* A guest that counts in a page that processes share, so that all of them see it run. */
#ifndef MINIHV_SELFTESTS_COUNTER_H
#define MINIHV_SELFTESTS_COUNTER_H

#include <sys/mman.h>

#include "background.h"

#define PAGE		4096
#define GPA		0x10000000ULL

/* Counts at GPA, which is shared with the test. */
GUEST_CODE(count, 64,
	   "sti\n"
	   "1: incq 0x10000000\n"
	   "jmp 1b\n");

static inline void *shared_page(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline int make_counter(struct machine *m, void *page)
{
	int ret = machine_create(m, 2);

	ret = ret ?: set_slot(&m->vm, 1, 0, GPA, PAGE, page);
	return ret ?: load_guest_code(&m->vcpu, VM_MODE_LONG, count);
}

static inline bool stands_still(volatile uint64_t *counter)
{
	uint64_t before = *counter;

	usleep(50000);
	return *counter == before;
}

#endif
