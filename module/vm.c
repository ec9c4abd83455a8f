// SPDX-License-Identifier: GPL-2.0-only
/* The VM: created, its file descriptor, its ioctls, and its end. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/tsc.h>

#include "caps.h"
#include "clock.h"
#include "compat.h"
#include "ept.h"
#include "fpu.h"
#include "irq_route.h"
#include "stats.h"
#include "msr_filter.h"
#include "vcpu.h"
#include "vm.h"

/* Where VMs end. */
static struct workqueue_struct *vm_ends;

void vm_get(struct vm *vm)
{
	kref_get(&vm->ref);
}

/* What a VM is made of apart from its notifier; also for one half made. */
static void vm_free(struct vm *vm)
{
	struct vcpu *vcpu;
	unsigned long id;

	xa_for_each(&vm->vcpus, id, vcpu)
		vcpu_destroy(vcpu);
	xa_destroy(&vm->vcpus);
	msr_filter_free(vm);
	irq_free_routing(vm);
	vm_free_slots(vm);
	ept_destroy(vm);
	kfree(vm);
}

/* Waits for MMU notifiers to end, which takes too long for a close(). */
static void vm_end(struct work_struct *work)
{
	struct vm *vm = container_of(work, struct vm, end);

	mmu_notifier_unregister(&vm->notifier, vm->mm);
	vm_free(vm);
}

/* The last file is closed: no ioctl can come any more, only MMU notifiers. */
static void vm_release(struct kref *ref)
{
	struct vm *vm = container_of(ref, struct vm, ref);

	INIT_WORK(&vm->end, vm_end);
	queue_work(vm_ends, &vm->end);
}

void vm_put(struct vm *vm)
{
	kref_put(&vm->ref, vm_release);
}

/**
 * vm_init() - at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init vm_init(void)
{
	vm_ends = alloc_workqueue("minihv", WQ_UNBOUND, 0);
	return vm_ends ? 0 : -ENOMEM;
}

/** vm_exit() - at unload: waits for the VMs that are on their way out */
void vm_exit(void)
{
	destroy_workqueue(vm_ends);
}

/*
 * Intel CPUs without unrestricted guest need three pages for a TSS and one for
 * an identity map to run real mode. Those that minihv runs on do not: clients
 * set the addresses all the same, and wrong ones are refused as KVM refuses them.
 */
static int set_tss_addr(unsigned long addr)
{
	return addr > (u32)(-3 * PAGE_SIZE) ? -EINVAL : 0;
}

static int set_identity_map_addr(struct vm *vm, const u64 __user *arg)
{
	u64 addr;

	if (copy_from_user(&addr, arg, sizeof(addr)))
		return -EFAULT;
	return READ_ONCE(vm->vcpu_count) ? -EINVAL : 0;
}

/* Before there is a vCPU: it would know by now. One of this id need not come. */
static int set_boot_cpu_id(struct vm *vm, unsigned long id)
{
	int ret = 0;

	mutex_lock(&vm->vcpus_lock);
	if (vm->vcpu_count)
		ret = -EBUSY;
	else if (id > U32_MAX)
		ret = -EINVAL;
	else
		vm->bsp_id = id;
	mutex_unlock(&vm->vcpus_lock);
	return ret;
}

/* For the vCPUs to come. */
static int set_tsc_khz(struct vm *vm, unsigned long khz)
{
	khz = khz ?: tsc_khz;
	if (!tsc_khz_possible(khz))
		return -EINVAL;
	WRITE_ONCE(vm->tsc_khz, khz);
	return 0;
}

