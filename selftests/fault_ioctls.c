// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations and user copies that fail in the ioctls which read and write the
 * state of a VM and of its vCPU, and in those that make files. What makes and runs
 * VMs is in faults.c, what is about MSRs in fault_msrs.c.
 */
#include <signal.h>
#include <stddef.h>

#include "faults.h"

#define ROUTES		100	/* more than a page */
#define CPUID_ROOM	256
#define XSAVE_ST0	32
#define APIC_LVT_ERROR	0x370
#define POISON		0x5a

FIXTURE(ioctls) {
	int dev;
	struct vm vm;
	struct vcpu vcpu;
};

FIXTURE_SETUP(ioctls)
{
	self->dev = -1;
	self->vm.fd = -1;
	self->vcpu.fd = -1;
	self->dev = vm_open_device(test_device());
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vm_create(&self->vm, self->dev, 2));
	ASSERT_EQ(0, sys_ioctl(self->vm.fd, KVM_CREATE_IRQCHIP, 0));
	ASSERT_EQ(0, vcpu_create(&self->vcpu, &self->vm, 0));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->vcpu));
}

/* After all that has failed in it, it runs. */
FIXTURE_TEARDOWN(ioctls)
{
	if (self->vcpu.fd < 0)
		return;
	EXPECT_EQ(0, guest_runs(&self->vcpu));
	vcpu_destroy(&self->vcpu);
	vm_destroy(&self->vm);
	close(self->dev);
}

/* Something that can be read and written: two values of it, which differ in one byte. */
struct state {
	int fd;
	unsigned long get, set;
	size_t size, offset;	/* @offset: of the byte that differs */
	uint8_t bit;
	uint8_t a[16384], b[16384], got[16384];
};

/* Into a buffer that has what the ioctl wants to be told, and nothing of what it is to tell. */
static int get_state(void *with)
{
	struct state *s = with;
	size_t told = s->get == KVM_GET_CPUID2 ? sizeof(struct kvm_cpuid2) : 0;

	memcpy(s->got, s->a, told);
	memset(s->got + told, POISON, s->size - told);
	return sys_ioctl_ptr(s->fd, s->get, s->got);
}

static int got_a(void *with)
{
	struct state *s = with;

	return memcmp(s->got, s->a, s->size) ? -EPROTO : 0;
}

static int still_a(void *with)
{
	int ret = get_state(with);

	return ret < 0 ? ret : got_a(with);
}

static int set_a(void *with)
{
	struct state *s = with;
	int ret = sys_ioctl_ptr(s->fd, s->set, s->a);

	return ret < 0 ? ret : 0;
}

static int set_b(void *with)
{
	struct state *s = with;

	return sys_ioctl_ptr(s->fd, s->set, s->b);
}

static int is_b(void *with)
{
	struct state *s = with;
	int ret = get_state(with);

	if (ret < 0)
		return ret;
	return memcmp(s->got, s->b, s->size) ? -EPROTO : set_a(with);
}

/* Reads it and writes it back with faults; @s->a holds what the ioctl wants to see. */
static int state_takes_faults(struct state *s, const char *name)
{
	const struct fault_op get = { name, set_a, get_state, NULL, got_a };
	const struct fault_op set = { name, set_a, set_b, still_a, is_b };
	struct fault_counts was = *fault_counts;
	int gets, sets;

	if (sys_ioctl_ptr(s->fd, s->get, s->a) < 0)
		return -errno;
	memcpy(s->b, s->a, s->size);
	s->b[s->offset] ^= s->bit;
	gets = fault_op_run(&get, s, fault_counts);
	sets = fault_op_run(&set, s, fault_counts);
	printf("# KVM_GET and KVM_SET, %s: %d and %d faults, %u errors\n", name, gets, sets,
	       fault_counts->refused - was.refused);
	return gets > 0 && sets > 0 ? 0 : -EPROTO;
}

