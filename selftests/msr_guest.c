// SPDX-License-Identifier: GPL-2.0
/*
 * RDMSR and WRMSR in a guest in long mode: what they return, what they store,
 * and when they fault.
 */
#include "harness.h"
#include "test.h"

struct value {
	const char *name;
	uint32_t index;
	uint64_t value;
};

FIXTURE(guest) {
	struct machine m;
};

FIXTURE_SETUP(guest)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
}

FIXTURE_TEARDOWN(guest)
{
	machine_destroy(&self->m);
}

/*
 * Both ways, between the host's ioctls and the guest's instructions. Bits 31
 * and 63 are set where they may be: a sign must not be extended anywhere.
 */
static const struct value both_ways[] = {
	{ "IA32_SYSENTER_CS", MSR_IA32_SYSENTER_CS, 0x1018 },
	{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, 0xffff8123fedcba98 },
	{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, 0xffff8345fedcba98 },
	{ "IA32_STAR", MSR_IA32_STAR, 0xfedcba9887654321 },
	{ "IA32_LSTAR", MSR_IA32_LSTAR, 0xffff8567fedcba98 },
	{ "IA32_CSTAR", MSR_IA32_CSTAR, 0xffff8789fedcba98 },
	{ "IA32_FMASK", MSR_IA32_FMASK, 0x87654321 },
	{ "IA32_FS_BASE", MSR_IA32_FS_BASE, 0xffff8abcfedcba98 },
	{ "IA32_GS_BASE", MSR_IA32_GS_BASE, 0xffff8defaedcba98 },
	{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, 0xffff9123aedcba98 },
	{ "IA32_TSC_AUX", MSR_IA32_TSC_AUX, 0x87654321 },
	{ "IA32_PAT", MSR_IA32_PAT, 0x0605040100070106 },
	{ "IA32_MISC_ENABLE", MSR_IA32_MISC_ENABLE, 0x1801 },
	{ "IA32_MCG_STATUS", MSR_IA32_MCG_STATUS, 0x5 },
	{ "IA32_APIC_BASE", MSR_IA32_APIC_BASE,
		0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP },
};

/* RDMSR zeroes RAX and RDX above bit 31; vm_op_rdmsr() sets all of them. */
TEST_F(guest, reads_what_the_host_wrote)
{
	struct vm_op ops[ARRAY_SIZE(both_ways)];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, both_ways[i].index,
					  both_ways[i].value));
		ops[i] = vm_op_rdmsr(both_ways[i].index);
	}
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VM_OP_DONE, ops[i].vector) {
			TH_LOG("%s: exception %u", both_ways[i].name,
			       ops[i].vector);
		}
		EXPECT_EQ((uint32_t)both_ways[i].value, ops[i].rax) {
			TH_LOG("%s: RAX %#lx", both_ways[i].name, ops[i].rax);
		}
		EXPECT_EQ(both_ways[i].value >> 32, ops[i].rdx) {
			TH_LOG("%s: RDX %#lx", both_ways[i].name, ops[i].rdx);
		}
		EXPECT_EQ(ops[i].len, ops[i].rip);
	}
}

/* WRMSR ignores RAX, RCX and RDX above bit 31; vm_op_wrmsr() sets them. */
TEST_F(guest, writes_what_the_host_reads)
{
	struct vm_op ops[ARRAY_SIZE(both_ways)];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = vm_op_wrmsr(both_ways[i].index, both_ways[i].value);
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		uint64_t value;

		EXPECT_EQ(VM_OP_DONE, ops[i].vector) {
			TH_LOG("%s: exception %u", both_ways[i].name,
			       ops[i].vector);
		}
		EXPECT_EQ(ops[i].len, ops[i].rip);
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, both_ways[i].index,
					  &value));
		EXPECT_EQ(both_ways[i].value, value) {
			TH_LOG("%s: guest wrote %#lx, host reads %#lx",
			       both_ways[i].name, both_ways[i].value, value);
		}
	}
}

static const uint32_t unreadable[] = {
	MSR_UNKNOWN_LOW, 0x2000, MSR_UNKNOWN, 0xbfffffff, MSR_UNKNOWN_HIGH,
	0xc0002000, 0xffffffff,
};

