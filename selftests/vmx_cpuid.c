// SPDX-License-Identifier: GPL-2.0
/*
 * VMX in a guest's CPUID. The client may set the bit; minihv offers it only with
 * vmx_cpuid=1. The guest gets the capability MSRs, IA32_FEATURE_CONTROL and
 * CR4.VMXE; it does not get VMX: the instructions are #UD.
 *
 * SDM vol. 3, chapter "Introduction to Virtual Machine Extensions".
 */
#include <asm/processor-flags.h>
#include <stdio.h>

#include "harness.h"
#include "test.h"

#define CPUID_1_ECX_VMX	(1u << 5)

#define FEATURE_CONTROL_LOCK	(1ull << 0)
#define FEATURE_CONTROL_VMX	(3ull << 1)	/* inside SMX operation, and outside */

#define MSR_VMX_PROCBASED_CTLS2	0x48b

static const uint8_t mov_from_cr4[] = { 0x0f, 0x20, 0xe0 };
static const uint8_t mov_to_cr4[] = { 0x0f, 0x22, 0xe0 };

FIXTURE(vmx_cpuid) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_VARIANT(vmx_cpuid) {
	bool vmx;
};

FIXTURE_VARIANT_ADD(vmx_cpuid, with) { .vmx = true };
FIXTURE_VARIANT_ADD(vmx_cpuid, without) { .vmx = false };

static struct kvm_cpuid_entry2 *leaf_1(struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			return &cpuid->entries[i];
	return NULL;
}

/* What the device offers, with VMX or without. */
static int set_cpuid(struct vcpu *vcpu, bool vmx)
{
	struct kvm_cpuid_entry2 *entry;
	struct kvm_cpuid2 *cpuid;
	int ret = vm_supported_cpuid(vcpu->vm->dev, &cpuid);

	if (ret)
		return ret;
	entry = leaf_1(cpuid);
	entry->ecx = vmx ? entry->ecx | CPUID_1_ECX_VMX : entry->ecx & ~CPUID_1_ECX_VMX;
	ret = sys_ioctl_ptr(vcpu->fd, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

/* Is it in KVM_GET_SUPPORTED_CPUID? */
static bool offered(int dev)
{
	struct kvm_cpuid2 *cpuid;
	bool vmx;

	if (vm_supported_cpuid(dev, &cpuid))
		return false;
	vmx = leaf_1(cpuid)->ecx & CPUID_1_ECX_VMX;
	free(cpuid);
	return vmx;
}

FIXTURE_SETUP(vmx_cpuid)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, set_cpuid(self->vcpu, variant->vmx));
}

FIXTURE_TEARDOWN(vmx_cpuid)
{
	machine_destroy(&self->m);
}

static struct vm_op write_cr4(uint64_t cr4)
{
	struct vm_op op = vm_op_insn(mov_to_cr4, sizeof(mov_to_cr4));

	op.rax = cr4;
	return op;
}

TEST(offered_as_the_parameter_says)
{
	FILE *f = fopen("/sys/module/minihv/parameters/vmx_cpuid", "r");
	int dev = vm_open_device(test_device());

	ASSERT_LE(0, dev);
	if (testing_kvm()) {
		EXPECT_TRUE(offered(dev));
	} else {
		ASSERT_NE(NULL, f);
		EXPECT_EQ(fgetc(f) == 'Y', offered(dev));
		fclose(f);
	}
	close(dev);
}

/* The guest reads what its client reads, and cannot write. */
TEST_F(vmx_cpuid, capabilities)
{
	for (uint32_t index = MSR_IA32_VMX_BASIC; index <= MSR_IA32_VMX_VMFUNC; index++) {
		struct vm_op ops[] = { vm_op_rdmsr(index), vm_op_wrmsr(index, 0) };
		uint64_t value;

		ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_EQ(VECTOR_GP, ops[1].vector);
		if (!variant->vmx) {
			EXPECT_EQ(VECTOR_GP, ops[0].vector);
			continue;
		}
		ASSERT_EQ(0, vcpu_get_msr(self->vcpu, index, &value));
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		EXPECT_EQ(value, vm_op_value(&ops[0])) {
			TH_LOG("MSR 0x%x", index);
		}
	}
}

