// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl tree: the tables themselves, and what they cost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/table.h"
#include "space.h"

static bool all;

static const struct opt opts[] = {
	OPT_PID,
	OPT_FLAG("all", &all, "list every table"),
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

/**
 * struct sum - the tables of a level
 * @tables: how many
 * @entries: entries for user addresses in them
 * @used: how many of these are not empty
 * @leaves: how many of these map memory
 * @bytes: memory that they take
 */
struct sum {
	__u64 tables;
	__u64 entries;
	__u64 used;
	__u64 leaves;
	__u64 bytes;
};

/**
 * struct tree - a process's tables
 * @p: handle
 * @sums: by level
 * @table: text of all tables, or NULL
 * @array: JSON of all tables, or NULL
 */
struct tree {
	const struct pgtbl *p;
	struct sum sums[PGTBL_NR_LEVELS];
	struct table *table;
	struct json_object *array;
};

/* How far below the top level a level is here */
static int depth(const struct pgtbl *p, unsigned int level)
{
	int depth = 0;

	while (level-- > PGTBL_PGD)
		depth += level_exists(p, level);
	return depth;
}

static void list_table(struct tree *tree, const struct table_info *table)
{
	struct json_object *object;
	char size[SIZE_TEXT_MAX];

	if (tree->array) {
		object = json_append_object(tree->array);
		json_add_text(object, "level", level_name(table->level));
		json_add_hex(object, "pfn", table->pfn);
		json_add_hex(object, "start", table->start);
		json_add_hex(object, "end", table->end);
		json_add_number(object, "entries", table->entries);
		json_add_number(object, "used", table->used);
		json_add_number(object, "leaves", table->leaves);
		return;
	}
	table_cell(tree->table, "%*s%s", 2 * depth(tree->p, table->level), "",
		   level_name(table->level));
	table_cell(tree->table, "0x%llx", table->pfn);
	table_cell(tree->table, "0x%llx", table->start);
	table_cell(tree->table, "0x%llx", table->end);
	table_cell(tree->table, "%s",
		   size_text(table->end - table->start, size));
	table_cell(tree->table, "%u/%u", table->used, table->entries);
	table_cell(tree->table, "%.1f%%", 100.0 * table->used / table->entries);
}

static void take_table(void *arg, const struct table_info *table)
{
	struct tree *tree = arg;
	struct sum *sum = &tree->sums[table->level];

	sum->tables++;
	sum->entries += table->entries;
	sum->used += table->used;
	sum->leaves += table->leaves;
	sum->bytes += table->bytes;
	if (tree->table || tree->array)
		list_table(tree, table);
}

static struct table *new_list(void)
{
	struct table *table = table_new();

	table_column(table, "TABLE", COLUMN_LEFT);
	table_column(table, "PFN", COLUMN_RIGHT);
	table_column(table, "START", COLUMN_RIGHT);
	table_column(table, "END", COLUMN_RIGHT);
	table_column(table, "DESCRIBES", COLUMN_RIGHT);
	table_column(table, "USED", COLUMN_RIGHT);
	table_column(table, "FULL", COLUMN_RIGHT);
	return table;
}

/* The kernel's own count in bytes, of all tables but the top one; -1: none */
static long long vm_pte(pid_t pid)
{
	char path[64], line[256];
	long long kib = -1;
	FILE *file;

	file = fopen(proc_path(path, pid, "status"), "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPTE: %lld kB", &kib) == 1)
			break;
	fclose(file);
	return kib < 0 ? -1 : kib * 1024;
}

static __u64 below_top(const struct tree *tree)
{
	__u64 bytes = 0;
	unsigned int level;

	for (level = PGTBL_PGD + 1; level < PGTBL_NR_LEVELS; level++)
		bytes += tree->sums[level].bytes;
	return bytes;
}

static void print_vm_pte(const struct tree *tree, long long counted)
{
	char mine[SIZE_TEXT_MAX], theirs[SIZE_TEXT_MAX];
	long long found = below_top(tree);

	if (counted < 0)
		return;
	if (counted == found)
		printf("VmPTE agrees: %s below the top level\n",
		       size_text(counted, theirs));
	else if (counted > found)
		printf("VmPTE says %s, that is %s more than found below the top level: tables in\n"
		       "reserve for huge pages, and those that describe the kernel's addresses\n",
		       size_text(counted, theirs),
		       size_text(counted - found, mine));
	else
		printf("VmPTE says %s, that is %s less than found below the top level: tables\n"
		       "came or went meanwhile, or are shared with other processes\n",
		       size_text(counted, theirs),
		       size_text(found - counted, mine));
}

