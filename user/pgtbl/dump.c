// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl dump: what the entries of a process say, as ranges that agree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../cli/table.h"
#include "space.h"
#include "svg.h"

static bool pages;
static const char *svg_path;

static const char *set_string(const char *arg, void *to)
{
	*(const char **)to = arg;
	return *arg ? NULL : "a file name is not empty";
}

static const struct opt opts[] = {
	OPT_PID,
	OPT_FLAG("pages", &pages, "a line for each entry, with its frame"),
	{.name = "svg", .arg = "FILE", .set = set_string, .to = &svg_path,
	 .help = "draw a picture into FILE (- for standard output)"},
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

/**
 * struct extent - neighbours whose entries agree
 * @first: the first entry
 * @end: first address behind the last
 * @flags: what all have
 * @vma: the mapping in which all are, NULL for none
 */
struct extent {
	struct entry_info first;
	__u64 end;
	flagset flags;
	const struct vma *vma;
};

/**
 * struct dump - a dump under way
 * @p: handle
 * @range: only these addresses
 * @maps: the process's mappings
 * @extents: sorted by address; the last may still grow
 * @count: how many
 * @room: how many fit
 */
struct dump {
	const struct pgtbl *p;
	const struct range *range;
	struct maps maps;
	struct extent *extents;
	size_t count;
	size_t room;
};

static void add_json(const struct dump *dump, struct json_object *array,
		     const struct extent *extent)
{
	struct json_object *object = json_append_object(array);

	json_add_hex(object, "start", extent->first.start);
	json_add_hex(object, "end", extent->end);
	json_add_text(object, "level", level_name(extent->first.level));
	json_add_text(object, "kind", kind_name(extent->first.kind));
	if (pages) {
		json_add_hex(object, "entry", extent->first.entry);
		json_add_hex(object, "pfn", extent->first.pfn);
	}
	flags_add_json(object, "flags", dump->p, extent->flags);
	vma_add_json(object, extent->vma);
}

static void add_row(const struct dump *dump, struct table *table,
		    const struct extent *extent, flagset common)
{
	char flags[FLAGS_TEXT_MAX], size[SIZE_TEXT_MAX];

	table_cell(table, "0x%llx", extent->first.start);
	table_cell(table, "0x%llx", extent->end);
	table_cell(table, "%s",
		   size_text(extent->end - extent->first.start, size));
	table_cell(table, "%s", level_name(extent->first.level));
	if (pages) {
		table_cell(table, "0x%llx", extent->first.entry);
		table_cell(table, "0x%llx", extent->first.pfn);
	}
	if (extent->first.kind == PGTBL_KIND_SWAP)
		table_cell(table, "%s", kind_name(PGTBL_KIND_SWAP));
	else
		table_cell(table, "%s", flags_text(dump->p,
						   extent->flags & ~common,
						   "", flags));
	table_cell(table, "%s", extent->vma ? extent->vma->perm : "?");
	table_cell(table, "%s", extent->vma ? extent->vma->path : "");
}

static void add_piece(struct dump *dump, const struct extent *piece)
{
	struct extent *last = dump->extents + dump->count - 1;

	if (dump->count && !pages && last->end == piece->first.start &&
	    last->first.level == piece->first.level &&
	    last->first.kind == piece->first.kind &&
	    last->flags == piece->flags && last->vma == piece->vma) {
		last->end = piece->end;
		return;
	}
	if (dump->count == dump->room) {
		dump->room += dump->room / 2 + 256;
		dump->extents = must(reallocarray(dump->extents, dump->room,
						  sizeof(*piece)));
	}
	dump->extents[dump->count++] = *piece;
}

/* Two mappings may share an entry that is huge: a piece for each. */
static void take_entry(void *arg, const struct entry_info *entry)
{
	struct dump *dump = arg;
	struct extent piece = {
		.first = *entry,
		.flags = entry_flags(dump->p, entry->level, entry->entry),
	};
	__u64 end = entry->end;

	if (piece.first.start < dump->range->start)
		piece.first.start = dump->range->start;
	if (end > dump->range->end)
		end = dump->range->end;
	for (; piece.first.start < end; piece.first.start = piece.end) {
		piece.end = maps_step(&dump->maps, piece.first.start, end,
				      &piece.vma);
		add_piece(dump, &piece);
	}
}

static struct table *new_table(void)
{
	struct table *table = table_new();

	table_column(table, "START", COLUMN_RIGHT);
	table_column(table, "END", COLUMN_RIGHT);
	table_column(table, "SIZE", COLUMN_RIGHT);
	table_column(table, "LEVEL", COLUMN_LEFT);
	if (pages) {
		table_column(table, "ENTRY", COLUMN_RIGHT);
		table_column(table, "PFN", COLUMN_RIGHT);
	}
	table_column(table, "FLAGS", COLUMN_LEFT);
	table_column(table, "PERM", COLUMN_LEFT);
	table_column(table, "MAPPING", COLUMN_LEFT);
	return table;
}

/* Flags that all have tell nothing in each line. */
static flagset common_flags(const struct dump *dump)
{
	flagset common = ~0ull;
	size_t i, leaves = 0;

	for (i = 0; i < dump->count; i++) {
		if (dump->extents[i].first.kind != PGTBL_KIND_LEAF)
			continue;
		common &= dump->extents[i].flags;
		leaves++;
	}
	return leaves > 1 ? common : 0;
}

static void print_text(const struct dump *dump)
{
	struct table *table = new_table();
	flagset common = common_flags(dump);
	char flags[FLAGS_TEXT_MAX];
	size_t i;

	for (i = 0; i < dump->count; i++)
		add_row(dump, table, &dump->extents[i], common);
	if (common)
		printf("in all lines: %s\n\n",
		       flags_text(dump->p, common, "", flags));
	table_print(table);
}

static void print_json(const struct dump *dump, pid_t pid)
{
	struct json_object *top = json_new_object();
	struct json_object *array = json_new_array();
	char *name = proc_name(pid);
	size_t i;

	json_add_number(top, "pid", pid);
	json_add_text(top, "name", name);
	json_add(top, "ranges", array);
	for (i = 0; i < dump->count; i++)
		add_json(dump, array, &dump->extents[i]);
	json_print(top);
	free(name);
}

static int dump_text(const struct call *call)
{
	static const struct space_ops ops = {.entry = take_entry};
	struct dump dump = {.p = call->p, .range = &call->range};
	int status = EXIT_SUCCESS;

	if (maps_read(call->pid, &dump.maps) ||
	    space_read(call->p, call->pid, &call->range, &ops, &dump))
		status = fail_pid(cmd_dump.name, call->pid, errno);
	else if (out_json)
		print_json(&dump, call->pid);
	else
		print_text(&dump);
	free(dump.extents);
	maps_free(&dump.maps);
	return status;
}

static int dump_svg(const struct call *call)
{
	struct picture picture;
	FILE *file = stdout;
	int status, err = 0;

	status = picture_take(&cmd_dump, call, &picture);
	if (status)
		return status;
	if (strcmp(svg_path, "-")) {
		file = fopen(svg_path, "we");
		if (!file)
			err = errno;
	}
	if (!err) {
		svg_draw(&picture, file);
		if (file != stdout && (fflush(file) || ferror(file)))
			err = errno ? errno : EIO;
		if (file != stdout && fclose(file) && !err)
			err = errno;
	}
	picture_free(&picture);
	return err ? fail_file(cmd_dump.name, svg_path, err) : EXIT_SUCCESS;
}

static int dump_run(const struct call *call)
{
	if (!svg_path)
		return dump_text(call);
	if (pages || out_json)
		return usage_error(&cmd_dump,
				   "--svg goes with neither --pages nor --json");
	return dump_svg(call);
}

const struct command cmd_dump = {
	.name = "dump",
	.synopsis = "[OPTION...] [RANGE]",
	.summary = "Show what the entries of a process say, or draw it",
	.details =
	"Entries that agree in level and flags make a range; empty ones are not\n"
	"shown. Flags that all have stand on top. RANGE is START-END, START+SIZE or the name of a mapping, such as\n"
	"[heap]; addresses are hexadecimal.\n",
	.opts = opts,
	.operands = OPERANDS_RANGE,
	.run = dump_run,
};
