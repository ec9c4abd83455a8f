// SPDX-License-Identifier: GPL-2.0
/*
 * usage: fuzz_twins record FILE
 *	  fuzz_twins compare FILE
 *
 * The same random sequence of MSR accesses, by the client and by the guest, on one
 * device and then on another. The first run makes up the sequence and writes what
 * came of each access to FILE, the second repeats the sequence and compares. An
 * operation is a read, or a write with a read behind it.
 *
 * A difference is printed in the words of the MSR matrix (msr_matrix.c), for
 * Documentation/differences.rst to explain:
 *
 *   difference: MSR ACCESS [VALUE] KVM MINIHV
 *
 * After a write that did not do the same on both, the MSR's value is no longer
 * comparable, until both have taken the same one or the round ends. What is
 * different then is counted as a consequence.
 */
#include <stdio.h>

#include "fuzz.h"
#include "kselftest.h"
#include "matrix.h"

#define MAGIC		0x6d68767477696e31
#define ROUND_BATCHES	64
#define BATCH		64
#define MSR_IA32_VMX_PINBASED	0x481	/* and PROCBASED, EXIT, ENTRY */
#define MSR_IA32_VMX_TRUE_PINBASED	0x48d
#define MSR_IA32_VMX_TRUE_ENTRY	0x490

enum access { HOST_GET, HOST_SET, GUEST_RDMSR, GUEST_WRMSR, ACCESSES };

/* What the vCPU of a round is. */
enum subject_kind { STILL, RAN, BARE, SUBJECTS };

static const char * const names[SUBJECTS][ACCESSES] = {
	[STILL] = { "host-get", "host-set" },
	[RAN] = { "host-get-ran", "host-set-ran", "guest-rdmsr", "guest-wrmsr" },
	[BARE] = { "bare-host-get", "bare-host-set", "bare-guest-rdmsr", "bare-guest-wrmsr" },
};

enum how { OK, REFUSED, GP, OTHER };

/* The value read after a write, told by what it has to do with others. */
enum after { A_NUMBER, WRITTEN, UNCHANGED };

/**
 * struct result - what came of an operation; this is what FILE has
 * @value:	read last
 * @index:	of the MSR
 * @access:	enum access
 * @wrote:	enum how; OK for reads
 * @read:	enum how
 * @after:	enum after
 */
struct result {
	uint64_t value;
	uint32_t index;
	uint8_t access;
	uint8_t wrote;
	uint8_t read;
	uint8_t after;
};

struct operation {
	struct result result;
	size_t msr;			/* in t.msrs, or beyond them */
	struct matrix_value value;
};

static struct {
	FILE *file;
	bool comparing;
	bool other_is_kvm;		/* FILE is KVM's */
	int dev;
	struct matrix_msr *msrs;
	uint64_t n_msrs;
	uint64_t *initial, *last;	/* values of t.msrs on this vCPU */
	bool *incomparable;
	struct subject subject;
	enum subject_kind kind;
	bool tsc_written;
	uint64_t agreed, differ, consequences;
} t;

static bool write_record(const void *data, size_t size)
{
	return fuzz_expect(fwrite(data, size, 1, t.file) == 1, "FILE cannot be written");
}

static void remember(const struct operation *o)
{
	if (o->msr < t.n_msrs && o->result.read == OK)
		t.last[o->msr] = o->result.value;
}

/*
 * The value for a write: one of the matrix's for this MSR, or a number. Numbers mean
 * nothing where the two devices have different bits: the VMX capabilities.
 */
static void choose_value(struct operation *o)
{
	static struct matrix_value values[MATRIX_VALUES_MAX];
	bool number = fuzz_one_in(4) && (o->result.index < MSR_IA32_VMX_BASIC ||
					 o->result.index > MSR_IA32_VMX_VMFUNC);
	size_t n;

	if (o->msr < t.n_msrs && !number) {
		n = matrix_values(&t.msrs[o->msr], t.initial[o->msr], values);
		o->value = values[fuzz_below(n)];
		return;
	}
	o->value.value = fuzz_value();
	snprintf(o->value.name, sizeof(o->value.name), "%#lx", o->value.value);
}

