// SPDX-License-Identifier: GPL-2.0
/*
 * What a client asks first: the API version, the capabilities, and which
 * ioctl is answered on which file descriptor.
 */
#include <sys/stat.h>

#include "harness.h"
#include "test.h"

#define UNKNOWN_CAP	0x7fff0000

FIXTURE(fds) {
	struct machine m;
};

FIXTURE_SETUP(fds)
{
	ASSERT_MACHINE(&self->m, 0);
}

FIXTURE_TEARDOWN(fds)
{
	machine_destroy(&self->m);
}

TEST(device_is_private_to_root)
{
	struct stat st;

	ASSERT_EQ(0, stat(test_device(), &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
}

TEST_F(fds, api_version)
{
	EXPECT_EQ(12, sys_ioctl(self->m.dev, KVM_GET_API_VERSION, 0));
	EXPECT_EQ(-EINVAL, sys_ioctl(self->m.dev, KVM_GET_API_VERSION, 1));
}

TEST_F(fds, create_vm_type)
{
	EXPECT_EQ(-EINVAL, sys_ioctl(self->m.dev, KVM_CREATE_VM, 1));
}

TEST_F(fds, vcpu_mmap_size)
{
	int size = sys_ioctl(self->m.dev, KVM_GET_VCPU_MMAP_SIZE, 0);

	EXPECT_LE((int)sizeof(struct kvm_run), size);
	EXPECT_EQ(0, size % getpagesize());
	EXPECT_EQ(-EINVAL, sys_ioctl(self->m.dev, KVM_GET_VCPU_MMAP_SIZE, 1));
}

/* Capabilities that clients take as read: without one they refuse to start. */
TEST_F(fds, required_caps)
{
	static const struct {
		const char *name;
		int cap;
	} required[] = {
		{ "USER_MEMORY", KVM_CAP_USER_MEMORY },
		{ "SET_TSS_ADDR", KVM_CAP_SET_TSS_ADDR },
		{ "EXT_CPUID", KVM_CAP_EXT_CPUID },
		{ "NR_VCPUS", KVM_CAP_NR_VCPUS },
		{ "NR_MEMSLOTS", KVM_CAP_NR_MEMSLOTS },
		{ "MP_STATE", KVM_CAP_MP_STATE },
		{ "SYNC_MMU", KVM_CAP_SYNC_MMU },
		{ "DESTROY_MEMORY_REGION_WORKS",
			KVM_CAP_DESTROY_MEMORY_REGION_WORKS },
		{ "JOIN_MEMORY_REGIONS_WORKS",
			KVM_CAP_JOIN_MEMORY_REGIONS_WORKS },
		{ "SET_IDENTITY_MAP_ADDR", KVM_CAP_SET_IDENTITY_MAP_ADDR },
		{ "MAX_VCPUS", KVM_CAP_MAX_VCPUS },
		{ "IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT },
		{ "GET_MSR_FEATURES", KVM_CAP_GET_MSR_FEATURES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		int dev = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION,
				    required[i].cap);

		EXPECT_LT(0, dev) {
			TH_LOG("KVM_CAP_%s", required[i].name);
		}
		EXPECT_EQ(dev, sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION,
					 required[i].cap)) {
			TH_LOG("KVM_CAP_%s differs on the VM fd",
			       required[i].name);
		}
	}
}

TEST_F(fds, numbers_make_sense)
{
	int nr_vcpus = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION,
				 KVM_CAP_NR_VCPUS);
	int max_vcpus = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION,
				  KVM_CAP_MAX_VCPUS);

	EXPECT_LE(nr_vcpus, max_vcpus);
	EXPECT_LE(32, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION,
				KVM_CAP_NR_MEMSLOTS));
}

TEST_F(fds, unknown_cap_is_zero)
{
	EXPECT_EQ(0, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, UNKNOWN_CAP));
	EXPECT_EQ(0, sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION, UNKNOWN_CAP));
	EXPECT_EQ(0, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, -1));
}

/*
 * A capability and its ioctl come and go together: what is claimed is
 * answered (a bad pointer is a bad pointer), what is not claimed is -ENOTTY.
 */
