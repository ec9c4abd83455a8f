// SPDX-License-Identifier: GPL-2.0
/*
 * What MSRs hold on a fresh vCPU, what the host can store in them, and what
 * it cannot, through KVM_GET_MSRS and KVM_SET_MSRS.
 */
#include <cpuid.h>
#include <stdint.h>
#include <x86intrin.h>

#include "harness.h"
#include "test.h"

struct value {
	const char *name;
	uint32_t index;
	uint64_t value;
};

FIXTURE(values) {
	struct machine m;
};

FIXTURE_SETUP(values)
{
	ASSERT_MACHINE(&self->m, 2);
}

FIXTURE_TEARDOWN(values)
{
	machine_destroy(&self->m);
}

/* SDM volume 3, "IA-32 and Intel 64 Processor States Following ... Reset" */
static const struct value after_reset[] = {
	{ "IA32_APIC_BASE", MSR_IA32_APIC_BASE,
		0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP },
	{ "IA32_FEATURE_CONTROL", MSR_IA32_FEATURE_CONTROL, 0 },
	/* Not zero, or guests would think that no microcode was loaded. */
	{ "IA32_BIOS_SIGN_ID", MSR_IA32_BIOS_SIGN_ID, 0x100000000 },
	{ "IA32_SYSENTER_CS", MSR_IA32_SYSENTER_CS, 0 },
	{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, 0 },
	{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, 0 },
	{ "IA32_MCG_STATUS", MSR_IA32_MCG_STATUS, 0 },
	/* No BTS, no PEBS; the MONITOR bit follows CPUID, here there is none. */
	{ "IA32_MISC_ENABLE", MSR_IA32_MISC_ENABLE, 0x1800 },
	{ "IA32_PAT", MSR_IA32_PAT, PAT_RESET },
	{ "IA32_EFER", MSR_IA32_EFER, 0 },
	{ "IA32_STAR", MSR_IA32_STAR, 0 },
	{ "IA32_LSTAR", MSR_IA32_LSTAR, 0 },
	{ "IA32_CSTAR", MSR_IA32_CSTAR, 0 },
	{ "IA32_FMASK", MSR_IA32_FMASK, 0 },
	{ "IA32_FS_BASE", MSR_IA32_FS_BASE, 0 },
	{ "IA32_GS_BASE", MSR_IA32_GS_BASE, 0 },
	{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, 0 },
	{ "IA32_TSC_AUX", MSR_IA32_TSC_AUX, 0 },
};

TEST_F(values, after_reset)
{
	for (size_t i = 0; i < ARRAY_SIZE(after_reset); i++) {
		const struct value *v = &after_reset[i];
		uint64_t value = ~0ULL;

		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, v->index, &value)) {
			TH_LOG("%s cannot be read", v->name);
		}
		EXPECT_EQ(v->value, value) {
			TH_LOG("%s is %#lx, not %#lx", v->name, value,
			       v->value);
		}
	}
}

TEST_F(values, only_the_first_vcpu_is_the_bsp)
{
	struct vcpu second;
	uint64_t base;

	ASSERT_EQ(0, vcpu_create(&second, &self->m.vm, 1));
	EXPECT_EQ(0, vcpu_get_msr(&second, MSR_IA32_APIC_BASE, &base));
	EXPECT_EQ(0xfee00000 | APIC_BASE_ENABLE, base);
	vcpu_destroy(&second);
}

/* It starts at 0 with the VM's first vCPU and runs at the host's rate. */
TEST_F(values, tsc_starts_with_the_first_vcpu)
{
	uint64_t before = __rdtsc();
	uint64_t first, second;
	struct machine m;

	ASSERT_MACHINE(&m, 1);
	EXPECT_EQ(0, vcpu_get_msr(&m.vcpu, MSR_IA32_TSC, &first));
	EXPECT_EQ(0, vcpu_get_msr(&m.vcpu, MSR_IA32_TSC, &second));
	EXPECT_LT(first, second);
	EXPECT_LE(second, __rdtsc() - before);
	machine_destroy(&m);
}

