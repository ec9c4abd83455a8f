// SPDX-License-Identifier: GPL-2.0
/*
 * VMX root on every CPU: a guest runs wherever it is put, also after CPUs have
 * gone and come back, and after the module was unloaded and loaded again.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "background.h"
#include "cpus.h"
#include "harness.h"

#define MODULE		"minihv"
#define MSR_VALUE	0x123456789abc

/* Whether the guest of @vcpu, run on @cpu, finds its MSR as it was set. */
#define ASSERT_RUNS_ON(cpu, vcpu)					\
do {									\
	struct vm_op __op = vm_op_rdmsr(MSR_IA32_KERNEL_GS_BASE);	\
	ASSERT_EQ(0, stay_on(cpu));					\
	ASSERT_OPS(vcpu, &__op, 1);					\
	ASSERT_EQ(MSR_VALUE, vm_op_value(&__op)) {			\
		TH_LOG("on CPU %d", cpu);				\
	}								\
} while (0)

static int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* Whether the log has had a line with @text since kmsg_open(). */
static bool kmsg_has(int fd, const char *text)
{
	char line[1024];
	bool found = false;
	ssize_t len;

	while ((len = read(fd, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		if (strstr(line, text))
			found = true;
	}
	return found;
}

FIXTURE(hotplug) {
	struct machine m;
	struct vcpu *vcpu;
	int cpu;
};

FIXTURE_SETUP(hotplug)
{
	ASSERT_MACHINE(&self->m, 2);
	self->vcpu = &self->m.vcpu;
	ASSERT_EQ(0, vcpu_set_supported_cpuid(self->vcpu));
	ASSERT_EQ(0, vcpu_set_msr(self->vcpu, MSR_IA32_KERNEL_GS_BASE,
				  MSR_VALUE));
	self->cpu = removable_cpu();
}

FIXTURE_TEARDOWN(hotplug)
{
	if (self->cpu >= 0)
		set_online(self->cpu, true);
	machine_destroy(&self->m);
}

TEST_F(hotplug, every_cpu)
{
	for (int round = 0; round < 2; round++) {
		for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
			ASSERT_RUNS_ON(cpu, self->vcpu);
	}
}

/* What the vCPU has on its CPU is saved before that goes. */
TEST_F(hotplug, vcpu_outlives_its_cpu)
{
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	for (int round = 0; round < 3; round++) {
		ASSERT_RUNS_ON(self->cpu, self->vcpu);
		ASSERT_EQ(0, stay_on(0));
		ASSERT_EQ(0, set_online(self->cpu, false));
		ASSERT_RUNS_ON(0, self->vcpu);
		ASSERT_EQ(0, set_online(self->cpu, true));
		ASSERT_RUNS_ON(self->cpu, self->vcpu);
	}
}

TEST_F(hotplug, the_log_says_so)
{
	int kmsg = kmsg_open();
	char text[64];

	if (testing_kvm())
		SKIP(return, "KVM does not log its CPUs");
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	ASSERT_LE(0, kmsg);
	ASSERT_EQ(0, set_online(self->cpu, false));
	snprintf(text, sizeof(text), "minihv: CPU %d: VMX root left",
		 self->cpu);
	EXPECT_TRUE(kmsg_has(kmsg, text)) {
		TH_LOG("no line '%s'", text);
	}
	ASSERT_EQ(0, set_online(self->cpu, true));
	snprintf(text, sizeof(text), "minihv: CPU %d: VMX root entered",
		 self->cpu);
	EXPECT_TRUE(kmsg_has(kmsg, text)) {
		TH_LOG("no line '%s'", text);
	}
	close(kmsg);
}

struct runner {
	struct vcpu *vcpu;
	int cpu;
};

static void *run_there(void *arg)
{
	struct runner *r = arg;

	if (stay_on(r->cpu))
		return (void *)-1L;
	return (void *)(long)vcpu_run(r->vcpu);
}

static void while_a_guest_runs(struct __test_metadata *_metadata,
			       struct machine *m, int guest_cpu, int cpu)
{
	struct runner r = { .vcpu = &m->vcpu, .cpu = guest_cpu };
	volatile uint64_t *count = count_of(&m->vm, 0);
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, load_counting(&m->vcpu, 0, count_until_told));
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_there, &r));
	ASSERT_TRUE(goes_on(count));
	ASSERT_EQ(0, set_online(cpu, false));
	ASSERT_TRUE(goes_on(count));
	ASSERT_EQ(0, set_online(cpu, true));
	ASSERT_TRUE(goes_on(count));
	tell_to_stop(&m->vm);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(0, (long)ret);
	EXPECT_EQ(KVM_EXIT_HLT, m->vcpu.run->exit_reason);
}

TEST_F(hotplug, while_a_guest_runs_elsewhere)
{
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	while_a_guest_runs(_metadata, &self->m, 0, self->cpu);
}

/* The thread is moved to another CPU, and the guest goes on there. */
TEST_F(hotplug, while_a_guest_runs_on_it)
{
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	while_a_guest_runs(_metadata, &self->m, self->cpu, self->cpu);
}

#define FAULT_GPA	0x10000000ULL
#define FAULT_SIZE	0x40000UL

