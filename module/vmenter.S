/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: host registers out, guest registers in, VM entry; and back.
 *
 * Offsets 0x00 to 0x78 are struct vmenter's regs in the order of enum gpr; the
 * others are in vmenter_offsets.h, and vcpu.h checks them when it is compiled.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#include "vmenter_offsets.h"

	.section .rodata
	.balign 2
.Lverw_selector:
	.word	__KERNEL_DS

/*
 * The guest filled the return stack and the branch history: both are the host's
 * again before the first RET. RDI is struct vmenter.
 */
.macro BACK_IN_HOST
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	/* A CPU without the MSR has nothing to decide here. */
	ALTERNATIVE __stringify(jmp .Lspec_ctrl_done\@), "", X86_FEATURE_MSR_SPEC_CTRL
	testl	$(1 << VMENTER_SPEC_CTRL_OUT), VMENTER_FLAGS(%rdi)
	jz	.Lspec_ctrl_is_set\@
	/* Without enhanced IBRS it is the write that protects, whatever the value was. */
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMENTER_HOST_SPEC_CTRL(%rdi), %eax
	xor	%edx, %edx
	wrmsr
.Lspec_ctrl_is_set\@:
	lfence
.Lspec_ctrl_done\@:
#if defined(MINIHV_KERNEL_KEEPS_BHB)
	/* Where it has to be cleared and the kernel's way is KVM's: an IBPB, see compat.h. */
	ALTERNATIVE __stringify(jmp .Lhistory_is_clear\@), "", X86_FEATURE_CLEAR_BHB_VMEXIT
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
.Lhistory_is_clear\@:
	/* #ifdef does not see the assembler's macros: this one came with the feature. */
#elif defined(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT) || defined(X86_FEATURE_CLEAR_BHB_VMEXIT)
	CLEAR_BRANCH_HISTORY_VMEXIT
#endif
	/* No guest value stays in a register that the host may speculate with. */
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%esi, %esi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
.endm

	.section .noinstr.text, "ax"

/*
 * unsigned long minihv_vmenter(struct vmenter *vmenter)
 *
 * Enters the guest, and again as long as minihv_exit_fast() deals with its exits.
 * Returns 0 after a VM exit, 1 if the VM entry instruction itself failed.
 * To be called with interrupts off and the VMCS current.
 */
SYM_FUNC_START(minihv_vmenter)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	/* VM exit comes back with this stack pointer. */
	cmp	%rsp, VMENTER_HOST_RSP(%rdi)
	je	1f
	mov	%rsp, VMENTER_HOST_RSP(%rdi)
	mov	$HOST_RSP_FIELD, %eax
	vmwrite	%rsp, %rax
1:
.Lenter:
	/* What is decided here is kept in flags, which MOV does not touch: ZF, only VMRESUME. */
	cmpl	$(1 << VMENTER_LAUNCHED_BIT), VMENTER_FLAGS(%rdi)
	jne	.Lmore_than_resume
.Lload_guest:
	mov	0x00(%rdi), %rax
	mov	0x08(%rdi), %rcx
	mov	0x10(%rdi), %rdx
	mov	0x18(%rdi), %rbx
	mov	0x28(%rdi), %rbp
	mov	0x30(%rdi), %rsi
	mov	0x40(%rdi), %r8
	mov	0x48(%rdi), %r9
	mov	0x50(%rdi), %r10
	mov	0x58(%rdi), %r11
	mov	0x60(%rdi), %r12
	mov	0x68(%rdi), %r13
	mov	0x70(%rdi), %r14
	mov	0x78(%rdi), %r15
	mov	0x38(%rdi), %rdi

	UNWIND_HINT_SAVE
	jne	.Lverw
.Lvmresume:
	vmresume
	jmp	.Lvmfail
.Lverw:
	/* Writes no flag but ZF. It does no harm where no buffer needs to be cleared. */
	verw	.Lverw_selector(%rip)
	jc	.Lvmresume
.Lvmlaunch:
	vmlaunch
	jmp	.Lvmfail

	_ASM_EXTABLE(.Lvmresume, .Lvmfail)
	_ASM_EXTABLE(.Lvmlaunch, .Lvmfail)

SYM_INNER_LABEL(minihv_vmexit, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, 0x00(%rdi)
	mov	%rcx, 0x08(%rdi)
	mov	%rdx, 0x10(%rdi)
	mov	%rbx, 0x18(%rdi)
	mov	%rbp, 0x28(%rdi)
	mov	%rsi, 0x30(%rdi)
	pop	0x38(%rdi)
	mov	%r8,  0x40(%rdi)
	mov	%r9,  0x48(%rdi)
	mov	%r10, 0x50(%rdi)
	mov	%r11, 0x58(%rdi)
	mov	%r12, 0x60(%rdi)
	mov	%r13, 0x68(%rdi)
	mov	%r14, 0x70(%rdi)
	mov	%r15, 0x78(%rdi)
	BACK_IN_HOST

	call	minihv_exit_fast
	mov	(%rsp), %rdi
	test	%al, %al
	jnz	.Lenter
	xor	%eax, %eax
.Lreturn:
	add	$8, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lmore_than_resume:
	/* The last that the host executes with its own setting are these few lines. */
	testl	$(1 << VMENTER_SPEC_CTRL_IN), VMENTER_FLAGS(%rdi)
	jz	2f
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	VMENTER_GUEST_SPEC_CTRL(%rdi), %eax
	xor	%edx, %edx
	wrmsr
2:
	/* RDI is not zero: no ZF. CF: VMRESUME, not VMLAUNCH; BT leaves ZF alone. */
	test	%rdi, %rdi
	btl	$VMENTER_LAUNCHED_BIT, VMENTER_FLAGS(%rdi)
	jmp	.Lload_guest

.Lvmfail:
	/* The guest's registers are still in place, untouched by a guest. */
	mov	(%rsp), %rdi
	BACK_IN_HOST
	mov	$1, %eax
	jmp	.Lreturn
SYM_FUNC_END(minihv_vmenter)
