// SPDX-License-Identifier: GPL-2.0-only
/* Recordings for people, and stacks for tools that draw them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/table.h"
#include "latency.h"
#include "report.h"

static __u64 number(const struct recording *rec, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(rec->meta, key, &value) ?
	       json_object_get_uint64(value) : 0;
}

static const char *text(const struct recording *rec, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(rec->meta, key, &value) ?
	       json_object_get_string(value) ?: "" : "";
}

static void label_cell(struct table *table, const struct group *group,
		       enum group_by by)
{
	switch (by) {
	case BY_VMA:
		table_cell(table, "%08llx-%08llx %s %s", group->key, group->end,
			   group->perm, group->label);
		break;
	case BY_PAGE:
		table_cell(table, "%08llx %s", group->key, group->label);
		break;
	case BY_IP:
		table_cell(table, "%s", group->label);
		break;
	case BY_PROCESS:
		if (group->parent)
			table_cell(table, "%llu, forked by %u", group->key,
				   group->parent);
		else
			table_cell(table, "%llu", group->key);
		break;
	default:
		table_cell(table, "%.6f s", group->key / 1e9);
		break;
	}
}

static const char *title(enum group_by by)
{
	static const char *const titles[NR_GROUP_BY] = {
		[BY_VMA] = "MAPPING",
		[BY_PAGE] = "PAGE",
		[BY_IP] = "FUNCTION",
		[BY_PROCESS] = "PROCESS",
		[BY_TIME] = "FROM",
	};

	return titles[by];
}

void report_print_groups(const struct recording *rec, struct names *names,
			 enum group_by by, int rows)
{
	static const char *const kinds[PFSTAT_NR_KINDS] = {
		"COPY", "REUSE", "ZERO", "FILE", "HUGE", "KERNEL", "UNSHARE",
	};
	struct table *table = table_new();
	struct groups groups;
	size_t i;
	int kind;

	groups_make(&groups, rec, names, by);
	table_column(table, "FAULTS", COLUMN_RIGHT);
	table_column(table, "PAGES", COLUMN_RIGHT);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		table_column(table, kinds[kind], COLUMN_RIGHT | COLUMN_NONZERO);
	table_column(table, title(by), COLUMN_LEFT);
	for (i = 0; i < groups.nr && (by == BY_TIME || i < (size_t)rows); i++) {
		const struct group *group = &groups.array[i];

		table_cell(table, "%llu", group->faults);
		table_cell(table, "%llu", group->pages);
		for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
			table_cell(table, "%llu", group->kinds[kind]);
		label_cell(table, group, by);
	}
	table_print(table);
	if (by != BY_TIME && groups.nr > (size_t)rows)
		printf("(%zu more: --rows)\n", groups.nr - rows);
	groups_free(&groups);
}

void report_print_text(const struct recording *rec, struct names *names,
		       int rows)
{
	char *name = printable(text(rec, "name"));
	__u64 lost = number(rec, "lost");
	struct latency latency;
	double seconds = 0;

	if (rec->nr_faults)
		seconds = (rec->faults[rec->nr_faults - 1].time -
			   rec->faults[0].time) / 1e9;
	printf("%s: %zu faults recorded in %.3f s; %llu CoW faults counted\n",
	       name, rec->nr_faults, seconds, number(rec, "cow_faults"));
	if (lost)
		printf("%llu events were lost: what follows is incomplete\n",
		       lost);
	free(name);
	if (!rec->nr_faults)
		return;
	printf("\n");
	report_print_groups(rec, names, BY_VMA, rows);
	printf("\n");
	report_print_groups(rec, names, BY_IP, rows);
	printf("\n");
	report_print_groups(rec, names, BY_PROCESS, rows);
	if (latency_of(&latency, rec)) {
		printf("\n");
		latency_print(&latency);
	}
}

/* ---- folded stacks: "outermost;...;innermost count" --------------------------- */

static void put_frame(FILE *out, struct names *names, const struct fault *fault,
		      __u64 ip)
{
	const char *name = names_find(names, fault->pid, ip);

	/* what separates frames and counts must not be in a name */
	putc(';', out);
	for (; *name; name++)
		putc(*name == ';' || *name == ' ' || *name == '\n' ? '_' :
		     *name, out);
}

static char *fold(const struct recording *rec, struct names *names,
		  const struct fault *fault)
{
	size_t size;
	char *line = NULL;
	FILE *out = must(open_memstream(&line, &size));
	__u64 i;

	fprintf(out, "%s-%u", text(rec, "name"), fault->pid);
	if (fault->stack && rec->frames[fault->stack - 1])
		for (i = rec->frames[fault->stack - 1]; i; i--)
			put_frame(out, names, fault,
				  rec->frames[fault->stack + i - 1]);
	else
		put_frame(out, names, fault, fault->ip);
	fprintf(out, ";[%s]", pfstat_kind_name(fault->kind));
	if (fclose(out))
		out_of_memory();
	return line;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void report_print_stacks(const struct recording *rec, struct names *names)
{
	char **lines = must(calloc(rec->nr_faults + 1, sizeof(*lines)));
	size_t i, count = 0;

	for (i = 0; i < rec->nr_faults; i++)
		lines[i] = fold(rec, names, &rec->faults[i]);
	if (rec->nr_faults)
		qsort(lines, rec->nr_faults, sizeof(*lines), by_text);
	for (i = 0; i < rec->nr_faults; i++) {
		count++;
		if (!lines[i + 1] || strcmp(lines[i], lines[i + 1])) {
			printf("%s %zu\n", lines[i], count);
			count = 0;
		}
	}
	for (i = 0; i < rec->nr_faults; i++)
		free(lines[i]);
	free(lines);
}
