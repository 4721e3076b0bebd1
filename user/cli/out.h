/* SPDX-License-Identifier: GPL-2.0-only */
/* Output: text with or without colour, JSON, errors in the one or the other. */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stdnoreturn.h>

#include <json-c/json.h>
#include <pfstat.h>

/* out.c */
extern bool out_json;	/* --json was given */
const char *set_color(const char *arg, void *to);
bool out_is_coloured(void);
bool err_is_coloured(void);
void json_add_error(struct json_object *to, const struct pfstat_error *error);
int report(const struct pfstat_error *error);
int report_last(void);
noreturn void out_of_memory(void);
void *must(void *memory);

/* text.c */
int utf8_length(const char *string);
char *printable(const char *text);
void cut_lines(char *text, int width);

/* json.c */
void json_add(struct json_object *to, const char *key,
	      struct json_object *value);
void json_add_text(struct json_object *to, const char *key, const char *text);
void json_add_number(struct json_object *to, const char *key, __u64 number);
void json_add_hex(struct json_object *to, const char *key, __u64 number);
void json_add_bool(struct json_object *to, const char *key, bool value);
void json_append_text(struct json_object *array, const char *text);
struct json_object *json_append_object(struct json_object *array);
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
void json_print(struct json_object *object);
void json_print_line(struct json_object *object);

#endif /* OUT_H */
