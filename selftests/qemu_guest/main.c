// SPDX-License-Identifier: GPL-2.0
/* Runs the tests, or the heartbeat when the command line asks for it. */
#include "guest.h"

/* -device isa-debug-exit,iobase=0xf4 */
#define DEBUG_EXIT	0xf4

#define MULTIBOOT_HAS_COMMAND_LINE	BIT(2)

static const struct {
	const char *name;
	const char *(*run)(void);
} tests[] = {
	{ "IA32_PAT", test_pat },
	{ "IA32_SYSENTER_CS, _ESP, _EIP", test_sysenter_msrs },
	{ "IA32_STAR, LSTAR, CSTAR, FMASK", test_syscall_msrs },
	{ "IA32_FS_BASE, GS_BASE, KERNEL_GS_BASE and SWAPGS", test_bases },
	{ "IA32_EFER", test_efer },
	{ "IA32_MISC_ENABLE", test_misc_enable },
	{ "IA32_APIC_BASE", test_apic_base },
	{ "MSRs that are not there: #GP(0)", test_unknown },
	{ "RDMSR and WRMSR and the upper halves of registers", test_registers },
	{ "MSR_CORE_THREAD_COUNT, which QEMU answers", test_core_thread_count },
	{ "SYSCALL goes where STAR, LSTAR and FMASK say", test_syscall },
	{ "SYSENTER goes where its MSRs say", test_sysenter },
	{ "IA32_TIME_STAMP_COUNTER", test_tsc },
	{ "IA32_TSC_ADJUST", test_tsc_adjust },
	{ "IA32_MTRRCAP", test_mtrr_cap },
	{ "IA32_MTRR_DEF_TYPE", test_mtrr_def_type },
	{ "IA32_MTRR_FIX*", test_mtrr_fixed },
	{ "IA32_MTRR_PHYSBASE, PHYSMASK", test_mtrr_variable },
	{ "IA32_MCG_CAP, MCG_STATUS, MCG_CTL", test_mcg },
	{ "IA32_MCi_CTL, MCi_STATUS", test_mc_banks },
	{ "CPUID", test_cpuid },
	{ "CPUID beyond the last leaf", test_cpuid_limits },
	{ "XGETBV, XSETBV and CPUID's OSXSAVE", test_xsave },
	{ "INSB, one and repeated", test_string_in },
	{ "INSB over page boundaries", test_string_in_pages },
	{ "INSB downwards", test_string_in_down },
	{ "MMIO reads of 8, 16, 32 and 64 bits", test_mmio_sizes },
	{ "MMIO reads to each register", test_mmio_registers },
	{ "MMIO reads with each way to address", test_mmio_addressing },
	{ "MMIO reads by MOVZX and MOVSX", test_mmio_extending },
	{ "MMIO writes", test_mmio_write },
};

void leave(unsigned int status)
{
	out32(DEBUG_EXIT, status);
	for (;;)
		asm volatile("hlt");
}

/* The last word of the command line, behind the name of the image. */
static bool command_line_says(const uint32_t *multiboot_info, const char *word)
{
	const char *text = "", *s;

	if (multiboot_info[0] & MULTIBOOT_HAS_COMMAND_LINE)
		text = (const char *)(uint64_t)multiboot_info[4];
	for (s = text; *s; s++) {
		if (*s == ' ')
			text = s + 1;
	}
	while (*word && *word == *text) {
		word++;
		text++;
	}
	return *word == *text;
}

void guest_main(const uint32_t *multiboot_info)
{
	bool passed = true;

	exceptions_init();
	if (command_line_says(multiboot_info, "heartbeat"))
		heartbeat();

	say("KTAP version 1\n1..%u\n", (uint64_t)ARRAY_SIZE(tests));
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		const char *skipped = tests[i].run();

		passed &= report(i + 1, tests[i].name, skipped);
	}
	leave(passed ? EXIT_PASSED : EXIT_FAILED);
}
