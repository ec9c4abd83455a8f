// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this host's VMX can do, and the control words computed from it.
 *
 * Each control word is two statements: the bits that minihv cannot do without
 * and the bits that it uses where they exist. The capability MSR then decides:
 * (want | must be 1) & may be 1.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "compat.h"
#include "vmx_caps.h"

struct vmx_caps vmx_caps __ro_after_init;
struct vmx_controls vmx_controls __ro_after_init;

/* SDM vol. 3, "Basic VMX Information": bit 55, the TRUE_* registers exist. */
#define VMX_BASIC_TRUE_CONTROLS	BIT_ULL(55)
#define VMX_BASIC_MEM_TYPE	GENMASK_ULL(53, 50)
#define VMX_BASIC_WRITE_BACK	(6ull << 50)
/* SDM vol. 3, "VPID and EPT Capabilities". */
#define EPT_CAPS_NEEDED	(VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | \
			 VMX_EPT_INVEPT_BIT | VMX_EPT_EXTENT_CONTEXT_BIT | \
			 VMX_EPT_EXTENT_GLOBAL_BIT)

struct control_bit {
	u32 bit;
	const char *name;
};

static const struct control_bit pin_needed[] = {
	{ PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ }
};

static const struct control_bit proc_needed[] = {
	{ CPU_BASED_USE_TSC_OFFSETTING, "use TSC offsetting" },
	{ CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ CPU_BASED_CR8_LOAD_EXITING, "CR8-load exiting" },
	{ CPU_BASED_CR8_STORE_EXITING, "CR8-store exiting" },
	{ CPU_BASED_MOV_DR_EXITING, "MOV-DR exiting" },
	{ CPU_BASED_UNCOND_IO_EXITING, "unconditional I/O exiting" },
	{ CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ CPU_BASED_INTR_WINDOW_EXITING, "interrupt-window exiting" },
	{ CPU_BASED_NMI_WINDOW_EXITING, "NMI-window exiting" },
	{ CPU_BASED_USE_MSR_BITMAPS, "use MSR bitmaps" },
	{ CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "activate secondary controls" },
	{ }
};

static const struct control_bit proc2_needed[] = {
	{ SECONDARY_EXEC_ENABLE_EPT, "enable EPT" },
	{ SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ }
};

static const struct control_bit exit_needed[] = {
	{ VM_EXIT_HOST_ADDR_SPACE_SIZE, "host address-space size" },
	{ VM_EXIT_LOAD_IA32_EFER, "load IA32_EFER" },
	{ VM_EXIT_LOAD_IA32_PAT, "load IA32_PAT" },
	{ VM_EXIT_SAVE_DEBUG_CONTROLS, "save debug controls" },
	{ }
};

static const struct control_bit entry_needed[] = {
	{ VM_ENTRY_IA32E_MODE, "IA-32e mode guest" },
	{ VM_ENTRY_LOAD_IA32_EFER, "load IA32_EFER" },
	{ VM_ENTRY_LOAD_IA32_PAT, "load IA32_PAT" },
	{ VM_ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls" },
	{ }
};

#define PROC2_OPTIONAL	(SECONDARY_EXEC_ENABLE_VPID | SECONDARY_EXEC_ENABLE_RDTSCP | \
			 SECONDARY_EXEC_ENABLE_INVPCID | SECONDARY_EXEC_TSC_SCALING | \
			 SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_ENCLS_EXITING)

/* A control register MSR: low half must be 1, high half may be 1. */
static int choose(const char *word, u64 cap, const struct control_bit *needed,
		  u32 optional, u32 *out)
{
	u32 must = cap, may = cap >> 32;
	u32 want = optional & may;

	for (; needed->name; needed++) {
		if (!(may & needed->bit)) {
			pr_err("not loaded: this CPU lacks the %s control \"%s\" (0x%08x)\n",
			       word, needed->name, needed->bit);
			return -EOPNOTSUPP;
		}
		want |= needed->bit;
	}
	*out = (want | must) & may;
	return 0;
}

static void read_caps(struct vmx_caps *caps)
{
	int i;

	memset(caps, 0, sizeof(*caps));
	/* A register that is not there faults; that reads as "nothing offered". */
	for (i = 0; i < VMX_CAP_COUNT; i++)
		rdmsrq_safe(VMX_CAP_FIRST + i, &caps->msr[i]);
}

static u64 control_cap(u32 plain, u32 true_ctls)
{
	return vmx_cap(vmx_cap(MSR_IA32_VMX_BASIC) & VMX_BASIC_TRUE_CONTROLS ? true_ctls : plain);
}

