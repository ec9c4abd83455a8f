// SPDX-License-Identifier: GPL-2.0
/*
 * x87, SSE and AVX registers: each vCPU has its own, they live through exits
 * to user space, and those of the process that runs the vCPU stay its own.
 */
#include <asm/processor-flags.h>
#include <assert.h>
#include <cpuid.h>
#include <sys/syscall.h>

#include "guest_code.h"
#include "harness.h"

#define IN		(CODE_GPA + 0x2000)
#define OUT		(CODE_GPA + 0x3000)

#define MXCSR_RESET	0x1f80
#define MXCSR_GUEST	0x7f80		/* round to zero */
#define MXCSR_HOST	0x3f80		/* round down */
#define FCW_GUEST	0x0f7f

#define XCR0_AVX	7

/* What the guest's programs read from IN and write to OUT. */
struct vectors {
	uint8_t reg[16][32];
	uint32_t mxcsr;
	uint16_t fcw;
	uint16_t pad;
	double st0;
};

static_assert(offsetof(struct vectors, mxcsr) == 0x200, "guest code");
static_assert(offsetof(struct vectors, fcw) == 0x204, "guest code");
static_assert(offsetof(struct vectors, st0) == 0x208, "guest code");

#define EACH_REGISTER(insns)						\
	".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"		\
	insns "\n"							\
	".endr\n"

#define GUEST_LOAD(move, reg)						\
	EACH_REGISTER(move " 0x12000 + 32 * \\i, %" reg "\\i")		\
	"ldmxcsr 0x12200\n"						\
	"fninit\n"							\
	"fldcw 0x12204\n"						\
	"fldl 0x12208\n"

#define GUEST_STORE(move, reg)						\
	EACH_REGISTER(move " %" reg "\\i, 0x13000 + 32 * \\i")		\
	"stmxcsr 0x13200\n"						\
	"fnstcw 0x13204\n"						\
	"fstpl 0x13208\n"

/* CR4.OSXSAVE, then XCR0 = x87 | SSE | AVX */
#define GUEST_ENABLE_AVX						\
	"movq %cr4, %rax\n"						\
	"orl $0x40000, %eax\n"						\
	"movq %rax, %cr4\n"						\
	"xorl %ecx, %ecx\n"						\
	"xorl %edx, %edx\n"						\
	"movl $7, %eax\n"						\
	"xsetbv\n"

GUEST_CODE(sse, 64,
	   GUEST_LOAD("movups", "xmm")
	   "1: outb %al, $0xe0\n"
	   GUEST_STORE("movups", "xmm")
	   "jmp 1b\n");

GUEST_CODE(avx, 64,
	   GUEST_ENABLE_AVX
	   GUEST_LOAD("vmovups", "ymm")
	   "1: outb %al, $0xe0\n"
	   GUEST_STORE("vmovups", "ymm")
	   "jmp 1b\n");

/* Looks at what it has got, without having loaded anything. */
GUEST_CODE(sse_fresh, 64,
	   EACH_REGISTER("movups %xmm\\i, 0x13000 + 32 * \\i")
	   "stmxcsr 0x13200\n"
	   "hlt\n");

#define CLOBBER_XMM							\
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",	\
	"xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/*
 * KVM_RUN with all vector registers full: Linux keeps them through a system
 * call, so what comes back has to be what went in.
 */
#define RUN_FULL(move, reg) ({						\
	const uint32_t reset = MXCSR_RESET;				\
	long ret;							\
	asm volatile(EACH_REGISTER(move " 32 * \\i(%[in]), %%" reg "\\i") \
		     "ldmxcsr 0x200(%[in])\n"				\
		     "syscall\n"					\
		     EACH_REGISTER(move " %%" reg "\\i, 32 * \\i(%[out])") \
		     "stmxcsr 0x200(%[out])\n"				\
		     "ldmxcsr %[reset]\n"				\
		     : "=a"(ret)					\
		     : "0"(SYS_ioctl), "D"(fd), "S"(KVM_RUN), "d"(0),	\
		       [in] "r"(in), [out] "r"(out), [reset] "m"(reset)	\
		     : "rcx", "r11", "memory", CLOBBER_XMM);		\
	ret; })

