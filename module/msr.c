// SPDX-License-Identifier: GPL-2.0-only
/*
 * An access to an MSR, by the guest or by the client: look the row up, ask
 * whether the vCPU has it, whether the value is allowed, and store or load.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <asm/msr.h>

#include "compat.h"
#include "msr.h"
#include "msr_filter.h"
#include "msr_map.h"
#include "vcpu.h"

u8 msr_map[MSR_MAP_SIZE] __ro_after_init;

/* The first and the last MSR that is not in the map. */
static u32 far_first __ro_after_init = ~0u;
static u32 far_last __ro_after_init;

DEFINE_STATIC_KEY_FALSE(msr_la57);

/* What the host said at load, by slot; rows without host_value keep their reset. */
static u64 host_values[MSR_SLOTS] __ro_after_init;

#define CPUID7_ECX_LA57	BIT(16)

/* Rows with PROBE_HOST that this host lacks. */
static DECLARE_BITMAP(absent_rows, U8_MAX);

static void __init map_row(unsigned int n)
{
	const struct msr_row *row = &msr_table[n];
	u32 i, place;

	for (i = 0; i < msr_row_count(row); i++) {
		place = msr_map_place(row->first + i);
		if (place < MSR_MAP_SIZE) {
			msr_map[place] = n + 1;
		} else {
			far_first = min(far_first, row->first + i);
			far_last = max(far_last, row->first + i);
		}
	}
}

/*
 * The raw bit: the kernel clears its own flag when it was told not to use it. A hypervisor
 * below may go by CR4.LA57, against the SDM: so one of these MSRs is asked.
 */
static bool __init has_la57(void)
{
	return boot_cpu_data.cpuid_level >= 7 && cpuid_ecx(7) & CPUID7_ECX_LA57 &&
	       msr_hw_accepts(msr_lookup(MSR_LSTAR), BIT_ULL(50));
}

/**
 * msr_init() - check the table, build the maps, ask the host for its values
 *
 * Return: 0, or -EINVAL after a log line for each contradiction in the table.
 */
int __init msr_init(void)
{
	const struct msr_row *row;
	unsigned int n;
	u64 value;
	u32 i;
	int ret;

	ret = msr_table_check(msr_table, msr_table_rows);
	if (ret)
		return ret;
	if (msr_table_rows >= U8_MAX)
		return -EINVAL;

	for (n = 0; n < msr_table_rows; n++) {
		row = &msr_table[n];
		if (row->flags & MSR_PROBE_HOST && rdmsrq_safe(row->first, &value)) {
			__set_bit(n, absent_rows);
			continue;
		}
		map_row(n);
		msr_plain_init(row, n + 1);
		if (row->kind == MSR_HW_SWITCHED && msr_switch_init(row))
			return -EINVAL;
		if (row->ops && row->ops->host_value)
			for (i = 0; i < msr_row_count(row); i++)
				host_values[row->slot + i] = row->ops->host_value(row->first + i);
	}
	if (has_la57())
		static_branch_enable(&msr_la57);
	msr_switch_tsx_init();
	return 0;
}

/** msr_row_exists() - does this host have what the row needs? */
bool msr_row_exists(const struct msr_row *row)
{
	return !test_bit(row - msr_table, absent_rows);
}

static const struct msr_row *search(u32 index)
{
	unsigned int low = 0, high = msr_table_rows;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct msr_row *row = &msr_table[mid];

		if (index < row->first)
			high = mid;
		else if (index - row->first >= msr_row_count(row))
			low = mid + 1;
		else
			return msr_row_exists(row) ? row : NULL;
	}
	return NULL;
}

static __always_inline const struct msr_row *lookup(u32 index)
{
	u32 place = msr_map_place(index);
	unsigned int n;

	if (place >= MSR_MAP_SIZE)
		return index >= far_first && index <= far_last ? search(index) : NULL;
	n = msr_row_number(place);
	return n ? &msr_table[n - 1] : NULL;
}

/**
 * msr_lookup() - find an MSR's row
 * @index: any 32-bit number
 *
 * Return: the row, or NULL if there is no such MSR.
 */
const struct msr_row *msr_lookup(u32 index)
{
	return lookup(index);
}

/* The slot of an index within its row; the index came from the guest. */
static __always_inline u64 *msr_slot(struct vcpu *vcpu, const struct msr_row *row, u32 index)
{
	u32 i = row->count ? array_index_nospec(index - row->first, row->count) : 0;

	return &vcpu->msrs[row->slot + i];
}

static __always_inline bool guest_has(const struct vcpu *vcpu, const struct msr_row *row)
{
	if (row->flags & MSR_HOST_ONLY)
		return false;
	return !row->feature || cpuid_has(&vcpu->cpuid, row->feature) ||
	       (row->feature_alt && cpuid_has(&vcpu->cpuid, row->feature_alt));
}

