// SPDX-License-Identifier: GPL-2.0-only
/* pfstat get for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/table.h"
#include "cmd.h"
#include "get.h"

static const char *const kind_titles[PFSTAT_NR_KINDS] = {
	[PFSTAT_COPY] = "COPY",
	[PFSTAT_REUSE] = "REUSE",
	[PFSTAT_ZERO] = "ZERO",
	[PFSTAT_FILE] = "FILE",
	[PFSTAT_HUGE] = "HUGE",
	[PFSTAT_KERNEL] = "KERNEL",
	[PFSTAT_UNSHARE] = "UNSHARE",
};

static void count_columns(struct table *table)
{
	int kind;

	table_column(table, "FAULTS", COLUMN_RIGHT);
	table_column(table, "PAGES", COLUMN_RIGHT);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		table_column(table, kind_titles[kind],
			     COLUMN_RIGHT | COLUMN_NONZERO);
}

static void count_cells(struct table *table, const __u64 *kinds, __u64 pages)
{
	int kind;

	table_cell(table, "%llu", pfstat_cow_faults(kinds));
	table_cell(table, "%llu", pages);
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		table_cell(table, "%llu", kinds[kind]);
}

static void print_kinds(const __u64 *kinds, int from, int to)
{
	const char *before = "";
	int kind;

	for (kind = from; kind < to; kind++) {
		if (!kinds[kind])
			continue;
		printf("%s%llu %s", before, kinds[kind],
		       pfstat_kind_name(kind));
		before = ", ";
	}
}

/* "1.5 MiB", in the unit that leaves at most four digits */
static void print_bytes(__u64 bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = bytes / 1024.0;
	size_t unit = 0;

	while (value >= 10000 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	printf("%.*f %s", unit && value < 100, value, units[unit]);
}

static void print_counts(const struct pfstat_result *result)
{
	__u64 faults = pfstat_cow_faults(result->kinds);

	printf("%llu CoW faults on %llu pages", faults, result->pages);
	if (faults) {
		printf(": ");
		print_kinds(result->kinds, 0, PFSTAT_NR_COW_KINDS);
	}
	if (result->kinds[PFSTAT_KERNEL] || result->kinds[PFSTAT_UNSHARE]) {
		printf("; beside them ");
		print_kinds(result->kinds, PFSTAT_NR_COW_KINDS,
			    PFSTAT_NR_KINDS);
	}
	printf("\n");
	if (bytes_copied(result->kinds)) {
		print_bytes(bytes_copied(result->kinds));
		printf(" copied\n");
	}
}

static void print_header(const struct report *r)
{
	const struct pfstat_result *result = r->result;
	const struct pfstat_process *first = first_process(result);
	char *name = r->name ? must(strdup(r->name)) : target_text(r->id);
	char *shown = printable(name);

	printf("%s: ", shown);
	if (!r->command)
		printf("run %llu, ", result->run);
	if (r->process)
		printf("process %d only", (int)r->process);
	else
		printf("%u process%s, %u alive", result->nr_processes,
		       result->nr_processes == 1 ? "" : "es", result->alive);
	if (first && !r->process)
		printf(", first pid %u", first->pid);
	if (r->command)
		printf(", status %d", r->status);
	printf("\n");
	print_counts(result);
	free(shown);
	free(name);
}

static void vma_row(struct table *table, const struct pfstat_result *result,
		    const struct pfstat_vma *vma)
{
	const char *path = pfstat_vma_path(result, vma);
	char perm[5];

	table_cell(table, "%08llx-%08llx", vma->start, vma->end);
	table_cell(table, "%s", pfstat_vma_perm(vma, perm));
	count_cells(table, vma->kinds, vma->pages);
	if (vma->flags & PFSTAT_VMA_UNMAPPED)
		table_cell(table, "(unmapped)%s%s", *path ? " " : "", path);
	else
		table_cell(table, "%s", path);
}

static void print_vmas(const struct pfstat_result *result, bool all)
{
	struct table *table = table_new();
	__u32 gone = unmapped_ranges(result);
	__u32 shown = 0;
	__u32 i;

	table_column(table, "ADDRESS", COLUMN_LEFT);
	table_column(table, "PERM", COLUMN_LEFT);
	count_columns(table);
	table_column(table, "PATH", COLUMN_LEFT);
	for (i = 0; i < result->nr_vmas; i++) {
		if (!all && !any_counts(result->vmas[i].kinds))
			continue;
		vma_row(table, result, &result->vmas[i]);
		shown++;
	}
	printf("%u VMAs", result->nr_vmas - gone);
	if (gone)
		printf(" and %u unmapped range%s", gone, gone == 1 ? "" : "s");
	if (shown < result->nr_vmas)
		printf(", without those that have no faults (--all)");
	printf("\n");
	table_print(table);
}

/* Many that ended may be one row, see PFSTAT_PROCESS_FOLDED. */
static const char *process_state(__u32 flags)
{
	if (flags & PFSTAT_PROCESS_ALIVE)
		return "alive";
	return flags & PFSTAT_PROCESS_FOLDED ? "many, exited" : "exited";
}

static void print_processes(const struct pfstat_result *result)
{
	struct table *table = table_new();
	const struct pfstat_process *process;
	__u32 i;

	table_column(table, "PID", COLUMN_RIGHT);
	table_column(table, "PARENT", COLUMN_RIGHT);
	table_column(table, "STATE", COLUMN_LEFT);
	table_column(table, "VMAS", COLUMN_RIGHT);
	count_columns(table);
	for (i = 0; i < result->nr_processes; i++) {
		process = &result->processes[i];
		table_cell(table, "%u", process->pid);
		table_cell(table, "%u", process->parent);
		table_cell(table, "%s", process_state(process->flags));
		table_cell(table, "%u", process->nr_vmas);
		count_cells(table, process->kinds, process->pages);
	}
	printf("\n");
	table_print(table);
}

static void print_each(const struct pfstat_process *process,
		       const struct pfstat_result *result, void *data)
{
	const bool *all = data;

	printf("\nprocess %u", process->pid);
	if (process->parent)
		printf(", forked by %u", process->parent);
	printf(", %s\n", process_state(process->flags));
	print_counts(result);
	print_vmas(result, *all);
}

void get_print_text(const struct report *r)
{
	bool all = r->all;

	print_header(r);
	print_vmas(r->result, r->all);
	if (r->result->nr_processes > 1)
		print_processes(r->result);
	if (r->each)
		get_each(r, print_each, &all);
	if (r->latency) {
		printf("\n");
		latency_print(r->latency);
	}
}