static long run_sse(int fd, const struct vectors *in, struct vectors *out)
{
	return RUN_FULL("movups", "xmm");
}

static long run_avx(int fd, const struct vectors *in, struct vectors *out)
{
	return RUN_FULL("vmovups", "ymm");
}

static bool host_has_avx(void)
{
	uint32_t eax, ebx, ecx, edx, xcr0;

	__cpuid(1, eax, ebx, ecx, edx);
	if ((ecx & (bit_OSXSAVE | bit_AVX)) != (bit_OSXSAVE | bit_AVX))
		return false;
	asm("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
	return (xcr0 & XCR0_AVX) == XCR0_AVX;
}

/* Different in every register, and in every vCPU. */
static struct vectors pattern(uint8_t seed, size_t width)
{
	struct vectors v = {
		.mxcsr = MXCSR_GUEST, .fcw = FCW_GUEST, .st0 = seed + 0.5,
	};

	for (int i = 0; i < 16; i++)
		for (size_t byte = 0; byte < width; byte++)
			v.reg[i][byte] = seed + 32 * i + byte;
	return v;
}

FIXTURE(fpu) {
	struct machine m[2];
};

FIXTURE_VARIANT(fpu) {
	bool avx;
	size_t width;
};

FIXTURE_VARIANT_ADD(fpu, sse) { .avx = false, .width = 16 };
FIXTURE_VARIANT_ADD(fpu, avx) { .avx = true, .width = 32 };

FIXTURE_SETUP(fpu)
{
	for (int i = 0; i < 2; i++) {
		struct vcpu *vcpu = &self->m[i].vcpu;

		ASSERT_MACHINE(&self->m[i], 2);
		ASSERT_EQ(0, vcpu_set_supported_cpuid(vcpu));
		ASSERT_EQ(0, variant->avx ?
			  load_guest_code(vcpu, VM_MODE_LONG, avx) :
			  load_guest_code(vcpu, VM_MODE_LONG, sse));
	}
}

FIXTURE_TEARDOWN(fpu)
{
	machine_destroy(&self->m[1]);
	machine_destroy(&self->m[0]);
}

TEST_F(fpu, everyone_has_their_own)
{
	struct vectors guest[2], host;

	if (variant->avx && !host_has_avx())
		SKIP(return, "the CPU has no AVX, or the kernel does not use it");

	for (int i = 0; i < 2; i++) {
		guest[i] = pattern(0x11 + 0x40 * i, variant->width);
		memcpy(vm_gpa(&self->m[i].vm, IN, sizeof(guest[i])), &guest[i],
		       sizeof(guest[i]));
	}
	host = pattern(0xa5, variant->width);
	host.mxcsr = MXCSR_HOST;

	/* The two in turn; from the second round on they store and compare. */
	for (int round = 0; round < 6; round++) {
		struct machine *m = &self->m[round & 1];
		struct vectors *in_guest = vm_gpa(&m->vm, OUT, sizeof(host));
		struct vectors after = { 0 };
		long ret;

		ret = variant->avx ? run_avx(m->vcpu.fd, &host, &after) :
				     run_sse(m->vcpu.fd, &host, &after);
		ASSERT_EQ(0, ret);
		ASSERT_EQ(KVM_EXIT_IO, m->vcpu.run->exit_reason);
		EXPECT_EQ(0, memcmp(host.reg, after.reg, sizeof(host.reg))) {
			TH_LOG("the process has lost its vector registers");
		}
		EXPECT_EQ(MXCSR_HOST, after.mxcsr) {
			TH_LOG("the process has lost its MXCSR");
		}
		if (round < 2)
			continue;
		EXPECT_EQ(0, memcmp(guest[round & 1].reg, in_guest->reg,
				    sizeof(host.reg))) {
			TH_LOG("vCPU %d has lost its registers", round & 1);
		}
		EXPECT_EQ(MXCSR_GUEST, in_guest->mxcsr);
		EXPECT_EQ(FCW_GUEST, in_guest->fcw);
		if (round < 4)
			EXPECT_EQ(guest[round & 1].st0, in_guest->st0);
	}
}

/* A guest that looks before it loads must not find the host's data. */
TEST(fresh_registers_are_clean)
{
	const struct vectors host = pattern(0x5a, 16), zero = { 0 };
	struct vectors after, *seen;
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, load_guest_code(&m.vcpu, VM_MODE_LONG, sse_fresh));
	ASSERT_EQ(0, run_sse(m.vcpu.fd, &host, &after));
	ASSERT_EQ(KVM_EXIT_HLT, m.vcpu.run->exit_reason);
	seen = vm_gpa(&m.vm, OUT, sizeof(*seen));
	EXPECT_EQ(0, memcmp(zero.reg, seen->reg, sizeof(zero.reg)));
	EXPECT_EQ(MXCSR_RESET, seen->mxcsr);
	machine_destroy(&m);
}