/** msr_guest_has() - is the row there for a guest with the vCPU's CPUID? */
bool msr_guest_has(const struct vcpu *vcpu, const struct msr_row *row)
{
	return guest_has(vcpu, row);
}

/* SDM vol. 3, "Miscellaneous Data": CR3-target values, and MSRs in a list. */
#define VMX_MISC_CR3_TARGETS	GENMASK_ULL(24, 16)
#define VMX_MISC_MSR_LIST	GENMASK_ULL(27, 25)
#define VMX_MISC_NUMBERS	(VMX_MISC_CR3_TARGETS | VMX_MISC_MSR_LIST)

static bool vmx_misc_valid(u64 most, u64 data)
{
	return !(data & ~most & ~VMX_MISC_NUMBERS) &&
	       (data & VMX_MISC_CR3_TARGETS) <= (most & VMX_MISC_CR3_TARGETS) &&
	       (data & VMX_MISC_MSR_LIST) <= (most & VMX_MISC_MSR_LIST);
}

static bool check_value(const struct vcpu *vcpu, const struct msr_row *row, u32 index, u64 data)
{
	u64 lost = msr_reset_value(row, index) & ~data;
	u64 added = data & ~msr_reset_value(row, index);

	switch (row->check) {
	case MSR_CHECK_CANONICAL:
		return msr_canonical(data);
	case MSR_CHECK_PAT:
		return msr_pat_valid(data);
	case MSR_CHECK_MTRR_FIXED:
	case MSR_CHECK_MTRR_VARIABLE:
	case MSR_CHECK_MTRR_DEF_TYPE:
		return msr_mtrr_valid(vcpu, row, index, data);
	case MSR_CHECK_SUBSET:
		return !added;
	case MSR_CHECK_SUPERSET:
		return !lost;
	case MSR_CHECK_VMX_MISC:
		return vmx_misc_valid(msr_reset_value(row, index), data);
	case MSR_CHECK_VMX_CONTROL:
		return !lower_32_bits(lost) && !upper_32_bits(added);
	case MSR_CHECK_NONE:
		break;
	}
	return true;
}

static struct msr_value value(u64 data)
{
	return (struct msr_value){ data, MSR_OK };
}

static struct msr_value failure(enum msr_result result)
{
	return (struct msr_value){ 0, result };
}

static noinline struct msr_value load_vmcs(struct vcpu *vcpu, const struct msr_row *row)
{
	u64 data;

	if (vcpu_vmcs_get(vcpu))
		return failure(MSR_AGAIN);
	data = vmread_any(row->field);
	vcpu_vmcs_put(vcpu);
	return value(data);
}

static noinline struct msr_value load_special(struct vcpu *vcpu, const struct msr_row *row,
					      u32 index, bool host)
{
	struct msr_access a = { .vcpu = vcpu, .row = row, .index = index, .host = host };
	enum msr_result result = row->ops->get(&a);

	return result == MSR_OK ? value(a.data) : failure(result);
}

static __always_inline struct msr_value load_value(struct vcpu *vcpu, const struct msr_row *row,
						   u32 index, bool host)
{
	switch (row->kind) {
	case MSR_CONST:
		return value(row->reset);
	case MSR_STORED:
		return value(*msr_slot(vcpu, row, index));
	case MSR_HW_SWITCHED:
		if (vcpu->loaded && row->flags & MSR_PASS_WRITE)
			return value(native_read_msr(row->first));
		return value(vcpu->msrs[row->slot]);
	case MSR_VMCS:
		return vcpu->loaded ? value(vmread_any(row->field)) : load_vmcs(vcpu, row);
	case MSR_SPECIAL:
		return load_special(vcpu, row, index, host);
	}
	return failure(MSR_UNKNOWN);
}

static noinline enum msr_result store_vmcs(struct vcpu *vcpu, const struct msr_row *row, u64 data)
{
	if (vcpu_vmcs_get(vcpu))
		return MSR_AGAIN;
	vmwrite_any(row->field, data);
	vcpu_vmcs_put(vcpu);
	return MSR_OK;
}

static noinline enum msr_result store_special(struct vcpu *vcpu, const struct msr_row *row,
					      u32 index, bool host, u64 data)
{
	struct msr_access a = {
		.vcpu = vcpu, .row = row, .index = index, .host = host, .data = data,
	};

	return row->ops->set(&a);
}

/* Is the guest's value in the CPU's register? */
static bool in_register(const struct vcpu *vcpu, const struct msr_row *row)
{
	return vcpu->loaded && (vcpu->loaded_syscall || !(row->flags & MSR_SYSCALL));
}

/* What the CPU has taken before it takes again. */
static bool hw_accepts(const struct vcpu *vcpu, const struct msr_row *row, u64 data)
{
	return !((data ^ vcpu->msrs[row->slot]) & row->ask_mask) || msr_hw_accepts(row, data);
}

