// SPDX-License-Identifier: GPL-2.0
/*
 * VMs and vCPUs: made, given memory and CPUID, run, described, taken down.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vm.h"
#include "vm_mode.h"

/* Three pages below the BIOS, where KVM wants a TSS for real mode on old CPUs. */
#define VM_TSS_ADDR	0xfffbd000

#define MIB		(1024 * 1024)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

int vm_open_device(const char *path)
{
	int dev, version, err;

	dev = open(path, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	version = ioctl(dev, KVM_GET_API_VERSION, 0);
	if (version == KVM_API_VERSION)
		return dev;
	err = version < 0 ? -ENOTTY : -EPROTO;
	close(dev);
	return err;
}

static int vm_add_memory(struct vm *vm, size_t size)
{
	struct kvm_userspace_memory_region slot = { .memory_size = size };
	void *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	vm->mem = mem;
	vm->mem_size = size;
	slot.userspace_addr = (uintptr_t)mem;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return -errno;
	vm_fill_memory(vm);
	return 0;
}

int vm_create(struct vm *vm, int dev, unsigned int mib)
{
	int err;

	*vm = (struct vm){ .dev = dev, .fd = -1 };
	if (mib > VM_MAX_MIB)
		return -EINVAL;
	vm->fd = ioctl(dev, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return -errno;
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, VM_TSS_ADDR) < 0)
		err = -errno;
	else
		err = mib ? vm_add_memory(vm, (size_t)mib * MIB) : 0;
	if (err)
		vm_destroy(vm);
	return err;
}

void vm_destroy(struct vm *vm)
{
	if (vm->mem)
		munmap(vm->mem, vm->mem_size);
	if (vm->fd >= 0)
		close(vm->fd);
	*vm = (struct vm){ .dev = vm->dev, .fd = -1 };
}

void *vm_gpa(const struct vm *vm, uint64_t gpa, size_t len)
{
	if (gpa > vm->mem_size || len > vm->mem_size - gpa)
		return NULL;
	return vm->mem + gpa;
}

int vm_load_code(struct vm *vm, uint64_t gpa, const void *code, size_t len)
{
	void *to = vm_gpa(vm, gpa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, code, len);
	return 0;
}

int vm_supported_cpuid(int dev, struct kvm_cpuid2 **cpuid)
{
	struct kvm_cpuid2 *got;
	uint32_t room;
	int err;

	for (room = 64; ; room *= 2) {
		got = calloc(1, sizeof(*got) + room * sizeof(got->entries[0]));
		if (!got)
			return -ENOMEM;
		got->nent = room;
		if (ioctl(dev, KVM_GET_SUPPORTED_CPUID, got) == 0)
			break;
		err = -errno;
		free(got);
		if (err != -E2BIG)
			return err;
	}
	*cpuid = got;
	return 0;
}

int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned int id)
{
	int size = ioctl(vm->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	int err;

	*vcpu = (struct vcpu){ .vm = vm, .id = id, .fd = -1 };
	if (size < 0)
		return -errno;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		err = -errno;
		vcpu->run = NULL;
		vcpu_destroy(vcpu);
		return err;
	}
	vcpu->run_size = (size_t)size;
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	*vcpu = (struct vcpu){ .fd = -1 };
}

int vcpu_set_supported_cpuid(struct vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int err;

	err = vm_supported_cpuid(vcpu->vm->dev, &cpuid);
	if (err)
		return err;
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		err = -errno;
	free(cpuid);
	return err;
}

int vcpu_run(struct vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? -errno : 0;
}

static const char *exit_name(uint32_t reason)
{
	static const struct {
		uint32_t reason;
		const char *name;
	} names[] = {
#define EXIT(x) { KVM_EXIT_##x, "KVM_EXIT_" #x }
		EXIT(UNKNOWN), EXIT(EXCEPTION), EXIT(IO), EXIT(DEBUG), EXIT(HLT), EXIT(MMIO),
		EXIT(IRQ_WINDOW_OPEN), EXIT(SHUTDOWN), EXIT(FAIL_ENTRY), EXIT(INTR),
		EXIT(INTERNAL_ERROR), EXIT(X86_RDMSR), EXIT(X86_WRMSR),
#undef EXIT
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].reason == reason)
			return names[i].name;
	return NULL;
}

void vcpu_describe_exit(const struct vcpu *vcpu, char *buf, size_t size)
{
	const struct kvm_run *run = vcpu->run;
	const char *name = exit_name(run->exit_reason);

	switch (run->exit_reason) {
	case KVM_EXIT_UNKNOWN:
		snprintf(buf, size, "%s, hardware exit reason %llu", name,
			 run->hw.hardware_exit_reason);
		break;
	case KVM_EXIT_IO:
		snprintf(buf, size, "%s, %s port 0x%x, %u x %u bytes", name,
			 run->io.direction == KVM_EXIT_IO_OUT ? "out" : "in", run->io.port,
			 run->io.count, run->io.size);
		break;
	case KVM_EXIT_MMIO:
		snprintf(buf, size, "%s, %s of %u bytes at 0x%llx", name,
			 run->mmio.is_write ? "write" : "read", run->mmio.len,
			 run->mmio.phys_addr);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(buf, size, "%s, hardware entry failure reason 0x%llx on CPU %u", name,
			 run->fail_entry.hardware_entry_failure_reason, run->fail_entry.cpu);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(buf, size, "%s, suberror %u, data 0x%llx 0x%llx", name,
			 run->internal.suberror,
			 run->internal.ndata > 0 ? run->internal.data[0] : 0,
			 run->internal.ndata > 1 ? run->internal.data[1] : 0);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		snprintf(buf, size, "%s, MSR 0x%x, reason %u", name, run->msr.index,
			 run->msr.reason);
		break;
	default:
		if (name)
			snprintf(buf, size, "%s", name);
		else
			snprintf(buf, size, "exit reason %u", run->exit_reason);
	}
}
