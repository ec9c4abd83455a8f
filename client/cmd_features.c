// SPDX-License-Identifier: GPL-2.0
/*
 * The command that takes feature MSRs apart.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature_bits.h"
#include "output.h"

static const struct feature_field unnamed = { .width = 1 };

/* The field that bit @bit is in; a nameless one where there is none. */
static const struct feature_field *field_at(const struct feature *feature, unsigned int bit)
{
	const struct feature_field *field;

	for (field = feature ? feature->fields : &unnamed; field->name; field++)
		if (bit >= field->low && bit < field->low + field->width)
			return field;
	return &unnamed;
}

static void text_field(unsigned int low, const struct feature_field *field, uint64_t value)
{
	char bits[8];

	if (field->width == 1)
		snprintf(bits, sizeof(bits), "%u", low);
	else
		snprintf(bits, sizeof(bits), "%u:%u", low + field->width - 1, low);
	printf("  %6s  %-52s ", bits, field->name ? field->name : "-");
	printf(value < 10 ? "%llu\n" : "0x%llx\n", (unsigned long long)value);
}

static void json_field(struct json_object *array, unsigned int low,
		       const struct feature_field *field, uint64_t value)
{
	struct json_object *object = json_object_new_object();

	json_add_int(object, "low", (int)low);
	json_add_int(object, "width", field->width);
	json_add_string(object, "name", field->name);
	json_add_value(object, "value", value);
	json_object_array_add(array, object);
}

/* All fields that have a name, and all bits that have none but are set. */
static void show_fields(const struct feature *feature, uint64_t value, struct json_object *array)
{
	const struct feature_field *field;
	unsigned int low;

	for (low = 0; low < 64; low += field->width) {
		uint64_t part;

		field = field_at(feature, low);
		part = value >> low & ~0ull >> (64 - field->width);
		if (!field->name && !part)
			continue;
		if (array)
			json_field(array, low, field, part);
		else
			text_field(low, field, part);
	}
}

static const char *control_setting(bool must, bool may)
{
	if (must)
		return may ? "1" : "none";
	return may ? "0 or 1" : "0";
}

static void json_control(struct json_object *array, unsigned int bit, const char *name, bool must,
			 bool may)
{
	struct json_object *control = json_object_new_object();

	json_add_int(control, "bit", (int)bit);
	json_add_string(control, "name", name);
	json_add_bool(control, "may_be_0", !must);
	json_add_bool(control, "may_be_1", may);
	json_object_array_add(array, control);
}

/* All controls that have a name, and those without that may be 1. */
static void show_controls(const struct feature *feature, uint64_t value, struct json_object *array)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		const char *name = field_at(feature, bit)->name;
		bool must = value >> bit & 1, may = value >> (32 + bit) & 1;

		if (!name && !must && !may)
			continue;
		if (array)
			json_control(array, bit, name, must, may);
		else
			printf("  %6u  %-52s %s\n", bit, name ? name : "-",
			       control_setting(must, may));
	}
}

static void show_feature(uint32_t index, uint64_t value, struct json_object *answers)
{
	const struct feature *feature = feature_find(index);
	bool controls = feature && feature->kind == FEATURE_CONTROLS;
	struct json_object *msr = NULL, *array = NULL;

	if (answers) {
		msr = json_msr(index);
		json_add_value(msr, "value", value);
		json_object_array_add(answers, msr);
		array = json_add_array(msr, controls ? "controls" : "fields");
	} else {
		text_msr(index);
		printf("  " VALUE_FORMAT "\n", (unsigned long long)value);
	}
	if (controls)
		show_controls(feature, value, array);
	else
		show_fields(feature, value, array);
}

static enum status show_features(struct session *s, const uint32_t *indices, uint32_t n)
{
	struct json_object *answer = NULL, *array = NULL;
	enum status status = STATUS_DONE;
	uint64_t value;
	uint32_t i;
	int err;

	if (s->json) {
		answer = json_start(s);
		array = json_add_array(answer, "features");
	}
	for (i = 0; i < n; i++) {
		err = vm_get_feature_msr(s->dev, indices[i], &value);
		if (err) {
			complain("feature MSR " INDEX_FORMAT ": %s", indices[i],
				 err == -EPERM ? "refused" : strerror(-err));
			status = STATUS_REFUSED;
			if (array)
				json_object_array_add(array, json_msr(indices[i]));
			continue;
		}
		show_feature(indices[i], value, array);
	}
	if (s->json)
		json_finish(answer);
	return status;
}

enum status cmd_features(struct session *s, int argc, char **argv)
{
	uint32_t indices[ARGS_MAX];
	struct kvm_msr_list *list;
	enum status status;
	int i, err;

	for (i = 0; i < argc; i++)
		if (!parse_msr(argv[i], &indices[i]))
			return STATUS_MISUSE;
	if (!session_open(s))
		return STATUS_REFUSED;
	if (argc)
		return show_features(s, indices, (uint32_t)argc);
	err = vm_msr_list(s->dev, KVM_GET_MSR_FEATURE_INDEX_LIST, &list);
	if (err) {
		complain("KVM_GET_MSR_FEATURE_INDEX_LIST: %s", strerror(-err));
		return STATUS_REFUSED;
	}
	status = show_features(s, list->indices, list->nmsrs);
	free(list);
	return status;
}