/* All of SDM volume 2's conditions for RDMSR end in #GP(0). */
TEST_F(guest, bad_read_is_gp)
{
	struct vm_op ops[ARRAY_SIZE(unreadable)];
	const struct vm_op before = vm_op_rdmsr(0);

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = vm_op_rdmsr(unreadable[i]);
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_GP, ops[i].vector) {
			TH_LOG("MSR %#x", unreadable[i]);
		}
		EXPECT_EQ(0, ops[i].error_code);
		EXPECT_EQ(0, ops[i].rip) {
			TH_LOG("MSR %#x: RIP has moved by %d",
			       unreadable[i], ops[i].rip);
		}
		EXPECT_TRUE(ops[i].rax == before.rax &&
			    ops[i].rdx == before.rdx) {
			TH_LOG("MSR %#x: RAX or RDX has changed",
			       unreadable[i]);
		}
	}
}

static const struct value unwritable[] = {
	{ "unknown", MSR_UNKNOWN_LOW, 0 },
	{ "unknown", 0x2000, 0 },
	{ "unknown", MSR_UNKNOWN, 0 },
	{ "unknown", MSR_UNKNOWN_HIGH, 0 },
	{ "unknown", 0xc0002000, 0 },
	{ "unknown", 0xffffffff, 0 },
	{ "IA32_LSTAR, not canonical", MSR_IA32_LSTAR, NONCANONICAL },
	{ "IA32_LSTAR, not canonical", MSR_IA32_LSTAR,
		~NONCANONICAL },
	{ "IA32_CSTAR, not canonical", MSR_IA32_CSTAR, NONCANONICAL },
	{ "IA32_FS_BASE, not canonical", MSR_IA32_FS_BASE, NONCANONICAL },
	{ "IA32_GS_BASE, not canonical", MSR_IA32_GS_BASE, NONCANONICAL },
	{ "IA32_KERNEL_GS_BASE, not canonical", MSR_IA32_KERNEL_GS_BASE,
		NONCANONICAL },
	{ "IA32_PAT, type 2", MSR_IA32_PAT, 0x0007040600070402 },
	{ "IA32_PAT, type 8", MSR_IA32_PAT, 0x0807040600070406 },
	{ "IA32_EFER, bit 1", MSR_IA32_EFER, EFER_LME | 1 << 1 },
	{ "IA32_EFER, bit 63", MSR_IA32_EFER, EFER_LME | 1ULL << 63 },
	{ "IA32_EFER, LME off while paging", MSR_IA32_EFER, 0 },
	{ "IA32_TSC_AUX, bit 32", MSR_IA32_TSC_AUX, 1ULL << 32 },
	{ "IA32_APIC_BASE, bit 0", MSR_IA32_APIC_BASE,
		0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP | 1 },
	{ "IA32_FEATURE_CONTROL, bit 4", MSR_IA32_FEATURE_CONTROL, 1 << 4 },
	{ "IA32_MISC_ENABLE, BTS and PEBS unavailable (11, 12) are read-only",
		MSR_IA32_MISC_ENABLE, 0 },
	{ "IA32_MCG_CAP is read-only", MSR_IA32_MCG_CAP, 0 },
	{ "IA32_MCG_CTL, neither 0 nor all ones", MSR_IA32_MCG_CTL, 1 },
	{ "IA32_ARCH_CAPABILITIES is read-only", MSR_IA32_ARCH_CAPABILITIES,
		0 },
	{ "MSR_PLATFORM_INFO is the VMM's", MSR_PLATFORM_INFO, 0 },
};

TEST_F(guest, bad_write_is_gp_and_changes_nothing)
{
	struct vm_op ops[ARRAY_SIZE(unwritable)];
	uint64_t before[ARRAY_SIZE(unwritable)] = { 0 };

	/* Into long mode, so that EFER has its LME. */
	ops[0] = vm_op_cpuid(0, 0);
	ASSERT_OPS(&self->m.vcpu, ops, 1);

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		vcpu_get_msr(&self->m.vcpu, unwritable[i].index, &before[i]);
		ops[i] = vm_op_wrmsr(unwritable[i].index, unwritable[i].value);
	}
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		uint64_t after = 0;

		EXPECT_EQ(VECTOR_GP, ops[i].vector) {
			TH_LOG("%s (MSR %#x): %#lx is taken",
			       unwritable[i].name, unwritable[i].index,
			       unwritable[i].value);
		}
		EXPECT_EQ(0, ops[i].error_code);
		EXPECT_EQ(0, ops[i].rip);
		vcpu_get_msr(&self->m.vcpu, unwritable[i].index, &after);
		EXPECT_EQ(before[i], after) {
			TH_LOG("%s (MSR %#x) has changed", unwritable[i].name,
			       unwritable[i].index);
		}
	}
}

