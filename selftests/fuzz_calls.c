// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls for fuzz_ioctls: see fuzz_calls.h.
 */
#include "fuzz.h"
#include "fuzz_calls.h"
#include "kvm_new.h"

/* What the argument is. */
enum argument {
	NUMBER,		/* itself, mostly 0 or small */
	WORDS,		/* a structure of numbers */
	REGION,
	MSRS,
	LIST,		/* of MSR indices */
	CPUID,
	FILTER,
	CAP,
	ROUTING,
	SIGMASK,
	ATTR,
	IMAGE,		/* one that has been read, changed */
};

static const struct known {
	unsigned long cmd;
	enum fuzz_file file;
	enum argument argument;
	unsigned long get;	/* for IMAGE */
} known[] = {
	{ KVM_GET_API_VERSION, FUZZ_SYSTEM, NUMBER },
	{ KVM_CREATE_VM, FUZZ_SYSTEM, NUMBER },
	{ KVM_CHECK_EXTENSION, FUZZ_SYSTEM, NUMBER },
	{ KVM_GET_VCPU_MMAP_SIZE, FUZZ_SYSTEM, NUMBER },
	{ KVM_GET_MSR_INDEX_LIST, FUZZ_SYSTEM, LIST },
	{ KVM_GET_MSR_FEATURE_INDEX_LIST, FUZZ_SYSTEM, LIST },
	{ KVM_GET_SUPPORTED_CPUID, FUZZ_SYSTEM, CPUID },
	{ KVM_GET_EMULATED_CPUID, FUZZ_SYSTEM, CPUID },
	{ KVM_GET_MSRS, FUZZ_SYSTEM, MSRS },
	{ KVM_X86_GET_MCE_CAP_SUPPORTED, FUZZ_SYSTEM, WORDS },

	{ KVM_CREATE_VCPU, FUZZ_VM, NUMBER },
	{ KVM_CHECK_EXTENSION, FUZZ_VM, NUMBER },
	{ KVM_SET_USER_MEMORY_REGION, FUZZ_VM, REGION },
	{ KVM_SET_USER_MEMORY_REGION, FUZZ_VM, REGION },
	{ KVM_SET_USER_MEMORY_REGION, FUZZ_VM, REGION },
	{ KVM_SET_USER_MEMORY_REGION2, FUZZ_VM, REGION },
	{ KVM_GET_DIRTY_LOG, FUZZ_VM, WORDS },
	{ KVM_SET_NR_MMU_PAGES, FUZZ_VM, NUMBER },
	{ KVM_SET_TSS_ADDR, FUZZ_VM, NUMBER },
	{ KVM_SET_IDENTITY_MAP_ADDR, FUZZ_VM, WORDS },
	{ KVM_CREATE_IRQCHIP, FUZZ_VM, NUMBER },
	{ KVM_IRQ_LINE, FUZZ_VM, WORDS },
	{ KVM_IRQ_LINE_STATUS, FUZZ_VM, WORDS },
	{ KVM_GET_IRQCHIP, FUZZ_VM, WORDS },
	{ KVM_SET_IRQCHIP, FUZZ_VM, WORDS },
	{ KVM_CREATE_PIT2, FUZZ_VM, WORDS },
	{ KVM_SET_GSI_ROUTING, FUZZ_VM, ROUTING },
	{ KVM_SET_BOOT_CPU_ID, FUZZ_VM, NUMBER },
	{ KVM_IRQFD, FUZZ_VM, WORDS },
	{ KVM_IOEVENTFD, FUZZ_VM, WORDS },
	{ KVM_SET_CLOCK, FUZZ_VM, WORDS },
	{ KVM_GET_CLOCK, FUZZ_VM, WORDS },
	{ KVM_SET_TSC_KHZ, FUZZ_VM, NUMBER },
	{ KVM_GET_TSC_KHZ, FUZZ_VM, NUMBER },
	{ KVM_SIGNAL_MSI, FUZZ_VM, WORDS },
	{ KVM_SIGNAL_MSI, FUZZ_VM, WORDS },
	{ KVM_ENABLE_CAP, FUZZ_VM, CAP },
	{ KVM_X86_SET_MSR_FILTER, FUZZ_VM, FILTER },
	{ KVM_CREATE_DEVICE, FUZZ_VM, WORDS },
	{ KVM_GET_STATS_FD, FUZZ_VM, NUMBER },

	{ KVM_RUN, FUZZ_VCPU, NUMBER },
	{ KVM_RUN, FUZZ_VCPU, NUMBER },
	{ KVM_RUN, FUZZ_VCPU, NUMBER },
	{ KVM_GET_REGS, FUZZ_VCPU, WORDS },
	{ KVM_SET_REGS, FUZZ_VCPU, IMAGE, KVM_GET_REGS },
	{ KVM_GET_SREGS, FUZZ_VCPU, WORDS },
	{ KVM_SET_SREGS, FUZZ_VCPU, IMAGE, KVM_GET_SREGS },
	{ KVM_GET_SREGS2, FUZZ_VCPU, WORDS },
	{ KVM_SET_SREGS2, FUZZ_VCPU, IMAGE, KVM_GET_SREGS2 },
	{ KVM_TRANSLATE, FUZZ_VCPU, WORDS },
	{ KVM_INTERRUPT, FUZZ_VCPU, WORDS },
	{ KVM_GET_MSRS, FUZZ_VCPU, MSRS },
	{ KVM_SET_MSRS, FUZZ_VCPU, MSRS },
	{ KVM_SET_CPUID, FUZZ_VCPU, CPUID },
	{ KVM_SET_CPUID2, FUZZ_VCPU, CPUID },
	{ KVM_GET_CPUID2, FUZZ_VCPU, CPUID },
	{ KVM_SET_SIGNAL_MASK, FUZZ_VCPU, SIGMASK },
	{ KVM_GET_FPU, FUZZ_VCPU, WORDS },
	{ KVM_SET_FPU, FUZZ_VCPU, IMAGE, KVM_GET_FPU },
	{ KVM_GET_LAPIC, FUZZ_VCPU, WORDS },
	{ KVM_SET_LAPIC, FUZZ_VCPU, IMAGE, KVM_GET_LAPIC },
	{ KVM_GET_MP_STATE, FUZZ_VCPU, WORDS },
	{ KVM_SET_MP_STATE, FUZZ_VCPU, WORDS },
	{ KVM_NMI, FUZZ_VCPU, NUMBER },
	{ KVM_SMI, FUZZ_VCPU, NUMBER },
	{ KVM_SET_GUEST_DEBUG, FUZZ_VCPU, WORDS },
	{ KVM_X86_SETUP_MCE, FUZZ_VCPU, WORDS },
	{ KVM_X86_SET_MCE, FUZZ_VCPU, WORDS },
	{ KVM_GET_VCPU_EVENTS, FUZZ_VCPU, WORDS },
	{ KVM_SET_VCPU_EVENTS, FUZZ_VCPU, IMAGE, KVM_GET_VCPU_EVENTS },
	{ KVM_GET_DEBUGREGS, FUZZ_VCPU, WORDS },
	{ KVM_SET_DEBUGREGS, FUZZ_VCPU, IMAGE, KVM_GET_DEBUGREGS },
	{ KVM_ENABLE_CAP, FUZZ_VCPU, CAP },
	{ KVM_GET_XSAVE, FUZZ_VCPU, WORDS },
	{ KVM_GET_XSAVE2, FUZZ_VCPU, WORDS },
	{ KVM_SET_XSAVE, FUZZ_VCPU, IMAGE, KVM_GET_XSAVE },
	{ KVM_GET_XCRS, FUZZ_VCPU, WORDS },
	{ KVM_SET_XCRS, FUZZ_VCPU, IMAGE, KVM_GET_XCRS },
	{ KVM_SET_TSC_KHZ, FUZZ_VCPU, NUMBER },
	{ KVM_GET_TSC_KHZ, FUZZ_VCPU, NUMBER },
	{ KVM_KVMCLOCK_CTRL, FUZZ_VCPU, NUMBER },
	{ KVM_SET_DEVICE_ATTR, FUZZ_VCPU, ATTR },
	{ KVM_GET_DEVICE_ATTR, FUZZ_VCPU, ATTR },
	{ KVM_HAS_DEVICE_ATTR, FUZZ_VCPU, ATTR },
	{ KVM_GET_NESTED_STATE, FUZZ_VCPU, WORDS },
	{ KVM_SET_NESTED_STATE, FUZZ_VCPU, WORDS },
	{ KVM_GET_STATS_FD, FUZZ_VCPU, NUMBER },
};

