// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_GET_STATS_FD: a file with the counters of a VM or a vCPU, and with their
 * names and units, as KVM's API has it: header, name, descriptors, values.
 *
 * The counters are plain numbers, written by whoever has the vCPU (or the lock)
 * anyway; a reader sees each as it is at that moment.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "stats.h"
#include "vcpu.h"
#include "vm.h"

/* Of a name, and of the name of the whole. */
#define NAME_SIZE	48

/**
 * struct counter - a counter, or an array of them
 * @name: its name
 * @flags: KVM_STATS_TYPE_*, KVM_STATS_UNIT_*
 * @count: how many
 * @offset: where in its struct
 */
struct counter {
	const char *name;
	u32 flags;
	u16 count;
	u16 offset;
};

#define STAT(owner, stat, type, what)						\
	{ what, KVM_STATS_TYPE_##type, 1, offsetof(struct owner, stat) }
#define EXITS(reason, what)							\
	STAT(vcpu, stats.exits[EXIT_REASON_##reason], CUMULATIVE, what)

static const struct counter vm_stats[] = {
	STAT(vm, stats.pages_4k, INSTANT, "pages_4k"),
	STAT(vm, stats.ept_tables, INSTANT, "ept_tables"),
	STAT(vm, stats.remote_tlb_flush, CUMULATIVE, "remote_tlb_flush"),
};

static const struct counter vcpu_stats[] = {
	/* All exits, by the SDM's basic exit reason; then the frequent ones by name. */
	{ "exits", KVM_STATS_TYPE_LINEAR_HIST, VCPU_EXIT_REASONS,
	  offsetof(struct vcpu, stats.exits) },
	EXITS(MSR_READ, "exits_rdmsr"),
	EXITS(MSR_WRITE, "exits_wrmsr"),
	EXITS(CPUID, "exits_cpuid"),
	EXITS(HLT, "exits_hlt"),
	EXITS(IO_INSTRUCTION, "exits_io"),
	EXITS(CR_ACCESS, "exits_cr"),
	EXITS(EPT_VIOLATION, "exits_ept_violation"),
	EXITS(EXTERNAL_INTERRUPT, "exits_interrupt"),
	EXITS(INTERRUPT_WINDOW, "exits_interrupt_window"),
	STAT(vcpu, stats.msr_faults, CUMULATIVE, "msr_faults"),
	STAT(vcpu, stats.msr_user_exits, CUMULATIVE, "msr_user_exits"),
	STAT(vcpu, stats.exceptions, CUMULATIVE, "exceptions_injected"),
	STAT(vcpu, stats.interrupts, CUMULATIVE, "interrupts_injected"),
	STAT(vcpu, stats.nmis, CUMULATIVE, "nmis_injected"),
};

/**
 * struct stats_file - what a file of counters is about
 * @vm: held by the file
 * @owner: the struct that has the counters
 * @stats: which
 * @count: how many
 * @name: of the whole
 */
struct stats_file {
	struct vm *vm;
	const void *owner;
	const struct counter *stats;
	unsigned int count;
	char name[NAME_SIZE];
};

/* Whether the kernel counts the name in its struct kvm_stats_desc depends on its version. */
#define DESCRIPTOR_NAME	offsetof(struct kvm_stats_desc, name)

union descriptor {
	struct kvm_stats_desc desc;
	char bytes[DESCRIPTOR_NAME + NAME_SIZE];
};

static_assert(sizeof(union descriptor) == DESCRIPTOR_NAME + NAME_SIZE);

static size_t values_size(const struct stats_file *file)
{
	unsigned int i, n = 0;

	for (i = 0; i < file->count; i++)
		n += file->stats[i].count;
	return n * sizeof(u64);
}

static void put_descriptor(union descriptor *d, const struct counter *counter, u32 offset)
{
	d->desc.flags = counter->flags;
	d->desc.size = counter->count;
	d->desc.offset = offset;
	if (counter->flags == KVM_STATS_TYPE_LINEAR_HIST)
		d->desc.bucket_size = 1;
	strscpy(d->bytes + DESCRIPTOR_NAME, counter->name, NAME_SIZE);
}

static void put_values(u64 *values, const u64 *counters, unsigned int count)
{
	while (count--)
		/* It counts on meanwhile, and either of two values is as good. */
		*values++ = data_race(READ_ONCE(*counters++));
}

/* All of the file, as it is now; zeroed before. */
static void fill(const struct stats_file *file, void *image)
{
	struct kvm_stats_header *header = image;
	const struct counter *counter;
	union descriptor *d;
	u32 offset = 0;
	unsigned int i;

	header->name_size = NAME_SIZE;
	header->num_desc = file->count;
	header->id_offset = sizeof(*header);
	header->desc_offset = header->id_offset + NAME_SIZE;
	header->data_offset = header->desc_offset + file->count * sizeof(*d);
	strscpy(image + header->id_offset, file->name, NAME_SIZE);

	d = image + header->desc_offset;
	for (i = 0; i < file->count; i++, d++) {
		counter = &file->stats[i];
		put_descriptor(d, counter, offset);
		put_values(image + header->data_offset + offset, file->owner + counter->offset,
			   counter->count);
		offset += counter->count * sizeof(u64);
	}
}

static ssize_t stats_read(struct file *f, char __user *user, size_t count, loff_t *offset)
{
	const struct stats_file *file = f->private_data;
	size_t size = sizeof(struct kvm_stats_header) + NAME_SIZE +
		      file->count * sizeof(union descriptor) + values_size(file);
	ssize_t ret;
	void *image;

	image = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!image)
		return -ENOMEM;
	fill(file, image);
	ret = simple_read_from_buffer(user, count, offset, image, size);
	kfree(image);
	return ret;
}

static int stats_release(struct inode *inode, struct file *f)
{
	struct stats_file *file = f->private_data;

	vm_put(file->vm);
	kfree(file);
	return 0;
}

static const struct file_operations stats_fops = {
	.owner = THIS_MODULE,
	.read = stats_read,
	.release = stats_release,
	.llseek = noop_llseek,
};

/* Returns a file descriptor; @file is freed if there is none. */
static int open_stats(struct stats_file *file, const char *label)
{
	struct file *f;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_free;
	f = anon_inode_getfile(label, &stats_fops, file, O_RDONLY);
	if (IS_ERR(f))
		goto err_fd;
	vm_get(file->vm);
	f->f_mode |= FMODE_PREAD;
	fd_install(fd, f);
	return fd;

err_fd:
	put_unused_fd(fd);
	fd = PTR_ERR(f);
err_free:
	kfree(file);
	return fd;
}

/**
 * stats_open_vm() - KVM_GET_STATS_FD on a VM
 * @vm: the VM; the file keeps it
 *
 * Return: a file descriptor; -ENOMEM, -EMFILE.
 */
int stats_open_vm(struct vm *vm)
{
	struct stats_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	file->vm = vm;
	file->owner = vm;
	file->stats = vm_stats;
	file->count = ARRAY_SIZE(vm_stats);
	snprintf(file->name, NAME_SIZE, "kvm-%d", vm->creator);
	return open_stats(file, "minihv-vm-stats");
}

/**
 * stats_open_vcpu() - KVM_GET_STATS_FD on a vCPU
 * @vcpu: the vCPU; the file keeps its VM
 *
 * Context: the vCPU's mutex need not be held.
 * Return: a file descriptor; -ENOMEM, -EMFILE.
 */
int stats_open_vcpu(struct vcpu *vcpu)
{
	struct stats_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	file->vm = vcpu->vm;
	file->owner = vcpu;
	file->stats = vcpu_stats;
	file->count = ARRAY_SIZE(vcpu_stats);
	snprintf(file->name, NAME_SIZE, "kvm-%d/vcpu-%u", vcpu->vm->creator, vcpu->id);
	return open_stats(file, "minihv-vcpu-stats");
}
