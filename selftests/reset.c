// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU as KVM_CREATE_VCPU leaves it, and registers that the host sets.
 * SDM volume 3, "IA-32 and Intel 64 Processor States Following Power-up,
 * Reset, or INIT".
 */
#include <asm/processor-flags.h>
#include <sys/mman.h>

#include "guest_code.h"
#include "harness.h"

#define TOP_64K		0xffff0000

FIXTURE(reset) {
	struct machine m;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
};

FIXTURE_SETUP(reset)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS,
				   &self->sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS,
				   &self->regs));
}

FIXTURE_TEARDOWN(reset)
{
	machine_destroy(&self->m);
}

TEST_F(reset, general_registers)
{
	struct kvm_regs expected = { .rip = 0xfff0, .rflags = 2 };

	/* The processor's signature; family 6 while there is no CPUID. */
	EXPECT_EQ(6, self->regs.rdx >> 8 & 0xf) {
		TH_LOG("RDX %#llx", self->regs.rdx);
	}
	expected.rdx = self->regs.rdx;
	EXPECT_EQ(0, memcmp(&expected, &self->regs, sizeof(expected)));
}

TEST_F(reset, control_registers)
{
	EXPECT_EQ(X86_CR0_CD | X86_CR0_NW | X86_CR0_ET, self->sregs.cr0);
	EXPECT_EQ(0, self->sregs.cr2);
	EXPECT_EQ(0, self->sregs.cr3);
	EXPECT_EQ(0, self->sregs.cr4);
	EXPECT_EQ(0, self->sregs.cr8);
	EXPECT_EQ(0, self->sregs.efer);
	EXPECT_EQ(0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP,
		  self->sregs.apic_base);
}

TEST_F(reset, segments)
{
	const struct kvm_sregs *s = &self->sregs;
	const struct {
		const char *name;
		const struct kvm_segment *seg;
		uint64_t base;
		uint16_t selector;
		uint8_t type, s;
	} rows[] = {
		{ "CS", &s->cs, 0xffff0000, 0xf000, 0xb, 1 },
		{ "DS", &s->ds, 0, 0, 0x3, 1 },
		{ "ES", &s->es, 0, 0, 0x3, 1 },
		{ "FS", &s->fs, 0, 0, 0x3, 1 },
		{ "GS", &s->gs, 0, 0, 0x3, 1 },
		{ "SS", &s->ss, 0, 0, 0x3, 1 },
		{ "TR", &s->tr, 0, 0, 0xb, 0 },
		{ "LDTR", &s->ldt, 0, 0, 0x2, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kvm_segment *seg = rows[i].seg;

		EXPECT_EQ(rows[i].base, seg->base) {
			TH_LOG("%s.base %#llx", rows[i].name, seg->base);
		}
		EXPECT_EQ(rows[i].selector, seg->selector) {
			TH_LOG("%s.selector", rows[i].name);
		}
		EXPECT_EQ(0xffff, seg->limit) {
			TH_LOG("%s.limit", rows[i].name);
		}
		EXPECT_EQ(rows[i].type, seg->type) {
			TH_LOG("%s.type", rows[i].name);
		}
		EXPECT_EQ(rows[i].s, seg->s) {
			TH_LOG("%s.s", rows[i].name);
		}
		EXPECT_EQ(1, seg->present) {
			TH_LOG("%s.present", rows[i].name);
		}
		EXPECT_EQ(0, seg->dpl | seg->db | seg->l | seg->g) {
			TH_LOG("%s: dpl, db, l and g are 0", rows[i].name);
		}
	}
	EXPECT_EQ(0, s->gdt.base);
	EXPECT_EQ(0xffff, s->gdt.limit);
	EXPECT_EQ(0, s->idt.base);
	EXPECT_EQ(0xffff, s->idt.limit);
}

/* Firmware's way in: at the top of 4 GiB, from there by a far jump to low. */
TEST_F(reset, runs_from_the_reset_vector)
{
	static const uint8_t low[] = { 0xf4 };			/* hlt */
	static const uint8_t jump[] = {
		0xea, 0x00, 0x00,				/* ljmp */
		CODE_GPA >> 4 & 0xff, CODE_GPA >> 12,
	};
	struct kvm_userspace_memory_region top = {
		.slot = 1, .guest_phys_addr = TOP_64K, .memory_size = 0x10000,
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint8_t *rom;

	rom = mmap(NULL, top.memory_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, rom);
	memcpy(rom + 0xfff0, jump, sizeof(jump));
	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, low, sizeof(low)));
	top.userspace_addr = (uintptr_t)rom;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_SET_USER_MEMORY_REGION,
				   &top));

	ASSERT_EXIT(KVM_EXIT_HLT, &self->m.vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &regs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(1, regs.rip);
	EXPECT_EQ(CODE_GPA >> 4, sregs.cs.selector);
	EXPECT_EQ(CODE_GPA, sregs.cs.base);
}

