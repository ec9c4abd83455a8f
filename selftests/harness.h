/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's test harness. It gives each test some seconds; test_patience() times as many here.
 */
#ifndef MINIHV_SELFTESTS_HARNESS_H
#define MINIHV_SELFTESTS_HARNESS_H

#include <unistd.h>

#include "test.h"

static inline unsigned int harness_alarm(unsigned int seconds)
{
	return alarm(seconds * test_patience());
}

#define alarm(seconds)	harness_alarm(seconds)
#include "kselftest_harness.h"
#undef alarm

#endif
