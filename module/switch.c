// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU comes to a CPU and goes again.
 *
 *	vcpu_switch_in()		preemption off; FPU, MSRs, VMCS are the guest's
 *	  vcpu_enter_begin()	interrupts off; debug registers too, the host's PEBS is off
 *	    the guest runs	CR2 and PKRU: enter.c
 *	  vcpu_enter_end()
 *	vcpu_switch_out()		all is the host's again; preemption on
 *
 * A VM exit brings back less than one would think. It leaves the GDT and IDT
 * limits at 0xffff, the TR limit at 0x67, LDTR empty, DR7 at 0x400 and DEBUGCTL
 * at 0 (SDM vol. 3, "Loading Host Segment and Descriptor-Table Registers" and
 * "Loading Host Control Registers, Debug Registers, MSRs"), and the selectors
 * that the VMCS holds for the host cannot have user space's RPL.
 */
#include <linux/cpu.h>
#include <linux/sched/smt.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/api.h>
#include <asm/fsgsbase.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>

#include "compat.h"
#include "fpu.h"
#include "skip_insn.h"
#include "vcpu.h"
#include "vmx_root.h"

/* Without an instruction for it, the L1D is flushed by reading more than it holds. */
#define L1D_FILL_ORDER	4
#define L1D_FILL_SIZE	(PAGE_SIZE << L1D_FILL_ORDER)

/* The vCPU that ran last on this CPU, by its serial number. */
static DEFINE_PER_CPU(u64, last_guest);

static u32 mitigation_flags __ro_after_init;
static bool flush_l1d __ro_after_init;
static bool host_has_pebs __ro_after_init;
/* Of IA32_PEBS_ENABLE, those that have the same place in IA32_PERF_GLOBAL_CTRL */
static u64 pebs_counters __ro_after_init;
static u8 *l1d_fill __ro_after_init;

/**
 * vcpu_switch_init() - what of this CPU needs care at VM entry and exit
 *
 * Where the kernel has finer knobs for one of its bugs, this is the careful setting;
 * mitigations=off turns them off here too.
 *
 * Return: 0 or -ENOMEM
 */
int __init vcpu_switch_init(void)
{
	u64 unused, capabilities;

	host_has_pebs = !rdmsrq_safe(MSR_IA32_PEBS_ENABLE, &unused) &&
			!rdmsrq_safe(MSR_CORE_PERF_GLOBAL_CTRL, &unused);
	/* SDM vol. 3, "PEBS Load Latency Facility": else the upper half has other bits. */
	pebs_counters = !rdmsrq_safe(MSR_IA32_PERF_CAPABILITIES, &capabilities) &&
			capabilities & PERF_CAP_PEBS_BASELINE ? U64_MAX : U32_MAX;
	if (cpu_mitigations_off())
		return 0;
	if (boot_cpu_has_bug(X86_BUG_MDS) || boot_cpu_has_bug(X86_BUG_TAA) ||
	    boot_cpu_has_bug(X86_BUG_MMIO_STALE_DATA) || boot_cpu_has_bug(X86_BUG_RFDS))
		mitigation_flags |= BIT(VMENTER_VERW_BIT);
	if (boot_cpu_has(X86_FEATURE_KERNEL_IBRS))
		mitigation_flags |= BIT(VMENTER_SPEC_CTRL_OUT);
	flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF);
	if (flush_l1d && sched_smt_active())
		pr_warn("this CPU has L1TF, and SMT is on: a guest can read what the other thread of its core uses\n");
	if (flush_l1d && !boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		l1d_fill = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, L1D_FILL_ORDER);
		if (!l1d_fill)
			return -ENOMEM;
	}
	return 0;
}

/** vcpu_switch_exit() - the counterpart of vcpu_switch_init() */
void vcpu_switch_exit(void)
{
	free_pages((unsigned long)l1d_fill, L1D_FILL_ORDER);
}

