// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU's CPUID: set and read by the client, executed by the guest.
 *
 * SDM vol. 2, "CPUID - CPU Identification".
 */
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/apicdef.h>
#include <asm/fpu/types.h>
#include <asm/msr.h>

#include "compat.h"
#include "cpuid.h"
#include "exit.h"
#include "skip_insn.h"
#include "vcpu.h"

/* As KVM's: more entries are -E2BIG. */
#define MAX_ENTRIES	256

static __always_inline u32 place_of(u32 function)
{
	return rol32(function, 2);
}

static_assert(!(CPUID_PLACES & (CPUID_PLACES - 1)));

/* The first entry that may be one of @function's. The guest has chosen: see msr_map_clamp(). */
static __always_inline u32 first_entry(const struct vcpu_cpuid *cpuid, u32 function)
{
	u32 place = place_of(function);

	if (unlikely(place >= CPUID_PLACES))
		return 0;
	OPTIMIZER_HIDE_VAR(place);
	return cpuid->first[place & (CPUID_PLACES - 1)];
}

static __always_inline bool matches(const struct kvm_cpuid_entry2 *e, u32 function, u32 index)
{
	return e->function == function &&
	       (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index);
}

static const struct kvm_cpuid_entry2 *find(const struct vcpu_cpuid *cpuid, u32 function, u32 index)
{
	u32 i;

	for (i = first_entry(cpuid, function); i < cpuid->nent; i++)
		if (matches(&cpuid->entries[i], function, index))
			return &cpuid->entries[i];
	return NULL;
}

static __always_inline u32 with_bit(u32 reg, u32 bit, bool on)
{
	return on ? reg | bit : reg & ~bit;
}

/**
 * cpuid_monitor_follows_msr() - does IA32_MISC_ENABLE bit 18 switch MONITOR in CPUID?
 * @vcpu: the vCPU
 *
 * SDM vol. 4, table "IA-32 Architectural MSRs". KVM's quirk leaves it to the client.
 */
bool cpuid_monitor_follows_msr(const struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->vm->disabled_quirks) & KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT;
}

/** cpuid_has_monitor() - does the guest's CPUID say MONITOR, now? */
bool cpuid_has_monitor(const struct vcpu *vcpu)
{
	if (cpuid_monitor_follows_msr(vcpu))
		return vcpu->msrs[MSR_SLOT_MISC_ENABLE] & MSR_IA32_MISC_ENABLE_MWAIT;
	return cpuid_has(&vcpu->cpuid, FEATURE_MONITOR);
}

/*
 * What a leaf that is missing says: zeros, but for the levels above the last one of a topology,
 * which tell the level and the x2APIC id. SDM vol. 2, table "Information Returned by CPUID
 * Instruction", leaves 0BH and 1FH.
 */
static const struct kvm_cpuid_entry2 *missing_entry(struct vcpu_cpuid *cpuid, u32 function,
						    u32 index)
{
	const struct kvm_cpuid_entry2 *e = NULL;

	if (function == 0xb || function == 0x1f)
		e = find(cpuid, function, 1);
	cpuid->missing = (struct kvm_cpuid_entry2) {
		.ecx = e ? index & 0xff : 0,
		.edx = e ? e->edx : 0,
	};
	return &cpuid->missing;
}

/*
 * A leaf above the highest basic one gives the data of the highest basic one;
 * one that is missing below it is missing_entry().
 */
static noinline const struct kvm_cpuid_entry2 *find_in_range(struct vcpu_cpuid *cpuid,
							     u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *e = find(cpuid, function, index), *top;

	if (e)
		return e;
	top = find(cpuid, function & CPUID_CLASS, 0);
	if (!top || function > top->eax) {
		top = find(cpuid, 0, 0);
		function = top ? top->eax : 0;
		e = find(cpuid, function, index);
	}
	return e ?: missing_entry(cpuid, function, index);
}

/* Most leaves have one entry, and most questions are for the first. */
static __always_inline const struct kvm_cpuid_entry2 *find_fast(struct vcpu_cpuid *cpuid,
								u32 function, u32 index)
{
	u32 i = first_entry(cpuid, function);

	if (likely(i < cpuid->nent && matches(&cpuid->entries[i], function, index)))
		return &cpuid->entries[i];
	return find_in_range(cpuid, function, index);
}

struct answer {
	u32 eax, ebx, ecx, edx;
};

