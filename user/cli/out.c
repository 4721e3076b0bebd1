// SPDX-License-Identifier: GPL-2.0-only
/* Errors, and whether to use colour. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

bool out_json;

static enum {COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER} color;

const char *set_color(const char *arg, void *to)
{
	(void)to;
	if (!strcmp(arg, "auto"))
		color = COLOR_AUTO;
	else if (!strcmp(arg, "always"))
		color = COLOR_ALWAYS;
	else if (!strcmp(arg, "never"))
		color = COLOR_NEVER;
	else
		return "neither auto nor always nor never";
	return NULL;
}

static bool is_coloured(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return term && strcmp(term, "dumb") && isatty(fd);
}

bool out_is_coloured(void)
{
	return is_coloured(STDOUT_FILENO);
}

bool err_is_coloured(void)
{
	return is_coloured(STDERR_FILENO);
}

/* The member "error" of an object */
void json_add_error(struct json_object *to, const struct pfstat_error *error)
{
	struct json_object *inner = json_new_object();
	const char *code = strerrorname_np(error->code);

	json_add(to, "error", inner);
	json_add_text(inner, "code", code ? code : "");
	json_add_number(inner, "errno", error->code);
	json_add_text(inner, "what", error->what);
	json_add_text(inner, "on", error->subject);
	json_add_text(inner, "message", error->why);
	json_add_text(inner, "hint", error->hint);
}

/**
 * report - say what went wrong
 * @error: what
 *
 * Return: the exit status.
 */
int report(const struct pfstat_error *error)
{
	struct json_object *top;
	char text[1024];

	if (out_json) {
		top = json_new_object();
		json_add_error(top, error);
		json_print(top);
	} else {
		pfstat_error_text(error, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", program.name, text);
	}
	return EXIT_FAILURE;
}

/**
 * report_last - say what went wrong in the library
 *
 * Return: the exit status.
 */
int report_last(void)
{
	return report(pfstat_last_error());
}

void out_of_memory(void)
{
	fprintf(stderr, "%s: out of memory\n", program.name);
	exit(EXIT_FAILURE);
}

/**
 * must - end the program if there is no memory
 * @memory: what an allocation gave
 *
 * Return: @memory, which is not NULL.
 */
void *must(void *memory)
{
	if (!memory)
		out_of_memory();
	return memory;
}