/* SDM volume 2, XSETBV: what XCR0 cannot be. */
TEST(xsetbv)
{
	static const uint8_t write_cr4[] = { 0x0f, 0x22, 0xe0 };
	static const uint8_t read_cr4[] = { 0x0f, 0x20, 0xe0 };
	static const uint8_t xgetbv[] = { 0x0f, 0x01, 0xd0 };
	static const uint8_t xsetbv[] = { 0x0f, 0x01, 0xd1 };
	static const struct {
		const char *name;
		uint64_t rax, rcx;
		bool user;
		uint32_t vector;
	} rows[] = {
		{ "x87", 1, 0, false, VM_OP_DONE },
		{ "x87, SSE", 3, 0, false, VM_OP_DONE },
		{ "x87, SSE, AVX", 7, 0, false, VM_OP_DONE },
		{ "not x87", 2, 0, false, VECTOR_GP },
		{ "AVX without SSE", 5, 0, false, VECTOR_GP },
		{ "bit 31", 0x80000001, 0, false, VECTOR_GP },
		{ "XCR1", 1, 1, false, VECTOR_GP },
		{ "in ring 3", 1, 0, true, VECTOR_GP },
	};
	struct vm_op op = vm_op_insn(xsetbv, sizeof(xsetbv));
	uint32_t xcr0_before, xcr0_after, edx;
	struct machine m;

	if (!host_has_avx())
		SKIP(return, "the CPU has no AVX, or the kernel does not use it");

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	op.rax = 1;
	ASSERT_OPS(&m.vcpu, &op, 1);
	EXPECT_EQ(VECTOR_UD, op.vector) {
		TH_LOG("XSETBV while CR4.OSXSAVE is 0");
	}
	op = vm_op_insn(read_cr4, sizeof(read_cr4));
	ASSERT_OPS(&m.vcpu, &op, 1);
	edx = op.rax | X86_CR4_OSXSAVE;
	op = vm_op_insn(write_cr4, sizeof(write_cr4));
	op.rax = edx;
	ASSERT_OPS(&m.vcpu, &op, 1);
	ASSERT_EQ(VM_OP_DONE, op.vector);
	op = vm_op_insn(xgetbv, sizeof(xgetbv));
	ASSERT_OPS(&m.vcpu, &op, 1);
	EXPECT_EQ(1, op.rax) {
		TH_LOG("XCR0 is 1 after reset");
	}

	asm("xgetbv" : "=a"(xcr0_before), "=d"(edx) : "c"(0));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		op = vm_op_insn(xsetbv, sizeof(xsetbv));
		op.rax = rows[i].rax;
		op.rcx = rows[i].rcx;
		op.user = rows[i].user;
		ASSERT_OPS(&m.vcpu, &op, 1);
		EXPECT_EQ(rows[i].vector, op.vector) {
			TH_LOG("XCR0: %s", rows[i].name);
		}
	}
	asm volatile("xgetbv" : "=a"(xcr0_after), "=d"(edx) : "c"(0));
	EXPECT_EQ(xcr0_before, xcr0_after) {
		TH_LOG("the host has the guest's XCR0");
	}
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