/* An entry as it reads now: bits and sizes follow the vCPU's state and not what the client said. */
static __always_inline struct answer answer_now(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *e,
						bool guest)
{
	struct answer a = { e->eax, e->ebx, e->ecx, e->edx };

	switch (e->function) {
	case 1:
		a.ecx = with_bit(a.ecx, BIT(27), vcpu->cr4 & X86_CR4_OSXSAVE);
		if (cpuid_monitor_follows_msr(vcpu))
			a.ecx = with_bit(a.ecx, BIT(3), cpuid_has_monitor(vcpu));
		a.edx = with_bit(a.edx, BIT(9), vcpu->msrs[MSR_SLOT_APIC_BASE] &
				 MSR_IA32_APICBASE_ENABLE);
		break;
	case 7:
		if (e->index)
			break;
		a.ecx = with_bit(a.ecx, BIT(4), vcpu->cr4 & X86_CR4_PKE);
		/* What the guest has hidden from itself the client still sees. */
		if (guest && vcpu->msrs[MSR_SLOT_TSX_CTRL] & TSX_CTRL_CPUID_CLEAR)
			a.ebx &= ~(BIT(4) | BIT(11));	/* HLE, RTM */
		break;
	case 0xd:
		if (!vcpu->cpuid.xcr0)
			break;
		/* The compacted format is XSAVEC's and XSAVES's. */
		if (e->index == 0 || (e->index == 1 && e->eax & (BIT(1) | BIT(3))))
			a.ebx = cpuid_xsave_size(vcpu->xcr0, e->index == 1);
		break;
	}
	return a;
}

static noinline void update_entry(struct vcpu *vcpu, struct kvm_cpuid_entry2 *e)
{
	struct answer a = answer_now(vcpu, e, false);

	e->eax = a.eax;
	e->ebx = a.ebx;
	e->ecx = a.ecx;
	e->edx = a.edx;
}

/* SDM vol. 4, MISC_FEATURE_ENABLES: user mode gets #GP instead of an answer. */
static bool cpuid_faults(struct vcpu *vcpu)
{
	return vcpu->msrs[MSR_SLOT_MISC_FEATURES_ENABLES] & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT &&
	       vcpu_cpl(vcpu);
}

/**
 * handle_cpuid() - carry out the guest's CPUID
 * @vcpu: the vCPU
 *
 * Context: the vCPU is loaded, interrupts off.
 */
void handle_cpuid(struct vcpu *vcpu)
{
	unsigned long *regs = vcpu->vmenter.regs;
	const struct kvm_cpuid_entry2 *e;
	struct answer a;

	if (unlikely(cpuid_faults(vcpu))) {
		vcpu_inject_gp(vcpu);
		return;
	}
	e = find_fast(&vcpu->cpuid, regs[GPR_RAX], regs[GPR_RCX]);
	a = answer_now(vcpu, e, true);
	regs[GPR_RAX] = a.eax;
	regs[GPR_RBX] = a.ebx;
	regs[GPR_RCX] = a.ecx;
	regs[GPR_RDX] = a.edx;
	skip_insn(vcpu);
}

/** cpuid_reset() - a vCPU before KVM_SET_CPUID2: no features, 36 address bits */
void cpuid_reset(struct vcpu_cpuid *cpuid)
{
	memset(cpuid, 0, sizeof(*cpuid));
	cpuid->maxphyaddr = 36;
}

/** cpuid_signature() - family, model and stepping, as in EDX after RESET and INIT */
u32 cpuid_signature(const struct vcpu_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *e = find(cpuid, 1, 0);

	return e ? e->eax : 0x600;
}

void cpuid_free(struct vcpu_cpuid *cpuid)
{
	kvfree(cpuid->entries);
}

static const struct {
	u32 function, index;
	enum cpuid_word word;
	size_t reg;
} word_sources[] = {
	{ 1, 0, CPUID_WORD_1_ECX, offsetof(struct kvm_cpuid_entry2, ecx) },
	{ 1, 0, CPUID_WORD_1_EDX, offsetof(struct kvm_cpuid_entry2, edx) },
	{ 7, 0, CPUID_WORD_7_EBX, offsetof(struct kvm_cpuid_entry2, ebx) },
	{ 7, 0, CPUID_WORD_7_ECX, offsetof(struct kvm_cpuid_entry2, ecx) },
	{ 7, 0, CPUID_WORD_7_EDX, offsetof(struct kvm_cpuid_entry2, edx) },
	{ 0xd, 1, CPUID_WORD_D_1_EAX, offsetof(struct kvm_cpuid_entry2, eax) },
	{ 0x80000001, 0, CPUID_WORD_80000001_ECX, offsetof(struct kvm_cpuid_entry2, ecx) },
	{ 0x80000001, 0, CPUID_WORD_80000001_EDX, offsetof(struct kvm_cpuid_entry2, edx) },
};

