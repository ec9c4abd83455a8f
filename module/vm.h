/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM: its memory, its vCPUs, and how long it lives. */
#ifndef MINIHV_VM_H
#define MINIHV_VM_H

#include <linux/interval_tree.h>
#include <linux/kref.h>
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

/* As KVM's, so that a client's checks against them hold. */
#define VM_MAX_VCPUS	1024
#define VM_MAX_VCPU_ID	4096
#define VM_MAX_SLOTS	32764

struct irq_routes;
struct msr_filter;
struct vcpu;

/**
 * struct tsc_sync - the client's last write to the TSC of any vCPU of a VM
 * @lock: protects the others
 * @khz: the frequency of the vCPU written to; 0 before the first write
 * @host_tsc: when: the host's TSC
 * @value: what the guest's TSC was then
 * @offset: the offset that made it so
 */
struct tsc_sync {
	spinlock_t lock;	/* the others */
	u32 khz;
	u64 host_tsc;
	u64 value;
	u64 offset;
};

/**
 * struct memslot - guest-physical pages and the process memory behind them
 * @gfn: node in vm->slots_by_gfn: first and last guest frame number
 * @hva: node in vm->slots_by_hva: first and last byte's process address
 * @id: the client's slot number
 * @flags: KVM_MEM_READONLY or 0
 */
struct memslot {
	struct interval_tree_node gfn;
	struct interval_tree_node hva;
	u32 id;
	u32 flags;
};

/**
 * struct vm_stats - what KVM_GET_STATS_FD tells of a VM
 * @pages_4k: guest pages that are mapped
 * @ept_tables: pages that hold the EPT, apart from the root
 * @remote_tlb_flush: how often the guest had to be stopped since memory went
 */
struct vm_stats {
	u64 pages_4k;
	u64 ept_tables;
	u64 remote_tlb_flush;
};

/**
 * struct vm - a virtual machine
 * @ref: one reference for each open file: the VM's, vCPUs', counters'
 * @mm: the process that made it; only that process may use it
 * @notifier: tells when process memory behind a slot changes
 * @end: ends the VM when nobody has it open any more
 * @vcpus_lock: creation of vCPUs
 * @vcpus: vCPUs by id; entries stay until the VM goes
 * @vcpu_count: how many there are
 * @vcpu_ids: vCPU ids are below this
 * @vcpu_ids_limited: the client has said so
 * @bsp_id: id of the bootstrap processor
 * @creator: process id of the client, for the name of its statistics
 * @no_exit_controls: primary controls that the client does without
 * @disabled_quirks: KVM_X86_QUIRK_*
 * @clock_start: when its clock was 0, in ns of the boottime clock
 * @has_lapics: its vCPUs have local APICs in the kernel
 * @irq_routes: messages that the client has laid down; under @vcpus_lock
 * @tsc_khz: frequency of the TSC of vCPUs to come
 * @tsc: for vCPUs whose TSCs the client sets one after the other
 * @msr_filter: which MSRs the guest may touch at all; NULL: those that exist
 * @filter_gen: counts changes of @msr_filter
 * @msr_exit_reasons: KVM_MSR_EXIT_REASON_*: failures that go to the client, not #GP
 * @hide_platform_info: the guest gets #GP for MSR_PLATFORM_INFO
 * @slots_lock: the memory slots; read by whoever translates an address
 * @slots: struct memslot by slot id
 * @slots_by_gfn: the same by guest frame; written under @slots_lock and @mmu_lock
 * @slots_by_hva: the same by process address; written under both locks
 * @mmu_lock: the EPT and the invalidation counters
 * @ept_root: top-level EPT page
 * @eptp: value for the VMCS
 * @invalidations: MMU notifier ranges in progress
 * @invalid_start: from here...
 * @invalid_last: ...to here is where they all are: process addresses
 * @invalidate_seq: counts completed ranges; a fault that raced with one is redone
 * @stats: counters, under @mmu_lock
 * @tlb_gen: counts reasons to INVEPT; a vCPU that has seen less does so before entry
 */
struct vm {
	struct kref ref;
	struct mm_struct *mm;
	struct mmu_notifier notifier;
	struct work_struct end;

	struct mutex vcpus_lock;	/* creation of vCPUs */
	struct xarray vcpus;
	unsigned int vcpu_count;
	u32 vcpu_ids;
	bool vcpu_ids_limited;
	u32 bsp_id;
	pid_t creator;
	u32 no_exit_controls;
	u32 disabled_quirks;
	u64 clock_start;
	bool has_lapics;
	struct irq_routes *irq_routes;
	u32 tsc_khz;
	struct tsc_sync tsc;

	struct msr_filter __rcu *msr_filter;
	unsigned long filter_gen;
	u32 msr_exit_reasons;
	bool hide_platform_info;

	struct rw_semaphore slots_lock;
	struct xarray slots;
	struct rb_root_cached slots_by_gfn;
	struct rb_root_cached slots_by_hva;

	spinlock_t mmu_lock;	/* the EPT and the invalidation counters */
	u64 *ept_root;
	u64 eptp;
	unsigned long invalidations;
	unsigned long invalid_start, invalid_last;
	unsigned long invalidate_seq;
	unsigned long tlb_gen;
	struct vm_stats stats;
};

int vm_init(void);
void vm_exit(void);
int vm_create(void);
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/* memslot.c */
int vm_set_memory_region(struct vm *vm, const struct kvm_userspace_memory_region *region);
struct memslot *vm_find_slot(struct vm *vm, u64 gfn);
int vm_read_guest(struct vm *vm, u64 gpa, void *data, unsigned int len);
int vm_write_guest(struct vm *vm, u64 gpa, const void *data, unsigned int len);
int vm_read_guest_entry(struct vm *vm, u64 gpa, u64 *entry, unsigned int size);
int vm_set_guest_bits(struct vm *vm, u64 gpa, u64 old, u64 bits, unsigned int size);
void vm_free_slots(struct vm *vm);

#endif
