// SPDX-License-Identifier: GPL-2.0
/*
 * MOV from and to devices. Reads are of a virtio-mmio transport without a device
 * behind it, which answers accesses of each size; writes are to the I/O APIC.
 */
#include "guest.h"

#define VIRTIO		0xfeb00000ull
#define VIRTIO_MAGIC	0x74726976ull	/* "virt" */
#define VIRTIO_VERSION	1ull		/* at offset 4 */
#define VIRTIO_VENDOR	0x554d4551ull	/* "QEMU", at offset 12 */

#define IOAPIC		0xfec00000ull	/* selects at 0; window at 16 */
#define IOAPIC_VERSION	0x01
#define IOAPIC_ENTRY0	0x10
#define ENTRY_MASKED	BIT(16)

static const uint64_t poison = POISON;

/* The part of the destination that an access leaves alone, and the one it sets. */
const char *test_mmio_sizes(void)
{
	uint64_t rax = poison;

	asm volatile("movb (%1), %b0" : "+q" (rax) : "r" (VIRTIO) : "memory");
	CHECK_EQ(rax, (poison & ~0xffull) | (VIRTIO_MAGIC & 0xff));
	rax = poison;
	asm volatile("movw (%1), %w0" : "+r" (rax) : "r" (VIRTIO) : "memory");
	CHECK_EQ(rax, (poison & ~0xffffull) | (VIRTIO_MAGIC & 0xffff));
	rax = poison;
	asm volatile("movl (%1), %k0" : "+r" (rax) : "r" (VIRTIO) : "memory");
	CHECK_EQ(rax, VIRTIO_MAGIC);
	rax = poison;
	asm volatile("movq (%1), %0" : "+r" (rax) : "r" (VIRTIO) : "memory");
	CHECK_EQ(rax, VIRTIO_VERSION << 32 | VIRTIO_MAGIC);
	return NULL;
}

#define READ_TO(reg32, reg)							\
do {										\
	uint64_t got;								\
										\
	asm volatile("movq %2, %%" reg "\n\t"					\
		     "movl (%1), %%" reg32 "\n\t"				\
		     "movq %%" reg ", %0"					\
		     : "=r" (got) : "r" (VIRTIO), "m" (poison) : reg, "memory");	\
	CHECK_EQ(got, VIRTIO_MAGIC);						\
} while (0)

/* The stack and the frame pointer: nothing else may happen meanwhile. */
#define READ_TO_KEPT(reg32, reg)						\
do {										\
	uint64_t got;								\
										\
	asm volatile("movq %%" reg ", %%r10\n\t"				\
		     "movl (%1), %%" reg32 "\n\t"				\
		     "movq %%" reg ", %0\n\t"					\
		     "movq %%r10, %%" reg					\
		     : "=&a" (got) : "c" (VIRTIO) : "r10", "memory");		\
	CHECK_EQ(got, VIRTIO_MAGIC);						\
} while (0)

const char *test_mmio_registers(void)
{
	uint64_t value = poison;

	READ_TO("eax", "rax");
	READ_TO("ebx", "rbx");
	READ_TO("ecx", "rcx");
	READ_TO("edx", "rdx");
	READ_TO("esi", "rsi");
	READ_TO("edi", "rdi");
	READ_TO("r8d", "r8");
	READ_TO("r9d", "r9");
	READ_TO("r10d", "r10");
	READ_TO("r11d", "r11");
	READ_TO("r12d", "r12");
	READ_TO("r13d", "r13");
	READ_TO("r14d", "r14");
	READ_TO("r15d", "r15");
	READ_TO_KEPT("esp", "rsp");
	READ_TO_KEPT("ebp", "rbp");

	/* Number 7 is BH without a REX prefix, and DIL with one. */
	asm volatile("movb (%1), %%bh" : "+b" (value) : "a" (VIRTIO) : "memory");
	CHECK_EQ(value, (poison & ~0xff00ull) | (VIRTIO_MAGIC & 0xff) << 8);
	value = poison;
	asm volatile("movb (%1), %%dil" : "+D" (value) : "a" (VIRTIO) : "memory");
	CHECK_EQ(value, (poison & ~0xffull) | (VIRTIO_MAGIC & 0xff));
	return NULL;
}

/* What is at @address, which may use RAX, RCX, R12 and R13. */
#define READ_AT(address, rax, rcx)						\
({										\
	uint64_t __got;								\
										\
	asm volatile("movq %%rax, %%r12\n\t"					\
		     "movq %%rax, %%r13\n\t"					\
		     "movl " address ", %k0"					\
		     : "=&r" (__got) : "a" (rax), "c" (rcx) : "r12", "r13", "memory");	\
	__got;									\
})

