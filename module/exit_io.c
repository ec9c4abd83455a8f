// SPDX-License-Identifier: GPL-2.0-only
/*
 * IN, OUT, INS and OUTS: the client does the I/O, minihv the instruction.
 *
 * SDM vol. 3, tables "Exit Qualification for I/O Instructions" and "Format of
 * the VM-Exit Instruction-Information Field as Used for INS and OUTS".
 */
#include <linux/bitfield.h>
#include <linux/minmax.h>
#include <asm/traps.h>

#include "compat.h"
#include "exit.h"
#include "segment.h"
#include "skip_insn.h"
#include "vcpu.h"

#define IO_SIZE		GENMASK(2, 0)	/* bytes - 1 */
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)
#define IO_REP		BIT(5)
#define IO_PORT		GENMASK(31, 16)

#define INFO_ADDRESS_SIZE	GENMASK(9, 7)	/* 0: 16, 1: 32, 2: 64 bits */
#define INFO_SEGMENT		GENMASK(17, 15)	/* of OUTS; that of INS is ES */

static unsigned int io_size(const struct vcpu *vcpu)
{
	return FIELD_GET(IO_SIZE, vcpu->exit.qualification) + 1;
}

static unsigned long address_mask(const struct vcpu *vcpu)
{
	switch (FIELD_GET(INFO_ADDRESS_SIZE, vcpu->exit.insn_info)) {
	case 0:
		return 0xffff;
	case 1:
		return 0xffffffff;
	default:
		return ~0ul;
	}
}

/* A register of the instruction's address size; a 32-bit one clears the upper half. */
static void set_register(struct vcpu *vcpu, enum gpr gpr, unsigned long value)
{
	unsigned long mask = address_mask(vcpu);
	unsigned long *reg = &vcpu->vmenter.regs[gpr];

	*reg = mask == 0xffff ? (*reg & ~mask) | (value & mask) : value & mask;
}

static int ask_client(struct vcpu *vcpu, u32 count, int (*complete)(struct vcpu *vcpu))
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = vcpu->exit.qualification & IO_IN ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = io_size(vcpu);
	run->io.port = FIELD_GET(IO_PORT, vcpu->exit.qualification);
	run->io.count = count;
	run->io.data_offset = PAGE_SIZE;
	vcpu->complete = complete;
	vcpu->complete_rip = vcpu->rip;
	vcpu->pio_count = count;
	return 0;
}

static int complete_in(struct vcpu *vcpu)
{
	unsigned int size = io_size(vcpu);
	unsigned long *rax = &vcpu->vmenter.regs[GPR_RAX];
	u32 value = 0;

	memcpy(&value, vcpu->pio_data, size);
	/* A 32-bit result clears the upper half of RAX, shorter ones leave the rest. */
	if (size == 4)
		*rax = value;
	else
		*rax = (*rax & ~(BIT(8 * size) - 1)) | value;
	vcpu_skip_insn(vcpu);
	return 1;
}

static int complete_out(struct vcpu *vcpu)
{
	vcpu_skip_insn(vcpu);
	return 1;
}

static int inject_pf(struct vcpu *vcpu, u64 linear, u32 error_code)
{
	vcpu_inject_pf(vcpu, linear, error_code);
	return 1;
}

/* A linear address further on. Outside of 64-bit code they wrap at 4 GiB; to ask takes the VMCS. */
static u64 advance(struct vcpu *vcpu, u64 linear, unsigned int len)
{
	u64 next = linear + len;

	return next >> 32 == linear >> 32 || vcpu_is_64bit_code(vcpu) ? next : (u32)next;
}

/*
 * Move @len bytes between the client's page and guest memory. They may cross one
 * page boundary. Returns 1 if the guest gets a page fault instead.
 */
static int move_string(struct vcpu *vcpu, u64 linear, void *data, unsigned int len)
{
	bool in = vcpu->exit.qualification & IO_IN;
	unsigned int chunk;
	u32 error_code;
	u64 gpa;
	int ret;

	for (; len; len -= chunk, linear = advance(vcpu, linear, chunk), data += chunk) {
		chunk = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(linear));
		ret = vcpu_gva_to_gpa(vcpu, linear, in ? GVA_WRITE : GVA_READ, &gpa, &error_code);
		if (ret == -ENXIO)
			return inject_pf(vcpu, linear, error_code);
		if (ret)
			return ret;
		ret = in ? vm_write_guest(vcpu->vm, gpa, data, chunk) :
			   vm_read_guest(vcpu->vm, gpa, data, chunk);
		if (ret)
			return ret == -ENOENT ? -EFAULT : ret;
	}
	return 0;
}

/*
 * INS reads the device once: whether the guest's memory can take it is found out
 * before, for the first byte and for the last. Returns 1 for a page fault.
 */
static int check_string_in(struct vcpu *vcpu, unsigned int len)
{
	u64 linear[2] = { vcpu->exit.linear, advance(vcpu, vcpu->exit.linear, len - 1) }, gpa;
	u32 error_code;
	int i, ret;

	for (i = 0; i < 2; i++) {
		ret = vcpu_gva_to_gpa(vcpu, linear[i], GVA_WRITE, &gpa, &error_code);
		if (ret == -ENXIO)
			return inject_pf(vcpu, i ? linear[1] & PAGE_MASK : linear[0], error_code);
		if (ret)
			return ret;
	}
	return 0;
}

