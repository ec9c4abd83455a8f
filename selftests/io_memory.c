// SPDX-License-Identifier: GPL-2.0
/*
 * The memory side of INS and OUTS. The VM exit comes before the CPU has looked at it, so
 * page faults, and what segments allow, are the hypervisor's to find.
 *
 * SDM vol. 3, "Relative Priority of Faults and VM Exits".
 */
#include <asm/processor-flags.h>
#include <sys/mman.h>

#include "guest_code.h"
#include "harness.h"

#define PORT		0xe0
#define PORT_GP		0xe5
#define PORT_SS		0xe6

#define PAGE_PRESENT	(1 << 0)
#define PAGE_RW		(1 << 1)
#define PAGE_USER	(1 << 2)
#define PAGE_ACCESSED	(1 << 5)
#define PAGE_LARGE	(1 << 7)

FIXTURE(io) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(io)
{
	ASSERT_MACHINE(&self->m, 4);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(io)
{
	machine_destroy(&self->m);
}

/* mov %rax, %rdi; insb and mov %rax, %rsi; outsb */
static const uint8_t insb[] = { 0x48, 0x89, 0xc7, 0x6c };
static const uint8_t outsb[] = { 0x48, 0x89, 0xc6, 0x6e };

#define DATA_GPA	0x200000	/* one large page, of which nobody needs any */

/* The entry of the large page at DATA_GPA. */
static uint64_t *data_entry(struct vm *vm)
{
	return vm_gpa(vm, VM_GPA_PD + DATA_GPA / 0x200000 * 8, 8);
}

TEST_F(io, page_not_present)
{
	struct vm_op op = vm_op_insn(outsb, sizeof(outsb));

	op.rax = 0x40000000;	/* vcpu_set_mode() maps what is below */
	op.rdx = PORT;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(14, op.vector);
	EXPECT_EQ(0, op.error_code);
	EXPECT_EQ(3, op.rip);
}

/* KVM asks the client for what INS is to store, and looks afterwards whether it can be stored. */

TEST_F(io, page_read_only)
{
	struct vm_op ops[] = { vm_op_insn(insb, sizeof(insb)), vm_op_cpuid(0, 0) };
	uint8_t *data = vm_gpa(&self->m.vm, DATA_GPA, 1);
	struct kvm_sregs sregs;

	if (testing_kvm())
		SKIP(return, "KVM asks the client first");
	ASSERT_OPS(self->vcpu, &ops[1], 1);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr0 |= 1 << 16;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	*data_entry(&self->m.vm) &= ~(uint64_t)PAGE_RW;
	*data = 0x5a;
	ops[0].rax = DATA_GPA;
	ops[0].rdx = PORT;
	ASSERT_OPS(self->vcpu, ops, 1);
	EXPECT_EQ(14, ops[0].vector);
	EXPECT_EQ(3, ops[0].error_code);	/* present, write */
	EXPECT_EQ(0x5a, *data);
}

TEST_F(io, page_of_a_user)
{
	struct vm_op op = vm_op_cpuid(7, 0);
	struct kvm_sregs sregs;

	ASSERT_OPS(self->vcpu, &op, 1);
	if (!(op.rbx & 1 << 20))
		SKIP(return, "the CPU has no SMAP");
	/* The guest's own pages are a supervisor's then. */
	for (int i = 0; i < 2; i++)
		*(uint64_t *)vm_gpa(&self->m.vm, VM_GPA_PD + i * 8, 8) &= ~(uint64_t)PAGE_USER;
	*data_entry(&self->m.vm) |= PAGE_USER;
	*data_entry(&self->m.vm) &= ~(uint64_t)PAGE_ACCESSED;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= X86_CR4_SMAP;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));

	op = vm_op_insn(outsb, sizeof(outsb));
	op.rax = DATA_GPA;
	op.rdx = PORT;
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(14, op.vector);
	EXPECT_EQ(1, op.error_code);	/* present */
	/* SDM vol. 3, "Accessed and Dirty Flags": what was not translated was not used. */
	EXPECT_EQ(0, *data_entry(&self->m.vm) & PAGE_ACCESSED);

	op.rax = DATA_GPA;
	op.rflags = X86_EFLAGS_AC;
	ASSERT_EQ(-EIO, vm_run_ops(self->vcpu, &op, 1));
	ASSERT_EQ(KVM_EXIT_IO, self->run->exit_reason);
	EXPECT_EQ(PAGE_ACCESSED, *data_entry(&self->m.vm) & PAGE_ACCESSED);
}

