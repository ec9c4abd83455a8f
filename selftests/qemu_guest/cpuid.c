// SPDX-License-Identifier: GPL-2.0
/* CPUID, and XCR0, on which it depends. */
#include "guest.h"

#define ECX_XSAVE	BIT(26)
#define ECX_OSXSAVE	BIT(27)
#define ECX_HYPERVISOR	BIT(31)
#define EDX_MSR		BIT(5)
#define EDX_APIC	BIT(9)
#define EDX_LONG_MODE	BIT(29)

const char *test_cpuid(void)
{
	uint64_t rax = POISON << 32 | 1, rcx = POISON << 32, rbx = POISON, rdx = POISON;
	struct cpuid c = cpuid(0, 0);

	CHECK_EQ(c.ebx, 0x756e6547);	/* Genu */
	CHECK_EQ(c.edx, 0x49656e69);	/* ineI */
	CHECK_EQ(c.ecx, 0x6c65746e);	/* ntel */
	CHECK(c.eax >= 7);
	c = cpuid(1, 0);
	CHECK_EQ(c.ecx & ECX_HYPERVISOR, ECX_HYPERVISOR);
	CHECK_EQ(c.edx & EDX_MSR, EDX_MSR);
	CHECK_EQ(c.edx & EDX_APIC, 0);
	CHECK_EQ(cpuid(0x80000001, 0).edx & EDX_LONG_MODE, EDX_LONG_MODE);

	/* QEMU's own leaf, by the name of the interface. */
	c = cpuid(0x40000000, 0);
	CHECK_EQ(c.ebx, 0x4b4d564b);	/* KVMK */
	CHECK_EQ(c.ecx, 0x564b4d56);	/* VMKV */
	CHECK_EQ(c.edx, 0x4d);		/* M */

	/* It looks at EAX and ECX, and clears the upper halves. */
	asm volatile("cpuid" : "+a" (rax), "+b" (rbx), "+c" (rcx), "+d" (rdx));
	c = cpuid(1, 0);
	CHECK_EQ(rax, c.eax);
	CHECK_EQ(rbx, c.ebx);
	CHECK_EQ(rcx, c.ecx);
	CHECK_EQ(rdx, c.edx);
	return NULL;
}

/* SDM vol. 2, CPUID: beyond the last leaf there is the last basic one again. */
const char *test_cpuid_limits(void)
{
	static const uint32_t beyond[] = { 0x3fffffff, 0x80007fff };
	uint32_t last = cpuid(0, 0).eax;
	struct cpuid want = cpuid(last, 0), got;

	for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
		got = cpuid(beyond[i], 0);
		CHECK_EQ(got.eax, want.eax);
		CHECK_EQ(got.ebx, want.ebx);
		CHECK_EQ(got.ecx, want.ecx);
		CHECK_EQ(got.edx, want.edx);
	}
	return NULL;
}

static uint64_t xgetbv0(void)
{
	uint32_t low, high;

	asm volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0) : "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t xsetbv_safe(uint32_t index, uint64_t value)
{
	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN "xsetbv" PROBE_END
		     : PROBE_OUT
		     : "c" (index), "a" ((uint32_t)value), "d" ((uint32_t)(value >> 32))
		     : "memory");
	probe.insn = 0;
	return probe.vector;
}

const char *test_xsave(void)
{
	uint64_t cr4 = read_cr4();

	if (!(cpuid(1, 0).ecx & ECX_XSAVE))
		return "no XSAVE";

	CHECK_EQ(cpuid(1, 0).ecx & ECX_OSXSAVE, 0);
	CHECK_EQ(xsetbv_safe(0, 1), INVALID_OPCODE);
	write_cr4(cr4 | CR4_OSXSAVE);
	CHECK_EQ(cpuid(1, 0).ecx & ECX_OSXSAVE, ECX_OSXSAVE);
	CHECK_EQ(xgetbv0(), 1);
	CHECK_EQ(xsetbv_safe(0, 3), NO_EXCEPTION);
	CHECK_EQ(xgetbv0(), 3);
	CHECK_EQ(xsetbv_safe(0, 0), GENERAL_PROTECTION);	/* x87 cannot be off */
	CHECK_EQ(xsetbv_safe(0, 5), GENERAL_PROTECTION);	/* AVX without SSE */
	CHECK_EQ(xsetbv_safe(1, 1), GENERAL_PROTECTION);	/* no such XCR */
	CHECK_EQ(xgetbv0(), 3);
	CHECK_EQ(xsetbv_safe(0, 1), NO_EXCEPTION);
	write_cr4(cr4);
	CHECK_EQ(cpuid(1, 0).ecx & ECX_OSXSAVE, 0);
	return NULL;
}
