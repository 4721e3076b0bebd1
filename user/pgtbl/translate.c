// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl translate: from addresses of a process to physical ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "place.h"

static const struct opt opts[] = {OPT_PID, OPT_JSON, OPT_COLOR, OPT_END};

static struct table *new_table(void)
{
	struct table *table = table_new();

	table_column(table, "ADDRESS", COLUMN_RIGHT);
	table_column(table, "PHYSICAL", COLUMN_RIGHT);
	table_column(table, "PFN", COLUMN_RIGHT);
	table_column(table, "PAGE", COLUMN_RIGHT);
	table_column(table, "PERM", COLUMN_LEFT);
	table_column(table, "MAPPING", COLUMN_LEFT);
	return table;
}

static void add_row(struct table *table, const struct pgtbl *p,
		    const struct place *place)
{
	char size[SIZE_TEXT_MAX];

	table_cell(table, "0x%llx", place->walk.addr);
	table_cell(table, "0x%llx", place->physical);
	table_cell(table, "0x%llx", place->walk.pfn);
	table_cell(table, "%s",
		   size_text(entry_span(p, place->walk.leaf), size));
	table_cell(table, "%s", place->vma ? place->vma->perm : "?");
	table_cell(table, "%s", place->vma ? place->vma->path : "");
}

/* In JSON the error stands in the place of the answer. */
static void no_memory(const struct place *place, struct json_object *object)
{
	char subject[32];
	const struct pfstat_error error = {
		.code = ENXIO,
		.what = cmd_translate.name,
		.subject = subject,
		.why = place->why,
		.hint = place->hint,
	};

	snprintf(subject, sizeof(subject), "0x%llx", place->walk.addr);
	if (object)
		json_add_error(object, &error);
	else
		report(&error);
}

static int translate_run(const struct call *call)
{
	struct json_object *top = out_json ? json_new_array() : NULL;
	struct json_object *object = NULL;
	struct table *table = new_table();
	int status = EXIT_SUCCESS;
	struct place place;
	int i, fatal = 0;

	for (i = 0; i < call->nr_addrs; i++) {
		fatal = place_find(&cmd_translate, call, call->addrs[i],
				   &place);
		if (fatal)
			break;
		if (top) {
			object = json_append_object(top);
			place_add_json(object, &place);
		}
		if (place.walk.leaf == PGTBL_NO_LEVEL) {
			no_memory(&place, object);
			status = EXIT_FAILURE;
		} else if (!top) {
			add_row(table, call->p, &place);
		}
		place_free(&place);
	}
	table_print(table);
	if (top && !fatal)
		json_print(top);
	else
		json_object_put(top);
	return fatal ? fatal : status;
}

const struct command cmd_translate = {
	.name = "translate",
	.synopsis = "[OPTION...] ADDR...",
	.summary = "Show the physical addresses of addresses of a process",
	.details =
	"Addresses are hexadecimal, with or without 0x. One without memory is an\n"
	"error; the others are shown nevertheless.\n",
	.opts = opts,
	.operands = OPERANDS_ADDRS,
	.run = translate_run,
};
