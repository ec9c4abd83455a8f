// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX root operation: each online CPU has a VMXON region of its own and is in
 * VMX root for as long as the module is loaded and the CPU is online.
 *
 *	insmod, CPU comes online, resume	-> vmx_root_enter()
 *	rmmod, CPU goes, suspend, reboot	-> vmx_root_leave()
 *
 * A CPU leaves VMX root only after every VMCS that is active there has been
 * flushed to memory with VMCLEAR, so a vCPU survives all of these.
 *
 * With vmx_windows a CPU is in VMX root only from vmx_root_load_vmcs() to
 * vmx_root_put_vmcs(), see vmx_window.c. Then vmx_root_try() makes sure that it
 * could be.
 */
#include <linux/cpuhotplug.h>
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "compat.h"
#include "vmcs.h"
#include "vmx_caps.h"
#include "vmx_insn.h"
#include "vmx_root.h"
#include "vmx_window.h"

/**
 * struct vmx_cpu - VMX root on one CPU
 * @vmxon_region: this CPU's VMXON region, allocated on its own node
 * @on: the CPU is in VMX root, or may open windows
 * @current_vmcs: the current VMCS (the last VMPTRLD), or NULL
 * @active: the VMCSs that are active on this CPU
 *
 * Accessed by the CPU itself with interrupts off; @on is also read by others.
 */
struct vmx_cpu {
	struct vmcs_region *vmxon_region;
	bool on;
	struct vcpu_vmcs *current_vmcs;
	struct list_head active;
};

static DEFINE_PER_CPU(struct vmx_cpu, vmx_cpus);
static enum cpuhp_state hotplug_state;

/**
 * vmx_root_invept() - forget what this CPU has cached of one guest's memory
 * @eptp: the guest's EPT pointer
 *
 * Context: preemption disabled.
 */
void vmx_root_invept(u64 eptp)
{
	do_invept(VMX_EPT_EXTENT_CONTEXT, eptp);
}

/**
 * vmx_root_invvpid() - forget what this CPU has cached of one vCPU's linear addresses
 * @vpid: the vCPU's VPID; with 0 (no VPID) there is nothing to forget
 *
 * Context: preemption disabled.
 */
void vmx_root_invvpid(u16 vpid)
{
	if (vpid)
		do_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vpid);
}

/**
 * vmx_root_alloc_region() - allocate a VMXON or VMCS region
 * @node: the memory node to prefer
 *
 * Return: a zeroed page that begins with this host's VMCS revision identifier,
 * or NULL. To be released with free_page().
 */
struct vmcs_region *vmx_root_alloc_region(int node)
{
	struct page *page = alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO, 0);
	struct vmcs_region *region;

	if (!page)
		return NULL;
	region = page_address(page);
	/* SDM vol. 3, "Basic VMX Information": bits 30:0. */
	region->revision_id = vmx_cap(MSR_IA32_VMX_BASIC) & 0x7fffffff;
	return region;
}

