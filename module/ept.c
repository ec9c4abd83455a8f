// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended page tables: guest-physical to host-physical addresses.
 *
 * An entry is made when the guest first touches a page, and follows the
 * process's own mapping: an MMU notifier takes it away before the page goes.
 * No page is pinned. When an entry goes the order is: clear it, have every CPU
 * that runs the guest leave it, and only then let go of mmu_lock and of what was
 * behind; before a vCPU enters again it flushes what its CPU has cached.
 *
 * SDM vol. 3, "The Extended Page Table Mechanism (EPT)".
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/vmx.h>

#include "compat.h"
#include "ept.h"
#include "kick.h"

#define EPT_LEVELS	4
#define EPT_ENTRIES	512
#define EPT_ADDRESS	GENMASK_ULL(51, 12)
/* Ordinary memory is write-back, whatever the guest's PAT says. */
#define EPT_LEAF	((VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT) | VMX_EPT_IPAT_BIT)

/** ept_address_bits() - how many bits of a guest-physical address count */
unsigned int ept_address_bits(void)
{
	return min_t(unsigned int, boot_cpu_data.x86_phys_bits, 12 + EPT_LEVELS * 9);
}

/* The number of entries in use is kept with the page that holds them. */
static struct page *table_page(u64 *table)
{
	return virt_to_page(table);
}

static void count_entry(u64 *table, long change)
{
	set_page_private(table_page(table), page_private(table_page(table)) + change);
}

