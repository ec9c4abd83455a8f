// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_GET_STATS_FD: the file is made as api.rst says, and the counters count what
 * the guest has done.
 */
#include <fcntl.h>

#include "real_mode.h"
#include "harness.h"

#define READS	7
#define WRITES	5
#define FAULTS	3

FIXTURE(stats) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(stats)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
}

FIXTURE_TEARDOWN(stats)
{
	machine_destroy(&self->m);
}

/* The @nth value of counter @name of the file; -1 if there is none. */
static int64_t nth_value_of(int fd, const char *name, unsigned int nth)
{
	struct kvm_stats_header header;
	char buffer[256];
	struct kvm_stats_desc *desc = (void *)buffer;
	uint64_t value;
	size_t size;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	size = sizeof(*desc) + header.name_size;
	for (uint32_t i = 0; i < header.num_desc; i++) {
		if (size > sizeof(buffer) ||
		    pread(fd, buffer, size, header.desc_offset + i * size) != (ssize_t)size)
			return -1;
		if (strcmp(desc->name, name))
			continue;
		if (nth >= desc->size ||
		    pread(fd, &value, sizeof(value), header.data_offset + desc->offset +
			  nth * sizeof(value)) != sizeof(value))
			return -1;
		return value;
	}
	return -1;
}

static int64_t value_of(int fd, const char *name)
{
	return nth_value_of(fd, name, 0);
}

static int open_stats(int fd)
{
	return sys_ioctl(fd, KVM_GET_STATS_FD, 0);
}

TEST_F(stats, format)
{
	int fds[2] = { open_stats(self->m.vm.fd), open_stats(self->vcpu->fd) };

	for (int i = 0; i < 2; i++) {
		struct kvm_stats_header header;
		char id[256] = "", desc[512];
		uint32_t end = 0;

		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fds[i], F_GETFD));
		ASSERT_EQ(sizeof(header), read(fds[i], &header, sizeof(header)));
		EXPECT_EQ(0, header.flags);
		EXPECT_LT(0, header.num_desc);
		ASSERT_LT(header.name_size, sizeof(id));
		ASSERT_EQ(header.name_size,
			  pread(fds[i], id, header.name_size, header.id_offset));
		EXPECT_EQ(0, strncmp(id, "kvm-", 4));
		for (uint32_t n = 0; n < header.num_desc; n++) {
			struct kvm_stats_desc *d = (void *)desc;
			size_t size = sizeof(*d) + header.name_size;

			ASSERT_EQ(size, pread(fds[i], desc, size, header.desc_offset + n * size));
			EXPECT_LT(0, strnlen(d->name, header.name_size));
			EXPECT_GT(header.name_size, strnlen(d->name, header.name_size));
			EXPECT_LT(0, d->size);
			end = d->offset + d->size * 8 > end ? d->offset + d->size * 8 : end;
		}
		/* The values are the last, and nothing is behind them. */
		EXPECT_EQ(0, pread(fds[i], desc, 1, header.data_offset + end));
		EXPECT_EQ(1, pread(fds[i], desc, 2, header.data_offset + end - 1));
		EXPECT_EQ(0, pread(fds[i], desc, 1, 1ull << 40));
		EXPECT_EQ(-1, write(fds[i], desc, 1));
		close(fds[i]);
	}
	EXPECT_EQ(-EINVAL, testing_kvm() ? -EINVAL :
		  sys_ioctl(self->m.vm.fd, KVM_GET_STATS_FD, 1));
}

TEST_F(stats, count)
{
	struct vm_op ops[READS + WRITES + FAULTS];
	int fd = open_stats(self->vcpu->fd), vm_fd = open_stats(self->m.vm.fd), i;
	int64_t exceptions;

	if (testing_kvm())
		SKIP(return, "KVM has other counters");
	ASSERT_LE(0, fd);
	ASSERT_LE(0, vm_fd);
	EXPECT_EQ(0, value_of(fd, "exits_rdmsr"));
	for (i = 0; i < READS; i++)
		ops[i] = vm_op_rdmsr(MSR_IA32_PAT);
	for (; i < READS + WRITES; i++)
		ops[i] = vm_op_wrmsr(MSR_IA32_LSTAR, CANONICAL_HIGH);
	for (; i < READS + WRITES + FAULTS; i++)
		ops[i] = vm_op_rdmsr(MSR_UNKNOWN);
	exceptions = value_of(fd, "exceptions_injected");
	ASSERT_OPS(self->vcpu, ops, READS + WRITES + FAULTS);

	EXPECT_EQ(READS + FAULTS, value_of(fd, "exits_rdmsr"));
	EXPECT_EQ(WRITES, value_of(fd, "exits_wrmsr"));
	EXPECT_EQ(FAULTS, value_of(fd, "msr_faults"));
	EXPECT_EQ(exceptions + FAULTS, value_of(fd, "exceptions_injected"));
	EXPECT_EQ(1, value_of(fd, "exits_hlt"));
	EXPECT_LT(0, value_of(fd, "exits_ept_violation"));
	EXPECT_LT(0, value_of(vm_fd, "pages_4k"));
	EXPECT_LT(0, value_of(vm_fd, "ept_tables"));
	EXPECT_EQ(-1, value_of(fd, "no such counter"));
	close(fd);
	close(vm_fd);
}

