// SPDX-License-Identifier: GPL-2.0
/*
 * For test-msrctl.sh: reads exactly one JSON value from standard input and prints
 * what is at a JSON pointer in it (RFC 6901), or how many elements an array has.
 * Exit status 1: not JSON, or not only; 2: nothing at that place.
 */
#include <json.h>
#include <json_pointer.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	static char text[1 << 20];
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *whole, *part;
	size_t len = fread(text, 1, sizeof(text) - 1, stdin);
	enum json_tokener_error error;
	int status = 0;

	/* The NUL is fed too: it ends a value that only the end of the input can end. */
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	whole = json_tokener_parse_ex(tokener, text, (int)len + 1);
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error != json_tokener_success) {
		fprintf(stderr, "json-get: %s\n", json_tokener_error_desc(error));
		return 1;
	}
	if (argc != 2 || json_pointer_get(whole, argv[1], &part) < 0)
		status = 2;
	else if (json_object_is_type(part, json_type_array))
		printf("%zu\n", json_object_array_length(part));
	else
		puts(part ? json_object_get_string(part) : "null");
	json_object_put(whole);
	return status;
}
