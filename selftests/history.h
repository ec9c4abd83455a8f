/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests that are named after bugs: accesses that all have to fault. */
#ifndef MINIHV_SELFTESTS_HISTORY_H
#define MINIHV_SELFTESTS_HISTORY_H

#include "guest_code.h"

/* See that each of these, which have run, ended in #GP(0). */
#define EXPECT_ALL_GP(ops, n)						\
do {									\
	for (size_t __i = 0; __i < (n); __i++) {			\
		EXPECT_EQ(VECTOR_GP, (ops)[__i].vector) {		\
			TH_LOG("MSR %#x, EDX:EAX %#lx", (uint32_t)(ops)[__i].rcx,	\
			       vm_op_value(&(ops)[__i]));		\
		}							\
	}								\
} while (0)

#endif