/* SDM volume 2, WRMSR: an address that is not canonical is #GP(0) here too. */
TEST_F(guest, sysenter_addresses_have_to_be_canonical)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_SYSENTER_ESP, NONCANONICAL),
		vm_op_wrmsr(MSR_IA32_SYSENTER_EIP, NONCANONICAL),
	};

	if (testing_kvm())
		SKIP(return, "KVM extends the sign instead, as AMD needs it");
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VECTOR_GP, ops[0].vector);
	EXPECT_EQ(VECTOR_GP, ops[1].vector);
}

/*
 * Guests write 0 to IA32_BIOS_SIGN_ID before they ask for the microcode's
 * revision; the revision is not changed by that.
 */
TEST_F(guest, write_of_bios_sign_id_is_dropped)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_BIOS_SIGN_ID, 0),
		vm_op_cpuid(1, 0),
		vm_op_rdmsr(MSR_IA32_BIOS_SIGN_ID),
	};

	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_BIOS_SIGN_ID,
				  0x2100000000));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	EXPECT_EQ(VM_OP_DONE, ops[2].vector);
	EXPECT_EQ(0x2100000000, vm_op_value(&ops[2]));
}

/* SDM volume 3, "IA32_FEATURE_CONTROL": once locked, a write is #GP. */
TEST_F(guest, feature_control_locks)
{
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, 1),
		vm_op_rdmsr(MSR_IA32_FEATURE_CONTROL),
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, 0),
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, 1),
	};

	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	EXPECT_EQ(1, vm_op_value(&ops[1]));
	EXPECT_EQ(VECTOR_GP, ops[2].vector);
	EXPECT_EQ(VECTOR_GP, ops[3].vector);
}

/*
 * SDM volume 3, "Intel SGX Launch Control Configuration": once IA32_FEATURE_CONTROL is locked the
 * key's digest is, too, unless bit 17 leaves it open.
 */
TEST_F(guest, feature_control_locks_the_sgx_digest)
{
	struct kvm_cpuid2 *cpuid;

	ASSERT_EQ(0, vm_supported_cpuid(self->m.dev, &cpuid));
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 7 && !cpuid->entries[i].index) {
			cpuid->entries[i].ebx |= 1u << 2;
			cpuid->entries[i].ecx |= 1u << 30;
		}
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_SET_CPUID2, cpuid));
	free(cpuid);
	for (uint64_t open = 0; open < 2; open++) {
		struct vm_op ops[] = {
			vm_op_wrmsr(0x8c, 0x1234),
			vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, open << 17 | 1),
			vm_op_wrmsr(0x8c, 0x5678),
			vm_op_rdmsr(0x8c),
		};

		ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_FEATURE_CONTROL, 0));
		ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		EXPECT_EQ(VM_OP_DONE, ops[1].vector);
		EXPECT_EQ(open ? VM_OP_DONE : VECTOR_GP, ops[2].vector);
		EXPECT_EQ(open ? 0x5678 : 0x1234, vm_op_value(&ops[3]));
	}
	/* The client has the last word. */
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_FEATURE_CONTROL, 1));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, 0x8c, 0x9abc));
}

/* LMA is read-only: WRMSR neither sets nor clears it, and does not fault. */
TEST_F(guest, efer)
{
	const uint64_t long_mode = EFER_LME | EFER_LMA;
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_EFER),
		vm_op_wrmsr(MSR_IA32_EFER, EFER_LME | EFER_SCE | EFER_NXE),
		vm_op_rdmsr(MSR_IA32_EFER),
		vm_op_wrmsr(MSR_IA32_EFER, long_mode),
		vm_op_rdmsr(MSR_IA32_EFER),
	};

	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(long_mode, vm_op_value(&ops[0]));
	EXPECT_EQ(VM_OP_DONE, ops[1].vector);
	EXPECT_EQ(long_mode | EFER_SCE | EFER_NXE, vm_op_value(&ops[2]));
	EXPECT_EQ(VM_OP_DONE, ops[3].vector);
	EXPECT_EQ(long_mode, vm_op_value(&ops[4]));
}

