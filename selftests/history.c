// SPDX-License-Identifier: GPL-2.0
/*
 * Classes of bugs that KVM and Xen have had with a guest's MSRs, one test each, by
 * the number of the first known (CVE). Those about the local APIC are in
 * history_lapic.c, those in which the client is the attacker in history_client.c.
 */
#include <fcntl.h>
#include <stdio.h>

#include "background.h"
#include "history.h"
#include "cpus.h"
#include "harness.h"

#define MSR_IA32_DEBUGCTL	0x1d9

#define RTM_DISABLE		1
#define COUNT			0x1000	/* MSRs at a time */

FIXTURE(guest) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(guest)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
}

FIXTURE_TEARDOWN(guest)
{
	machine_destroy(&self->m);
}

/*
 * KVM: WRMSR of an address that is not canonical was handed on to the CPU, whose #GP
 * hit the host. Class: nobody looks at a value before the CPU does.
 */
TEST_F(guest, cve_2014_3610_noncanonical_base)
{
	static const uint32_t bases[] = {
		MSR_IA32_LSTAR, MSR_IA32_CSTAR, MSR_IA32_FS_BASE, MSR_IA32_GS_BASE,
		MSR_IA32_KERNEL_GS_BASE, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	};
	static const uint64_t values[] = {
		NONCANONICAL, ~NONCANONICAL, 1ULL << 63, ~0ULL >> 1, 1ULL << 57,
	};
	/* KVM extends the sign of the last two instead, as AMD needs it. */
	size_t count = ARRAY_SIZE(bases) - (testing_kvm() ? 2 : 0);

	for (size_t i = 0; i < count; i++) {
		struct vm_op ops[ARRAY_SIZE(values)];
		uint64_t value;

		ASSERT_EQ(0, vcpu_set_msr(self->vcpu, bases[i], CANONICAL_HIGH));
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			ops[v] = vm_op_wrmsr(bases[i], values[v]);
			EXPECT_EQ(-EPERM, vcpu_set_msr(self->vcpu, bases[i], values[v])) {
				TH_LOG("MSR %#x, client, %#lx", bases[i], values[v]);
			}
		}
		ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
		EXPECT_ALL_GP(ops, ARRAY_SIZE(ops));
		EXPECT_EQ(0, vcpu_get_msr(self->vcpu, bases[i], &value));
		EXPECT_EQ(CANONICAL_HIGH, value);
	}
}

static bool is_mtrr(uint32_t index)
{
	return index < 0x210 || index == 0x250 || index == 0x258 || index == 0x259 ||
	       (index >= 0x268 && index < 0x270) || index == 0x2ff;
}

/*
 * KVM: the range of the MTRRs has holes; 0x2f8 was taken for one of them, and led
 * beyond the array. Class: an index within a range, but not within what is stored.
 */
TEST_F(guest, cve_2016_3713_mtrr_index)
{
	struct vm_op ops[2 * 0x100];
	uint64_t values[0x100], value;
	size_t n = 0;

	for (uint32_t index = 0x200; index <= 0x2ff; index++) {
		if (is_mtrr(index)) {
			ASSERT_EQ(0, vcpu_get_msr(self->vcpu, index, &values[index - 0x200]));
			continue;
		}
		/* IA32_PAT, and the MCi_CTL2 of 32 banks, have indices of their own. */
		if (index == 0x277 || (index >= 0x280 && index < 0x2a0))
			continue;
		EXPECT_EQ(-EPERM, vcpu_get_msr(self->vcpu, index, &value)) {
			TH_LOG("MSR %#x", index);
		}
		EXPECT_EQ(-EPERM, vcpu_set_msr(self->vcpu, index, 6)) {
			TH_LOG("MSR %#x", index);
		}
		ops[n++] = vm_op_rdmsr(index);
		ops[n++] = vm_op_wrmsr(index, 6);
	}
	EXPECT_EQ(2 * 0xc3, n);
	ASSERT_OPS(self->vcpu, ops, n);
	EXPECT_ALL_GP(ops, n);
	for (uint32_t index = 0x200; index <= 0x2ff; index++) {
		if (!is_mtrr(index))
			continue;
		EXPECT_EQ(0, vcpu_get_msr(self->vcpu, index, &value));
		EXPECT_EQ(values[index - 0x200], value) {
			TH_LOG("MSR %#x has changed", index);
		}
	}
}