/* A pointer that is to memory of ours, or is none. */
static uint64_t pointer(const struct fuzz_buffers *b)
{
	switch (fuzz_below(8)) {
	case 0:
		return fuzz_value();
	case 1:
		return (uintptr_t)b->page + FUZZ_ROOM - fuzz_below(64);
	case 2:
		return (uintptr_t)b->readonly;
	case 3:
		return (uintptr_t)b->run + fuzz_below(0x2000);
	default:
		return (uintptr_t)b->page + 0x8000;
	}
}

static uint64_t page_number(void)
{
	return fuzz_one_in(8) ? fuzz_value() : (uint64_t)fuzz_below(FUZZ_GUEST / 0x1000) << 12;
}

static void fill_region(const struct fuzz_buffers *b)
{
	struct kvm_userspace_memory_region *region = (void *)b->page;

	region->slot = fuzz_one_in(8) ? fuzz_value() : fuzz_below(4);
	region->flags = fuzz_one_in(4) ? fuzz_below(8) : 0;
	region->guest_phys_addr = page_number();
	region->memory_size = fuzz_one_in(8) ? fuzz_value() : fuzz_below(8) << 12;
	/* Of the process's memory a guest gets only that: it may run anything there. */
	region->userspace_addr = fuzz_one_in(16) ? fuzz_value() & ~(1ULL << 46) :
			(uintptr_t)b->guest + fuzz_below(FUZZ_GUEST / 0x1000) * 0x1000;
}

