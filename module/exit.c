// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM exits: exit reason -> handler.
 *
 * SDM vol. 3, appendix C, "VMX Basic Exit Reasons".
 */
#include <linux/kvm_para.h>
#include <linux/nospec.h>
#include <asm/debugreg.h>
#include <asm/traps.h>

#include "compat.h"
#include "cpuid.h"
#include "ept.h"
#include "exit.h"
#include "skip_insn.h"
#include "vcpu.h"

static int internal_error(struct vcpu *vcpu, u32 suberror)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 3;
	run->internal.data[0] = vcpu->exit.reason;
	run->internal.data[1] = vcpu->exit.qualification;
	run->internal.data[2] = vcpu->exit.gpa;
	return 0;
}

static int handle_db(struct vcpu *vcpu)
{
	unsigned long bits = DR_TRAP_BITS | DR_STEP | BIT(13);

	vcpu_inject_db(vcpu, vcpu->exit.qualification & bits);
	/* INT1 is a trap, the others tell what they are by RIP. */
	if ((vcpu->exit.intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION) {
		vcpu->event.info ^= INTR_TYPE_HARD_EXCEPTION ^ INTR_TYPE_PRIV_SW_EXCEPTION;
		vcpu->event.insn_len = vcpu->exit.insn_len;
	}
	/* Delivery ends the shadow of STI and MOV SS; VM entry wants it gone before. */
	vcpu->interruptibility &= ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vcpu->dirty |= DIRTY_REGS;
	return 1;
}

/*
 * SDM vol. 2, "LOCK": #AC is the guest's own if it has asked for alignment checks; else it comes
 * of the host's split-lock detection, of which the guest knows nothing.
 */
static int handle_ac(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	bool asked = vcpu->cr0 & X86_CR0_AM && vcpu->rflags & X86_EFLAGS_AC && vcpu_cpl(vcpu) == 3;

	if (asked || !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT)) {
		vcpu_inject_exception(vcpu, AC_VECTOR, true, vcpu->exit.error_code);
		return 1;
	}
	if (compat_split_lock_handled(vcpu->rip))
		return 1;
	run->exit_reason = KVM_EXIT_EXCEPTION;
	run->ex.exception = AC_VECTOR;
	run->ex.error_code = vcpu->exit.error_code;
	return 0;
}

static int handle_exception(struct vcpu *vcpu)
{
	u32 info = vcpu->exit.intr_info;

	/* The host has had its NMI. */
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		return 1;
	switch (info & INTR_INFO_VECTOR_MASK) {
	case MC_VECTOR:
		return 1;
	case DB_VECTOR:
		return handle_db(vcpu);
	case AC_VECTOR:
		return handle_ac(vcpu);
	}
	return internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}

static int handle_interrupt(struct vcpu *vcpu)
{
	return 1;
}

/** exit_shutdown() - SDM vol. 3, "Shutdown State": what the machine does then, the client knows */
int exit_shutdown(struct vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

/* What ends the halt is known where the local APIC is. */
static int handle_hlt(struct vcpu *vcpu)
{
	vcpu_skip_insn(vcpu);
	if (vcpu->lapic) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return 1;
	}
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}

/* The guest can take what waits: run.c and interrupt.c look each time. */
static int handle_window(struct vcpu *vcpu)
{
	return 1;
}

static int handle_nop(struct vcpu *vcpu)
{
	vcpu_skip_insn(vcpu);
	return 1;
}

static int handle_ud(struct vcpu *vcpu)
{
	vcpu_inject_exception(vcpu, UD_VECTOR, false, 0);
	return 1;
}

static int handle_gp(struct vcpu *vcpu)
{
	vcpu_inject_gp(vcpu);
	return 1;
}

/* Without MONITOR in CPUID these are no instructions; KVM's quirk runs them as NOPs. */
static int handle_monitor(struct vcpu *vcpu)
{
	if (READ_ONCE(vcpu->vm->disabled_quirks) & KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS &&
	    !cpuid_has_monitor(vcpu))
		return handle_ud(vcpu);
	return handle_nop(vcpu);
}

