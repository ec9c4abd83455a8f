// SPDX-License-Identifier: GPL-2.0
/* The IDT, and instructions that are expected to fault. */
#include "guest.h"

#define CODE_SELECTOR	0x08
#define INTERRUPT_GATE	0x8e00ull
#define STUB_SIZE	16

volatile struct probe probe;

void exception(struct exception_frame *frame)
{
	if (!probe.insn || frame->rip != probe.insn) {
		say("# vector %u, error code 0x%x, at 0x%x; what may fault is at 0x%x\n",
		    frame->vector, frame->error_code, frame->rip, probe.insn);
		leave(EXIT_CONFUSED);
	}
	probe.vector = frame->vector;
	probe.error_code = frame->error_code;
	frame->rip = probe.resume;
}

void exceptions_init(void)
{
	static uint64_t idt[32][2];
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = { sizeof(idt) - 1, (uint64_t)idt };

	for (size_t i = 0; i < ARRAY_SIZE(idt); i++) {
		uint64_t stub = (uint64_t)exception_stubs + i * STUB_SIZE;

		idt[i][0] = (stub & 0xffff) | CODE_SELECTOR << 16 | INTERRUPT_GATE << 32 |
			    (stub & 0xffff0000) << 32;
		idt[i][1] = stub >> 32;
	}
	asm volatile("lidt %0" : : "m" (idtr));
}

/* A failed RDMSR leaves RAX and RDX alone; another sets all of both. */
uint64_t rdmsr_safe(uint32_t index, uint64_t *value)
{
	uint64_t rax = POISON, rdx = POISON;

	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN "rdmsr" PROBE_END
		     : PROBE_OUT, "+a" (rax), "+d" (rdx)
		     : "c" (index) : "memory");
	probe.insn = 0;
	if (probe.vector == NO_EXCEPTION) {
		CHECK_EQ(rax >> 32, 0);
		CHECK_EQ(rdx >> 32, 0);
		*value = rdx << 32 | (uint32_t)rax;
	} else {
		CHECK_EQ(rax, POISON);
		CHECK_EQ(rdx, POISON);
	}
	return probe.vector;
}

/* WRMSR does not look at the upper halves of RAX, RCX and RDX. */
uint64_t wrmsr_safe(uint32_t index, uint64_t value)
{
	uint64_t upper = POISON << 32;

	probe.vector = NO_EXCEPTION;
	asm volatile(PROBE_BEGIN "wrmsr" PROBE_END
		     : PROBE_OUT
		     : "c" (upper | index), "a" (upper | (uint32_t)value), "d" (upper | value >> 32)
		     : "memory");
	probe.insn = 0;
	return probe.vector;
}
