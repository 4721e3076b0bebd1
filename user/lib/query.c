// SPDX-License-Identifier: GPL-2.0-only
/* Results: read them, whatever their size, and make sense of them. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/**
 * struct buffers - a result, and how much fits in its arrays
 * @result: what the caller sees; first, so that it can be found again
 * @nr_vmas: room in @result.vmas
 * @nr_processes: room in @result.processes
 * @paths_len: room in @result.paths, not counting one for a NUL
 */
struct buffers {
	struct pfstat_result result;
	__u32 nr_vmas;
	__u32 nr_processes;
	__u32 paths_len;
};

static enum pfstat_op query_op(pid_t process)
{
	return process ? PFSTAT_OP_QUERY_PROCESS : PFSTAT_OP_QUERY;
}

static int query_once(struct pfstat *p, const struct pfstat_id *id,
		      const struct buffers *b, struct pfstat_query *query)
{
	query->vmas = pfstat_pointer(b->result.vmas);
	query->nr_vmas = b->nr_vmas;
	query->vma_size = sizeof(struct pfstat_vma);
	query->process_size = sizeof(struct pfstat_process);
	query->processes = pfstat_pointer(b->result.processes);
	query->nr_processes = b->nr_processes;
	query->paths = pfstat_pointer(b->result.paths);
	query->paths_len = b->paths_len;
	return pfstat_call(p->fd, query_op(query->process), id, query);
}

/* Makes room for as much as @query tells: 0: it was there, 1: ask again, -1. */
static int make_room(struct buffers *b, const struct pfstat_query *query)
{
	void *vmas = b->result.vmas;
	void *processes = b->result.processes;
	void *paths = b->result.paths;
	int ret[3];

	ret[0] = pfstat_grow(&vmas, &b->nr_vmas, query->nr_vmas,
			     sizeof(struct pfstat_vma));
	ret[1] = pfstat_grow(&processes, &b->nr_processes, query->nr_processes,
			     sizeof(struct pfstat_process));
	ret[2] = pfstat_grow(&paths, &b->paths_len, query->paths_len, 1);
	b->result.vmas = vmas;
	b->result.processes = processes;
	b->result.paths = paths;
	if (ret[0] < 0 || ret[1] < 0 || ret[2] < 0)
		return -1;
	return ret[0] || ret[1] || ret[2];
}

/* Most programs fit in this, so that one question will do. */
static const struct pfstat_query usual = {
	.nr_vmas = 64,
	.nr_processes = 8,
	.paths_len = 4096,
};

static void take_values(struct pfstat_result *result,
			const struct pfstat_query *query)
{
	result->run = query->run;
	result->pages = query->pages;
	memcpy(result->kinds, query->kinds, sizeof(result->kinds));
	result->alive = query->alive;
	result->nr_vmas = query->nr_vmas;
	result->nr_processes = query->nr_processes;
	result->paths_len = query->paths_len;
}

static int query_all(struct pfstat *p, const struct pfstat_id *id,
		     pid_t process, struct buffers *b)
{
	struct pfstat_query query = {
		.size = sizeof(query),
		.type = id->type,
		.pid = id->pid,
		.name = pfstat_pointer(id->name),
		.name_len = id->name_len,
		.process = process,
	};
	int tries, grown;

	for (tries = 0; tries < PFSTAT_GROW_TRIES; tries++) {
		if (query_once(p, id, b, &query))
			return -1;
		grown = make_room(b, &query);
		if (grown < 0)
			return pfstat_fail(PFSTAT_OP_QUERY, id, ENOMEM);
		if (!grown) {
			take_values(&b->result, &query);
			return 0;
		}
	}
	return pfstat_fail(PFSTAT_OP_QUERY, id, EAGAIN);
}

int pfstat_query(struct pfstat *p, const struct pfstat_id *id, pid_t process,
		 struct pfstat_result **result)
{
	struct buffers *b = (struct buffers *)*result;

	if (id->name_len > UINT32_MAX)
		return pfstat_fail(PFSTAT_OP_QUERY, id, ENAMETOOLONG);
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return pfstat_fail(PFSTAT_OP_QUERY, id, ENOMEM);
		*result = &b->result;
		if (make_room(b, &usual) < 0)
			return pfstat_fail(PFSTAT_OP_QUERY, id, ENOMEM);
	}
	return query_all(p, id, process, b);
}

void pfstat_result_free(struct pfstat_result *result)
{
	if (!result)
		return;
	free(result->vmas);
	free(result->processes);
	free(result->paths);
	free(result);
}

const char *pfstat_vma_path(const struct pfstat_result *result,
			    const struct pfstat_vma *vma)
{
	return vma->path < result->paths_len ? result->paths + vma->path : "";
}

const char *pfstat_vma_perm(const struct pfstat_vma *vma, char buf[5])
{
	buf[0] = vma->flags & PFSTAT_VMA_READ ? 'r' : '-';
	buf[1] = vma->flags & PFSTAT_VMA_WRITE ? 'w' : '-';
	buf[2] = vma->flags & PFSTAT_VMA_EXEC ? 'x' : '-';
	buf[3] = vma->flags & PFSTAT_VMA_SHARED ? 's' : 'p';
	buf[4] = '\0';
	return buf;
}

__u64 pfstat_cow_faults(const __u64 *kinds)
{
	__u64 sum = 0;
	int kind;

	for (kind = 0; kind < PFSTAT_NR_COW_KINDS; kind++)
		sum += kinds[kind];
	return sum;
}

const char *pfstat_kind_name(unsigned int kind)
{
	static const char *const names[PFSTAT_NR_KINDS] = {
		[PFSTAT_COPY] = "copy",
		[PFSTAT_REUSE] = "reuse",
		[PFSTAT_ZERO] = "zero",
		[PFSTAT_FILE] = "file",
		[PFSTAT_HUGE] = "huge",
		[PFSTAT_KERNEL] = "kernel",
		[PFSTAT_UNSHARE] = "unshare",
	};

	return kind < PFSTAT_NR_KINDS ? names[kind] : NULL;
}