/* IA32_MCG_CTL is there for a guest if MCG_CAP says so (bit 8). */
TEST_F(guest, mcg_ctl_follows_mcg_cap)
{
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_MCG_CAP),
		vm_op_rdmsr(MSR_IA32_MCG_CTL),
		vm_op_wrmsr(MSR_IA32_MCG_CTL, 0),
	};
	uint32_t expected;

	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	ASSERT_EQ(VM_OP_DONE, ops[0].vector);
	expected = vm_op_value(&ops[0]) & 1 << 8 ? VM_OP_DONE : VECTOR_GP;
	EXPECT_EQ(expected, ops[1].vector);
	EXPECT_EQ(expected, ops[2].vector);
}

/* KVM_CAP_MSR_PLATFORM_INFO: whether a guest may read it is the client's to say. */
TEST_F(guest, platform_info_may_be_hidden)
{
	static const bool shown[] = { true, false, true };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MSR_PLATFORM_INFO };
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		struct vm_op op = vm_op_rdmsr(MSR_PLATFORM_INFO);

		cap.args[0] = shown[i];
		ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_ENABLE_CAP, &cap));
		ASSERT_OPS(&self->m.vcpu, &op, 1);
		EXPECT_EQ(shown[i] ? VM_OP_DONE : VECTOR_GP, op.vector);
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_PLATFORM_INFO, &value));
	}
}

/* SDM volume 2: "#GP(0) If the current privilege level is not 0." */
TEST_F(guest, ring_3_is_gp)
{
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_PAT),
		vm_op_wrmsr(MSR_IA32_PAT, 0),
	};
	uint64_t pat;

	ops[0].user = 1;
	ops[1].user = 1;
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_GP, ops[i].vector);
		EXPECT_EQ(0, ops[i].error_code);
		EXPECT_EQ(0, ops[i].rip);
	}
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_PAT, &pat));
	EXPECT_EQ(PAT_RESET, pat);
}

/* Without the feature in its CPUID, a guest has no such MSR or bit. */
FIXTURE(gated) {
	struct machine m;
};

FIXTURE_VARIANT(gated) {
	uint32_t leaf;
	uint32_t edx;
	uint32_t index;
	uint64_t value;
	bool writable;
};

FIXTURE_VARIANT_ADD(gated, tsc_aux) {
	.leaf = 0x80000001, .edx = 1U << 27,	/* RDTSCP */
	.index = MSR_IA32_TSC_AUX, .value = 1, .writable = true,
};

FIXTURE_VARIANT_ADD(gated, arch_capabilities) {
	.leaf = 7, .edx = 1U << 29,
	.index = MSR_IA32_ARCH_CAPABILITIES,
};

FIXTURE_VARIANT_ADD(gated, efer_nxe) {
	.leaf = 0x80000001, .edx = 1U << 20,	/* execute-disable */
	.index = MSR_IA32_EFER, .value = EFER_LME | EFER_NXE, .writable = true,
};

FIXTURE_SETUP(gated)
{
	ASSERT_MACHINE(&self->m, 2);
}

FIXTURE_TEARDOWN(gated)
{
	machine_destroy(&self->m);
}

static int set_cpuid(struct vcpu *vcpu, uint32_t leaf, uint32_t edx, bool on)
{
	struct kvm_cpuid2 *cpuid;
	int ret;

	ret = vm_supported_cpuid(vcpu->vm->dev, &cpuid);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		/* RDPID (CPUID.7:ECX.22) gives IA32_TSC_AUX as well. */
		if (e->function == 7 && e->index == 0)
			e->ecx &= ~(1U << 22);
		if (e->function == leaf && e->index == 0)
			e->edx = on ? e->edx | edx : e->edx & ~edx;
	}
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

TEST_F(gated, with_the_feature)
{
	struct vm_op op = variant->writable ?
		vm_op_wrmsr(variant->index, variant->value) :
		vm_op_rdmsr(variant->index);

	ASSERT_EQ(0, set_cpuid(&self->m.vcpu, variant->leaf, variant->edx,
			       true));
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
}

TEST_F(gated, without_the_feature)
{
	struct vm_op op = variant->writable ?
		vm_op_wrmsr(variant->index, variant->value) :
		vm_op_rdmsr(variant->index);
	uint64_t value;

	ASSERT_EQ(0, set_cpuid(&self->m.vcpu, variant->leaf, variant->edx,
			       false));
	ASSERT_OPS(&self->m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_GP, op.vector);
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, variant->index, &value)) {
		TH_LOG("the host reads what the guest does not have");
	}
}

TEST_HARNESS_MAIN
