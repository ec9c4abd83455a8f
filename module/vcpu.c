// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU: created, its file descriptor, its end. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <asm/debugreg.h>

#include "compat.h"
#include "fpu.h"
#include "interrupt.h"
#include "lapic.h"
#include "vcpu.h"
#include "vmx_caps.h"
#include "vmx_root.h"

/* SDM vol. 3, "Virtual-Processor Identifiers": 16 bits, 0 is the host's. */
static DEFINE_IDA(vpids);

/* No two vCPUs have the same, not even one after the other. */
static atomic64_t serials;

/**
 * vcpu_load_vmcs() - make the VMCS current, and fit for this CPU
 * @vcpu: not loaded
 *
 * To be followed by vmx_root_put_vmcs().
 *
 * Context: as vmx_root_load_vmcs().
 * Return: 0; -ESHUTDOWN when the machine is going down; -EAGAIN when this CPU is; -EBUSY
 * or -EIO where VMX has to be entered for it and can't.
 */
int vcpu_load_vmcs(struct vcpu *vcpu)
{
	int was = vmx_root_load_vmcs(&vcpu->vmcs);

	if (was < 0)
		return was;
	if (was == VMCS_WAS_ELSEWHERE) {
		vmcs_set_host_cpu();
		vcpu->dirty |= DIRTY_TSC;
		vmx_root_invept(vcpu->vm->eptp);
		vmx_root_invvpid(vcpu->vpid);
	}
	return 0;
}

/**
 * vcpu_vmcs_get() - make the VMCS current, to read or write a field
 * @vcpu: not loaded
 *
 * Preemption is off until vcpu_vmcs_put(), and interrupts may be: it cannot be nested.
 *
 * An exit whose handling fails so is half done, and not all handlers can say so:
 * the vCPU does not run again.
 *
 * Context: may sleep.
 * Return: 0, or an error of vcpu_load_vmcs() other than -EAGAIN.
 */
int vcpu_vmcs_get(struct vcpu *vcpu)
{
	int ret;

	lockdep_assert_preemption_enabled();
	for (;;) {
		preempt_disable();
		ret = vcpu_load_vmcs(vcpu);
		if (!ret)
			return 0;
		preempt_enable();
		if (ret != -EAGAIN)
			break;
		/* Awake again, the task is on another CPU. */
		schedule_timeout_uninterruptible(1);
	}
	if (vcpu->task)
		vcpu->run_error = ret;
	return ret;
}

void vcpu_vmcs_put(struct vcpu *vcpu)
{
	vmx_root_put_vmcs(&vcpu->vmcs);
	preempt_enable();
}

