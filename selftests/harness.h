/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's test harness. It gives each test some seconds, which is too few on kernels
 * that watch what they do: TIMEOUT_FACTOR, which run.sh knows too, multiplies them.
 */
#ifndef MINIHV_SELFTESTS_HARNESS_H
#define MINIHV_SELFTESTS_HARNESS_H

#include <stdlib.h>
#include <unistd.h>

static inline unsigned int harness_alarm(unsigned int seconds)
{
	const char *factor = getenv("TIMEOUT_FACTOR");

	return alarm(factor ? seconds * atoi(factor) : seconds);
}

#define alarm(seconds)	harness_alarm(seconds)
#include "kselftest_harness.h"
#undef alarm

#endif
