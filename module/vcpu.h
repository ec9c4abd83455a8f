/* SPDX-License-Identifier: GPL-2.0-only */
/* A vCPU: its state and its way into the guest and back. */
#ifndef MINIHV_VCPU_H
#define MINIHV_VCPU_H

#include <linux/kvm.h>
#include <linux/mutex.h>
#include <linux/signal_types.h>
#include <linux/swait.h>
#include <asm/desc_defs.h>
#include <asm/vmx.h>

#include "cpuid.h"
#include "msr.h"
#include "vm.h"
#include "vmcs.h"
#include "vmenter_offsets.h"

struct lapic;
struct task_struct;

/* SDM vol. 3, "Exit Qualification for Control-Register Accesses": this order. */
enum gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};

/**
 * struct vmenter - all that vmenter.S reads and writes
 * @regs: the guest's registers; RSP is in the VMCS and mirrored here
 * @host_rsp: the value last written to HOST_RSP
 * @flags: bits of vmenter_offsets.h
 * @host_spec_ctrl: for VMENTER_SPEC_CTRL_OUT
 * @guest_spec_ctrl: for VMENTER_SPEC_CTRL_IN
 */
struct vmenter {
	unsigned long regs[GPR_COUNT];
	unsigned long host_rsp;
	u32 flags;
	u32 host_spec_ctrl;
	u32 guest_spec_ctrl;
};

/**
 * struct host_state - what the host had when a vCPU was loaded on this CPU
 *
 * Selectors, descriptor tables and registers that a VM exit does not bring
 * back, or that hold the guest's value between vcpu_switch_in() and vcpu_switch_out().
 */
struct host_state {
	u16 fs, gs, ds, es, ldt;
	unsigned long fs_base;
	struct desc_ptr idt;
	u64 msrs[MSR_HW_MAX];
	u64 xcr0;
	/* These with interrupts off, around the guest only. */
	unsigned long cr3, cr4;
	unsigned long dr[4], dr7;
	u64 debugctl;
	u64 pebs_enable, perf_global_ctrl;
	u32 pkru;
};

/**
 * struct vcpu_exit - why the guest stopped
 * @reason: SDM vol. 3, appendix C, basic exit reason; with bit 31: the entry failed
 * @qualification: its meaning depends on the reason
 * @gpa: guest-physical address (EPT violation)
 * @linear: guest-linear address (string I/O, EPT violation if the qualification says so)
 * @vectoring: IDT-vectoring information, 0 if no event was being delivered
 * @intr_info: VM-exit interruption information (exception)
 * @error_code: VM-exit interruption error code
 * @insn_len: length of the instruction in bytes; mmio.c sets it for EPT violations
 * @insn_info: VM-exit instruction information (string I/O)
 * @cpu: the CPU that it was on
 */
struct vcpu_exit {
	u32 reason;
	unsigned long qualification;
	u64 gpa;
	unsigned long linear;
	u32 vectoring;
	u32 intr_info;
	u32 error_code;
	u32 insn_len;
	u32 insn_info;
	int cpu;
};

/**
 * struct vcpu_event - an event for VM entry to deliver
 * @info: VM-entry interruption information; 0 if there is none
 * @error_code: for exceptions that have one
 * @insn_len: for software interrupts and exceptions
 * @raised: minihv has, for an instruction that the guest has not got past; not one that
 *	was on its way into the guest when the VM exit came, nor one that the client has set
 */
struct vcpu_event {
	u32 info;
	u32 error_code;
	u32 insn_len;
	bool raised;
};

/* SDM vol. 3, appendix C: basic exit reasons, with room for those to come. */
#define VCPU_EXIT_REASONS	80

/**
 * struct vcpu_stats - what KVM_GET_STATS_FD tells of a vCPU
 * @exits: by basic exit reason
 * @msr_faults: RDMSR and WRMSR that ended in #GP
 * @msr_user_exits: those that the client was asked about
 * @exceptions: injected into the guest
 * @interrupts: likewise
 * @nmis: likewise
 *
 * Written by the vCPU's thread, read by anybody.
 */
