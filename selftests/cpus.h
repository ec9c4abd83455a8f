/* SPDX-License-Identifier: GPL-2.0 */
/* The host's CPUs: which can go, and where a thread is. */
#ifndef MINIHV_SELFTESTS_CPUS_H
#define MINIHV_SELFTESTS_CPUS_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static inline int set_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return write_file(path, online ? "1" : "0");
}

/* The last CPU that can go, or -1. CPU 0 has no such file. */
static inline int removable_cpu(void)
{
	char path[64];

	for (int cpu = sysconf(_SC_NPROCESSORS_CONF) - 1; cpu > 0; cpu--) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		if (!access(path, W_OK))
			return cpu;
	}
	return -1;
}

/* 0 or an error, less than 0. The kernel lets the thread go anywhere when its one CPU goes. */
static inline int move_to(int cpu, pthread_t thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(thread, sizeof(set), &set);
}

/* Likewise for the caller. */
static inline int stay_on(int cpu)
{
	return move_to(cpu, pthread_self());
}

static inline void stay_anywhere(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

#endif
