// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt messages between local APICs, and from the client: whom they reach, and
 * when. INIT and SIPI: lapic_init.c.
 *
 * SDM vol. 3, "Issuing Interprocessor Interrupts", "Determining IPI Destination" and
 * "Message Signalled Interrupts".
 */
#include <pthread.h>

#include "lapic.h"
#include "harness.h"

FIXTURE(ipi) {
	struct machine m;
	struct vm *vm;
	struct vcpu *vcpu;
};

FIXTURE_SETUP(ipi)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, 0));
	self->vm = &self->m.vm;
	self->vcpu = &self->m.vcpu;
}

FIXTURE_TEARDOWN(ipi)
{
	machine_destroy(&self->m);
}

GUEST_CODE(spins, 16,
	   SWITCH_ON
	   "sti\n"
	   "outb %al, $0xe0\n"
	   "1: pause\n"
	   "jmp 1b\n"
	   HANDLERS(spins));
GUEST_LABEL(spins_interrupt);
GUEST_LABEL(spins_nmi);

#define MESSAGES	101

struct sender {
	struct vm *vm;
	int taken;	/* messages, up to now */
	uint64_t ns[MESSAGES];
};

/* Waits a little, for the guest to run, and notes when it has sent. */
static void *send_messages_to_spinner(void *arg)
{
	struct sender *sender = arg;

	for (int i = 0; i < MESSAGES; i++) {
		while (__atomic_load_n(&sender->taken, __ATOMIC_ACQUIRE) < i)
			usleep(100);
		usleep(500);
		sender->ns[i] = now_ns();
		signal_msi(sender->vm, 0, VECTOR);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return *(uint64_t *)a < *(uint64_t *)b ? -1 : *(uint64_t *)a > *(uint64_t *)b;
}

/*
 * A guest that has no reason to leave gets its messages when they come, and not with the
 * host's next tick, which takes some milliseconds.
 */
TEST_F(ipi, does_not_wait_for_the_tick)
{
	struct sender sender = { .vm = self->vm };
	pthread_t thread;

	ASSERT_LOADED(spins);
	ASSERT_OUT(PORT_MAIN, self->vcpu);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_messages_to_spinner, &sender));
	for (int i = 0; i < MESSAGES; i++) {
		ASSERT_OUT(PORT_INTERRUPT, self->vcpu);
		sender.ns[i] = now_ns() - sender.ns[i];
		__atomic_store_n(&sender.taken, i + 1, __ATOMIC_RELEASE);
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	qsort(sender.ns, MESSAGES, sizeof(sender.ns[0]), compare);
	EXPECT_GT(1000000ull * test_patience(), sender.ns[MESSAGES / 2]) {
		TH_LOG("half of them took more than %lu us", sender.ns[MESSAGES / 2] / 1000);
	}
}

/* Three vCPUs; the third is in another cluster of x2APIC's. */
#define VCPUS		3

static const unsigned int ids[VCPUS] = { 0, 1, 17 };

FIXTURE(three) {
	struct machine m;
	struct vcpu *vcpus[VCPUS];
	struct vcpu others[VCPUS - 1];
};

FIXTURE_SETUP(three)
{
	ASSERT_EQ(0, lapic_machine_create(&self->m, ids[0]));
	self->vcpus[0] = &self->m.vcpu;
	for (int i = 1; i < VCPUS; i++) {
		self->vcpus[i] = &self->others[i - 1];
		ASSERT_EQ(0, vcpu_create(self->vcpus[i], &self->m.vm, ids[i]));
		ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpus[i]));
	}
}

FIXTURE_TEARDOWN(three)
{
	for (int i = 1; i < VCPUS; i++)
		vcpu_destroy(self->vcpus[i]);
	machine_destroy(&self->m);
}

