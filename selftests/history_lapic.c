// SPDX-License-Identifier: GPL-2.0
/*
 * Classes of bugs that KVM and Xen have had with the local APIC's MSRs, and with
 * addresses in MSRs; see history.c.
 */
#include <sys/mman.h>

#include "history.h"
#include "lapic.h"
#include "harness.h"

#define VCPU_ID			5	/* not that of a CPU of the host */

/* A vCPU with a local APIC in the kernel and an id that no CPU of the host has. */
FIXTURE(lapic) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(lapic)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, VCPU_ID));
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(lapic)
{
	machine_destroy(&self->m);
}

/* SDM vol. 3, table "Local APIC Register Address Map Supported by x2APIC": what is readable. */
static bool is_x2apic_register(uint32_t reg)
{
	switch (reg) {
	case 0x02: case 0x03: case 0x08: case 0x0a: case 0x0d: case 0x0f: case 0x28:
	case 0x10 ... 0x27:
	case 0x30: case 0x32 ... 0x39: case 0x3e:
		return true;
	}
	return false;
}

/*
 * Xen (XSA-108): reads of 0x800 to 0xbff were taken for the x2APIC, which has a page of
 * registers, and led to the memory behind it. Class: a range of MSRs is larger than the
 * array behind it.
 */
TEST_F(lapic, cve_2014_7188_x2apic_range)
{
	struct vm_op *ops = calloc(0x400, sizeof(*ops));
	struct vm_op on = vm_op_wrmsr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | X2APIC_MODE);

	ASSERT_NE(NULL, ops);
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, &on, 1));
	ASSERT_EQ(VM_OP_DONE, on.vector);
	for (uint32_t reg = 0; reg < 0x400; reg++)
		ops[reg] = vm_op_rdmsr(MSR_X2APIC + reg);
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops, 0x400));
	for (uint32_t reg = 0; reg < 0x400; reg++) {
		/* The LVT entry for corrected machine checks is there if the bank count says so. */
		if (reg == 0x2f)
			continue;
		EXPECT_EQ(is_x2apic_register(reg) ? VM_OP_DONE : VECTOR_GP, ops[reg].vector) {
			TH_LOG("read of MSR %#x", MSR_X2APIC + reg);
		}
	}
	for (uint32_t reg = 0x40; reg < 0x400; reg++)
		ops[reg] = vm_op_wrmsr(MSR_X2APIC + reg, 0);
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops + 0x40, 0x400 - 0x40));
	EXPECT_ALL_GP(ops + 0x40, 0x400 - 0x40);
	free(ops);
}

/*
 * KVM: when the APIC's mode changed, the MSR bitmap still let the guest's x2APIC accesses
 * through, to the CPU's own APIC. Class: permissions that follow from a state are not taken
 * back with it.
 */
TEST_F(lapic, cve_2016_4440_x2apic_mode)
{
	static const uint64_t modes[] = {
		APIC_BASE_ENABLE, X2APIC_MODE, 0, APIC_BASE_ENABLE, X2APIC_MODE, 0,
	};
	struct kvm_lapic_state state;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct vm_op ops[] = {
			vm_op_wrmsr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | modes[i]),
			vm_op_rdmsr(MSR_X2APIC + 0x02), vm_op_wrmsr(MSR_X2APIC + 0x08, 0x50 + i),
			vm_op_rdmsr(MSR_X2APIC + 0x08), vm_op_wrmsr(MSR_X2APIC + 0x0b, 0),
		};

		ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops, ARRAY_SIZE(ops)));
		EXPECT_EQ(VM_OP_DONE, ops[0].vector);
		for (size_t op = 1; op < ARRAY_SIZE(ops); op++) {
			EXPECT_EQ(modes[i] == X2APIC_MODE ? VM_OP_DONE : VECTOR_GP,
				  ops[op].vector) {
				TH_LOG("step %zu, access %zu", i, op);
			}
		}
		if (modes[i] != X2APIC_MODE)
			continue;
		EXPECT_EQ(VCPU_ID, vm_op_value(&ops[1]));
		EXPECT_EQ(0x50 + i, vm_op_value(&ops[3]));
		/* It went to the vCPU's. */
		ASSERT_EQ(0, get_lapic(self->vcpu, &state));
		EXPECT_EQ(0x50 + i, get_reg(&state, APIC_TPR));
	}
}

#define SLOT_GPA	0x200000ULL	/* behind the memory of the machine */

/*
 * KVM: the guest wrote to an MSR where the host should put the time, and took that memory
 * away. Class: a guest-physical address in an MSR is used when its memory is gone, or beyond
 * the slot. The only such MSR here is IA32_APIC_BASE; the clock's take no address.
 */