/* What the host has touched is not to be in the L1D when a guest can speculate. */
static void flush_l1d_cache(void)
{
	unsigned long i;

	if (!l1d_fill) {
		native_wrmsrq(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	/* Pages first, so that the second pass does not miss the TLB. */
	for (i = 0; i < L1D_FILL_SIZE; i += PAGE_SIZE)
		READ_ONCE(l1d_fill[i]);
	for (i = 0; i < L1D_FILL_SIZE; i += 64)
		READ_ONCE(l1d_fill[i]);
	/* All of it is read before the guest runs. */
	rmb();
}

static unsigned long read_fs_base(void)
{
	return boot_cpu_has(X86_FEATURE_FSGSBASE) ? rdfsbase() : native_read_msr(MSR_FS_BASE);
}

static void write_fs_base(unsigned long base)
{
	if (boot_cpu_has(X86_FEATURE_FSGSBASE))
		wrfsbase(base);
	else
		native_wrmsrq(MSR_FS_BASE, base);
}

static void save_host_segments(struct host_state *host)
{
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	savesegment(ds, host->ds);
	savesegment(es, host->es);
	store_ldt(host->ldt);
	/* User space changes its base without telling the kernel: read the register. */
	host->fs_base = read_fs_base();
	store_idt(&host->idt);
	vmwritel(HOST_FS_BASE, host->fs_base);
}

static void restore_host_segments(const struct host_state *host)
{
	load_fixmap_gdt(smp_processor_id());
	native_load_idt(&host->idt);
	/* Without the limit, processes with an I/O bitmap would fault. */
	invalidate_tss_limit();

	if (host->ldt)
		asm volatile("lldt %0" : : "m" (host->ldt));
	if (host->ds | host->es) {
		loadsegment(ds, host->ds);
		loadsegment(es, host->es);
	}
	if (host->fs) {
		loadsegment(fs, host->fs);
		write_fs_base(host->fs_base);
	}
	/* Changes KERNEL_GS_BASE: the guest's is saved by now, the host's comes after. */
	if (host->gs)
		load_gs_index(host->gs);
}

/*
 * SDM vol. 3, "Checks on Guest Non-Register State": a guest that steps has, in the shadow of STI or
 * MOV SS, a #DB that waits for the shadow's end; one that does not step has none. The client knows
 * nothing of it.
 */
static void load_step(const struct vcpu *vcpu)
{
	unsigned long pending = vmreadl(GUEST_PENDING_DBG_EXCEPTIONS);

	pending &= ~DR_STEP;
	if (vcpu->rflags & X86_EFLAGS_TF && vcpu->interruptibility & SHADOWS)
		pending |= DR_STEP;
	vmwritel(GUEST_PENDING_DBG_EXCEPTIONS, pending);
}

static void load_dirty(struct vcpu *vcpu)
{
	if (vcpu->dirty & DIRTY_REGS) {
		vmwritel(GUEST_RIP, vcpu->rip);
		vmwritel(GUEST_RSP, vcpu->vmenter.regs[GPR_RSP]);
		vmwritel(GUEST_RFLAGS, vcpu->rflags);
		/* There is no shadow of an STI that was not: VM entry refuses it. */
		if (!(vcpu->rflags & X86_EFLAGS_IF))
			vcpu->interruptibility &= ~GUEST_INTR_STATE_STI;
		vmwrite32(GUEST_INTERRUPTIBILITY_INFO, vcpu->interruptibility);
		/* A guest whose HLT does not exit was in it: now it goes on from there. */
		vmwrite32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	}
	if (vcpu->dirty & DIRTY_STEP)
		load_step(vcpu);
	if (vcpu->dirty & DIRTY_CRS)
		vcpu_write_crs(vcpu);
	if (vcpu->dirty & DIRTY_TSC)
		tsc_write(vcpu);
	if (vcpu->dirty & DIRTY_DEBUG)
		vmwritel(GUEST_DR7, vcpu->dr7);
	vcpu->dirty = 0;
}

/**
 * vcpu_switch_in() - make this CPU ready to run the vCPU
 * @vcpu: the vCPU
 *
 * Context: preemption and interrupts on. Afterwards preemption is off and
 * nothing may sleep until vcpu_switch_out(). With vmx_windows interrupts are off, too.
 * Return: 0, or an error of vcpu_load_vmcs(): nothing was loaded.
 */
int vcpu_switch_in(struct vcpu *vcpu)
{
	int ret;

	kernel_fpu_begin_mask(0);
	ret = vcpu_load_vmcs(vcpu);
	if (ret) {
		kernel_fpu_end();
		return ret;
	}
	/* One guest shall not train the branch predictor for another. */
	if (this_cpu_read(last_guest) != vcpu->serial) {
		this_cpu_write(last_guest, vcpu->serial);
		compat_ibpb();
	}

	vcpu->vmenter.flags = mitigation_flags;
	save_host_segments(&vcpu->host);
	load_dirty(vcpu);
	msr_load_guest(vcpu);
	fpu_load_guest(vcpu);
	vcpu->loaded = true;
	return 0;
}

/**
 * vcpu_switch_out() - give the CPU back to the host
 * @vcpu: the vCPU
 *
 * Context: after vcpu_switch_in(), interrupts as that left them. Afterwards both are on, and
 * rip, rflags and the rest of struct vcpu are up to date, or vcpu->run_error is set.
 */
void vcpu_switch_out(struct vcpu *vcpu)
{
	vcpu->loaded = false;
	vcpu->rip = vmreadl(GUEST_RIP);
	vcpu->vmenter.regs[GPR_RSP] = vmreadl(GUEST_RSP);
	vcpu->rflags = vmreadl(GUEST_RFLAGS);
	vcpu->interruptibility = vmread32(GUEST_INTERRUPTIBILITY_INFO);
	vcpu_read_crs(vcpu);
	/* A reboot has begun, and what was read, the exit included, may be nothing. */
	if (!vmx_root_is_current(&vcpu->vmcs))
		vcpu->run_error = -ESHUTDOWN;

	fpu_save_guest(vcpu);
	msr_save_guest(vcpu);
	restore_host_segments(&vcpu->host);
	msr_load_host(vcpu);
	vmx_root_put_vmcs(&vcpu->vmcs);
	compat_guest_has_run();
	kernel_fpu_end();
}

#define DR7_ENABLES	0xff

static void load_guest_debug_regs(struct vcpu *vcpu)
{
	struct host_state *host = &vcpu->host;

	host->dr7 = native_get_debugreg(7);
	host->debugctl = native_read_msr(MSR_IA32_DEBUGCTLMSR);
	if (!(vcpu->dr7 & DR7_ENABLES))
		return;
	host->dr[0] = native_get_debugreg(0);
	host->dr[1] = native_get_debugreg(1);
	host->dr[2] = native_get_debugreg(2);
	host->dr[3] = native_get_debugreg(3);
	/* The host's breakpoints shall not trap on the guest's addresses. */
	native_set_debugreg(7, 0);
	native_set_debugreg(0, vcpu->dr[0]);
	native_set_debugreg(1, vcpu->dr[1]);
	native_set_debugreg(2, vcpu->dr[2]);
	native_set_debugreg(3, vcpu->dr[3]);
}

static __always_inline void restore_host_debug_regs(struct vcpu *vcpu)
{
	const struct host_state *host = &vcpu->host;

	if (vcpu->dr7 & DR7_ENABLES) {
		native_set_debugreg(0, host->dr[0]);
		native_set_debugreg(1, host->dr[1]);
		native_set_debugreg(2, host->dr[2]);
		native_set_debugreg(3, host->dr[3]);
	}
	if (host->dr7 & DR7_ENABLES)
		native_set_debugreg(7, host->dr7);
	if (host->debugctl)
		native_wrmsrq(MSR_IA32_DEBUGCTLMSR, host->debugctl);
}

/*
 * PEBS has the CPU write records to linear addresses, and in the guest those are the guest's. What
 * the host's events have begun to write ends before, and those that write do not count there. If
 * the kernel's NMI handler switches it on again meanwhile, VM entry switches it off.
 */
static void stop_host_pebs(struct vcpu *vcpu)
{
	struct host_state *host = &vcpu->host;
	bool was_off = !host->pebs_enable;

	host->pebs_enable = native_read_msr(MSR_IA32_PEBS_ENABLE);
	if (!host->pebs_enable) {
		if (!was_off)
			vmwrite32(VM_ENTRY_MSR_LOAD_COUNT, 0);
		return;
	}
	native_wrmsrq(MSR_IA32_PEBS_ENABLE, 0);
	host->perf_global_ctrl = native_read_msr(MSR_CORE_PERF_GLOBAL_CTRL);
	vcpu->pebs_off[0] = (struct vmx_msr_entry){
		.index = MSR_CORE_PERF_GLOBAL_CTRL,
		.value = host->perf_global_ctrl & ~(host->pebs_enable & pebs_counters),
	};
	vcpu->pebs_off[1] = (struct vmx_msr_entry){ .index = MSR_IA32_PEBS_ENABLE };
	vmwrite32(VM_ENTRY_MSR_LOAD_COUNT, PEBS_MSRS);
}

static __always_inline void resume_host_pebs(const struct host_state *host)
{
	if (!host->pebs_enable)
		return;
	native_wrmsrq(MSR_IA32_PEBS_ENABLE, host->pebs_enable);
	native_wrmsrq(MSR_CORE_PERF_GLOBAL_CTRL, host->perf_global_ctrl);
}

/**
 * vcpu_enter_begin() - the last of the guest's state, before VM entry
 * @vcpu: the vCPU
 *
 * Context: vcpu_switch_in() done, interrupts off.
 */
void vcpu_enter_begin(struct vcpu *vcpu)
{
	struct host_state *host = &vcpu->host;
	unsigned long cr3 = __read_cr3();
	unsigned long cr4 = vmx_root_host_cr4();

	if (host->cr3 != cr3) {
		vmwritel(HOST_CR3, cr3);
		host->cr3 = cr3;
	}
	if (host->cr4 != cr4) {
		vmwritel(HOST_CR4, cr4);
		host->cr4 = cr4;
	}
	/* An interrupt between two turns may have changed the host's: SMT comes and goes. */
	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL)) {
		vcpu->vmenter.host_spec_ctrl = native_read_msr(MSR_IA32_SPEC_CTRL);
		msr_update_spec_ctrl(vcpu);
	}
	load_guest_debug_regs(vcpu);
	if (host_has_pebs)
		stop_host_pebs(vcpu);
	/* Once for a row of entries: in between only minihv has run. */
	if (flush_l1d)
		flush_l1d_cache();
}

/*
 * An NMI came while the guest ran: it is the host's. Others are blocked from the exit to the
 * next IRET. That is to be the handler's, and not that of a breakpoint, which would let a
 * second NMI in where the first has just begun.
 */
static __always_inline void give_nmi_to_host(u32 reason)
{
	u32 info;

	if (reason != EXIT_REASON_EXCEPTION_NMI)
		return;
	instrumentation_begin();
	info = vmread32(VM_EXIT_INTR_INFO);
	instrumentation_end();
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		asm volatile("int $2" : : : "memory");
}

/**
 * vcpu_enter_end() - undo vcpu_enter_begin(), after VM exit
 * @vcpu: the vCPU
 * @reason: the exit reason; if an NMI was it, the host gets it before its breakpoints are back
 *
 * Context: interrupts still off.
 */
noinstr void vcpu_enter_end(struct vcpu *vcpu, u32 reason)
{
	resume_host_pebs(&vcpu->host);
	give_nmi_to_host(reason);
	restore_host_debug_regs(vcpu);
}