/**
 * vmx_caps_init() - read the capabilities of this CPU and choose the control words
 *
 * To be called once, at load, on a CPU that has VMX.
 *
 * Return: 0, or -EOPNOTSUPP after one log line that names what is missing.
 */
int __init vmx_caps_init(void)
{
	u64 ept;
	int ret;

	read_caps(&vmx_caps);
	if ((vmx_cap(MSR_IA32_VMX_BASIC) & VMX_BASIC_MEM_TYPE) != VMX_BASIC_WRITE_BACK) {
		pr_err("not loaded: this CPU's VMCSs are not write-back memory (IA32_VMX_BASIC 0x%llx)\n",
		       vmx_cap(MSR_IA32_VMX_BASIC));
		return -EOPNOTSUPP;
	}

	/* The segment and address size of INS and OUTS: where the CPU says them at all. */
	if (!(vmx_cap(MSR_IA32_VMX_BASIC) & VMX_BASIC_INOUT)) {
		pr_err("not loaded: this CPU does not say what INS and OUTS access (IA32_VMX_BASIC 0x%llx)\n",
		       vmx_cap(MSR_IA32_VMX_BASIC));
		return -EOPNOTSUPP;
	}

	ret = choose("pin-based", control_cap(MSR_IA32_VMX_PINBASED_CTLS,
					      MSR_IA32_VMX_TRUE_PINBASED_CTLS),
		     pin_needed, 0, &vmx_controls.pin);
	if (!ret)
		ret = choose("primary processor-based",
			     control_cap(MSR_IA32_VMX_PROCBASED_CTLS,
					 MSR_IA32_VMX_TRUE_PROCBASED_CTLS),
			     proc_needed, 0, &vmx_controls.proc);
	if (!ret)
		ret = choose("secondary processor-based", vmx_cap(MSR_IA32_VMX_PROCBASED_CTLS2),
			     proc2_needed, PROC2_OPTIONAL, &vmx_controls.proc2);
	if (!ret)
		ret = choose("VM-exit", control_cap(MSR_IA32_VMX_EXIT_CTLS,
						    MSR_IA32_VMX_TRUE_EXIT_CTLS),
			     exit_needed, 0, &vmx_controls.exit);
	if (!ret)
		ret = choose("VM-entry", control_cap(MSR_IA32_VMX_ENTRY_CTLS,
						     MSR_IA32_VMX_TRUE_ENTRY_CTLS),
			     entry_needed, 0, &vmx_controls.entry);
	if (ret)
		return ret;

	/* Guest state decides about IA-32e mode, not the host. */
	vmx_controls.entry &= ~VM_ENTRY_IA32E_MODE;
	/* On while something waits for the guest: interrupt.c. */
	vmx_controls.proc &= ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
	/* CR3 is the guest's own under EPT; only the TRUE registers allow that. */
	if (vmx_controls.proc & (CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING)) {
		pr_err("not loaded: this CPU cannot clear the CR3-load and CR3-store exiting controls\n");
		return -EOPNOTSUPP;
	}

	ept = vmx_cap(MSR_IA32_VMX_EPT_VPID_CAP);
	if ((ept & EPT_CAPS_NEEDED) != EPT_CAPS_NEEDED) {
		pr_err("not loaded: IA32_VMX_EPT_VPID_CAP 0x%llx lacks 4-level write-back EPT with INVEPT (0x%llx)\n",
		       ept, (u64)EPT_CAPS_NEEDED);
		return -EOPNOTSUPP;
	}
	/* A VPID is of use only where a single one can be invalidated. */
	if (!(ept >> 32 & VMX_VPID_INVVPID_BIT) ||
	    !(ept >> 32 & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT))
		vmx_controls.proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	return 0;
}

/**
 * vmx_caps_check_this_cpu() - compare this CPU's capabilities with those in use
 *
 * A vCPU may run on every CPU, so all have to offer the same.
 *
 * Context: on the CPU in question, preemption disabled.
 * Return: 0, or -EOPNOTSUPP after one log line that names the first difference.
 */
int vmx_caps_check_this_cpu(void)
{
	struct vmx_caps mine;
	int i;

	read_caps(&mine);
	for (i = 0; i < VMX_CAP_COUNT; i++) {
		if (mine.msr[i] == vmx_caps.msr[i])
			continue;
		pr_err("CPU %d: MSR 0x%x is 0x%llx, but 0x%llx on the CPU that loaded minihv\n",
		       smp_processor_id(), VMX_CAP_FIRST + i, mine.msr[i], vmx_caps.msr[i]);
		return -EOPNOTSUPP;
	}
	return 0;
}
