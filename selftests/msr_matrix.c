// SPDX-License-Identifier: GPL-2.0
/*
 * usage: msr_matrix DEVICE
 *
 * Tries every kind of access on thousands of MSRs and prints what came of each
 * in a line: the MSR, the kind, for some the value, and the outcome. It expects
 * nothing; it is for comparing two devices. The kinds:
 *
 *   listed, feature-listed   it is in the index list, in the feature list
 *   feature-get              KVM_GET_MSRS on the device
 *   host-get                 KVM_GET_MSRS on a vCPU with all CPUID, never run
 *   host-set V               KVM_SET_MSRS there, and KVM_GET_MSRS
 *   host-get-ran             on a vCPU that has run, and is in long mode
 *   host-set-ran V           KVM_SET_MSRS there, and the guest's RDMSR
 *   guest-rdmsr              the guest's RDMSR
 *   guest-wrmsr V            the guest's WRMSR, and KVM_GET_MSRS
 *   bare-...                 the same, on a vCPU that was given no CPUID
 *   spill, spill-ran         other MSRs that all this has changed
 *
 * A value is a number, or "same", or the same with a bit flipped. The outcome of
 * a write is "refused" or "gp", or what is read then: "written", "unchanged", a
 * number, or the reason why it can't be read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "matrix.h"
#include "msrs.h"
#include "vectors.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * The TSC's values are compared this roughly: it counts while the matrix is
 * made, and KVM takes writes within a second of each other for attempts to
 * synchronise vCPUs, and writes something near.
 */
#define TSC_SLACK	(1ll << 36)

/* How an access ended. "Other" is what should not happen; then there are words. */
enum how { OK, REFUSED, GP, OTHER };

struct outcome {
	enum how how;
	uint64_t value;
	char words[80];
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "msr_matrix: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void check(const char *what, int err)
{
	if (err)
		fail(what, err);
}

static struct outcome host_outcome(int err, uint64_t value)
{
	struct outcome o = { .how = OK, .value = value };

	if (err == -EPERM) {
		o.how = REFUSED;
	} else if (err) {
		o.how = OTHER;
		snprintf(o.words, sizeof(o.words), "%s", strerror(-err));
	}
	return o;
}

static struct outcome host_get(struct subject *s, uint32_t index)
{
	uint64_t value = 0;
	int err = vcpu_get_msr(&s->vcpu, index, &value);

	return host_outcome(err, value);
}

/* The value after a write; not asked for again where there is none to be had. */
static struct outcome host_get_after(struct subject *s, uint32_t index,
				     const struct outcome *before, const struct outcome *wrote)
{
	return before->how == REFUSED && wrote->how != OK ? *before : host_get(s, index);
}

static struct outcome host_set(struct subject *s, uint32_t index, uint64_t value)
{
	return host_outcome(vcpu_set_msr(&s->vcpu, index, value), value);
}

/* What became of an op; a fault has to be #GP(0) at the instruction itself. */
static struct outcome op_outcome(const struct vm_op *op)
{
	struct outcome o = { .how = OK, .value = vm_op_value(op) };

	if (op->vector == VM_OP_DONE && op->rip == op->len)
		return o;
	if (op->vector == VECTOR_GP && !op->error_code && !op->rip) {
		o.how = GP;
		return o;
	}
	o.how = OTHER;
	snprintf(o.words, sizeof(o.words), "vector-%u-error-0x%x-rip+%d", op->vector,
		 op->error_code, op->rip);
	return o;
}

static struct outcome guest(struct subject *s, struct vm_op op)
{
	struct outcome o = { .how = OTHER };
	int err = vm_run_ops(&s->vcpu, &op, 1);

