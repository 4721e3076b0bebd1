// SPDX-License-Identifier: GPL-2.0-only
/* pfstat get --json. The keys are documented in pfstat(8): a contract. */
#include <stdlib.h>

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
	json_add_number(to, "bytes_copied", bytes_copied(kinds));
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

static void add_vmas(struct json_object *to, const struct pfstat_result *result)
{
	struct json_object *vmas = json_new_array();
	__u32 i;

	json_add(to, "vmas", vmas);
	for (i = 0; i < result->nr_vmas; i++)
		add_vma(vmas, result, &result->vmas[i]);
}

static struct json_object *add_process(struct json_object *processes,
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
	return object;
}

static void add_each(const struct pfstat_process *process,
		     const struct pfstat_result *result, void *data)
{
	add_vmas(add_process(data, process), result);
}

static void add_processes(struct json_object *to, const struct report *r)
{
	struct json_object *processes = json_new_array();
	__u32 i;

	json_add(to, "processes", processes);
	if (r->each) {
		get_each(r, add_each, processes);
		return;
	}
	for (i = 0; i < r->result->nr_processes; i++)
		add_process(processes, &r->result->processes[i]);
}

static void add_command(struct json_object *to, const struct report *r)
{
	struct json_object *words = json_new_array();
	char *const *word;

	json_add(to, "command", words);
	for (word = r->command; *word; word++)
		json_append_text(words, *word);
	json_add_number(to, "status", r->status);
}

struct json_object *get_make_json(const struct report *r)
{
	const struct pfstat_process *first = first_process(r->result);
	struct json_object *top = json_new_object();
	char *name = report_name(r);

	json_add_text(top, "name", name);
	free(name);
	if (r->command)
		add_command(top, r);
	json_add_number(top, "run", r->result->run);
	json_add_number(top, "pid", first ? first->pid : 0);
	json_add_bool(top, "alive", r->result->alive);
	json_add_number(top, "nb_vma", r->result->nr_vmas);
	add_counts(top, r->result->kinds, r->result->pages);
	add_vmas(top, r->result);
	add_processes(top, r);
	if (r->latency)
		latency_add_json(top, r->latency);
	return top;
}

void get_print_json(const struct report *r)
{
	json_print(get_make_json(r));
}
