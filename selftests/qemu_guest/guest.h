/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest's files share. Expectations in them are the SDM's, for a CPU
 * as QEMU's microvm with "-cpu host,-apic" has it, and those of QEMU's devices.
 */
#ifndef QEMU_GUEST_H
#define QEMU_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n)		(1ull << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define INVALID_OPCODE	6
#define GENERAL_PROTECTION	13
#define NO_EXCEPTION	(~0ull)

/* What a register holds before an instruction that should set or spare it. */
#define POISON		0xa5a5a5a5a5a5a5a5ull
/* Bits 63 to 47 differ: no address. */
#define NOT_CANONICAL	0x0000800000000000ull

#define CR4_OSXSAVE	BIT(18)

/* report.c */
void say(const char *format, ...);
void check_eq(const char *file, int line, const char *what, uint64_t got, uint64_t want);
bool report(unsigned int number, const char *name, const char *skipped);

#define CHECK_EQ(got, want) \
	check_eq(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))
#define CHECK(condition) \
	check_eq(__FILE__, __LINE__, #condition, !!(condition), 1)

/* main.c: boot.S calls it. */
void guest_main(const uint32_t *multiboot_info);

/* Ends QEMU, whose exit status is (status << 1) | 1. */
#define EXIT_PASSED	0x10
#define EXIT_FAILED	0x11
#define EXIT_CONFUSED	0x12
void leave(unsigned int status) __attribute__((noreturn));

/*
 * exception.c: an instruction that may fault says where it is, and where to go
 * on if it does. An exception anywhere else ends the guest.
 */
struct probe {
	uint64_t insn;
	uint64_t resume;
	uint64_t vector;	/* NO_EXCEPTION: it was carried out */
	uint64_t error_code;
};

extern volatile struct probe probe;

/* boot.S: a stub for each vector, and what the first one and the CPU leave. */
extern const char exception_stubs[];

struct exception_frame {
	uint64_t vector;
	uint64_t error_code;
	uint64_t rip;
	uint64_t cs;
	uint64_t rflags;
	uint64_t rsp;
	uint64_t ss;
};

void exception(struct exception_frame *frame);
void exceptions_init(void);

#define PROBE_BEGIN	"movq $1f, %0\n\tmovq $2f, %1\n\t1: "
#define PROBE_END	"\n2:\n\t"
/* The first two outputs of the asm. */
#define PROBE_OUT	"=m" (probe.insn), "=m" (probe.resume)

/* Each returns the vector of the exception, or NO_EXCEPTION. */
uint64_t rdmsr_safe(uint32_t index, uint64_t *value);
uint64_t wrmsr_safe(uint32_t index, uint64_t value);

/* msr.c: these check what they do; expects_gp() also that the MSR kept its value. */
uint64_t read_msr(uint32_t index);
void write_msr(uint32_t index, uint64_t value);
void takes(uint32_t index, uint64_t value);
void expects_gp(uint32_t index, uint64_t value);

struct cpuid {
	uint32_t eax;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c;

	asm volatile("cpuid" : "=a" (c.eax), "=b" (c.ebx), "=c" (c.ecx), "=d" (c.edx)
		     : "a" (leaf), "c" (subleaf));
	return c;
}

static inline unsigned int physical_bits(void)
{
	return cpuid(0x80000008, 0).eax & 0xff;
}

static inline uint64_t read_tsc(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t read_cr4(void)
{
	uint64_t value;

	asm volatile("movq %%cr4, %0" : "=r" (value) : : "memory");
	return value;
}

static inline void write_cr4(uint64_t value)
{
	asm volatile("movq %0, %%cr4" : : "r" (value) : "memory");
}

static inline void out16(uint16_t port, uint16_t value)
{
	asm volatile("outw %0, %1" : : "a" (value), "Nd" (port) : "memory");
}

static inline void out32(uint16_t port, uint32_t value)
{
	asm volatile("outl %0, %1" : : "a" (value), "Nd" (port) : "memory");
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

/*
 * The tests. Each checks something and returns NULL, or why it was skipped.
 */
const char *test_pat(void);
const char *test_sysenter_msrs(void);
const char *test_syscall_msrs(void);
const char *test_bases(void);
const char *test_efer(void);
const char *test_misc_enable(void);
const char *test_apic_base(void);
const char *test_unknown(void);
const char *test_registers(void);
const char *test_core_thread_count(void);
const char *test_syscall(void);
const char *test_sysenter(void);
const char *test_tsc(void);
const char *test_tsc_adjust(void);
const char *test_mtrr_cap(void);
const char *test_mtrr_def_type(void);
const char *test_mtrr_fixed(void);
const char *test_mtrr_variable(void);
const char *test_mcg(void);
const char *test_mc_banks(void);
const char *test_cpuid(void);
const char *test_cpuid_limits(void);
const char *test_xsave(void);
const char *test_string_in(void);
const char *test_string_in_pages(void);
const char *test_string_in_down(void);
const char *test_mmio_sizes(void);
const char *test_mmio_registers(void);
const char *test_mmio_addressing(void);
const char *test_mmio_extending(void);
const char *test_mmio_write(void);

/* syscall.c: where those instructions lead, and where SYSCALL was. */
extern const char syscall_return[], syscall_target[], sysenter_target[];

/* heartbeat.c: does not return. */
void heartbeat(void);

#endif