TEST_F(io, not_canonical)
{
	static const uint64_t addresses[] = { 1ULL << 47, 1ULL << 48 | 0x1000, 1ULL << 63 };
	const struct {
		const uint8_t *insn;
		size_t len;
	} rows[] = { { insb, sizeof(insb) }, { outsb, sizeof(outsb) } };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(addresses); i++) {
		struct vm_op op = vm_op_insn(rows[i % 2].insn, rows[i % 2].len);

		if (testing_kvm() && rows[i % 2].insn == insb)
			continue;
		op.rax = addresses[i / 2];
		op.rdx = PORT;
		ASSERT_OPS(self->vcpu, &op, 1);
		EXPECT_EQ(13, op.vector) {
			TH_LOG("address %#lx", addresses[i / 2]);
		}
		EXPECT_EQ(0, op.error_code);
	}
}

GUEST_CODE(strings, 32,
	   "ins8: insb\n"
	   "hlt\n"
	   "ins16: insw\n"
	   "hlt\n"
	   "outs8: outsb\n"
	   "hlt\n"
	   "outs32: outsl\n"
	   "hlt\n"
	   "outs_ss: outsb %ss:(%esi), %dx\n"
	   "hlt\n"
	   "outs_cs: outsb %cs:(%esi), %dx\n"
	   "hlt\n"
	   "on_gp: popl %eax\n"
	   "outl %eax, $0xe5\n"
	   "hlt\n"
	   "on_ss: popl %eax\n"
	   "outl %eax, $0xe6\n"
	   "hlt\n");
GUEST_LABEL(ins8);
GUEST_LABEL(ins16);
GUEST_LABEL(outs8);
GUEST_LABEL(outs32);
GUEST_LABEL(outs_ss);
GUEST_LABEL(outs_cs);
GUEST_LABEL(on_gp);
GUEST_LABEL(on_ss);

#define SREG(reg)	offsetof(struct kvm_sregs, reg)

/*
 * SDM vol. 3, "Limit Checking", "Type Checking", "Segment Descriptors": types are 3 for data
 * that can be written, 1 for data that cannot, 7 for data that expands downwards, 11 for code
 * that can be read, and 9 for code that cannot.
 */
TEST_F(io, segments)
{
	const struct {
		const char *what;
		const uint8_t *insn;
		size_t sreg;
		uint32_t limit;
		uint8_t type, unusable;
		uint32_t offset;
		uint16_t port;
	} rows[] = {
		{ "the last byte", ins8, SREG(es), 0xfff, 3, 0, 0xfff, PORT },
		{ "behind it", ins8, SREG(es), 0xfff, 3, 0, 0x1000, PORT_GP },
		{ "a word that crosses it", ins16, SREG(es), 0xfff, 3, 0, 0xfff, PORT_GP },
		{ "read-only", ins8, SREG(es), 0xfffff, 1, 0, 0, PORT_GP },
		{ "no segment", ins8, SREG(es), 0xfffff, 3, 1, 0, PORT_GP },
		{ "code", ins8, SREG(es), 0xfffff, 11, 0, 0, PORT_GP },
		{ "the last byte", outs8, SREG(ds), 0xfff, 1, 0, 0xfff, PORT },
		{ "behind it", outs8, SREG(ds), 0xfff, 1, 0, 0x1000, PORT_GP },
		{ "a long that crosses it", outs32, SREG(ds), 0xfff, 1, 0, 0xffd, PORT_GP },
		{ "no segment", outs8, SREG(ds), 0xfff, 3, 1, 0, PORT_GP },
		{ "below one that goes downwards", outs8, SREG(ds), 0xfff, 7, 0, 0xfff, PORT_GP },
		{ "in it", outs8, SREG(ds), 0xfff, 7, 0, 0x1000, PORT },
		{ "one that is empty", outs8, SREG(ds), 0xffffffff, 7, 0, 0x1000, PORT_GP },
		{ "behind the stack", outs_ss, SREG(ss), 0xfffff, 3, 0, 0x100000, PORT_SS },
		{ "in the stack", outs_ss, SREG(ss), 0xfffff, 3, 0, 0xfffff, PORT },
		{ "code that can be read", outs_cs, SREG(cs), 0xfffff, 11, 0, 0, PORT },
		{ "code that cannot", outs_cs, SREG(cs), 0xfffff, 9, 0, 0, PORT_GP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_segment *seg;
		struct kvm_sregs sregs;
		struct kvm_regs regs;

		if (testing_kvm() && rows[i].sreg == SREG(es))
			continue;
		ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED, strings));
		ASSERT_EQ(0, set_gate(self->vcpu, 13, on_gp - strings));
		ASSERT_EQ(0, set_gate(self->vcpu, 12, on_ss - strings));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
		seg = (void *)((char *)&sregs + rows[i].sreg);
		seg->limit = rows[i].limit;
		seg->g = rows[i].limit > 0xfffff;
		seg->type = rows[i].type;
		seg->unusable = rows[i].unusable;
		seg->present = !rows[i].unusable;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
		regs.rip = CODE_GPA + (rows[i].insn - strings);
		regs.rsi = rows[i].offset;
		regs.rdi = rows[i].offset;
		regs.rdx = PORT;
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
		ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
		EXPECT_EQ(rows[i].port, self->run->io.port) {
			TH_LOG("row %zu: %s", i, rows[i].what);
		}
		if (rows[i].port != PORT)
			EXPECT_EQ(0, out_data(self->vcpu));
		/* Completed, or it would be the next row's. */
		self->run->immediate_exit = 1;
		EXPECT_EQ(-EINTR, vcpu_run(self->vcpu));
		self->run->immediate_exit = 0;
	}
}