/* To a guest there is one TSC: a vCPU that comes later joins those that run. */
TEST_F(values, tsc_of_a_second_vcpu_joins)
{
	uint64_t before, value, after;
	struct vcpu second;

	ASSERT_EQ(0, vcpu_create(&second, &self->m.vm, 1));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_TSC, &before));
	EXPECT_EQ(0, vcpu_get_msr(&second, MSR_IA32_TSC, &value));
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_TSC, &after));
	EXPECT_LT(before, value);
	EXPECT_LT(value, after);
	vcpu_destroy(&second);
}

TEST_F(values, tsc_goes_on_from_what_is_written)
{
	const uint64_t start = 1ULL << 50;
	uint64_t before, value;

	before = __rdtsc();
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_TSC, start));
	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_TSC, &value));
	EXPECT_LT(start, value);
	EXPECT_LE(value - start, __rdtsc() - before);
}

/* Values that differ from those after reset, at both ends of the range. */
static const struct value storable[] = {
	{ "IA32_SYSENTER_CS", MSR_IA32_SYSENTER_CS, 0x10 },
	{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, CANONICAL_LOW },
	{ "IA32_SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, CANONICAL_HIGH },
	{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, CANONICAL_LOW },
	{ "IA32_SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, CANONICAL_HIGH },
	{ "IA32_STAR", MSR_IA32_STAR, 0xfedcba9876543210 },
	{ "IA32_LSTAR", MSR_IA32_LSTAR, CANONICAL_LOW },
	{ "IA32_LSTAR", MSR_IA32_LSTAR, CANONICAL_HIGH },
	{ "IA32_CSTAR", MSR_IA32_CSTAR, CANONICAL_LOW },
	{ "IA32_CSTAR", MSR_IA32_CSTAR, CANONICAL_HIGH },
	{ "IA32_FMASK", MSR_IA32_FMASK, 0xffffffff },
	{ "IA32_FS_BASE", MSR_IA32_FS_BASE, CANONICAL_LOW },
	{ "IA32_FS_BASE", MSR_IA32_FS_BASE, CANONICAL_HIGH },
	{ "IA32_GS_BASE", MSR_IA32_GS_BASE, CANONICAL_LOW },
	{ "IA32_GS_BASE", MSR_IA32_GS_BASE, CANONICAL_HIGH },
	{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, CANONICAL_LOW },
	{ "IA32_KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, CANONICAL_HIGH },
	{ "IA32_TSC_AUX", MSR_IA32_TSC_AUX, 0xffffffff },
	{ "IA32_PAT", MSR_IA32_PAT, 0x0001040506070001 },
	{ "IA32_EFER", MSR_IA32_EFER, EFER_SCE | EFER_NXE },
	{ "IA32_EFER", MSR_IA32_EFER, EFER_SCE | EFER_LME | EFER_NXE },
	{ "IA32_MISC_ENABLE", MSR_IA32_MISC_ENABLE, 0x1801 },
	{ "IA32_APIC_BASE", MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP },
	{ "IA32_APIC_BASE", MSR_IA32_APIC_BASE,
		0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_BSP },
	{ "IA32_MCG_STATUS", MSR_IA32_MCG_STATUS, 0x5 },
	/* A guest finds these read-only or locked; the host sets them up. */
	{ "IA32_FEATURE_CONTROL", MSR_IA32_FEATURE_CONTROL, 1 },
	{ "IA32_FEATURE_CONTROL", MSR_IA32_FEATURE_CONTROL, 0 },
	{ "IA32_BIOS_SIGN_ID", MSR_IA32_BIOS_SIGN_ID, 0x2700000000 },
	{ "IA32_ARCH_CAPABILITIES", MSR_IA32_ARCH_CAPABILITIES, 0 },
	{ "MSR_PLATFORM_INFO", MSR_PLATFORM_INFO, 0 },
};

TEST_F(values, stored_values_read_back)
{
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));

	for (size_t i = 0; i < ARRAY_SIZE(storable); i++) {
		const struct value *v = &storable[i];
		uint64_t value = ~0ULL;

		EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, v->index, v->value)) {
			TH_LOG("%s refuses %#lx", v->name, v->value);
		}
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, v->index, &value));
		EXPECT_EQ(v->value, value) {
			TH_LOG("%s: wrote %#lx, reads %#lx", v->name, v->value,
			       value);
		}
	}
}