static u64 *alloc_table(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static void free_table(u64 *table)
{
	set_page_private(table_page(table), 0);
	free_page((unsigned long)table);
}

static u64 *next_table(u64 entry)
{
	return __va(entry & EPT_ADDRESS);
}

static unsigned int entry_index(u64 gfn, int level)
{
	return gfn >> (9 * (level - 1)) & (EPT_ENTRIES - 1);
}

/**
 * ept_init() - give a new VM an empty EPT
 * @vm: the VM
 *
 * Return: 0 or -ENOMEM.
 */
int ept_init(struct vm *vm)
{
	vm->ept_root = alloc_table();
	if (!vm->ept_root)
		return -ENOMEM;
	vm->eptp = __pa(vm->ept_root) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;
	return 0;
}

static void destroy_level(u64 *table, int level)
{
	int i;

	for (i = 0; level > 1 && i < EPT_ENTRIES; i++)
		if (table[i])
			destroy_level(next_table(table[i]), level - 1);
	free_table(table);
}

/** ept_destroy() - free a VM's EPT; no guest can run any more */
void ept_destroy(struct vm *vm)
{
	if (vm->ept_root)
		destroy_level(vm->ept_root, EPT_LEVELS);
	vm->ept_root = NULL;
}

/* So many pages at a time, then others can have mmu_lock, and the CPU. */
#define ZAP_BATCH	0x10000

struct zap {
	u64 first, last;
	u64 pages, tables;
	u64 batch;
	bool any, more;
	struct list_head free;
};

/*
 * Tables that become empty go to zap->free: the CPU may still be walking them. When the
 * batch is used up it stops, with zap->more: to begin anew is to go on, as what is empty
 * has no table.
 */
static void zap_level(struct zap *zap, u64 *table, int level, u64 base)
{
	u64 span = 1ull << (9 * (level - 1));
	u64 i, gfn;

	i = zap->first > base ? (zap->first - base) / span : 0;
	for (; i < EPT_ENTRIES; i++) {
		gfn = base + i * span;
		if (gfn > zap->last)
			break;
		if (!table[i])
			continue;
		if (level > 1) {
			u64 *next = next_table(table[i]);

			zap_level(zap, next, level - 1, gfn);
			if (zap->more)
				return;
			if (page_private(table_page(next)))
				continue;
			list_add(&table_page(next)->lru, &zap->free);
			zap->tables++;
		} else {
			zap->more = zap->pages == zap->batch;
			if (zap->more)
				return;
			zap->pages++;
		}
		WRITE_ONCE(table[i], 0);
		count_entry(table, -1);
		zap->any = true;
	}
}

/* Context: mmu_lock is held. */
static void zap(struct vm *vm, struct zap *zap, u64 first, u64 last)
{
	zap->first = first;
	zap->last = last;
	zap_level(zap, vm->ept_root, EPT_LEVELS, 0);
}

/* Context: process context, interrupts on. */
static void zap_begin(struct vm *vm, struct zap *zap)
	__acquires(&vm->mmu_lock)
{
	INIT_LIST_HEAD(&zap->free);
	zap->pages = 0;
	zap->tables = 0;
	zap->any = false;
	zap->more = false;
	spin_lock(&vm->mmu_lock);
}

/*
 * No CPU uses what is gone. Guests leave it before others can have mmu_lock, who would find the
 * same entries empty, and let go of what was behind them. Then the tables are free.
 */
static void zap_end(struct vm *vm, struct zap *zap)
	__releases(&vm->mmu_lock)
{
	struct page *page, *next;

	vm->stats.pages_4k -= zap->pages;
	vm->stats.ept_tables -= zap->tables;
	vm->stats.remote_tlb_flush += zap->any;
	if (zap->any) {
		WRITE_ONCE(vm->tlb_gen, vm->tlb_gen + 1);
		kick_guests(vm);
	}
	spin_unlock(&vm->mmu_lock);
	list_for_each_entry_safe(page, next, &zap->free, lru) {
		list_del(&page->lru);
		free_table(page_address(page));
	}
}

/**
 * ept_zap_gfns() - take guest frames away
 * @vm: whose
 * @first: the first frame
 * @last: the last one
 *
 * When it returns no guest can reach what was there.
 *
 * Context: process context, interrupts on; slots_lock is held for writing.
 */
void ept_zap_gfns(struct vm *vm, u64 first, u64 last)
{
	struct zap z = { .batch = ZAP_BATCH };

	do {
		zap_begin(vm, &z);
		zap(vm, &z, first, last);
		zap_end(vm, &z);
		cond_resched();
	} while (z.more);
}

/* Zap what is behind process addresses. Context: mmu_lock is held. */
static void zap_hvas(struct vm *vm, struct zap *z, unsigned long start, unsigned long last)
{
	struct interval_tree_node *node;
	struct memslot *slot;
	u64 from, to;

	for (node = interval_tree_iter_first(&vm->slots_by_hva, start, last); node && !z->more;
	     node = interval_tree_iter_next(node, start, last)) {
		slot = container_of(node, struct memslot, hva);
		from = max(start, slot->hva.start) - slot->hva.start;
		to = min(last, slot->hva.last) - slot->hva.start;
		zap(vm, z, slot->gfn.start + (from >> PAGE_SHIFT),
		    slot->gfn.start + (to >> PAGE_SHIFT));
	}
}

/* Context: mmu_lock is held. */
static void begin_range(struct vm *vm, unsigned long start, unsigned long last)
{
	bool others = vm->invalidations++;

	vm->invalid_start = others ? min(vm->invalid_start, start) : start;
	vm->invalid_last = others ? max(vm->invalid_last, last) : last;
}

/* What a client unmaps elsewhere may be large and take long: no fault waits for it. */
static bool may_be_going(const struct vm *vm, unsigned long hva)
{
	return vm->invalidations && hva >= vm->invalid_start && hva <= vm->invalid_last;
}

static void invalidate_begin(struct vm *vm, unsigned long start, unsigned long last,
			     bool may_sleep)
{
	struct zap z = { .batch = may_sleep ? ZAP_BATCH : U64_MAX };
	bool first = true;

	do {
		zap_begin(vm, &z);
		if (first)
			begin_range(vm, start, last);
		first = false;
		zap_hvas(vm, &z, start, last);
		zap_end(vm, &z);
		if (may_sleep)
			cond_resched();
	} while (z.more);
}

static void invalidate_end(struct vm *vm)
{
	spin_lock(&vm->mmu_lock);
	vm->invalidate_seq++;
	vm->invalidations--;
	spin_unlock(&vm->mmu_lock);
}

static int notify_start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	invalidate_begin(container_of(notifier, struct vm, notifier), range->start, range->end - 1,
			 mmu_notifier_range_blockable(range));
	return 0;
}

static void notify_end(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	invalidate_end(container_of(notifier, struct vm, notifier));
}

/* The process is gone, all of its memory with it. */
static void notify_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct vm *vm = container_of(notifier, struct vm, notifier);

	invalidate_begin(vm, 0, ULONG_MAX, true);
	invalidate_end(vm);
}

const struct mmu_notifier_ops ept_notifier_ops = {
	.invalidate_range_start = notify_start,
	.invalidate_range_end = notify_end,
	.release = notify_release,
};

/* Up to three tables on the way to a leaf, allocated before mmu_lock is taken. */
struct table_cache {
	u64 *table[EPT_LEVELS - 1];
	int count;
};

static int fill_cache(struct table_cache *cache)
{
	while (cache->count < EPT_LEVELS - 1) {
		cache->table[cache->count] = alloc_table();
		if (!cache->table[cache->count])
			return -ENOMEM;
		cache->count++;
	}
	return 0;
}

static void empty_cache(struct table_cache *cache)
{
	while (cache->count)
		free_table(cache->table[--cache->count]);
}

