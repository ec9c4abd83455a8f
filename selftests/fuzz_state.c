// SPDX-License-Identifier: GPL-2.0
/*
 * Images of a vCPU's state: valid ones, changed at random, written by the ioctls.
 * An operation is one image. What is refused has changed nothing. What is taken
 * can be read, and what is read is taken again and is the same then. The guest
 * runs from it to any exit that there is, and can be put right afterwards.
 */
#include <asm/processor-flags.h>
#include <stdio.h>

#include "fuzz.h"

#define IMAGE_MAX	16384
#define ROUND_IMAGES	2000
#define KICK_USEC	500
#define RUN_KICK_USEC	10000	/* far longer than KVM_RUN takes to get into the guest */

/* The guest's memory is full of one of these. The second is OUT to port 0xe6, at any byte. */
#define HLT		0xf4
#define OUT		0xe6

/* What the guest needs to run: the tables of all modes, and the first code. */
#define TABLES		(FUZZ_CODE + 0x11000)
#define IDT_GATES	(VM_VECTOR_DONE + 1)

/* In the order in which a vCPU is put right: events are the last that another could change. */
enum kind {
	REGS, SREGS, SREGS2, FPU, XSAVE, XCRS, DEBUGREGS, LAPIC, MP_STATE, EVENTS, KINDS,
};

static struct {
	const char *name;
	unsigned long get, set;
	size_t size;
} kinds[KINDS] = {
#define KIND(name, getter, setter, type) \
	[name] = { #name, getter, setter, sizeof(struct type) }
	KIND(REGS, KVM_GET_REGS, KVM_SET_REGS, kvm_regs),
	KIND(SREGS, KVM_GET_SREGS, KVM_SET_SREGS, kvm_sregs),
	KIND(SREGS2, KVM_GET_SREGS2, KVM_SET_SREGS2, kvm_sregs2),
	KIND(FPU, KVM_GET_FPU, KVM_SET_FPU, kvm_fpu),
	KIND(XSAVE, KVM_GET_XSAVE2, KVM_SET_XSAVE, kvm_xsave),
	KIND(XCRS, KVM_GET_XCRS, KVM_SET_XCRS, kvm_xcrs),
	KIND(DEBUGREGS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, kvm_debugregs),
	KIND(LAPIC, KVM_GET_LAPIC, KVM_SET_LAPIC, kvm_lapic_state),
	KIND(MP_STATE, KVM_GET_MP_STATE, KVM_SET_MP_STATE, kvm_mp_state),
	KIND(EVENTS, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, kvm_vcpu_events),
#undef KIND
};

/* Aligned for whatever is in there. */
struct image {
	uint64_t words[IMAGE_MAX / 8];
};

static struct {
	struct machine m;
	bool lapic;
	bool there[KINDS];
	struct image good[FUZZ_MODES][KINDS];
	enum fuzz_mode mode;
	bool is_good;	/* the vCPU: as put_right() has left it */
	uint8_t tables[TABLES];
} s;

static int get(enum kind kind, struct image *image)
{
	memset(image, 0, kinds[kind].size);
	return sys_ioctl_ptr(s.m.vcpu.fd, kinds[kind].get, image);
}

static int set(enum kind kind, struct image *image)
{
	s.is_good = false;
	return sys_ioctl_ptr(s.m.vcpu.fd, kinds[kind].set, image);
}

/* What goes on by itself when the local APIC's timer runs. */
static void blank_volatile(enum kind kind, struct image *image)
{
	struct kvm_lapic_state *lapic = (void *)image;
	struct kvm_vcpu_events *events = (void *)image;

	switch (kind) {
	case LAPIC:
		memset(lapic->regs + 0xa0, 0, 4);	/* PPR */
		memset(lapic->regs + 0x180, 0, 0x80);	/* TMR */
		memset(lapic->regs + 0x200, 0, 0x80);	/* IRR */
		memset(lapic->regs + 0x390, 0, 4);	/* current count */
		break;
	case EVENTS:
		if (s.lapic)
			events->nmi.pending = 0;	/* a timer may be an NMI */
		break;
	default:
		break;
	}
}

static bool same(enum kind kind, const struct image *a, const struct image *b, size_t *where)
{
	static struct image x, y;
	const uint8_t *p = (const uint8_t *)&x, *q = (const uint8_t *)&y;

	memcpy(&x, a, kinds[kind].size);
	memcpy(&y, b, kinds[kind].size);
	blank_volatile(kind, &x);
	blank_volatile(kind, &y);
	if (!memcmp(p, q, kinds[kind].size))
		return true;
	for (*where = 0; p[*where] == q[*where]; ++*where)
		;
	return false;
}

/* The registers of struct kvm_sregs that are stored as they come, or refused. */
static bool sregs_are_as_written(const struct kvm_sregs *wrote, const struct kvm_sregs *read)
{
	const struct kvm_segment *w = &wrote->cs, *r = &read->cs;

	for (int i = 0; i < 8; i++, w++, r++)
		if (w->base != r->base || w->limit != r->limit || w->selector != r->selector)
			return false;
	return wrote->gdt.base == read->gdt.base && wrote->gdt.limit == read->gdt.limit &&
	       wrote->idt.base == read->idt.base && wrote->idt.limit == read->idt.limit &&
	       wrote->cr0 == read->cr0 && wrote->cr2 == read->cr2 && wrote->cr3 == read->cr3 &&
	       wrote->cr4 == read->cr4 && wrote->cr8 == read->cr8 && wrote->efer == read->efer &&
	       wrote->apic_base == read->apic_base;
}

static bool is_as_written(enum kind kind, const struct image *wrote, const struct image *read)
{
	const struct kvm_debugregs *dw = (const void *)wrote, *dr = (const void *)read;
	const struct kvm_xcrs *xcrs = (const void *)read;

	switch (kind) {
	case SREGS:
	case SREGS2:
		return sregs_are_as_written((const void *)wrote, (const void *)read);
	case DEBUGREGS:
		return !memcmp(dw->db, dr->db, sizeof(dw->db)) && dr->dr7 & 1 << 10 &&
		       !(dr->dr6 >> 32) && !(dr->dr7 >> 32);
	case XCRS:
		return xcrs->nr_xcrs == 1 && xcrs->xcrs[0].value & 1;
	case MP_STATE:
		return !memcmp(wrote, read, sizeof(struct kvm_mp_state));
	default:
		return true;
	}
}

/* Everything as it was made, in @mode. */
static bool put_right(enum fuzz_mode mode)
{
	int ret;

	s.mode = mode;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (!s.there[kind])
			continue;
		ret = set(kind, &s.good[mode][kind]);
		if (!fuzz_expect(!ret, "good %s in mode %d: %d", kinds[kind].name, mode, ret))
			return false;
	}
	s.is_good = true;
	return true;
}

