// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which process memory is behind a guest-physical address, and
 * reading and writing it on the guest's behalf.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "ept.h"
#include "vm.h"

/* As KVM: a guest frame number has to fit an unsigned long's page count. */
#define MAX_PAGES	((1ul << 31) - 1)

static struct memslot *gfn_slot(struct interval_tree_node *node)
{
	return node ? container_of(node, struct memslot, gfn) : NULL;
}

/**
 * vm_find_slot() - the slot that a guest frame is in
 * @vm: the VM
 * @gfn: guest frame number
 *
 * Context: slots_lock is held.
 * Return: the slot, or NULL.
 */
struct memslot *vm_find_slot(struct vm *vm, u64 gfn)
{
	return gfn_slot(interval_tree_iter_first(&vm->slots_by_gfn, gfn, gfn));
}

/* Context: slots_lock is held for writing. */
static void link_slot(struct vm *vm, struct memslot *slot)
{
	spin_lock(&vm->mmu_lock);
	interval_tree_insert(&slot->gfn, &vm->slots_by_gfn);
	interval_tree_insert(&slot->hva, &vm->slots_by_hva);
	spin_unlock(&vm->mmu_lock);
}

/* Context: slots_lock is held for writing. The guest loses the memory. */
static void unlink_slot(struct vm *vm, struct memslot *slot)
{
	ept_zap_gfns(vm, slot->gfn.start, slot->gfn.last);
	spin_lock(&vm->mmu_lock);
	interval_tree_remove(&slot->gfn, &vm->slots_by_gfn);
	interval_tree_remove(&slot->hva, &vm->slots_by_hva);
	spin_unlock(&vm->mmu_lock);
}

static int check_region(const struct kvm_userspace_memory_region *region)
{
	u64 gpa = region->guest_phys_addr, hva = region->userspace_addr;

	if (region->flags & ~(u32)KVM_MEM_READONLY)
		return -EINVAL;
	if (region->slot >= VM_MAX_SLOTS)
		return -EINVAL;
	if (region->memory_size & ~PAGE_MASK || gpa & ~PAGE_MASK || hva & ~PAGE_MASK)
		return -EINVAL;
	if (gpa + region->memory_size < gpa || region->memory_size >> PAGE_SHIFT > MAX_PAGES)
		return -EINVAL;
	/* access_ok() may pass bits that the CPU ignores (LAM), and MMU notifiers never name. */
	if (!access_ok((void __user *)hva, region->memory_size) ||
	    hva + region->memory_size > TASK_SIZE_MAX)
		return -EINVAL;
	if (region->memory_size && (gpa + region->memory_size - 1) >> ept_address_bits())
		return -EINVAL;
	return 0;
}

static struct memslot *new_slot(const struct kvm_userspace_memory_region *region)
{
	struct memslot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->id = region->slot;
	slot->flags = region->flags;
	slot->gfn.start = region->guest_phys_addr >> PAGE_SHIFT;
	slot->gfn.last = slot->gfn.start + (region->memory_size >> PAGE_SHIFT) - 1;
	slot->hva.start = region->userspace_addr;
	slot->hva.last = region->userspace_addr + region->memory_size - 1;
	return slot;
}

/* Is there a slot other than @old in the frames of @slot? */
static bool overlaps(struct vm *vm, const struct memslot *slot, const struct memslot *old)
{
	u64 gfn = slot->gfn.start, last = slot->gfn.last;
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(&vm->slots_by_gfn, gfn, last); node;
	     node = interval_tree_iter_next(node, gfn, last))
		if (gfn_slot(node) != old)
			return true;
	return false;
}

/* A slot keeps its size, its memory and whether it can be written. */
static bool may_become(const struct memslot *old, const struct memslot *new)
{
	return old->gfn.last - old->gfn.start == new->gfn.last - new->gfn.start &&
	       old->hva.start == new->hva.start && old->flags == new->flags;
}

static int delete_slot(struct vm *vm, u32 id)
{
	struct memslot *old = xa_load(&vm->slots, id);

	if (!old)
		return -EINVAL;
	unlink_slot(vm, old);
	xa_erase(&vm->slots, id);
	kfree(old);
	return 0;
}

static int replace_slot(struct vm *vm, struct memslot *slot)
{
	struct memslot *old = xa_load(&vm->slots, slot->id);
	int ret;

	if (old && !may_become(old, slot))
		return -EINVAL;
	if (overlaps(vm, slot, old))
		return -EEXIST;
	ret = xa_err(xa_store(&vm->slots, slot->id, slot, GFP_KERNEL_ACCOUNT));
	if (ret)
		return ret;
	if (old) {
		unlink_slot(vm, old);
		kfree(old);
	}
	link_slot(vm, slot);
	return 0;
}

/**
 * vm_set_memory_region() - KVM_SET_USER_MEMORY_REGION
 * @vm: whose memory
 * @region: the slot; memory_size 0 deletes it, an existing one can only be moved
 *
 * Return: 0; -EINVAL for unknown flags, a slot number too large, an address or
 * size that is not a multiple of a page or out of range, a slot to delete that
 * does not exist, or one that exists and would become another; -EEXIST if the
 * frames belong to another slot; -ENOMEM; -EINTR when killed.
 */
