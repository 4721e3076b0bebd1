// SPDX-License-Identifier: GPL-2.0-only
/* Thin covers of json-c: memory is there or we end, and text is UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

struct json_object *json_new_object(void)
{
	return must(json_object_new_object());
}

struct json_object *json_new_array(void)
{
	return must(json_object_new_array());
}

void json_add(struct json_object *to, const char *key,
	      struct json_object *value)
{
	if (json_object_object_add(to, key, must(value)))
		out_of_memory();
}

struct json_object *json_append_object(struct json_object *array)
{
	struct json_object *object = json_new_object();

	if (json_object_array_add(array, object))
		out_of_memory();
	return object;
}

/* A name or path is any bytes, JSON is not: what is no UTF-8 becomes U+FFFD. */
static struct json_object *new_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *copy = must(malloc(3 * strlen(text) + 1));
	struct json_object *object;
	const char *from = text;
	char *end = copy;
	int length;

	while (*from) {
		length = utf8_length(from);
		if (length) {
			memcpy(end, from, length);
			end += length;
			from += length;
		} else {
			memcpy(end, replacement, 3);
			end += 3;
			from++;
		}
	}
	*end = '\0';
	object = must(json_object_new_string(copy));
	free(copy);
	return object;
}

void json_add_text(struct json_object *to, const char *key, const char *text)
{
	json_add(to, key, new_text(text));
}

void json_append_text(struct json_object *array, const char *text)
{
	if (json_object_array_add(array, new_text(text)))
		out_of_memory();
}

void json_add_number(struct json_object *to, const char *key, __u64 number)
{
	json_add(to, key, json_object_new_uint64(number));
}

void json_add_hex(struct json_object *to, const char *key, __u64 number)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%llx", number);
	json_add(to, key, json_object_new_string(text));
}

void json_add_bool(struct json_object *to, const char *key, bool value)
{
	json_add(to, key, json_object_new_boolean(value));
}

static void print(struct json_object *object, int flags)
{
	const char *text;

	text = json_object_to_json_string_ext(object, flags |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		puts(text);
	else
		out_of_memory();
	json_object_put(object);
}

void json_print(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PRETTY);
}

/* On one line, at once: of an output that goes on */
void json_print_line(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PLAIN);
	fflush(stdout);
}