/* Where a local APIC is in the kernel, HLT does not end KVM_RUN, and the guest has OUT. */
static bool runs(void)
{
	struct kvm_run *run = s.m.vcpu.run;
	int ret = -EINTR;

	/* Events may have been delivered to anywhere. */
	memcpy(s.m.vm.mem, s.tables, sizeof(s.tables));
	fuzz_kicks(RUN_KICK_USEC);
	for (int i = 0; i < 100 && ret == -EINTR; i++)
		ret = vcpu_run(&s.m.vcpu);
	return fuzz_expect(!ret && run->exit_reason == (s.lapic ? KVM_EXIT_IO : KVM_EXIT_HLT),
			   "put right, in mode %d, the guest ends with %d, exit reason %u",
			   s.mode, ret, run->exit_reason);
}

/* Whatever is executed that is no table is the one instruction, exception handlers, too. */
static void fill_memory(uint8_t *mem, uint8_t insn)
{
	uint64_t *idt = (uint64_t *)(mem + VM_GPA_IDT);

	memset(mem, insn, VM_GPA_GDT);
	memset(mem + VM_GPA_IDT + 16 * IDT_GATES, insn, VM_GPA_PML4 - VM_GPA_IDT - 16 * IDT_GATES);
	memset(mem + VM_GPA_PD + 0x1000, insn, VM_GPA_VCPUS - VM_GPA_PD - 0x1000);
	memset(mem + VM_GPA_VCPUS + VM_VCPU_AREA, insn,
	       FUZZ_MIB * 0x100000 - VM_GPA_VCPUS - VM_VCPU_AREA);
	/* Trap gates: they leave RFLAGS.IF as it is. */
	for (int i = 0; i < IDT_GATES; i++)
		idt[2 * i] |= 1ULL << 40;
}

static void set_if(struct image *image)
{
	struct kvm_regs *regs = (void *)image;

	regs->rflags |= X86_EFLAGS_IF;
}