/* The leaf table of a frame; made if there is a cache. Context: mmu_lock is held. */
static u64 *leaf_table(struct vm *vm, u64 gfn, struct table_cache *cache)
{
	u64 *table = vm->ept_root, *entry;
	int level;

	for (level = EPT_LEVELS; level > 1; level--) {
		entry = &table[entry_index(gfn, level)];
		if (!*entry) {
			if (!cache)
				return NULL;
			WRITE_ONCE(*entry, __pa(cache->table[--cache->count]) | VMX_EPT_RWX_MASK);
			count_entry(table, 1);
			vm->stats.ept_tables++;
		}
		table = next_table(*entry);
	}
	return table;
}

/* Another vCPU may have been here first. */
static bool already_mapped(struct vm *vm, u64 gfn, bool write)
{
	u64 *table, entry;

	spin_lock(&vm->mmu_lock);
	table = leaf_table(vm, gfn, NULL);
	entry = table ? table[entry_index(gfn, 1)] : 0;
	spin_unlock(&vm->mmu_lock);
	return entry & (write ? VMX_EPT_WRITABLE_MASK : VMX_EPT_READABLE_MASK);
}

/* Context: mmu_lock is held. */
static void map_page(struct vm *vm, u64 gfn, struct page *page, bool write,
		     struct table_cache *cache)
{
	u64 *table = leaf_table(vm, gfn, cache), *entry = &table[entry_index(gfn, 1)];

	if (!*entry) {
		count_entry(table, 1);
		vm->stats.pages_4k++;
	}
	WRITE_ONCE(*entry, page_to_phys(page) | EPT_LEAF | VMX_EPT_READABLE_MASK |
		   VMX_EPT_EXECUTABLE_MASK | (write ? VMX_EPT_WRITABLE_MASK : 0));
}

/*
 * What get_user_pages_fast() could not get. A page that has lost its memory to an error is the
 * client's to deal with: it gets SIGBUS, and may make a machine check for the guest of it.
 */
static int not_to_be_had(unsigned long hva, bool write)
{
	unsigned int flags = FOLL_HWPOISON | COMPAT_GUP_FLAGS | (write ? FOLL_WRITE : 0);
	struct page *page;
	long ret;

	ret = get_user_pages_unlocked(hva, 1, &page, flags);
	if (ret == 1) {
		put_page(page);
		return 0;
	}
	if (ret == -EHWPOISON) {
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
		return 0;
	}
	return ret == -EINTR || ret == -ENOMEM ? ret : -EFAULT;
}

static int map_slot_page(struct vm *vm, const struct memslot *slot, u64 gfn, bool write)
{
	unsigned long hva = slot->hva.start + ((gfn - slot->gfn.start) << PAGE_SHIFT);
	struct table_cache cache = {};
	struct page *page;
	unsigned long seq;
	int ret;

	ret = fill_cache(&cache);
	if (ret)
		goto out;

	spin_lock(&vm->mmu_lock);
	seq = vm->invalidate_seq;
	spin_unlock(&vm->mmu_lock);

	ret = get_user_pages_fast(hva, 1, COMPAT_GUP_FLAGS | (write ? FOLL_WRITE : 0), &page);
	if (ret != 1) {
		ret = not_to_be_had(hva, write);
		goto out;
	}
	ret = 0;
	spin_lock(&vm->mmu_lock);
	/* If the page may have gone meanwhile, the guest faults again. */
	if (!may_be_going(vm, hva) && seq == vm->invalidate_seq) {
		map_page(vm, gfn, page, write, &cache);
		if (write)
			SetPageDirty(page);
	}
	spin_unlock(&vm->mmu_lock);
	/* The notifier, not this reference, keeps the page from under the guest. */
	put_page(page);
out:
	empty_cache(&cache);
	return ret;
}

/**
 * ept_fault() - the guest touched a page that its EPT does not allow
 * @vm: the VM
 * @gpa: guest-physical address
 * @write: for writing
 *
 * Context: the VM's process; may sleep. A signal ends the wait for a slot that changes.
 * Return: 0: try again; -ENXIO: no memory slot there, or a write to a read-only
 * one; -EFAULT: the process has nothing behind the slot that allows this;
 * -ENOMEM; -EINTR.
 */
int ept_fault(struct vm *vm, u64 gpa, bool write)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	struct memslot *slot;
	int ret;

	/* The signal ends KVM_RUN, and the next one has the same fault. */
	if (down_read_interruptible(&vm->slots_lock))
		return 0;
	slot = vm_find_slot(vm, gfn);
	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		ret = -ENXIO;
	else if (already_mapped(vm, gfn, write))
		ret = 0;
	else
		ret = map_slot_page(vm, slot, gfn, write);
	up_read(&vm->slots_lock);
	return ret;
}
