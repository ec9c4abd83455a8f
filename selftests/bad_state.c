// SPDX-License-Identifier: GPL-2.0
/*
 * Register values that no processor can be in. KVM_SET_SREGS refuses them, or
 * KVM_RUN says that VM entry failed; the host is none the worse for it, and
 * the vCPU goes on when its registers have been put right.
 * SDM volume 3, "Checks on the Guest State Area".
 */
#include <asm/processor-flags.h>
#include <sys/time.h>

#include "background.h"
#include "harness.h"

static const uint8_t hlt[] = { 0xf4 };

FIXTURE(bad) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_sregs good_sregs;	/* long mode, at a HLT */
	struct kvm_regs good_regs;
};

FIXTURE_SETUP(bad)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_EQ(0, vm_load_code(&self->m.vm, CODE_GPA, hlt, sizeof(hlt)));
	ASSERT_EQ(0, vcpu_set_mode(self->vcpu, VM_MODE_LONG, CODE_GPA,
				   CODE_GPA + CODE_STACK));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS,
				   &self->good_sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS,
				   &self->good_regs));
}

FIXTURE_TEARDOWN(bad)
{
	machine_destroy(&self->m);
}

/* What KVM_SET_SREGS itself finds wrong, and then changes nothing. */
TEST_F(bad, sregs_einval)
{
	const struct kvm_sregs good = self->good_sregs;
	const uint64_t cr0 = good.cr0, cr4 = good.cr4, efer = good.efer;
	const struct {
		const char *name;
		uint64_t cr0, cr3, cr4, efer, apic_base;
		int l;
	} rows[] = {
		{ "CR0 bit 32", cr0 | 1ULL << 32, good.cr3, cr4, efer,
			good.apic_base, 1 },
		{ "CR0.NW without CD", cr0 | X86_CR0_NW, good.cr3, cr4, efer,
			good.apic_base, 1 },
		{ "CR0.PG without PE", cr0 & ~X86_CR0_PE, good.cr3, cr4, efer,
			good.apic_base, 1 },
		{ "CR4 bit 31", cr0, good.cr3, cr4 | 1ULL << 31, efer,
			good.apic_base, 1 },
		{ "CR4 bit 63", cr0, good.cr3, cr4 | 1ULL << 63, efer,
			good.apic_base, 1 },
		{ "long mode without CR4.PAE", cr0, good.cr3, cr4 & ~X86_CR4_PAE,
			efer, good.apic_base, 1 },
		{ "long mode without EFER.LMA", cr0, good.cr3, cr4,
			efer & ~EFER_LMA, good.apic_base, 1 },
		{ "EFER.LMA without paging", cr0 & ~X86_CR0_PG, good.cr3, cr4,
			efer, good.apic_base, 0 },
		{ "EFER.LMA without LME", cr0, good.cr3, cr4, efer & ~EFER_LME,
			good.apic_base, 0 },
		{ "CS.L outside of long mode", cr0 & ~X86_CR0_PG, good.cr3, cr4, 0,
			good.apic_base, 1 },
		{ "CR3 beyond the physical addresses", cr0, 1ULL << 60, cr4,
			efer, good.apic_base, 1 },
		{ "APIC base, bit 0", cr0, good.cr3, cr4, efer,
			good.apic_base | 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kvm_sregs sregs = good;

		sregs.cr0 = rows[i].cr0;
		sregs.cr3 = rows[i].cr3;
		sregs.cr4 = rows[i].cr4;
		sregs.efer = rows[i].efer;
		sregs.apic_base = rows[i].apic_base;
		sregs.cs.l = rows[i].l;
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
						 &sregs)) {
			TH_LOG("%s", rows[i].name);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS,
					   &sregs));
		EXPECT_EQ(0, memcmp(&good, &sregs, sizeof(good))) {
			TH_LOG("%s: refused, but something has changed",
			       rows[i].name);
		}
	}
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