static bool begin(void)
{
	struct vcpu *vcpu = &s.m.vcpu;
	int size;

	s.lapic = fuzz_one_in(2);
	if (!fuzz_machine(&s.m, s.lapic, !fuzz_one_in(4)))
		return false;
	size = sys_ioctl(s.m.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	if (!fuzz_expect(size > 0 && size <= IMAGE_MAX, "KVM_CAP_XSAVE2: %d", size))
		return false;
	kinds[XSAVE].size = size;
	fill_memory(s.m.vm.mem, s.lapic ? OUT : HLT);
	for (enum fuzz_mode mode = 0; mode < FUZZ_MODES; mode++) {
		int ret = fuzz_set_mode(vcpu, mode, 0);

		if (!fuzz_expect(!ret, "mode %d: %d", mode, ret))
			return false;
		for (enum kind kind = 0; kind < KINDS; kind++) {
			ret = get(kind, &s.good[mode][kind]);
			if (kind == REGS && fuzz_one_in(2))
				set_if(&s.good[mode][kind]);
			s.there[kind] = !ret;
			if (!fuzz_expect(!ret || kind == LAPIC || kind == XCRS || kind == SREGS2,
					 "no %s: %d", kinds[kind].name, ret))
				return false;
		}
	}
	memcpy(s.tables, s.m.vm.mem, sizeof(s.tables));
	return true;
}

static bool refused_well(int ret)
{
	return ret == -EINVAL || (testing_kvm() && ret == -ENXIO);
}

/* Write @image, and look at what has become of it. */
static bool write_image(enum kind kind, struct image *image)
{
	static struct image before, after, again;
	size_t where = 0;
	int ret;

	if (!fuzz_expect(!get(kind, &before), "%s cannot be read", kinds[kind].name))
		return false;
	ret = set(kind, image);
	if (!fuzz_expect(!get(kind, &after), "%s cannot be read any more", kinds[kind].name))
		return false;
	if (ret && !fuzz_expect(refused_well(ret), "%s: refused with %d", kinds[kind].name, ret))
		return false;
	if (testing_kvm())	/* which may take half of what it refuses */
		return !ret;
	if (ret) {
		fuzz_expect(same(kind, &before, &after, &where),
			    "%s: refused, and byte %zu has changed", kinds[kind].name, where);
		return false;
	}
	if (!fuzz_expect(is_as_written(kind, image, &after), "%s: not as written",
			 kinds[kind].name))
		return false;
	ret = set(kind, &after);
	if (!fuzz_expect(!ret, "%s: what is read is refused, %d", kinds[kind].name, ret))
		return false;
	get(kind, &again);
	return fuzz_expect(same(kind, &after, &again, &where), "%s: byte %zu changes each time",
			   kinds[kind].name, where);
}

/*
 * Bochs 2.7 does not let the host's interrupts end a guest that has RFLAGS.IF clear,
 * and what a changed image leads to may go on for ever. Trap gates leave IF as it is.
 * In real mode every exception clears it, and behind the limit of CS its handler
 * does nothing but fault.
 */
static bool can_be_stopped(void)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (s.is_good)
		return true;
	if (sys_ioctl_ptr(s.m.vcpu.fd, KVM_GET_SREGS, &sregs) ||
	    sys_ioctl_ptr(s.m.vcpu.fd, KVM_GET_REGS, &regs))
		return false;
	return regs.rflags & X86_EFLAGS_IF && (sregs.cr0 & X86_CR0_PE || sregs.cs.limit >= 0xffff);
}

static void one_image(void)
{
	static struct image image;
	enum kind kind = fuzz_below(KINDS);
	int ret;

	if (!s.there[kind])
		return;
	if (fuzz_one_in(2))
		memcpy(&image, &s.good[fuzz_below(FUZZ_MODES)][kind], kinds[kind].size);
	else
		get(kind, &image);
	fuzz_mutate(&image, kinds[kind].size);
	fuzz_did(1);
	if (!write_image(kind, &image))
		return;
	/* Or it gets as far as to take everything over, and not into the guest. */
	s.m.vcpu.run->immediate_exit = !can_be_stopped();
	ret = vcpu_run(&s.m.vcpu);
	s.m.vcpu.run->immediate_exit = 0;
	fuzz_expect(fuzz_exit_is_defined(ret, s.m.vcpu.run), "%s, then KVM_RUN: %d, exit reason %u",
		    kinds[kind].name, ret, s.m.vcpu.run->exit_reason);
}

static void state_round(void)
{
	if (!begin())
		return;
	fuzz_kicks(KICK_USEC);
	for (int i = 0; i < ROUND_IMAGES && !fuzz_over(); i++) {
		if (fuzz_one_in(4) && !put_right(fuzz_below(FUZZ_MODES)))
			break;
		one_image();
	}
	if (!fuzz_failed() && put_right(fuzz_below(FUZZ_MODES)))
		runs();
	machine_destroy(&s.m);
}

int main(void)
{
	static const struct fuzzer fuzzer = { .name = "fuzz_state", .round = state_round };

	return fuzz_main(&fuzzer);
}
