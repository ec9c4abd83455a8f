/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user-space interface of minihv.
 *
 * /dev/minihv answers the ioctls of <linux/kvm.h>, with the same numbers and
 * the same structures; a program written for /dev/kvm includes nothing else.
 * This header is the place for what minihv adds to them.
 */
#ifndef _UAPI_LINUX_MINIHV_H
#define _UAPI_LINUX_MINIHV_H

#include <linux/kvm.h>

/** MINIHV_DEVICE - the device node; mode 0600 unless the administrator says otherwise */
#define MINIHV_DEVICE "/dev/minihv"

#endif /* _UAPI_LINUX_MINIHV_H */
