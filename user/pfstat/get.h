/* SPDX-License-Identifier: GPL-2.0-only */
/* What "get" shows, and what every output wants to know of a result. */
#ifndef GET_H
#define GET_H

#include "../cli/out.h"

/* get-json.c, get-text.c */
/**
 * struct report - what "get" has to show
 * @id: the target
 * @process: 0, or the only process of the run that is asked for
 * @all: show VMAs without counts, too
 * @result: the values
 */
struct report {
	const struct pfstat_id *id;
	pid_t process;
	bool all;
	const struct pfstat_result *result;
};

void get_print_json(const struct report *r);
void get_print_text(const struct report *r);

/* result.c */
char *process_name(pid_t pid);
const struct pfstat_process *first_process(const struct pfstat_result *result);
__u32 unmapped_ranges(const struct pfstat_result *result);
bool any_counts(const __u64 *kinds);

#endif /* GET_H */
