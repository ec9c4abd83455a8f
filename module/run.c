// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: into the guest and back, until the client has something to do.
 *
 * Three loops, from the inside out. With interrupts off, in enter.c: VM entry, VM
 * exit, and again at once if the exit was an RDMSR, WRMSR or CPUID that needs
 * nothing more. With preemption off: host interrupts. With everything on: exits
 * whose handling may sleep, signals, rescheduling.
 */
#include <linux/sched/signal.h>
#include <linux/swait.h>
#include <asm/traps.h>

#include "compat.h"
#include "exit.h"
#include "interrupt.h"
#include "kick.h"
#include "lapic.h"
#include "vcpu.h"
#include "vmx_root.h"
#include "vmx_window.h"

/* A machine check came while the guest ran: it is the host's. NMIs are vcpu_enter_end()'s. */
static void give_machine_check_to_host(u32 reason)
{
	u32 mask = INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK;

	if ((u16)reason == EXIT_REASON_MCE_DURING_VMENTRY ||
	    (reason == EXIT_REASON_EXCEPTION_NMI &&
	     (vmread32(VM_EXIT_INTR_INFO) & mask) == (INTR_TYPE_HARD_EXCEPTION | MC_VECTOR)))
		compat_machine_check();
}

/*
 * SDM vol. 3, "Resuming Guest Software after Handling an Exception": an IRET that
 * faulted has ended the blocking of NMIs too early.
 */
static void block_nmis_again(u32 reason)
{
	u32 info;
	bool unblocked = false;

	switch (reason) {
	case EXIT_REASON_EPT_VIOLATION:
		unblocked = vmreadl(EXIT_QUALIFICATION) & INTR_INFO_UNBLOCK_NMI;
		break;
	case EXIT_REASON_EXCEPTION_NMI:
		info = vmread32(VM_EXIT_INTR_INFO);
		unblocked = info & INTR_INFO_UNBLOCK_NMI &&
			    (info & INTR_INFO_VECTOR_MASK) != DF_VECTOR;
		break;
	}
	if (unblocked)
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO,
			  vmread32(GUEST_INTERRUPTIBILITY_INFO) | GUEST_INTR_STATE_NMI);
}

/* SDM vol. 3, "Information for VM Exits That Occur During Event Delivery". */
static void requeue_event(struct vcpu *vcpu, u32 reason)
{
	u32 info = vmread32(IDT_VECTORING_INFO_FIELD);

	if (!(info & VECTORING_INFO_VALID_MASK)) {
		vcpu->exit.vectoring = 0;
		block_nmis_again(reason);
		return;
	}
	vcpu->exit.vectoring = info;
	/* Bit 12 is not for reuse. */
	vcpu->event.info = info & ~BIT(12);
	vcpu->event.raised = false;
	if (info & VECTORING_INFO_DELIVER_CODE_MASK)
		vcpu->event.error_code = vmread32(IDT_VECTORING_ERROR_CODE);
	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
		vcpu->event.insn_len = vmread32(VM_EXIT_INSTRUCTION_LEN);
		break;
	default:
		vcpu->event.insn_len = 0;
	}
	interrupt_put_back(vcpu);
}

/* What the handlers will want to know; the VMCS is not current when they run. */
static void read_exit(struct vcpu *vcpu, u32 reason)
{
	struct vcpu_exit *exit = &vcpu->exit;

	exit->reason = reason;
	exit->cpu = smp_processor_id();
	exit->gpa = 0;
	if (reason == EXIT_VMFAIL) {
		exit->qualification = vmread32(VM_INSTRUCTION_ERROR);
		return;
	}
	exit->qualification = vmreadl(EXIT_QUALIFICATION);
	exit->insn_len = vmread32(VM_EXIT_INSTRUCTION_LEN);
	switch (reason) {
	case EXIT_REASON_EXCEPTION_NMI:
		exit->intr_info = vmread32(VM_EXIT_INTR_INFO);
		exit->error_code = vmread32(VM_EXIT_INTR_ERROR_CODE);
		break;
	case EXIT_REASON_EPT_VIOLATION:
	case EXIT_REASON_EPT_MISCONFIG:
		exit->gpa = vmread64(GUEST_PHYSICAL_ADDRESS);
		exit->linear = vmreadl(GUEST_LINEAR_ADDRESS);
		break;
	case EXIT_REASON_IO_INSTRUCTION:
		exit->linear = vmreadl(GUEST_LINEAR_ADDRESS);
		exit->insn_info = vmread32(VMX_INSTRUCTION_INFO);
		break;
	}
}

