// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers, as the guest reads and writes them: in a page of
 * memory (xAPIC) or as MSRs 0x800 to 0x8ff (x2APIC).
 *
 * SDM vol. 3, tables "Local APIC Register Address Map" and "Local APIC Register
 * Address Map Supported by x2APIC".
 */
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "compat.h"
#include "lapic.h"

#define SPIV_WRITABLE		(APIC_VECTOR_MASK | APIC_SPIV_APIC_ENABLED | \
				 APIC_SPIV_FOCUS_DISABLED)
#define TDCR_WRITABLE		0xbu
#define ICR_WRITABLE		(APIC_VECTOR_MASK | APIC_DM_FIXED_MASK | APIC_DEST_LOGICAL | \
				 APIC_INT_ASSERT | APIC_INT_LEVELTRIG | APIC_DEST_ALLBUT)

/* What each LVT entry can hold. */
static u32 lvt_writable(const struct lapic *lapic, unsigned int reg)
{
	u32 common = APIC_VECTOR_MASK | APIC_LVT_MASKED;

	switch (reg) {
	case APIC_LVTT:
		return common | APIC_LVT_TIMER_PERIODIC |
		       (cpuid_has(&lapic->vcpu->cpuid, FEATURE_TSC_DEADLINE) ?
			APIC_LVT_TIMER_TSCDEADLINE : 0);
	case APIC_LVTERR:
		return common;
	case APIC_LVT0:
	case APIC_LVT1:
		return common | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER;
	default:
		return common | APIC_MODE_MASK;
	}
}

static bool is_lvt(unsigned int reg)
{
	return reg >= APIC_LVTT && reg <= APIC_LVTERR;
}

/* Which registers there are to read. */
static bool readable(const struct lapic *lapic, unsigned int reg)
{
	switch (reg) {
	case APIC_ID:
	case APIC_LVR:
	case APIC_TASKPRI:
	case APIC_PROCPRI:
	case APIC_LDR:
	case APIC_SPIV:
	case APIC_ISR ... APIC_ESR:
	case APIC_ICR:
	case APIC_LVTT ... APIC_LVTERR:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		return true;
	case APIC_ARBPRI:
	case APIC_RRR:
	case APIC_EOI:
	case APIC_DFR:
	case APIC_ICR2:
		return !lapic_in_x2apic(lapic);
	}
	return false;
}

static bool read_register(struct lapic *lapic, unsigned int reg, u32 *value)
{
	if (!readable(lapic, reg))
		return false;
	switch (reg) {
	case APIC_PROCPRI:
		*value = lapic_priority(lapic);
		break;
	case APIC_TMCCT:
		*value = lapic_timer_count(lapic);
		break;
	case APIC_EOI:
	case APIC_ARBPRI:
	case APIC_RRR:
		*value = 0;
		break;
	default:
		*value = lapic_get(lapic, reg);
	}
	return true;
}

static void write_lvt(struct lapic *lapic, unsigned int reg, u32 value)
{
	u32 old = lapic_get(lapic, reg);

	value &= lvt_writable(lapic, reg);
	/* SDM vol. 3, "Local APIC State After It Has Been Software Disabled". */
	if (!(lapic_get(lapic, APIC_SPIV) & APIC_SPIV_APIC_ENABLED))
		value |= APIC_LVT_MASKED;
	/* A timer of another mode starts anew, when it is told to. */
	if (reg == APIC_LVTT && (old ^ value) & LAPIC_TIMER_MODE) {
		lapic_timer_stop(lapic);
		lapic->tsc_deadline = 0;
		lapic_put(lapic, APIC_TMICT, 0);
	}
	lapic_put(lapic, reg, value);
}

static void write_spiv(struct lapic *lapic, u32 value)
{
	unsigned int lvt;

	lapic_put(lapic, APIC_SPIV, value & SPIV_WRITABLE);
	if (value & APIC_SPIV_APIC_ENABLED)
		return;
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 0x10)
		lapic_put(lapic, lvt, lapic_get(lapic, lvt) | APIC_LVT_MASKED);
}

static void restart_timer(struct lapic *lapic, u32 count)
{
	lapic_timer_stop(lapic);
	lapic_put(lapic, APIC_TMICT, count);
	lapic_put(lapic, APIC_TMCCT, count);
	lapic_timer_start(lapic);
}

/* Those that only the page has: id and logical destination. */
static bool write_xapic_register(struct lapic *lapic, unsigned int reg, u32 value)
{
	if (lapic_in_x2apic(lapic))
		return false;
	switch (reg) {
	case APIC_ID:
		lapic_put(lapic, reg, value & 0xff000000);
		return true;
	case APIC_LDR:
		lapic_put(lapic, reg, value & APIC_LDR_MASK);
		return true;
	case APIC_DFR:
		lapic_put(lapic, reg, value | APIC_DFR_CLUSTER);
		return true;
	case APIC_ICR2:
		lapic_put(lapic, reg, value & 0xff000000);
		return true;
	}
	return false;
}

