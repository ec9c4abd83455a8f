// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that the client sends to the local APICs: as messages (MSI), or by
 * the numbers (GSI) for which it has laid down messages.
 *
 * SDM vol. 3, "Message Signalled Interrupts".
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "irq_route.h"
#include "lapic.h"

/* SDM vol. 3, figures "Layout of the MSI Message Address / Data Register". */
#define MSI_ADDRESS_DESTINATION	GENMASK(19, 12)
#define MSI_ADDRESS_LOGICAL	BIT(2)
#define MSI_ADDRESS_REDIRECTED	BIT(3)
#define MSI_DATA_VECTOR		GENMASK(7, 0)
#define MSI_DATA_LEVEL		BIT(15)

static bool deliver_msi(struct vm *vm, u32 address, u32 data)
{
	struct lapic_message m = {
		.destination = (address & MSI_ADDRESS_DESTINATION) >> 12,
		.logical = address & MSI_ADDRESS_LOGICAL,
		.broadcast = 0xff,
		.mode = data & APIC_DM_FIXED_MASK,
		.vector = data & MSI_DATA_VECTOR,
		.level = data & MSI_DATA_LEVEL,
	};

	/* The redirection hint: one of those that are named, as with lowest priority. */
	if (m.mode == APIC_DM_FIXED && m.logical && address & MSI_ADDRESS_REDIRECTED)
		m.mode = APIC_DM_LOWEST;
	return lapic_deliver(vm, &m);
}

/**
 * irq_signal_msi() - KVM_SIGNAL_MSI
 * @vm: the VM
 * @msi: as in the KVM API
 *
 * Return: 1 if a vCPU has accepted it, 0 if none has; -EINVAL for flags, or if the
 * VM has no local APICs.
 */
int irq_signal_msi(struct vm *vm, const struct kvm_msi *msi)
{
	if (!READ_ONCE(vm->has_lapics) || msi->flags)
		return -EINVAL;
	return deliver_msi(vm, msi->address_lo, msi->data);
}

/**
 * struct irq_routes - the messages that the client has laid down
 * @nr: how many
 * @entries: in the client's order, each GSI once
 */
struct irq_routes {
	u32 nr;
	struct kvm_irq_routing_entry entries[];
};

static bool find_route(const struct irq_routes *routes, u32 gsi, struct kvm_irq_routing_msi *msi)
{
	u32 i;

	for (i = 0; routes && i < routes->nr; i++)
		if (routes->entries[i].gsi == gsi) {
			*msi = routes->entries[i].u.msi;
			return true;
		}
	return false;
}

/**
 * irq_line() - KVM_IRQ_LINE
 * @vm: the VM
 * @irq: a GSI and its level; a message is sent when the level is 1
 *
 * Return: 0; -ENXIO if the VM has no local APICs; -EINVAL for a GSI without a route.
 */
int irq_line(struct vm *vm, const struct kvm_irq_level *irq)
{
	struct kvm_irq_routing_msi msi;
	bool found;

	if (!READ_ONCE(vm->has_lapics))
		return -ENXIO;
	mutex_lock(&vm->vcpus_lock);
	found = find_route(vm->irq_routes, irq->irq, &msi);
	mutex_unlock(&vm->vcpus_lock);
	if (!found)
		return -EINVAL;
	if (irq->level)
		deliver_msi(vm, msi.address_lo, msi.data);
	return 0;
}

/* Pins are those of interrupt controllers that are not here. */
static bool routes_valid(const struct irq_routes *routes)
{
	DECLARE_BITMAP(seen, IRQ_ROUTES) = {};
	const struct kvm_irq_routing_entry *entry;
	u32 i;

	for (i = 0; i < routes->nr; i++) {
		entry = &routes->entries[i];
		if (entry->type != KVM_IRQ_ROUTING_MSI || entry->flags ||
		    entry->gsi >= IRQ_ROUTES || __test_and_set_bit(entry->gsi, seen))
			return false;
	}
	return true;
}

/**
 * irq_set_routing() - KVM_SET_GSI_ROUTING: a message for each GSI, instead of those before
 * @vm: the VM
 * @user: as in the KVM API
 *
 * Return: 0; nothing having changed: -EINVAL for flags, too many entries, one that
 * is no MSI, two for one GSI, or if the VM has no local APICs; -EFAULT, -ENOMEM.
 */
int irq_set_routing(struct vm *vm, struct kvm_irq_routing __user *user)
{
	struct kvm_irq_routing header;
	struct irq_routes *routes;
	int ret = 0;

	if (copy_from_user(&header, user, sizeof(header)))
		return -EFAULT;
	if (!READ_ONCE(vm->has_lapics) || header.nr > IRQ_ROUTES || header.flags)
		return -EINVAL;
	routes = kvzalloc(struct_size(routes, entries, header.nr), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return -ENOMEM;
	routes->nr = header.nr;
	if (copy_from_user(routes->entries, user->entries,
			   flex_array_size(routes, entries, routes->nr)))
		ret = -EFAULT;
	else if (!routes_valid(routes))
		ret = -EINVAL;
	if (!ret) {
		mutex_lock(&vm->vcpus_lock);
		swap(vm->irq_routes, routes);
		mutex_unlock(&vm->vcpus_lock);
	}
	kvfree(routes);
	return ret;
}

/** irq_free_routing() - at the VM's end */
void irq_free_routing(struct vm *vm)
{
	kvfree(vm->irq_routes);
}
