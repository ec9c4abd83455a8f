/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How MSRs and values are written, for people and in JSON. The JSON's shapes are
 * in msrctl(8).
 */
#ifndef MINIHV_OUTPUT_H
#define MINIHV_OUTPUT_H

#include <json_object.h>
#include <stdint.h>

#include "msrctl.h"

#define VALUE_FORMAT	"0x%016llx"
#define INDEX_FORMAT	"0x%08x"

/* text_msr() - index and name, padded so that what follows forms a column */
void text_msr(uint32_t index);

/* json_start() - the object that a command's answer is, with the device in it */
struct json_object *json_start(const struct session *s);

/* json_msr() - an object with the index and the name (null when it has none) */
struct json_object *json_msr(uint32_t index);

/* Values are strings: a JSON number loses bits above the 53rd. */
void json_add_value(struct json_object *object, const char *key, uint64_t value);
void json_add_string(struct json_object *object, const char *key, const char *text);
void json_add_bool(struct json_object *object, const char *key, bool truth);
void json_add_int(struct json_object *object, const char *key, int number);

/* json_add_array() - a new array under @key, to be filled */
struct json_object *json_add_array(struct json_object *object, const char *key);

/* json_finish() - print the object and free it */
void json_finish(struct json_object *object);

#endif