/*
 * Xen (XSA-269): a guest could have any value in IA32_DEBUGCTL, and lock the CPU up with
 * branch trace stores. Class: a debug feature that is switched on in the guest and
 * works on the host's memory.
 */
TEST_F(guest, cve_2018_15468_debugctl)
{
	/* SDM vol. 3, "IA32_DEBUGCTL MSR": TR, BTS, BTINT, BTS_OFF_OS, BTS_OFF_USR, and all. */
	static const uint64_t values[] = {
		1 << 6, 1 << 7, 3 << 6, 7 << 6, 1 << 8, 1 << 9, 1 << 10, ~0ULL,
	};
	struct vm_op ops[ARRAY_SIZE(values)];
	struct vm_op after[] = {
		vm_op_rdmsr(MSR_IA32_DEBUGCTL), vm_op_rdmsr(MSR_IA32_MISC_ENABLE),
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ops[i] = vm_op_wrmsr(MSR_IA32_DEBUGCTL, values[i]);
		EXPECT_EQ(-EPERM, vcpu_set_msr(self->vcpu, MSR_IA32_DEBUGCTL, values[i])) {
			TH_LOG("client, %#lx", values[i]);
		}
	}
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	EXPECT_ALL_GP(ops, ARRAY_SIZE(ops));
	ASSERT_OPS(self->vcpu, after, 2);
	EXPECT_EQ(0, vm_op_value(&after[0]));
	/* "Branch Trace Storage Unavailable" */
	EXPECT_TRUE(vm_op_value(&after[1]) & 1 << 11);
}

/* How often has the device's module touched an MSR that was not there? The kernel says it once. */
static int count_in_log(int fd)
{
	const char *module = testing_kvm() ? " [kvm" : " [minihv";
	char line[8192];
	ssize_t len;
	int n = 0;

	while ((len = read(fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (len < 0)
			continue;
		line[len] = 0;
		n += strstr(line, "unchecked MSR access") && strstr(line, module);
	}
	return n;
}

/*
 * Xen (XSA-333): the guest's MISC_ENABLE was made from the CPU's by a read that could
 * not fault; on a CPU without it, it did. Class: a guest makes the host touch an MSR
 * that the host may not have. Most of these no CPU has.
 */
TEST_F(guest, cve_2020_25602_host_lacks_it)
{
	static const uint32_t starts[] = {
		0, 0x1000, 0x40000000, 0xc0000000, 0xc0001000, 0xc0010000,
	};
	struct vm_op *ops = calloc(COUNT, sizeof(*ops));
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	uint64_t value;

	ASSERT_NE(NULL, ops);
	ASSERT_LE(0, log);
	for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
		for (uint32_t i = 0; i < COUNT; i++) {
			vcpu_get_msr(self->vcpu, starts[s] + i, &value);
			ops[i] = vm_op_rdmsr(starts[s] + i);
		}
		ASSERT_OPS(self->vcpu, ops, COUNT);
		/* Write what was read; 0 where it could not be. */
		for (uint32_t i = 0; i < COUNT; i++) {
			value = ops[i].vector == VM_OP_DONE ? vm_op_value(&ops[i]) : 0;
			vcpu_set_msr(self->vcpu, starts[s] + i, value);
			ops[i] = vm_op_wrmsr(starts[s] + i, value);
		}
		ASSERT_OPS(self->vcpu, ops, COUNT);
	}
	EXPECT_EQ(0, count_in_log(log));
	free(ops);
	close(log);
}

/*
 * Xen (XSA-351): guests could read how much energy the CPU uses, and found out keys by it.
 * Class: an MSR of the host's that tells of others is readable. Those of the RAPL interface
 * are 0 or not there, however often they are read; so is the core's voltage.
 */
TEST_F(guest, cve_2020_28368_energy)
{
	struct vm_op *ops = calloc(2 * 0x100, sizeof(*ops));
	uint64_t value;

	ASSERT_NE(NULL, ops);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 0x100; i++)
			ops[0x100 * round + i] = vm_op_rdmsr(0x600 + i);
	}
	ASSERT_OPS(self->vcpu, ops, 2 * 0x100);
	for (uint32_t i = 0; i < 0x100; i++) {
		/* IA32_TSC_DEADLINE is none of them. */
		if (0x600 + i == 0x6e0)
			continue;
		EXPECT_EQ(ops[i].vector, ops[0x100 + i].vector);
		if (ops[i].vector == VM_OP_DONE) {
			EXPECT_EQ(0, vm_op_value(&ops[i]));
			EXPECT_EQ(0, vm_op_value(&ops[0x100 + i]));
		} else {
			EXPECT_EQ(VECTOR_GP, ops[i].vector);
		}
		if (!vcpu_get_msr(self->vcpu, 0x600 + i, &value)) {
			EXPECT_EQ(0, value) {
				TH_LOG("client, MSR %#x", 0x600 + i);
			}
		}
	}
	/* IA32_PERF_STATUS has the voltage in its upper half: a constant. */
	ops[0] = vm_op_rdmsr(0x198);
	ops[1] = vm_op_rdmsr(0x198);
	ASSERT_OPS(self->vcpu, ops, 2);
	EXPECT_EQ(vm_op_value(&ops[0]), vm_op_value(&ops[1]));
	EXPECT_EQ(4, vm_op_value(&ops[0]) >> 40);
	free(ops);
}

