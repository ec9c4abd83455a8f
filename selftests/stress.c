// SPDX-License-Identifier: GPL-2.0
/*
 * Much at once: memory that changes under running vCPUs, slots that come and
 * go, ioctls from all sides, and ioctls that make no sense. Short runs, the
 * same each time; what they would break shows here or in the kernel's log.
 */
#include <sys/mman.h>
#include <sys/time.h>

#include "background.h"
#include "harness.h"

#define PAGE		4096
#define PAGES		4
#define GPA		0x10000000ULL
#define MAGIC		0x5afe0000U

#define MEMORY_ROUNDS	48
#define SLOT_ROUNDS	24
#define IOCTL_ROUNDS	64
#define RANDOM_IOCTLS	2000

/*
 * As count_until_told, but sees in each round that the first and the last word of each page are
 * as they should be.
 */
GUEST_CODE(check_pages, 64,
	   "sti\n"
	   "1: xorl %ecx, %ecx\n"
	   "movl $0x10000000, %esi\n"
	   "2: leal 0x5afe0000(%rcx), %eax\n"
	   "cmpl %eax, (%rsi)\n"
	   "jne 3f\n"
	   "cmpl %eax, 0xffc(%rsi)\n"
	   "jne 3f\n"
	   "addl $0x1000, %esi\n"
	   "incl %ecx\n"
	   "cmpl $4, %ecx\n"
	   "jne 2b\n"
	   "incq 0x12008(,%r13,8)\n"
	   "cmpl $0, 0x12000\n"
	   "je 1b\n"
	   "movl $0x600d, %r15d\n"
	   "3: hlt\n");

static void fill_page(uint8_t *page, int number)
{
	const uint32_t magic = MAGIC + number;

	memset(page, 0, PAGE);
	memcpy(page, &magic, 4);
	memcpy(page + PAGE - 4, &magic, 4);
}

static void *new_pages(size_t n)
{
	return mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE(stress) {
	struct machine m;
	struct vcpu second;
	pthread_t threads[2];
	uint8_t *mem;
};

FIXTURE_SETUP(stress)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_create(&self->second, &self->m.vm, 1));
	self->mem = new_pages(PAGES);
	ASSERT_NE(MAP_FAILED, self->mem);
	for (int page = 0; page < PAGES; page++)
		fill_page(self->mem + page * PAGE, page);
	ASSERT_EQ(0, set_slot(&self->m.vm, 1, 0, GPA, PAGES * PAGE, self->mem));

	for (int i = 0; i < 2; i++) {
		struct vcpu *vcpu = i ? &self->second : &self->m.vcpu;

		ASSERT_EQ(0, load_counting(vcpu, i, check_pages));
		ASSERT_EQ(0, pthread_create(&self->threads[i], NULL, run_vcpu, vcpu));
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(goes_on(count_of(&self->m.vm, i))) {
			TH_LOG("vCPU %d does not get once around", i);
		}
	}
}

FIXTURE_TEARDOWN(stress)
{
	struct vcpu *vcpus[] = { &self->m.vcpu, &self->second };

	tell_to_stop(&self->m.vm);
	for (int i = 0; i < 2; i++) {
		struct kvm_regs regs = { 0 };
		void *ret;

		pthread_join(self->threads[i], &ret);
		EXPECT_EQ(0, (long)ret);
		EXPECT_EQ(KVM_EXIT_HLT, vcpus[i]->run->exit_reason);
		sys_ioctl_ptr(vcpus[i]->fd, KVM_GET_REGS, &regs);
		EXPECT_EQ(0x600d, regs.r15) {
			TH_LOG("vCPU %d saw something else in page %llu", i,
			       regs.rcx);
		}
	}
	vcpu_destroy(&self->second);
	machine_destroy(&self->m);
	munmap(self->mem, PAGES * PAGE);
}

/* Use up what was freed, so that a page that a guest still sees has changed. */
static void use_free_pages(void)
{
	uint8_t *junk = new_pages(8);

	if (junk == MAP_FAILED)
		return;
	memset(junk, 0xdb, 8 * PAGE);
	munmap(junk, 8 * PAGE);
}

TEST_F(stress, memory_changes)
{
	for (int round = 0; round < MEMORY_ROUNDS; round++) {
		int number = round % PAGES, status;
		uint8_t *page = self->mem + number * PAGE, *other;
		pid_t pid;

		switch (round / PAGES % 3) {
		case 0:		/* another page with the same contents */
			other = new_pages(1);
			ASSERT_NE(MAP_FAILED, other);
			fill_page(other, number);
			ASSERT_EQ(page, mremap(other, PAGE, PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED,
					       page));
			break;
		case 1:		/* gone from the guest's translations */
			ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
			ASSERT_EQ(0, mprotect(page, PAGE,
					      PROT_READ | PROT_WRITE));
			break;
		case 2:		/* copied on write */
			pid = fork();
			ASSERT_LE(0, pid);
			if (!pid)
				_exit(0);
			page[16]++;
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
		}
		use_free_pages();
	}
}