static void *zeroed_page(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

/** vcpu_is_bsp() - is it the bootstrap processor? */
bool vcpu_is_bsp(const struct vcpu *vcpu)
{
	return vcpu->id == vcpu->vm->bsp_id;
}

/*
 * What RESET and INIT have in common; SDM vol. 3, table "IA-32 and Intel 64
 * Processor States Following Power-up, Reset, or INIT".
 */
static void reset_registers(struct vcpu *vcpu)
{
	memset(vcpu->vmenter.regs, 0, sizeof(vcpu->vmenter.regs));
	vcpu->vmenter.regs[GPR_RDX] = cpuid_signature(&vcpu->cpuid);
	vcpu->rip = 0xfff0;
	vcpu->rflags = X86_EFLAGS_FIXED;
	vcpu->interruptibility = 0;
	vcpu->event.info = 0;
	vcpu->interrupt = NO_INTERRUPT;
	vcpu->nmis = 0;
	vcpu->nmi_injected = false;
	clear_bit(REQUEST_NMI, &vcpu->requests);
	vcpu->cr2 = 0;
	vcpu->cr4 = 0;
	vcpu->cr8 = 0;
	memset(vcpu->dr, 0, sizeof(vcpu->dr));
	vcpu->dr6 = DR6_RESERVED;
	vcpu->dr7 = 0x400;
	vcpu->dirty |= DIRTY_REGS | DIRTY_CRS | DIRTY_DEBUG;
}

/* The state of a new vCPU. */
static int reset(struct vcpu *vcpu)
{
	int ret;

	vcpu->mp_state = !vcpu->lapic || vcpu_is_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE :
							      KVM_MP_STATE_UNINITIALIZED;
	vcpu->cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET;
	tsc_reset(vcpu);
	cpuid_reset(&vcpu->cpuid);
	msr_reset(vcpu);
	msr_bitmap_update(vcpu);

	ret = vcpu_vmcs_get(vcpu);
	if (ret)
		return ret;
	vmcs_init_constant(vcpu);
	vmcs_reset_msrs();
	vmcs_init_guest(vcpu);
	vcpu_vmcs_put(vcpu);
	reset_registers(vcpu);
	if (vcpu->lapic)
		lapic_reset(vcpu, false);
	return 0;
}

/**
 * vcpu_init() - INIT: the registers are reset, MSRs, FPU and TSC are not
 * @vcpu: the vCPU, not loaded
 *
 * Return: 0, or an error of vcpu_vmcs_get(): nothing has changed.
 */
int vcpu_init(struct vcpu *vcpu)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	vmcs_init_guest(vcpu);
	vcpu_vmcs_put(vcpu);
	vcpu->cr0 = (vcpu->cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
	vcpu->msrs[MSR_SLOT_EFER] = 0;
	vcpu->complete = NULL;
	reset_registers(vcpu);
	if (vcpu->lapic)
		lapic_reset(vcpu, true);
	return 0;
}

/**
 * vcpu_startup() - SIPI: go on in real mode at the page that it names
 * @vcpu: a vCPU after INIT, not loaded
 * @vector: the page
 *
 * Return: 0, or an error of vcpu_vmcs_get(): nothing has changed.
 */
int vcpu_startup(struct vcpu *vcpu, u8 vector)
{
	int ret = vcpu_vmcs_get(vcpu);

	if (ret)
		return ret;
	vmwrite16(GUEST_CS_SELECTOR, vector << 8);
	vmwritel(GUEST_CS_BASE, (unsigned long)vector << PAGE_SHIFT);
	vcpu_vmcs_put(vcpu);
	vcpu->rip = 0;
	vcpu->dirty |= DIRTY_REGS;
	return 0;
}

/**
 * vcpu_destroy() - free a vCPU; nobody has its file open any more
 * @vcpu: the vCPU
 */
void vcpu_destroy(struct vcpu *vcpu)
{
	lapic_free(vcpu);
	vmcs_free(&vcpu->vmcs);
	if (vcpu->vpid)
		ida_free(&vpids, vcpu->vpid);
	fpu_free(vcpu);
	cpuid_free(&vcpu->cpuid);
	kfree(vcpu->msr_entries);
	free_page((unsigned long)vcpu->msr_bitmap);
	free_page((unsigned long)vcpu->run);
	free_page((unsigned long)vcpu->pio_data);
	kfree(vcpu);
}

static struct vcpu *vcpu_alloc(struct vm *vm, u32 id)
{
	struct vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int vpid, ret = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->serial = atomic64_inc_return(&serials);
	mutex_init(&vcpu->mutex);
	init_swait_queue_head(&vcpu->wait);
	vcpu->run = zeroed_page();
	if (!vcpu->run)
		goto err;
	ret = msr_bitmap_create(vcpu);
	if (ret)
		goto err;
	ret = fpu_create(vcpu);
	if (ret)
		goto err;
	ret = vm->has_lapics ? lapic_create(vcpu) : 0;
	if (ret)
		goto err;
	if (vmx_controls.proc2 & SECONDARY_EXEC_ENABLE_VPID) {
		/* More vCPUs than VPIDs: the rest do without. */
		vpid = ida_alloc_range(&vpids, 1, U16_MAX, GFP_KERNEL);
		vcpu->vpid = max(vpid, 0);
	}
	ret = vmcs_alloc(&vcpu->vmcs);
	if (ret)
		goto err;
	ret = reset(vcpu);
	if (ret)
		goto err;
	return vcpu;
err:
	vcpu_destroy(vcpu);
	return ERR_PTR(ret);
}

/**
 * vcpu_io_page() - the page for I/O data, which many a vCPU never needs
 * @vcpu: the vCPU
 *
 * Context: may sleep; the vCPU's thread and one that touches the mapping may come
 * at the same time.
 * Return: the page, or NULL if there is no memory for it.
 */
void *vcpu_io_page(struct vcpu *vcpu)
{
	void *page = READ_ONCE(vcpu->pio_data), *new;

	if (page)
		return page;
	new = zeroed_page();
	if (!new)
		return NULL;
	page = cmpxchg(&vcpu->pio_data, NULL, new);
	if (!page)
		return new;
	free_page((unsigned long)new);
	return page;
}

/* Page 0: struct kvm_run; page 1: I/O data. */
static vm_fault_t vcpu_mmap_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *page;

	if (vmf->pgoff >= VCPU_MMAP_PAGES)
		return VM_FAULT_SIGBUS;
	page = vmf->pgoff ? vcpu_io_page(vcpu) : vcpu->run;
	if (!page)
		return VM_FAULT_OOM;
	vmf->page = virt_to_page(page);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_mmap_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

/*
 * Into the VM and into the process, both at the end: other vCPUs find it in the
 * VM, and once it has a file it can be used. Returns the file descriptor; on failure
 * the vCPU is the caller's to destroy.
 */
static int vcpu_install(struct vm *vm, struct vcpu *vcpu)
{
	int ret;

	ret = xa_reserve(&vm->vcpus, vcpu->id, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	vm_get(vm);
	ret = anon_inode_getfd("minihv-vcpu", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (ret < 0) {
		vm_put(vm);
		xa_release(&vm->vcpus, vcpu->id);
		return ret;
	}
	/* The place is reserved. */
	xa_store(&vm->vcpus, vcpu->id, vcpu, 0);
	WRITE_ONCE(vm->vcpu_count, vm->vcpu_count + 1);
	return ret;
}

static int create_locked(struct vm *vm, unsigned long id)
{
	struct vcpu *vcpu;
	int ret;

	if (vm->vcpu_count == VM_MAX_VCPUS || id >= vm->vcpu_ids)
		return -EINVAL;
	if (xa_load(&vm->vcpus, id))
		return -EEXIST;
	vcpu = vcpu_alloc(vm, id);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	ret = vcpu_install(vm, vcpu);
	if (ret < 0)
		vcpu_destroy(vcpu);
	return ret;
}

/**
 * vcpu_create() - KVM_CREATE_VCPU
 * @vm: where
 * @id: the client's number for it
 *
 * Return: a file descriptor; -EINVAL if the id or the number of vCPUs is too
 * large, -EEXIST if the id is taken, -ENOMEM, -EMFILE.
 */
int vcpu_create(struct vm *vm, unsigned long id)
{
	int ret;

	mutex_lock(&vm->vcpus_lock);
	ret = create_locked(vm, id);
	mutex_unlock(&vm->vcpus_lock);
	return ret;
}