static void sum_row(struct table *table, const char *name,
		    const struct sum *sum)
{
	char size[SIZE_TEXT_MAX];

	table_cell(table, "%s", name);
	table_cell(table, "%llu", sum->tables);
	table_cell(table, "%llu", sum->entries);
	table_cell(table, "%llu", sum->used);
	table_cell(table, "%llu", sum->leaves);
	if (sum->entries)
		table_cell(table, "%.1f%%", 100.0 * sum->used / sum->entries);
	else
		table_cell(table, "-");
	table_cell(table, "%s", size_text(sum->bytes, size));
}

static struct sum total(const struct tree *tree)
{
	struct sum total = {};
	unsigned int level;

	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		const struct sum *sum = &tree->sums[level];

		total.tables += sum->tables;
		total.entries += sum->entries;
		total.used += sum->used;
		total.leaves += sum->leaves;
		total.bytes += sum->bytes;
	}
	return total;
}

static void print_text(const struct tree *tree, long long counted)
{
	struct table *table = table_new();
	struct sum sum = total(tree);
	unsigned int level;

	table_column(table, "LEVEL", COLUMN_LEFT);
	table_column(table, "TABLES", COLUMN_RIGHT);
	table_column(table, "ENTRIES", COLUMN_RIGHT);
	table_column(table, "USED", COLUMN_RIGHT);
	table_column(table, "MAPPING", COLUMN_RIGHT);
	table_column(table, "FULL", COLUMN_RIGHT);
	table_column(table, "MEMORY", COLUMN_RIGHT);
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		if (level_exists(tree->p, level))
			sum_row(table, level_name(level), &tree->sums[level]);
	sum_row(table, "all", &sum);
	table_print(table);
	print_vm_pte(tree, counted);
}

static void add_sum(struct json_object *to, const struct sum *sum)
{
	json_add_number(to, "tables", sum->tables);
	json_add_number(to, "entries", sum->entries);
	json_add_number(to, "used", sum->used);
	json_add_number(to, "leaves", sum->leaves);
	json_add_number(to, "bytes", sum->bytes);
}

static void print_json(const struct tree *tree, pid_t pid, long long counted)
{
	struct json_object *top = json_new_object();
	struct json_object *levels = json_new_array();
	struct sum sum = total(tree);
	unsigned int level;

	json_add_number(top, "pid", pid);
	add_sum(top, &sum);
	json_add_number(top, "bytes_below_top", below_top(tree));
	if (counted >= 0)
		json_add_number(top, "vm_pte", counted);
	json_add(top, "levels", levels);
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		struct json_object *object;

		if (!level_exists(tree->p, level))
			continue;
		object = json_append_object(levels);
		json_add_text(object, "level", level_name(level));
		add_sum(object, &tree->sums[level]);
	}
	if (tree->array)
		json_add(top, "all", tree->array);
	json_print(top);
}

static int tree_run(const struct call *call)
{
	static const struct space_ops ops = {.table = take_table};
	struct tree tree = {.p = call->p};
	long long counted;

	if (all && out_json)
		tree.array = json_new_array();
	else if (all)
		tree.table = new_list();
	if (space_read(call->p, call->pid, &call->range, &ops, &tree)) {
		json_object_put(tree.array);
		return fail_pid(cmd_tree.name, call->pid, errno);
	}
	counted = vm_pte(call->pid);
	if (out_json) {
		print_json(&tree, call->pid, counted);
		return EXIT_SUCCESS;
	}
	if (tree.table) {
		table_print(tree.table);
		printf("\n");
	}
	print_text(&tree, counted);
	return EXIT_SUCCESS;
}

const struct command cmd_tree = {
	.name = "tree",
	.synopsis = "[OPTION...]",
	.summary = "Show the tables themselves: how many, how full, what they cost",
	.details =
	"VmPTE, from /proc/PID/status, is the kernel's own count, which leaves out\n"
	"the top level.\n",
	.opts = opts,
	.operands = OPERANDS_NONE,
	.run = tree_run,
};