/* A control that the client takes away is gone for the guest; none can be added. */
TEST_F(vmx_cpuid, cut_down)
{
	struct vm_op op = vm_op_rdmsr(MSR_VMX_PROCBASED_CTLS2);
	uint64_t value, less;

	if (!variant->vmx) {
		/* KVM has them only for who has VMX; minihv's client can always read them. */
		EXPECT_EQ(testing_kvm() ? -EPERM : 0,
			  vcpu_get_msr(self->vcpu, MSR_VMX_PROCBASED_CTLS2, &value));
		return;
	}
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_VMX_PROCBASED_CTLS2, &value));
	ASSERT_NE(0, value >> 32);
	/* The lowest of those that may be 1 and need not be. */
	less = value >> 32 & ~(value & 0xffffffff);
	less = value & ~((less & -less) << 32);
	ASSERT_NE(value, less);
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_VMX_PROCBASED_CTLS2, less));
	EXPECT_EQ(-EPERM, vcpu_set_msr(self->vcpu, MSR_VMX_PROCBASED_CTLS2, ~0ull << 32));
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	EXPECT_EQ(less, vm_op_value(&op));
}

#define MSR_VMX_PROCBASED_CTLS		0x482
#define MSR_VMX_CR4_FIXED1		0x489
#define MSR_VMX_TRUE_PROCBASED_CTLS	0x48e

#define CPU_BASED_TPR_SHADOW		(1ull << 21)
/* SDM vol. 3, appendix "VMX Capability Reporting Facility": bits 1, 4 to 6, 8, 13 to 16, and 26. */
#define CPU_BASED_ALWAYS_ON		0x0401e172ull

/*
 * SDM vol. 3, "Primary Processor-Based VM-Execution Controls": of both registers the bits that
 * may be 1 are the same. A bit of CR4_FIXED1 is one that CR4 can have.
 */
TEST_F(vmx_cpuid, derived)
{
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_VMX_PROCBASED_CTLS), vm_op_rdmsr(MSR_VMX_TRUE_PROCBASED_CTLS),
		vm_op_rdmsr(MSR_VMX_CR4_FIXED1), vm_op_cpuid(7, 0),
	};
	uint64_t value;

	if (!variant->vmx) {
		ASSERT_OPS(self->vcpu, ops, 3);
		for (int i = 0; i < 3; i++)
			EXPECT_EQ(VECTOR_GP, ops[i].vector);
		return;
	}
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_VMX_TRUE_PROCBASED_CTLS, &value));
	ASSERT_NE(0, value >> 32 & CPU_BASED_TPR_SHADOW);
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_VMX_TRUE_PROCBASED_CTLS,
				  value & ~(CPU_BASED_TPR_SHADOW << 32)));
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	value = vm_op_value(&ops[0]);
	EXPECT_EQ(0, value >> 32 & CPU_BASED_TPR_SHADOW);
	EXPECT_EQ(vm_op_value(&ops[1]) >> 32, value >> 32);
	EXPECT_EQ(CPU_BASED_ALWAYS_ON, value & CPU_BASED_ALWAYS_ON);
	value = vm_op_value(&ops[2]);
	EXPECT_EQ(!!(ops[3].rbx & 1 << 7), !!(value & X86_CR4_SMEP));
	EXPECT_EQ(!!(ops[3].rbx & 1 << 20), !!(value & X86_CR4_SMAP));
	EXPECT_NE(0, value & X86_CR4_VMXE);
	EXPECT_EQ(0, value & X86_CR4_LA57);
}

/* Enabled and locked by the guest's firmware; unlocked by nobody but the client. */
TEST_F(vmx_cpuid, feature_control)
{
	const uint64_t on = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;
	struct vm_op ops[] = {
		vm_op_rdmsr(MSR_IA32_FEATURE_CONTROL),
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, on),
		vm_op_rdmsr(MSR_IA32_FEATURE_CONTROL),
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, 0),
		vm_op_rdmsr(MSR_IA32_FEATURE_CONTROL),
	};

	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_EQ(0, vm_op_value(&ops[0]));
	if (!variant->vmx) {
		EXPECT_EQ(VECTOR_GP, ops[1].vector);
		return;
	}
	EXPECT_EQ(VM_OP_DONE, ops[1].vector);
	EXPECT_EQ(on, vm_op_value(&ops[2]));
	EXPECT_EQ(VECTOR_GP, ops[3].vector);
	EXPECT_EQ(on, vm_op_value(&ops[4]));
	EXPECT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_FEATURE_CONTROL, 0));
}

