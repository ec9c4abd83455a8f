/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things lie in a guest's memory. Shared by vm*.c and guest.S.
 *
 * Below VM_GPA_FREE is what all vCPUs of a VM share; from VM_GPA_VCPUS up each
 * vCPU has an area of its own. Everything between the two, and everything
 * above the areas in use, is the caller's.
 */
#ifndef MINIHV_GUEST_H
#define MINIHV_GUEST_H

#define VM_GPA_GDT		0x1000
#define VM_GPA_IDT		0x2000
#define VM_GPA_PML4		0x4000
#define VM_GPA_PDPT		0x5000
#define VM_GPA_PD		0x6000
#define VM_GPA_GUEST		0x8000	/* guest.S */
#define VM_GPA_FREE		0x10000
#define VM_GPA_VCPUS		0x100000
#define VM_VCPU_AREA		0x10000

/*
 * The selectors. Their order is the one that SYSCALL and SYSRET count on, so
 * STAR may hold VM_SEL_CODE64 and VM_SEL_USER_CODE32.
 */
#define VM_SEL_CODE64		0x08
#define VM_SEL_DATA		0x10
#define VM_SEL_CODE32		0x18
#define VM_SEL_USER_CODE32	(0x20 | 3)
#define VM_SEL_USER_DATA	(0x28 | 3)
#define VM_SEL_USER_CODE64	(0x30 | 3)
#define VM_SEL_TSS		0x38

/*
 * The first page of a vCPU's area: the TSS, what the op interpreter has to
 * know, the stack that an op runs on, and at the top of the page the stack of
 * the exception handlers. The ops follow in the next pages.
 */
#define VM_AREA_NEXT_OP		0x080
#define VM_AREA_END_OP		0x088
#define VM_AREA_OP_STACK	0xc00
#define VM_AREA_FAULT_STACK	0x1000
#define VM_AREA_OPS		0x1000

#define VM_PAGE_MASK		0xfff
#define VM_TSS_SIZE		104
#define VM_TSS_IST1		36

/* Vectors from 0 to VM_VECTOR_DONE have a stub of this size in guest.S. */
#define VM_STUB_SIZE		16
#define VM_VECTOR_DONE		32

/* struct vm_op, for guest.S; vm_ops.c asserts that they agree. */
#define VM_OP_RAX		0
#define VM_OP_RBX		8
#define VM_OP_RCX		16
#define VM_OP_RDX		24
#define VM_OP_RFLAGS		32
#define VM_OP_VECTOR		40
#define VM_OP_ERROR_CODE	44
#define VM_OP_RIP		48
#define VM_OP_USER		52
#define VM_OP_INSN		56
#define VM_OP_SIZE		80

#endif
