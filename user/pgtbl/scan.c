// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl scan: memory by category. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "entry.h"
#include "scan.h"

/* Extents per question: 96 KiB */
#define ROOM	4096

static __u32 is, is_not, show;

static const struct opt opts[] = {
	OPT_PID,
	{.name = "is", .arg = "CAT,...", .set = set_categories, .to = &is,
	 .help = "only memory of all of these categories"},
	{.name = "not", .arg = "CAT,...", .set = set_categories, .to = &is_not,
	 .help = "only memory of none of these"},
	{.name = "show", .arg = "CAT,...", .set = set_categories, .to = &show,
	 .help = "tell these apart only, default: all"},
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

/* The module joins neighbours within an answer; we do between answers. */
static void deliver(struct scan *scan, struct pgtbl_extent *last,
		    const struct pgtbl_extent *extents, __u32 count)
{
	__u32 i;

	for (i = 0; i < count; i++) {
		if (last->end == extents[i].start && last->end > last->start &&
		    last->categories == extents[i].categories) {
			last->end = extents[i].end;
			continue;
		}
		if (last->end > last->start)
			scan->extent(scan->arg, last);
		*last = extents[i];
	}
}

int scan_range(const struct pgtbl *p, pid_t pid, const struct range *range,
	       struct scan *scan)
{
	struct pgtbl_extent *extents = must(calloc(ROOM, sizeof(*extents)));
	struct pgtbl_extent last = {};
	struct pgtbl_scan ask = {
		.report = scan->report,
		.start = range->start,
		.end = range->end,
		.mask = scan->mask,
		.value = scan->value,
	};
	int ret = 0;

	scan->pages = 0;
	while (ask.start < ask.end && !ret) {
		ask.extents = (uintptr_t)extents;
		ask.count = ROOM;
		ret = pgtbl_scan_range(p, pid, &ask);
		if (ret)
			break;
		deliver(scan, &last, extents, ask.count);
		scan->pages += ask.pages;
		ask.start = ask.next;
	}
	if (!ret && last.end > last.start)
		scan->extent(scan->arg, &last);
	free(extents);
	return ret;
}

/**
 * struct output - where extents go
 * @maps: the process's mappings
 * @table: text, or
 * @array: JSON
 * @count: how many there were
 */
struct output {
	struct maps maps;
	struct table *table;
	struct json_object *array;
	__u64 count;
};

static void put(struct output *output, __u64 start, __u64 end,
		__u32 categories, const struct vma *vma)
{
	char text[CATEGORIES_TEXT_MAX], size[SIZE_TEXT_MAX];
	struct json_object *object;

	output->count++;
	if (output->array) {
		object = json_append_object(output->array);
		json_add_hex(object, "start", start);
		json_add_hex(object, "end", end);
		categories_add_json(object, "categories", categories);
		vma_add_json(object, vma);
		return;
	}
	table_cell(output->table, "0x%llx", start);
	table_cell(output->table, "0x%llx", end);
	table_cell(output->table, "%s", size_text(end - start, size));
	table_cell(output->table, "%s", categories_text(categories, text));
	table_cell(output->table, "%s", vma ? vma->perm : "-");
	table_cell(output->table, "%s", vma ? vma->path : "");
}

static void put_extent(void *arg, const struct pgtbl_extent *extent)
{
	struct output *output = arg;
	const struct vma *vma;
	__u64 start, end;

	for (start = extent->start; start < extent->end; start = end) {
		end = maps_step(&output->maps, start, extent->end, &vma);
		put(output, start, end, extent->categories, vma);
	}
}

static struct table *new_table(void)
{
	struct table *table = table_new();

	table_column(table, "START", COLUMN_RIGHT);
	table_column(table, "END", COLUMN_RIGHT);
	table_column(table, "SIZE", COLUMN_RIGHT);
	table_column(table, "IS", COLUMN_LEFT);
	table_column(table, "PERM", COLUMN_LEFT);
	table_column(table, "MAPPING", COLUMN_LEFT);
	return table;
}

static void print(struct output *output, const struct call *call,
		  const struct scan *scan)
{
	__u64 bytes = scan->pages * page_size(call->p);
	struct json_object *top;
	char size[SIZE_TEXT_MAX];

	if (!out_json) {
		table_print(output->table);
		printf("%s%llu ranges, %llu pages, %s\n",
		       output->count ? "\n" : "", output->count, scan->pages,
		       size_text(bytes, size));
		return;
	}
	top = json_new_object();
	json_add_number(top, "pid", call->pid);
	json_add_number(top, "pages", scan->pages);
	json_add_number(top, "bytes", bytes);
	json_add(top, "ranges", output->array);
	json_print(top);
}

static int scan_run(const struct call *call)
{
	struct output output = {};
	struct scan scan = {
		.report = show ? show : PGTBL_IS_ALL,
		.mask = is | is_not,
		.value = is,
		.extent = put_extent,
		.arg = &output,
	};
	int status = EXIT_SUCCESS;

	if (is & is_not)
		return usage_error(&cmd_scan,
				   "a category can't be in both --is and --not");
	/* holes are of interest if someone says so */
	if (!(is & PGTBL_IS_UNMAPPED))
		scan.mask |= PGTBL_IS_UNMAPPED;
	if (maps_read(call->pid, &output.maps)) {
		maps_free(&output.maps);
		return fail_pid(cmd_scan.name, call->pid, errno);
	}
	if (out_json)
		output.array = json_new_array();
	else
		output.table = new_table();
	if (scan_range(call->p, call->pid, &call->range, &scan)) {
		status = fail_pid(cmd_scan.name, call->pid, errno);
		json_object_put(output.array);
		if (output.table)
			table_print(output.table);
	} else {
		print(&output, call, &scan);
	}
	maps_free(&output.maps);
	return status;
}

const struct command cmd_scan = {
	.name = "scan",
	.synopsis = "[OPTION...] [RANGE]",
	.summary = "Find memory of a process by category",
	.details =
	"Categories: present, writable, accessed, dirty, soft-dirty, huge, swap,\n"
	"file, zero, prot-none, special, unmapped. What is not mapped is shown with\n"
	"--is unmapped only. RANGE is START-END, START+SIZE or the name of a\n"
	"mapping, such as [heap]; addresses are hexadecimal.\n",
	.opts = opts,
	.operands = OPERANDS_RANGE,
	.run = scan_run,
};
