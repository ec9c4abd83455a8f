/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small library over KVM's ioctls: make a VM, give it memory and vCPUs, put
 * them in a mode, run code. It works on /dev/minihv and on /dev/kvm alike.
 *
 * Functions that return int return 0 or a negative errno (or, where it says
 * so, a value that is not negative). Nothing here prints or exits.
 */
#ifndef MINIHV_VM_H
#define MINIHV_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "guest.h"

#define VM_DEFAULT_MIB	4
#define VM_MAX_MIB	1024	/* what the long mode page tables map */

/**
 * struct vm - a VM and its one memory slot
 * @dev:	the device's fd; borrowed, the caller closes it
 * @fd:		the VM's fd
 * @mem:	the guest's memory from gpa 0; NULL when it has none
 * @mem_size:	in bytes
 */
struct vm {
	int dev;
	int fd;
	uint8_t *mem;
	size_t mem_size;
};

/**
 * struct vcpu - a vCPU
 * @vm:		the VM that it belongs to
 * @id:		as given to KVM_CREATE_VCPU; picks the vCPU's area in memory
 * @fd:		the vCPU's fd
 * @run:	the page(s) shared with the kernel
 * @run_size:	of @run, in bytes
 * @ops_ready:	vm_run_ops() has put it in long mode
 */
struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	bool ops_ready;
};

enum vm_mode {
	VM_MODE_REAL,
	VM_MODE_PROTECTED,	/* 32-bit, flat, no paging, empty IDT */
	VM_MODE_LONG,		/* 64-bit, ring 0, first GiB mapped, the IDT of guest.S */
};

/*
 * vm_open_device() - open @path and see that it speaks KVM's ioctls
 *
 * Returns the fd. -ENOTTY: it is something else; -EPROTO: it has another
 * version of the interface than KVM_API_VERSION.
 */
int vm_open_device(const char *path);

/*
 * vm_create() - make a VM with @mib MiB of zeroed memory at gpa 0
 *
 * The memory is filled below VM_GPA_FREE (see guest.h). With @mib 0 there is no
 * memory, and the caller makes the slots. On failure nothing is left behind.
 */
int vm_create(struct vm *vm, int dev, unsigned int mib);
void vm_destroy(struct vm *vm);

/* vm_gpa() - @len bytes of guest memory at @gpa; NULL when outside of it */
void *vm_gpa(const struct vm *vm, uint64_t gpa, size_t len);

/* vm_load_code() - copy @len bytes to @gpa; -EFAULT when outside the memory */
int vm_load_code(struct vm *vm, uint64_t gpa, const void *code, size_t len);

/*
 * vm_supported_cpuid() - KVM_GET_SUPPORTED_CPUID in full
 *
 * The caller frees *@cpuid.
 */
int vm_supported_cpuid(int dev, struct kvm_cpuid2 **cpuid);

/*
 * vcpu_create() - KVM_CREATE_VCPU, and nothing else: no CPUID, reset state
 */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned int id);
void vcpu_destroy(struct vcpu *vcpu);

/* vcpu_set_supported_cpuid() - let the guest have all that the device offers */
int vcpu_set_supported_cpuid(struct vcpu *vcpu);

/*
 * vcpu_set_mode() - go to @mode, with RIP at @rip and the stack at @rsp
 *
 * All other general registers are zero and RFLAGS is 2. EFER keeps its bits
 * other than LME and LMA, and the bases of FS and GS stay, since those are MSRs
 * that the caller may have set.
 */
int vcpu_set_mode(struct vcpu *vcpu, enum vm_mode mode, uint64_t rip, uint64_t rsp);

/* vcpu_run() - KVM_RUN once; @vcpu->run says why it came back */
int vcpu_run(struct vcpu *vcpu);

/*
 * vcpu_describe_exit() - the last exit in words, for messages
 *
 * Writes at most @size bytes, "KVM_EXIT_HLT" for instance, and for the exits
 * that mean trouble the details from struct kvm_run behind it.
 */
void vcpu_describe_exit(const struct vcpu *vcpu, char *buf, size_t size);

/* MSRs: vm_msr.c */

/*
 * vm_msr_list() - an index list in full
 *
 * @ioctl_nr is KVM_GET_MSR_INDEX_LIST or KVM_GET_MSR_FEATURE_INDEX_LIST. The
 * caller frees *@list.
 */
