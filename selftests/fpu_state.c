// SPDX-License-Identifier: GPL-2.0
/*
 * x87, SSE and AVX registers and XCR0 as the client sees them: KVM_GET_XSAVE,
 * KVM_GET_FPU, KVM_GET_XCRS and their counterparts. The guest has to see what was
 * set, and what it changes has to be seen.
 */
#include <asm/processor-flags.h>
#include <assert.h>
#include <cpuid.h>

#include "guest_code.h"
#include "harness.h"

#define IN		(CODE_GPA + 0x2000)
#define OUT		(CODE_GPA + 0x3000)

#define X87		(1 << 0)
#define SSE		(1 << 1)
#define AVX		(1 << 2)

#define MXCSR_RESET	0x1f80
#define FCW_RESET	0x37f
#define MXCSR_TEST	0x7f80		/* round to zero */
#define FCW_TEST	0x0f7f

/* What the guest's programs store at OUT, then load from IN. */
struct registers {
	uint8_t vector[16][32];
	uint32_t mxcsr;
	uint16_t fcw;
	uint16_t pad;
	double st0;
};

static_assert(offsetof(struct registers, mxcsr) == 0x200, "guest code");
static_assert(offsetof(struct registers, fcw) == 0x204, "guest code");
static_assert(offsetof(struct registers, st0) == 0x208, "guest code");

#define EACH_REGISTER(insns)						\
	".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"		\
	insns "\n"							\
	".endr\n"

#define STORE_THEN_LOAD(move, reg)					\
	"1:\n"								\
	EACH_REGISTER(move " %" reg "\\i, 0x13000 + 32 * \\i")		\
	"stmxcsr 0x13200\n"						\
	"fnstcw 0x13204\n"						\
	"fstpl 0x13208\n"						\
	EACH_REGISTER(move " 0x12000 + 32 * \\i, %" reg "\\i")		\
	"ldmxcsr 0x12200\n"						\
	"fninit\n"							\
	"fldcw 0x12204\n"						\
	"fldl 0x12208\n"						\
	"hlt\n"								\
	"jmp 1b\n"

GUEST_CODE(sse, 64, STORE_THEN_LOAD("movups", "xmm"));
GUEST_CODE(avx, 64, STORE_THEN_LOAD("vmovups", "ymm"));

/* SDM vol. 1, "Standard Format of XSAVE Area". */
struct image {
	uint16_t fcw, fsw;
	uint8_t ftw, pad;
	uint16_t fop;
	uint64_t rip, rdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
	uint8_t unused[96];
	uint64_t xstate_bv, xcomp_bv, reserved[6];
	uint8_t extended[4096 - 576];
};

static_assert(sizeof(struct image) == sizeof(struct kvm_xsave), "image");
static_assert(offsetof(struct image, xstate_bv) == 512, "image");

/* Where the upper halves of the YMM registers are. */
static uint8_t *ymm_high(struct image *image)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid_count(0xd, 2, eax, ebx, ecx, edx);
	return (uint8_t *)image + ebx;
}

/* Parts of state that the host has in XCR0; 0 without XSAVE. */
static uint64_t host_parts(void)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & bit_OSXSAVE))
		return 0;
	asm("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return (uint64_t)edx << 32 | eax;
}

static struct registers pattern(uint8_t seed, size_t width)
{
	struct registers r = { .mxcsr = MXCSR_TEST, .fcw = FCW_TEST, .st0 = seed + 0.5 };

	for (int i = 0; i < 16; i++)
		for (size_t byte = 0; byte < width; byte++)
			r.vector[i][byte] = seed + 32 * i + byte;
	return r;
}

static struct image to_image(const struct registers *r, uint64_t parts)
{
	struct image image = {
		.fcw = r->fcw, .fsw = 7 << 11, .ftw = 0x80, .mxcsr = r->mxcsr,
		.xstate_bv = parts,
	};
	const long double st0 = r->st0;

	memcpy(image.st[0], &st0, 10);
	for (int i = 0; i < 16; i++) {
		memcpy(image.xmm[i], r->vector[i], 16);
		if (parts & AVX)
			memcpy(ymm_high(&image) + 16 * i, r->vector[i] + 16, 16);
	}
	return image;
}

static double from_x87(const uint8_t *reg)
{
	long double value = 0;

	memcpy(&value, reg, 10);
	return value;
}

static struct registers from_image(struct image *image, uint64_t parts)
{
	struct registers r = {
		.mxcsr = image->mxcsr, .fcw = image->fcw, .st0 = from_x87(image->st[0]),
	};

	for (int i = 0; i < 16; i++) {
		memcpy(r.vector[i], image->xmm[i], 16);
		if (parts & AVX)
			memcpy(r.vector[i] + 16, ymm_high(image) + 16 * i, 16);
	}
	return r;
}

