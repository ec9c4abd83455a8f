// SPDX-License-Identifier: GPL-2.0-only
/*
 * Out of VMX root when the kernel dies: panic, kdump, sysrq's reboot.
 *
 * No reboot notifier is called then. The kernel stops the other CPUs by NMI and has
 * each CPU call a function that it was given for this. Without, the kernel that
 * kdump starts would fault where it first writes CR4, and other CPUs would ignore
 * the INIT that starts them: SDM vol. 3, "Restrictions on VMX Operation".
 *
 * There is room for one such function, and KVM's does the same for any CPU in VMX
 * root. Where kvm_intel is loaded it is KVM's, and when it comes minihv makes room.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "compat.h"
#include "vmx_root.h"

#define KVM	"kvm_intel"

static DEFINE_MUTEX(lock);
static bool registered;

static void give_function(void)
{
	mutex_lock(&lock);
	if (!registered)
		compat_register_emergency(vmx_root_emergency);
	registered = true;
	mutex_unlock(&lock);
}

static void take_function_back(void)
{
	mutex_lock(&lock);
	if (registered)
		compat_unregister_emergency(vmx_root_emergency);
	registered = false;
	mutex_unlock(&lock);
}

/* KVM gives its function after "coming", and has taken it back before "going". */
static int module_changes(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, KVM))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING)
		take_function_back();
	else if (state == MODULE_STATE_GOING)
		give_function();
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_changes,
};

/* Is it in /sys/module? There it is also when it is built into the kernel. */
static bool kvm_is_loaded(void)
{
	struct kobject *kvm = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, KVM);

	kobject_put(kvm);
	return kvm;
}

/** emergency_init() - at load, before a CPU enters VMX root */
void __init emergency_init(void)
{
	register_module_notifier(&module_notifier);
	if (!kvm_is_loaded())
		give_function();
}

/** emergency_exit() - at unload, after all CPUs have left VMX root */
void emergency_exit(void)
{
	unregister_module_notifier(&module_notifier);
	take_function_back();
}