TEST_F(stress, slots_come_and_go)
{
	uint8_t *mem = new_pages(2);

	ASSERT_NE(MAP_FAILED, mem);
	for (int round = 0; round < SLOT_ROUNDS; round++) {
		ASSERT_EQ(0, set_slot(&self->m.vm, 2, 0, 2 * GPA, 2 * PAGE, mem));
		ASSERT_EQ(0, set_slot(&self->m.vm, 3, 0, 3 * GPA, PAGE, mem));
		ASSERT_EQ(0, set_slot(&self->m.vm, 2, 0, 4 * GPA, 2 * PAGE, mem));
		ASSERT_EQ(0, set_slot(&self->m.vm, 3, 0, 0, 0, NULL));
		ASSERT_EQ(0, set_slot(&self->m.vm, 2, 0, 0, 0, NULL));
	}
	munmap(mem, 2 * PAGE);
}

/* A vCPU's ioctls from two threads at a time; a third changes its VM. */
static void *call_ioctls(void *arg)
{
	struct vcpu *vcpu = arg;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint64_t value;

	for (int round = 0; round < IOCTL_ROUNDS; round++) {
		int ret = vcpu_set_msr(vcpu, MSR_IA32_LSTAR, round);

		ret |= vcpu_get_msr(vcpu, MSR_IA32_LSTAR, &value);
		ret |= sys_ioctl_ptr(vcpu->fd, KVM_GET_SREGS, &sregs);
		ret |= sys_ioctl_ptr(vcpu->fd, KVM_SET_SREGS, &sregs);
		ret |= sys_ioctl_ptr(vcpu->fd, KVM_GET_REGS, &regs);
		ret |= sys_ioctl_ptr(vcpu->fd, KVM_SET_REGS, &regs);
		if (ret || value >= IOCTL_ROUNDS)
			return (void *)1L;
	}
	return NULL;
}

TEST(ioctls_from_all_sides)
{
	pthread_t threads[3];
	struct machine m;

	ASSERT_MACHINE(&m, 2);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, call_ioctls,
					    &m.vcpu));
	for (int round = 0; round < SLOT_ROUNDS; round++) {
		struct vcpu other;

		ASSERT_EQ(0, vcpu_create(&other, &m.vm, 1 + round));
		vcpu_destroy(&other);
	}
	for (int i = 0; i < 3; i++) {
		void *ret;

		ASSERT_EQ(0, pthread_join(threads[i], &ret));
		EXPECT_EQ(NULL, ret);
	}
	machine_destroy(&m);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/*
 * Known and unknown ioctls on the three kinds of files, with pointers and
 * contents that are random, or nearly right. None may do harm.
 */
TEST(random_ioctls)
{
	static const unsigned long known[] = {
		KVM_GET_API_VERSION, KVM_CHECK_EXTENSION,
		KVM_GET_VCPU_MMAP_SIZE, KVM_GET_MSR_INDEX_LIST,
		KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_SUPPORTED_CPUID,
		KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR,
		KVM_CREATE_VCPU, KVM_SET_USER_MEMORY_REGION, KVM_RUN,
		KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS,
		KVM_GET_MSRS, KVM_SET_MSRS, KVM_SET_CPUID2, KVM_GET_CPUID2,
		KVM_GET_MP_STATE, KVM_SET_MP_STATE,
	};
	const struct itimerval guard = {
		.it_interval.tv_usec = 50000, .it_value.tv_usec = 50000,
	};
	struct vm_op op = vm_op_rdmsr(MSR_IA32_PAT);
	uint64_t state = 0x6d696e696876;
	uint8_t *buffer = new_pages(17);
	struct machine m, after;
	int fds[3], last;

	ASSERT_NE(MAP_FAILED, buffer);
	ASSERT_EQ(0, mprotect(buffer + 16 * PAGE, PAGE, PROT_NONE));
	ASSERT_MACHINE(&m, 0);
	fds[0] = m.dev;
	fds[1] = m.vm.fd;
	fds[2] = m.vcpu.fd;
	last = m.vcpu.fd;

	/* A vCPU that gets into a state in which it runs comes back by this. */
	catch_signal(SIGALRM);
	setitimer(ITIMER_REAL, &guard, NULL);
	for (int i = 0; i < RANDOM_IOCTLS; i++) {
		uint64_t r = next_random(&state);
		unsigned long cmd = known[r % ARRAY_SIZE(known)];
		uint64_t *words = (uint64_t *)buffer;
		unsigned long arg;

		if (r >> 16 & 1)
			cmd ^= 1UL << (r >> 20 & 31);
		for (int word = 0; word < 64; word++)
			words[word] = next_random(&state) >>
				      (next_random(&state) & 63);
		switch (r >> 28 & 3) {
		case 0:		/* never mapped: page 0, or the kernel's half */
			arg = next_random(&state) & 0xfff;
			arg |= r & 1UL << 63;
			break;
		case 1:		/* runs into what cannot be read */
			arg = (uintptr_t)buffer + 16 * PAGE - (r >> 32 & 255);
			break;
		default:
			arg = (uintptr_t)buffer;
		}
		ioctl(fds[r >> 40 & 1 ? 2 : r >> 41 & 1], cmd, arg);
		close_range(last + 1, UINT32_MAX, 0);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
	machine_destroy(&m);

	ASSERT_MACHINE(&after, 2);
	ASSERT_OPS(&after.vcpu, &op, 1);
	EXPECT_EQ(PAT_RESET, vm_op_value(&op));
	machine_destroy(&after);
}

TEST_HARNESS_MAIN