	if (!err)
		return op_outcome(&op);
	if (err == -EIO) {
		vcpu_describe_exit(&s->vcpu, o.words, sizeof(o.words));
		while (strchr(o.words, ' '))
			*strchr(o.words, ' ') = '-';
	} else {
		snprintf(o.words, sizeof(o.words), "run:%s", strerror(-err));
	}
	check("a new vCPU", subject_renew(s));
	return o;
}

static struct outcome guest_read(struct subject *s, uint32_t index)
{
	return guest(s, vm_op_rdmsr(index));
}

static bool same(uint32_t index, uint64_t a, uint64_t b)
{
	return index == MSR_IA32_TSC ? llabs((int64_t)(a - b)) < TSC_SLACK : a == b;
}

/* The words for what can't be told from the value. */
static const char *why_not(const struct outcome *o)
{
	static const char * const words[] = { [REFUSED] = "refused", [GP] = "gp" };

	return o->how == OTHER ? o->words : words[o->how];
}

static void print_read(uint32_t index, const char *kind, struct outcome o)
{
	if (o.how != OK)
		printf("0x%x %s %s\n", index, kind, why_not(&o));
	else if (same(index, o.value, 0) && o.value)
		printf("0x%x %s near-0\n", index, kind);
	else
		printf("0x%x %s 0x%llx\n", index, kind, (unsigned long long)o.value);
}

/* A write, and what was read afterwards; @before it held that. */
static void print_write(uint32_t index, const char *kind, const struct matrix_value *v,
			struct outcome wrote, struct outcome read, const struct outcome *before)
{
	printf("0x%x %s %s ", index, kind, v->name);
	if (wrote.how != OK)
		printf("%s%s\n", why_not(&wrote),
		       read.how == OK && !same(index, read.value, before->value) ?
		       "-but-changed" : "");
	else if (read.how != OK)
		printf("ok-then-%s\n", why_not(&read));
	else if (same(index, read.value, v->value))
		printf("written\n");
	else if (before->how == OK && same(index, read.value, before->value))
		printf("unchanged\n");
	else
		printf("0x%llx\n", (unsigned long long)read.value);
}

/* The kinds of access on one subject; a NULL is a kind that is left out. */
struct kinds {
	const char *host_get;
	const char *host_set;
	const char *guest_rdmsr;
	const char *guest_wrmsr;
	const char *spill;
};

/* A guest in long mode that is taken out of it from outside runs no more. */
static bool ends_guest(uint32_t index, uint64_t before, uint64_t value)
{
	return index == MSR_IA32_EFER && ((before ^ value) & (EFER_LME | EFER_LMA));
}

static void restore(struct subject *s, uint32_t index, const struct outcome *before,
		    const struct outcome *now)
{
	if (before->how == OK && !(now->how == OK && now->value == before->value))
		check("a new vCPU", subject_restore(s, index, before->value));
}

static void try_host_set(struct subject *s, const struct kinds *kinds, uint32_t index,
			 const struct matrix_value *v)
{
	struct outcome before = host_get(s, index), wrote, read;

	if (s->runs && ends_guest(index, before.value, v->value))
		return;
	wrote = host_set(s, index, v->value);
	if (wrote.how == OK && s->runs)
		read = guest_read(s, index);
	else
		read = host_get_after(s, index, &before, &wrote);
	print_write(index, kinds->host_set, v, wrote, read, &before);
	restore(s, index, &before, &read);
}

static void try_guest_wrmsr(struct subject *s, const struct kinds *kinds, uint32_t index,
			    const struct matrix_value *v)
{
	struct outcome before = host_get(s, index), wrote, read;

	wrote = guest(s, vm_op_wrmsr(index, v->value));
	read = host_get_after(s, index, &before, &wrote);
	print_write(index, kinds->guest_wrmsr, v, wrote, read, &before);
	restore(s, index, &before, &read);
}

static void try_all(struct subject *s, const struct kinds *kinds, const struct matrix_msr *msr)
{
	struct matrix_value values[MATRIX_VALUES_MAX];
	struct outcome now = host_get(s, msr->index);
	char spill[256];
	size_t i, n;

	print_read(msr->index, kinds->host_get, now);
	if (kinds->guest_rdmsr)
		print_read(msr->index, kinds->guest_rdmsr, guest_read(s, msr->index));
	n = matrix_values(msr, now.value, values);
	for (i = 0; i < n; i++)
		try_host_set(s, kinds, msr->index, &values[i]);
	for (i = 0; i < n && kinds->guest_wrmsr; i++)
		try_guest_wrmsr(s, kinds, msr->index, &values[i]);
	check("reading all MSRs again", subject_spill(s, spill, sizeof(spill)));
	printf("0x%x %s %s\n", msr->index, kinds->spill, spill);
}

static void lists(int dev, const struct matrix_msr *msrs, size_t n)
{
	struct kvm_msr_list *saved, *features;
	uint64_t value;
	size_t i;
	int err;

	check("the index list", vm_msr_list(dev, KVM_GET_MSR_INDEX_LIST, &saved));
	check("the feature list", vm_msr_list(dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &features));
	for (i = 0; i < n; i++) {
		uint32_t index = msrs[i].index;

		printf("0x%x listed %s\n", index, vm_msr_listed(saved, index) ? "yes" : "no");
		printf("0x%x feature-listed %s\n", index,
		       vm_msr_listed(features, index) ? "yes" : "no");
		err = vm_get_feature_msr(dev, index, &value);
		print_read(index, "feature-get", host_outcome(err, value));
	}
	free(features);
	free(saved);
}

/* Every index that MSRs have ever had: read it, and write 0, from both sides. */
static void sweep(struct subject *s, const struct matrix_msr *msrs, size_t n_msrs)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {
		{ 0x0, 0x1fff }, { 0xc0000000, 0xc0001fff }, { 0xc0010000, 0xc00111ff },
	};
	static const struct matrix_value zero = { .name = "0", .value = 0 };
	size_t r, next = 0, i, n, max = 0;
	uint32_t *indices, index;
	struct vm_op *ops;

