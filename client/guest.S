/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The op interpreter: runs in a guest, in long mode at VM_GPA_GUEST, ring 0.
 *
 * Each op is entered by IRETQ, so that RFLAGS (TF above all) and ring 3 take
 * effect with its first instruction, and is left through the IDT: by the
 * INT $0x20 that stands behind it, or by an exception. All gates switch to
 * the vCPU's own stack (IST1), whatever the op did to RSP, and the page that
 * stack is in is the vCPU's: no register has to survive an op.
 */
#include "guest.h"

#define RFLAGS_FIXED	0x2

	.section .rodata
	.balign	16
	.globl	vm_guest, vm_guest_size, vm_guest_stubs

	/* Entered with RSP anywhere in the first page of the vCPU's area. */
vm_guest:
next_op:
	movq	%rsp, %rbp
	andq	$~VM_PAGE_MASK, %rbp
	movq	VM_AREA_NEXT_OP(%rbp), %rdi
	cmpq	VM_AREA_END_OP(%rbp), %rdi
	je	all_done

	leaq	VM_AREA_OP_STACK(%rbp), %rsi
	cmpb	$0, VM_OP_USER(%rdi)
	jne	1f
	pushq	$VM_SEL_DATA
	movl	$VM_SEL_CODE64, %ecx
	jmp	2f
1:	pushq	$VM_SEL_USER_DATA
	movl	$VM_SEL_USER_CODE64, %ecx
2:	pushq	%rsi
	movq	VM_OP_RFLAGS(%rdi), %rax
	orq	$RFLAGS_FIXED, %rax
	pushq	%rax
	pushq	%rcx
	leaq	VM_OP_INSN(%rdi), %rax
	pushq	%rax

	movq	VM_OP_RAX(%rdi), %rax
	movq	VM_OP_RBX(%rdi), %rbx
	movq	VM_OP_RCX(%rdi), %rcx
	movq	VM_OP_RDX(%rdi), %rdx
	iretq

all_done:
	hlt
	jmp	all_done

	/* What the stubs leave: vector, error code, RIP, CS, RFLAGS, RSP, SS. */
op_left:
	movq	%rsp, %rbp
	andq	$~VM_PAGE_MASK, %rbp
	movq	VM_AREA_NEXT_OP(%rbp), %rdi
	movq	%rax, VM_OP_RAX(%rdi)
	movq	%rbx, VM_OP_RBX(%rdi)
	movq	%rcx, VM_OP_RCX(%rdi)
	movq	%rdx, VM_OP_RDX(%rdi)
	popq	%rax
	movl	%eax, VM_OP_VECTOR(%rdi)
	popq	%rax
	movl	%eax, VM_OP_ERROR_CODE(%rdi)
	popq	%rax
	leaq	VM_OP_INSN(%rdi), %rcx
	subq	%rcx, %rax
	movl	%eax, VM_OP_RIP(%rdi)
	popq	%rax
	popq	%rax
	movq	%rax, VM_OP_RFLAGS(%rdi)
	addq	$VM_OP_SIZE, VM_AREA_NEXT_OP(%rbp)
	leaq	VM_AREA_OP_STACK(%rbp), %rsp
	jmp	next_op

	.balign	VM_STUB_SIZE
stubs:
	.set	vector, 0
	.rept	VM_VECTOR_DONE + 1
	.balign	VM_STUB_SIZE
	/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX push an error code. */
	.ifeq	((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (3 << 29)) & (1 << vector)
	pushq	$0
	.endif
	pushq	$vector
	jmp	op_left
	.set	vector, vector + 1
	.endr
guest_end:

	/* For vm_mode.c: how long all this is, and where in it the stubs begin. */
	.balign	4
vm_guest_size:
	.long	guest_end - vm_guest
vm_guest_stubs:
	.long	stubs - vm_guest

	.section .note.GNU-stack, "", @progbits
