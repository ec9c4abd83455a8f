// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations and user copies that fail in what makes a VM and runs it: the device
 * opened, VMs and vCPUs created, memory given to them, KVM_RUN. The other ioctls
 * are in fault_ioctls.c.
 */
#include "faults.h"
#include "kvm_new.h"

#define PAGE		4096ULL
#define FAR_GPA		0x10000000ULL	/* each in an EPT table of its own */
#define FAR_STEP	0x200000ULL
#define FAR_PAGES	3
#define DEVICE_GPA	0x20000000ULL	/* no memory */
#define FAR_SLOT	1
#define DONE_PORT	0xe0
#define STRING_PORT	0xe1
#define STRING		"0123456789abcdef"
#define STRING_LEN	16
#define STRING_GPA	0x1fff8ULL	/* over a page's end */

/* What an op works with. */
struct world {
	int dev;
	struct vm vm;
	struct vcpu vcpu;
	int fd;		/* that the call has made */
	void *map;
	uint8_t *far;	/* memory of FAR_SLOT */
};

FIXTURE(faults) {
	struct world w;
};

FIXTURE_SETUP(faults)
{
	struct world *w = &self->w;

	w->dev = -1;
	w->fd = -1;
	w->vm.fd = -1;
	w->vcpu.fd = -1;
	w->dev = vm_open_device(test_device());
	ASSERT_LE(0, w->dev);
	w->far = mmap(NULL, FAR_PAGES * FAR_STEP, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, w->far);
}

FIXTURE_TEARDOWN(faults)
{
	close(self->w.dev);
}