GUEST_CODE(wraps, 16,
	   "movw $0xfffc, %si\n"
	   "movw $4, %cx\n"
	   "movw $0xe0, %dx\n"
	   "cld\n"
	   "rep outsw\n"
	   "hlt\n");

#define WRAP_BASE	(CODE_GPA + 0x100)	/* so that no page ends where addresses do */

/* SI goes on at 0, and so does what is read, though the segment goes on. */
TEST_F(io, addresses_wrap)
{
	uint16_t *bottom = vm_gpa(&self->m.vm, WRAP_BASE, 4), got[4];
	uint16_t *top = vm_gpa(&self->m.vm, WRAP_BASE + 0xfffc, 8);
	struct kvm_sregs sregs;
	uint32_t n = 0;

	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, wraps));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.ds.base = WRAP_BASE;
	sregs.ds.limit = UINT32_MAX;
	sregs.ds.g = 1;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	top[0] = 0x1111;
	top[1] = 0x2222;
	memset(top + 2, 0xee, 4);
	bottom[0] = 0x3333;
	bottom[1] = 0x4444;
	while (n < 4) {
		ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
		ASSERT_EQ(2, self->run->io.size);
		ASSERT_GE(4 - n, self->run->io.count);
		memcpy(got + n, io_data(self->vcpu), 2 * self->run->io.count);
		n += self->run->io.count;
	}
	EXPECT_EQ(0x1111, got[0]);
	EXPECT_EQ(0x2222, got[1]);
	EXPECT_EQ(0x3333, got[2]);
	EXPECT_EQ(0x4444, got[3]);
}

#define HIGH_GPA	(1ull << 32)
#define HIGH_SLOT	7
#define PD32		(VM_GPA_FREE + 0x20000)
#define PAGE		4096

/* By the CPU, and by OUTS: 0x800000 is the 4-MiB page at HIGH_GPA. */
GUEST_CODE(reads_high, 32,
	   "movl $0x800000, %esi\n"
	   "movb (%esi), %al\n"
	   "outb %al, $0xe0\n"
	   "movl $0xe0, %edx\n"
	   "outsb\n"
	   "hlt\n");

/* SDM vol. 3, "32-Bit Paging": a 4-MiB page has bits 39:32 of its address in 20:13 (PSE-36). */
TEST_F(io, page_above_4_gib)
{
	struct kvm_userspace_memory_region region = {
		.slot = HIGH_SLOT, .guest_phys_addr = HIGH_GPA, .memory_size = PAGE,
	};
	uint32_t *pd = vm_gpa(&self->m.vm, PD32, PAGE);
	struct kvm_sregs sregs;
	uint8_t *high;

	high = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, high);
	*high = 0x5a;
	region.userspace_addr = (uintptr_t)high;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_SET_USER_MEMORY_REGION, &region));
	pd[0] = PAGE_PRESENT | PAGE_RW | PAGE_LARGE;
	pd[2] = PAGE_PRESENT | PAGE_RW | PAGE_LARGE | 1 << 13;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_PROTECTED, reads_high));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr3 = PD32;
	sregs.cr4 |= X86_CR4_PSE;
	sregs.cr0 |= X86_CR0_PG;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0x5a, out_data(self->vcpu));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0x5a, out_data(self->vcpu));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	munmap(high, PAGE);
}

GUEST_CODE(wraps_32, 32,
	   "movl $0xffffffff, %esi\n"
	   "movl $0xe0, %edx\n"
	   "outsw\n"
	   "hlt\n");

/* 32-bit code in long mode: linear addresses, too, end at 4 GiB, and go on at 0. */
TEST_F(io, linear_addresses_wrap)
{
	uint64_t *pdpt = vm_gpa(&self->m.vm, VM_GPA_PDPT, PAGE);
	struct kvm_sregs sregs;

	/* The last 2 MiB below 4 GiB are those at DATA_GPA. */
	pdpt[3] = pdpt[0];
	*(uint64_t *)vm_gpa(&self->m.vm, VM_GPA_PD + 511 * 8, 8) = *data_entry(&self->m.vm);
	*(uint8_t *)vm_gpa(&self->m.vm, DATA_GPA + 0x1fffff, 1) = 0x12;
	*(uint8_t *)vm_gpa(&self->m.vm, 0, 1) = 0x34;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, wraps_32));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cs.selector = VM_SEL_CODE32;
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EXIT(KVM_EXIT_IO, self->vcpu);
	EXPECT_EQ(0x3412, out_data(self->vcpu));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

TEST_HARNESS_MAIN