/* KVM's hypercall protocol: no call is known, and none is for user mode. */
static int handle_vmcall(struct vcpu *vcpu)
{
	long ret = vcpu_cpl(vcpu) ? -KVM_EPERM : -KVM_ENOSYS;

	vcpu->vmenter.regs[GPR_RAX] = vcpu_is_64bit_code(vcpu) ? ret : (u32)ret;
	vcpu_skip_insn(vcpu);
	return 1;
}

/* SDM vol. 3, table "Exit Qualification for EPT Violations". */
static int handle_ept_violation(struct vcpu *vcpu)
{
	bool write = vcpu->exit.qualification & EPT_VIOLATION_ACC_WRITE;
	int ret = ept_fault(vcpu->vm, vcpu->exit.gpa, write);

	if (ret != -ENXIO)
		return ret ?: 1;
	return handle_mmio(vcpu);
}

#define EXIT_REASON_GETSEC	11
/* Known to later kernels. */
#ifndef EXIT_REASON_SEAMCALL
#define EXIT_REASON_SEAMCALL	76
#endif
#ifndef EXIT_REASON_TDCALL
#define EXIT_REASON_TDCALL	77
#endif

static int (*const handlers[])(struct vcpu *vcpu) = {
	[EXIT_REASON_EXCEPTION_NMI] = handle_exception,
	[EXIT_REASON_EXTERNAL_INTERRUPT] = handle_interrupt,
	[EXIT_REASON_TRIPLE_FAULT] = exit_shutdown,
	[EXIT_REASON_INTERRUPT_WINDOW] = handle_window,
	[EXIT_REASON_NMI_WINDOW] = handle_window,
	[EXIT_REASON_HLT] = handle_hlt,
	[EXIT_REASON_GETSEC] = handle_ud,
	[EXIT_REASON_INVD] = handle_nop,
	[EXIT_REASON_RDPMC] = handle_gp,
	[EXIT_REASON_VMCALL] = handle_vmcall,
	[EXIT_REASON_VMCLEAR] = handle_ud,
	[EXIT_REASON_VMLAUNCH] = handle_ud,
	[EXIT_REASON_VMPTRLD] = handle_ud,
	[EXIT_REASON_VMPTRST] = handle_ud,
	[EXIT_REASON_VMREAD] = handle_ud,
	[EXIT_REASON_VMRESUME] = handle_ud,
	[EXIT_REASON_VMWRITE] = handle_ud,
	[EXIT_REASON_VMOFF] = handle_ud,
	[EXIT_REASON_VMON] = handle_ud,
	[EXIT_REASON_INVEPT] = handle_ud,
	[EXIT_REASON_INVVPID] = handle_ud,
	[EXIT_REASON_VMFUNC] = handle_ud,
	[EXIT_REASON_CR_ACCESS] = handle_cr_access,
	[EXIT_REASON_DR_ACCESS] = handle_dr_access,
	[EXIT_REASON_IO_INSTRUCTION] = handle_io,
	/* Those that the fast path left. */
	[EXIT_REASON_MSR_READ] = handle_rdmsr,
	[EXIT_REASON_MSR_WRITE] = handle_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION] = handle_monitor,
	[EXIT_REASON_MONITOR_INSTRUCTION] = handle_monitor,
	[EXIT_REASON_EPT_VIOLATION] = handle_ept_violation,
	[EXIT_REASON_WBINVD] = handle_nop,
	[EXIT_REASON_XSETBV] = handle_xsetbv,
	[EXIT_REASON_ENCLS] = handle_ud,
	[EXIT_REASON_SEAMCALL] = handle_ud,
	[EXIT_REASON_TDCALL] = handle_ud,
};

/**
 * exit_handle() - deal with the exit that vcpu->exit describes
 * @vcpu: the vCPU
 *
 * Context: the vCPU is not loaded; may sleep.
 * Return: 1 to enter the guest again, 0 to return to the client, whose
 * exit_reason is set, or a negative errno for KVM_RUN to return.
 */
int exit_handle(struct vcpu *vcpu)
{
	u32 reason = vcpu->exit.reason;

	if (reason < ARRAY_SIZE(handlers)) {
		reason = array_index_nospec(reason, ARRAY_SIZE(handlers));
		if (handlers[reason])
			return handlers[reason](vcpu);
	}
	return internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}