static __always_inline enum msr_result store_value(struct vcpu *vcpu, const struct msr_row *row,
						   u32 index, bool host, u64 data)
{
	switch (row->kind) {
	case MSR_CONST:
		return data == row->reset ? MSR_OK : MSR_READ_ONLY;
	case MSR_STORED:
		*msr_slot(vcpu, row, index) = data;
		return MSR_OK;
	case MSR_HW_SWITCHED:
		if (in_register(vcpu, row) ? wrmsrq_safe(row->first, data) :
					     !hw_accepts(vcpu, row, data))
			return MSR_INVALID;
		vcpu->msrs[row->slot] = data;
		return MSR_OK;
	case MSR_VMCS:
		if (!vcpu->loaded)
			return store_vmcs(vcpu, row, data);
		vmwrite_any(row->field, data);
		return MSR_OK;
	case MSR_SPECIAL:
		return store_special(vcpu, row, index, host, data);
	}
	return MSR_UNKNOWN;
}

/**
 * msr_get() - read an MSR
 * @vcpu: whose
 * @index: which
 * @host: the client asks, so CPUID does not matter
 *
 * Context: the vCPU's mutex is held. While the vCPU is loaded: interrupts off.
 */
struct msr_value msr_get(struct vcpu *vcpu, u32 index, bool host)
{
	const struct msr_row *row;

	if (!host && !msr_filter_allows(vcpu->vm, index, KVM_MSR_FILTER_READ))
		return failure(MSR_FILTERED);
	row = lookup(index);
	if (!row)
		return failure(MSR_UNKNOWN);
	if (row->flags & MSR_NO_READ)
		return failure(MSR_UNKNOWN);
	if (!host && !guest_has(vcpu, row))
		return failure(MSR_ABSENT);
	return load_value(vcpu, row, index, host);
}

/**
 * msr_set() - write an MSR
 * @vcpu: whose
 * @index: which
 * @data: the value
 * @host: the client asks, so CPUID does not matter and more may be allowed
 *
 * Nothing has changed unless the result is MSR_OK.
 *
 * Context: the vCPU's mutex is held. While the vCPU is loaded: interrupts off.
 */
enum msr_result msr_set(struct vcpu *vcpu, u32 index, u64 data, bool host)
{
	const struct msr_row *row;
	struct msr_value old;

	if (!host && !msr_filter_allows(vcpu->vm, index, KVM_MSR_FILTER_WRITE))
		return MSR_FILTERED;
	row = lookup(index);
	if (!row)
		return MSR_UNKNOWN;
	if (!host && !guest_has(vcpu, row))
		return MSR_ABSENT;
	if (row->flags & MSR_NO_WRITE || (!host && row->flags & MSR_GUEST_RO))
		return MSR_READ_ONLY;
	if (row->flags & MSR_SLOW && vcpu->loaded)
		return MSR_AGAIN;

	if (!(host && row->flags & MSR_HOST_ANY)) {
		if (data & row->gp_mask)
			return MSR_RESERVED;
		if (row->ro_mask | row->ignore_mask) {
			old = load_value(vcpu, row, index, host);
			if (old.result != MSR_OK)
				return old.result;
			if ((data ^ old.data) & row->ro_mask)
				return MSR_RESERVED;
			data = (data & ~row->ignore_mask) | (old.data & row->ignore_mask);
		}
		if (row->check && !check_value(vcpu, row, index, data))
			return MSR_INVALID;
	}
	if (row->flags & MSR_IMMUTABLE && vcpu->has_run) {
		old = load_value(vcpu, row, index, host);
		return old.result == MSR_OK && old.data == data ? MSR_OK : MSR_READ_ONLY;
	}
	return store_value(vcpu, row, index, host, data);
}

/**
 * msr_feature_value() - a feature MSR's value on this host
 * @row: its row
 * @index: its index, within the row
 */
u64 msr_feature_value(const struct msr_row *row, u32 index)
{
	if (row->ops && row->ops->host_value)
		return host_values[row->slot + index - row->first];
	return row->reset;
}

/**
 * msr_reset_value() - an MSR's value on a new vCPU, where it depends on no vCPU
 * @row: its row
 * @index: its index, within the row
 */
u64 msr_reset_value(const struct msr_row *row, u32 index)
{
	return row->reset ?: msr_feature_value(row, index);
}

/**
 * msr_reset() - give a new vCPU the reset value of each MSR
 * @vcpu: the vCPU
 *
 * Those in the VMCS are set by vmcs_init_guest().
 */
void msr_reset(struct vcpu *vcpu)
{
	const struct msr_row *row;
	unsigned int n;
	u32 i;

	for (n = 0; n < msr_table_rows; n++) {
		row = &msr_table[n];
		if (row->slot == MSR_SLOT_NONE)
			continue;
		for (i = 0; i < msr_row_count(row); i++)
			vcpu->msrs[row->slot + i] = msr_reset_value(row, row->first + i);
		if (row->ops && row->ops->reset)
			vcpu->msrs[row->slot] = row->ops->reset(vcpu);
	}
}
