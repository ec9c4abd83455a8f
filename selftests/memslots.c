// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_SET_USER_MEMORY_REGION: what a slot may be, and that creating, moving
 * and deleting one changes what the guest sees.
 */
#include <sys/mman.h>

#include "harness.h"
#include "test.h"

#define PAGE		4096ULL
#define SLOT		1
#define GPA		0x10000000ULL	/* mapped in long mode, no memory there */
#define SIZE		(4 * PAGE)

FIXTURE(slots) {
	struct machine m;
	uint8_t *mem;		/* SIZE bytes, for slots to point at */
};

FIXTURE_SETUP(slots)
{
	ASSERT_MACHINE(&self->m, 2);
	ASSERT_EQ(0, vcpu_set_supported_cpuid(&self->m.vcpu));
	self->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(slots)
{
	machine_destroy(&self->m);
	munmap(self->mem, SIZE);
}

static struct vm_op op_load(uint64_t address)
{
	static const uint8_t load[] = { 0x48, 0x8b, 0x18 };
	struct vm_op op = vm_op_insn(load, sizeof(load));

	op.rax = address;
	return op;
}

/* What the guest reads at @gpa; -EIO when that is no memory. */
static int guest_load(struct vcpu *vcpu, uint64_t gpa, uint64_t *value)
{
	struct vm_op op = op_load(gpa);
	int ret = vm_run_ops(vcpu, &op, 1);

	*value = op.rbx;
	return ret;
}

TEST_F(slots, invalid)
{
	const uint8_t *mem = self->mem;
	const uint32_t nr = sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION,
				      KVM_CAP_NR_MEMSLOTS);
	const struct {
		const char *name;
		uint32_t slot, flags;
		uint64_t gpa, size;
		const void *mem;
	} rows[] = {
		{ "unknown flag", SLOT, 1U << 31, GPA, SIZE, mem },
		{ "unaligned size", SLOT, 0, GPA, SIZE - 1, mem },
		{ "unaligned gpa", SLOT, 0, GPA + 0x800, SIZE, mem },
		{ "unaligned address", SLOT, 0, GPA, SIZE, mem + 0x800 },
		{ "gpa wraps around", SLOT, 0, -PAGE, 2 * PAGE, mem },
		{ "address of the kernel", SLOT, 0, GPA, SIZE, (void *)(1ULL << 63) },
		{ "address not canonical", SLOT, 0, GPA, SIZE, (void *)(1ULL << 50) },
		{ "a tag in the address (LAM)", SLOT, 0, GPA, SIZE, mem + (1ULL << 57) },
		{ "address wraps around", SLOT, 0, GPA, SIZE, (void *)-PAGE },
		{ "too large", SLOT, 0, GPA, 1ULL << 62, mem },
		{ "slot number too large", nr, 0, GPA, SIZE, mem },
		{ "no such address space", SLOT | 7 << 16, 0, GPA, SIZE, mem },
		{ "delete what is not there", SLOT, 0, GPA, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-EINVAL, set_slot(&self->m.vm, rows[i].slot,
					    rows[i].flags, rows[i].gpa,
					    rows[i].size, rows[i].mem)) {
			TH_LOG("%s", rows[i].name);
		}
	}
	EXPECT_EQ(-EFAULT, sys_ioctl(self->m.vm.fd,
				     KVM_SET_USER_MEMORY_REGION, 0));
}

/* A flag works if its capability is claimed, and is refused if not. */
TEST_F(slots, read_only_as_claimed)
{
	int cap = sys_ioctl(self->m.vm.fd, KVM_CHECK_EXTENSION,
			    KVM_CAP_READONLY_MEM);

	EXPECT_EQ(cap ? 0 : -EINVAL, set_slot(&self->m.vm, SLOT,
					      KVM_MEM_READONLY, GPA, SIZE,
					      self->mem));
}

TEST_F(slots, overlap)
{
	const struct {
		const char *name;
		uint64_t gpa, size;
		int ret;
	} rows[] = {
		{ "the same pages", GPA, SIZE, -EEXIST },
		{ "its first page", GPA, PAGE, -EEXIST },
		{ "its last page", GPA + SIZE - PAGE, PAGE, -EEXIST },
		{ "into its start", GPA - PAGE, 2 * PAGE, -EEXIST },
		{ "over its end", GPA + SIZE - PAGE, 2 * PAGE, -EEXIST },
		{ "around it", GPA - PAGE, SIZE, -EEXIST },
		{ "right below", GPA - PAGE, PAGE, 0 },
		{ "right above", GPA + SIZE, PAGE, 0 },
	};

	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, SIZE, self->mem));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].ret, set_slot(&self->m.vm, SLOT + 1 + i, 0,
						rows[i].gpa, rows[i].size,
						self->mem)) {
			TH_LOG("%s", rows[i].name);
		}
	}
}

