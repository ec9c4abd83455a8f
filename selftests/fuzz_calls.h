/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ioctls for fuzz_ioctls: those that KVM has on x86, with arguments that are
 * nearly right; and others.
 */
#ifndef MINIHV_SELFTESTS_FUZZ_CALLS_H
#define MINIHV_SELFTESTS_FUZZ_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* The kinds of files. */
enum fuzz_file { FUZZ_SYSTEM, FUZZ_VM, FUZZ_VCPU, FUZZ_FILES };

/**
 * struct fuzz_buffers - memory for arguments
 * @page:	FUZZ_ROOM bytes, and behind them what cannot be read or written
 * @readonly:	a page that cannot be written
 * @guest:	what may become guest memory, FUZZ_GUEST bytes; may be anything by now
 * @run:	struct kvm_run of a vCPU, mapped
 */
struct fuzz_buffers {
	uint8_t *page;
	uint8_t *readonly;
	uint8_t *guest;
	uint8_t *run;
};

#define FUZZ_ROOM	0x10000
#define FUZZ_GUEST	0x40000

/**
 * struct fuzz_call - an ioctl
 * @file:	the kind of file that it is for
 * @cmd:	its number
 * @arg:	its argument
 */
struct fuzz_call {
	enum fuzz_file file;
	unsigned long cmd;
	unsigned long arg;
};

/* fuzz_make_call() - any; with contents in @b as the structure has them, or not */
struct fuzz_call fuzz_make_call(const struct fuzz_buffers *b, int vcpu_fd);

/* fuzz_errno_is_known() - is it one of those that ioctls may return? */
int fuzz_errno_is_known(int error);

#endif