/* How many elements go in one exit: to the page's end, at most what was asked. */
static u32 string_count(struct vcpu *vcpu)
{
	unsigned int size = io_size(vcpu);
	unsigned long rcx = vcpu->vmenter.regs[GPR_RCX] & address_mask(vcpu);
	unsigned int room;

	if (!(vcpu->exit.qualification & IO_REP))
		return 1;
	/* A guest may step from one to the next. Downwards is rare, and it would be in reverse. */
	if (vcpu->rflags & (X86_EFLAGS_TF | X86_EFLAGS_DF))
		return min(rcx, 1ul);
	room = (PAGE_SIZE - offset_in_page(vcpu->exit.linear)) / size;
	return min_t(unsigned long, rcx, max(room, 1u));
}

/*
 * The exit comes before the CPU has looked at the segment. Cuts *@count to what can go in one
 * row of addresses. Returns 1 if the guest gets #GP or #SS instead.
 */
static int check_segment(struct vcpu *vcpu, u32 *count)
{
	bool in = vcpu->exit.qualification & IO_IN;
	u64 mask = address_mask(vcpu), room;
	struct segment_access access = {
		.segment = in ? SEG_ES : FIELD_GET(INFO_SEGMENT, vcpu->exit.insn_info),
		.offset = vcpu->vmenter.regs[in ? GPR_RDI : GPR_RSI] & mask,
		.size = io_size(vcpu),
		.write = in,
	};
	int ret;

	ret = segment_check(vcpu, &access);
	if (ret == -ENXIO) {
		vcpu_inject_exception(vcpu, access.segment == SEG_SS ? SS_VECTOR : GP_VECTOR,
				      true, 0);
		return 1;
	}
	if (ret)
		return ret;
	room = min_t(u64, min(access.last, mask) - access.offset, PAGE_SIZE) + 1;
	*count = min_t(u64, *count, max_t(u64, room / access.size, 1));
	return 0;
}

/*
 * How many elements the client's answer is good for. It may have written RCX
 * meanwhile: the instruction goes on with what is there.
 */
static u32 answered(struct vcpu *vcpu)
{
	unsigned long rcx = vcpu->vmenter.regs[GPR_RCX] & address_mask(vcpu);

	if (!(vcpu->exit.qualification & IO_REP))
		return vcpu->pio_count;
	return min_t(unsigned long, vcpu->pio_count, rcx);
}

/*
 * SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ": events come between iterations, too, and then the flags
 * that they save have RF (vol. 3, "Instruction-Breakpoint Exception Condition"). The shadow was the
 * first one's.
 */
static void end_iteration(struct vcpu *vcpu)
{
	if (vcpu->rflags & X86_EFLAGS_TF)
		vcpu_inject_db(vcpu, DR_STEP);
	vcpu->rflags |= X86_EFLAGS_RF;
	vcpu->interruptibility &= ~SHADOWS;
	vcpu->dirty |= DIRTY_REGS;
}

/* Advance RSI or RDI, and RCX; behind the instruction when it is done. */
static void advance_string(struct vcpu *vcpu, u32 count)
{
	enum gpr index = vcpu->exit.qualification & IO_IN ? GPR_RDI : GPR_RSI;
	unsigned long *regs = vcpu->vmenter.regs;
	long step = (long)count * io_size(vcpu);

	if (vcpu->rflags & X86_EFLAGS_DF)
		step = -step;
	set_register(vcpu, index, regs[index] + step);
	if (vcpu->exit.qualification & IO_REP) {
		set_register(vcpu, GPR_RCX, regs[GPR_RCX] - count);
		if (regs[GPR_RCX] & address_mask(vcpu)) {
			end_iteration(vcpu);
			return;
		}
	}
	vcpu_skip_insn(vcpu);
}

static int complete_ins(struct vcpu *vcpu)
{
	u32 count = answered(vcpu);
	int ret;

	ret = move_string(vcpu, vcpu->exit.linear, vcpu->pio_data, count * io_size(vcpu));
	if (ret)
		return ret;
	advance_string(vcpu, count);
	return 1;
}

static int complete_outs(struct vcpu *vcpu)
{
	advance_string(vcpu, answered(vcpu));
	return 1;
}

static int handle_string(struct vcpu *vcpu)
{
	bool in = vcpu->exit.qualification & IO_IN;
	u32 count = string_count(vcpu);
	int ret;

	if (!count) {
		vcpu_skip_insn(vcpu);
		return 1;
	}
	ret = check_segment(vcpu, &count);
	if (ret)
		return ret;
	if (in) {
		ret = check_string_in(vcpu, count * io_size(vcpu));
		return ret ?: ask_client(vcpu, count, complete_ins);
	}
	ret = move_string(vcpu, vcpu->exit.linear, vcpu->pio_data, count * io_size(vcpu));
	return ret ?: ask_client(vcpu, count, complete_outs);
}

/**
 * handle_io() - the guest executed an I/O instruction
 * @vcpu: the vCPU
 *
 * Return: 0 with KVM_EXIT_IO for the client; 1 to go on; -EFAULT if guest memory
 * is gone from the process; -ENOMEM or -EINTR, and the instruction is still to be
 * executed; or an error of vcpu_vmcs_get().
 */
int handle_io(struct vcpu *vcpu)
{
	if (!vcpu_io_page(vcpu))
		return -ENOMEM;
	if (vcpu->exit.qualification & IO_STRING)
		return handle_string(vcpu);
	if (vcpu->exit.qualification & IO_IN)
		return ask_client(vcpu, 1, complete_in);
	memcpy(vcpu->pio_data, &vcpu->vmenter.regs[GPR_RAX], io_size(vcpu));
	return ask_client(vcpu, 1, complete_out);
}
