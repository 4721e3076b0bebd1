/* SPDX-License-Identifier: GPL-2.0-only */
/* What "get" shows, and what every output wants to know of a result. */
#ifndef GET_H
#define GET_H

#include "../cli/out.h"
#include "latency.h"

/**
 * struct report - what "get" has to show
 * @p: the open device
 * @id: the target
 * @process: 0, or the only process of the run that is asked for
 * @all: show VMAs without counts, too
 * @each: after the run show each of its processes
 * @result: the values
 * @name: of the program, NULL: as the target says
 * @command: the command line that was run, NULL: none was
 * @status: its exit status
 * @latency: how long faults took, NULL: not measured
 */
struct report {
	struct pfstat *p;
	const struct pfstat_id *id;
	pid_t process;
	bool all;
	bool each;
	const struct pfstat_result *result;
	const char *name;
	char *const *command;
	int status;
	const struct latency *latency;
};

/* get.c: returns the exit status */
int get_print(const struct report *r);

/* get-json.c, get-openmetrics.c, get-text.c */
struct json_object *get_make_json(const struct report *r);
void get_print_json(const struct report *r);
void get_print_openmetrics(const struct report *r);
void get_print_text(const struct report *r);

/* get-each.c */
typedef void (*each_fn)(const struct pfstat_process *process,
			const struct pfstat_result *result, void *data);
void get_each(const struct report *r, each_fn fn, void *data);

/* result.c */
char *report_name(const struct report *r);
const char *base_name(const char *path);
__u64 bytes_copied(const __u64 *kinds);
char *process_name(pid_t pid);
const struct pfstat_process *first_process(const struct pfstat_result *result);
__u32 unmapped_ranges(const struct pfstat_result *result);
bool any_counts(const __u64 *kinds);

#endif /* GET_H */