static int open_device(void *with)
{
	struct world *w = with;

	w->fd = open(test_device(), O_RDWR | O_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

static int close_fd(void *with)
{
	struct world *w = with;

	return w->fd < 0 || close(w->fd) ? -EBADF : 0;
}

static int create_vm(void *with)
{
	struct world *w = with;

	w->fd = sys_ioctl(w->dev, KVM_CREATE_VM, 0);
	return w->fd < 0 ? w->fd : 0;
}

/* It is one: it takes a vCPU. */
static int use_vm(void *with)
{
	struct world *w = with;
	int fd = sys_ioctl(w->fd, KVM_CREATE_VCPU, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return close_fd(with);
}

TEST_F_TIMEOUT(faults, device_and_vm, 600)
{
	static const struct fault_op ops[] = {
		{ "open", NULL, open_device, NULL, close_fd },
		{ "KVM_CREATE_VM", NULL, create_vm, NULL, use_vm },
	};

	EXPECT_TAKES_FAULTS(ops, &self->w);
}

static int make_vm(void *with)
{
	struct world *w = with;

	return vm_create(&w->vm, w->dev, 2);
}

static int make_vm_with_lapics(void *with)
{
	struct world *w = with;

	return make_vm(w) ?: sys_ioctl(w->vm.fd, KVM_CREATE_IRQCHIP, 0);
}

static int create_vcpu(void *with)
{
	struct world *w = with;

	w->vcpu.fd = sys_ioctl(w->vm.fd, KVM_CREATE_VCPU, 3);
	return w->vcpu.fd < 0 ? w->vcpu.fd : 0;
}

/* Not half there either: its place is free, and another one gets in. */
static int no_vcpu(void *with)
{
	struct world *w = with;
	int fd = sys_ioctl(w->vm.fd, KVM_CREATE_VCPU, 1);

	return fd < 0 ? fd : close(fd);
}

static int destroy_all(void *with)
{
	struct world *w = with;

	vcpu_destroy(&w->vcpu);
	vm_destroy(&w->vm);
	return 0;
}

static int use_vcpu(void *with)
{
	struct world *w = with;
	struct vcpu vcpu = { .vm = &w->vm, .id = 3, .fd = w->vcpu.fd };
	int size = sys_ioctl(w->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	int ret;

	if (size < 0)
		return size;
	vcpu.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.fd, 0);
	if (vcpu.run == MAP_FAILED)
		return -errno;
	vcpu.run_size = size;
	/* With a local APIC this one is no boot CPU, and waits. */
	ret = sys_ioctl_ptr(vcpu.fd, KVM_SET_MP_STATE,
			    &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
	if (!ret)
		ret = guest_runs(&vcpu);
	w->vcpu = vcpu;
	destroy_all(w);
	return ret;
}

static int make_vcpu(void *with)
{
	struct world *w = with;

	return make_vm(w) ?: vcpu_create(&w->vcpu, &w->vm, 0);
}

static int map_run(void *with)
{
	struct world *w = with;

	w->map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, w->vcpu.fd, 0);
	return w->map == MAP_FAILED ? -errno : 0;
}

static int use_map(void *with)
{
	struct world *w = with;

	*(volatile uint8_t *)w->map = 0;
	munmap(w->map, PAGE);
	return destroy_all(w);
}

TEST_F_TIMEOUT(faults, vcpu, 600)
{
	static const struct fault_op ops[] = {
		{ "KVM_CREATE_VCPU", make_vm, create_vcpu, no_vcpu, use_vcpu },
		{ "KVM_CREATE_VCPU with a local APIC", make_vm_with_lapics, create_vcpu, no_vcpu,
		  use_vcpu },
		{ "mmap", make_vcpu, map_run, NULL, use_map },
	};

	EXPECT_TAKES_FAULTS(ops, &self->w);
}

static int set_far(struct world *w, uint64_t gpa, uint64_t size)
{
	return set_slot(&w->vm, FAR_SLOT, 0, gpa, size, w->far);
}

/* Writes to each of the far pages what it finds there, plus one. */
GUEST_CODE(touch, 64,
	   "movl $0x10000000, %esi\n"
	   "movl $3, %ecx\n"
	   "1: movq (%rsi), %rbx\n"
	   "incq %rbx\n"
	   "movq %rbx, (%rsi)\n"
	   "addl $0x200000, %esi\n"
	   "loop 1b\n"
	   "outb %al, $0xe0\n");

/* Runs on to the OUT at the end. */
static int run_to_end(void *with)
{
	struct world *w = with;
	int ret = vcpu_run(&w->vcpu);

	if (ret)
		return ret;
	return w->vcpu.run->exit_reason == KVM_EXIT_IO && w->vcpu.run->io.port == DONE_PORT ?
	       0 : -EPROTO;
}

/* Whether FAR_SLOT is where it should be, as the guest sees it. */
static int far_is_there(struct world *w, bool there)
{
	int ret = load_guest_code(&w->vcpu, VM_MODE_LONG, touch);

	if (!ret)
		ret = vcpu_run(&w->vcpu);
	if (ret)
		return ret;
	return w->vcpu.run->exit_reason == (there ? KVM_EXIT_IO : KVM_EXIT_MMIO) ? 0 : -EPROTO;
}

static int add_slot(void *with)
{
	return set_far(with, FAR_GPA, FAR_PAGES * FAR_STEP);
}

static int add_slot_2(void *with)
{
	struct world *w = with;
	struct kvm_userspace_memory_region2 region = {
		.slot = FAR_SLOT, .guest_phys_addr = FAR_GPA, .memory_size = FAR_PAGES * FAR_STEP,
		.userspace_addr = (uintptr_t)w->far,
	};

	return sys_ioctl_ptr(w->vm.fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

static int no_slot(void *with)
{
	return far_is_there(with, false);
}

static int slot_there(void *with)
{
	return far_is_there(with, true);
}

static int slot_added(void *with)
{
	return slot_there(with) ?: destroy_all(with);
}

static int make_slot(void *with)
{
	return make_vcpu(with) ?: add_slot(with);
}

static int move_slot(void *with)
{
	return set_far(with, DEVICE_GPA, FAR_PAGES * FAR_STEP);
}

static int slot_gone(void *with)
{
	return no_slot(with) ?: destroy_all(with);
}

static int delete_slot(void *with)
{
	return set_far(with, FAR_GPA, 0);
}

TEST_F_TIMEOUT(faults, memory_region, 600)
{
	static const struct fault_op ops[] = {
		{ "slot added", make_vcpu, add_slot, no_slot, slot_added },
		{ "slot added with KVM_SET_USER_MEMORY_REGION2", make_vcpu, add_slot_2, no_slot,
		  slot_added },
		{ "slot moved", make_slot, move_slot, slot_there, slot_gone },
		{ "slot deleted", make_slot, delete_slot, slot_there, slot_gone },
	};

	EXPECT_TAKES_FAULTS(ops, &self->w);
}

/* Pages that neither the process nor the EPT has. */
static int nothing_mapped(void *with)
{
	struct world *w = with;
	int ret = make_slot(w) ?: load_guest_code(&w->vcpu, VM_MODE_LONG, touch);

	if (ret)
		return ret;
	return madvise(w->far, FAR_PAGES * FAR_STEP, MADV_DONTNEED) ? -errno : 0;
}

static int touched_once(void *with)
{
	struct world *w = with;

	for (int i = 0; i < FAR_PAGES; i++)
		if (*(volatile uint64_t *)(w->far + i * FAR_STEP) != 1)
			return -EPROTO;
	return destroy_all(w);
}

GUEST_CODE(device_access, 64,
	   "movl $0x20000000, %esi\n"
	   "movl $0x5a, %edi\n"
	   "movl (%rsi), %eax\n"
	   "movl %eax, 4(%rsi)\n"
	   "outb %al, $0xe0\n");

static int at_device_access(void *with)
{
	struct world *w = with;

	return make_vcpu(w) ?: load_guest_code(&w->vcpu, VM_MODE_LONG, device_access);
}

static int run_to_mmio(void *with)
{
	struct world *w = with;
	int ret = vcpu_run(&w->vcpu);

	return ret ?: w->vcpu.run->exit_reason == KVM_EXIT_MMIO ? 0 : -EPROTO;
}

static int finish_access(void *with)
{
	struct world *w = with;
	struct kvm_run *run = w->vcpu.run;
	uint32_t value = 0x12345678;

	if (run->mmio.is_write || run->mmio.phys_addr != DEVICE_GPA)
		return -EPROTO;
	memcpy(run->mmio.data, &value, sizeof(value));
	if (run_to_mmio(w) || !run->mmio.is_write ||
	    memcmp(run->mmio.data, &value, sizeof(value)) || run_to_end(w))
		return -EPROTO;
	return destroy_all(w);
}

static int at_device_answer(void *with)
{
	struct world *w = with;
	uint32_t value = 0x87654321;
	int ret = at_device_access(w) ?: run_to_mmio(w);

	if (!ret)
		memcpy(w->vcpu.run->mmio.data, &value, sizeof(value));
	return ret;
}

static int answer_taken(void *with)
{
	struct world *w = with;
	struct kvm_run *run = w->vcpu.run;
	uint32_t value = 0x87654321;

	if (!run->mmio.is_write || memcmp(run->mmio.data, &value, sizeof(value)) || run_to_end(w))
		return -EPROTO;
	return destroy_all(w);
}

/* The string lies over a page's end. */
GUEST_CODE(string_out, 64,
	   "movl $0x1fff8, %esi\n"
	   "movl $16, %ecx\n"
	   "movl $0xe1, %edx\n"
	   "cld\n"
	   "rep outsb\n"
	   "outb %al, $0xe0\n");

GUEST_CODE(string_in, 64,
	   "movl $0x1fffc, %edi\n"
	   "movl $0xe1, %edx\n"
	   "cld\n"
	   "insl\n"
	   "outb %al, $0xe0\n"
	   "movl $0x1fffe, %edi\n"
	   "insl\n"
	   "outb %al, $0xe0\n");

static int at_string_out(void *with)
{
	struct world *w = with;
	int ret = make_vcpu(w);

	if (ret)
		return ret;
	memcpy(w->vm.mem + STRING_GPA, STRING, STRING_LEN);
	return load_guest_code(&w->vcpu, VM_MODE_LONG, string_out);
}

static int run_to_string(void *with)
{
	struct world *w = with;
	int ret = vcpu_run(&w->vcpu);

	if (ret)
		return ret;
	return w->vcpu.run->exit_reason == KVM_EXIT_IO && w->vcpu.run->io.port == STRING_PORT ?
	       0 : -EPROTO;
}

/* All of it comes out, once. */
static int string_came(void *with)
{
	struct world *w = with;
	unsigned int got = 0;

	while (w->vcpu.run->io.port == STRING_PORT) {
		if (memcmp(io_data(&w->vcpu), &STRING[got], w->vcpu.run->io.count))
			return -EPROTO;
		got += w->vcpu.run->io.count;
		if (vcpu_run(&w->vcpu) || w->vcpu.run->exit_reason != KVM_EXIT_IO)
			return -EPROTO;
	}
	return got == STRING_LEN ? destroy_all(w) : -EPROTO;
}

static int at_string_in(void *with)
{
	struct world *w = with;

	return make_vcpu(w) ?: load_guest_code(&w->vcpu, VM_MODE_LONG, string_in);
}

/* The device has been read: what it said must get to the guest's memory. */
static int at_string_answer(void *with)
{
	struct world *w = with;
	int ret = at_string_in(w) ?: run_to_string(w);

	if (!ret)
		memcpy(io_data(&w->vcpu), STRING, 4);
	return ret;
}

static int string_taken(void *with)
{
	struct world *w = with;

	if (memcmp(w->vm.mem + 0x1fffc, STRING, 4))
		return -EPROTO;
	return destroy_all(w);
}

static int at_split_answer(void *with)
{
	struct world *w = with;
	int ret = at_string_answer(w) ?: run_to_end(w) ?: run_to_string(w);

	if (!ret)
		memcpy(io_data(&w->vcpu), STRING, 4);
	return ret;
}

static int split_taken(void *with)
{
	struct world *w = with;

	if (memcmp(w->vm.mem + 0x1fffe, STRING, 4))
		return -EPROTO;
	return destroy_all(w);
}

static int string_asked(void *with)
{
	struct world *w = with;

	memcpy(io_data(&w->vcpu), STRING, 4);
	return run_to_end(w) ?: string_taken(w);
}

TEST_F_TIMEOUT(faults, run, 1200)
{
	static const struct fault_op ops[] = {
		{ "KVM_RUN, memory", nothing_mapped, run_to_end, NULL, touched_once },
		{ "KVM_RUN, MMIO", at_device_access, run_to_mmio, NULL, finish_access },
		{ "KVM_RUN, MMIO answered", at_device_answer, run_to_mmio, NULL, answer_taken },
		{ "KVM_RUN, OUTS", at_string_out, run_to_string, NULL, string_came },
		{ "KVM_RUN, INS", at_string_in, run_to_string, NULL, string_asked },
		{ "KVM_RUN, INS answered", at_string_answer, run_to_end, NULL, string_taken },
		{ "KVM_RUN, INS answered over a page's end", at_split_answer, run_to_end, NULL,
		  split_taken },
	};

	EXPECT_TAKES_FAULTS(ops, &self->w);
}

int main(int argc, char **argv)
{
	return faults_main(argc, argv);
}
