// SPDX-License-Identifier: GPL-2.0
/*
 * The command that has a guest execute RDMSR and WRMSR.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

struct access {
	bool write;
	uint32_t index;
	uint64_t value;		/* written, or read */
	struct vm_op op;
	bool host_reads;
	uint64_t host_value;	/* after a WRMSR */
};

/* Takes one access from @argv; returns how many words it was, 0 after a complaint. */
static int parse_access(int argc, char **argv, struct access *access)
{
	*access = (struct access){ .write = !strcmp(argv[0], "wrmsr") };
	if (!access->write && strcmp(argv[0], "rdmsr") != 0) {
		complain("guest knows rdmsr and wrmsr, not '%s'", argv[0]);
		return 0;
	}
	if (argc < (access->write ? 3 : 2)) {
		complain("guest %s needs an MSR%s", argv[0], access->write ? " and a value" : "");
		return 0;
	}
	if (!parse_msr(argv[1], &access->index))
		return 0;
	if (!access->write)
		return 2;
	return parse_value(argv[2], &access->value) ? 3 : 0;
}

/* "#GP(0)"; the error code only for those that have one. */
static void exception_name(const struct vm_op *op, char *buf, size_t size)
{
	static const char * const names[] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL, "#TS",
		"#NP", "#SS", "#GP", "#PF", NULL, "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
	};
	bool has_code = op->vector == 8 || (op->vector >= 10 && op->vector <= 14) ||
			op->vector == 17 || op->vector == 21;

	if (op->vector >= ARRAY_SIZE(names) || !names[op->vector])
		snprintf(buf, size, "exception %u", op->vector);
	else if (has_code && op->error_code)
		snprintf(buf, size, "%s(0x%x)", names[op->vector], op->error_code);
	else
		snprintf(buf, size, "%s%s", names[op->vector], has_code ? "(0)" : "");
}

static bool run_access(struct session *s, struct access *access)
{
	char why[128];
	int err;

	access->op = access->write ? vm_op_wrmsr(access->index, access->value) :
				     vm_op_rdmsr(access->index);
	err = vm_run_ops(&s->vcpu, &access->op, 1);
	if (err == -EIO) {
		vcpu_describe_exit(&s->vcpu, why, sizeof(why));
		complain("the guest stopped at %s " INDEX_FORMAT ": %s",
			 access->write ? "wrmsr" : "rdmsr", access->index, why);
	} else if (err) {
		complain("the guest could not run: %s", strerror(-err));
	}
	if (err)
		return false;
	if (access->write)
		access->host_reads = !vcpu_get_msr(&s->vcpu, access->index, &access->host_value);
	else
		access->value = vm_op_value(&access->op);
	return true;
}

static void text_access(const struct access *access, const char *exception)
{
	printf("%s  ", access->write ? "wrmsr" : "rdmsr");
	text_msr(access->index);
	if (access->write || !exception)
		printf("  " VALUE_FORMAT, (unsigned long long)access->value);
	if (exception)
		printf("  %s", exception);
	if (access->host_reads)
		printf("  host reads " VALUE_FORMAT, (unsigned long long)access->host_value);
	putchar('\n');
}

static struct json_object *json_access(const struct access *access, const char *exception)
{
	struct json_object *object = json_msr(access->index);

	json_add_string(object, "instruction", access->write ? "wrmsr" : "rdmsr");
	json_add_string(object, "exception", exception);
	if (access->write)
		json_add_value(object, "written", access->value);
	else if (!exception)
		json_add_value(object, "value", access->value);
	if (access->host_reads)
		json_add_value(object, "host_value", access->host_value);
	return object;
}

static enum status run_all(struct session *s, struct access *accesses, int n)
{
	struct json_object *answer = NULL, *array = NULL;
	enum status status = STATUS_DONE;
	int i;

	if (s->json) {
		answer = json_start(s);
		array = json_add_array(answer, "instructions");
	}
	for (i = 0; i < n; i++) {
		char name[32], *exception = NULL;

		if (!run_access(s, &accesses[i])) {
			status = STATUS_REFUSED;
			break;
		}
		if (accesses[i].op.vector != VM_OP_DONE) {
			exception_name(&accesses[i].op, name, sizeof(name));
			exception = name;
			status = STATUS_REFUSED;
		}
		if (s->json)
			json_object_array_add(array, json_access(&accesses[i], exception));
		else
			text_access(&accesses[i], exception);
	}
	if (s->json)
		json_finish(answer);
	return status;
}

enum status cmd_guest(struct session *s, int argc, char **argv)
{
	struct access accesses[ARGS_MAX];
	int used, n = 0;

	for (; argc; argc -= used, argv += used) {
		used = parse_access(argc, argv, &accesses[n++]);
		if (!used)
			return STATUS_MISUSE;
	}
	return session_vcpu(s, VM_DEFAULT_MIB) ? run_all(s, accesses, n) : STATUS_REFUSED;
}