/* Of the interrupt controllers that a client expects, the local APICs. */
static int create_irqchip(struct vm *vm)
{
	int ret = 0;

	mutex_lock(&vm->vcpus_lock);
	if (vm->has_lapics)
		ret = -EEXIST;
	else if (vm->vcpu_count)
		ret = -EINVAL;
	else
		WRITE_ONCE(vm->has_lapics, true);
	mutex_unlock(&vm->vcpus_lock);
	return ret;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vm *vm = file->private_data;
	union {
		struct kvm_userspace_memory_region region;
		struct kvm_msr_filter filter;
		struct kvm_enable_cap cap;
		struct kvm_msi msi;
		struct kvm_irq_level irq;
		struct kvm_clock_data clock;
		struct kvm_userspace_memory_region2 region2;
	} u;

	if (vm->mm != current->mm)
		return -EIO;
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vcpu_create(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		if (copy_from_user(&u.region, (void __user *)arg, sizeof(u.region)))
			return -EFAULT;
		return vm_set_memory_region(vm, &u.region);
	case KVM_SET_USER_MEMORY_REGION2:
		if (copy_from_user(&u.region2, (void __user *)arg, sizeof(u.region2)))
			return -EFAULT;
		/* What it has more is for memory of another kind, which a flag would ask for. */
		return vm_set_memory_region(vm, &u.region);
	case KVM_GET_CLOCK:
		clock_get(vm, &u.clock);
		return copy_to_user((void __user *)arg, &u.clock, sizeof(u.clock)) ? -EFAULT : 0;
	case KVM_SET_CLOCK:
		if (copy_from_user(&u.clock, (void __user *)arg, sizeof(u.clock)))
			return -EFAULT;
		return clock_set(vm, &u.clock);
	case KVM_SET_BOOT_CPU_ID:
		return set_boot_cpu_id(vm, arg);
	case KVM_GET_STATS_FD:
		return arg ? -EINVAL : stats_open_vm(vm);
	case KVM_X86_SET_MSR_FILTER:
		if (copy_from_user(&u.filter, (void __user *)arg, sizeof(u.filter)))
			return -EFAULT;
		return msr_filter_set(vm, &u.filter);
	case KVM_ENABLE_CAP:
		if (copy_from_user(&u.cap, (void __user *)arg, sizeof(u.cap)))
			return -EFAULT;
		return vm_enable_cap(vm, &u.cap);
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm);
	case KVM_SIGNAL_MSI:
		if (copy_from_user(&u.msi, (void __user *)arg, sizeof(u.msi)))
			return -EFAULT;
		return irq_signal_msi(vm, &u.msi);
	case KVM_IRQ_LINE:
		if (copy_from_user(&u.irq, (void __user *)arg, sizeof(u.irq)))
			return -EFAULT;
		return irq_line(vm, &u.irq);
	case KVM_SET_GSI_ROUTING:
		return irq_set_routing(vm, (void __user *)arg);
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_map_addr(vm, (void __user *)arg);
	case KVM_GET_TSC_KHZ:
		return READ_ONCE(vm->tsc_khz);
	case KVM_SET_TSC_KHZ:
		return set_tsc_khz(vm, arg);
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(arg);
	default:
		return -ENOTTY;
	}
}

static int vm_file_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_file_release,
	.llseek = noop_llseek,
};

static struct vm *vm_alloc(void)
{
	struct vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->ref);
	mutex_init(&vm->vcpus_lock);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ACCOUNT);
	init_rwsem(&vm->slots_lock);
	xa_init_flags(&vm->slots, XA_FLAGS_ACCOUNT);
	vm->slots_by_gfn = RB_ROOT_CACHED;
	vm->slots_by_hva = RB_ROOT_CACHED;
	spin_lock_init(&vm->mmu_lock);
	spin_lock_init(&vm->tsc.lock);
	vm->mm = current->mm;
	vm->tsc_khz = tsc_khz;
	vm->vcpu_ids = VM_MAX_VCPU_ID;
	vm->creator = task_tgid_nr(current);
	clock_init(vm);

	ret = ept_init(vm);
	if (!ret) {
		vm->notifier.ops = &ept_notifier_ops;
		ret = mmu_notifier_register(&vm->notifier, vm->mm);
	}
	if (ret) {
		vm_free(vm);
		return ERR_PTR(ret);
	}
	return vm;
}

/**
 * vm_create() - KVM_CREATE_VM
 *
 * Return: a file descriptor, or -ENOMEM, -EMFILE, -EINTR.
 */
int vm_create(void)
{
	struct vm *vm = vm_alloc();
	int fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("minihv-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		vm_put(vm);
	return fd;
}