/* A stored value is still there when the others have been stored as well. */
TEST_F(values, every_msr_has_a_place_of_its_own)
{
	static const uint32_t indices[] = {
		MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, MSR_IA32_STAR,
		MSR_IA32_LSTAR, MSR_IA32_CSTAR, MSR_IA32_FMASK,
		MSR_IA32_FS_BASE, MSR_IA32_GS_BASE, MSR_IA32_KERNEL_GS_BASE,
		MSR_IA32_TSC_AUX, MSR_IA32_SYSENTER_CS,
	};

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, indices[i],
					  0x1000 + i));

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		uint64_t value;

		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, indices[i], &value));
		EXPECT_EQ(0x1000 + i, value) {
			TH_LOG("MSR %#x", indices[i]);
		}
	}
}

static const struct value refused[] = {
	{ "IA32_LSTAR, not canonical", MSR_IA32_LSTAR, NONCANONICAL },
	{ "IA32_LSTAR, not canonical", MSR_IA32_LSTAR, 1ULL << 63 },
	{ "IA32_CSTAR, not canonical", MSR_IA32_CSTAR, NONCANONICAL },
	{ "IA32_FS_BASE, not canonical", MSR_IA32_FS_BASE, NONCANONICAL },
	{ "IA32_GS_BASE, not canonical", MSR_IA32_GS_BASE, NONCANONICAL },
	{ "IA32_KERNEL_GS_BASE, not canonical", MSR_IA32_KERNEL_GS_BASE,
		NONCANONICAL },
	{ "IA32_PAT, type 2", MSR_IA32_PAT, 0x0007040600070402 },
	{ "IA32_PAT, type 3", MSR_IA32_PAT, 0x0307040600070406 },
	{ "IA32_PAT, type 8", MSR_IA32_PAT, 0x0007040600080406 },
	{ "IA32_PAT, type 0x86", MSR_IA32_PAT, 0x0007048600070406 },
	{ "IA32_EFER, bit 1", MSR_IA32_EFER, 1ULL << 1 },
	{ "IA32_EFER, bit 9", MSR_IA32_EFER, 1ULL << 9 },
	{ "IA32_EFER, bit 12 (AMD's SVME)", MSR_IA32_EFER, 1ULL << 12 },
	{ "IA32_EFER, bit 63", MSR_IA32_EFER, 1ULL << 63 },
	{ "IA32_TSC_AUX, bit 32", MSR_IA32_TSC_AUX, 1ULL << 32 },
	{ "IA32_APIC_BASE, bit 0", MSR_IA32_APIC_BASE,
		0xfee00000 | APIC_BASE_ENABLE | 1 },
	{ "IA32_APIC_BASE, beyond the physical addresses", MSR_IA32_APIC_BASE,
		1ULL << 60 | APIC_BASE_ENABLE },
	{ "IA32_APIC_BASE, x2APIC without the APIC", MSR_IA32_APIC_BASE,
		0xfee00000 | 1 << 10 },
	{ "IA32_FEATURE_CONTROL, bit 4", MSR_IA32_FEATURE_CONTROL, 1 << 4 },
};

TEST_F(values, refused_values_change_nothing)
{
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct value *v = &refused[i];
		uint64_t before, after = ~0ULL;

		ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, v->index, &before));
		EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu, v->index,
					       v->value)) {
			TH_LOG("%s: %#lx is taken", v->name, v->value);
		}
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, v->index, &after));
		EXPECT_EQ(before, after) {
			TH_LOG("%s: was %#lx, is %#lx", v->name, before, after);
		}
	}
}