/* A guest in long mode that is taken out of it by the client runs no more. */
static bool ends_guest(const struct operation *o)
{
	return o->result.index == MSR_IA32_EFER && t.kind != STILL &&
	       ((o->value.value ^ EFER_LME ^ EFER_LMA) & (EFER_LME | EFER_LMA));
}

static void choose(struct operation *o, bool by_guest)
{
	bool writes = fuzz_one_in(2);

	*o = (struct operation){};
	do {
		o->msr = fuzz_one_in(16) ? SIZE_MAX : fuzz_below(t.n_msrs);
		o->result.index = o->msr == SIZE_MAX ? fuzz_value() : t.msrs[o->msr].index;
	} while (matrix_left_out(o->result.index));
	if (writes)
		choose_value(o);
	if (by_guest)
		o->result.access = writes ? GUEST_WRMSR : GUEST_RDMSR;
	else
		o->result.access = writes && !ends_guest(o) ? HOST_SET : HOST_GET;
}

static enum how host_how(int err)
{
	return !err ? OK : err == -EPERM ? REFUSED : OTHER;
}

static enum how op_how(const struct vm_op *op)
{
	if (op->vector == VM_OP_DONE && op->rip == op->len)
		return OK;
	return op->vector == VECTOR_GP && !op->error_code && !op->rip ? GP : OTHER;
}

/* As in the matrix, what the client has set is what the guest reads, if it runs. */
static void by_host(struct operation *o)
{
	struct result *r = &o->result;
	struct vcpu *vcpu = &t.subject.vcpu;
	struct vm_op op = vm_op_rdmsr(r->index);

	r->value = 0;
	if (r->access == HOST_SET) {
		r->wrote = host_how(vcpu_set_msr(vcpu, r->index, o->value.value));
		if (r->wrote == OK && t.kind != STILL) {
			r->read = vm_run_ops(vcpu, &op, 1) ? OTHER : op_how(&op);
			r->value = r->read == OK ? vm_op_value(&op) : 0;
			return;
		}
	}
	r->read = host_how(vcpu_get_msr(vcpu, r->index, &r->value));
}

/* A batch in one go. If the guest does not come through, neither do the vCPU's MSRs. */
static void by_guest(struct operation *o, size_t n)
{
	static struct vm_op ops[2 * BATCH];
	size_t i, n_ops = 0;
	int err;

	for (i = 0; i < n; i++) {
		if (o[i].result.access == GUEST_WRMSR)
			ops[n_ops++] = vm_op_wrmsr(o[i].result.index, o[i].value.value);
		ops[n_ops++] = vm_op_rdmsr(o[i].result.index);
	}
	err = vm_run_ops(&t.subject.vcpu, ops, n_ops);
	for (i = 0, n_ops = 0; i < n; i++) {
		if (o[i].result.access == GUEST_WRMSR)
			o[i].result.wrote = op_how(&ops[n_ops++]);
		o[i].result.read = op_how(&ops[n_ops]);
		if (o[i].result.read == OK)
			o[i].result.value = vm_op_value(&ops[n_ops]);
		n_ops++;
	}
	if (err)
		fuzz_expect(!subject_renew(&t.subject), "no new vCPU");
}

static void classify(struct operation *o)
{
	struct result *r = &o->result;

	if ((r->access == HOST_SET || r->access == GUEST_WRMSR) && r->read == OK) {
		if (r->value == o->value.value)
			r->after = WRITTEN;
		else if (o->msr < t.n_msrs && r->value == t.last[o->msr])
			r->after = UNCHANGED;
	}
	remember(o);
}

/* The TSC goes on, and what a guest writes to it becomes part of TSC_ADJUST. */
static bool value_counts(const struct result *r)
{
	if (r->index == MSR_IA32_TSC)
		return false;
	return r->index != MSR_IA32_TSC_ADJUST || !t.tsc_written;
}