/* Switches all of them on, with these logical ids and task priorities. */
static int switch_on(struct vcpu **vcpus, uint32_t dfr, const uint8_t *ldr, const uint8_t *tpr)
{
	struct kvm_lapic_state state;
	int ret = 0;

	for (int i = 0; i < VCPUS && !ret; i++) {
		ret = get_lapic(vcpus[i], &state);
		if (ret)
			break;
		put_reg(&state, APIC_SPIV, SPIV_ENABLED);
		put_reg(&state, APIC_DFR, dfr);
		if (ldr)
			put_reg(&state, APIC_LDR, (uint32_t)ldr[i] << 24);
		if (tpr)
			put_reg(&state, APIC_TPR, tpr[i]);
		ret = set_lapic(vcpus[i], &state);
	}
	return ret;
}

static int x2apic_mode(struct vcpu **vcpus)
{
	int ret = 0;

	for (int i = 0; i < VCPUS && !ret; i++)
		ret = vcpu_set_msr(vcpus[i], MSR_IA32_APIC_BASE,
				   0xfee00000 | X2APIC_MODE | (i ? 0 : APIC_BASE_BSP));
	return ret;
}

/* A bit for each vCPU that has VECTOR waiting; it waits no longer. Or -errno. */
static int take_received(struct vcpu **vcpus)
{
	unsigned int reg = APIC_IRR + VECTOR / 32 * 0x10;
	struct kvm_lapic_state state;
	int ret, received = 0;

	for (int i = 0; i < VCPUS; i++) {
		ret = get_lapic(vcpus[i], &state);
		if (ret)
			return ret;
		received |= !!(get_reg(&state, reg) & 1u << VECTOR % 32) << i;
		put_reg(&state, reg, 0);
		ret = set_lapic(vcpus[i], &state);
		if (ret)
			return ret;
	}
	return received;
}

#define DFR_FLAT	0xffffffff
#define DFR_CLUSTER	0x0fffffff
#define MSI_LOGICAL	(1u << 2)
#define MSI_REDIRECTED	(1u << 3)

struct message {
	uint32_t destination, address_bits;
	int receivers;
};

static void send_messages(struct __test_metadata *_metadata, struct vm *vm, struct vcpu **vcpus,
			  const struct message *messages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct message *m = &messages[i];
		struct kvm_msi msi = {
			.address_lo = 0xfee00000 | m->destination << 12 | m->address_bits,
			.data = VECTOR,
		};

		/* KVM says how many have taken it. */
		EXPECT_EQ(!!m->receivers, sys_ioctl_ptr(vm->fd, KVM_SIGNAL_MSI, &msi) > 0);
		EXPECT_EQ(m->receivers, take_received(vcpus)) {
			TH_LOG("message to %#x, address bits %#x", m->destination, m->address_bits);
		}
	}
}

TEST_F(three, xapic_destinations)
{
	static const uint8_t flat[] = { 0x01, 0x02, 0x80 }, cluster[] = { 0x11, 0x12, 0x21 };
	static const struct message to_flat[] = {
		{ 0, 0, 1 }, { 1, 0, 2 }, { 17, 0, 4 }, { 2, 0, 0 }, { 0xff, 0, 7 },
		{ 0x01, MSI_LOGICAL, 1 }, { 0x80, MSI_LOGICAL, 4 }, { 0x86, MSI_LOGICAL, 6 },
		{ 0x48, MSI_LOGICAL, 0 }, { 0xff, MSI_LOGICAL, 7 },
	};
	static const struct message to_cluster[] = {
		{ 0x11, MSI_LOGICAL, 1 }, { 0x13, MSI_LOGICAL, 3 }, { 0x23, MSI_LOGICAL, 4 },
		{ 0x33, MSI_LOGICAL, 0 }, { 0x14, MSI_LOGICAL, 0 }, { 0xff, MSI_LOGICAL, 7 },
		{ 17, 0, 4 },
	};

	ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, flat, NULL));
	send_messages(_metadata, &self->m.vm, self->vcpus, to_flat, ARRAY_SIZE(to_flat));
	ASSERT_EQ(0, switch_on(self->vcpus, DFR_CLUSTER, cluster, NULL));
	send_messages(_metadata, &self->m.vm, self->vcpus, to_cluster, ARRAY_SIZE(to_cluster));
}