TEST_F(fds, caps_tell_the_truth)
{
	const struct {
		const char *name;
		int cap;
		unsigned long cmd;
		int fd;
	} pairs[] = {
		{ "EXT_CPUID", KVM_CAP_EXT_CPUID, KVM_GET_SUPPORTED_CPUID,
			self->m.dev },
		{ "GET_MSR_FEATURES", KVM_CAP_GET_MSR_FEATURES,
			KVM_GET_MSR_FEATURE_INDEX_LIST, self->m.dev },
		{ "EXT_EMUL_CPUID", KVM_CAP_EXT_EMUL_CPUID,
			KVM_GET_EMULATED_CPUID, self->m.dev },
		{ "MCE", KVM_CAP_MCE, KVM_X86_GET_MCE_CAP_SUPPORTED,
			self->m.dev },
		{ "USER_MEMORY", KVM_CAP_USER_MEMORY,
			KVM_SET_USER_MEMORY_REGION, self->m.vm.fd },
		{ "SET_IDENTITY_MAP_ADDR", KVM_CAP_SET_IDENTITY_MAP_ADDR,
			KVM_SET_IDENTITY_MAP_ADDR, self->m.vm.fd },
		{ "IRQCHIP", KVM_CAP_IRQCHIP, KVM_GET_IRQCHIP, self->m.vm.fd },
		{ "PIT2", KVM_CAP_PIT2, KVM_CREATE_PIT2, self->m.vm.fd },
		{ "IOEVENTFD", KVM_CAP_IOEVENTFD, KVM_IOEVENTFD, self->m.vm.fd },
		{ "IRQFD", KVM_CAP_IRQFD, KVM_IRQFD, self->m.vm.fd },
		{ "COALESCED_MMIO", KVM_CAP_COALESCED_MMIO,
			KVM_REGISTER_COALESCED_MMIO, self->m.vm.fd },
		{ "ADJUST_CLOCK", KVM_CAP_ADJUST_CLOCK, KVM_SET_CLOCK,
			self->m.vm.fd },
		{ "X86_MSR_FILTER", KVM_CAP_X86_MSR_FILTER,
			KVM_X86_SET_MSR_FILTER, self->m.vm.fd },
		{ "MP_STATE", KVM_CAP_MP_STATE, KVM_SET_MP_STATE, self->m.vcpu.fd },
		{ "VCPU_EVENTS", KVM_CAP_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
			self->m.vcpu.fd },
		{ "DEBUGREGS", KVM_CAP_DEBUGREGS, KVM_SET_DEBUGREGS,
			self->m.vcpu.fd },
		{ "XSAVE", KVM_CAP_XSAVE, KVM_SET_XSAVE, self->m.vcpu.fd },
		{ "XSAVE2", KVM_CAP_XSAVE2, KVM_GET_XSAVE2, self->m.vcpu.fd },
		{ "SREGS2", KVM_CAP_SREGS2, KVM_SET_SREGS2, self->m.vcpu.fd },
		{ "XCRS", KVM_CAP_XCRS, KVM_SET_XCRS, self->m.vcpu.fd },
		{ "SET_GUEST_DEBUG", KVM_CAP_SET_GUEST_DEBUG,
			KVM_SET_GUEST_DEBUG, self->m.vcpu.fd },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		bool claimed = sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION,
					 pairs[i].cap);
		int ret = sys_ioctl(pairs[i].fd, pairs[i].cmd, -4096UL);

		/* KVM has this ioctl on hosts without XSAVE, too: of no use there. */
		if (testing_kvm() && !claimed && pairs[i].cap == KVM_CAP_XCRS)
			continue;
		/* KVM_GET_IRQCHIP without an irqchip is -ENXIO or -EFAULT. */
		EXPECT_EQ(claimed, ret != -ENOTTY) {
			TH_LOG("KVM_CAP_%s %s claimed, its ioctl gives %d",
			       pairs[i].name, claimed ? "is" : "is not", ret);
		}
	}
}

/*
 * POSIX has one error for a request that the file does not know: ENOTTY. KVM
 * says EINVAL on /dev/kvm and on vCPUs, and ENOTTY on VMs only.
 */
static int unknown_ioctl(bool vm_fd)
{
	return testing_kvm() && !vm_fd ? -EINVAL : -ENOTTY;
}

TEST_F(fds, unknown_ioctl)
{
	static const unsigned long cmds[] = {
		0x5401,					/* TCGETS */
		_IO(KVMIO, 0xff),
		_IOW(KVMIO, 0xff, struct kvm_regs),
		/* A known number, the size or direction of another struct. */
		_IOW(KVMIO, 0x46, struct kvm_regs),
		_IOR(KVMIO, 0x88, struct kvm_regs),
		_IOWR(KVMIO, 0x81, struct kvm_regs),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.dev, cmds[i], 0)) {
			TH_LOG("device, ioctl %#lx", cmds[i]);
		}
		EXPECT_EQ(unknown_ioctl(true),
			  sys_ioctl(self->m.vm.fd, cmds[i], 0)) {
			TH_LOG("VM, ioctl %#lx", cmds[i]);
		}
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.vcpu.fd, cmds[i], 0)) {
			TH_LOG("vCPU, ioctl %#lx", cmds[i]);
		}
	}
}

TEST_F(fds, ioctl_on_the_wrong_fd)
{
	static const unsigned long dev_only[] = {
		KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_GET_VCPU_MMAP_SIZE,
		KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST,
		KVM_GET_SUPPORTED_CPUID,
	};
	static const unsigned long vm_only[] = {
		KVM_SET_USER_MEMORY_REGION, KVM_CREATE_VCPU,
		KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR,
	};
	static const unsigned long vcpu_only[] = {
		KVM_RUN, KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS,
		KVM_SET_SREGS, KVM_SET_CPUID2, KVM_GET_CPUID2, KVM_SET_MSRS,
		KVM_GET_MP_STATE, KVM_SET_MP_STATE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(dev_only); i++) {
		EXPECT_EQ(unknown_ioctl(true),
			  sys_ioctl(self->m.vm.fd, dev_only[i], 0)) {
			TH_LOG("VM, device's ioctl %#lx", dev_only[i]);
		}
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.vcpu.fd, dev_only[i], 0)) {
			TH_LOG("vCPU, device's ioctl %#lx", dev_only[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(vm_only); i++) {
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.dev, vm_only[i], 0)) {
			TH_LOG("device, VM's ioctl %#lx", vm_only[i]);
		}
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.vcpu.fd, vm_only[i], 0)) {
			TH_LOG("vCPU, VM's ioctl %#lx", vm_only[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(vcpu_only); i++) {
		EXPECT_EQ(unknown_ioctl(false),
			  sys_ioctl(self->m.dev, vcpu_only[i], 0)) {
			TH_LOG("device, vCPU's ioctl %#lx", vcpu_only[i]);
		}
		EXPECT_EQ(unknown_ioctl(true),
			  sys_ioctl(self->m.vm.fd, vcpu_only[i], 0)) {
			TH_LOG("VM, vCPU's ioctl %#lx", vcpu_only[i]);
		}
	}
}

TEST_HARNESS_MAIN