static bool write_register(struct lapic *lapic, unsigned int reg, u32 value)
{
	if (is_lvt(reg)) {
		write_lvt(lapic, reg, value);
		return true;
	}
	switch (reg) {
	case APIC_TASKPRI:
		lapic_put(lapic, reg, value & APIC_TPRI_MASK);
		return true;
	case APIC_EOI:
		lapic_eoi(lapic);
		return true;
	case APIC_SPIV:
		write_spiv(lapic, value);
		return true;
	case APIC_ESR:
		/* No errors are detected: what a write makes readable is that. */
		lapic_put(lapic, reg, 0);
		return !(lapic_in_x2apic(lapic) && value);
	case APIC_ICR:
		/* Sent when it is written: the delivery status never shows. */
		lapic_put(lapic, reg, value & ~APIC_ICR_BUSY);
		lapic_send_ipi(lapic, value & ICR_WRITABLE, lapic_get(lapic, APIC_ICR2));
		return true;
	case APIC_TMICT:
		/* SDM vol. 3, "TSC-Deadline Mode": it is of no use there. */
		if (!(lapic_get(lapic, APIC_LVTT) & APIC_LVT_TIMER_TSCDEADLINE))
			restart_timer(lapic, value);
		return true;
	case APIC_TDCR:
		lapic_timer_divide(lapic, value & TDCR_WRITABLE);
		return true;
	}
	return write_xapic_register(lapic, reg, value);
}

/**
 * lapic_sanitize() - drop from the registers what they cannot hold
 * @lapic: a local APIC whose registers have just come from the client
 */
void lapic_sanitize(struct lapic *lapic)
{
	unsigned int reg;

	for (reg = APIC_LVTT; reg <= APIC_LVTERR; reg += 0x10)
		lapic_put(lapic, reg, lapic_get(lapic, reg) & lvt_writable(lapic, reg));
	lapic_put(lapic, APIC_TASKPRI, lapic_get(lapic, APIC_TASKPRI) & APIC_TPRI_MASK);
	lapic_put(lapic, APIC_SPIV, lapic_get(lapic, APIC_SPIV) & SPIV_WRITABLE);
	lapic_put(lapic, APIC_TDCR, lapic_get(lapic, APIC_TDCR) & TDCR_WRITABLE);
	lapic_put(lapic, APIC_ESR, 0);
}

/**
 * lapic_mmio() - the guest reads or writes memory where its local APIC may be
 * @vcpu: the vCPU
 * @gpa: guest-physical address
 * @data: the value, to be filled in for a read
 * @len: bytes
 * @write: it writes
 *
 * Reads may be of a part of a register; writes that are not of 32 bits, or not
 * aligned, get lost. SDM vol. 3, "The Local APIC Block Diagram": both undefined.
 *
 * Context: the vCPU is not loaded.
 * Return: false if the local APIC is not there.
 */
bool lapic_mmio(struct vcpu *vcpu, u64 gpa, void *data, unsigned int len, bool write)
{
	u64 base = vcpu->msrs[MSR_SLOT_APIC_BASE];
	unsigned int offset = offset_in_page(gpa), reg = offset & ~0xfu;
	u32 value[4] = {};

	if (!vcpu->lapic || !(base & MSR_IA32_APICBASE_ENABLE) || base & X2APIC_ENABLE ||
	    gpa >> PAGE_SHIFT != base >> PAGE_SHIFT)
		return false;
	if (!write) {
		memset(data, 0, len);
		if ((offset & 0xf) + len <= 4 && read_register(vcpu->lapic, reg, value))
			memcpy(data, (u8 *)value + (offset & 0xf), len);
	} else if (len == sizeof(*value) && !(offset & 0xf)) {
		memcpy(value, data, len);
		write_register(vcpu->lapic, reg, *value);
	}
	return true;
}

/* x2APIC: the same registers as MSRs, and two that are different. */

static unsigned int msr_register(const struct msr_access *a)
{
	return (a->index - APIC_BASE_MSR) << 4;
}

static bool has_x2apic(const struct vcpu *vcpu)
{
	u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

	return vcpu->lapic && (vcpu->msrs[MSR_SLOT_APIC_BASE] & mode) == mode;
}

static enum msr_result get_x2apic(struct msr_access *a)
{
	struct lapic *lapic = a->vcpu->lapic;
	unsigned int reg = msr_register(a);
	u32 value;

	if (!has_x2apic(a->vcpu))
		return MSR_ABSENT;
	if (!read_register(lapic, reg, &value))
		return MSR_ABSENT;
	a->data = value;
	if (reg == APIC_ICR)
		a->data |= (u64)lapic_get(lapic, APIC_ICR2) << 32;
	return MSR_OK;
}

static enum msr_result set_x2apic(struct msr_access *a)
{
	struct lapic *lapic = a->vcpu->lapic;
	unsigned int reg = msr_register(a);
	u32 value = a->data;

	if (!has_x2apic(a->vcpu))
		return MSR_ABSENT;
	if (reg == APIC_ICR) {
		/* The delivery status is not there, but KVM's clients write it. */
		if (value & ~(ICR_WRITABLE | APIC_ICR_BUSY))
			return MSR_RESERVED;
		lapic_put(lapic, APIC_ICR2, upper_32_bits(a->data));
	} else if (upper_32_bits(a->data)) {
		return MSR_RESERVED;
	}
	switch (reg) {
	case APIC_SELF_IPI:
		if (value & ~APIC_VECTOR_MASK)
			return MSR_RESERVED;
		lapic_send_ipi(lapic, APIC_DEST_SELF | value, 0);
		return MSR_OK;
	case APIC_EOI:
		if (value)
			return MSR_RESERVED;
		break;
	case APIC_TASKPRI:
		if (value & ~APIC_TPRI_MASK)
			return MSR_RESERVED;
		break;
	case APIC_SPIV:
		if (value & ~SPIV_WRITABLE)
			return MSR_RESERVED;
		break;
	case APIC_TDCR:
		if (value & ~TDCR_WRITABLE)
			return MSR_RESERVED;
		break;
	}
	if (is_lvt(reg) && value & ~lvt_writable(lapic, reg))
		return MSR_RESERVED;
	return write_register(lapic, reg, value) ? MSR_OK : MSR_READ_ONLY;
}

const struct msr_ops msr_x2apic_ops = { .get = get_x2apic, .set = set_x2apic };