/*
 * The KVM API: without KVM_CAP_X2APIC_API the state "always uses xAPIC format", so the id is in
 * the upper eight bits in x2APIC mode, too. What is written there cannot change it.
 */
TEST_F(three, state_in_x2apic_mode)
{
	struct kvm_lapic_state state;
	uint32_t ldr;

	ASSERT_EQ(0, x2apic_mode(self->vcpus));
	for (int i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, get_lapic(self->vcpus[i], &state));
		EXPECT_EQ(ids[i] << 24, get_reg(&state, APIC_ID));
		ldr = get_reg(&state, APIC_LDR);
		EXPECT_EQ(ids[i] / 16 << 16 | 1 << ids[i] % 16, ldr);
		ASSERT_EQ(0, set_lapic(self->vcpus[i], &state));
		/* KVM's id does change there, before 6.11. */
		if (!testing_kvm()) {
			put_reg(&state, APIC_ID, 7 << 24);
			put_reg(&state, APIC_LDR, 0);
			ASSERT_EQ(0, set_lapic(self->vcpus[i], &state));
		}
		ASSERT_EQ(0, get_lapic(self->vcpus[i], &state));
		EXPECT_EQ(ids[i] << 24, get_reg(&state, APIC_ID));
		EXPECT_EQ(ldr, get_reg(&state, APIC_LDR));
	}
}

#define ICR(low, destination)	((uint64_t)(destination) << 32 | (low) | VECTOR)
#define ICR_LOGICAL		(1u << 11)
#define ICR_SELF		(1u << 18)
#define ICR_ALL			(2u << 18)
#define ICR_OTHERS		(3u << 18)

/* The logical id is 1 << (id % 16) in the cluster id / 16. */
TEST_F(three, x2apic_destinations)
{
	static const struct {
		uint64_t icr;
		int receivers;
	} rows[] = {
		{ ICR(0, 0), 1 }, { ICR(0, 1), 2 }, { ICR(0, 17), 4 }, { ICR(0, 2), 0 },
		{ ICR(0, 0x100), 0 }, { ICR(0, UINT32_MAX), 7 },
		{ ICR(ICR_LOGICAL, 0x00001), 1 }, { ICR(ICR_LOGICAL, 0x00003), 3 },
		{ ICR(ICR_LOGICAL, 0x10002), 4 }, { ICR(ICR_LOGICAL, 0x10001), 0 },
		{ ICR(ICR_LOGICAL, 0x20003), 0 }, { ICR(ICR_LOGICAL, 0x0fffc), 0 },
		{ ICR(ICR_LOGICAL, UINT32_MAX), 7 },
		{ ICR(ICR_SELF, 17), 1 }, { ICR(ICR_ALL, 1), 7 }, { ICR(ICR_OTHERS, 0), 6 },
	};
	struct vm_op send;

	ASSERT_EQ(0, x2apic_mode(self->vcpus));
	ASSERT_EQ(0, switch_on(self->vcpus, 0, NULL, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		send = vm_op_wrmsr(MSR_X2APIC + APIC_ICR / 16, rows[i].icr);
		ASSERT_EQ(0, lapic_run_ops(self->vcpus[0], &send, 1));
		EXPECT_EQ(VM_OP_DONE, send.vector);
		EXPECT_EQ(rows[i].receivers, take_received(self->vcpus)) {
			TH_LOG("ICR %#lx", rows[i].icr);
		}
	}
}

/*
 * Ids that xAPIC mode has no place for. One can be started by another that is in x2APIC mode
 * already, and 257 takes nothing that is for 1.
 */
TEST_F(three, ids_above_255)
{
	static const struct {
		uint64_t destination;
		int receivers, hears;
	} rows[] = { { 1, 2, 0 }, { 257, 0, 1 }, { 256, 0, 0 }, { 17, 4, 0 } };
	struct vcpu far, *apart[VCPUS] = { &far, &far, &far };
	struct vm_op send;

	if (testing_kvm())
		SKIP(return, "from 6.3 on 257 is heard as 1, too");
	ASSERT_EQ(0, vcpu_create(&far, &self->m.vm, 257));
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&far));
	ASSERT_EQ(0, switch_on(apart, DFR_FLAT, NULL, NULL));
	ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, NULL, NULL));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpus[0], MSR_IA32_APIC_BASE,
				  0xfee00000 | X2APIC_MODE | APIC_BASE_BSP));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		send = vm_op_wrmsr(MSR_X2APIC + APIC_ICR / 16, ICR(0, rows[i].destination));
		ASSERT_EQ(0, lapic_run_ops(self->vcpus[0], &send, 1));
		EXPECT_EQ(VM_OP_DONE, send.vector);
		EXPECT_EQ(rows[i].receivers, take_received(self->vcpus)) {
			TH_LOG("to %lu", rows[i].destination);
		}
		EXPECT_EQ(rows[i].hears, take_received(apart)) {
			TH_LOG("to %lu", rows[i].destination);
		}
	}
	vcpu_destroy(&far);
}

