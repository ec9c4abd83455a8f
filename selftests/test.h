/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test needs: the device under test with a VM and a vCPU, and an
 * ioctl that returns an errno instead of setting one.
 *
 * Expectations come from the SDM and from what clients of KVM rely on. "make
 * check-kvm" runs the tests on /dev/kvm, which checks the expectations themselves;
 * where KVM differs, a test says so next to testing_kvm().
 */
#ifndef MINIHV_SELFTESTS_TEST_H
#define MINIHV_SELFTESTS_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/minihv.h>

#include "../client/vm.h"
#include "msrs.h"
#include "vectors.h"

static inline const char *test_device(void)
{
	const char *path = getenv("MINIHV_DEVICE");

	return path ? path : MINIHV_DEVICE;
}

static inline bool testing_kvm(void)
{
	return !strcmp(test_device(), "/dev/kvm");
}

/* The result of an ioctl as the kernel gave it: 0 or more, or -errno. */
static inline int sys_ioctl(int fd, unsigned long cmd, unsigned long arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static inline int sys_ioctl_ptr(int fd, unsigned long cmd, void *arg)
{
	return sys_ioctl(fd, cmd, (unsigned long)arg);
}

static inline int get_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, regs);
}

static inline int set_regs(struct vcpu *vcpu, struct kvm_regs *regs)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, regs);
}

static inline int set_xcr0(struct vcpu *vcpu, uint64_t value)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = value };

	return sys_ioctl_ptr(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

/* A memory slot of @size bytes at @gpa, of the process's memory at @mem; of 0 bytes: none. */
static inline int set_slot(struct vm *vm, uint32_t slot, uint32_t flags, uint64_t gpa,
			   uint64_t size, const void *mem)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	return sys_ioctl_ptr(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/*
 * test_patience() - TIMEOUT_FACTOR, which run.sh knows too: on kernels that watch what they do all
 * takes so many times as long
 */
static inline int test_patience(void)
{
	const char *factor = getenv("TIMEOUT_FACTOR");
	int times = factor ? atoi(factor) : 1;

	return times < 1 ? 1 : times;
}

/* For files of the kernel's. 0 or -errno. */
static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

struct machine {
	int dev;
	struct vm vm;
	struct vcpu vcpu;
};

/* A VM with @mib MiB of memory and one vCPU in its reset state, no CPUID. */
static inline int machine_create(struct machine *m, unsigned int mib)
{
	int ret;

	m->dev = vm_open_device(test_device());
	if (m->dev < 0)
		return m->dev;
	ret = vm_create(&m->vm, m->dev, mib);
	if (ret)
		goto err_close;
	ret = vcpu_create(&m->vcpu, &m->vm, 0);
	if (ret)
		goto err_vm;
	return 0;

err_vm:
	vm_destroy(&m->vm);
err_close:
	close(m->dev);
	return ret;
}

static inline void machine_destroy(struct machine *m)
{
	vcpu_destroy(&m->vcpu);
	vm_destroy(&m->vm);
	close(m->dev);
}

/* For FIXTURE_SETUP: a machine in self->m, or the test fails here. */
#define ASSERT_MACHINE(m, mib)						\
do {									\
	int __ret = machine_create(m, mib);				\
	ASSERT_EQ(0, __ret) {						\
		TH_LOG("cannot make a VM with %s", test_device());	\
	}								\
} while (0)

/* Run ops in the guest; an exit that ends them early ends the test. */
#define ASSERT_OPS(vcpu, ops, n)					\
do {									\
	ASSERT_EQ(0, vm_run_ops(vcpu, ops, n)) {			\
		char __exit[128];					\
		vcpu_describe_exit(vcpu, __exit, sizeof(__exit));	\
		TH_LOG("the guest left with %s", __exit);		\
	}								\
} while (0)

#endif