static int set_osxsave(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);

	sregs.cr4 |= X86_CR4_OSXSAVE;
	return ret ?: sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
}

static void guest_loads(struct machine *m, const struct registers *r)
{
	memcpy(vm_gpa(&m->vm, IN, sizeof(*r)), r, sizeof(*r));
}

static struct registers *guest_stored(struct machine *m)
{
	return vm_gpa(&m->vm, OUT, sizeof(struct registers));
}

/* Is it the variant that has nothing to test here? */
static bool lacks_avx(bool with_avx)
{
	return with_avx && !(host_parts() & AVX);
}

#define NO_AVX	"the CPU has no AVX, or the kernel does not use it"

/* What STORE_THEN_LOAD() needs to run. */
static int load_code(struct vcpu *vcpu, bool with_avx)
{
	if (!with_avx)
		return load_guest_code(vcpu, VM_MODE_LONG, sse);
	return load_guest_code(vcpu, VM_MODE_LONG, avx) ?: set_osxsave(vcpu) ?:
	       set_xcr0(vcpu, X87 | SSE | AVX);
}

FIXTURE(image) {
	struct machine m;
	struct vcpu *vcpu;
	uint64_t parts;
};

FIXTURE_VARIANT(image) {
	bool avx;
	size_t width;
};

FIXTURE_VARIANT_ADD(image, sse) { .avx = false, .width = 16 };
FIXTURE_VARIANT_ADD(image, avx) { .avx = true, .width = 32 };

FIXTURE_SETUP(image)
{
	self->vcpu = &self->m.vcpu;
	self->parts = X87 | SSE | (variant->avx ? AVX : 0);
	ASSERT_MACHINE(&self->m, 2);
	if (lacks_avx(variant->avx))
		return;	/* and the tests are skipped */
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_EQ(0, load_code(self->vcpu, variant->avx));
}

FIXTURE_TEARDOWN(image)
{
	machine_destroy(&self->m);
}

TEST_F(image, round_trip)
{
	struct registers first = pattern(0x11, variant->width), seen;
	struct registers second = pattern(0x57, variant->width);
	struct image image = to_image(&first, self->parts);

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	/* Client to guest, guest to client; the second time with registers in use. */
	for (int round = 0; round < 2; round++) {
		guest_loads(&self->m, &second);
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, &image));
		ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
		EXPECT_EQ(0, memcmp(&first, guest_stored(&self->m), sizeof(first)));

		memset(&image, 0xa5, sizeof(image));
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XSAVE, &image));
		EXPECT_EQ(self->parts, image.xstate_bv & self->parts);
		EXPECT_EQ(0, image.xcomp_bv);
		seen = from_image(&image, self->parts);
		EXPECT_EQ(0, memcmp(&second, &seen, sizeof(seen)));
		image = to_image(&first, self->parts);
	}
}

/* What is not in the image has its initial value afterwards. */
TEST_F(image, nothing_in_it)
{
	struct registers full = pattern(0x23, variant->width), *seen = guest_stored(&self->m);
	struct registers initial = { .mxcsr = MXCSR_RESET, .fcw = FCW_RESET };
	struct image image = to_image(&full, 0);

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	if (!host_parts())
		SKIP(return, "without XSAVE there is no header that says what is in it");
	guest_loads(&self->m, &full);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, &image));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(0, memcmp(initial.vector, seen->vector, sizeof(initial.vector)));
	EXPECT_EQ(FCW_RESET, seen->fcw);
	/* KVM leaves MXCSR as it was, if the host's XSAVE area is not compacted. */
	if (!testing_kvm())
		EXPECT_EQ(MXCSR_RESET, seen->mxcsr);

	/* Then MXCSR is not in it either, and may be anything. */
	image.mxcsr = 0xffffffff;
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, &image));
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(FCW_RESET, seen->fcw);
}

/* A client may restore registers before it says which CPUID the vCPU has. */
TEST_F(image, before_cpuid)
{
	struct registers first = pattern(0x31, variant->width);
	struct image image = to_image(&first, self->parts);
	struct machine m;

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_SET_XSAVE, &image));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	ASSERT_EQ(0, load_code(&m.vcpu, variant->avx));
	ASSERT_EXIT(KVM_EXIT_HLT, &m.vcpu);
	EXPECT_EQ(0, memcmp(&first, guest_stored(&m), sizeof(first)));
	machine_destroy(&m);
}