/* Why VMX can't be had on this CPU; 0 if it can. Logs the reason. */
static int vmx_root_check(void)
{
	u64 feature_control;

	/* The raw bit: the kernel clears its own flag when firmware locked VMX off. */
	if (!(cpuid_ecx(1) & BIT(5))) {
		pr_err("not loaded: this CPU has no VMX (CPUID.1:ECX[5] is 0)\n");
		return -ENODEV;
	}
	if (rdmsrq_safe(MSR_IA32_FEAT_CTL, &feature_control)) {
		pr_err("not loaded: IA32_FEATURE_CONTROL (0x3a) cannot be read\n");
		return -ENODEV;
	}
	if (!(feature_control & FEAT_CTL_LOCKED)) {
		pr_err("not loaded: IA32_FEATURE_CONTROL (0x3a) is unlocked (0x%llx); firmware or the kernel has to lock it with VMX enabled\n",
		       feature_control);
		return -EPERM;
	}
	if (!(feature_control & FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX)) {
		pr_err("not loaded: VMX is locked off in IA32_FEATURE_CONTROL (0x3a is 0x%llx); enable it in the firmware setup\n",
		       feature_control);
		return -EPERM;
	}
	/* Where it could not be measured. */
	if (!tsc_khz) {
		pr_err("not loaded: the kernel does not know the frequency of the TSC\n");
		return -EOPNOTSUPP;
	}
	/* Under FRED, NMIs can't be handed to the host with INT 2. */
	if (compat_fred_in_use()) {
		pr_err("not loaded: this kernel uses FRED event delivery\n");
		return -EOPNOTSUPP;
	}
	if (compat_bhb_cannot_be_cleared()) {
		pr_err("not loaded: the kernel clears the branch history for KVM alone, and this CPU has no IBPB\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Context: the CPU in question, interrupts off. */
static int vmx_root_enter(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	phys_addr_t phys = __pa(cpu->vmxon_region);

	if (compat_cr4_shadow() & X86_CR4_VMXE) {
		pr_err("CPU %d: VMX is in use by another hypervisor (CR4.VMXE is set)\n",
		       smp_processor_id());
		return -EBUSY;
	}

	compat_cr4_set_vmxe();
	if (!do_vmxon(phys)) {
		compat_cr4_clear_vmxe();
		pr_err("CPU %d: VMXON failed (CR0 0x%lx, CR4 0x%lx)\n",
		       smp_processor_id(), read_cr0(), __read_cr4());
		return -EIO;
	}
	/* Whoever used VMX before us may have left translations behind. */
	do_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	WRITE_ONCE(cpu->on, true);
	return 0;
}

/* As vmx_root_enter(), for a moment. Context: the CPU in question, interrupts on. */
static int vmx_root_try(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	int ret;

	preempt_disable();
	ret = vmx_window_open(__pa(cpu->vmxon_region));
	if (!ret) {
		WRITE_ONCE(cpu->on, true);
		vmx_window_close();
	}
	preempt_enable();
	return ret;
}

/* Context: the CPU in question, interrupts off. */
static void vmclear_here(struct vcpu_vmcs *vmcs)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);

	if (vmcs->cpu != smp_processor_id())
		return;
	if (!do_vmclear(vmcs->phys))
		pr_err_ratelimited("CPU %d: VMCLEAR of %pa failed\n", vmcs->cpu, &vmcs->phys);
	if (cpu->current_vmcs == vmcs)
		cpu->current_vmcs = NULL;
	list_del(&vmcs->link);
	vmcs->launched = false;
	/* Whoever sees -1 may make it active elsewhere. Pairs with vmx_root_clear_vmcs(). */
	smp_store_release(&vmcs->cpu, -1);
}

/* Context: the CPU in question, interrupts off. */
static void vmx_root_leave(void *unused)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	struct vcpu_vmcs *vmcs, *next;

	if (!cpu->on)
		return;
	list_for_each_entry_safe(vmcs, next, &cpu->active, link)
		vmclear_here(vmcs);
	WRITE_ONCE(cpu->on, false);
	if (vmx_windows)
		return;
	if (!do_vmxoff())
		pr_err("CPU %d: VMXOFF faulted, somebody else left VMX root\n",
		       smp_processor_id());
	compat_cr4_clear_vmxe();
}

/**
 * vmx_root_emergency() - leave VMX root on this CPU, which will not run guests again
 *
 * What the guests' VMCSs hold is in memory then, for a dump, and the CPU will not
 * write to there any more.
 *
 * Context: any, NMI included: whatever was under way on this CPU is not continued.
 */
void vmx_root_emergency(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);
	unsigned long cr4 = __read_cr4();
	struct vcpu_vmcs *vmcs;

	if (!cpu->vmxon_region || !(cr4 & X86_CR4_VMXE))
		return;
	/* Forwards the list is whole at any moment. */
	list_for_each_entry(vmcs, &cpu->active, link)
		do_vmclear(vmcs->phys);
	do_vmxoff();
	do_write_cr4(cr4 & ~X86_CR4_VMXE);
}

static void vmclear_ipi(void *vmcs)
{
	vmclear_here(vmcs);
}

/** vmx_root_host_cr4() - the host's CR4 on this CPU, as the kernel keeps it */
unsigned long vmx_root_host_cr4(void)
{
	return vmx_windows ? native_read_cr4() : compat_cr4_shadow();
}

/** vmx_root_is_on() - may this CPU be in VMX root? Not so after a reboot has begun. */
bool vmx_root_is_on(void)
{
	return this_cpu_read(vmx_cpus.on);
}

