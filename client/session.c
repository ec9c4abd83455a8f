// SPDX-License-Identifier: GPL-2.0
/*
 * The device that msrctl works on, and the VM it makes there.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "msrctl.h"

bool session_open(struct session *s)
{
	s->dev = vm_open_device(s->path);
	if (s->dev >= 0)
		return true;
	switch (s->dev) {
	case -ENOENT:
		complain("%s does not exist: is the module loaded?", s->path);
		break;
	case -EACCES:
		complain("%s: permission denied: it is for root, or for whom root gave it to",
			 s->path);
		break;
	case -ENOTTY:
		complain("%s is not a device that answers KVM's ioctls", s->path);
		break;
	case -EPROTO:
		complain("%s has another version of KVM's interface than %d", s->path,
			 KVM_API_VERSION);
		break;
	default:
		complain("%s: %s", s->path, strerror(-s->dev));
	}
	return false;
}

bool session_vcpu(struct session *s, unsigned int mib)
{
	const char *step = "cannot create a VM";
	int err;

	if (!session_open(s))
		return false;
	err = vm_create(&s->vm, s->dev, mib);
	if (!err) {
		step = "cannot create a vCPU";
		err = vcpu_create(&s->vcpu, &s->vm, 0);
	}
	if (!err) {
		step = "cannot set the vCPU's CPUID";
		err = vcpu_set_supported_cpuid(&s->vcpu);
	}
	if (err)
		complain("%s: %s: %s", s->path, step, strerror(-err));
	return !err;
}

void session_close(struct session *s)
{
	vcpu_destroy(&s->vcpu);
	vm_destroy(&s->vm);
	if (s->dev >= 0)
		close(s->dev);
}