/* Each counter, after known numbers of what it counts; the histogram says the same. */
TEST_F(stats, each_by_its_name)
{
	/* mov %rax, %cr8 */
	static const uint8_t write_cr8[] = { 0x44, 0x0f, 0x22, 0xc0 };
	static const uint8_t out[] = { 0xe6, 0xe0 };	/* out %al, $0xe0 */
	/* With the SDM's exit reason, where it is one that is counted. */
	static const struct {
		const char *name;
		int reason;
		int64_t value;
	} rows[] = {
		{ "exits_rdmsr", 31, 3 }, { "exits_cpuid", 10, 2 }, { "exits_io", 30, 1 },
		{ "exits_cr", 28, 4 }, { "msr_user_exits", 0, 1 }, { "exits_wrmsr", 32, 0 },
	};
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { KVM_MSR_EXIT_REASON_UNKNOWN },
	};
	struct vm_op ops[10];
	int fd = open_stats(self->vcpu->fd), n = 0;
	int64_t before[ARRAY_SIZE(rows)];

	if (testing_kvm())
		SKIP(return, "KVM has other counters");
	ASSERT_LE(0, fd);
	ops[0] = vm_op_cpuid(0, 0);
	ASSERT_OPS(self->vcpu, ops, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		before[i] = value_of(fd, rows[i].name);

	for (int i = 0; i < 3; i++)
		ops[n++] = vm_op_rdmsr(i ? MSR_IA32_PAT : MSR_UNKNOWN);
	for (int i = 0; i < 2; i++)
		ops[n++] = vm_op_cpuid(1, 0);
	for (int i = 0; i < 4; i++)
		ops[n++] = vm_op_insn(write_cr8, sizeof(write_cr8));
	ops[n++] = vm_op_insn(out, sizeof(out));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_ENABLE_CAP, &cap));
	ASSERT_EQ(-EIO, vm_run_ops(self->vcpu, ops, n));
	ASSERT_EQ(KVM_EXIT_X86_RDMSR, self->vcpu->run->exit_reason);
	ASSERT_EQ(0, vcpu_run(self->vcpu));
	ASSERT_EQ(KVM_EXIT_IO, self->vcpu->run->exit_reason);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(before[i] + rows[i].value, value_of(fd, rows[i].name)) {
			TH_LOG("%s", rows[i].name);
		}
		if (rows[i].reason)
			EXPECT_EQ(value_of(fd, rows[i].name),
				  nth_value_of(fd, "exits", rows[i].reason));
	}
	close(fd);
}

GUEST_CODE(handlers, 16,
	   "sti\n"
	   "nop\n"
	   "outb %al, $0xe0\n"
	   "1: jmp 1b\n"
	   "on_interrupt: outb %al, $0xe1\n"
	   "iret\n"
	   "on_nmi: outb %al, $0xe2\n"
	   "iret\n");
GUEST_LABEL(on_interrupt);
GUEST_LABEL(on_nmi);

TEST_F(stats, events)
{
	struct kvm_interrupt interrupt = { .irq = 0x40 };
	int fd = open_stats(self->vcpu->fd);
	int64_t before;

	if (testing_kvm())
		SKIP(return, "KVM has other counters");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, handlers));
	set_vector(&self->m.vm, 0x40, on_interrupt - handlers);
	set_vector(&self->m.vm, 2, on_nmi - handlers);
	ASSERT_OUT(0xe0, self->vcpu);
	EXPECT_EQ(0, value_of(fd, "nmis_injected"));
	/* The first finds no stack in memory, and is delivered in several attempts. */
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_OUT(0xe2, self->vcpu);
	before = value_of(fd, "nmis_injected");
	EXPECT_LT(0, before);
	EXPECT_EQ(0, value_of(fd, "interrupts_injected"));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_INTERRUPT, &interrupt));
	ASSERT_OUT(0xe1, self->vcpu);
	EXPECT_EQ(before, value_of(fd, "nmis_injected"));
	EXPECT_EQ(1, value_of(fd, "interrupts_injected"));
	ASSERT_EQ(0, sys_ioctl(self->vcpu->fd, KVM_NMI, 0));
	ASSERT_OUT(0xe2, self->vcpu);
	EXPECT_EQ(before + 1, value_of(fd, "nmis_injected"));
	EXPECT_EQ(1, value_of(fd, "interrupts_injected"));
	EXPECT_LT(0, value_of(fd, "exits_interrupt_window"));
	close(fd);
}

/* Pages that go from the process are not mapped any more. */
TEST_F(stats, pages_go)
{
	struct kvm_userspace_memory_region region = { .slot = 0 };
	struct vm_op op = vm_op_rdmsr(MSR_IA32_PAT);
	int fd = open_stats(self->m.vm.fd);

	ASSERT_LE(0, fd);
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_LT(0, value_of(fd, "pages_4k"));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_SET_USER_MEMORY_REGION, &region));
	EXPECT_EQ(0, value_of(fd, "pages_4k"));
	if (!testing_kvm())
		EXPECT_EQ(0, value_of(fd, "ept_tables"));
	close(fd);
}

/* The file is good for as long as it is open, whatever happens to the others. */
TEST_F(stats, outlives_the_vm)
{
	struct machine m;
	int fd;

	ASSERT_MACHINE(&m, 0);
	fd = open_stats(m.vcpu.fd);
	ASSERT_LE(0, fd);
	machine_destroy(&m);
	EXPECT_LE(0, value_of(fd, testing_kvm() ? "exits" : "exits_hlt"));
	close(fd);
}

TEST_HARNESS_MAIN