/*
 * KVM: with vmx in the guest, its guest's x2APIC MSRs were the host's. minihv has
 * no VMX for guests. Class: a second guest gets what the first must not have.
 */
TEST_F(guest, cve_2019_3887_no_guest_in_the_guest)
{
	static const uint8_t mov_to_cr4[] = { 0x0f, 0x22, 0xe0 };
	static const uint8_t vmxon[] = { 0xf3, 0x0f, 0xc7, 0x30 };
	static const uint8_t vmptrld[] = { 0x0f, 0xc7, 0x30 };
	static const uint8_t vmclear[] = { 0x66, 0x0f, 0xc7, 0x30 };
	static const uint8_t vmwrite[] = { 0x0f, 0x79, 0xc0 };
	static const uint8_t vmlaunch[] = { 0x0f, 0x01, 0xc2 };
	static const uint8_t vmresume[] = { 0x0f, 0x01, 0xc3 };
	static const uint8_t invept[] = { 0x66, 0x0f, 0x38, 0x80, 0x00 };
	struct vm_op ops[] = {
		vm_op_wrmsr(MSR_IA32_FEATURE_CONTROL, 1 << 2 | 1),
		vm_op_insn(mov_to_cr4, sizeof(mov_to_cr4)),
		vm_op_insn(vmxon, sizeof(vmxon)), vm_op_insn(vmptrld, sizeof(vmptrld)),
		vm_op_insn(vmclear, sizeof(vmclear)), vm_op_insn(vmwrite, sizeof(vmwrite)),
		vm_op_insn(vmlaunch, sizeof(vmlaunch)), vm_op_insn(vmresume, sizeof(vmresume)),
		vm_op_insn(invept, sizeof(invept)),
	};
	struct kvm_nested_state state = { .size = sizeof(state) };
	struct vm_op cpuid = vm_op_cpuid(1, 0);
	bool vmx;

	if (testing_kvm())
		SKIP(return, "KVM has VMX for guests");
	/* What a guest in long mode has in CR4 here, and VMXE. */
	ops[1].rax = 0x2620;
	for (size_t i = 2; i < ARRAY_SIZE(ops); i++)
		ops[i].rax = CODE_GPA;
	ASSERT_OPS(self->vcpu, &cpuid, 1);
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	/* With vmx_cpuid=1 these bits can be set, and that is all. */
	vmx = cpuid.rcx & 1 << 5;
	EXPECT_EQ(vmx ? VM_OP_DONE : VECTOR_GP, ops[0].vector);
	EXPECT_EQ(vmx ? VM_OP_DONE : VECTOR_GP, ops[1].vector);
	for (size_t i = 2; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(VECTOR_UD, ops[i].vector) {
			TH_LOG("instruction %zu", i);
		}
	}
	EXPECT_EQ(0, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_NESTED_STATE));
	EXPECT_EQ(-ENOTTY, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_NESTED_STATE, &state));
}

