// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl info: the shape of page tables here, and what their bits are called. */
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "cmd.h"
#include "entry.h"

static const struct opt opts[] = {OPT_JSON, OPT_COLOR, OPT_END};

static const struct feature {
	__u32 bit;
	const char *name;
	const char *text;
} features[] = {
	{PGTBL_FEATURE_UNSAFE_WRITE, "unsafe_write",
	 "loaded with unsafe_write=1: tables can be written to"},
	{PGTBL_FEATURE_PGD_COPY, "pgd_copy",
	 "a process's top table is shown as a copy, not live"},
	{PGTBL_FEATURE_SOFT_DIRTY, "soft_dirty",
	 "the kernel keeps soft-dirty bits"},
	{PGTBL_FEATURE_HIGHPTE, "highpte",
	 "PTE tables may lie in high memory"},
	{}
};

/* The words of a bit mask, by a function that names each bit */
static const char *words(__u32 mask, const char *(*name)(unsigned int bit),
			 char buf[64])
{
	char *end = buf;
	unsigned int i;

	*buf = '\0';
	for (i = 0; i < PGTBL_NR_LEVELS; i++)
		if (mask & 1u << i)
			end += sprintf(end, "%s%s", end > buf ? " " : "",
				       name(i));
	return buf;
}

static const char *edit_text(__u32 attrs)
{
	switch (attrs & (PGTBL_FLAG_EDIT_SET | PGTBL_FLAG_EDIT_CLEAR)) {
	case PGTBL_FLAG_EDIT_SET:
		return "set";
	case PGTBL_FLAG_EDIT_CLEAR:
		return "clear";
	case PGTBL_FLAG_EDIT_SET | PGTBL_FLAG_EDIT_CLEAR:
		return "set clear";
	default:
		return "-";
	}
}

static void print_levels(const struct pgtbl *p)
{
	const struct pgtbl_info *info = pgtbl_get_info(p);
	struct table *table = table_new();
	char size[SIZE_TEXT_MAX];
	unsigned int level;

	table_column(table, "LEVEL", COLUMN_LEFT);
	table_column(table, "SHIFT", COLUMN_RIGHT);
	table_column(table, "ENTRIES", COLUMN_RIGHT);
	table_column(table, "FOR USERS", COLUMN_RIGHT);
	table_column(table, "BYTES EACH", COLUMN_RIGHT);
	table_column(table, "DESCRIBES", COLUMN_RIGHT);
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		const struct pgtbl_geometry *geometry = &info->geometry[level];

		if (!level_exists(p, level))
			continue;
		table_cell(table, "%s", level_name(level));
		table_cell(table, "%u", geometry->shift);
		table_cell(table, "%u", geometry->entries);
		table_cell(table, "%u", geometry->user_entries);
		table_cell(table, "%u", geometry->entry_size);
		table_cell(table, "%s", size_text(entry_span(p, level), size));
	}
	table_print(table);
}

static void print_flags(const struct pgtbl *p)
{
	struct table *table = table_new();
	const struct pgtbl_flag *flags;
	unsigned int count, i;
	char buf[64];

	flags = pgtbl_get_flags(p, &count);
	table_column(table, "FLAG", COLUMN_LEFT);
	table_column(table, "MASK", COLUMN_RIGHT);
	table_column(table, "VALUE", COLUMN_RIGHT);
	table_column(table, "LEVELS", COLUMN_LEFT);
	table_column(table, "ENTRIES", COLUMN_LEFT);
	table_column(table, "MAY BE", COLUMN_LEFT);
	for (i = 0; i < count; i++) {
		table_cell(table, "%s", flags[i].name);
		table_cell(table, "0x%llx", flags[i].mask);
		table_cell(table, "0x%llx", flags[i].value);
		table_cell(table, "%s", words(flags[i].levels, level_name, buf));
		table_cell(table, "%s", words(flags[i].kinds, kind_name, buf));
		table_cell(table, "%s", edit_text(flags[i].attrs));
	}
	table_print(table);
}