/* For find() */
static void make_index(struct vcpu_cpuid *cpuid)
{
	u32 place, i;

	for (place = 0; place < CPUID_PLACES; place++)
		cpuid->first[place] = cpuid->nent;
	for (i = cpuid->nent; i-- > 0;) {
		place = place_of(cpuid->entries[i].function);
		if (place < CPUID_PLACES)
			cpuid->first[place] = i;
	}
}

/* Everything that is looked up often, from the entries. */
static void digest(struct vcpu_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *e;
	int i;

	for (i = 0; i < ARRAY_SIZE(word_sources); i++) {
		e = find(cpuid, word_sources[i].function, word_sources[i].index);
		cpuid->words[word_sources[i].word] =
			e ? *(const u32 *)((const void *)e + word_sources[i].reg) : 0;
	}
	e = find(cpuid, 0x80000008, 0);
	cpuid->maxphyaddr = e && (u8)e->eax ? clamp_t(u8, e->eax, 32, 52) : 36;
	e = find(cpuid, 0xd, 0);
	if (e && cpuid_has(cpuid, FEATURE_XSAVE))
		cpuid->xcr0 = ((u64)e->edx << 32 | e->eax) & cpuid_host_xcr0();
}

/* Linear addresses: 48 bits, 57, or nothing said. */
static bool entries_valid(const struct vcpu_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 *e = find(cpuid, 0x80000008, 0);
	u8 linear = e ? e->eax >> 8 : 0;

	return linear == 0 || linear == 48 || linear == 57;
}

/* What follows the vCPU's state does not count: KVM_GET_CPUID2 shows it as it is now. */
static bool same_entries(struct vcpu *vcpu, const struct vcpu_cpuid *new)
{
	struct kvm_cpuid_entry2 a, b;
	u32 i;

	if (new->nent != vcpu->cpuid.nent)
		return false;
	for (i = 0; i < new->nent; i++) {
		a = new->entries[i];
		b = vcpu->cpuid.entries[i];
		update_entry(vcpu, &a);
		update_entry(vcpu, &b);
		if (memcmp(&a, &b, offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	}
	return true;
}

/* What is not needed any more, old or new, is in @new then. */
static int take(struct vcpu *vcpu, struct vcpu_cpuid *new)
{
	int ret;

	make_index(new);
	if (!entries_valid(new))
		return -EINVAL;
	/* The guest has seen it; saying the same again does no harm. */
	if (vcpu->has_run)
		return same_entries(vcpu, new) ? 0 : -EINVAL;
	digest(new);
	swap(vcpu->cpuid, *new);
	ret = vmcs_update_proc2(vcpu);
	if (ret) {
		swap(vcpu->cpuid, *new);
		return ret;
	}
	msr_bitmap_update(vcpu);
	vcpu->dirty |= DIRTY_CRS;
	return 0;
}

/**
 * cpuid_set() - KVM_SET_CPUID2
 * @vcpu: the vCPU
 * @user: the client's structure
 *
 * Return: 0; -E2BIG for more than 256 entries; -EINVAL for an impossible address
 * width, or anything new once the vCPU has run; -EFAULT, -ENOMEM; -EBUSY or
 * -ESHUTDOWN if VMX is not to be had. After an error nothing has changed.
 */
int cpuid_set(struct vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct vcpu_cpuid new = {};
	int ret;

	if (get_user(new.nent, &user->nent))
		return -EFAULT;
	if (new.nent > MAX_ENTRIES)
		return -E2BIG;
	new.entries = kvmalloc_array(new.nent, sizeof(*new.entries), GFP_KERNEL_ACCOUNT);
	if (new.nent && !new.entries)
		return -ENOMEM;
	if (copy_from_user(new.entries, user->entries, array_size(new.nent, sizeof(*new.entries))))
		ret = -EFAULT;
	else
		ret = take(vcpu, &new);
	cpuid_free(&new);
	return ret;
}

/**
 * cpuid_get() - KVM_GET_CPUID2: the entries in the client's order
 * @vcpu: the vCPU
 * @user: the client's structure
 *
 * Return: 0; -E2BIG if they do not fit; -EFAULT.
 */
int cpuid_get(struct vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid_entry2 e;
	u32 i, room;

	if (get_user(room, &user->nent))
		return -EFAULT;
	if (room < vcpu->cpuid.nent)
		return -E2BIG;
	for (i = 0; i < vcpu->cpuid.nent; i++) {
		e = vcpu->cpuid.entries[i];
		update_entry(vcpu, &e);
		if (copy_to_user(&user->entries[i], &e, sizeof(e)))
			return -EFAULT;
	}
	return put_user(vcpu->cpuid.nent, &user->nent);
}