TEST_F(lapic, cve_2013_1797_address_in_an_msr)
{
	static const uint32_t clocks[] = { 0x11, 0x12, 0x4b564d00, 0x4b564d01 };
	static const uint8_t load[] = { 0x8b, 0x03 }, store[] = { 0x89, 0x03 };
	struct kvm_userspace_memory_region slot = {
		.slot = 1, .guest_phys_addr = SLOT_GPA, .memory_size = 0x1000,
	};
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_APIC_BASE, SLOT_GPA | APIC_BASE_BSP | APIC_BASE_ENABLE),
		vm_op_insn(store, sizeof(store)), vm_op_insn(load, sizeof(load)),
	};
	struct vm_op clock[4];
	uint8_t *page;

	page = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	memset(page, 0x5a, 0x2000);
	slot.userspace_addr = (uintptr_t)page;
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_SET_USER_MEMORY_REGION, &slot));

	/* Enabled (bit 0), with the last bytes of the slot for 32 bytes of time. */
	for (int i = 0; i < 4; i++)
		clock[i] = vm_op_wrmsr(clocks[i], (SLOT_GPA + 0xffc) | 1);
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, clock, 4));
	if (!testing_kvm()) {
		for (int i = 0; i < 4; i++) {
			EXPECT_EQ(VECTOR_GP, clock[i].vector) {
				TH_LOG("MSR %#x", clocks[i]);
			}
		}
	}

	/* The APIC on the slot; then the slot and its memory go. TPR takes 8 bits. */
	ops[1].rbx = SLOT_GPA + 0x80;
	ops[1].rax = 0xabcdef37;
	ops[2].rbx = SLOT_GPA + 0x80;
	slot.memory_size = 0;
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, ops, 1));
	ASSERT_EQ(VM_OP_DONE, ops[0].vector);
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_SET_USER_MEMORY_REGION, &slot));
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, &ops[1], 2));
	EXPECT_EQ(0x37, ops[2].rax);
	for (int i = 0; i < 0x2000; i++) {
		ASSERT_EQ(0x5a, page[i]) {
			TH_LOG("byte %#x was written to", i);
		}
	}
	ASSERT_EQ(0, munmap(page, 0x2000));
	ASSERT_EQ(0, lapic_run_ops(self->vcpu, &ops[1], 2));
	EXPECT_EQ(0x37, ops[2].rax);
}

/*
 * KVM: a client without a local APIC in the kernel wrote to MSRs that send interrupts (those
 * of Hyper-V's SynIC), and there was no APIC to send by. Class: something that an MSR or an
 * ioctl needs is not there.
 */
TEST(cve_2022_2153_no_lapic)
{
	static const uint64_t values[] = { 0, 1, 0xfee00000 | X2APIC_MODE, ~0ULL, 0x4001000f1 };
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x40000070, 0x400000bf }, { 0x4b564d00, 0x4b564d0f }, { MSR_X2APIC, 0x8ff },
		{ MSR_IA32_TSC_DEADLINE, MSR_IA32_TSC_DEADLINE },
		{ MSR_IA32_APIC_BASE, MSR_IA32_APIC_BASE },
	};
	struct vm_op on = vm_op_wrmsr(MSR_IA32_APIC_BASE, 0xfee00000 | APIC_BASE_BSP | X2APIC_MODE);
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x41 };
	struct kvm_lapic_state state = { 0 };
	struct kvm_irq_level level = { .irq = 4, .level = 1 };
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&m.vcpu));
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(m.vcpu.fd, KVM_GET_LAPIC, &state));
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(m.vcpu.fd, KVM_SET_LAPIC, &state));
	EXPECT_GT(0, sys_ioctl_ptr(m.vm.fd, KVM_SIGNAL_MSI, &msi));
	EXPECT_GT(0, sys_ioctl_ptr(m.vm.fd, KVM_IRQ_LINE, &level));
	/* x2APIC is taken over by a client that does the APIC itself: still there is none here. */
	ASSERT_OPS(&m.vcpu, &on, 1);
	for (size_t r = 0; r < ARRAY_SIZE(ranges); r++) {
		for (uint32_t index = ranges[r].first; index <= ranges[r].last; index++) {
			/* KVM has some of the first range. */
			bool has_it = testing_kvm() || index == MSR_IA32_APIC_BASE ||
				      index == MSR_IA32_TSC_DEADLINE;
			struct vm_op ops[ARRAY_SIZE(values) + 1];
			uint64_t value;
			int ret;

			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				ret = vcpu_set_msr(&m.vcpu, index, values[v]);
				EXPECT_TRUE(ret == -EPERM || (has_it && !ret)) {
					TH_LOG("MSR %#x: %d", index, ret);
				}
				ops[v] = vm_op_wrmsr(index, values[v]);
			}
			vcpu_get_msr(&m.vcpu, index, &value);
			ops[ARRAY_SIZE(values)] = vm_op_rdmsr(index);
			ASSERT_OPS(&m.vcpu, ops, ARRAY_SIZE(ops));
			if (has_it)
				continue;
			for (size_t op = 0; op < ARRAY_SIZE(ops); op++) {
				EXPECT_EQ(VECTOR_GP, ops[op].vector) {
					TH_LOG("MSR %#x", index);
				}
			}
		}
	}
	machine_destroy(&m);
}

TEST_HARNESS_MAIN
