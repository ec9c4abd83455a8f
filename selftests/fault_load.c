// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail while the module is being loaded: it is in the kernel, and
 * works, or it is not, and can be loaded the next time.
 */
#include "cpus.h"
#include "faults.h"

#define MODULE		"minihv"
#define MANY		1000000

struct load {
	int fd;		/* of the module's file */
	bool loaded;
};

FIXTURE(load) {
	struct load load;
};

FIXTURE_SETUP(load)
{
	self->load.fd = open(getenv("MINIHV_KO"), O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->load.fd);
	ASSERT_EQ(0, syscall(SYS_delete_module, MODULE, O_NONBLOCK));
}

/* The tests after this one need it. */
FIXTURE_TEARDOWN(load)
{
	syscall(SYS_finit_module, self->load.fd, "", 0);
	close(self->load.fd);
}

static int load_with(struct load *load, const char *parameters)
{
	return syscall(SYS_finit_module, load->fd, parameters, 0) ? -errno : 0;
}

static int do_load(void *with)
{
	return load_with(with, "");
}

static int not_loaded(void *with)
{
	return access("/sys/module/" MODULE, F_OK) && access(MINIHV_DEVICE, F_OK) ? 0 : -EPROTO;
}

/* Works on each CPU, and goes. */
static int use_and_unload(void *with)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	struct machine m;
	int ret = machine_create(&m, 2);

	if (ret)
		return ret;
	for (int cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1; cpu >= 0 && !ret; cpu--) {
		ret = stay_on(cpu) ?: vm_run_ops(&m.vcpu, &op, 1);
		if (!ret && op.vector != VM_OP_DONE)
			ret = -EPROTO;
	}
	stay_anywhere();
	machine_destroy(&m);
	if (ret)
		return ret;
	return syscall(SYS_delete_module, MODULE, 0) ? -errno : 0;
}

/*
 * The kernel has allocations of its own before it calls the module's: as many as
 * there are when it finds a parameter wrong, which is the last thing before. They
 * are not what is to be seen here, and one that fails is a page of complaints in
 * the log.
 *
 * MINIHV_FAULT_STEP=8 lets each eighth fail, where a load takes seconds.
 */
TEST_F_TIMEOUT(load, every_allocation, 1200)
{
	const struct fault_op op = { "init_module", NULL, do_load, not_loaded, use_and_unload };
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), n;
	struct fault_counts was = *fault_counts;
	unsigned int kernels, step;

	ASSERT_LE(0, fd);
	step = strtoul(getenv("MINIHV_FAULT_STEP") ?: "1", NULL, 10);
	ASSERT_LT(0, step);
	/* Whatever is allocated but once is there after the first time. */
	ASSERT_EQ(0, do_load(&self->load));
	ASSERT_EQ(0, use_and_unload(&self->load));
	fail_nth(fd, MANY);
	ASSERT_EQ(-EINVAL, load_with(&self->load, "passthrough=maybe"));
	kernels = MANY - fail_nth_left(fd);
	close(fd);

	n = fault_op_run_some(&op, &self->load, kernels + 1, step, fault_counts);
	EXPECT_LT(0, n);
	printf("# init_module: %d faults behind the first %u, step %u, %u errors\n", n, kernels,
	       step, fault_counts->refused - was.refused);
	/* Some of them were the module's own. */
	EXPECT_LT(0, fault_counts->refused - was.refused);
}

int main(int argc, char **argv)
{
	if (testing_kvm() || !getenv("MINIHV_KO")) {
		ksft_print_header();
		ksft_exit_skip("MINIHV_KO does not say where minihv.ko is\n");
	}
	return faults_main(argc, argv);
}