/*
 * CPUID says that this CPU's addresses have 57 bits. A hypervisor below, if there is one, may
 * not take them all the same: then the device shall not, either.
 */
static bool takes_57_bits(struct vcpu *vcpu)
{
	unsigned int eax, ebx, ecx = 0, edx;

	__get_cpuid(1, &eax, &ebx, &ecx, &edx);
	return !(ecx & 1u << 31) || !vcpu_set_msr(vcpu, MSR_IA32_LSTAR, 1ull << 50);
}

/*
 * SDM vol. 1, "Canonical Addressing": for these MSRs it is the CPU that decides how many bits an
 * address has, and not the guest's CR4.LA57.
 */
TEST_F(values, addresses_are_as_wide_as_the_cpu_has_them)
{
	static const uint32_t indices[] = {
		MSR_IA32_LSTAR, MSR_IA32_CSTAR, MSR_IA32_FS_BASE, MSR_IA32_GS_BASE,
		MSR_IA32_KERNEL_GS_BASE, MSR_IA32_SYSENTER_EIP,
	};
	unsigned int eax, ebx, ecx = 0, edx;
	uint64_t half;

	__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	if (testing_kvm() && ecx & 1 << 16)
		SKIP(return, "KVM asks CR4.LA57, before 6.13");
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	half = 1ull << (ecx & 1 << 16 && takes_57_bits(&self->m.vcpu) ? 56 : 47);
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		struct vm_op ops[] = {
			vm_op_wrmsr(indices[i], half - 1), vm_op_wrmsr(indices[i], -half),
			vm_op_wrmsr(indices[i], half), vm_op_wrmsr(indices[i], -half - 1),
		};

		ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		EXPECT_EQ(VM_OP_DONE, ops[1].vector);
		if (indices[i] != MSR_IA32_SYSENTER_EIP || !testing_kvm()) {
			EXPECT_EQ(VECTOR_GP, ops[2].vector) {
				TH_LOG("MSR %#x", indices[i]);
			}
			EXPECT_EQ(VECTOR_GP, ops[3].vector);
		}
	}
}

/*
 * SDM vol. 4, IA32_TSX_CTRL: "if IA32_ARCH_CAPABILITIES[7] = 1". What CPUID says of RTM does not
 * matter.
 */
TEST_F(values, tsx_ctrl_is_where_arch_capabilities_says_so)
{
	struct vm_op ops[] = { vm_op_rdmsr(MSR_IA32_TSX_CTRL), vm_op_wrmsr(MSR_IA32_TSX_CTRL, 1) };
	uint64_t unused;

	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	if (vcpu_get_msr(&self->m.vcpu, MSR_IA32_TSX_CTRL, &unused))
		SKIP(return, "the CPU has no IA32_TSX_CTRL");
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_ARCH_CAPABILITIES, 0));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VECTOR_GP, ops[0].vector);
	EXPECT_EQ(VECTOR_GP, ops[1].vector);
	machine_destroy(&self->m);

	/* It cannot change once the vCPU has run. */
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	ASSERT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_ARCH_CAPABILITIES, 1 << 7));
	ASSERT_OPS(&self->m.vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(VM_OP_DONE, ops[0].vector);
	EXPECT_EQ(VM_OP_DONE, ops[1].vector);
}

/* A value that is not canonical would fail the next VM entry. */
TEST_F(values, sysenter_addresses_stay_canonical)
{
	static const uint32_t indices[] = {
		MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	};

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		uint64_t value;
		int ret;

		ret = vcpu_set_msr(&self->m.vcpu, indices[i], NONCANONICAL);
		/* KVM takes it and extends the sign, as its AMD half has to. */
		EXPECT_EQ(testing_kvm() ? 0 : -EPERM, ret);
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, indices[i], &value));
		EXPECT_NE(NONCANONICAL, value);
	}
}

