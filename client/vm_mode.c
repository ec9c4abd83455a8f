// SPDX-License-Identifier: GPL-2.0
/*
 * The modes that a vCPU can be put in, and the tables in guest memory that
 * they need.
 */
#include <asm/processor-flags.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"
#include "vm_mode.h"

#define BIT(n)		(1u << (n))

#define EFER_LME	BIT(8)
#define EFER_LMA	BIT(10)

#define PTE_PRESENT	BIT(0)
#define PTE_WRITE	BIT(1)
#define PTE_USER	BIT(2)
#define PTE_LARGE	BIT(7)
#define PTE_TABLE	(PTE_PRESENT | PTE_WRITE | PTE_USER)
#define LARGE_PAGE	0x200000ull

#define SEG_DATA	0x3	/* read, write, accessed */
#define SEG_CODE	0xb	/* execute, read, accessed */
#define SEG_LDT		0x2
#define SEG_TSS_BUSY	0xb

#define GATE_INTERRUPT	0xeeull	/* present, DPL 3, 64-bit interrupt gate */
#define GATE_IST1	1ull

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1,
		.dpl = selector & 3, .db = 1, .s = 1, .g = 1,
	};
}

static struct kvm_segment code64(uint16_t selector)
{
	struct kvm_segment seg = segment(selector, SEG_CODE);

	seg.db = 0;
	seg.l = 1;
	return seg;
}

static uint64_t descriptor(struct kvm_segment seg)
{
	return 0xffffull | (uint64_t)seg.type << 40 | (uint64_t)seg.s << 44 |
	       (uint64_t)seg.dpl << 45 | (uint64_t)seg.present << 47 | 0xfull << 48 |
	       (uint64_t)seg.l << 53 | (uint64_t)seg.db << 54 | (uint64_t)seg.g << 55;
}

static void fill_gdt(uint64_t *gdt)
{
	gdt[VM_SEL_CODE64 / 8] = descriptor(code64(VM_SEL_CODE64));
	gdt[VM_SEL_DATA / 8] = descriptor(segment(VM_SEL_DATA, SEG_DATA));
	gdt[VM_SEL_CODE32 / 8] = descriptor(segment(VM_SEL_CODE32, SEG_CODE));
	gdt[VM_SEL_USER_CODE32 / 8] = descriptor(segment(VM_SEL_USER_CODE32, SEG_CODE));
	gdt[VM_SEL_USER_DATA / 8] = descriptor(segment(VM_SEL_USER_DATA, SEG_DATA));
	gdt[VM_SEL_USER_CODE64 / 8] = descriptor(code64(VM_SEL_USER_CODE64));
}

static void fill_idt(uint64_t *idt)
{
	uint64_t stub = VM_GPA_GUEST + vm_guest_stubs;
	int vector;

	for (vector = 0; vector <= VM_VECTOR_DONE; vector++, stub += VM_STUB_SIZE) {
		idt[2 * vector] = (stub & 0xffff) | (uint64_t)VM_SEL_CODE64 << 16 |
				  GATE_IST1 << 32 | GATE_INTERRUPT << 40 |
				  (stub & 0xffff0000) << 32;
		idt[2 * vector + 1] = stub >> 32;
	}
}

static void fill_page_tables(uint64_t *pml4, uint64_t *pdpt, uint64_t *pd)
{
	unsigned int i;

	pml4[0] = VM_GPA_PDPT | PTE_TABLE;
	pdpt[0] = VM_GPA_PD | PTE_TABLE;
	for (i = 0; i < 512; i++)
		pd[i] = i * LARGE_PAGE | PTE_TABLE | PTE_LARGE;
}

void vm_fill_memory(struct vm *vm)
{
	fill_gdt((uint64_t *)(vm->mem + VM_GPA_GDT));
	fill_idt((uint64_t *)(vm->mem + VM_GPA_IDT));
	fill_page_tables((uint64_t *)(vm->mem + VM_GPA_PML4), (uint64_t *)(vm->mem + VM_GPA_PDPT),
			 (uint64_t *)(vm->mem + VM_GPA_PD));
	memcpy(vm->mem + VM_GPA_GUEST, vm_guest, vm_guest_size);
}