struct vcpu_stats {
	u64 exits[VCPU_EXIT_REASONS];
	u64 msr_faults;
	u64 msr_user_exits;
	u64 exceptions;
	u64 interrupts;
	u64 nmis;
};

/* IA32_PERF_GLOBAL_CTRL, IA32_PEBS_ENABLE. */
#define PEBS_MSRS	2

/* No vector. */
#define NO_INTERRUPT	(-1)

/**
 * struct vcpu_mmio - a MOV between a register and an address without memory
 * @gpa: guest-physical address
 * @data: what is written there, or was read
 * @len: bytes there: 1, 2, 4 or 8; they are in one page
 * @write: from the guest to there
 * @gpr: the register that a read goes to
 * @gpr_len: bytes of it that are written: @len, or more for MOVZX and MOVSX
 * @high_byte: that byte is AH, CH, DH or BH: bits 15:8 of @gpr
 * @sign_extend: from @len to @gpr_len
 */
struct vcpu_mmio {
	u64 gpa;
	u64 data;
	u8 len;
	bool write;
	enum gpr gpr;
	u8 gpr_len;
	bool high_byte;
	bool sign_extend;
};

#define DIRTY_REGS	BIT(0)	/* rip, rsp, rflags, interruptibility */
#define DIRTY_CRS	BIT(1)	/* cr0, cr4, EFER */
#define DIRTY_TSC	BIT(2)	/* tsc_offset, tsc_multiplier */
#define DIRTY_DEBUG	BIT(3)	/* dr7 */
#define DIRTY_STEP	BIT(4)	/* the client has set rflags or interruptibility */

/**
 * struct vcpu - a virtual CPU
 * @vmenter: the guest's registers and the switch
 * @rip: valid while not @loaded, like the next two and vmenter.regs[GPR_RSP]
 * @rflags: RFLAGS
 * @interruptibility: guest interruptibility state (STI, MOV SS, NMI)
 * @dirty: DIRTY_*: what is newer here than in the VMCS
 * @loaded: between vcpu_switch_in() and vcpu_switch_out(): the VMCS is current, the MSRs
 *	that follow the guest hold its values
 * @loaded_syscall: while @loaded: so are the MSRs of SYSCALL
 * @event: what the next VM entry delivers; between entries only exceptions and
 *	software interrupts
 * @interrupt: vector of an external interrupt that has been acknowledged and waits
 *	for the guest, or NO_INTERRUPT
 * @nmis: how many NMIs wait
 * @nmi_injected: one of them has been under way, says the client
 * @requests: REQUEST_* of interrupt.h, set by other threads
 * @windows: interrupt-window and NMI-window exiting, as they are in the VMCS
 * @lapic: the local APIC, if the VM's are in the kernel
 * @wait: where the thread sleeps while the guest does
 * @task: the thread in KVM_RUN, or NULL; for kick_vcpu()
 * @run_error: what KVM_RUN has to return for good, or 0
 * @tlb_gen: the vm->tlb_gen up to which this vCPU has flushed
 * @filter_gen: the vm->filter_gen that @msr_bitmap is made for
 * @mutex: one ioctl at a time
 * @run: shared with the client
 * @complete: finishes what the client was asked to do at the last exit
 * @complete_rip: where the instruction was that the client is working on
 * @complete_failed: @complete has been called, and can be called again
 * @pio_data: second page of the mapping: I/O data; NULL before the first
 * @pio_count: elements asked for
 * @cr8: the task priority, where the local APIC is not the kernel's
 * @mmio: the access that the client is asked for
 * @cr0: the guest's view; the real one has more bits (hw_cr0())
 * @stats: counters
 * @has_run: feature MSRs are fixed, CPUID too
 * @sigset: signals that are blocked during KVM_RUN, if @has_sigset
 * @has_sigset: KVM_SET_SIGNAL_MASK has given one
 * @pebs_off: what VM entry loads while the host uses PEBS (switch.c)
 * @msr_bitmap: which MSR accesses exit; NULL: all of them
 * @msr_entries: room for the entries of KVM_GET_MSRS and KVM_SET_MSRS, or NULL
 */
struct vcpu {
	struct vmenter vmenter;