	for (r = 0; r < ARRAY_SIZE(ranges); r++)
		max += ranges[r].last - ranges[r].first + 1;
	indices = calloc(max, sizeof(*indices));
	ops = calloc(2 * max, sizeof(*ops));
	if (!indices || !ops)
		fail("memory", -ENOMEM);

	for (r = 0, n = 0; r < ARRAY_SIZE(ranges); r++) {
		for (index = ranges[r].first; index <= ranges[r].last; index++) {
			while (next < n_msrs && msrs[next].index < index)
				next++;
			if (matrix_left_out(index) ||
			    (next < n_msrs && msrs[next].index == index))
				continue;
			ops[2 * n] = vm_op_rdmsr(index);
			ops[2 * n + 1] = vm_op_wrmsr(index, 0);
			indices[n++] = index;
		}
	}
	check("the guest's accesses", vm_run_ops(&s->vcpu, ops, 2 * n));

	for (i = 0; i < n; i++) {
		struct outcome got = host_get(s, indices[i]);
		struct outcome wrote = op_outcome(&ops[2 * i + 1]);
		struct outcome set = host_set(s, indices[i], 0);

		print_read(indices[i], "host-get", got);
		print_read(indices[i], "guest-rdmsr", op_outcome(&ops[2 * i]));
		print_write(indices[i], "guest-wrmsr", &zero, wrote,
			    host_get_after(s, indices[i], &got, &wrote), &got);
		print_write(indices[i], "host-set", &zero, set,
			    host_get_after(s, indices[i], &got, &set), &got);
	}
	free(ops);
	free(indices);
}

static void matrix(int dev)
{
	static const struct kinds never_run = {
		.host_get = "host-get", .host_set = "host-set", .spill = "spill",
	};
	static const struct kinds has_run = {
		.host_get = "host-get-ran", .host_set = "host-set-ran",
		.guest_rdmsr = "guest-rdmsr", .guest_wrmsr = "guest-wrmsr",
		.spill = "spill-ran",
	};
	static const struct kinds no_cpuid = {
		.host_get = "bare-host-get", .host_set = "bare-host-set",
		.guest_rdmsr = "bare-guest-rdmsr", .guest_wrmsr = "bare-guest-wrmsr",
		.spill = "bare-spill",
	};
	struct matrix_msr *msrs;
	int i, n = matrix_msrs(dev, &msrs);
	struct subject still = { .dev = dev, .cpuid = true };
	struct subject ran = { .dev = dev, .cpuid = true, .runs = true };
	struct subject bare = { .dev = dev, .runs = true };
	struct subject *subjects[] = { &still, &ran, &bare };
	size_t s;

	if (n < 0)
		fail("the MSR lists", n);
	for (s = 0; s < ARRAY_SIZE(subjects); s++) {
		subjects[s]->watched = msrs;
		subjects[s]->n_watched = n;
		check("a vCPU", subject_create(subjects[s]));
	}

	lists(dev, msrs, n);
	for (i = 0; i < n; i++) {
		struct matrix_msr briefly = { .index = msrs[i].index };

		if (i % 100 == 0)
			fprintf(stderr, "# %d of %d MSRs\n", i, n);
		try_all(&still, &never_run, &msrs[i]);
		try_all(&ran, &has_run, &msrs[i]);
		try_all(&bare, &no_cpuid, &briefly);
	}
	sweep(&ran, msrs, n);

	fprintf(stderr, "%d MSRs in detail; vCPUs renewed: %u, %u, %u\n", n, still.renewed,
		ran.renewed, bare.renewed);
	for (s = 0; s < ARRAY_SIZE(subjects); s++)
		subject_destroy(subjects[s]);
	free(msrs);
}

int main(int argc, char **argv)
{
	int dev;

	if (argc != 2) {
		fprintf(stderr, "usage: msr_matrix DEVICE\n");
		return 2;
	}
	dev = vm_open_device(argv[1]);
	if (dev < 0)
		fail(argv[1], dev);
	matrix(dev);
	close(dev);
	return fflush(stdout) || ferror(stdout);
}
