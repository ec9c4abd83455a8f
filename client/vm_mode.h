/* SPDX-License-Identifier: GPL-2.0 */
/* Inside the library only: what vm.c needs of vm_mode.c. */
#ifndef MINIHV_VM_MODE_H
#define MINIHV_VM_MODE_H

struct vm;

/* Writes the GDT, the IDT, the page tables and guest.S into the VM's memory. */
void vm_fill_memory(struct vm *vm);

#endif
