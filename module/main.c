// SPDX-License-Identifier: GPL-2.0-only
/* minihv: what insmod and rmmod do, and /dev/minihv itself. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include "../uapi/linux/minihv.h"
#include "caps.h"
#include "compat.h"
#include "cpuid.h"
#include "debugfs.h"
#include "fpu.h"
#include "msr.h"
#include "vcpu.h"
#include "vm.h"
#include "vmx_root.h"

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CHECK_EXTENSION:
		return vm_check_extension(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VCPU_MMAP_PAGES * PAGE_SIZE;
	case KVM_CREATE_VM:
		/* One machine type: 0. */
		return arg ? -EINVAL : vm_create();
	case KVM_GET_MSR_INDEX_LIST:
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return msr_ioctl_lists(cmd, user);
	case KVM_GET_MSRS:
		return msr_ioctl_get_features(user);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(mce_cap_supported(), (u64 __user *)user);
	case KVM_GET_SUPPORTED_CPUID:
		return cpuid_get_supported(user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "minihv",
	.fops = &device_fops,
	.mode = 0600,
};

static int __init minihv_init(void)
{
	int ret;

	ret = vmx_root_init();
	if (ret)
		return ret;
	cpuid_init();
	fpu_init();
	ret = vcpu_switch_init();
	if (ret)
		goto err_root;
	ret = msr_init();
	if (ret)
		goto err_switch;
	ret = vm_init();
	if (ret)
		goto err_switch;
	ret = misc_register(&device);
	if (ret)
		goto err_vm;
	tsc_init();
	minihv_debugfs_init();
	pr_info("version %s, %s\n", MINIHV_VERSION, MINIHV_DEVICE);
	return 0;

err_vm:
	vm_exit();
err_switch:
	vcpu_switch_exit();
err_root:
	vmx_root_exit();
	return ret;
}

static void __exit minihv_exit(void)
{
	minihv_debugfs_exit();
	misc_deregister(&device);
	vm_exit();
	tsc_exit();
	rcu_barrier();
	vcpu_switch_exit();
	vmx_root_exit();
	pr_info("unloaded\n");
}

module_init(minihv_init);
module_exit(minihv_exit);

MODULE_DESCRIPTION("A mini-hypervisor for Intel VT-x: KVM's MSR interface on its own");
MODULE_LICENSE("GPL");
MODULE_VERSION(MINIHV_VERSION);
