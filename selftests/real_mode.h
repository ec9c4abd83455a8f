/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests in real mode with interrupt handlers: code that a test brings along,
 * which tells what happens by writing to ports.
 */
#ifndef MINIHV_SELFTESTS_REAL_MODE_H
#define MINIHV_SELFTESTS_REAL_MODE_H

#include "guest_code.h"

/* Vector @vector of the VM's guests goes to @offset in the code at CODE_GPA. */
static inline void set_vector(struct vm *vm, uint8_t vector, uint16_t offset)
{
	uint16_t entry[2] = { offset, CODE_GPA >> 4 };

	memcpy(vm_gpa(vm, vector * 4, sizeof(entry)), entry, sizeof(entry));
}

/* The guest has to write to port @where next. */
#define ASSERT_OUT(where, vcpu)						\
do {									\
	ASSERT_EXIT(KVM_EXIT_IO, vcpu);					\
	ASSERT_EQ(KVM_EXIT_IO_OUT, (vcpu)->run->io.direction);		\
	ASSERT_EQ(where, (vcpu)->run->io.port);				\
} while (0)

#endif