static void *run_on_cpu_0(void *vcpu)
{
	stay_on(0);
	return (void *)(long)vcpu_run(vcpu);
}

/*
 * KVM: a guest was told that the CPU has no MDS, and so did nothing about TAA, which the
 * CPU had. Class: IA32_ARCH_CAPABILITIES and CPUID say that something need not be done,
 * while it need. Here: no TSX in CPUID, so no transaction must ever succeed, on whatever CPU.
 */
TEST_F(guest, cve_2019_19338_no_tsx)
{
	/* XBEGIN; XEND; or, if it aborts, behind XEND with the reason in EAX. */
	static const uint8_t transaction[] = {
		0xc7, 0xf8, 0x03, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xd5,
	};
	struct vm_op cpuid = vm_op_cpuid(7, 0), ops[64];

	ASSERT_OPS(self->vcpu, &cpuid, 1);
	if (testing_kvm() && cpuid.rbx & 1 << 11)
		SKIP(return, "KVM offers TSX here");
	EXPECT_EQ(0, cpuid.rbx & (1 << 4 | 1 << 11)) {
		TH_LOG("HLE or RTM is offered");
	}
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		ops[i] = vm_op_insn(transaction, sizeof(transaction));
		ops[i].rax = ~0ULL;
	}
	ASSERT_OPS(self->vcpu, ops, ARRAY_SIZE(ops));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].vector != VECTOR_UD) {
			EXPECT_NE(~0U, (uint32_t)ops[i].rax) {
				TH_LOG("a transaction succeeds");
			}
		}
	}
}

/*
 * The same, seen from the host: a second CPU looks at the MSR of the one that runs the guest.
 * Not once only, for there the host runs something else now and then, with its own value.
 */
TEST_F(guest, cve_2019_19338_tsx_is_off_in_the_cpu)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY);
	uint64_t before, during, after;
	pthread_t thread;
	void *ret;

	if (fd < 0 || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "no second CPU, or no /dev/cpu/*/msr");
	if (pread(fd, &before, 8, MSR_IA32_TSX_CTRL) != 8)
		SKIP(return, "the CPU has no IA32_TSX_CTRL");
	/* With tsx=on on its command line the kernel has it so. */
	ASSERT_EQ(0, before & RTM_DISABLE);
	if (testing_kvm())
		SKIP(return, "KVM leaves it alone if the CPU has no RTM, as this one");
	ASSERT_EQ(0, load_counting(self->vcpu, 0, count_until_told));
	stay_on(1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_on_cpu_0, self->vcpu));
	ASSERT_TRUE(goes_on(count_of(&self->m.vm, 0)));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(8, pread(fd, &during, 8, MSR_IA32_TSX_CTRL));
		if (during != before)
			break;
		usleep(1000);
	}
	tell_to_stop(&self->m.vm);
	pthread_join(thread, &ret);
	ASSERT_EQ(0, (long)ret);
	ASSERT_EQ(8, pread(fd, &after, 8, MSR_IA32_TSX_CTRL));
	EXPECT_EQ(before | RTM_DISABLE, during);
	EXPECT_EQ(before, after);
	close(fd);
}

TEST_HARNESS_MAIN
