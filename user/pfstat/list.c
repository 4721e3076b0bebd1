// SPDX-License-Identifier: GPL-2.0-only
/* pfstat list: what is tracked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/table.h"
#include "cmd.h"
#include "get.h"

/* pfstat_target.uid of a target that is not limited to one user */
#define ALL_USERS	(~0u)

static const struct opt opts[] = {OPT_JSON, OPT_COLOR, OPT_END};

/* By name, then by pid: what the kernel lists is in no order. */
static int compare(const void *a, const void *b)
{
	const struct pfstat_target *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void print_json(const struct pfstat_target *targets, size_t count)
{
	struct json_object *top = json_new_array();
	size_t i;

	for (i = 0; i < count; i++) {
		const struct pfstat_target *t = &targets[i];
		struct json_object *object = json_append_object(top);

		json_add_text(object, "name", t->name);
		if (t->type == PFSTAT_TARGET_PID)
			json_add_number(object, "pid", t->pid);
		if (t->type == PFSTAT_TARGET_CGROUP)
			json_add_text(object, "cgroup", t->name);
		json_add_number(object, "run", t->run);
		json_add_number(object, "processes", t->processes);
		json_add_number(object, "processes_alive", t->alive);
		json_add_bool(object, "alive", t->alive);
		if (t->uid != ALL_USERS)
			json_add_number(object, "uid", t->uid);
	}
	json_print(top);
}

static void print_text(const struct pfstat_target *targets, size_t count)
{
	struct table *table = table_new();
	size_t i;

	table_column(table, "PID", COLUMN_RIGHT | COLUMN_NONZERO);
	table_column(table, "RUN", COLUMN_RIGHT);
	table_column(table, "PROCESSES", COLUMN_RIGHT);
	table_column(table, "ALIVE", COLUMN_RIGHT);
	table_column(table, "USER", COLUMN_RIGHT);
	table_column(table, "NAME", COLUMN_LEFT);
	for (i = 0; i < count; i++) {
		const struct pfstat_target *t = &targets[i];

		table_cell(table, "%u", t->pid);
		table_cell(table, "%llu", t->run);
		table_cell(table, "%u", t->processes);
		table_cell(table, "%u", t->alive);
		if (t->uid == ALL_USERS)
			table_cell(table, "all");
		else
			table_cell(table, "%u", t->uid);
		table_cell(table, "%s", t->name);
	}
	table_print(table);
}

static int list_run(const struct call *call)
{
	struct pfstat_target *targets;
	size_t count;

	if (pfstat_list_targets(call->p, &targets, &count))
		return report_last();
	if (count)
		qsort(targets, count, sizeof(*targets), compare);
	if (out_json)
		print_json(targets, count);
	else
		print_text(targets, count);
	free(targets);
	return EXIT_SUCCESS;
}

const struct command cmd_list = {
	.name = "list",
	.synopsis = "[--json]",
	.summary = "List what is tracked",
	.opts = opts,
	.operands = OPERANDS_NONE,
	.run = list_run,
};
