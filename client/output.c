// SPDX-License-Identifier: GPL-2.0
/*
 * How MSRs and values are written, for people and in JSON.
 */
#include <json.h>
#include <stdio.h>

#include "names.h"
#include "output.h"

void text_msr(uint32_t index)
{
	char name[MSR_NAME_MAX];

	printf(INDEX_FORMAT "  %-28s", index, msr_name(index, name) ? name : "-");
}

struct json_object *json_start(const struct session *s)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "device", s->path);
	return object;
}

struct json_object *json_msr(uint32_t index)
{
	struct json_object *object = json_object_new_object();
	char text[MSR_NAME_MAX];

	snprintf(text, sizeof(text), INDEX_FORMAT, index);
	json_add_string(object, "index", text);
	json_add_string(object, "name", msr_name(index, text) ? text : NULL);
	return object;
}

void json_add_value(struct json_object *object, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), VALUE_FORMAT, (unsigned long long)value);
	json_add_string(object, key, text);
}

void json_add_string(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

void json_add_bool(struct json_object *object, const char *key, bool truth)
{
	json_object_object_add(object, key, json_object_new_boolean(truth));
}

void json_add_int(struct json_object *object, const char *key, int number)
{
	json_object_object_add(object, key, json_object_new_int(number));
}

struct json_object *json_add_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(object, key, array);
	return array;
}

void json_finish(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
