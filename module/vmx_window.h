/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX root for a window with interrupts off, where the kernel leaves CR4 to KVM alone. */
#ifndef MINIHV_VMX_WINDOW_H
#define MINIHV_VMX_WINDOW_H

#include <linux/irqflags.h>
#include <linux/types.h>

extern bool vmx_windows;

int vmx_window_open(phys_addr_t vmxon_region);
void vmx_window_close(void);

#endif