/* Without an APIC there is nobody to take a message, of whatever kind. */
TEST_F(three, switched_off)
{
	static const uint32_t modes[] = { MODE_NMI, MODE_INIT, MODE_STARTUP | 0x10 };
	static const struct message messages[] = { { 17, 0, 0 }, { 0xff, 0, 3 } };
	struct kvm_vcpu_events events;

	ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, NULL, NULL));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpus[2], MSR_IA32_APIC_BASE, 0xfee00000));
	send_messages(_metadata, &self->m.vm, self->vcpus, messages, ARRAY_SIZE(messages));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(0, signal_msi(&self->m.vm, 17, modes[i])) {
			TH_LOG("mode %#x", modes[i]);
		}
	}
	ASSERT_EQ(0, sys_ioctl_ptr(self->vcpus[2]->fd, KVM_GET_VCPU_EVENTS, &events));
	EXPECT_EQ(0, events.nmi.pending);
	EXPECT_EQ(KVM_MP_STATE_UNINITIALIZED, get_mp_state(self->vcpus[2]));
}

/*
 * One of those that are named, here the one whose task has the lowest priority: by the
 * delivery mode, or by the redirection hint in the message's address.
 */
TEST_F(three, lowest_priority)
{
	static const uint8_t ldr[] = { 0x01, 0x02, 0x04 };
	static const struct {
		uint8_t tpr[VCPUS];
		uint32_t destination;
		int receiver;
	} rows[] = {
		{ { 0x30, 0x20, 0x10 }, 0x07, 4 }, { { 0x10, 0x20, 0x30 }, 0x07, 1 },
		{ { 0x10, 0x20, 0x30 }, 0x06, 2 }, { { 0x30, 0x10, 0x20 }, 0x05, 4 },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool hint = i >= ARRAY_SIZE(rows);
		const typeof(rows[0]) *row = &rows[i % ARRAY_SIZE(rows)];
		struct kvm_msi msi = {
			.address_lo = 0xfee00000 | row->destination << 12 | MSI_LOGICAL |
				      (hint ? MSI_REDIRECTED : 0),
			.data = (hint ? MODE_FIXED : MODE_LOWEST) | VECTOR,
		};
		int received;

		ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, ldr, row->tpr));
		EXPECT_EQ(1, sys_ioctl_ptr(self->m.vm.fd, KVM_SIGNAL_MSI, &msi));
		received = take_received(self->vcpus);
		EXPECT_EQ(1, __builtin_popcount(received & row->destination));
		/* KVM takes each in turn. */
		if (!testing_kvm())
			EXPECT_EQ(row->receiver, received);
	}
}

/* ICR's "all but me" and "all" with lowest priority: to one of them. */
GUEST_CODE(to_all_lowest, 16,
	   SWITCH_ON
	   WRMSR(0x830, 0xc0141, 0)
	   "outb %al, $0xe0\n"
	   WRMSR(0x830, 0x80141, 0)
	   "outb %al, $0xe0\n"
	   HANDLERS(to_all_lowest));