/**
 * vmx_root_is_current() - is this VMCS (still) the current one?
 * @vmcs: the VMCS
 *
 * Not so after a reboot has begun.
 *
 * Context: preemption disabled.
 */
bool vmx_root_is_current(struct vcpu_vmcs *vmcs)
{
	return this_cpu_read(vmx_cpus.current_vmcs) == vmcs;
}

/**
 * vmx_root_clear_vmcs() - flush a VMCS to memory, wherever it is active
 * @vmcs: the VMCS; afterwards it is active nowhere
 *
 * Context: interrupts on. The vCPU does not run and its owner holds it.
 */
void vmx_root_clear_vmcs(struct vcpu_vmcs *vmcs)
{
	/* Pairs with vmclear_here(). */
	int cpu = smp_load_acquire(&vmcs->cpu);

	/* A CPU that goes offline meanwhile clears it on its way. */
	if (cpu >= 0)
		smp_call_function_single(cpu, vmclear_ipi, vmcs, 1);
}

/*
 * Why this CPU may not be in VMX root. One that goes offline has left it, and with PREEMPT_RT
 * a task that held a lock meanwhile, and could not be moved, may still be here.
 */
static int not_on(void)
{
	return cpu_active(smp_processor_id()) ? -ESHUTDOWN : -EAGAIN;
}

/* In a window all is as if the VMCS had been elsewhere: another hypervisor may have been here. */
static int load_in_window(struct vmx_cpu *cpu, struct vcpu_vmcs *vmcs)
{
	int ret;

	if (!cpu->on)
		return not_on();
	ret = vmx_window_open(__pa(cpu->vmxon_region));
	if (ret)
		return ret;
	if (!do_vmclear(vmcs->phys) || !do_vmptrld(vmcs->phys)) {
		pr_err_ratelimited("CPU %d: VMPTRLD of %pa failed\n", smp_processor_id(),
				   &vmcs->phys);
		vmx_window_close();
		return -EIO;
	}
	cpu->current_vmcs = vmcs;
	list_add(&vmcs->link, &cpu->active);
	vmcs->cpu = smp_processor_id();
	return VMCS_WAS_ELSEWHERE;
}

/* It is not the current one, or there are windows. */
static noinline int load_vmcs(struct vmx_cpu *cpu, struct vcpu_vmcs *vmcs)
{
	unsigned long flags;
	bool moved;
	int ret;

	if (vmx_windows)
		return load_in_window(cpu, vmcs);

	moved = vmcs->cpu != smp_processor_id();
	if (moved)
		vmx_root_clear_vmcs(vmcs);

	ret = moved ? VMCS_WAS_ELSEWHERE : VMCS_WAS_HERE;
	local_irq_save(flags);
	/* VMCLEAR also makes a VMCS out of a new region. */
	if (!cpu->on || (moved && !do_vmclear(vmcs->phys)) ||
	    !do_vmptrld(vmcs->phys)) {
		ret = not_on();
		goto out;
	}
	cpu->current_vmcs = vmcs;
	if (moved) {
		list_add(&vmcs->link, &cpu->active);
		vmcs->cpu = smp_processor_id();
	}
out:
	local_irq_restore(flags);
	return ret;
}

/**
 * vmx_root_load_vmcs() - make a VMCS current on this CPU
 * @vmcs: a VMCS that nobody else is using
 *
 * To be followed by vmx_root_put_vmcs() on the same CPU.
 *
 * Context: preemption disabled, interrupts on. With vmx_windows they are off until
 * vmx_root_put_vmcs().
 * Return: VMCS_WAS_HERE; or VMCS_WAS_ELSEWHERE: cached translations are then
 * stale, and per-CPU host state has to be rewritten; or -ESHUTDOWN if this CPU
 * has left VMX root (reboot); -EAGAIN if it has because it goes offline, and the task
 * is to sleep for a moment, and to try again; with vmx_windows also -EBUSY, when
 * another hypervisor has VMX on this CPU now, and -EIO.
 */
int vmx_root_load_vmcs(struct vcpu_vmcs *vmcs)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpus);

	/* With vmx_windows nothing is current outside of one. */
	if (likely(cpu->current_vmcs == vmcs))
		return VMCS_WAS_HERE;
	return load_vmcs(cpu, vmcs);
}

