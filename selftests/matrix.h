/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MSR matrix: what a device answers to each access to each MSR, printed in
 * a form in which two devices can be compared. msr_matrix.c makes the cells.
 */
#ifndef MINIHV_SELFTESTS_MATRIX_H
#define MINIHV_SELFTESTS_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../client/vm.h"

/**
 * struct matrix_msr - an MSR and how much is asked about it
 * @index:	of the MSR
 * @full:	every value; otherwise some
 */
struct matrix_msr {
	uint32_t index;
	bool full;
};

/*
 * matrix_msrs() - the MSRs to look at closely, in order
 *
 * Those that KVM or the SDM knows, the neighbours of each range of them, and
 * what @dev itself lists. The caller frees *@msrs. Returns how many, or -errno.
 */
int matrix_msrs(int dev, struct matrix_msr **msrs);

/* matrix_left_out() - does this MSR belong to something else than the CPU? */
bool matrix_left_out(uint32_t index);

#define MATRIX_VALUES_MAX	192

/**
 * struct matrix_value - a value to write
 * @name:	what it is on every device: a number, or how it follows from the
 *		MSR's value before
 * @value:	what it is here
 */
struct matrix_value {
	char name[24];
	uint64_t value;
};

/*
 * matrix_values() - the values to write to @msr, which holds @now
 *
 * Returns how many of @values have been filled in.
 */
size_t matrix_values(const struct matrix_msr *msr, uint64_t now,
		     struct matrix_value values[MATRIX_VALUES_MAX]);

/**
 * struct subject - a vCPU to try things on
 * @dev:	the device's fd
 * @cpuid:	it gets all the CPUID that the device offers; otherwise none
 * @runs:	it has run, and is in long mode; otherwise it never runs
 * @watched:	MSRs that matrix_spill() looks at
 * @n_watched:	how many
 * @vm:		its VM
 * @vcpu:	itself
 * @fresh:	the values of @watched before anything was tried; those that
 *		cannot be read are not among them
 * @n_fresh:	how many
 * @renewed:	how many times a new one was needed
 */
struct subject {
	int dev;
	bool cpuid;
	bool runs;
	const struct matrix_msr *watched;
	size_t n_watched;

	struct vm vm;
	struct vcpu vcpu;
	struct kvm_msr_entry *fresh;
	uint32_t n_fresh;
	unsigned int renewed;
};

/* subject_create() - make it, from the members above @vm; 0 or -errno */
int subject_create(struct subject *s);
void subject_destroy(struct subject *s);

/* subject_renew() - the same with a new VM and a new vCPU */
int subject_renew(struct subject *s);

/*
 * subject_restore() - give an MSR the value it had, or get a new vCPU
 *
 * Returns 0 or -errno.
 */
int subject_restore(struct subject *s, uint32_t index, uint64_t before);

/*
 * subject_spill() - which MSRs differ from their first value, in words
 *
 * "none", or their indices with commas between. A vCPU that has changed is
 * renewed. Returns 0 or -errno.
 */
int subject_spill(struct subject *s, char *text, size_t size);

#endif