/*
 * SDM volume 3, "Machine-Check Global Control MSRs": IA32_MCG_CTL exists if
 * MCG_CAP says so (bit 8), and then is all zeroes or all ones.
 */
TEST_F(values, mcg_ctl_follows_mcg_cap)
{
	uint64_t cap, ctl;
	bool there;

	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CAP, &cap));
	there = cap & 1 << 8;
	EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, &ctl));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, 0)) {
		TH_LOG("0 in a listed MSR is always taken");
	}
	EXPECT_EQ(there ? 0 : -EPERM,
		  vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, ~0ULL));
	EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, 1));
	EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CAP,
				       cap ^ 1)) {
		TH_LOG("IA32_MCG_CAP is not KVM_SET_MSRS' to change");
	}
}

/* KVM_X86_SETUP_MCE: 1 to 32 banks, and what KVM_X86_GET_MCE_CAP_SUPPORTED offers. */
TEST_F(values, machine_check_banks)
{
	static const uint64_t bad[] = { 0, 1 << 8, 33, 255, 1ULL << 63 | 10, 1 << 9 | 10 };
	static const unsigned int counts[] = { 32, 1, 10 };
	uint64_t cap, now, value, mcg_ctl_p = 1 << 8;

	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CAP, &cap));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t arg = bad[i];

		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->m.vcpu.fd, KVM_X86_SETUP_MCE, &arg)) {
			TH_LOG("MCG_CAP %#lx", bad[i]);
		}
		ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CAP, &now));
		EXPECT_EQ(cap, now);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint32_t last = 0x400 + 4 * (counts[i] - 1);

		cap = mcg_ctl_p | counts[i];
		ASSERT_EQ(0, sys_ioctl_ptr(self->m.vcpu.fd, KVM_X86_SETUP_MCE, &cap));
		ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CAP, &now));
		EXPECT_EQ(cap, now);
		/* IA32_MCi_CTL, all on, to IA32_MCi_MISC. */
		ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, last, &value));
		EXPECT_EQ(~0ULL, value);
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, last + 3, &value));
		/* Behind bank 31 begin the VMX MSRs. */
		if (counts[i] < 32)
			EXPECT_EQ(-EPERM, vcpu_get_msr(&self->m.vcpu, last + 4, &value));
		/* Bit 8 has been set: the MSR is there. */
		EXPECT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, &value));
		EXPECT_EQ(~0ULL, value);
		EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, 0));
		EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, ~0ULL));
		EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu, MSR_IA32_MCG_CTL, 1));
	}
}

/* EFER.LMA is the CPU's: it says that long mode is on, and does not turn it on. */
TEST_F(values, efer_lma_is_not_written)
{
	uint64_t efer;

	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	vcpu_set_msr(&self->m.vcpu, MSR_IA32_EFER, EFER_LME | EFER_LMA);
	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_EFER, &efer));
	EXPECT_EQ(0, efer & EFER_LMA);
}

/* The guest has seen them; another value now would make them a lie. */
TEST_F(values, feature_msrs_are_fixed_once_run)
{
	struct vm_op op = vm_op_rdmsr(MSR_IA32_EFER);
	uint64_t caps;

	if (testing_kvm())
		SKIP(return, "KVM lets feature MSRs change before Linux 6.3");

	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	ASSERT_EQ(0, vcpu_get_msr(&self->m.vcpu, MSR_IA32_ARCH_CAPABILITIES,
				  &caps));
	ASSERT_EQ(0, vm_run_ops(&self->m.vcpu, &op, 1));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_ARCH_CAPABILITIES,
				  caps)) {
		TH_LOG("the value that it has is taken");
	}
	EXPECT_EQ(-EPERM, vcpu_set_msr(&self->m.vcpu,
				       MSR_IA32_ARCH_CAPABILITIES, caps ^ 1));
	EXPECT_EQ(0, vcpu_set_msr(&self->m.vcpu, MSR_IA32_STAR, 1)) {
		TH_LOG("an ordinary MSR can still be written");
	}
}

TEST_HARNESS_MAIN