#define STATE(NAME, type, member, value)				\
	{ #NAME, KVM_GET_##NAME, KVM_SET_##NAME, sizeof(type), offsetof(type, member), value }

TEST_F_TIMEOUT(ioctls, vcpu_state, 600)
{
	static const struct {
		const char *name;
		unsigned long get, set;
		size_t size, offset;
		uint8_t bit;
	} states[] = {
		STATE(REGS, struct kvm_regs, rbx, 0x80),
		STATE(SREGS, struct kvm_sregs, cr2, 0x80),
		STATE(SREGS2, struct kvm_sregs2, cr2, 0x40),
		STATE(FPU, struct kvm_fpu, fpr, 0x80),
		STATE(XSAVE, struct kvm_xsave, region[XSAVE_ST0 / 4], 0x40),
		STATE(XCRS, struct kvm_xcrs, xcrs[0].value, 0x02),
		STATE(DEBUGREGS, struct kvm_debugregs, db[0], 0x80),
		STATE(VCPU_EVENTS, struct kvm_vcpu_events, nmi.masked, 0x01),
		STATE(MP_STATE, struct kvm_mp_state, mp_state, KVM_MP_STATE_HALTED),
		STATE(LAPIC, struct kvm_lapic_state, regs[APIC_LVT_ERROR], 0x10),
	};
	static struct state s;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (states[i].get == KVM_GET_XCRS &&
		    !sys_ioctl(self->vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_XCRS))
			continue;
		s = (struct state){
			.fd = self->vcpu.fd, .get = states[i].get, .set = states[i].set,
			.size = states[i].size, .offset = states[i].offset, .bit = states[i].bit,
		};
		EXPECT_EQ(0, state_takes_faults(&s, states[i].name));
	}
}

TEST_F_TIMEOUT(ioctls, cpuid, 600)
{
	static struct state s;
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)s.a;

	s = (struct state){
		.fd = self->vcpu.fd, .get = KVM_GET_CPUID2, .set = KVM_SET_CPUID2,
		.bit = 0x01,
	};
	cpuid->nent = CPUID_ROOM;
	ASSERT_EQ(0, sys_ioctl_ptr(s.fd, s.get, cpuid));
	s.size = sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]);
	/* The stepping of the processor. */
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			s.offset = (uint8_t *)&cpuid->entries[i].eax - s.a;
	ASSERT_LT(0, s.offset);
	EXPECT_EQ(0, state_takes_faults(&s, "CPUID2"));
}

/* An ioctl that only tells or is told something, and can be repeated. */
struct call {
	const char *name;
	int fd;
	unsigned long cmd;
	void *arg;
	uint32_t *room;		/* of an ioctl that says in it how much there was */
	uint32_t had;
	void *told;		/* where it tells something, each time the same */
	size_t told_size;
};

#define TELLS(what)	.told = &(what), .told_size = sizeof(what)

static uint8_t expected[16384];	/* what the call at hand tells */

static int prepare_call(void *with)
{
	struct call *call = with;

	if (call->room)
		*call->room = call->had;
	if (call->told)
		memset(call->told, POISON, call->told_size);
	return 0;
}

static int has_told(void *with)
{
	struct call *call = with;

	return call->told && memcmp(call->told, expected, call->told_size) ? -EPROTO : 0;
}

static int do_call(void *with)
{
	struct call *call = with;

	return sys_ioctl_ptr(call->fd, call->cmd, call->arg);
}

static int call_takes_faults(struct call *call)
{
	const struct fault_op op = { call->name, prepare_call, do_call, NULL, has_told };
	struct fault_counts was = *fault_counts;
	int n;

	call->had = call->room ? *call->room : 0;
	if (call->told) {
		if (call->told_size > sizeof(expected) || prepare_call(call) || do_call(call) < 0)
			return -1;
		memcpy(expected, call->told, call->told_size);
	}
	n = fault_op_run(&op, call, fault_counts);
	printf("# %s: %d faults, %u errors\n", call->name, n, fault_counts->refused - was.refused);
	return n;
}

