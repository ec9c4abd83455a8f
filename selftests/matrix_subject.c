// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPUs that the matrix tries things on, and how one is kept from seeing
 * what was tried before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "matrix.h"
#include "msrs.h"

#define MIB_OF_MEMORY	2

/* As many as one call of KVM_GET_MSRS takes. */
#define CALL_MAX	255

static void remember_fresh(struct subject *s)
{
	uint64_t value;
	size_t i;

	s->n_fresh = 0;
	for (i = 0; i < s->n_watched; i++) {
		uint32_t index = s->watched[i].index;

		/* It goes on by itself. */
		if (index == MSR_IA32_TSC)
			continue;
		if (vcpu_get_msr(&s->vcpu, index, &value))
			continue;
		s->fresh[s->n_fresh++] = (struct kvm_msr_entry){ .index = index, .data = value };
	}
}

static int start(struct subject *s)
{
	struct vm_op op = vm_op_cpuid(0, 0);
	int err;

	err = vm_create(&s->vm, s->dev, MIB_OF_MEMORY);
	if (err)
		return err;
	err = vcpu_create(&s->vcpu, &s->vm, 0);
	if (err)
		goto err_vm;
	if (s->cpuid)
		err = vcpu_set_supported_cpuid(&s->vcpu);
	if (!err && s->runs)
		err = vm_run_ops(&s->vcpu, &op, 1);
	if (err)
		goto err_vcpu;
	remember_fresh(s);
	return 0;

err_vcpu:
	vcpu_destroy(&s->vcpu);
err_vm:
	vm_destroy(&s->vm);
	return err;
}

static void stop(struct subject *s)
{
	vcpu_destroy(&s->vcpu);
	vm_destroy(&s->vm);
}

int subject_create(struct subject *s)
{
	int err;

	s->renewed = 0;
	s->fresh = calloc(s->n_watched, sizeof(*s->fresh));
	if (!s->fresh)
		return -ENOMEM;
	err = start(s);
	if (err)
		free(s->fresh);
	return err;
}

void subject_destroy(struct subject *s)
{
	stop(s);
	free(s->fresh);
}

int subject_renew(struct subject *s)
{
	stop(s);
	s->renewed++;
	return start(s);
}

int subject_restore(struct subject *s, uint32_t index, uint64_t before)
{
	uint64_t now;

	if (vcpu_set_msr(&s->vcpu, index, before))
		return subject_renew(s);
	if (index == MSR_IA32_TSC || (!vcpu_get_msr(&s->vcpu, index, &now) && now == before))
		return 0;
	return subject_renew(s);
}

int subject_spill(struct subject *s, char *text, size_t size)
{
	struct kvm_msr_entry now[CALL_MAX];
	uint32_t first, i, n;
	size_t used = 0;

	for (first = 0; first < s->n_fresh; first += n) {
		n = s->n_fresh - first < CALL_MAX ? s->n_fresh - first : CALL_MAX;
		for (i = 0; i < n; i++)
			now[i] = (struct kvm_msr_entry){ .index = s->fresh[first + i].index };
		if (vcpu_get_msrs(&s->vcpu, now, n) != (int)n)
			return -EIO;
		for (i = 0; i < n && used < size; i++)
			if (now[i].data != s->fresh[first + i].data)
				used += snprintf(text + used, size - used, "%s0x%x",
						 used ? "," : "", now[i].index);
	}
	if (used)
		return subject_renew(s);
	snprintf(text, size, "none");
	return 0;
}
