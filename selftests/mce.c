// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_X86_SET_MCE: the client has a machine-check error for a bank. What the bank says
 * then, and whether the guest gets #MC.
 *
 * SDM vol. 3, chapter "Machine-Check Architecture".
 */
#include <asm/processor-flags.h>

#include "real_mode.h"
#include "harness.h"

#define PORT_MAIN	0xe0
#define PORT_MC		0xe1

#define MCG_CTL_P	(1ull << 8)
#define MCG_RIPV	(1ull << 0)
#define MCG_MCIP	(1ull << 2)

#define STATUS_AR	(1ull << 55)
#define STATUS_S	(1ull << 56)
#define STATUS_ADDRV	(1ull << 58)
#define STATUS_MISCV	(1ull << 59)
#define STATUS_EN	(1ull << 60)
#define STATUS_UC	(1ull << 61)
#define STATUS_OVER	(1ull << 62)
#define STATUS_VAL	(1ull << 63)

#define CORRECTED	(STATUS_VAL | STATUS_EN | STATUS_ADDRV | STATUS_MISCV | 0x9f)
#define UNCORRECTED	(CORRECTED | STATUS_UC)			/* no action required */
#define FATAL		(UNCORRECTED | STATUS_S | STATUS_AR)

#define BANKS		10
#define BANK		9

GUEST_CODE(program, 16,
	   "1: outb %al, $0xe0\n"
	   "jmp 1b\n"
	   "reads_msr: rdmsr\n"
	   "on_mc: outb %al, $0xe1\n"
	   "iret\n");
GUEST_LABEL(reads_msr);
GUEST_LABEL(on_mc);

FIXTURE(mce) {
	struct machine m;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(mce)
{
	uint64_t mcg_cap = MCG_CTL_P | BANKS;
	struct kvm_sregs sregs;

	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_X86_SETUP_MCE, &mcg_cap));
	ASSERT_EQ(0, load_guest_code(self->vcpu, VM_MODE_REAL, program));
	set_vector(&self->m.vm, VECTOR_MC, on_mc - program);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 |= X86_CR4_MCE;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_OUT(PORT_MAIN, self->vcpu);
}

FIXTURE_TEARDOWN(mce)
{
	machine_destroy(&self->m);
}

/* An error of BANK's, with @n for an address. */
static int set_mce(struct vcpu *vcpu, uint64_t status, uint64_t n)
{
	struct kvm_x86_mce mce = {
		.status = status, .addr = n, .misc = ~n, .bank = BANK,
		.mcg_status = status & STATUS_S ? MCG_MCIP | MCG_RIPV : 0,
	};

	return sys_ioctl_ptr(vcpu->fd, KVM_X86_SET_MCE, &mce);
}

#define ASSERT_BANK(its_status, n)					\
do {									\
	uint32_t __index = MSR_IA32_MC0_CTL + 4 * BANK;			\
	uint64_t __status, __addr, __misc;				\
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, __index + 1, &__status));	\
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, __index + 2, &__addr));	\
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, __index + 3, &__misc));	\
	EXPECT_EQ(its_status, __status);				\
	EXPECT_EQ((its_status) ? (n) : 0, __addr);			\
	EXPECT_EQ((its_status) ? ~(uint64_t)(n) : 0, __misc);		\
} while (0)

/* The guest goes on as if nothing were. */
#define ASSERT_UNDISTURBED() ASSERT_OUT(PORT_MAIN, self->vcpu)

TEST_F(mce, refused)
{
	struct kvm_x86_mce mce = { .status = FATAL, .bank = BANKS };

	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_X86_SET_MCE, &mce));
	mce.bank = 255;
	EXPECT_EQ(-EINVAL, sys_ioctl_ptr(self->vcpu->fd, KVM_X86_SET_MCE, &mce));
	EXPECT_EQ(-EINVAL, set_mce(self->vcpu, FATAL & ~STATUS_VAL, 1));
	EXPECT_EQ(-EFAULT, sys_ioctl(self->vcpu->fd, KVM_X86_SET_MCE, 0));
	ASSERT_BANK(0ull, 0);
	ASSERT_UNDISTURBED();
}

TEST_F(mce, reaches_the_guest)
{
	uint64_t mcg_status;

	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_BANK(FATAL, 0x1000);
	ASSERT_OUT(PORT_MC, self->vcpu);
	ASSERT_EQ(0, vcpu_get_msr(self->vcpu, MSR_IA32_MCG_STATUS, &mcg_status));
	EXPECT_EQ(MCG_MCIP | MCG_RIPV, mcg_status);

	/* When the guest is done with it there can be another; the bank has not been read. */
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MCG_STATUS, 0));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x2000));
	ASSERT_BANK(FATAL | STATUS_OVER, 0x2000);
	ASSERT_OUT(PORT_MC, self->vcpu);
}