GUEST_LABEL(to_all_lowest_interrupt);
GUEST_LABEL(to_all_lowest_nmi);

TEST_F(three, lowest_priority_of_all)
{
	static const uint8_t tpr[VCPUS] = { 0x10, 0x30, 0x20 };
	struct vm *vm = &self->m.vm;
	struct vcpu *vcpu = self->vcpus[0];
	int received;

	ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, NULL, tpr));
	ASSERT_EQ(0, load_guest_code(vcpu, VM_MODE_REAL, to_all_lowest));
	ASSERT_OUT(PORT_MAIN, vcpu);
	received = take_received(self->vcpus);
	EXPECT_EQ(1, __builtin_popcount(received));
	EXPECT_EQ(0, received & 1);
	if (!testing_kvm())
		EXPECT_EQ(4, received);
	ASSERT_OUT(PORT_MAIN, vcpu);
	received = take_received(self->vcpus);
	EXPECT_EQ(1, __builtin_popcount(received));
	if (!testing_kvm())
		EXPECT_EQ(1, received);

	/* Not allowed with the physical id that means all: then it is for all. */
	struct kvm_msi msi = { .address_lo = 0xfeeff000, .data = MODE_LOWEST | VECTOR };

	EXPECT_LT(0, sys_ioctl_ptr(vm->fd, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(7, take_received(self->vcpus));
}

/* GSIs: what the client has laid down is sent, and nothing else. */
TEST_F(three, routes)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[2];
	} good = {
		.header.nr = 1,
		.entries[0] = {
			.gsi = 30,
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee01000, .data = VECTOR },
		},
	}, bad[4] = { good, good, good, good };
	struct kvm_irq_level line = { .irq = 30, .level = 1 };
	int vm = self->m.vm.fd;

	ASSERT_LT(30, sys_ioctl(self->m.dev, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING));
	ASSERT_EQ(0, switch_on(self->vcpus, DFR_FLAT, NULL, NULL));
	ASSERT_EQ(0, sys_ioctl_ptr(vm, KVM_SET_GSI_ROUTING, &good));
	ASSERT_EQ(0, sys_ioctl_ptr(vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(2, take_received(self->vcpus));
	line.level = 0;
	ASSERT_EQ(0, sys_ioctl_ptr(vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(0, take_received(self->vcpus));
	line.irq = 31;
	line.level = 1;
	/* KVM takes it for one that nobody listens to. */
	EXPECT_EQ(testing_kvm() ? 0 : -EINVAL, sys_ioctl_ptr(vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(0, take_received(self->vcpus));

	/* What is refused leaves what was there. */
	line.irq = 30;
	bad[0].header.flags = 1;
	bad[1].header.nr = 1 << 20;
	bad[2].header.nr = 2;
	bad[2].entries[1] = good.entries[0];
	bad[2].entries[1].u.msi.address_lo = 0xfee00000;
	bad[3].entries[0].type = 0x7f;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, sys_ioctl_ptr(vm, KVM_SET_GSI_ROUTING, &bad[i])) {
			TH_LOG("routing %zu", i);
		}
		ASSERT_EQ(0, sys_ioctl_ptr(vm, KVM_IRQ_LINE, &line));
		EXPECT_EQ(2, take_received(self->vcpus)) {
			TH_LOG("after the refusal of %zu", i);
		}
	}

	/* And what is taken is all that there is. */
	good.header.nr = 0;
	ASSERT_EQ(0, sys_ioctl_ptr(vm, KVM_SET_GSI_ROUTING, &good));
	EXPECT_EQ(testing_kvm() ? 0 : -EINVAL, sys_ioctl_ptr(vm, KVM_IRQ_LINE, &line));
	EXPECT_EQ(0, take_received(self->vcpus));
}

TEST_HARNESS_MAIN