static uint32_t a_count(uint32_t small)
{
	return fuzz_one_in(8) ? fuzz_value() : fuzz_below(small);
}

static void fill_msrs(const struct fuzz_buffers *b)
{
	static const uint32_t indices[] = {
		0x10, 0x1b, 0x3a, 0x3b, 0x48, 0x8b, 0x9e, 0xfe, 0x10a, 0x174, 0x175, 0x179, 0x17a,
		0x17b, 0x1a0, 0x1d9, 0x200, 0x201, 0x250, 0x277, 0x2ff, 0x400, 0x403, 0x480, 0x48b,
		0x491, 0x6e0, 0x800, 0x808, 0x830, 0xc0000080, 0xc0000082, 0xc0000100, 0xc0000103,
	};
	struct kvm_msrs *msrs = (void *)b->page;

	msrs->nmsrs = a_count(12);
	for (int i = 0; i < 12; i++) {
		msrs->entries[i].index = fuzz_one_in(4) ? fuzz_value() : fuzz_pick(indices);
		msrs->entries[i].data = fuzz_value();
	}
}

static void fill_cpuid(const struct fuzz_buffers *b)
{
	static const uint32_t leaves[] = { 0, 1, 2, 4, 7, 0xd, 0x80000000, 0x80000001, 0x80000008 };
	struct kvm_cpuid2 *cpuid = (void *)b->page;

	cpuid->nent = a_count(80);
	for (int i = 0; i < 12; i++) {
		cpuid->entries[i].function = fuzz_one_in(4) ? fuzz_value() : fuzz_pick(leaves);
		cpuid->entries[i].index = fuzz_below(3);
		cpuid->entries[i].flags = fuzz_below(2);
		cpuid->entries[i].eax = fuzz_value();
	}
}

static void fill_filter(const struct fuzz_buffers *b)
{
	struct kvm_msr_filter *filter = (void *)b->page;

	memset(filter, 0, sizeof(*filter));
	filter->flags = fuzz_one_in(8) ? fuzz_value() : fuzz_below(2);
	for (unsigned int n = fuzz_below(KVM_MSR_FILTER_MAX_RANGES + 1); n; n--) {
		struct kvm_msr_filter_range *range = &filter->ranges[n - 1];

		range->flags = fuzz_one_in(8) ? fuzz_value() : 1 + fuzz_below(3);
		range->nmsrs = a_count(0x100);
		range->base = fuzz_value();
		range->bitmap = (void *)(uintptr_t)pointer(b);
	}
}

static void fill_cap(const struct fuzz_buffers *b)
{
	static const uint32_t caps[] = {
		KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_MSR_PLATFORM_INFO, KVM_CAP_MAX_VCPU_ID,
		KVM_CAP_X86_DISABLE_EXITS, KVM_CAP_DISABLE_QUIRKS2, KVM_CAP_DISABLE_QUIRKS,
		KVM_CAP_ENFORCE_PV_FEATURE_CPUID,
	};
	struct kvm_enable_cap *cap = (void *)b->page;

	memset(cap, 0, sizeof(*cap));
	cap->cap = fuzz_one_in(4) ? fuzz_below(256) : fuzz_pick(caps);
	cap->args[0] = fuzz_one_in(2) ? fuzz_below(128) : fuzz_value();
	if (fuzz_one_in(16))
		cap->flags = fuzz_value();
}

static void fill_routing(const struct fuzz_buffers *b)
{
	struct kvm_irq_routing *routing = (void *)b->page;

	routing->nr = a_count(16);
	routing->flags = fuzz_one_in(8) ? fuzz_value() : 0;
	for (int i = 0; i < 16; i++) {
		routing->entries[i].gsi = fuzz_one_in(8) ? fuzz_value() : fuzz_below(24);
		routing->entries[i].type = fuzz_one_in(8) ? fuzz_value() : KVM_IRQ_ROUTING_MSI;
		routing->entries[i].flags = fuzz_one_in(8) ? fuzz_value() : 0;
	}
}