/* It is not lost when the client sets registers, or fails an instruction that waits for it. */
TEST_F(mce, waits_for_the_guest)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { KVM_MSR_EXIT_REASON_UNKNOWN },
	};
	struct kvm_run *run = self->vcpu->run;
	struct kvm_regs regs;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	if (!testing_kvm())
		ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_OUT(PORT_MC, self->vcpu);
	if (testing_kvm())
		return;

	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MCG_STATUS, 0));
	ASSERT_EQ(0, sys_ioctl_ptr(self->m.vm.fd, KVM_ENABLE_CAP, &cap));
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rip = reads_msr - program;
	regs.rcx = MSR_UNKNOWN;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EXIT(KVM_EXIT_X86_RDMSR, self->vcpu);
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x2000));
	run->msr.error = 1;
	ASSERT_OUT(PORT_MC, self->vcpu);
	/* Its handler returns to the instruction, of which nothing has happened. */
	ASSERT_EXIT(KVM_EXIT_X86_RDMSR, self->vcpu);
}

/*
 * The step that ends now is lost to the #MC, with all that it would have said in DR6. With KVM
 * it is the #MC that is lost.
 */
TEST_F(mce, takes_the_place_of_a_step)
{
	struct kvm_debugregs debugregs;
	struct kvm_regs regs;

	if (testing_kvm())
		SKIP(return, "KVM loses the #MC");
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_REGS, &regs));
	regs.rflags |= X86_EFLAGS_TF;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_REGS, &regs));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_OUT(PORT_MC, self->vcpu);
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_DEBUGREGS, &debugregs));
	EXPECT_EQ(0, debugregs.dr6 & DR6_BS);
}

/* SDM vol. 3, "IA32_MCG_STATUS MSR": a second one while MCIP is set is a shutdown. */
TEST_F(mce, shuts_down_in_the_handler)
{
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_OUT(PORT_MC, self->vcpu);
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x2000));
	ASSERT_BANK(FATAL, 0x1000);
	ASSERT_EXIT(KVM_EXIT_SHUTDOWN, self->vcpu);
}

/* SDM vol. 3, "Control Registers": CR4.MCE. */
TEST_F(mce, shuts_down_who_does_not_take_it)
{
	struct kvm_sregs sregs;

	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.cr4 &= ~X86_CR4_MCE;
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpu->fd, KVM_SET_SREGS, &sregs));
	ASSERT_EQ(0, set_mce(self->vcpu, CORRECTED, 0x1000));
	ASSERT_EQ(0, set_mce(self->vcpu, UNCORRECTED, 0x1000));
	ASSERT_UNDISTURBED();
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x2000));
	ASSERT_EXIT(KVM_EXIT_SHUTDOWN, self->vcpu);
}

/* SDM vol. 3, "Machine-Check Error Overwrite Rules"; there is no CMCI. */
TEST_F(mce, corrected)
{
	ASSERT_EQ(0, set_mce(self->vcpu, CORRECTED, 0x1000));
	ASSERT_BANK(CORRECTED, 0x1000);
	ASSERT_EQ(0, set_mce(self->vcpu, CORRECTED, 0x2000));
	ASSERT_BANK(CORRECTED | STATUS_OVER, 0x2000);
	ASSERT_UNDISTURBED();

	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MC0_CTL + 4 * BANK + 1, 0));
	ASSERT_EQ(0, set_mce(self->vcpu, UNCORRECTED, 0x3000));
	ASSERT_BANK(UNCORRECTED, 0x3000);
	ASSERT_EQ(0, set_mce(self->vcpu, CORRECTED, 0x4000));
	ASSERT_BANK(UNCORRECTED | STATUS_OVER, 0x3000);
	ASSERT_UNDISTURBED();
}

/* IA32_MCi_CTL and IA32_MCG_CTL, which firmware leaves on, can be switched off. */
TEST_F(mce, is_not_reported)
{
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MC0_CTL + 4 * BANK, 0));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_BANK(0ull, 0);
	ASSERT_UNDISTURBED();
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MC0_CTL + 4 * BANK, ~0ull));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MCG_CTL, 0));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_BANK(0ull, 0);
	ASSERT_UNDISTURBED();
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_MCG_CTL, ~0ull));
	ASSERT_EQ(0, set_mce(self->vcpu, FATAL, 0x1000));
	ASSERT_OUT(PORT_MC, self->vcpu);
}

TEST_HARNESS_MAIN