/* Bits of CR4 that the guest's CPUID does not have. */
TEST_F(bad, cr4_without_the_feature)
{
	struct kvm_sregs sregs = self->good_sregs;

	if (!testing_kvm()) {	/* which lets guests have VMX */
		sregs.cr4 |= X86_CR4_VMXE;
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
						 &sregs));
	}
	sregs = self->good_sregs;
	sregs.cr4 |= X86_CR4_LA57;	/* 5-level paging: on no model tested here */
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
					 &sregs));
}

/* State that only VM entry looks at: each row breaks one rule. */
struct broken {
	const char *name;
	size_t offset;		/* in struct kvm_sregs */
	size_t size;
	uint64_t value;
};

#define SREG(what, field, val)						\
	{ what, offsetof(struct kvm_sregs, field),			\
	  sizeof(((struct kvm_sregs *)0)->field), val }

static const struct broken broken_sregs[] = {
	SREG("CS.base above 4 GiB", cs.base, 1ULL << 32),
	SREG("CS not present", cs.present, 0),
	SREG("CS a system segment", cs.s, 0),
	SREG("CS with both L and D", cs.db, 1),
	SREG("SS.base above 4 GiB", ss.base, 1ULL << 32),
	SREG("SS a code segment", ss.type, 0xb),
	SREG("DS.base above 4 GiB", ds.base, 1ULL << 32),
	SREG("DS a system segment", ds.s, 0),
	SREG("DS execute-only", ds.type, 0x9),
	SREG("ES.base above 4 GiB", es.base, 1ULL << 32),
	SREG("FS.base not canonical", fs.base, NONCANONICAL),
	SREG("GS.base not canonical", gs.base, NONCANONICAL),
	SREG("TR unusable", tr.unusable, 1),
	SREG("TR not a busy TSS", tr.type, 0x9),
	SREG("TR a code segment", tr.s, 1),
	SREG("TR not present", tr.present, 0),
	SREG("TR.base not canonical", tr.base, NONCANONICAL),
	SREG("LDTR not an LDT", ldt.type, 0x3),
	SREG("LDTR.base not canonical", ldt.base, NONCANONICAL),
	SREG("GDTR.base not canonical", gdt.base, NONCANONICAL),
	SREG("IDTR.base not canonical", idt.base, NONCANONICAL),
};

/* Little-endian, so that the low bytes are the value whatever the width. */
static void break_it(void *state, const struct broken *b)
{
	memcpy((char *)state + b->offset, &b->value, b->size);
}

static bool entry_has_failed(struct vcpu *vcpu)
{
	return !vcpu_run(vcpu) &&
	       vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY;
}

TEST_F(bad, sregs_fail_entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken_sregs); i++) {
		struct kvm_sregs sregs = self->good_sregs;
		int ret;

		break_it(&sregs, &broken_sregs[i]);
		ret = sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs);
		EXPECT_TRUE(ret == -EINVAL ||
			    (!ret && entry_has_failed(self->vcpu))) {
			TH_LOG("%s: KVM_SET_SREGS gives %d, exit reason %u",
			       broken_sregs[i].name, ret,
			       self->vcpu->run->exit_reason);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
					   &self->good_sregs));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS,
					   &self->good_regs));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS,
					   &self->good_regs));
	}
}

#define REG(what, field, val)						\
	{ what, offsetof(struct kvm_regs, field),			\
	  sizeof(((struct kvm_regs *)0)->field), val }

static const struct broken broken_regs[] = {
	REG("RFLAGS bit 3", rflags, 1 << 3 | 2),
	REG("RFLAGS bit 15", rflags, 1 << 15 | 2),
	REG("RFLAGS bit 22", rflags, 1 << 22 | 2),
	REG("RFLAGS bit 63", rflags, 1ULL << 63 | 2),
	REG("RFLAGS.VM in long mode", rflags, 1 << 17 | 2),
};