TEST_F(reset, regs_read_back)
{
	struct kvm_regs set = {
		.rax = 0x1000000000000001, .rbx = 0x2000000000000002,
		.rcx = 0x3000000000000003, .rdx = 0x4000000000000004,
		.rsi = 0x5000000000000005, .rdi = 0x6000000000000006,
		.rsp = 0x7000000000000007, .rbp = 0x8000000000000008,
		.r8 = 0x9000000000000009, .r9 = 0xa00000000000000a,
		.r10 = 0xb00000000000000b, .r11 = 0xc00000000000000c,
		.r12 = 0xd00000000000000d, .r13 = 0xe00000000000000e,
		.r14 = 0xf00000000000000f, .r15 = 0x0100000000000010,
		.rip = 0x1234, .rflags = 0x0,
	};
	struct kvm_regs got;

	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_REGS, &set));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_REGS, &got));
	set.rflags = 2;		/* the bit that is always set */
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

TEST_F(reset, sregs_read_back)
{
	struct kvm_sregs set, got;

	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	ASSERT_EQ(0, vcpu_set_mode(&self->m.vcpu, VM_MODE_LONG, 0, 0));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &set));
	set.cr2 = 0x123456789abc;
	set.cr3 = 0x7000;
	set.cr8 = 5;
	set.fs.base = CANONICAL_LOW;
	set.gs.base = CANONICAL_HIGH;
	set.gdt.base = CANONICAL_HIGH;
	set.gdt.limit = 0x123;
	set.idt.base = CANONICAL_LOW;
	set.idt.limit = 0x456;
	set.es.selector = 0x33;
	set.es.dpl = 3;
	set.ds.unusable = 1;
	set.ds.present = 0;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_SREGS, &set));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &got));
	/* What an unusable segment holds otherwise has no meaning. */
	EXPECT_EQ(1, got.ds.unusable);
	got.ds = set.ds;
	EXPECT_EQ(0, memcmp(&set, &got, sizeof(set)));
}

/* Two ways to the same register. */
TEST_F(reset, sregs_and_msrs_agree)
{
	struct kvm_sregs sregs = self->sregs;
	uint64_t value;

	sregs.fs.base = CANONICAL_LOW;
	sregs.gs.base = CANONICAL_HIGH;
	sregs.efer = EFER_SCE;
	sregs.apic_base = 0xfee00000 | APIC_BASE_BSP;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_FS_BASE, &value));
	EXPECT_EQ(CANONICAL_LOW, value);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_GS_BASE, &value));
	EXPECT_EQ(CANONICAL_HIGH, value);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_EFER, &value));
	EXPECT_EQ(EFER_SCE, value);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_APIC_BASE, &value));
	EXPECT_EQ(sregs.apic_base, value);

	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_FS_BASE, 0x5000));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_EFER, 0));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(0x5000, sregs.fs.base);
	EXPECT_EQ(0, sregs.efer);
}

TEST_F(reset, mp_state)
{
	struct kvm_mp_state state = { .mp_state = 0xff };

	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_GET_MP_STATE, &state));
	EXPECT_EQ(KVM_MP_STATE_RUNNABLE, state.mp_state);
	EXPECT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MP_STATE, &state));

	/* Waiting for INIT or an interrupt takes a local APIC. */
	for (int bad = KVM_MP_STATE_UNINITIALIZED;
	     bad <= KVM_MP_STATE_SIPI_RECEIVED; bad++) {
		state.mp_state = bad;
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->m.vcpu.fd,
						 KVM_SET_MP_STATE, &state)) {
			TH_LOG("mp_state %d", bad);
		}
	}
	state.mp_state = UINT32_MAX;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_MP_STATE,
					 &state));
}

TEST_HARNESS_MAIN