static void set_data_segments(struct kvm_sregs *sregs, struct kvm_segment seg)
{
	uint64_t fs_base = sregs->fs.base, gs_base = sregs->gs.base;

	sregs->ds = seg;
	sregs->es = seg;
	sregs->ss = seg;
	sregs->fs = seg;
	sregs->gs = seg;
	sregs->fs.base = fs_base;
	sregs->gs.base = gs_base;
}

static void set_real(struct kvm_sregs *sregs)
{
	struct kvm_segment seg = segment(0, SEG_DATA);

	seg.limit = 0xffff;
	seg.g = 0;
	seg.db = 0;
	set_data_segments(sregs, seg);
	seg.type = SEG_CODE;
	sregs->cs = seg;
	sregs->idt = (struct kvm_dtable){ .limit = 0x3ff };
	sregs->gdt = (struct kvm_dtable){ .limit = 0xffff };
	sregs->cr0 = X86_CR0_ET;
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer &= ~(uint64_t)(EFER_LME | EFER_LMA);
}

static void set_protected(struct kvm_sregs *sregs)
{
	set_data_segments(sregs, segment(VM_SEL_DATA, SEG_DATA));
	sregs->cs = segment(VM_SEL_CODE32, SEG_CODE);
	sregs->gdt = (struct kvm_dtable){ .base = VM_GPA_GDT, .limit = VM_SEL_TSS - 1 };
	sregs->idt = (struct kvm_dtable){ .limit = 0 };
	sregs->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE;
	sregs->cr3 = 0;
	sregs->cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	sregs->efer &= ~(uint64_t)(EFER_LME | EFER_LMA);
}

static void set_long(struct kvm_sregs *sregs)
{
	set_protected(sregs);
	sregs->cs = code64(VM_SEL_CODE64);
	sregs->idt = (struct kvm_dtable){
		.base = VM_GPA_IDT, .limit = 16 * (VM_VECTOR_DONE + 1) - 1,
	};
	sregs->cr0 |= X86_CR0_WP | X86_CR0_PG;
	sregs->cr3 = VM_GPA_PML4;
	sregs->cr4 |= X86_CR4_PAE;
	sregs->efer |= EFER_LME | EFER_LMA;
}

/* TR has to hold a busy TSS in all modes for a VM entry to be accepted. */
static void set_system_segments(struct kvm_sregs *sregs, uint64_t tss)
{
	sregs->ldt = (struct kvm_segment){ .type = SEG_LDT, .limit = 0xffff, .present = 1 };
	sregs->tr = (struct kvm_segment){
		.base = tss, .limit = VM_TSS_SIZE - 1, .selector = VM_SEL_TSS,
		.type = SEG_TSS_BUSY, .present = 1,
	};
}

int vcpu_set_mode(struct vcpu *vcpu, enum vm_mode mode, uint64_t rip, uint64_t rsp)
{
	struct kvm_regs regs = { .rip = rip, .rsp = rsp, .rflags = X86_EFLAGS_FIXED };
	uint64_t area = VM_GPA_VCPUS + (uint64_t)vcpu->id * VM_VCPU_AREA;
	uint8_t *tss = vm_gpa(vcpu->vm, area, VM_TSS_SIZE);
	uint64_t ist1 = area + VM_AREA_FAULT_STACK;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	switch (mode) {
	case VM_MODE_REAL:
		set_real(&sregs);
		break;
	case VM_MODE_PROTECTED:
		set_protected(&sregs);
		break;
	case VM_MODE_LONG:
		set_long(&sregs);
		if (tss)
			memcpy(tss + VM_TSS_IST1, &ist1, sizeof(ist1));
		break;
	}
	set_system_segments(&sregs, area);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	vcpu->ops_ready = false;
	return 0;
}
