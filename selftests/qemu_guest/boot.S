/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From where a multiboot loader leaves a kernel, 32-bit protected mode without
 * paging, to guest_main() in 64-bit mode with the first 4 GiB mapped to
 * themselves; and the way of an exception to exception().
 */
#define MULTIBOOT_MAGIC	0x1badb002
#define MULTIBOOT_FLAGS	0x3		/* modules on pages, memory information */

#define CR0_PG		0x80000000
#define CR4_FOR_SSE	0x620		/* PAE, OSFXSR, OSXMMEXCPT */
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100

#define PAGE		4096
#define PRESENT_RW	0x3
#define LARGE		0x80

	/* The loader looks for the header in the first 8 KiB of the file. */
	.section .boot, "ax"
	.balign	4
	.long	MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.code32
	.globl	start
start:
	cli
	cld
	movl	$stack_end, %esp
	movl	%ebx, multiboot_info

	/* 2048 pages of 2 MiB: four page directories, one behind the other. */
	movl	$directories, %edi
	movl	$(PRESENT_RW | LARGE), %eax
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	loop	1b
	movl	$(directories + PRESENT_RW), %eax
	movl	%eax, pointers
	addl	$PAGE, %eax
	movl	%eax, pointers + 8
	addl	$PAGE, %eax
	movl	%eax, pointers + 16
	addl	$PAGE, %eax
	movl	%eax, pointers + 24
	movl	$(pointers + PRESENT_RW), top

	movl	$top, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$CR4_FOR_SSE, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	lgdt	gdt_register
	ljmp	$(code64 - gdt), $start64

	.code64
start64:
	movl	$(data - gdt), %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$stack_end, %esp
	movl	multiboot_info, %edi
	call	guest_main
1:	hlt
	jmp	1b

	/*
	 * One stub of 16 bytes a vector. Those without an error code get a 0 in
	 * its place. (8, 10 to 14, 17 and 21 have one; SDM vol. 3, "Exception
	 * and Interrupt Reference".)
	 */
	.text
	.globl	exception_stubs
	.balign	16
exception_stubs:
	vector = 0
	.rept	32
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	pushq	$0
	.endif
	pushq	$vector
	jmp	exception_common
	vector = vector + 1
	.endr

exception_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	cld
	leaq	72(%rsp), %rdi
	call	exception
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq

	.data
	.balign	16
	/* SYSCALL and SYSENTER find data behind code. */
gdt:	.quad	0
code64:	.quad	0x00af9b000000ffff
data:	.quad	0x00cf93000000ffff
gdt_end:
gdt_register:
	.word	gdt_end - gdt - 1
	.quad	gdt
multiboot_info:
	.long	0

	.bss
	.balign	PAGE
top:		.skip	PAGE
pointers:	.skip	PAGE
directories:	.skip	4 * PAGE
		.skip	4 * PAGE
stack_end:
	.section .note.GNU-stack, "", @progbits
