// SPDX-License-Identifier: GPL-2.0-only
/*
 * The innermost loop: VM entry, VM exit, and again, with interrupts off.
 *
 *	vcpu_enter()			run.c calls it for each turn of the guest
 *	  minihv_vmenter()		vmenter.S: to the guest and back
 *	    minihv_exit_fast()		after each exit; as long as it says so, entry again
 */
#include <linux/sched.h>
#include <asm/fpu/types.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "exit.h"
#include "interrupt.h"
#include "vcpu.h"

static bool host_has_work(void)
{
	return xfer_to_guest_mode_work_pending() || compat_softirqs_wait();
}

/* SDM vol. 3, "VM-Entry Controls for Event Injection". The VM exit clears the valid bit. */
static __always_inline void write_event(struct vcpu *vcpu)
{
	const struct vcpu_event *event = &vcpu->event;
	u32 info = event->info;

	if (likely(!info))
		return;
	/*
	 * SDM vol. 3, "Checks on VM-Entry Control Fields": real mode has no error codes, and
	 * they have 16 bits. A client may have set the mode after the event, and what was not
	 * delivered comes back as the CPU has reported it.
	 */
	if (!(vcpu->cr0 & X86_CR0_PE))
		info &= ~INTR_INFO_DELIVER_CODE_MASK;
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		vmwrite32(VM_ENTRY_EXCEPTION_ERROR_CODE, (u16)event->error_code);
	if (event->insn_len)
		vmwrite32(VM_ENTRY_INSTRUCTION_LEN, event->insn_len);
	vmwrite32(VM_ENTRY_INTR_INFO_FIELD, info);
}

/* Whatever was to be delivered was not; write_event() says it again. */
static void entry_failed(struct vcpu *vcpu)
{
	vmwrite32(VM_ENTRY_INTR_INFO_FIELD, 0);
	interrupt_put_back(vcpu);
}

/*
 * XRSTOR reaches PKRU by way of XCR0, RDPKRU and WRPKRU by way of CR4. Host code
 * that touches user memory (tracing does) must not run with the guest's.
 */
static __always_inline bool switches_pkru(const struct vcpu *vcpu)
{
	return cpu_feature_enabled(X86_FEATURE_OSPKE) &&
	       (vcpu->cr4 & X86_CR4_PKE || vcpu->xcr0 & XFEATURE_MASK_PKRU);
}

/*
 * Does the kernel want to know of each single entry? Where it only wants to know
 * that this CPU is not in a read-side critical section, once for a row of entries
 * will do.
 */
static __always_inline bool tracks_each_entry(void)
{
	return IS_ENABLED(CONFIG_TRACE_IRQFLAGS) || context_tracking_enabled();
}

/* The last before an entry, and the first after an exit; the kernel must not be traced here. */
static __always_inline void before_entry(struct vcpu *vcpu)
{
	/* CR2 is nowhere in the VMCS, and any page fault of the host changes it. */
	if (native_read_cr2() != vcpu->cr2)
		native_write_cr2(vcpu->cr2);
	if (switches_pkru(vcpu)) {
		vcpu->host.pkru = rdpkru();
		wrpkru(vcpu->pkru);
	}
	if (tracks_each_entry())
		guest_state_enter_irqoff();
}

static __always_inline void after_exit(struct vcpu *vcpu)
{
	vcpu->cr2 = native_read_cr2();
	if (switches_pkru(vcpu)) {
		vcpu->pkru = rdpkru();
		wrpkru(vcpu->host.pkru);
	}
	if (tracks_each_entry())
		guest_state_exit_irqoff();
}

/**
 * minihv_exit_fast() - deal with an exit on the spot, if that is possible
 * @vmenter: of the vCPU
 *
 * Called by vmenter.S after each VM exit. In vcpu->exit.reason it leaves the exit
 * reason, or EXIT_NOT_ENTERED.
 *
 * Context: interrupts off.
 * Return: true to enter the guest again.
 */
noinstr bool minihv_exit_fast(struct vmenter *vmenter)
{
	struct vcpu *vcpu = container_of(vmenter, struct vcpu, vmenter);
	u32 reason;

	after_exit(vcpu);
	instrumentation_begin();
	reason = vmread32(VM_EXIT_REASON);
	vcpu->exit.reason = reason;
	if (unlikely(reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		goto out;
	vmenter->flags |= BIT(VMENTER_LAUNCHED_BIT);
	vcpu->event.info = 0;
	if (!exit_handle_fast(vcpu, reason))
		goto out;
	if (unlikely(host_has_work())) {
		vcpu->exit.reason = EXIT_NOT_ENTERED;
		goto out;
	}
	write_event(vcpu);
	instrumentation_end();
	before_entry(vcpu);
	return true;
out:
	instrumentation_end();
	return false;
}

/**
 * vcpu_enter() - run the guest until an exit that minihv_exit_fast() leaves to others
 * @vcpu: the vCPU, loaded, vcpu_enter_begin() done
 *
 * Context: interrupts off.
 * Return: the exit reason as the VMCS has it, EXIT_NOT_ENTERED or EXIT_VMFAIL.
 */
noinstr u32 vcpu_enter(struct vcpu *vcpu)
{
	bool failed;

	instrumentation_begin();
	write_event(vcpu);
	if (!tracks_each_entry())
		guest_state_enter_irqoff();
	instrumentation_end();

	before_entry(vcpu);
	failed = minihv_vmenter(&vcpu->vmenter);
	if (failed)
		after_exit(vcpu);

	instrumentation_begin();
	if (!tracks_each_entry())
		guest_state_exit_irqoff();
	if (failed)
		vcpu->exit.reason = EXIT_VMFAIL;
	if (vcpu->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY &&
	    vcpu->exit.reason != EXIT_NOT_ENTERED)
		entry_failed(vcpu);
	/* Even if the last entry has failed, one before may not have. */
	if (vcpu->vmenter.flags & BIT(VMENTER_LAUNCHED_BIT)) {
		vcpu->vmcs.launched = true;
		vcpu->has_run = true;
	}
	instrumentation_end();
	return vcpu->exit.reason;
}