static void fill_sigmask(const struct fuzz_buffers *b)
{
	struct kvm_signal_mask *mask = (void *)b->page;
	/* Often enough with the signal that ends KVM_RUN. */
	uint64_t set = fuzz_one_in(8) ? fuzz_value() : fuzz_random() & ~0xffffULL;

	mask->len = fuzz_one_in(8) ? fuzz_value() : 8;
	memcpy(mask->sigset, &set, sizeof(set));
}

static void fill_attr(const struct fuzz_buffers *b)
{
	struct kvm_device_attr *attr = (void *)b->page;

	attr->flags = 0;
	attr->group = fuzz_one_in(4) ? fuzz_value() : KVM_VCPU_TSC_CTRL;
	attr->attr = fuzz_one_in(4) ? fuzz_value() : KVM_VCPU_TSC_OFFSET;
	attr->addr = pointer(b);
}

static void fill(const struct fuzz_buffers *b, const struct known *k, int vcpu_fd)
{
	uint64_t *words = (uint64_t *)b->page;

	for (int i = 0; i < 32; i++)
		words[i] = fuzz_value();
	switch (k->argument) {
	case REGION:
		fill_region(b);
		break;
	case MSRS:
		fill_msrs(b);
		break;
	case LIST:
		((struct kvm_msr_list *)b->page)->nmsrs = a_count(1000);
		break;
	case CPUID:
		fill_cpuid(b);
		break;
	case FILTER:
		fill_filter(b);
		break;
	case CAP:
		fill_cap(b);
		break;
	case ROUTING:
		fill_routing(b);
		break;
	case SIGMASK:
		fill_sigmask(b);
		break;
	case ATTR:
		fill_attr(b);
		break;
	case IMAGE:
		if (!fuzz_one_in(8) && !sys_ioctl_ptr(vcpu_fd, k->get, b->page))
			fuzz_mutate(b->page, _IOC_SIZE(k->cmd));
		break;
	default:
		break;
	}
}

static unsigned long a_number(void)
{
	switch (fuzz_below(4)) {
	case 0:
		return fuzz_value();
	case 1:
		return fuzz_below(256);
	default:
		return 0;
	}
}

static unsigned long hostile_argument(const struct fuzz_buffers *b, size_t size)
{
	switch (fuzz_below(6)) {
	case 0:
		return fuzz_value() & ~(1ULL << 46);
	case 1:
		return (uintptr_t)b->page + FUZZ_ROOM - fuzz_below(size + 1);
	case 2:
		return (uintptr_t)b->readonly + fuzz_below(0x1000);
	case 3:
		return (uintptr_t)b->run + fuzz_below(0x2000);
	case 4:
		return (uintptr_t)b->guest + fuzz_below(FUZZ_GUEST);
	default:
		return 0;
	}
}

struct fuzz_call fuzz_make_call(const struct fuzz_buffers *b, int vcpu_fd)
{
	const struct known *k = &fuzz_pick(known);
	struct fuzz_call call = { .file = k->file, .cmd = k->cmd };

	/* A VM takes long to make. */
	if (k->cmd == KVM_CREATE_VM && !fuzz_one_in(16))
		call.cmd = KVM_GET_API_VERSION;
	if (k->argument == NUMBER) {
		call.arg = a_number();
	} else {
		fill(b, k, vcpu_fd);
		call.arg = fuzz_one_in(6) ? hostile_argument(b, _IOC_SIZE(k->cmd)) :
					    (uintptr_t)b->page;
	}
	switch (fuzz_below(64)) {
	case 0:
		call.cmd ^= 1UL << fuzz_below(32);
		break;
	case 1:
		call.cmd = _IOC(fuzz_below(4), KVMIO, fuzz_below(256), fuzz_below(0x4000));
		break;
	case 2:
		call.file = fuzz_below(FUZZ_FILES);
		break;
	}
	return call;
}

int fuzz_errno_is_known(int error)
{
	static const int errors[] = {
		EINVAL, ENOTTY, EFAULT, ENOMEM, E2BIG, EEXIST, ENXIO, EIO, EINTR, EBUSY, EMFILE,
	};
	static const int of_kvm[] = {
		EPERM, ENOENT, ENODEV, EAGAIN, ENOSPC, EOPNOTSUPP, EBADF, EBADFD, EACCES, ESRCH,
	};

	for (size_t i = 0; i < FUZZ_ARRAY_SIZE(errors); i++)
		if (errors[i] == error)
			return 1;
	for (size_t i = 0; testing_kvm() && i < FUZZ_ARRAY_SIZE(of_kvm); i++)
		if (of_kvm[i] == error)
			return 1;
	return 0;
}
