// SPDX-License-Identifier: GPL-2.0
/* XCR0 as the client sees it: KVM_GET_XCRS, KVM_SET_XCRS, and CPUID, which follows. */
#include <asm/processor-flags.h>

#include "guest_code.h"
#include "harness.h"

#define X87		(1 << 0)
#define SSE		(1 << 1)
#define AVX		(1 << 2)
#define BIT_XSAVE	(1 << 26)
#define BIT_OSXSAVE	(1 << 27)

static const uint8_t xgetbv[] = { 0x0f, 0x01, 0xd0 };

FIXTURE(xcrs) {
	struct machine m;
	struct vcpu *vcpu;
	struct kvm_cpuid2 *supported;
	uint64_t parts;		/* XCR0 bits that are offered */
};

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == function && e->index == index)
			return e;
	}
	return NULL;
}

FIXTURE_SETUP(xcrs)
{
	struct kvm_cpuid_entry2 *e;

	self->vcpu = &self->m.vcpu;
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vm_supported_cpuid(self->m.dev, &self->supported));
	e = find(self->supported, 1, 0);
	ASSERT_NE(NULL, e);
	if (!(e->ecx & BIT_XSAVE))
		return;
	e = find(self->supported, 0xd, 0);
	ASSERT_NE(NULL, e);
	self->parts = (uint64_t)e->edx << 32 | e->eax;
}

FIXTURE_TEARDOWN(xcrs)
{
	free(self->supported);
	machine_destroy(&self->m);
}

static uint64_t get_xcr0(struct vcpu *vcpu)
{
	struct kvm_xcrs xcrs;

	memset(&xcrs, 0xff, sizeof(xcrs));
	if (sys_ioctl_ptr(vcpu->fd, KVM_GET_XCRS, &xcrs) || xcrs.nr_xcrs != 1 ||
	    xcrs.flags || xcrs.xcrs[0].xcr)
		return 0;
	return xcrs.xcrs[0].value;
}

/* What KVM_GET_CPUID2 says; the caller's entries are overwritten. */
static struct kvm_cpuid_entry2 *cpuid_now(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid,
					  uint32_t function)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_CPUID2, cpuid) ? NULL : find(cpuid, function, 0);
}

TEST_F(xcrs, come_with_xsave)
{
	struct kvm_xcrs xcrs;

	EXPECT_EQ(!!self->parts, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_XCRS));
	if (self->parts) {
		EXPECT_EQ(X87, get_xcr0(self->vcpu));
		EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_GET_XCRS, -4096UL));
		EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_SET_XCRS, -4096UL));
	} else if (testing_kvm()) {
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XCRS, &xcrs));
		EXPECT_EQ(0, xcrs.nr_xcrs);
		EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, X87));
	} else {
		EXPECT_EQ(-ENOTTY, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XCRS, &xcrs));
		EXPECT_EQ(-ENOTTY, set_xcr0(self->vcpu, X87));
	}
}

/* The reset value can be restored in a vCPU without XSAVE, other values cannot. */
TEST_F(xcrs, without_cpuid)
{
	if (!self->parts)
		SKIP(return, "no XSAVE");
	EXPECT_EQ(0, set_xcr0(self->vcpu, X87));
	EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, X87 | SSE));
	EXPECT_EQ(X87, get_xcr0(self->vcpu));
}

TEST_F(xcrs, what_xsetbv_would_refuse)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "0", 0 },
		{ "not x87", SSE },
		{ "AVX without SSE", X87 | AVX },
		{ "a part of AVX-512", X87 | SSE | AVX | 1 << 5 },
		{ "AVX-512 without AVX", X87 | SSE | 7 << 5 },
		{ "bit 63", X87 | 1ULL << 63 },
		{ "what is not offered", X87 | SSE | ~self->parts },
	};

	if (!(self->parts & AVX))
		SKIP(return, "no AVX");
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, self->supported));
	ASSERT_EQ(0, set_xcr0(self->vcpu, X87 | SSE));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-EINVAL, set_xcr0(self->vcpu, rows[i].value)) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(X87 | SSE, get_xcr0(self->vcpu)) {
			TH_LOG("%s: refused, and XCR0 has changed", rows[i].name);
		}
	}
}

TEST_F(xcrs, structure)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .flags = 1, .xcrs[0].value = X87 | SSE };

	if (!self->parts)
		SKIP(return, "no XSAVE");
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, self->supported));
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	xcrs.flags = 0;
	xcrs.nr_xcrs = KVM_MAX_XCRS + 1;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	EXPECT_EQ(X87, get_xcr0(self->vcpu));

	/* Only XCR0 is there: another one is passed over. */
	xcrs.nr_xcrs = 2;
	xcrs.xcrs[0].xcr = 1;
	xcrs.xcrs[1].value = X87 | SSE;
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	EXPECT_EQ(X87 | SSE, get_xcr0(self->vcpu));
	xcrs.nr_xcrs = 0;
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XCRS, &xcrs));
	EXPECT_EQ(X87 | SSE, get_xcr0(self->vcpu));
}

/* The guest reads what was set; CPUID follows CR4 and XCR0, on both sides. */
TEST_F(xcrs, guest_and_cpuid)
{
	static const struct {
		uint64_t value;
		uint32_t size;
	} rows[] = {
		{ X87, 576 }, { X87 | SSE, 576 }, { X87 | SSE | AVX, 832 }, { X87, 576 },
	};
	struct kvm_sregs sregs;
	struct vm_op first = vm_op_cpuid(1, 0);

	if (!(self->parts & AVX))
		SKIP(return, "no AVX");
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_CPUID2, self->supported));
	ASSERT_OPS(self->vcpu, &first, 1);
	EXPECT_EQ(0, first.rcx & BIT_OSXSAVE);
	EXPECT_EQ(0, cpuid_now(self->vcpu, self->supported, 1)->ecx & BIT_OSXSAVE);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= X86_CR4_OSXSAVE;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_NE(0, cpuid_now(self->vcpu, self->supported, 1)->ecx & BIT_OSXSAVE);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm_op ops[] = {
			vm_op_insn(xgetbv, sizeof(xgetbv)), vm_op_cpuid(0xd, 0), vm_op_cpuid(1, 0),
		};

		ASSERT_EQ(0, set_xcr0(self->vcpu, rows[i].value));
		EXPECT_EQ(rows[i].size, cpuid_now(self->vcpu, self->supported, 0xd)->ebx);
		ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		EXPECT_EQ(rows[i].value, vm_op_value(&ops[0]));
		EXPECT_EQ(rows[i].size, ops[1].rbx);
		EXPECT_NE(0, ops[2].rcx & BIT_OSXSAVE);
	}
	sregs.cr4 &= ~(uint64_t)X86_CR4_OSXSAVE;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	EXPECT_EQ(0, cpuid_now(self->vcpu, self->supported, 1)->ecx & BIT_OSXSAVE);
}

TEST_HARNESS_MAIN