static bool is_write(const struct result *r)
{
	return r->access == HOST_SET || r->access == GUEST_WRMSR;
}

static bool same_result(const struct result *a, const struct result *b)
{
	if (a->wrote != b->wrote)
		return false;
	/* What is read after a write that was refused is no news, or a difference of its own. */
	if (is_write(a) && a->wrote != OK)
		return true;
	if (a->read != b->read)
		return false;
	if (a->read != OK || !value_counts(a))
		return true;
	return a->after == b->after && (a->after != A_NUMBER || a->value == b->value);
}

static void print_outcome(const struct result *r)
{
	static const char * const words[] = { "ok", "refused", "gp", "other" };

	if (r->wrote != OK)
		printf(" %s", words[r->wrote]);
	else if (r->read != OK)
		printf(" %s%s", is_write(r) ? "ok-then-" : "", words[r->read]);
	else if (r->after == A_NUMBER)
		printf(" 0x%lx", r->value);
	else
		printf(" %s", r->after == WRITTEN ? "written" : "unchanged");
}

static void print_difference(const struct operation *o, const struct result *other)
{
	const struct result *kvm = t.other_is_kvm ? other : &o->result;
	const struct result *minihv = t.other_is_kvm ? &o->result : other;

	printf("difference: %#x %s", o->result.index, names[t.kind][o->result.access]);
	if (is_write(other))
		printf(" %s", o->value.name);
	print_outcome(kvm);
	print_outcome(minihv);
	printf("\n");
}

/*
 * A client may change the capabilities in the "TRUE" MSRs, as far as each device lets it.
 * KVM's others follow from these, minihv's do not.
 */
static void after_true_controls(uint32_t index)
{
	if (index < MSR_IA32_VMX_TRUE_PINBASED || index > MSR_IA32_VMX_TRUE_ENTRY)
		return;
	for (size_t i = 0; i < t.n_msrs; i++)
		if (t.msrs[i].index == index - MSR_IA32_VMX_TRUE_PINBASED + MSR_IA32_VMX_PINBASED)
			t.incomparable[i] = true;
}

static void compare(const struct operation *o)
{
	const struct result *r = &o->result;
	bool *incomparable = o->msr < t.n_msrs ? &t.incomparable[o->msr] : NULL;
	struct result other;
	bool same;

	if (!fuzz_expect(fread(&other, sizeof(other), 1, t.file) == 1, "FILE ends too early") ||
	    !fuzz_expect(r->index == other.index && r->access == other.access,
			 "another sequence: %#x where there was %#x", r->index, other.index))
		return;
	if (r->index == MSR_IA32_TSC && is_write(r))
		t.tsc_written = true;
	if (is_write(r))
		after_true_controls(r->index);
	same = same_result(r, &other);
	if (same) {
		t.agreed++;
	} else if (incomparable && *incomparable) {
		t.consequences++;
	} else {
		t.differ++;
		print_difference(o, &other);
	}
	if (incomparable && is_write(r))
		*incomparable = (*incomparable && r->wrote != OK) || !same ||
				(*incomparable && r->value != other.value);
}

static void done(struct operation *o)
{
	classify(o);
	if (t.comparing)
		compare(o);
	else
		write_record(&o->result, sizeof(o->result));
	fuzz_did(1);
}

static void one_batch(void)
{
	static struct operation batch[BATCH];
	bool guest = t.kind != STILL && fuzz_one_in(2);
	size_t i;

	for (i = 0; i < BATCH; i++)
		choose(&batch[i], guest);
	if (guest) {
		by_guest(batch, BATCH);
		for (i = 0; i < BATCH; i++)
			done(&batch[i]);
		return;
	}
	for (i = 0; i < BATCH; i++) {
		by_host(&batch[i]);
		done(&batch[i]);
	}
}

