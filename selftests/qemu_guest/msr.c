// SPDX-License-Identifier: GPL-2.0
/* RDMSR and WRMSR: values that are kept, and those that are refused with #GP(0). */
#include "guest.h"

#define MSR_CORE_THREAD_COUNT	0x35
#define MSR_APIC_BASE		0x1b
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_PAT			0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_FMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102

#define EFER_SCE	BIT(0)
#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)
#define EFER_NXE	BIT(11)

/* An address of the upper half with bit 31 set: a sign must not be extended. */
#define ADDRESS		0xffff8123fedcba98ull

uint64_t read_msr(uint32_t index)
{
	uint64_t value = 0;

	CHECK_EQ(rdmsr_safe(index, &value), NO_EXCEPTION);
	return value;
}

void write_msr(uint32_t index, uint64_t value)
{
	CHECK_EQ(wrmsr_safe(index, value), NO_EXCEPTION);
}

/* What was written is read, twice: the second read finds nothing fresh. */
void takes(uint32_t index, uint64_t value)
{
	write_msr(index, value);
	CHECK_EQ(read_msr(index), value);
	CHECK_EQ(read_msr(index), value);
}

void expects_gp(uint32_t index, uint64_t value)
{
	uint64_t before = POISON, after = POISON;

	rdmsr_safe(index, &before);
	CHECK_EQ(wrmsr_safe(index, value), GENERAL_PROTECTION);
	CHECK_EQ(probe.error_code, 0);
	rdmsr_safe(index, &after);
	CHECK_EQ(after, before);
}

/* SDM vol. 3, "IA32_PAT MSR": the value at reset; no type 2, 3, or 8 and above. */
const char *test_pat(void)
{
	const uint64_t reset = 0x0007040600070406;

	CHECK_EQ(read_msr(MSR_PAT), reset);
	takes(MSR_PAT, 0x0605040100070106);
	expects_gp(MSR_PAT, 0x0605040100070102);
	expects_gp(MSR_PAT, 0x0305040100070106);
	expects_gp(MSR_PAT, 0x0605040800070106);
	expects_gp(MSR_PAT, 0x8605040100070106);
	takes(MSR_PAT, reset);
	return NULL;
}

const char *test_sysenter_msrs(void)
{
	takes(MSR_SYSENTER_CS, 0x1018);
	takes(MSR_SYSENTER_ESP, ADDRESS);
	takes(MSR_SYSENTER_EIP, ADDRESS + 8);
	expects_gp(MSR_SYSENTER_ESP, NOT_CANONICAL);
	expects_gp(MSR_SYSENTER_EIP, ~NOT_CANONICAL);
	CHECK_EQ(read_msr(MSR_SYSENTER_CS), 0x1018);
	return NULL;
}

const char *test_syscall_msrs(void)
{
	takes(MSR_STAR, 0xfedcba9887654321);
	takes(MSR_LSTAR, ADDRESS + 16);
	takes(MSR_CSTAR, ADDRESS + 24);
	takes(MSR_FMASK, 0x87654321);
	expects_gp(MSR_LSTAR, NOT_CANONICAL);
	expects_gp(MSR_CSTAR, ~NOT_CANONICAL);
	CHECK_EQ(read_msr(MSR_STAR), 0xfedcba9887654321);
	CHECK_EQ(read_msr(MSR_FMASK), 0x87654321);
	return NULL;
}

const char *test_bases(void)
{
	static uint64_t fs_data = 0x1111, gs_data = 0x2222, other = 0x3333;
	uint64_t seen;

	takes(MSR_FS_BASE, (uint64_t)&fs_data);
	takes(MSR_GS_BASE, (uint64_t)&gs_data);
	takes(MSR_KERNEL_GS_BASE, (uint64_t)&other);
	asm volatile("movq %%fs:0, %0" : "=r" (seen) : : "memory");
	CHECK_EQ(seen, fs_data);
	asm volatile("movq %%gs:0, %0" : "=r" (seen) : : "memory");
	CHECK_EQ(seen, gs_data);
	asm volatile("swapgs; movq %%gs:0, %0" : "=r" (seen) : : "memory");
	CHECK_EQ(seen, other);
	CHECK_EQ(read_msr(MSR_GS_BASE), &other);
	CHECK_EQ(read_msr(MSR_KERNEL_GS_BASE), &gs_data);

	takes(MSR_FS_BASE, ADDRESS);
	expects_gp(MSR_FS_BASE, NOT_CANONICAL);
	expects_gp(MSR_GS_BASE, NOT_CANONICAL);
	expects_gp(MSR_KERNEL_GS_BASE, NOT_CANONICAL);
	return NULL;
}

