// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_CLOCK, KVM_SET_CLOCK: nanoseconds that a VM has lived, to carry along
 * when it moves. There is no paravirtual clock that would show them to the guest.
 */
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>

#include "clock.h"
#include "vm.h"

/** clock_init() - a new VM's clock begins at 0 */
void clock_init(struct vm *vm)
{
	vm->clock_start = ktime_get_boottime_ns();
}

/**
 * clock_get() - KVM_GET_CLOCK
 * @vm: the VM
 * @data: as in the KVM API; the three times are of one moment
 */
void clock_get(struct vm *vm, struct kvm_clock_data *data)
{
	unsigned long flags;
	u64 boottime;

	memset(data, 0, sizeof(*data));
	local_irq_save(flags);
	boottime = ktime_get_boottime_ns();
	data->host_tsc = rdtsc();
	data->realtime = ktime_get_real_ns();
	local_irq_restore(flags);
	data->clock = boottime - READ_ONCE(vm->clock_start);
	data->flags = CLOCK_FLAGS;
}

/**
 * clock_set() - KVM_SET_CLOCK
 * @vm: the VM
 * @data: as in the KVM API; with KVM_CLOCK_REALTIME the time that has passed since
 *	@data->realtime is added
 *
 * Return: 0, or -EINVAL for unknown flags.
 */
int clock_set(struct vm *vm, const struct kvm_clock_data *data)
{
	u64 clock = data->clock, now;

	/* The others are KVM_GET_CLOCK's, which a client may hand back. */
	if (data->flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	now = ktime_get_real_ns();
	if (data->flags & KVM_CLOCK_REALTIME && now > data->realtime)
		clock += now - data->realtime;
	WRITE_ONCE(vm->clock_start, ktime_get_boottime_ns() - clock);
	return 0;
}
