// SPDX-License-Identifier: GPL-2.0-only
/* What every output wants to know of a result. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "get.h"

/* The name of a process tracked by pid, "" when it is gone; to be freed. */
char *process_name(pid_t pid)
{
	char path[32], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(name, sizeof(name), file))
			*name = '\0';
		fclose(file);
	}
	name[strcspn(name, "\n")] = '\0';
	return must(strdup(name));
}

/* The last component of a path */
const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What a report is about, for programs: a name, perhaps ""; to be freed. */
char *report_name(const struct report *r)
{
	if (r->name)
		return must(strdup(r->name));
	return r->id->type == PFSTAT_TARGET_PID ?
	       process_name(r->id->pid) :
	       must(strndup(r->id->name, r->id->name_len));
}

/*
 * Bytes that were copied because of write faults. A fault for a huge page may
 * copy it, part of it, or nothing, so it is left out.
 */
__u64 bytes_copied(const __u64 *kinds)
{
	return (kinds[PFSTAT_COPY] + kinds[PFSTAT_FILE]) *
	       sysconf(_SC_PAGESIZE);
}

/* The process whose exec (or tracking) began the run; NULL without any. */
const struct pfstat_process *first_process(const struct pfstat_result *result)
{
	__u32 i;

	for (i = 0; i < result->nr_processes; i++)
		if (!(result->processes[i].flags & PFSTAT_PROCESS_FORKED))
			return &result->processes[i];
	return result->nr_processes ? &result->processes[0] : NULL;
}

/* Ranges that took faults and whose VMA is gone. */
__u32 unmapped_ranges(const struct pfstat_result *result)
{
	__u32 count = 0;
	__u32 i;

	for (i = 0; i < result->nr_vmas; i++)
		count += !!(result->vmas[i].flags & PFSTAT_VMA_UNMAPPED);
	return count;
}

bool any_counts(const __u64 *kinds)
{
	int kind;

	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		if (kinds[kind])
			return true;
	return false;
}
