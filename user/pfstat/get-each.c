// SPDX-License-Identifier: GPL-2.0-only
/* The processes of a run, each with its own mappings. */
#include "get.h"

/* A process that executed another program is there once for each. */
static bool is_again(const struct pfstat_result *result, __u32 index)
{
	__u32 i;

	for (i = 0; i < index; i++)
		if (result->processes[i].pid == result->processes[index].pid)
			return true;
	return false;
}

/**
 * get_each - ask for each process of a run by itself
 * @r: the report on the run
 * @fn: gets a process and its values, in the order of the run
 * @data: for @fn
 *
 * Those that ended long ago are one sum without a number, which can't be asked
 * for; a process that is forgotten meanwhile is left out.
 */
void get_each(const struct report *r, each_fn fn, void *data)
{
	const struct pfstat_process *process = r->result->processes;
	struct pfstat_result *result = NULL;
	__u32 i;

	for (i = 0; i < r->result->nr_processes; i++, process++) {
		if (!process->pid || is_again(r->result, i))
			continue;
		if (!pfstat_query(r->p, r->id, process->pid, &result))
			fn(process, result, data);
	}
	pfstat_result_free(result);
}