static void flush_if_asked(struct vcpu *vcpu)
{
	unsigned long gen = READ_ONCE(vcpu->vm->tlb_gen);

	if (vcpu->tlb_gen == gen)
		return;
	vcpu->tlb_gen = gen;
	vmx_root_invept(vcpu->vm->eptp);
}

/* One that exit_handle_fast() has not dealt with, and counted. */
static void count_exit(struct vcpu *vcpu, u32 reason)
{
	if ((u16)reason < VCPU_EXIT_REASONS)
		vcpu->stats.exits[(u16)reason]++;
}

/* The tick that ended the guest's turn is the guest's. Context: interrupts off. */
static void end_turn(void)
{
	local_irq_enable();
	cpu_relax();
	local_irq_disable();
	guest_timing_exit_irqoff();
}

/*
 * Run with preemption off until an exit needs more, or the host does.
 * Returns 1 when vcpu->exit says what happened, 0 when nothing did, or an error.
 *
 * With vmx_windows interrupts stay off up to the end of vcpu_switch_out(), so there
 * is one turn.
 */
static int run_with_preemption_off(struct vcpu *vcpu)
{
	bool entered = false;
	u32 reason;
	int ret;

	ret = vcpu_switch_in(vcpu);
	if (ret) {
		if (ret != -EAGAIN)
			return ret;
		/* Awake again, the task is on another CPU. */
		schedule_timeout_uninterruptible(1);
		return 0;
	}

	local_irq_disable();
	for (;;) {
		kick_guest_begin(vcpu->vm);
		/* Softirqs do not count the first time: ksoftirqd may sit on them for long. */
		if (xfer_to_guest_mode_work_pending() || (entered && compat_softirqs_wait()) ||
		    READ_ONCE(vcpu->requests) & (BIT(REQUEST_INIT) | BIT(REQUEST_SIPI)) ||
		    !vmx_root_is_current(&vcpu->vmcs)) {
			reason = EXIT_NOT_ENTERED;
			break;
		}
		entered = true;
		flush_if_asked(vcpu);
		if (vcpu->filter_gen != READ_ONCE(vcpu->vm->filter_gen))
			msr_bitmap_update(vcpu);
		interrupt_prepare(vcpu);
		if (vcpu->vmcs.launched)
			vcpu->vmenter.flags |= BIT(VMENTER_LAUNCHED_BIT);

		vcpu_enter_begin(vcpu);
		guest_timing_enter_irqoff();
		reason = vcpu_enter(vcpu);
		vcpu_enter_end(vcpu, reason);
		give_machine_check_to_host(reason);
		kick_guest_end();
		if (!(reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
			requeue_event(vcpu, reason);

		count_exit(vcpu, reason);
		if (vmx_windows)
			break;
		end_turn();

		if (reason != EXIT_REASON_EXTERNAL_INTERRUPT)
			break;
	}
	kick_guest_end();
	if (!vmx_windows)
		local_irq_enable();

	if (reason != EXIT_NOT_ENTERED)
		read_exit(vcpu, reason);
	vcpu_switch_out(vcpu);
	if (vmx_windows && entered) {
		local_irq_disable();
		end_turn();
		local_irq_enable();
	}
	if (vcpu->run_error)
		return vcpu->run_error;
	return reason != EXIT_NOT_ENTERED && reason != EXIT_REASON_EXTERNAL_INTERRUPT;
}

/* SDM vol. 3, appendix C: bit 31 of the exit reason. VMfail: the error number. */
static int report_failed_entry(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason =
		vcpu->exit.reason == EXIT_VMFAIL ? vcpu->exit.qualification : vcpu->exit.reason;
	run->fail_entry.cpu = vcpu->exit.cpu;
	return 0;
}

/*
 * The guest has halted, or its processor waits for INIT or SIPI. Until there is
 * something for it, or a signal for the thread.
 */
static void sleep_while_guest_does(struct vcpu *vcpu)
{
	int interrupted;

	interrupted = swait_event_interruptible_exclusive(vcpu->wait, lapic_wakes(vcpu));
	/* run_loop() looks for the signal. */
	if (!interrupted && vcpu->mp_state == KVM_MP_STATE_HALTED)
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
}

static int run_loop(struct vcpu *vcpu)
{
	int ret;

	for (;;) {
		if (vcpu->run_error)
			return vcpu->run_error;
		if (signal_pending(current)) {
			vcpu->run->exit_reason = KVM_EXIT_INTR;
			return -EINTR;
		}
		ret = compat_handle_work();
		if (ret)
			continue;

		if (test_and_clear_bit(REQUEST_SHUTDOWN, &vcpu->requests))
			return exit_shutdown(vcpu);
		ret = lapic_accept_requests(vcpu);
		if (ret)
			return ret;
		if (vcpu->mp_state != KVM_MP_STATE_RUNNABLE) {
			sleep_while_guest_does(vcpu);
			continue;
		}

		ret = run_with_preemption_off(vcpu);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		if (vcpu->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
			return report_failed_entry(vcpu);
		ret = exit_handle(vcpu);
		if (ret <= 0)
			return ret;
		if (interrupt_window_wanted(vcpu) && interrupt_window_is_open(vcpu)) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return 0;
		}
	}
}

static int complete_exit(struct vcpu *vcpu)
{
	int (*complete)(struct vcpu *vcpu) = vcpu->complete;
	int ret;

	vcpu->complete = NULL;
	vcpu->complete_failed = false;
	/* If the client has sent the vCPU elsewhere, the instruction is not to be completed. */
	if (!complete || vcpu->rip != vcpu->complete_rip)
		return 1;
	ret = complete(vcpu);
	/* After an error the client may try again, and what its device has said is not lost. */
	if (ret < 0) {
		vcpu->complete = complete;
		vcpu->complete_failed = true;
	}
	return ret;
}

static int run_once(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int ret, not_given;

	if (vcpu->run_error)
		return vcpu->run_error;
	ret = sync_regs_take(vcpu);
	if (ret)
		return ret;
	if (!vcpu->lapic && vcpu_set_cr8(vcpu, READ_ONCE(run->cr8)))
		return -EINVAL;

	run->flags = 0;
	WRITE_ONCE(vcpu->task, current);
	ret = complete_exit(vcpu);
	if (ret > 0)
		ret = READ_ONCE(run->COMPAT_IMMEDIATE_EXIT) ? -EINTR : run_loop(vcpu);
	WRITE_ONCE(vcpu->task, NULL);
	if (vcpu->lapic)
		lapic_timer_settle(vcpu->lapic);

	run->if_flag = !!(vcpu->rflags & X86_EFLAGS_IF);
	run->ready_for_interrupt_injection = vcpu->lapic || interrupt_window_is_open(vcpu);
	run->cr8 = vcpu_get_cr8(vcpu);
	run->apic_base = vcpu->msrs[MSR_SLOT_APIC_BASE];
	not_given = sync_regs_give(vcpu);
	/* An exit of which the client does not learn is lost. After an error there was none. */
	if (not_given && !ret)
		vcpu->run_error = not_given;
	return not_given ?: ret;
}

/**
 * vcpu_run() - KVM_RUN
 * @vcpu: the vCPU
 *
 * Context: the vCPU's mutex is held.
 * Return: 0 with vcpu->run->exit_reason telling why; -EINTR for a signal or
 * immediate_exit; -EFAULT if guest memory is gone from the process; -EINVAL if
 * what the client says in struct kvm_run is not valid; -ESHUTDOWN once the
 * machine is going down.
 */
int vcpu_run(struct vcpu *vcpu)
{
	int ret;

	vcpu_sigmask_begin(vcpu);
	ret = run_once(vcpu);
	vcpu_sigmask_end(vcpu);
	return ret;
}