int vm_set_memory_region(struct vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct memslot *slot;
	int ret = check_region(region);

	if (ret)
		return ret;
	if (!region->memory_size) {
		if (down_write_killable(&vm->slots_lock))
			return -EINTR;
		ret = delete_slot(vm, region->slot);
		up_write(&vm->slots_lock);
		return ret;
	}

	slot = new_slot(region);
	if (!slot)
		return -ENOMEM;
	ret = down_write_killable(&vm->slots_lock);
	if (!ret) {
		ret = replace_slot(vm, slot);
		up_write(&vm->slots_lock);
	}
	if (ret)
		kfree(slot);
	return ret;
}

/** vm_free_slots() - at the VM's end; the EPT goes with it */
void vm_free_slots(struct vm *vm)
{
	struct memslot *slot;
	unsigned long id;

	xa_for_each(&vm->slots, id, slot)
		kfree(slot);
	xa_destroy(&vm->slots);
}

/* Where the process has this guest-physical address; NULL if nowhere. */
static void __user *guest_address(struct vm *vm, u64 gpa, bool write)
{
	struct memslot *slot = vm_find_slot(vm, gpa >> PAGE_SHIFT);

	if (!slot || (write && slot->flags & KVM_MEM_READONLY))
		return NULL;
	return (void __user *)(slot->hva.start + gpa - ((u64)slot->gfn.start << PAGE_SHIFT));
}

typedef int (*page_fn)(void __user *address, void *data, unsigned int len);

/* Slots need not continue one another in the process: page by page. */
static int for_guest_pages(struct vm *vm, u64 gpa, void *data, unsigned int len, bool write,
			   page_fn fn)
{
	unsigned int chunk;
	void __user *address;
	int ret = 0;

	if (down_read_killable(&vm->slots_lock))
		return -EINTR;
	for (; len && !ret; len -= chunk, gpa += chunk, data += chunk) {
		chunk = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gpa));
		address = guest_address(vm, gpa, write);
		ret = address ? fn(address, data, chunk) : -ENOENT;
	}
	up_read(&vm->slots_lock);
	return ret;
}

static int read_page(void __user *address, void *data, unsigned int len)
{
	return copy_from_user(data, address, len) ? -EFAULT : 0;
}

static int write_page(void __user *address, void *data, unsigned int len)
{
	return copy_to_user(address, data, len) ? -EFAULT : 0;
}

/* Page-table entries, in one piece. */

static int read_entry(void __user *address, void *data, unsigned int len)
{
	u64 *entry = data;

	return len == sizeof(u64) ? get_user(*entry, (u64 __user *)address) :
				    get_user(*entry, (u32 __user *)address);
}

struct bit_change {
	u64 old, bits;
};

static int set_bits_of_64(void __user *address, void *data, unsigned int len)
{
	struct bit_change *change = data;
	u64 old = change->old;
	int ret = __try_cmpxchg_user((u64 __user *)address, &old, old | change->bits, fault);

	return ret > 0 ? -EAGAIN : ret;
}

static int set_bits_of_32(void __user *address, void *data, unsigned int len)
{
	struct bit_change *change = data;
	u32 old = change->old;
	int ret = __try_cmpxchg_user((u32 __user *)address, &old, old | (u32)change->bits, fault);

	return ret > 0 ? -EAGAIN : ret;
}

/**
 * vm_read_guest() - read guest memory, as its own process would
 * @vm: whose
 * @gpa: guest-physical address
 * @data: gets it
 * @len: bytes
 *
 * Context: the VM's process; may sleep.
 * Return: 0; -ENOENT where the guest has no memory; -EFAULT where its process has
 * none for it; -EINTR when killed.
 */
int vm_read_guest(struct vm *vm, u64 gpa, void *data, unsigned int len)
{
	return for_guest_pages(vm, gpa, data, len, false, read_page);
}

/**
 * vm_write_guest() - write guest memory
 * @vm: the VM
 * @gpa: guest-physical address
 * @data: what to write
 * @len: bytes
 *
 * As vm_read_guest(); a read-only slot is -ENOENT.
 */
int vm_write_guest(struct vm *vm, u64 gpa, const void *data, unsigned int len)
{
	return for_guest_pages(vm, gpa, (void *)data, len, true, write_page);
}

/**
 * vm_read_guest_entry() - read a page-table entry
 * @vm: the VM
 * @gpa: guest-physical address, a multiple of @size
 * @entry: gets it
 * @size: 4 or 8 bytes
 *
 * As vm_read_guest(), but at once: others may change it meanwhile.
 */
int vm_read_guest_entry(struct vm *vm, u64 gpa, u64 *entry, unsigned int size)
{
	return for_guest_pages(vm, gpa, entry, size, false, read_entry);
}

/**
 * vm_set_guest_bits() - set bits in a page-table entry
 * @vm: the VM
 * @gpa: guest-physical address, a multiple of @size
 * @old: what is there
 * @bits: the bits
 * @size: 4 or 8 bytes
 *
 * Context: the VM's process; may sleep.
 * Return: 0; -EAGAIN if something else is there by now; else as vm_write_guest().
 */
int vm_set_guest_bits(struct vm *vm, u64 gpa, u64 old, u64 bits, unsigned int size)
{
	struct bit_change change = { .old = old, .bits = bits };

	return for_guest_pages(vm, gpa, &change, size, true,
			       size == sizeof(u64) ? set_bits_of_64 : set_bits_of_32);
}