/* Long mode cannot be left, and bits that are reserved cannot be set. */
const char *test_efer(void)
{
	uint64_t efer = read_msr(MSR_EFER);

	CHECK_EQ(efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	takes(MSR_EFER, efer | EFER_SCE | EFER_NXE);
	expects_gp(MSR_EFER, efer | BIT(1));
	expects_gp(MSR_EFER, efer | BIT(9));
	expects_gp(MSR_EFER, efer | BIT(63));
	expects_gp(MSR_EFER, efer & ~EFER_LME);
	takes(MSR_EFER, efer & ~EFER_SCE);
	takes(MSR_EFER, efer);
	return NULL;
}

/* Bit 0, fast strings: QEMU sets it at reset. */
const char *test_misc_enable(void)
{
	uint64_t value = read_msr(MSR_MISC_ENABLE);

	CHECK_EQ(value & BIT(0), 1);
	takes(MSR_MISC_ENABLE, value ^ BIT(0));
	takes(MSR_MISC_ENABLE, value);
	return NULL;
}

/* Without a local APIC there is nothing to enable. */
const char *test_apic_base(void)
{
	uint64_t value = read_msr(MSR_APIC_BASE);

	CHECK_EQ(value & BIT(11), 0);
	CHECK_EQ(value & BIT(8), BIT(8));	/* the bootstrap processor */
	takes(MSR_APIC_BASE, value);
	expects_gp(MSR_APIC_BASE, value | BIT(0));
	expects_gp(MSR_APIC_BASE, value | BIT(9));
	expects_gp(MSR_APIC_BASE, value | BIT(physical_bits()));
	return NULL;
}

/* Both tables' ends and what is outside of them; exception() checks RIP. */
const char *test_unknown(void)
{
	static const uint32_t indices[] = {
		0x2, 0xdead, 0x1fff, 0x2000, 0x40000000, 0x7fffffff, 0x80000000,
		0xbfffffff, 0xc0001fff, 0xc0002000, 0xffffffff,
	};
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		CHECK_EQ(rdmsr_safe(indices[i], &value), GENERAL_PROTECTION);
		CHECK_EQ(probe.error_code, 0);
		CHECK_EQ(wrmsr_safe(indices[i], 0), GENERAL_PROTECTION);
		CHECK_EQ(probe.error_code, 0);
	}
	return NULL;
}

/* RDMSR takes its index from ECX alone; prefixes change nothing. */
const char *test_registers(void)
{
	uint64_t rcx = POISON << 32 | MSR_PAT, rax, rdx;

	asm volatile("rdmsr" : "=a" (rax), "=d" (rdx) : "c" (rcx) : "memory");
	CHECK_EQ(rdx << 32 | rax, read_msr(MSR_PAT));

	rax = POISON;
	rdx = POISON;
	asm volatile(".byte 0x66, 0x48, 0x0f, 0x32"
		     : "+a" (rax), "+d" (rdx) : "c" (rcx) : "memory");
	CHECK_EQ(rdx << 32 | rax, read_msr(MSR_PAT));

	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN ".byte 0x66, 0x48, 0x0f, 0x32" PROBE_END
		     : PROBE_OUT : "c" (0xdead) : "rax", "rdx", "memory");
	probe.insn = 0;
	CHECK_EQ(probe.vector, GENERAL_PROTECTION);
	return NULL;
}

/* QEMU filters this MSR's reads and answers for the topology that it shows. */
const char *test_core_thread_count(void)
{
	CHECK_EQ(read_msr(MSR_CORE_THREAD_COUNT), 0x00010001);
	CHECK_EQ(wrmsr_safe(MSR_CORE_THREAD_COUNT, 0x00010001), GENERAL_PROTECTION);
	CHECK_EQ(read_msr(MSR_CORE_THREAD_COUNT), 0x00010001);
	return NULL;
}