static void print_text(const struct pgtbl *p)
{
	const struct pgtbl_info *info = pgtbl_get_info(p);
	const struct feature *feature;
	char buf[64], size[SIZE_TEXT_MAX];

	printf("ABI:         %u\n", info->abi);
	printf("page size:   %llu\n", page_size(p));
	printf("user space:  below 0x%llx (%s)\n", info->user_end,
	       size_text(info->user_end, size));
	printf("levels:      %s\n", words(info->levels, level_name, buf));
	printf("window:      at most %u pages\n", info->window_pages);
	printf("pool:        at most %u pages\n", info->pool_pages);
	for (feature = features; feature->name; feature++)
		if (info->features & feature->bit)
			printf("feature:     %s\n", feature->text);
	printf("\n");
	print_levels(p);
	printf("\n");
	print_flags(p);
}

static void add_words(struct json_object *to, const char *key, __u32 mask,
		      const char *(*name)(unsigned int bit))
{
	struct json_object *array = json_new_array();
	unsigned int i;

	for (i = 0; i < PGTBL_NR_LEVELS; i++)
		if (mask & 1u << i)
			json_append_text(array, name(i));
	json_add(to, key, array);
}

static void add_levels(struct json_object *to, const struct pgtbl *p)
{
	const struct pgtbl_info *info = pgtbl_get_info(p);
	struct json_object *array = json_new_array();
	unsigned int level;

	json_add(to, "levels", array);
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		const struct pgtbl_geometry *geometry = &info->geometry[level];
		struct json_object *object;

		if (!level_exists(p, level))
			continue;
		object = json_append_object(array);
		json_add_text(object, "level", level_name(level));
		json_add_number(object, "number", level);
		json_add_number(object, "shift", geometry->shift);
		json_add_number(object, "entries", geometry->entries);
		json_add_number(object, "user_entries", geometry->user_entries);
		json_add_number(object, "entry_size", geometry->entry_size);
	}
}

static void add_flags(struct json_object *to, const struct pgtbl *p)
{
	struct json_object *array = json_new_array();
	const struct pgtbl_flag *flags;
	unsigned int count, i;

	flags = pgtbl_get_flags(p, &count);
	json_add(to, "flags", array);
	for (i = 0; i < count; i++) {
		struct json_object *object = json_append_object(array);
		__u32 attrs = flags[i].attrs;

		json_add_text(object, "flag", flags[i].name);
		json_add_hex(object, "mask", flags[i].mask);
		json_add_hex(object, "value", flags[i].value);
		add_words(object, "levels", flags[i].levels, level_name);
		add_words(object, "kinds", flags[i].kinds, kind_name);
		json_add_bool(object, "may_set", attrs & PGTBL_FLAG_EDIT_SET);
		json_add_bool(object, "may_clear",
			      attrs & PGTBL_FLAG_EDIT_CLEAR);
	}
}

static void print_json(const struct pgtbl *p)
{
	const struct pgtbl_info *info = pgtbl_get_info(p);
	struct json_object *top = json_new_object();
	const struct feature *feature;

	json_add_number(top, "abi", info->abi);
	json_add_number(top, "page_size", page_size(p));
	json_add_hex(top, "user_end", info->user_end);
	json_add_number(top, "window_pages", info->window_pages);
	json_add_number(top, "pool_pages", info->pool_pages);
	for (feature = features; feature->name; feature++)
		json_add_bool(top, feature->name,
			      info->features & feature->bit);
	add_levels(top, p);
	add_flags(top, p);
	json_print(top);
}

static int info_run(const struct call *call)
{
	if (out_json)
		print_json(call->p);
	else
		print_text(call->p);
	return EXIT_SUCCESS;
}

const struct command cmd_info = {
	.name = "info",
	.synopsis = "[--json]",
	.summary = "Show the levels of page tables here and the names of bits",
	.opts = opts,
	.operands = OPERANDS_NONE,
	.run = info_run,
};
