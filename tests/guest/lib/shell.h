/* SPDX-License-Identifier: GPL-2.0-only */
/* To run programs as from a shell, and to read the JSON that they print. */
#ifndef SHELL_H
#define SHELL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>

#include "ktap.h"

/**
 * struct run - what a command did
 * @status: its exit status, or 128 and the signal
 * @out: its standard output
 * @err: its standard error
 */
struct run {
	int status;
	char *out;
	char *err;
};

/* start_shell() - a shell command whose output goes to files */
pid_t start_shell(const char *command, int out, int err, void (*before)(void));

/* run_before() - run a shell command in a process that @before has prepared */
struct run run_before(void (*before)(void), const char *format, ...) KTAP_PRINTF(2, 3);

#define run(...)	run_before(NULL, __VA_ARGS__)

/* slurp() - all that is in a file, which is closed */
char *slurp(int fd);

/* answer() - the output of a command that succeeds and complains of nothing */
#define answer(...)							\
({									\
	struct run r = run(__VA_ARGS__);				\
									\
	ASSERT_STR_EQ(r.err, "");					\
	ASSERT_EQ(r.status, 0);						\
	r.out;								\
})

/* parse() - a line of JSON, or several, and nothing else */
struct json_object *parse(const char *text);

/* get() - a member that must be there */
struct json_object *get(struct json_object *object, const char *key);

#define get_text(object, key)	json_object_get_string(get(object, key))
#define get_number(object, key)	json_object_get_int64(get(object, key))
#define get_hex(object, key)	strtoull(get_text(object, key), NULL, 16)

/* has_word() - is a word in an array of words? */
bool has_word(struct json_object *array, const char *word);

#endif