/* As count_until_told, and it writes to the pages at FAULT_GPA in turn. */
GUEST_CODE(fault_until_told, 64,
	   "sti\n"
	   "xor %eax, %eax\n"
	   "1: incl 0x10000000(%rax)\n"
	   "incq 0x12008(,%r13,8)\n"
	   "add $0x1000, %eax\n"
	   "and $0x3ffff, %eax\n"
	   "cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "hlt\n");

struct taker {
	void *mem;
	volatile bool stop;
};

/* Takes the guest's pages away from it. */
static void *take(void *arg)
{
	struct taker *t = arg;
	long ret = stay_on(0);

	/* Not without a pause: the guest could get none of them ever. */
	while (!ret && !t->stop && !usleep(1000 * test_patience()))
		ret = madvise(t->mem, FAULT_SIZE, MADV_DONTNEED) ? -errno : 0;
	return (void *)ret;
}

/* The thread is in the kernel most of the time, and with PREEMPT_RT may not be moved at once. */
TEST_F(hotplug, while_a_guest_faults_on_it)
{
	struct runner r = { .vcpu = self->vcpu, .cpu = self->cpu };
	volatile uint64_t *count = count_of(&self->m.vm, 0);
	pthread_t taking, running;
	struct taker t = { 0 };
	void *ret;

	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	t.mem = mmap(NULL, FAULT_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, t.mem);
	ASSERT_EQ(0, set_slot(&self->m.vm, 1, 0, FAULT_GPA, FAULT_SIZE, t.mem));
	ASSERT_EQ(0, load_counting(self->vcpu, 0, fault_until_told));
	ASSERT_EQ(0, pthread_create(&taking, NULL, take, &t));
	ASSERT_EQ(0, pthread_create(&running, NULL, run_there, &r));
	for (int i = 0; i < 20; i++) {
		bool online = i % 2 == 0;

		ASSERT_EQ(0, set_online(self->cpu, online));
		if (online)
			ASSERT_EQ(0, move_to(self->cpu, running));
		ASSERT_TRUE(goes_on(count)) {
			TH_LOG("%d: %s", i, pthread_tryjoin_np(running, &ret) ?
			       "it still runs" : strerror(-(long)ret));
		}
	}
	tell_to_stop(&self->m.vm);
	ASSERT_EQ(0, pthread_join(running, &ret));
	EXPECT_EQ(0, (long)ret);
	EXPECT_EQ(KVM_EXIT_HLT, self->vcpu->run->exit_reason);
	t.stop = true;
	ASSERT_EQ(0, pthread_join(taking, &ret));
	EXPECT_EQ(0, (long)ret);
	munmap(t.mem, FAULT_SIZE);
}

static int load_module(void)
{
	const char *path = getenv("MINIHV_KO"), *parameters = getenv("MINIHV_PARAMETERS");
	int fd, ret = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters ?: "", 0))
		ret = -errno;
	close(fd);
	return ret;
}

static int unload_module(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

FIXTURE(module) {
	int cpu;
};

FIXTURE_SETUP(module)
{
	self->cpu = removable_cpu();
}

/* The tests after this one need it again, with all CPUs. */
FIXTURE_TEARDOWN(module)
{
	stay_anywhere();
	if (self->cpu >= 0)
		set_online(self->cpu, true);
	if (!testing_kvm() && getenv("MINIHV_KO"))
		load_module();
}

/* Why the module cannot be unloaded and loaded here; NULL if it can be. */
static const char *no_module(void)
{
	if (testing_kvm())
		return "this is about minihv.ko";
	if (!getenv("MINIHV_KO"))
		return "MINIHV_KO does not say where minihv.ko is";
	return NULL;
}

#define ASSERT_GUEST_ON(cpu)						\
do {									\
	struct machine __m;						\
	ASSERT_MACHINE(&__m, 2);					\
	ASSERT_EQ(0, vcpu_set_msr(&__m.vcpu, MSR_IA32_KERNEL_GS_BASE,	\
				  MSR_VALUE));				\
	ASSERT_RUNS_ON(cpu, &__m.vcpu);					\
	machine_destroy(&__m);						\
} while (0)

TEST_F(module, in_use_cannot_be_unloaded)
{
	struct machine m;

	if (no_module())
		SKIP(return, "%s", no_module());
	ASSERT_MACHINE(&m, 0);
	EXPECT_EQ(-EWOULDBLOCK, unload_module());
	machine_destroy(&m);
	EXPECT_EQ(0, unload_module());
	EXPECT_EQ(-ENOENT, vm_open_device(test_device()));
	EXPECT_EQ(0, load_module());
	EXPECT_EQ(-EEXIST, load_module());
}

TEST_F(module, unload_and_load)
{
	if (no_module())
		SKIP(return, "%s", no_module());
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, unload_module());
		ASSERT_EQ(0, load_module());
		for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++)
			ASSERT_GUEST_ON(cpu);
	}
}

TEST_F(module, unload_while_a_cpu_is_away)
{
	if (no_module())
		SKIP(return, "%s", no_module());
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	ASSERT_EQ(0, set_online(self->cpu, false));
	ASSERT_EQ(0, unload_module());
	ASSERT_EQ(0, set_online(self->cpu, true));
	ASSERT_EQ(0, load_module());
	ASSERT_GUEST_ON(self->cpu);
}

TEST_F(module, load_while_a_cpu_is_away)
{
	if (no_module())
		SKIP(return, "%s", no_module());
	if (self->cpu < 0)
		SKIP(return, "no CPU can be taken offline");
	ASSERT_EQ(0, unload_module());
	ASSERT_EQ(0, set_online(self->cpu, false));
	ASSERT_EQ(0, load_module());
	ASSERT_GUEST_ON(0);
	ASSERT_EQ(0, set_online(self->cpu, true));
	ASSERT_GUEST_ON(self->cpu);
}

TEST_HARNESS_MAIN
