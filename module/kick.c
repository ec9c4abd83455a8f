// SPDX-License-Identifier: GPL-2.0-only
/* Making running guests notice that something has changed. */
#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/swait.h>

#include "kick.h"
#include "vcpu.h"

DEFINE_PER_CPU(struct vm *, kick_guest_vm);

static bool runs_guest(int cpu, void *vm)
{
	return READ_ONCE(*per_cpu_ptr(&kick_guest_vm, cpu)) == vm;
}

/* To be interrupted is to leave the guest. */
static void leave_guest(void *unused)
{
}

/**
 * kick_guests() - wait until no vCPU of a VM is where it was
 * @vm: the VM
 *
 * When it returns each vCPU that was in the guest has left it, and sees what the
 * caller wrote before the call when it enters again.
 *
 * Context: interrupts on; does not sleep.
 */
void kick_guests(struct vm *vm)
{
	/* Pairs with the barrier in kick_guest_begin(). */
	smp_mb();
	on_each_cpu_cond_mask(runs_guest, leave_guest, vm, true, cpu_online_mask);
}

/**
 * kick_vcpu() - have one vCPU look at what has come for it
 * @vcpu: the vCPU; what it is to see is written before
 *
 * Wakes it where the guest sleeps, interrupts it where the guest runs. Does not
 * wait for that to have happened.
 *
 * Context: any, interrupts off and hard interrupts included.
 */
void kick_vcpu(struct vcpu *vcpu)
{
	struct task_struct *task;

	/* Pairs with the barriers in swait_event() and of a thread that goes to sleep. */
	smp_mb();
	if (swait_active(&vcpu->wait)) {
		swake_up_one(&vcpu->wait);
		return;
	}
	/* A thread that ends does so after its KVM_RUN, and its task_struct by way of RCU. */
	rcu_read_lock();
	task = READ_ONCE(vcpu->task);
	if (task)
		kick_process(task);
	rcu_read_unlock();
}
