// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl walk: the entries of every level that describe an address. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "place.h"

static const struct opt opts[] = {OPT_PID, OPT_JSON, OPT_COLOR, OPT_END};

static bool has_frame(const struct pgtbl *p, unsigned int level,
		      const struct pgtbl_walk_level *entry, __u64 *pfn)
{
	pgtbl_decode(p, level, entry->entry, pfn);
	return entry->kind == PGTBL_KIND_TABLE ||
	       entry->kind == PGTBL_KIND_LEAF;
}

static void print_levels(const struct pgtbl *p, const struct pgtbl_walk *walk)
{
	struct table *table = table_new();
	char flags[FLAGS_TEXT_MAX], size[SIZE_TEXT_MAX];
	unsigned int level;
	__u64 pfn;

	table_column(table, "LEVEL", COLUMN_LEFT);
	table_column(table, "DESCRIBES", COLUMN_RIGHT);
	table_column(table, "IN TABLE", COLUMN_RIGHT);
	table_column(table, "INDEX", COLUMN_RIGHT);
	table_column(table, "ENTRY", COLUMN_RIGHT);
	table_column(table, "KIND", COLUMN_LEFT);
	table_column(table, "PFN", COLUMN_RIGHT);
	table_column(table, "FLAGS", COLUMN_LEFT);
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		const struct pgtbl_walk_level *entry = &walk->level[level];

		if (!(walk->levels & 1u << level))
			continue;
		table_cell(table, "%s", level_name(level));
		table_cell(table, "%s", size_text(entry_span(p, level), size));
		table_cell(table, "0x%llx", entry->table);
		table_cell(table, "%u", entry->index);
		table_cell(table, "0x%llx", entry->entry);
		table_cell(table, "%s", kind_name(entry->kind));
		if (has_frame(p, level, entry, &pfn))
			table_cell(table, "0x%llx", pfn);
		else
			table_cell(table, "-");
		table_cell(table, "%s",
			   flags_text(p, entry_flags(p, level, entry->entry),
				      "", flags));
	}
	table_print(table);
}

static void print_text(const struct pgtbl *p, const struct place *place)
{
	const struct pgtbl_walk *walk = &place->walk;
	char categories[CATEGORIES_TEXT_MAX];
	char *path = printable(place->vma ? place->vma->path : "");

	printf("address 0x%llx", walk->addr);
	if (place->vma)
		printf(" in 0x%llx-0x%llx %s%s%s", place->vma->start,
		       place->vma->end, place->vma->perm, *path ? " " : "",
		       path);
	printf("\n");
	free(path);
	print_levels(p, walk);
	if (walk->leaf == PGTBL_NO_LEVEL)
		printf("no memory: %s (%s)\n", place->why, place->hint);
	else
		printf("physical address 0x%llx, %s\n", place->physical,
		       categories_text(walk->categories, categories));
}

static void add_levels(struct json_object *to, const struct pgtbl *p,
		       const struct pgtbl_walk *walk)
{
	struct json_object *array = json_new_array();
	unsigned int level;
	__u64 pfn;

	json_add(to, "levels", array);
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		const struct pgtbl_walk_level *entry = &walk->level[level];
		struct json_object *object;

		if (!(walk->levels & 1u << level))
			continue;
		object = json_append_object(array);
		json_add_text(object, "level", level_name(level));
		json_add_number(object, "describes", entry_span(p, level));
		json_add_hex(object, "table", entry->table);
		json_add_number(object, "index", entry->index);
		json_add_hex(object, "entry", entry->entry);
		json_add_text(object, "kind", kind_name(entry->kind));
		if (has_frame(p, level, entry, &pfn))
			json_add_hex(object, "pfn", pfn);
		flags_add_json(object, "flags", p,
			       entry_flags(p, level, entry->entry));
	}
}

static void add_json(struct json_object *object, const struct pgtbl *p,
		     const struct place *place)
{
	place_add_json(object, place);
	add_levels(object, p, &place->walk);
}

static int walk_run(const struct call *call)
{
	struct json_object *top = out_json ? json_new_array() : NULL;
	struct place place;
	int status = 0;
	int i;

	for (i = 0; i < call->nr_addrs && !status; i++) {
		status = place_find(&cmd_walk, call, call->addrs[i], &place);
		if (status)
			break;
		if (top) {
			add_json(json_append_object(top), call->p, &place);
		} else {
			if (i)
				printf("\n");
			print_text(call->p, &place);
		}
		place_free(&place);
	}
	if (top && !status)
		json_print(top);
	else
		json_object_put(top);
	return status;
}

const struct command cmd_walk = {
	.name = "walk",
	.synopsis = "[OPTION...] ADDR...",
	.summary = "Show the entries of every level that describe an address",
	.details =
	"Addresses are hexadecimal, with or without 0x. That nothing is mapped\n"
	"there is an answer too, shown below the levels that were reached.\n",
	.opts = opts,
	.operands = OPERANDS_ADDRS,
	.run = walk_run,
};
