/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the library only: what vm.c, vm_mode.c and guest.S need of each other. */
#ifndef MINIHV_VM_MODE_H
#define MINIHV_VM_MODE_H

#include <stdint.h>

struct vm;

extern const uint8_t vm_guest[];
extern const uint32_t vm_guest_size, vm_guest_stubs;

/* Writes the GDT, the IDT, the page tables and guest.S into the VM's memory. */
void vm_fill_memory(struct vm *vm);

#endif