/* The CPU's own CR4.VMXE is always 1: the guest sees its own, not that one. */
TEST_F(vmx_cpuid, cr4_vmxe)
{
	struct vm_op op = vm_op_insn(mov_from_cr4, sizeof(mov_from_cr4));
	struct kvm_sregs sregs;
	uint64_t cr4;

	ASSERT_OPS(self->vcpu, &op, 1);
	cr4 = op.rax;
	EXPECT_EQ(0, cr4 & X86_CR4_VMXE);

	op = write_cr4(cr4 | X86_CR4_VMXE);
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(variant->vmx ? VM_OP_DONE : VECTOR_GP, op.vector);
	op = vm_op_insn(mov_from_cr4, sizeof(mov_from_cr4));
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(variant->vmx ? cr4 | X86_CR4_VMXE : cr4, op.rax);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	EXPECT_EQ(op.rax, sregs.cr4);

	op = write_cr4(cr4);
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(VM_OP_DONE, op.vector);
	op = vm_op_insn(mov_from_cr4, sizeof(mov_from_cr4));
	ASSERT_OPS(self->vcpu, &op, 1);
	EXPECT_EQ(cr4, op.rax);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= X86_CR4_VMXE;
	EXPECT_EQ(variant->vmx ? 0 : -EINVAL,
		  sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
}

/* Before there is a CPUID, what the device offers counts. */
TEST_F(vmx_cpuid, cr4_vmxe_without_cpuid)
{
	struct kvm_sregs sregs;
	struct vcpu bare;

	ASSERT_EQ(0, vcpu_create(&bare, &self->m.vm, 1));
	ASSERT_EQ(0, sys_ioctl_ptr(bare.fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= X86_CR4_VMXE;
	EXPECT_EQ(offered(self->m.dev) ? 0 : -EINVAL,
		  sys_ioctl_ptr(bare.fd, KVM_SET_SREGS, &sregs));
	vcpu_destroy(&bare);
}

#define INSN(insn_name, ...)	{ .name = insn_name, .len = sizeof((uint8_t[]){ __VA_ARGS__ }),	\
				  .bytes = { __VA_ARGS__ } }

/* SDM vol. 3, chapter "VMX Instruction Reference"; operands are at (%rsp) and in RAX. */
TEST_F(vmx_cpuid, no_vmx_instructions)
{
	static const struct {
		const char *name;
		uint8_t len, bytes[8];
	} insns[] = {
		INSN("VMXON", 0xf3, 0x0f, 0xc7, 0x34, 0x24),
		INSN("VMXOFF", 0x0f, 0x01, 0xc4),
		INSN("VMCLEAR", 0x66, 0x0f, 0xc7, 0x34, 0x24),
		INSN("VMPTRLD", 0x0f, 0xc7, 0x34, 0x24),
		INSN("VMPTRST", 0x0f, 0xc7, 0x3c, 0x24),
		INSN("VMREAD", 0x0f, 0x78, 0xc0),
		INSN("VMWRITE", 0x0f, 0x79, 0xc0),
		INSN("VMLAUNCH", 0x0f, 0x01, 0xc2),
		INSN("VMRESUME", 0x0f, 0x01, 0xc3),
		INSN("VMFUNC", 0x0f, 0x01, 0xd4),
		INSN("INVEPT", 0x66, 0x0f, 0x38, 0x80, 0x04, 0x24),
		INSN("INVVPID", 0x66, 0x0f, 0x38, 0x81, 0x04, 0x24),
	};
	struct vm_op op = vm_op_insn(mov_from_cr4, sizeof(mov_from_cr4));

	if (testing_kvm() && variant->vmx)
		SKIP(return, "KVM emulates VMX");
	if (variant->vmx) {
		ASSERT_OPS(self->vcpu, &op, 1);
		op = write_cr4(op.rax | X86_CR4_VMXE);
		ASSERT_OPS(self->vcpu, &op, 1);
		ASSERT_EQ(VM_OP_DONE, op.vector);
		ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_FEATURE_CONTROL,
					  FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX));
	}
	for (size_t i = 0; i < ARRAY_SIZE(insns); i++) {
		op = vm_op_insn(insns[i].bytes, insns[i].len);
		ASSERT_OPS(self->vcpu, &op, 1);
		EXPECT_EQ(VECTOR_UD, op.vector) {
			TH_LOG("%s", insns[i].name);
		}
		EXPECT_EQ(0, op.rip);
	}
}

TEST_HARNESS_MAIN
