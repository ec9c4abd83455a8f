// SPDX-License-Identifier: GPL-2.0
/* SYSCALL and SYSENTER, from ring 0: the MSRs' values are what the CPU uses. */
#include "guest.h"

#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_FMASK		0xc0000084

#define EFER_SCE	BIT(0)
#define RFLAGS_DF	BIT(10)

/* boot.S: data behind code, as both instructions want it. */
#define CODE_SELECTOR	0x08ull
#define STACK_SELECTOR	0x10ull

/* With DF set, which FMASK clears on the way. */
static void __attribute__((noinline)) do_syscall(uint64_t *rcx, uint64_t *r11, uint64_t *rflags)
{
	uint64_t next, old, now;

	asm volatile("std\n\t"
		     "syscall\n"
		     "syscall_return:\n\t"
		     "xorl %%ecx, %%ecx\n"	/* not to be reached */
		     "syscall_target:\n\t"
		     "movq %%r11, %1\n\t"
		     "pushfq\n\t"
		     "popq %2\n\t"
		     "cld"
		     : "=&c" (next), "=&r" (old), "=&r" (now) : : "r11", "memory");
	*rcx = next;
	*r11 = old;
	*rflags = now;
}

const char *test_syscall(void)
{
	uint64_t efer = read_msr(MSR_EFER);
	uint64_t rcx, r11, rflags;
	uint16_t cs, ss;

	write_msr(MSR_EFER, efer | EFER_SCE);
	write_msr(MSR_STAR, CODE_SELECTOR << 32);
	write_msr(MSR_LSTAR, (uint64_t)syscall_target);
	write_msr(MSR_FMASK, RFLAGS_DF);
	do_syscall(&rcx, &r11, &rflags);
	asm volatile("movw %%cs, %0; movw %%ss, %1" : "=r" (cs), "=r" (ss));
	CHECK_EQ(rcx, (uint64_t)syscall_return);
	CHECK_EQ(r11 & RFLAGS_DF, RFLAGS_DF);
	CHECK_EQ(rflags & RFLAGS_DF, 0);
	CHECK_EQ(cs, CODE_SELECTOR);
	CHECK_EQ(ss, STACK_SELECTOR);

	/* SDM vol. 2, SYSCALL: #UD without EFER.SCE. */
	write_msr(MSR_EFER, efer & ~EFER_SCE);
	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN "syscall" PROBE_END : PROBE_OUT : : "rcx", "r11", "memory");
	probe.insn = 0;
	CHECK_EQ(probe.vector, INVALID_OPCODE);
	write_msr(MSR_EFER, efer);
	return NULL;
}

/* RSP is what SYSENTER_ESP said: nothing is pushed while it is. */
static uint64_t __attribute__((noinline)) do_sysenter(void)
{
	uint64_t rsp, kept;

	asm volatile("movq %%rsp, %1\n\t"
		     "sysenter\n\t"
		     "ud2\n"
		     "sysenter_target:\n\t"
		     "movq %%rsp, %0\n\t"
		     "movq %1, %%rsp"
		     : "=&r" (rsp), "=&r" (kept) : : "memory");
	return rsp;
}

const char *test_sysenter(void)
{
	const uint64_t stack = 0x1234567890;
	uint16_t cs, ss;

	write_msr(MSR_SYSENTER_CS, CODE_SELECTOR);
	write_msr(MSR_SYSENTER_ESP, stack);
	write_msr(MSR_SYSENTER_EIP, (uint64_t)sysenter_target);
	CHECK_EQ(do_sysenter(), stack);
	asm volatile("movw %%cs, %0; movw %%ss, %1" : "=r" (cs), "=r" (ss));
	CHECK_EQ(cs, CODE_SELECTOR);
	CHECK_EQ(ss, STACK_SELECTOR);

	/* SDM vol. 2, SYSENTER: #GP(0) with a null SYSENTER_CS. */
	write_msr(MSR_SYSENTER_CS, 0);
	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN "sysenter" PROBE_END : PROBE_OUT : : "memory");
	probe.insn = 0;
	CHECK_EQ(probe.vector, GENERAL_PROTECTION);
	return NULL;
}
