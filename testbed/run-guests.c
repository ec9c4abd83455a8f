// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a guest on each CPU until killed, and says so when each of them has executed an
 * instruction. Says and ends when one of them ends.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096UL
/* A vCPU begins at 0xfffffff0, in the last page below 4 GiB. */
#define GPA	0xfffff000UL
#define START	0xff0

/* Without the STI, bochs 2.7 lets no interrupt of the host end the guest. */
static const uint8_t code[] = {
	0xfb,			/* sti */
	0xe6, 0x77,		/* out %al, $0x77 */
	0xeb, 0xfe,		/* jmp . */
};

static int device;
static pthread_barrier_t all_run;

static struct kvm_run *make_guest(int *vcpu)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = GPA, .memory_size = PAGE };
	unsigned char *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);
	int vm = ioctl(device, KVM_CREATE_VM, 0);
	struct kvm_run *run;

	if (mem == MAP_FAILED || vm < 0)
		err(1, "KVM_CREATE_VM");
	memcpy(mem + START, code, sizeof(code));
	region.userspace_addr = (uintptr_t)mem;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		err(1, "KVM_SET_USER_MEMORY_REGION");
	*vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (*vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap");
	return run;
}

static void *run_guest(void *cpu)
{
	struct kvm_run *run;
	cpu_set_t set;
	int vcpu;

	CPU_ZERO(&set);
	CPU_SET((intptr_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
	run = make_guest(&vcpu);
	if (ioctl(vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO)
		errx(1, "the guest on CPU %d: exit %d", (int)(intptr_t)cpu, run->exit_reason);
	pthread_barrier_wait(&all_run);
	while (!ioctl(vcpu, KVM_RUN, 0) ? run->exit_reason == KVM_EXIT_INTR : errno == EINTR)
		;
	err(1, "KVM_RUN");
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	if (argc != 2)
		errx(1, "usage: run-guests DEVICE");
	device = open(argv[1], O_RDWR);
	if (device < 0)
		err(1, "%s", argv[1]);
	pthread_barrier_init(&all_run, NULL, cpus + 1);
	for (long cpu = 0; cpu < cpus; cpu++)
		if (pthread_create(&thread, NULL, run_guest, (void *)cpu))
			err(1, "pthread_create");
	pthread_barrier_wait(&all_run);
	printf("%ld guests\n", cpus);
	fflush(stdout);
	pause();
	return 0;
}
