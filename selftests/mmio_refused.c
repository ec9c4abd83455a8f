// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses to where there is no memory that are not a MOV's: the client is told
 * which instruction it is, and nothing of it is done.
 */
#include "guest_code.h"
#include "harness.h"

#define PAGE		4096ULL
#define HOLE		0x10000000ULL	/* mapped in long mode, no memory there */
#define RAX		0x8182838485868788ULL

FIXTURE(refused) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_run *run;
};

FIXTURE_SETUP(refused)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->vcpu = &self->m.vcpu;
	self->run = self->m.vcpu.run;
}

FIXTURE_TEARDOWN(refused)
{
	machine_destroy(&self->m);
}

struct row {
	const char *name;
	uint8_t len;
	uint8_t insn[10];
	uint64_t rbx;	/* HOLE if 0 */
};

/* RBX, RSI, RDI and RSP are in the hole; KVM has an emulator for these. */
static const struct row rows[] = {
	{ "XCHG", 2, { 0x87, 0x03 } },
	{ "ADD to memory", 2, { 0x01, 0x03 } },
	{ "ADD from memory", 2, { 0x03, 0x03 } },
	{ "LOCK ADD", 3, { 0xf0, 0x01, 0x03 } },
	{ "CMPXCHG", 3, { 0x0f, 0xb1, 0x03 } },
	{ "TEST", 2, { 0x85, 0x03 } },
	{ "MOVSB", 1, { 0xa4 } },
	{ "REP MOVSB", 2, { 0xf3, 0xa4 } },
	{ "STOSL", 1, { 0xab } },
	{ "LODSB", 1, { 0xac } },
	{ "PUSH", 1, { 0x50 } },
	{ "PUSH memory", 2, { 0xff, 0x33 } },
	{ "POP", 1, { 0x58 } },
	{ "CALL through memory", 2, { 0xff, 0x13 } },
	{ "MOV to DS", 2, { 0x8e, 0x1b } },
	{ "MOVUPS", 3, { 0x0f, 0x10, 0x03 } },
	{ "MOVNTI", 3, { 0x0f, 0xc3, 0x03 } },
	{ "FLD", 2, { 0xd9, 0x03 } },
	{ "MOV with F3", 3, { 0xf3, 0x89, 0x03 } },
	{ "MOV across pages", 3, { 0x48, 0x89, 0x03 }, HOLE + 0xffc },
	{ "MOV across pages, from memory", 3, { 0x48, 0x8b, 0x03 },
		HOLE + 0xfff },
	{ "MOV from RAM into the hole", 3, { 0x48, 0x89, 0x03 },
		2 * 1024 * 1024 - 1 },
};

TEST_F(refused, instructions)
{
	struct kvm_regs start, after;

	if (testing_kvm())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, row->insn,
					  row->len));
		ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA + row->len,
					  "\xf4", 1));
		ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, CODE_GPA,
					   HOLE + 0x800));
		ASSERT_EQ(0, get_regs(self->vcpu, &start));
		start.rax = RAX;
		start.rcx = 3;
		start.rbx = row->rbx ? row->rbx : HOLE + 0x400;
		start.rsi = HOLE + 0x800;
		start.rdi = HOLE + 0xa00;
		ASSERT_EQ(0, set_regs(self->vcpu, &start));
		ASSERT_EXIT(KVM_EXIT_INTERNAL_ERROR, self->vcpu);
		EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION,
			  self->run->emulation_failure.suberror);
		EXPECT_LE(3, self->run->emulation_failure.ndata);
		EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES,
			  self->run->emulation_failure.flags);
		EXPECT_TRUE(self->run->emulation_failure.insn_size >= row->len &&
			    self->run->emulation_failure.insn_size <= 15);
		EXPECT_EQ(0, memcmp(self->run->emulation_failure.insn_bytes,
				    row->insn, row->len)) {
			TH_LOG("%s", row->name);
		}
		ASSERT_EQ(0, get_regs(self->vcpu, &after));
		EXPECT_EQ(0, memcmp(&start, &after, sizeof(after))) {
			TH_LOG("%s: registers have changed", row->name);
		}
		/* The client may do it, and have the guest go on. */
		after.rip += row->len;
		ASSERT_EQ(0, set_regs(self->vcpu, &after));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

TEST_F(refused, instruction_in_the_hole)
{
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, HOLE, 0));
	ASSERT_EXIT(KVM_EXIT_INTERNAL_ERROR, self->vcpu);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, self->run->internal.suberror);
	EXPECT_EQ(0, self->run->emulation_failure.flags);
}

TEST_F(refused, page_table_in_the_hole)
{
	uint64_t *pdpt = vm_gpa(&self->m.vm, VM_GPA_PDPT, PAGE);

	if (testing_kvm())	/* which has the guest's page fault */
		return;
	pdpt[1] = (HOLE + PAGE) | 7;
	/* mov (%rbx), %eax */
	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, "\x8b\x03", 2));
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, CODE_GPA, 0));
	ASSERT_EQ(0, set_regs(self->vcpu, &(struct kvm_regs){
			.rip = CODE_GPA, .rflags = 2, .rbx = 0x40000000 }));
	ASSERT_EXIT(KVM_EXIT_INTERNAL_ERROR, self->vcpu);
	EXPECT_EQ(KVM_INTERNAL_ERROR_EMULATION, self->run->internal.suberror);
}

GUEST_CODE(breakpoint, 64, "int3\n hlt");

/* The IDT is a device's. */
TEST_F(refused, event_delivery)
{
	struct kvm_sregs sregs;

	if (testing_kvm())	/* 6.1 reads the IDT with its emulator */
		return;
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_LONG, breakpoint));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.idt.base = HOLE;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EXIT(KVM_EXIT_INTERNAL_ERROR, self->vcpu);
	EXPECT_EQ(KVM_INTERNAL_ERROR_DELIVERY_EV, self->run->internal.suberror);
	ASSERT_LE(4, self->run->internal.ndata);
	EXPECT_EQ(3, self->run->internal.data[0] & 0xff);	/* #BP */
	EXPECT_EQ(HOLE + 3 * 16, self->run->internal.data[3]);
}

TEST_HARNESS_MAIN
