/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU with its local APIC in the kernel (KVM_CREATE_IRQCHIP): the APIC's registers,
 * messages for it, and guests in real mode that have it on.
 *
 * SDM vol. 3, chapter "Advanced Programmable Interrupt Controller (APIC)".
 */
#ifndef MINIHV_SELFTESTS_LAPIC_H
#define MINIHV_SELFTESTS_LAPIC_H

#include <time.h>

#include "real_mode.h"

#define VECTOR		0x41

#define PORT_MAIN	0xe0
#define PORT_INTERRUPT	0xe1
#define PORT_NMI	0xe2

/* Offsets in the page of registers; an MSR is 0x800 + offset / 16. */
#define APIC_ID		0x20
#define APIC_VERSION	0x30
#define APIC_TPR	0x80
#define APIC_LDR	0xd0
#define APIC_DFR	0xe0
#define APIC_SPIV	0xf0
#define APIC_IRR	0x200
#define APIC_ICR	0x300
#define APIC_LVT_TIMER	0x320
#define APIC_LVT_ERROR	0x370
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0

#define SPIV_ENABLED	0x1ff

#define LVT_MASKED	(1u << 16)
#define LVT_PERIODIC	(1u << 17)

/* Delivery modes, as in ICR and in a message's data. */
#define MODE_FIXED	(0u << 8)
#define MODE_LOWEST	(1u << 8)
#define MODE_NMI	(4u << 8)
#define MODE_INIT	(5u << 8)
#define MODE_STARTUP	(6u << 8)

#define X2APIC_ENABLE	(1ULL << 10)
#define X2APIC_MODE	(APIC_BASE_ENABLE | X2APIC_ENABLE)
#define MSR_X2APIC	0x800

/* Switches the APIC on, in x2APIC mode. */
#define SWITCH_ON							\
	"movl $0x1b, %ecx\n"						\
	"rdmsr\n"							\
	"orl $0xc00, %eax\n"						\
	"wrmsr\n"							\
	"xorl %edx, %edx\n"						\
	"movl $0x80f, %ecx\n"						\
	"movl $0x1ff, %eax\n"						\
	"wrmsr\n"

#define WRMSR(index, low, high)						\
	"movl $" #index ", %ecx\n"					\
	"movl $" #low ", %eax\n"					\
	"movl $" #high ", %edx\n"					\
	"wrmsr\n"

#define EOI	WRMSR(0x80b, 0, 0)

#define HANDLERS(name)							\
	#name "_interrupt: outb %al, $0xe1\n"				\
	EOI								\
	"iret\n"							\
	#name "_nmi: outb %al, $0xe2\n"					\
	"iret\n"

/* Code with HANDLERS(), for the first vCPU. */
#define ASSERT_LOADED(name)						\
do {									\
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, name));	\
	set_vector(self->vm, VECTOR, name##_interrupt - name);		\
	set_vector(self->vm, VECTOR_NMI, name##_nmi - name);		\
} while (0)

/* A VM with local APICs, and a vCPU with @id, which is the one that boots. */
static inline int lapic_machine_create(struct machine *m, unsigned int id)
{
	int ret;

	m->dev = vm_open_device(test_device());
	if (m->dev < 0)
		return m->dev;
	ret = vm_create(&m->vm, m->dev, 2);
	if (ret)
		goto err_close;
	ret = sys_ioctl(m->vm.fd, KVM_CREATE_IRQCHIP, 0) ?:
	      sys_ioctl(m->vm.fd, KVM_SET_BOOT_CPU_ID, id) ?:
	      vcpu_create(&m->vcpu, &m->vm, id);
	if (ret)
		goto err_vm;
	ret = vcpu_set_supported_cpuid(&m->vcpu);
	if (ret)
		goto err_vcpu;
	return 0;

err_vcpu:
	vcpu_destroy(&m->vcpu);
err_vm:
	vm_destroy(&m->vm);
err_close:
	close(m->dev);
	return ret;
}

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static inline uint32_t get_reg(const struct kvm_lapic_state *state, unsigned int reg)
{
	uint32_t value;

	memcpy(&value, state->regs + reg, sizeof(value));
	return value;
}

static inline void put_reg(struct kvm_lapic_state *state, unsigned int reg, uint32_t value)
{
	memcpy(state->regs + reg, &value, sizeof(value));
}

static inline int get_lapic(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_GET_LAPIC, state);
}

static inline int set_lapic(struct vcpu *vcpu, struct kvm_lapic_state *state)
{
	return sys_ioctl_ptr(vcpu->fd, KVM_SET_LAPIC, state);
}

static inline int get_mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state state;
	int ret = sys_ioctl_ptr(vcpu->fd, KVM_GET_MP_STATE, &state);

	return ret ? ret : (int)state.mp_state;
}

/* What the client sends, to @destination, an id. */
static inline int signal_msi(struct vm *vm, uint8_t destination, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000 | destination << 12, .data = data };

	return sys_ioctl_ptr(vm->fd, KVM_SIGNAL_MSI, &msi);
}

/*
 * vm_run_ops() for such a vCPU. HLT, by which the guest says that it has run its ops, would
 * wait in the kernel for an interrupt. One more op leaves by a port instead.
 */
static inline int lapic_run_ops(struct vcpu *vcpu, struct vm_op *ops, size_t n)
{
	static const uint8_t out[] = { 0xe6, PORT_MAIN };
	struct vm_op batch[256 + 1];
	size_t now;
	int ret;

	for (; n; n -= now, ops += now) {
		now = n < 256 ? n : 256;
		memcpy(batch, ops, now * sizeof(*ops));
		batch[now] = vm_op_insn(out, sizeof(out));
		ret = vm_run_ops(vcpu, batch, now + 1);
		if (ret != -EIO || vcpu->run->exit_reason != KVM_EXIT_IO)
			return ret ? ret : -EPROTO;
		memcpy(ops, batch, now * sizeof(*ops));
	}
	return 0;
}

#endif