int vm_msr_list(int dev, unsigned long ioctl_nr, struct kvm_msr_list **list);

/* vm_msr_listed() - is the MSR with @index in such a list? */
bool vm_msr_listed(const struct kvm_msr_list *list, uint32_t index);

/*
 * KVM_GET_MSRS on the device and on a vCPU, and KVM_SET_MSRS
 *
 * They return how many of the @n entries were done: the kernel stops at the first
 * that it refuses.
 */
int vm_get_feature_msrs(int dev, struct kvm_msr_entry *entries, uint32_t n);
int vcpu_get_msrs(struct vcpu *vcpu, struct kvm_msr_entry *entries, uint32_t n);
int vcpu_set_msrs(struct vcpu *vcpu, struct kvm_msr_entry *entries, uint32_t n);

/* The same for one MSR. -EPERM: refused. */
int vm_get_feature_msr(int dev, uint32_t index, uint64_t *value);
int vcpu_get_msr(struct vcpu *vcpu, uint32_t index, uint64_t *value);
int vcpu_set_msr(struct vcpu *vcpu, uint32_t index, uint64_t value);

/* Ops: vm_ops.c and guest.S */

#define VM_INSN_MAX	15

/* struct vm_op.vector, where it isn't that of an exception (0 to 31) */
#define VM_OP_DONE	VM_VECTOR_DONE
#define VM_OP_NOT_RUN	0xffffffffu

/**
 * struct vm_op - an instruction for a guest in long mode, and what became of it
 * @rax:	in: before the instruction; out: after it, or as it was when it
 *		faulted. The same for the next three. All 64 bits count: RDMSR has
 *		to clear the upper halves, and WRMSR to ignore them.
 * @rflags:	in: bits to set in RFLAGS, which is 2 otherwise; out: RFLAGS after
 *		the instruction, or as saved by the exception
 * @vector:	out: VM_OP_DONE, or the exception, or VM_OP_NOT_RUN
 * @error_code:	out: that of the exception; 0 for those that have none
 * @rip:	out: RIP afterwards, or as saved by the exception, from the first
 *		byte of the instruction: 0 for a fault, @len after a success
 * @user:	in: not 0 to run it in ring 3
 * @len:	in: bytes in @insn
 * @insn:	in: the instruction, or some that fit; any that keeps CS, the GDT,
 *		the IDT, TR and the paging in working order
 *
 * Every one is called with an INT $0x20 behind its last byte, through which the
 * guest gets back. An instruction whose length was taken for longer than it is
 * therefore ends in another exception (#BP mostly) and not in VM_OP_DONE.
 */
struct vm_op {
	uint64_t rax, rbx, rcx, rdx;
	uint64_t rflags;
	uint32_t vector;
	uint32_t error_code;
	int32_t rip;
	uint8_t user;
	uint8_t len;
	uint8_t pad[2];
	uint8_t insn[24];	/* VM_INSN_MAX, and room for the library */
};

/*
 * Ops for the usual instructions. What the instruction has to clear or to
 * ignore is all ones, so that a hypervisor that does not is found out.
 */
struct vm_op vm_op_rdmsr(uint32_t index);
struct vm_op vm_op_wrmsr(uint32_t index, uint64_t value);
struct vm_op vm_op_cpuid(uint32_t leaf, uint32_t subleaf);

/* vm_op_insn() - any other; the registers are 0 */
struct vm_op vm_op_insn(const uint8_t *insn, size_t len);

/* vm_op_value() - EDX:EAX, the value that RDMSR has read */
uint64_t vm_op_value(const struct vm_op *op);

/*
 * vm_run_ops() - run @n ops one after the other in @vcpu
 *
 * The first call puts the vCPU in long mode, later ones go on with the state
 * that the last one left. An op that raises an exception does not end the run.
 * vCPUs of one VM may run ops at the same time. -ENOSPC: the memory ends before
 * this vCPU's area does; -EINVAL: an op longer than VM_INSN_MAX; -EIO: the guest
 * left in another way than by its HLT, see vcpu_describe_exit(); other errors are
 * KVM_RUN's. The ops up to there have their results, the op that did it and those
 * after it are VM_OP_NOT_RUN.
 */
int vm_run_ops(struct vcpu *vcpu, struct vm_op *ops, size_t n);

#endif
