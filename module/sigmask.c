// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_SIGNAL_MASK: which signals are blocked while a thread is in KVM_RUN.
 *
 * A client blocks a signal all the time but there. So it cannot come between
 * a last look at something and KVM_RUN, where it would be lost.
 */
#include <linux/sched/signal.h>
#include <linux/signal.h>

#include "compat.h"
#include "vcpu.h"

/**
 * vcpu_set_sigmask() - KVM_SET_SIGNAL_MASK
 * @vcpu: the vCPU
 * @sigset: what is to be blocked, or NULL: what the thread has blocked anyway
 */
void vcpu_set_sigmask(struct vcpu *vcpu, const sigset_t *sigset)
{
	vcpu->has_sigset = sigset;
	if (!sigset)
		return;
	vcpu->sigset = *sigset;
	sigdelsetmask(&vcpu->sigset, sigmask(SIGKILL) | sigmask(SIGSTOP));
}

/**
 * vcpu_sigmask_begin() - KVM_RUN begins
 * @vcpu: the vCPU
 *
 * The thread's own mask goes where sigtimedwait() has it, too. There the kernel
 * sees that a signal is unblocked for a moment only: one that would kill the
 * process or be ignored stays pending, for the client to fetch.
 */
void vcpu_sigmask_begin(struct vcpu *vcpu)
{
	if (vcpu->has_sigset)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
}

/** vcpu_sigmask_end() - KVM_RUN ends; the counterpart of vcpu_sigmask_begin() */
void vcpu_sigmask_end(struct vcpu *vcpu)
{
	if (!vcpu->has_sigset)
		return;
	sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
	sigemptyset(&current->real_blocked);
}
