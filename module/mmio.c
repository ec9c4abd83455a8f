// SPDX-License-Identifier: GPL-2.0-only
/*
 * MMIO: a MOV to or from an address where there is no memory, or a MOV to memory
 * that is read-only. The client has the device, minihv carries out the MOV.
 *
 * The CPU gives the address and says whether it is a write, but not how many
 * bytes, which register, or where the next instruction is: insn.c finds that out.
 * Instructions that it does not know are refused.
 *
 * SDM vol. 3, table "Exit Qualification for EPT Violations".
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "compat.h"
#include "exit.h"
#include "insn.h"
#include "lapic.h"
#include "skip_insn.h"
#include "vcpu.h"

/*
 * Is it this access that made the VM exit? If not, another page was touched, or
 * another CPU has changed the code meanwhile.
 */
static bool is_the_access(const struct vcpu *vcpu, const struct insn *insn)
{
	const struct vcpu_mmio *mmio = &vcpu->mmio;
	bool write = vcpu->exit.qualification & EPT_VIOLATION_ACC_WRITE;

	return mmio->write == write && insn_linear_address(insn) == vcpu->exit.linear &&
	       offset_in_page(mmio->gpa) + mmio->len <= PAGE_SIZE;
}

/* As KVM's, with exit reason, qualification and guest-physical address as debug data. */
static int refuse(struct vcpu *vcpu, const struct insn *insn)
{
	struct kvm_run *run = vcpu->run;
	u32 n = 1;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.flags = 0;
	if (insn->fetched) {
		run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
		run->emulation_failure.insn_size = insn->fetched;
		memcpy(run->emulation_failure.insn_bytes, insn->bytes, INSN_MAX);
		n += 2;
	}
	run->internal.data[n++] = vcpu->exit.reason;
	run->internal.data[n++] = vcpu->exit.qualification;
	run->internal.data[n++] = vcpu->exit.gpa;
	run->emulation_failure.ndata = n;
	return 0;
}

/* The CPU was delivering an event: no instruction is under way that could be emulated. */
static int refuse_delivery(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	run->internal.ndata = 5;
	run->internal.data[0] = vcpu->exit.vectoring;
	run->internal.data[1] = vcpu->exit.reason;
	run->internal.data[2] = vcpu->exit.qualification;
	run->internal.data[3] = vcpu->exit.gpa;
	run->internal.data[4] = vcpu->exit.cpu;
	return 0;
}

static void load_gpr(struct vcpu *vcpu, const struct vcpu_mmio *mmio)
{
	unsigned long *gpr = &vcpu->vmenter.regs[mmio->gpr], mask;
	unsigned int shift = mmio->high_byte ? 8 : 0;
	u64 data = mmio->data;

	if (mmio->sign_extend)
		data = sign_extend64(data, 8 * mmio->len - 1);
	/* A 32-bit result clears the upper half, shorter ones leave the rest. */
	if (mmio->gpr_len >= 4) {
		*gpr = mmio->gpr_len == 4 ? (u32)data : data;
		return;
	}
	mask = (BIT(8 * mmio->gpr_len) - 1) << shift;
	*gpr = (*gpr & ~mask) | (data << shift & mask);
}

/* The device has done its part: finish the instruction. */
static int complete_mmio(struct vcpu *vcpu)
{
	if (!vcpu->mmio.write)
		load_gpr(vcpu, &vcpu->mmio);
	vcpu_skip_insn(vcpu);
	return 1;
}

static int complete_by_client(struct vcpu *vcpu)
{
	if (!vcpu->mmio.write)
		memcpy(&vcpu->mmio.data, vcpu->run->mmio.data, vcpu->mmio.len);
	return complete_mmio(vcpu);
}

static int ask_client(struct vcpu *vcpu)
{
	const struct vcpu_mmio *mmio = &vcpu->mmio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = mmio->gpa;
	run->mmio.len = mmio->len;
	run->mmio.is_write = mmio->write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	memcpy(run->mmio.data, &mmio->data, mmio->len);
	vcpu->complete = complete_by_client;
	vcpu->complete_rip = vcpu->rip;
	return 0;
}

/* Whose the address is: the local APIC's, or the client's. */
static int access(struct vcpu *vcpu)
{
	struct vcpu_mmio *mmio = &vcpu->mmio;

	if (lapic_mmio(vcpu, mmio->gpa, &mmio->data, mmio->len, mmio->write))
		return complete_mmio(vcpu);
	return ask_client(vcpu);
}

/**
 * handle_mmio() - the guest touched an address that is no memory, or wrote to ROM
 * @vcpu: the vCPU; the exit is an EPT violation
 *
 * Return: 0 with KVM_EXIT_MMIO for the client, or with KVM_EXIT_INTERNAL_ERROR
 * for an access that is not a MOV's; 1 to go on; -EFAULT if the process has no
 * memory behind the instruction; -EINTR when killed; -ESHUTDOWN.
 */
int handle_mmio(struct vcpu *vcpu)
{
	unsigned long operand = EPT_VIOLATION_GVA_IS_VALID | EPT_VIOLATION_GVA_TRANSLATED;
	struct insn insn = {};
	int ret;

	if (vcpu->exit.vectoring)
		return refuse_delivery(vcpu);
	/* A walk of the guest's page tables, or an instruction that is not in memory. */
	if ((vcpu->exit.qualification & operand) != operand ||
	    vcpu->exit.qualification & EPT_VIOLATION_ACC_INSTR)
		return refuse(vcpu, &insn);

	ret = insn_decode_mov(vcpu, &insn, &vcpu->mmio);
	if (ret == -ENXIO) {
		vcpu_inject_pf(vcpu, insn.fetch_linear, insn.error_code);
		return 1;
	}
	if (ret && ret != -EOPNOTSUPP)
		return ret;
	vcpu->mmio.gpa = vcpu->exit.gpa;
	if (ret || !is_the_access(vcpu, &insn))
		return refuse(vcpu, &insn);
	vcpu->exit.insn_len = insn.len;
	return access(vcpu);
}
