// SPDX-License-Identifier: GPL-2.0-only
/* pfstat get --json. The keys are documented in pfstat(8): a contract. */
#include <stdlib.h>
#include <string.h>

#include "get.h"

/* The counts of a run, a VMA or a process look the same everywhere. */
static void add_counts(struct json_object *to, const __u64 *kinds, __u64 pages)
{
	struct json_object *cow = json_new_object();
	int kind;

	json_add_number(to, "cow_faults", pfstat_cow_faults(kinds));
	json_add(to, "kinds", cow);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		json_add_number(kind < PFSTAT_NR_COW_KINDS ? cow : to,
				pfstat_kind_name(kind), kinds[kind]);
	json_add_number(to, "pages", pages);
}

static void add_vma(struct json_object *vmas,
		    const struct pfstat_result *result,
		    const struct pfstat_vma *vma)
{
	struct json_object *object = json_append_object(vmas);
	char perm[5];

	json_add_hex(object, "start", vma->start);
	json_add_hex(object, "end", vma->end);
	json_add_text(object, "perm", pfstat_vma_perm(vma, perm));
	json_add_text(object, "path", pfstat_vma_path(result, vma));
	json_add_number(object, "offset", vma->offset);
	add_counts(object, vma->kinds, vma->pages);
	json_add_bool(object, "unmapped", vma->flags & PFSTAT_VMA_UNMAPPED);
}

static void add_process(struct json_object *processes,
			const struct pfstat_process *process)
{
	struct json_object *object = json_append_object(processes);

	json_add_number(object, "pid", process->pid);
	json_add_number(object, "parent", process->parent);
	json_add_bool(object, "alive", process->flags & PFSTAT_PROCESS_ALIVE);
	json_add_bool(object, "forked", process->flags & PFSTAT_PROCESS_FORKED);
	json_add_bool(object, "folded", process->flags & PFSTAT_PROCESS_FOLDED);
	json_add_number(object, "nb_vma", process->nr_vmas);
	add_counts(object, process->kinds, process->pages);
}

static void add_name(struct json_object *to, const struct pfstat_id *id)
{
	char *name = id->type == PFSTAT_TARGET_PID ?
		     process_name(id->pid) :
		     must(strndup(id->name, id->name_len));

	json_add_text(to, "name", name);
	free(name);
}

void get_print_json(const struct report *r)
{
	const struct pfstat_process *first = first_process(r->result);
	struct json_object *top = json_new_object();
	struct json_object *vmas = json_new_array();
	struct json_object *processes = json_new_array();
	__u32 i;

	add_name(top, r->id);
	json_add_number(top, "run", r->result->run);
	json_add_number(top, "pid", first ? first->pid : 0);
	json_add_bool(top, "alive", r->result->alive);
	json_add_number(top, "nb_vma", r->result->nr_vmas);
	add_counts(top, r->result->kinds, r->result->pages);
	json_add(top, "vmas", vmas);
	for (i = 0; i < r->result->nr_vmas; i++)
		add_vma(vmas, r->result, &r->result->vmas[i]);
	json_add(top, "processes", processes);
	for (i = 0; i < r->result->nr_processes; i++)
		add_process(processes, &r->result->processes[i]);
	json_print(top);
}
