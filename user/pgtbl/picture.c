// SPDX-License-Identifier: GPL-2.0-only
/* What a picture of an address space shows: gathered. */
#include <errno.h>
#include <stdlib.h>

#include "scan.h"
#include "svg.h"

/* Makes room for one more element */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room += *room / 2 + 256;
	return must(reallocarray(array, *room, size));
}

static void take_extent(void *arg, const struct pgtbl_extent *extent)
{
	struct picture *picture = arg;

	picture->extents = grow(picture->extents, picture->nr_extents,
				&picture->extents_room, sizeof(*extent));
	picture->extents[picture->nr_extents++] = *extent;
}

static void take_table(void *arg, const struct table_info *table)
{
	struct picture *picture = arg;

	picture->tables = grow(picture->tables, picture->nr_tables,
			       &picture->tables_room, sizeof(*table));
	picture->tables[picture->nr_tables++] = *table;
}

static void take_entry(void *arg, const struct entry_info *entry)
{
	struct picture *picture = arg;
	struct entry_info *last;

	if (pgtbl_next_level(picture->p, entry->level) == PGTBL_NO_LEVEL)
		return;
	if (picture->nr_huge) {
		last = &picture->huge[picture->nr_huge - 1];
		if (last->end == entry->start && last->level == entry->level) {
			last->end = entry->end;
			return;
		}
	}
	picture->huge = grow(picture->huge, picture->nr_huge,
			     &picture->huge_room, sizeof(*entry));
	picture->huge[picture->nr_huge++] = *entry;
}

/* They are found from the top down; drawn column by column. */
static int by_level(const void *a, const void *b)
{
	const struct table_info *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

int picture_take(const struct command *cmd, const struct call *call,
		 struct picture *picture)
{
	static const struct space_ops ops = {
		.table = take_table,
		.entry = take_entry,
	};
	struct scan scan = {
		.report = PGTBL_IS_ALL,
		.mask = PGTBL_IS_UNMAPPED,
		.extent = take_extent,
		.arg = picture,
	};
	int status;

	*picture = (struct picture){
		.p = call->p,
		.pid = call->pid,
		.range = call->range,
	};
	picture->name = proc_name(call->pid);
	if (maps_read(call->pid, &picture->maps) ||
	    space_read(call->p, call->pid, &call->range, &ops, picture) ||
	    scan_range(call->p, call->pid, &call->range, &scan)) {
		status = fail_pid(cmd->name, call->pid, errno);
		picture_free(picture);
		return status;
	}
	if (picture->nr_tables)
		qsort(picture->tables, picture->nr_tables,
		      sizeof(*picture->tables), by_level);
	return 0;
}

void picture_free(struct picture *picture)
{
	free(picture->name);
	maps_free(&picture->maps);
	free(picture->extents);
	free(picture->tables);
	free(picture->huge);
	*picture = (struct picture){};
}