	unsigned long rip;
	unsigned long rflags;
	u32 interruptibility;
	u8 dirty;
	bool loaded;
	bool loaded_syscall;
	bool has_run;
	bool has_sigset;
	unsigned long tlb_gen;
	unsigned long filter_gen;

	struct vcpu_vmcs vmcs;
	struct host_state host;
	struct vmx_msr_entry pebs_off[PEBS_MSRS];
	struct vcpu_exit exit;
	struct vcpu_event event;
	int interrupt;
	u8 nmis;
	bool nmi_injected;
	u32 windows;
	unsigned long requests;
	struct lapic *lapic;
	struct swait_queue_head wait;
	struct task_struct *task;
	int run_error;

	struct vm *vm;
	struct mutex mutex;	/* one ioctl at a time */
	struct kvm_run *run;
	void *pio_data;
	int (*complete)(struct vcpu *vcpu);
	unsigned long complete_rip;
	bool complete_failed;
	u32 pio_count;
	struct vcpu_mmio mmio;
	u32 id;
	u64 serial;
	u32 mp_state;
	u16 vpid;
	sigset_t sigset;

	unsigned long cr0;
	unsigned long cr2;
	unsigned long cr4;
	unsigned long cr8;
	unsigned long dr[4];
	unsigned long dr6;
	unsigned long dr7;
	u64 xcr0;
	u32 pkru;
	void *fpu;

	u64 tsc_offset;
	u64 tsc_multiplier;
	u32 tsc_khz;
	u64 msrs[MSR_SLOTS];
	struct kvm_msr_entry *msr_entries;
	void *msr_bitmap;
	struct vcpu_cpuid cpuid;
	struct vcpu_stats stats;
};

static_assert(offsetof(struct vmenter, host_rsp) == VMENTER_HOST_RSP);
static_assert(offsetof(struct vmenter, flags) == VMENTER_FLAGS);
static_assert(offsetof(struct vmenter, host_spec_ctrl) == VMENTER_HOST_SPEC_CTRL);
static_assert(offsetof(struct vmenter, guest_spec_ctrl) == VMENTER_GUEST_SPEC_CTRL);
static_assert(HOST_RSP == HOST_RSP_FIELD);

/* What the client maps: struct kvm_run, then the data of an I/O exit. */
#define VCPU_MMAP_PAGES	2

/* vcpu.c */
int vcpu_create(struct vm *vm, unsigned long id);
void vcpu_destroy(struct vcpu *vcpu);
int vcpu_init(struct vcpu *vcpu);
int vcpu_startup(struct vcpu *vcpu, u8 vector);
void *vcpu_io_page(struct vcpu *vcpu);
bool vcpu_is_bsp(const struct vcpu *vcpu);
int vcpu_load_vmcs(struct vcpu *vcpu);
int vcpu_vmcs_get(struct vcpu *vcpu);
void vcpu_vmcs_put(struct vcpu *vcpu);

/* vcpu_ioctl.c */
long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* run.c */
int vcpu_run(struct vcpu *vcpu);

/* switch.c */
int vcpu_switch_in(struct vcpu *vcpu);
void vcpu_switch_out(struct vcpu *vcpu);
void vcpu_enter_begin(struct vcpu *vcpu);
void vcpu_enter_end(struct vcpu *vcpu, u32 reason);
int vcpu_switch_init(void);
void vcpu_switch_exit(void);

/* vcpu_regs.c */
void vcpu_get_regs(struct vcpu *vcpu, struct kvm_regs *regs);
void vcpu_set_regs(struct vcpu *vcpu, const struct kvm_regs *regs);
int vcpu_get_sregs(struct vcpu *vcpu, struct kvm_sregs *sregs);
int vcpu_set_sregs(struct vcpu *vcpu, const struct kvm_sregs *sregs);
int vcpu_get_sregs2(struct vcpu *vcpu, struct kvm_sregs2 *sregs2);
int vcpu_set_sregs2(struct vcpu *vcpu, const struct kvm_sregs2 *sregs2);
bool vcpu_has_cs_l(struct vcpu *vcpu);
bool vcpu_has_16bit_tss(struct vcpu *vcpu);
u8 vcpu_cpl(struct vcpu *vcpu);