/* XRSTOR would raise #GP for these: they may not get that far. */
TEST_F(image, bad_ones_change_nothing)
{
	static const struct {
		const char *name;
		size_t offset;
		uint64_t bits;
		bool without_xsave;	/* KVM looks at it on hosts without XSAVE, too */
	} rows[] = {
		{ "XSTATE_BV bit 63", offsetof(struct image, xstate_bv), 1ULL << 63, true },
		{ "XSTATE_BV bit 62", offsetof(struct image, xstate_bv), 1ULL << 62, true },
		{ "XSTATE_BV bit 8", offsetof(struct image, xstate_bv), 1ULL << 8, true },
		{ "compacted", offsetof(struct image, xcomp_bv), 1ULL << 63 | X87, false },
		{ "XCOMP_BV", offsetof(struct image, xcomp_bv), X87, false },
		{ "reserved, first byte", offsetof(struct image, reserved), 1, false },
		{ "reserved, last byte", offsetof(struct image, reserved[5]), 1ULL << 63, false },
		{ "MXCSR bit 16", offsetof(struct image, mxcsr), 1 << 16, true },
		{ "MXCSR bit 31", offsetof(struct image, mxcsr), 1ULL << 31, true },
	};
	struct registers first = pattern(0x42, variant->width);
	struct registers other = pattern(0x99, variant->width);
	struct image image = to_image(&first, self->parts), before, after;

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, &image));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XSAVE, &before));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value;

		if (testing_kvm() && !host_parts() && !rows[i].without_xsave)
			continue;
		image = to_image(&other, self->parts);
		memcpy(&value, (char *)&image + rows[i].offset, sizeof(value));
		value |= rows[i].bits;
		memcpy((char *)&image + rows[i].offset, &value, sizeof(value));
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, &image)) {
			TH_LOG("%s", rows[i].name);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XSAVE, &after));
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(before))) {
			TH_LOG("%s: refused, and something has changed", rows[i].name);
		}
	}
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	EXPECT_EQ(0, memcmp(&first, guest_stored(&self->m), sizeof(first)));
}

/* KVM_CAP_XSAVE2 says how much KVM_GET_XSAVE2 writes. */
TEST_F(image, xsave2)
{
	int size = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	struct image image;
	uint8_t *buf;

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	ASSERT_LE((int)sizeof(image), size);
	buf = malloc(size + 64);
	ASSERT_NE(NULL, buf);
	memset(buf, 0x5a, size + 64);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XSAVE2, buf));
	for (int i = 0; i < 64; i++)
		ASSERT_EQ(0x5a, buf[size + i]);
	if (size == sizeof(image)) {
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_XSAVE, &image));
		EXPECT_EQ(0, memcmp(&image, buf, sizeof(image)));
	}
	EXPECT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_XSAVE, buf));
	free(buf);
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_GET_XSAVE, -4096UL));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_GET_XSAVE2, -4096UL));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_SET_XSAVE, -4096UL));
}

/* The older pair has x87 and SSE only, and leaves the rest alone. */
TEST_F(image, fpu)
{
	struct registers first = pattern(0x64, variant->width), *seen = guest_stored(&self->m);
	struct registers second = pattern(0xb2, 16);
	struct image image = to_image(&second, X87 | SSE);
	struct kvm_fpu fpu = {
		.fcw = image.fcw, .fsw = image.fsw, .ftwx = image.ftw,
		.mxcsr = 0xffffffff,	/* not looked at */
	};
	struct kvm_fpu after;

	if (lacks_avx(variant->avx))
		SKIP(return, NO_AVX);
	guest_loads(&self->m, &first);
	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	memcpy(fpu.fpr, image.st, sizeof(fpu.fpr));
	memcpy(fpu.xmm, image.xmm, sizeof(fpu.xmm));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_FPU, &fpu));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_FPU, &after));
	/* KVM does not fill it. */
	EXPECT_EQ(testing_kvm() ? 0 : MXCSR_TEST, after.mxcsr);
	after.mxcsr = fpu.mxcsr;
	EXPECT_EQ(0, memcmp(&fpu, &after, sizeof(fpu)));

	ASSERT_EXIT(KVM_EXIT_HLT, self->vcpu);
	for (int i = 0; i < 16; i++) {
		EXPECT_EQ(0, memcmp(second.vector[i], seen->vector[i], 16));
		EXPECT_EQ(0, memcmp(first.vector[i] + 16, seen->vector[i] + 16, 16));
	}
	EXPECT_EQ(MXCSR_TEST, seen->mxcsr);
	EXPECT_EQ(FCW_TEST, seen->fcw);
	EXPECT_EQ(second.st0, seen->st0);
}

TEST(fresh_vcpu)
{
	struct image image;
	struct kvm_fpu fpu;
	struct machine m;

	ASSERT_MACHINE(&m, 0);
	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_GET_XSAVE, &image));
	EXPECT_EQ(MXCSR_RESET, image.mxcsr);
	EXPECT_EQ(FCW_RESET, image.fcw);
	EXPECT_EQ(0, image.xstate_bv & ~(uint64_t)(X87 | SSE));
	ASSERT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_GET_FPU, &fpu));
	EXPECT_EQ(FCW_RESET, fpu.fcw);
	EXPECT_EQ(0, sys_ioctl_ptr(m.vcpu.fd, KVM_SET_XSAVE, &image));
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