const char *test_mmio_addressing(void)
{
	uint64_t got;

	CHECK_EQ(READ_AT("4(%%rax)", VIRTIO, 0), VIRTIO_VERSION);
	CHECK_EQ(READ_AT("-4(%%rax)", VIRTIO + 4, 0), VIRTIO_MAGIC);
	CHECK_EQ(READ_AT("0x1000(%%rax)", VIRTIO - 0x1000, 0), VIRTIO_MAGIC);
	CHECK_EQ(READ_AT("(%%rax, %%rcx)", VIRTIO, 12), VIRTIO_VENDOR);
	CHECK_EQ(READ_AT("4(%%rax, %%rcx, 8)", VIRTIO, 1), VIRTIO_VENDOR);
	CHECK_EQ(READ_AT("-0x1000(%%rax, %%rcx, 4)", VIRTIO, 0x400), VIRTIO_MAGIC);
	CHECK_EQ(READ_AT("8(, %%rcx, 4)", 0, (VIRTIO + 4) / 4), VIRTIO_VENDOR);
	/* These two are encoded as no other registers are. */
	CHECK_EQ(READ_AT("(%%r12)", VIRTIO, 0), VIRTIO_MAGIC);
	CHECK_EQ(READ_AT("(%%r13)", VIRTIO, 0), VIRTIO_MAGIC);
	CHECK_EQ(READ_AT("(%%eax)", POISON << 32 | VIRTIO, 0), VIRTIO_MAGIC);
	asm volatile("movabsl 0xfeb00000, %%eax" : "=a" (got) : : "memory");
	CHECK_EQ(got, VIRTIO_MAGIC);
	return NULL;
}

#define READ_EXTENDED(insn, dest, address)					\
({										\
	uint64_t __got = poison;						\
										\
	asm volatile(insn " (%1), %" dest "0" : "+r" (__got) : "r" (address) : "memory");	\
	__got;									\
})

/* Bytes of the magic are below 0x80: the sign bit that is copied is 0. */
const char *test_mmio_extending(void)
{
	CHECK_EQ(READ_EXTENDED("movzbl", "k", VIRTIO), VIRTIO_MAGIC & 0xff);
	CHECK_EQ(READ_EXTENDED("movzwl", "k", VIRTIO), VIRTIO_MAGIC & 0xffff);
	CHECK_EQ(READ_EXTENDED("movzbq", "q", VIRTIO), VIRTIO_MAGIC & 0xff);
	CHECK_EQ(READ_EXTENDED("movzbw", "w", VIRTIO),
		 (poison & ~0xffffull) | (VIRTIO_MAGIC & 0xff));
	CHECK_EQ(READ_EXTENDED("movsbl", "k", VIRTIO), VIRTIO_MAGIC & 0xff);
	CHECK_EQ(READ_EXTENDED("movswq", "q", VIRTIO), VIRTIO_MAGIC & 0xffff);
	CHECK_EQ(READ_EXTENDED("movslq", "q", VIRTIO), VIRTIO_MAGIC);
	return NULL;
}

static uint32_t ioapic_read(uint32_t reg)
{
	uint32_t value;

	asm volatile("movl %1, (%2); movl 0x10(%2), %0"
		     : "=&r" (value) : "r" (reg), "r" (IOAPIC) : "memory");
	return value;
}

/* From a register, and from the instruction; 32 bits to the window, 8 to select. */
const char *test_mmio_write(void)
{
	uint8_t selected;

	CHECK_EQ((ioapic_read(IOAPIC_VERSION) >> 16) + 1, 24);	/* inputs */

	asm volatile("movl %0, (%2); movl %1, 0x10(%2)"
		     : : "r" (IOAPIC_ENTRY0), "r" ((uint32_t)ENTRY_MASKED | 0x31), "r" (IOAPIC)
		     : "memory");
	CHECK_EQ(ioapic_read(IOAPIC_ENTRY0), ENTRY_MASKED | 0x31);
	asm volatile("movl $0x10, (%0); movl $0x10032, 0x10(%0)" : : "r" (IOAPIC) : "memory");
	CHECK_EQ(ioapic_read(IOAPIC_ENTRY0), ENTRY_MASKED | 0x32);
	asm volatile("movb $0x01, (%1); movb (%1), %0" : "=q" (selected) : "r" (IOAPIC) : "memory");
	CHECK_EQ(selected, IOAPIC_VERSION);
	asm volatile("movb %b0, (%1)" : : "q" (IOAPIC_ENTRY0), "r" (IOAPIC) : "memory");
	asm volatile("movl $0x10033, 0x10(%0)" : : "r" (IOAPIC) : "memory");
	CHECK_EQ(ioapic_read(IOAPIC_ENTRY0), ENTRY_MASKED | 0x33);
	asm volatile("movl %%eax, %%r9d; movl %%r9d, (%1); movl $0x10000, 0x10(%1)"
		     : : "a" (IOAPIC_ENTRY0), "c" (IOAPIC) : "r9", "memory");
	CHECK_EQ(ioapic_read(IOAPIC_ENTRY0), ENTRY_MASKED);
	return NULL;
}