/* control_regs.c */
int vcpu_set_cr0(struct vcpu *vcpu, unsigned long cr0);
int vcpu_set_cr4(struct vcpu *vcpu, unsigned long cr4);
int vcpu_set_cr8(struct vcpu *vcpu, unsigned long cr8);
unsigned long vcpu_get_cr8(const struct vcpu *vcpu);
int vcpu_set_efer(struct vcpu *vcpu, u64 efer, bool host);
unsigned long vcpu_cr4_allowed(struct vcpu *vcpu);
bool vcpu_crs_valid(struct vcpu *vcpu, unsigned long cr0, unsigned long cr4);
void vcpu_write_crs(struct vcpu *vcpu);
void vcpu_read_crs(struct vcpu *vcpu);
bool vcpu_uses_pae_paging(struct vcpu *vcpu);
int vcpu_load_pdptes(struct vcpu *vcpu);
int vcpu_get_pdptes(struct vcpu *vcpu, u64 *pdpte);
int vcpu_set_pdptes(struct vcpu *vcpu, const u64 *pdpte);

/* gva.c */
enum gva_access {
	GVA_READ,
	GVA_WRITE,
	GVA_FETCH,
};

int vcpu_gva_to_gpa(struct vcpu *vcpu, u64 gva, enum gva_access access, u64 *gpa,
		    u32 *error_code);

/* tsc.c */
void tsc_init(void);
void tsc_exit(void);
u64 tsc_guest(const struct vcpu *vcpu);
u64 tsc_host(void);
u64 tsc_host_ticks(const struct vcpu *vcpu, u64 ticks);
bool tsc_can_scale(void);
bool tsc_khz_possible(unsigned long khz);
int tsc_set_khz(struct vcpu *vcpu, unsigned long khz);
void tsc_reset(struct vcpu *vcpu);
void tsc_write(struct vcpu *vcpu);
int tsc_device_attr(struct vcpu *vcpu, unsigned int cmd, const struct kvm_device_attr *attr);

/* SDM vol. 3, "Debug Control Register (DR7)", and what it makes of DR6. */
#define DR7_GENERAL_DETECT	BIT(13)
#define DR6_DETECTED		BIT(13)

/* debug_regs.c */
unsigned long vcpu_get_dr(struct vcpu *vcpu, unsigned int dr);
int vcpu_set_dr(struct vcpu *vcpu, unsigned int dr, unsigned long value);
void vcpu_get_debugregs(struct vcpu *vcpu, struct kvm_debugregs *regs);
int vcpu_set_debugregs(struct vcpu *vcpu, const struct kvm_debugregs *regs);

/* sigmask.c */
void vcpu_set_sigmask(struct vcpu *vcpu, const sigset_t *sigset);
void vcpu_sigmask_begin(struct vcpu *vcpu);
void vcpu_sigmask_end(struct vcpu *vcpu);

/* sync_regs.c */
int sync_regs_take(struct vcpu *vcpu);
int sync_regs_give(struct vcpu *vcpu);

/* event.c */
bool vcpu_inject_exception(struct vcpu *vcpu, u8 vector, bool has_error_code, u32 error_code);
void vcpu_inject_gp(struct vcpu *vcpu);
void vcpu_inject_pf(struct vcpu *vcpu, u64 linear, u32 error_code);
void vcpu_inject_db(struct vcpu *vcpu, unsigned long dr6);
void vcpu_get_events(struct vcpu *vcpu, struct kvm_vcpu_events *events);
int vcpu_set_events(struct vcpu *vcpu, const struct kvm_vcpu_events *events);

/* vmenter.S, and what it calls in enter.c */
unsigned long minihv_vmenter(struct vmenter *vmenter);
bool minihv_exit_fast(struct vmenter *vmenter);
void minihv_vmexit(void);

static inline bool vcpu_is_long_mode(struct vcpu *vcpu)
{
	return vcpu->msrs[MSR_SLOT_EFER] & EFER_LMA;
}

static inline bool vcpu_is_64bit_code(struct vcpu *vcpu)
{
	return vcpu_is_long_mode(vcpu) && vcpu_has_cs_l(vcpu);
}

#endif
