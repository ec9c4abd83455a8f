/* SPDX-License-Identifier: GPL-2.0 */
/* Whether the module under test is in use: what a process leaves behind shows there. */
#ifndef MINIHV_SELFTESTS_USERS_H
#define MINIHV_SELFTESTS_USERS_H

#include <stdio.h>

#include "test.h"

/* How often the module is in use, or -1. */
static inline int module_users(void)
{
	const char *path = testing_kvm() ? "/sys/module/kvm_intel/refcnt" :
					   "/sys/module/minihv/refcnt";
	FILE *file = fopen(path, "r");
	int users = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &users) != 1)
		users = -1;
	fclose(file);
	return users;
}

/* A dead process's files are closed soon after, not always before. */
static inline int users_after_a_while(int expected)
{
	for (int i = 0; i < 300 * test_patience() && module_users() != expected; i++)
		usleep(10000);
	return module_users();
}

#endif