/* A slot that exists can move and go; its size and memory stay. */
TEST_F(slots, modify)
{
	struct vm *vm = &self->m.vm;

	ASSERT_EQ(0, set_slot(vm, SLOT, 0, GPA, SIZE, self->mem));
	EXPECT_EQ(0, set_slot(vm, SLOT, 0, GPA, SIZE, self->mem)) {
		TH_LOG("nothing to change");
	}
	EXPECT_EQ(-EINVAL, set_slot(vm, SLOT, 0, GPA, PAGE, self->mem)) {
		TH_LOG("another size");
	}
	EXPECT_EQ(-EINVAL, set_slot(vm, SLOT, 0, GPA, SIZE,
				    self->mem + PAGE)) {
		TH_LOG("another address");
	}
	EXPECT_EQ(-EEXIST, set_slot(vm, SLOT, 0, 0, SIZE, self->mem)) {
		TH_LOG("moved onto slot 0");
	}
	EXPECT_EQ(0, set_slot(vm, SLOT, 0, GPA + PAGE, SIZE, self->mem)) {
		TH_LOG("moved onto a part of itself");
	}
	EXPECT_EQ(0, set_slot(vm, SLOT, 0, 0, 0, 0)) {
		TH_LOG("deleted");
	}
	EXPECT_EQ(-EINVAL, set_slot(vm, SLOT, 0, 0, 0, 0)) {
		TH_LOG("deleted twice");
	}
	EXPECT_EQ(0, set_slot(vm, SLOT, 0, GPA, PAGE, self->mem)) {
		TH_LOG("made again, with another size");
	}
}

/* The guest reads through the slot until it goes, and then not any more. */
TEST_F(slots, guest_sees_create_move_delete)
{
	struct vcpu *vcpu = &self->m.vcpu;
	uint64_t *page = (uint64_t *)self->mem;
	uint64_t value;

	for (int round = 0; round < 3; round++) {
		*page = 0x1111 + round;
		ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, SIZE,
				      self->mem));
		ASSERT_EQ(0, guest_load(vcpu, GPA, &value));
		EXPECT_EQ(0x1111 + round, value);

		ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA + 0x100000,
				      SIZE, self->mem));
		ASSERT_EQ(0, guest_load(vcpu, GPA + 0x100000, &value));
		EXPECT_EQ(0x1111 + round, value);

		ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, 0, 0, 0));
	}
}

FIXTURE(gone) {
	struct machine m;
	uint8_t *mem;
};

FIXTURE_VARIANT(gone) {
	uint64_t moved_to;	/* 0: deleted */
};

FIXTURE_VARIANT_ADD(gone, moved) { .moved_to = GPA + 0x200000 };
FIXTURE_VARIANT_ADD(gone, deleted) { .moved_to = 0 };

FIXTURE_SETUP(gone)
{
	ASSERT_MACHINE(&self->m, 2);
	self->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(gone)
{
	machine_destroy(&self->m);
	munmap(self->mem, SIZE);
}

/*
 * Where there is no memory any more, there is nothing that the old page may
 * be read from: it is MMIO.
 */
TEST_F(gone, is_no_memory)
{
	uint64_t value;

	*(uint64_t *)self->mem = 0x1234;
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, SIZE, self->mem));
	ASSERT_EQ(0, guest_load(&self->m.vcpu, GPA, &value));
	ASSERT_EQ(0x1234, value);
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, variant->moved_to,
			      variant->moved_to ? SIZE : 0, self->mem));

	ASSERT_EQ(-EIO, guest_load(&self->m.vcpu, GPA, &value)) {
		TH_LOG("the guest still reads %#lx", value);
	}
	EXPECT_EQ(KVM_EXIT_MMIO, self->m.vcpu.run->exit_reason);
	EXPECT_EQ(GPA, self->m.vcpu.run->mmio.phys_addr);
}

/* Memory that no slot mentions any more is the client's alone again. */
TEST_F(slots, set_while_the_guest_has_it_mapped)
{
	uint64_t *page = (uint64_t *)self->mem;
	uint64_t value;

	*page = 1;
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, PAGE, self->mem));
	ASSERT_EQ(0, guest_load(&self->m.vcpu, GPA, &value));
	EXPECT_EQ(1, value);

	/* The same place, another page behind it. */
	page[PAGE / 8] = 2;
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, 0, 0, 0));
	ASSERT_EQ(0, set_slot(&self->m.vm, SLOT, 0, GPA, PAGE,
			      self->mem + PAGE));
	ASSERT_EQ(0, guest_load(&self->m.vcpu, GPA, &value));
	EXPECT_EQ(2, value) {
		TH_LOG("the guest reads the page of the slot before");
	}
}

TEST_HARNESS_MAIN