static void twins_round(void)
{
	uint64_t seed = fuzz_state;
	int err;

	if (!t.comparing && !write_record(&seed, sizeof(seed)))
		return;
	t.kind = fuzz_below(SUBJECTS);
	t.tsc_written = false;
	t.subject = (struct subject){
		.dev = t.dev, .cpuid = t.kind != BARE, .runs = t.kind != STILL,
	};
	err = subject_create(&t.subject);
	if (!fuzz_expect(!err, "no vCPU: %s", strerror(-err)))
		return;
	for (size_t i = 0; i < t.n_msrs; i++) {
		t.initial[i] = 0;
		vcpu_get_msr(&t.subject.vcpu, t.msrs[i].index, &t.initial[i]);
		t.last[i] = t.initial[i];
		t.incomparable[i] = false;
	}
	for (int i = 0; i < ROUND_BATCHES && !fuzz_failed(); i++)
		one_batch();
	subject_destroy(&t.subject);
}

static void prepare(void)
{
	t.initial = calloc(t.n_msrs, sizeof(*t.initial));
	t.last = calloc(t.n_msrs, sizeof(*t.last));
	t.incomparable = calloc(t.n_msrs, sizeof(*t.incomparable));
	t.dev = vm_open_device(test_device());
	if (t.dev < 0)
		ksft_exit_fail_msg("%s: %s\n", test_device(), strerror(-t.dev));
	if (!t.initial || !t.last || !t.incomparable)
		ksft_exit_fail_msg("memory\n");
}

static int record(const char *path)
{
	static const struct fuzzer fuzzer = { .name = "fuzz_twins", .round = twins_round };
	uint64_t head[3] = { MAGIC, testing_kvm() };
	int dev, n, status;

	dev = vm_open_device(test_device());
	n = dev < 0 ? dev : matrix_msrs(dev, &t.msrs);
	if (n < 0)
		ksft_exit_fail_msg("%s: %s\n", test_device(), strerror(-n));
	close(dev);
	head[2] = n;
	t.n_msrs = n;
	prepare();
	t.file = fopen(path, "w");
	if (!t.file || fwrite(head, sizeof(head), 1, t.file) != 1 ||
	    fwrite(t.msrs, sizeof(*t.msrs), n, t.file) != (size_t)n)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	status = fuzz_main(&fuzzer);
	return fclose(t.file) ? KSFT_FAIL : status;
}

/* Round by round, as long as there are any in the file. */
static bool repeat(void)
{
	uint64_t seed;

	while (!fuzz_failed() && fread(&seed, sizeof(seed), 1, t.file) == 1) {
		fuzz_state = seed;
		twins_round();
	}
	return !fuzz_failed() && feof(t.file);
}

static int compare_with(const char *path)
{
	uint64_t head[3];
	bool well;

	t.comparing = true;
	t.file = fopen(path, "r");
	if (!t.file || fread(head, sizeof(head), 1, t.file) != 1 || head[0] != MAGIC ||
	    head[1] == testing_kvm())
		ksft_exit_fail_msg("%s: not of another device\n", path);
	t.other_is_kvm = head[1];
	t.n_msrs = head[2];
	t.msrs = calloc(t.n_msrs, sizeof(*t.msrs));
	if (!t.msrs || fread(t.msrs, sizeof(*t.msrs), t.n_msrs, t.file) != t.n_msrs)
		ksft_exit_fail_msg("%s: no list of MSRs\n", path);
	prepare();
	ksft_print_header();
	ksft_set_plan(1);
	well = fuzz_begin() && repeat();
	ksft_print_msg("fuzz_twins: %lu operations: %lu agreed, %lu differ, %lu in consequence\n",
		       t.agreed + t.differ + t.consequences, t.agreed, t.differ, t.consequences);
	if (well)
		ksft_test_result_pass("the sequence, repeated\n");
	else
		ksft_test_result_fail("the sequence, repeated: %s\n", fuzz_words());
	return well ? KSFT_PASS : KSFT_FAIL;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "record"))
		return record(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "compare"))
		return compare_with(argv[2]);
	fprintf(stderr, "usage: fuzz_twins record FILE | fuzz_twins compare FILE\n");
	return KSFT_FAIL;
}