TEST_F_TIMEOUT(ioctls, others, 600)
{
	static struct kvm_xsave xsave[4];
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_ROOM];
	} cpuid = { .head.nent = CPUID_ROOM };
	static struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[ROUTES];
	} routes = { .head.nr = ROUTES };
	uint64_t offset = 0, address = 0xfffbc000;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};
	struct kvm_clock_data clock = {};
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x41 };
	struct kvm_irq_level level = { .irq = 1 };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DISABLE_QUIRKS2 };
	struct kvm_enable_cap vcpu_cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID };
	uint64_t mcg_cap = 1;
	struct kvm_x86_mce mce = { .status = 1ull << 63 };
	struct {
		struct kvm_signal_mask head;
		sigset_t set;
	} mask = { .head.len = 8 };
	const int dev = self->dev, vm = self->vm.fd, vcpu = self->vcpu.fd;
	struct call calls[] = {
		{ "KVM_GET_SUPPORTED_CPUID", dev, KVM_GET_SUPPORTED_CPUID, &cpuid,
		  &cpuid.head.nent, TELLS(cpuid.entries) },
		{ "KVM_GET_CLOCK", vm, KVM_GET_CLOCK, &clock, TELLS(clock.flags) },
		{ "KVM_SET_CLOCK", vm, KVM_SET_CLOCK, &clock },
		{ "KVM_ENABLE_CAP", vm, KVM_ENABLE_CAP, &cap },
		{ "KVM_SIGNAL_MSI", vm, KVM_SIGNAL_MSI, &msi },
		{ "KVM_SET_GSI_ROUTING", vm, KVM_SET_GSI_ROUTING, &routes },
		{ "KVM_IRQ_LINE", vm, KVM_IRQ_LINE, &level },
		{ "KVM_ENABLE_CAP on a vCPU", vcpu, KVM_ENABLE_CAP, &vcpu_cap },
		{ "KVM_GET_XSAVE2", vcpu, KVM_GET_XSAVE2, xsave, TELLS(xsave[0]) },
		{ "KVM_SET_SIGNAL_MASK", vcpu, KVM_SET_SIGNAL_MASK, &mask },
		{ "KVM_HAS_DEVICE_ATTR", vcpu, KVM_HAS_DEVICE_ATTR, &attr },
		{ "KVM_GET_DEVICE_ATTR", vcpu, KVM_GET_DEVICE_ATTR, &attr, TELLS(offset) },
		{ "KVM_SET_DEVICE_ATTR", vcpu, KVM_SET_DEVICE_ATTR, &attr },
		{ "KVM_X86_SETUP_MCE", vcpu, KVM_X86_SETUP_MCE, &mcg_cap },
		{ "KVM_X86_SET_MCE", vcpu, KVM_X86_SET_MCE, &mce },
	};
	struct call identity_map = {
		"KVM_SET_IDENTITY_MAP_ADDR", -1, KVM_SET_IDENTITY_MAP_ADDR, &address,
	};

	for (int i = 0; i < ROUTES; i++) {
		routes.entries[i].gsi = i;
		routes.entries[i].type = KVM_IRQ_ROUTING_MSI;
		routes.entries[i].u.msi.address_lo = 0xfee00000;
		routes.entries[i].u.msi.data = 0x41;
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_LT(0, call_takes_faults(&calls[i])) {
			TH_LOG("%s", calls[i].name);
		}
	}

	/* Only before there is a vCPU. */
	vcpu_destroy(&self->vcpu);
	vm_destroy(&self->vm);
	ASSERT_EQ(0, vm_create(&self->vm, dev, 2));
	identity_map.fd = self->vm.fd;
	EXPECT_LT(0, call_takes_faults(&identity_map));
	ASSERT_EQ(0, vcpu_create(&self->vcpu, &self->vm, 0));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->vcpu));
}

/* The files of counters. */
struct stats {
	int from, fd;
	uint8_t image[8192], got[8192];
	ssize_t size;
};

static int open_stats(void *with)
{
	struct stats *stats = with;

	stats->fd = sys_ioctl(stats->from, KVM_GET_STATS_FD, 0);
	return stats->fd < 0 ? stats->fd : 0;
}

static int close_stats(void *with)
{
	struct stats *stats = with;
	struct kvm_stats_header header;

	if (pread(stats->fd, &header, sizeof(header), 0) != sizeof(header))
		return -EPROTO;
	return close(stats->fd);
}

static int read_stats(void *with)
{
	struct stats *stats = with;
	ssize_t n = pread(stats->fd, stats->got, sizeof(stats->got), 0);

	return n < 0 ? -errno : n == stats->size ? 0 : -EPROTO;
}

static int stats_read(void *with)
{
	struct stats *stats = with;

	/* The part that never changes. */
	return memcmp(stats->got, stats->image, sizeof(struct kvm_stats_header)) ? -EPROTO : 0;
}

TEST_F_TIMEOUT(ioctls, stats, 600)
{
	static const struct fault_op ops[] = {
		{ "KVM_GET_STATS_FD", NULL, open_stats, NULL, close_stats },
	};
	static const struct fault_op reads[] = {
		{ "read of the counters", NULL, read_stats, NULL, stats_read },
	};
	static struct stats stats;

	for (int i = 0; i < 2; i++) {
		stats.from = i ? self->vcpu.fd : self->vm.fd;
		EXPECT_TAKES_FAULTS(ops, &stats);
		ASSERT_EQ(0, open_stats(&stats));
		stats.size = pread(stats.fd, stats.image, sizeof(stats.image), 0);
		ASSERT_LT(0, stats.size);
		EXPECT_TAKES_FAULTS(reads, &stats);
		close(stats.fd);
	}
}

int main(int argc, char **argv)
{
	return faults_main(argc, argv);
}