/**
 * vmx_root_put_vmcs() - for now nothing more is done with a VMCS
 * @vmcs: what vmx_root_load_vmcs() has loaded on this CPU
 *
 * It stays where it is, for the next time. With vmx_windows it is flushed to memory
 * and this CPU leaves VMX root.
 *
 * Context: preemption disabled. With vmx_windows interrupts come on.
 */
void vmx_root_put_vmcs(struct vcpu_vmcs *vmcs)
{
	if (!vmx_windows)
		return;
	vmclear_here(vmcs);
	vmx_window_close();
}

static int vmx_root_cpu_online(unsigned int n)
{
	struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpus, n);
	unsigned long flags;
	int ret;

	ret = vmx_caps_check_this_cpu();
	if (ret)
		return ret;

	INIT_LIST_HEAD(&cpu->active);
	cpu->vmxon_region = vmx_root_alloc_region(cpu_to_node(n));
	if (!cpu->vmxon_region)
		return -ENOMEM;

	if (vmx_windows) {
		ret = vmx_root_try();
		/* Once minihv is loaded others may have VMX in between: no reason not to come. */
		if (ret == -EBUSY && hotplug_state) {
			WRITE_ONCE(cpu->on, true);
			return 0;
		}
	} else {
		local_irq_save(flags);
		ret = vmx_root_enter();
		local_irq_restore(flags);
	}
	if (ret) {
		free_page((unsigned long)cpu->vmxon_region);
		cpu->vmxon_region = NULL;
		return ret;
	}
	pr_info("CPU %u: VMX root entered%s, VMXON region at %#llx\n", n,
		vmx_windows ? " and left: only for each run of a guest" : "",
		(u64)__pa(cpu->vmxon_region));
	return 0;
}

static int vmx_root_cpu_offline(unsigned int n)
{
	struct vmx_cpu *cpu = per_cpu_ptr(&vmx_cpus, n);
	unsigned long flags;

	local_irq_save(flags);
	vmx_root_leave(NULL);
	local_irq_restore(flags);
	free_page((unsigned long)cpu->vmxon_region);
	cpu->vmxon_region = NULL;
	pr_info("CPU %u: VMX root left\n", n);
	return 0;
}

/* Suspend: only this CPU is left, the others went through hotplug. */
static int vmx_root_suspend(COMPAT_SYSCORE_ARG)
{
	vmx_root_leave(NULL);
	return 0;
}

static void vmx_root_resume(COMPAT_SYSCORE_ARG)
{
	if (vmx_windows)
		WRITE_ONCE(this_cpu_ptr(&vmx_cpus)->on, true);
	else
		vmx_root_enter();
}

static COMPAT_SYSCORE(syscore, vmx_root_suspend, vmx_root_resume);

/*
 * A CPU in VMX root ignores INIT, so reboot and kexec need VMX off. The IPI is
 * itself what makes a guest exit; a vCPU that wants to run after it finds that
 * its CPU is no longer in VMX root.
 */
static int vmx_root_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	on_each_cpu(vmx_root_leave, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = vmx_root_reboot,
};

/**
 * vmx_root_init() - enter VMX root on every CPU, now and as CPUs come online
 *
 * Return: 0, or after one log line that names the reason: -ENODEV (no VMX),
 * -EPERM (firmware has not enabled it), -EOPNOTSUPP (a needed control is absent, or
 * the kernel is not one for it), -EBUSY (another hypervisor owns VMX), -ENOMEM, -EIO.
 */
int __init vmx_root_init(void)
{
	int ret;

	ret = vmx_root_check();
	if (ret)
		return ret;
	ret = vmx_caps_init();
	if (ret)
		return ret;

	emergency_init();
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "x86/minihv:online",
				vmx_root_cpu_online, vmx_root_cpu_offline);
	if (ret < 0) {
		emergency_exit();
		return ret;
	}
	hotplug_state = ret;
	compat_register_syscore(&syscore);
	register_reboot_notifier(&reboot_notifier);
	return 0;
}

/** vmx_root_exit() - leave VMX root on every CPU */
void vmx_root_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	compat_unregister_syscore(&syscore);
	cpuhp_remove_state(hotplug_state);
	emergency_exit();
}
