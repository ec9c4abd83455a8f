// SPDX-License-Identifier: GPL-2.0
/*
 * The commands that see MSRs from the host's side: list, get, set.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "output.h"

static void text_list(const char *title, const struct kvm_msr_list *list)
{
	uint32_t i;

	printf("%s, %u:\n", title, list->nmsrs);
	for (i = 0; i < list->nmsrs; i++) {
		char name[MSR_NAME_MAX];

		printf("  " INDEX_FORMAT "  %s\n", list->indices[i],
		       msr_name(list->indices[i], name) ? name : "-");
	}
}

static void json_list(struct json_object *object, const char *key, const struct kvm_msr_list *list)
{
	struct json_object *array = json_add_array(object, key);
	uint32_t i;

	for (i = 0; i < list->nmsrs; i++)
		json_object_array_add(array, json_msr(list->indices[i]));
}

enum status cmd_list(struct session *s, int argc, char **argv)
{
	struct kvm_msr_list *guest, *feature;
	struct json_object *answer;
	int err;

	(void)argc;
	(void)argv;
	if (!session_open(s))
		return STATUS_REFUSED;
	err = vm_msr_list(s->dev, KVM_GET_MSR_INDEX_LIST, &guest);
	if (err) {
		complain("KVM_GET_MSR_INDEX_LIST: %s", strerror(-err));
		return STATUS_REFUSED;
	}
	err = vm_msr_list(s->dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &feature);
	if (err) {
		complain("KVM_GET_MSR_FEATURE_INDEX_LIST: %s", strerror(-err));
		free(guest);
		return STATUS_REFUSED;
	}
	if (s->json) {
		answer = json_start(s);
		json_list(answer, "msrs", guest);
		json_list(answer, "feature_msrs", feature);
		json_finish(answer);
	} else {
		text_list("MSRs of a guest (KVM_GET_MSR_INDEX_LIST)", guest);
		text_list("Feature MSRs (KVM_GET_MSR_FEATURE_INDEX_LIST)", feature);
	}
	free(guest);
	free(feature);
	return STATUS_DONE;
}

static void text_get(uint32_t index, const uint64_t *value)
{
	text_msr(index);
	if (value)
		printf("  " VALUE_FORMAT "\n", (unsigned long long)*value);
	else
		puts("  refused");
}

static void json_get(struct json_object *array, uint32_t index, const uint64_t *value)
{
	struct json_object *msr = json_msr(index);

	json_add_bool(msr, "refused", !value);
	if (value)
		json_add_value(msr, "value", *value);
	json_object_array_add(array, msr);
}

static enum status get_all(struct session *s, const uint32_t *indices, int n)
{
	struct json_object *answer = NULL, *array = NULL;
	enum status status = STATUS_DONE;
	uint64_t value;
	int i, err;

	if (s->json) {
		answer = json_start(s);
		array = json_add_array(answer, "msrs");
	}
	for (i = 0; i < n; i++) {
		/* One at a time: a refused one does not hide those behind it. */
		err = vcpu_get_msr(&s->vcpu, indices[i], &value);
		if (err)
			status = STATUS_REFUSED;
		if (err && err != -EPERM)
			complain("KVM_GET_MSRS of " INDEX_FORMAT ": %s", indices[i],
				 strerror(-err));
		if (s->json)
			json_get(array, indices[i], err ? NULL : &value);
		else
			text_get(indices[i], err ? NULL : &value);
	}
	if (s->json)
		json_finish(answer);
	return status;
}

enum status cmd_get(struct session *s, int argc, char **argv)
{
	uint32_t indices[ARGS_MAX];
	int i;

	for (i = 0; i < argc; i++)
		if (!parse_msr(argv[i], &indices[i]))
			return STATUS_MISUSE;
	return session_vcpu(s, 0) ? get_all(s, indices, argc) : STATUS_REFUSED;
}

/* Cuts @text at its "=". */
static bool parse_assignment(char *text, struct kvm_msr_entry *entry)
{
	char *equals = strchr(text, '=');
	uint64_t value;

	if (!equals) {
		complain("'%s' should be MSR=VALUE", text);
		return false;
	}
	*equals = '\0';
	if (!parse_msr(text, &entry->index) || !parse_value(equals + 1, &value))
		return false;
	entry->data = value;
	return true;
}

static void text_set(const struct kvm_msr_entry *entry, const uint64_t *value)
{
	text_msr(entry->index);
	printf("  wrote " VALUE_FORMAT, entry->data);
	if (value)
		printf("  reads " VALUE_FORMAT "\n", (unsigned long long)*value);
	else
		puts("  cannot be read");
}

static void json_set(struct json_object *array, const struct kvm_msr_entry *entry, bool taken,
		     const uint64_t *value)
{
	struct json_object *msr = json_msr(entry->index);

	json_add_value(msr, "written", entry->data);
	json_add_bool(msr, "taken", taken);
	if (value)
		json_add_value(msr, "value", *value);
	json_object_array_add(array, msr);
}

static void complain_of_entry(const struct kvm_msr_entry *entry, int position, int n)
{
	char name[MSR_NAME_MAX];
	bool named = msr_name(entry->index, name);

	complain("KVM_SET_MSRS stopped at entry %d of %d: it refused %s%s" INDEX_FORMAT
		 " = " VALUE_FORMAT, position + 1, n, name, named ? " " : "", entry->index,
		 entry->data);
}

static enum status set_all(struct session *s, struct kvm_msr_entry *entries, int n)
{
	struct json_object *answer = NULL, *array = NULL;
	int i, done = vcpu_set_msrs(&s->vcpu, entries, (uint32_t)n);

	if (done < 0) {
		complain("KVM_SET_MSRS: %s", strerror(-done));
		return STATUS_REFUSED;
	}
	if (s->json) {
		answer = json_start(s);
		json_add_int(answer, "taken", done);
		array = json_add_array(answer, "msrs");
	}
	for (i = 0; i < n; i++) {
		uint64_t value;
		bool readable = i < done && !vcpu_get_msr(&s->vcpu, entries[i].index, &value);

		if (s->json)
			json_set(array, &entries[i], i < done, readable ? &value : NULL);
		else if (i < done)
			text_set(&entries[i], readable ? &value : NULL);
	}
	if (s->json)
		json_finish(answer);
	if (done == n)
		return STATUS_DONE;
	complain_of_entry(&entries[done], done, n);
	return STATUS_REFUSED;
}

enum status cmd_set(struct session *s, int argc, char **argv)
{
	struct kvm_msr_entry entries[ARGS_MAX] = { 0 };
	int i;

	for (i = 0; i < argc; i++)
		if (!parse_assignment(argv[i], &entries[i]))
			return STATUS_MISUSE;
	return session_vcpu(s, 0) ? set_all(s, entries, argc) : STATUS_REFUSED;
}