/* KVM_SET_REGS has no errno for values: these are left to VM entry. */
TEST_F(bad, regs_fail_entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken_regs); i++) {
		struct kvm_regs regs = self->good_regs;
		int ret;

		break_it(&regs, &broken_regs[i]);
		ret = sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs);
		EXPECT_TRUE(ret == -EINVAL ||
			    (!ret && entry_has_failed(self->vcpu))) {
			TH_LOG("%s: KVM_SET_REGS gives %d, exit reason %u",
			       broken_regs[i].name, ret,
			       self->vcpu->run->exit_reason);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS,
					   &self->good_regs));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	}
}

TEST_F(bad, fail_entry_says_why)
{
	const struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs = self->good_regs;

	regs.rflags = 1 << 3 | 2;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EXIT(KVM_EXIT_FAIL_ENTRY, self->vcpu);
	/* "VM-entry failure due to invalid guest state": 33, and bit 31. */
	EXPECT_EQ(0x80000021, run->fail_entry.hardware_entry_failure_reason);
}

/*
 * Every combination of the bits that make the modes. Whether one is refused,
 * fails at entry or runs is not said here: it comes to one of these ends.
 */
TEST_F(bad, every_combination_of_mode_bits)
{
	static const uint64_t cr0_bits[] = { X86_CR0_PE, X86_CR0_PG, X86_CR0_CD, X86_CR0_NW };
	static const uint64_t cr4_bits[] = { X86_CR4_PAE, X86_CR4_PCIDE };
	static const uint64_t efer_bits[] = { EFER_LME, EFER_LMA };
	const struct itimerval guard = {
		.it_interval.tv_sec = 1, .it_value.tv_sec = 1,
	};
	unsigned int refused = 0, failed = 0, ran = 0;

	/* A guest that runs off into nowhere comes back by this. */
	catch_signal(SIGALRM);
	setitimer(ITIMER_REAL, &guard, NULL);

	for (unsigned int bits = 0; bits < 1 << 10; bits++) {
		struct kvm_sregs sregs = self->good_sregs;
		unsigned int b = bits;
		int ret;

		sregs.cr0 &= ~(X86_CR0_PE | X86_CR0_PG);
		for (int i = 0; i < 4; i++, b >>= 1)
			sregs.cr0 |= b & 1 ? cr0_bits[i] : 0;
		sregs.cr4 &= ~X86_CR4_PAE;
		for (int i = 0; i < 2; i++, b >>= 1)
			sregs.cr4 |= b & 1 ? cr4_bits[i] : 0;
		sregs.efer = 0;
		for (int i = 0; i < 2; i++, b >>= 1)
			sregs.efer |= b & 1 ? efer_bits[i] : 0;
		sregs.cs.l = b & 1;
		sregs.cs.db = b >> 1 & 1;

		ret = sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs);
		if (ret == -EINVAL) {
			refused++;
			continue;
		}
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS,
					   &self->good_regs));
		ret = vcpu_run(self->vcpu);
		ASSERT_TRUE(ret == 0 || ret == -EINVAL || ret == -EINTR) {
			TH_LOG("combination %#x: KVM_RUN gives %d", bits, ret);
		}
		switch (self->vcpu->run->exit_reason) {
		case KVM_EXIT_FAIL_ENTRY:
		case KVM_EXIT_INTERNAL_ERROR:
			failed++;
			break;
		case KVM_EXIT_HLT:
		case KVM_EXIT_SHUTDOWN:
		case KVM_EXIT_MMIO:
		case KVM_EXIT_INTR:
			ran++;
			break;
		default:
			EXPECT_TRUE(false) {
				TH_LOG("combination %#x: exit reason %u", bits,
				       self->vcpu->run->exit_reason);
			}
		}
	}
	TH_LOG("%u refused, %u failed at entry, %u ran", refused, failed, ran);
	EXPECT_LT(0, refused);
	EXPECT_LT(0, ran);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS,
				   &self->good_sregs));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS,
				   &self->good_regs));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
}

TEST_HARNESS_MAIN
