// SPDX-License-Identifier: GPL-2.0-only
/* Reads the page tables of a process: see space.h. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "space.h"

/* How often to look again at an entry whose table is gone */
#define TRIES	64

/**
 * struct reader - a reading under way
 * @p: handle
 * @pid: whose
 * @range: only these addresses
 * @ops: what to do with what is found
 * @arg: for @ops
 * @window: a page for each level: the tables on the way down, live
 * @copy: for each level: the table as it was when it was reached
 */
struct reader {
	const struct pgtbl *p;
	pid_t pid;
	const struct range *range;
	const struct space_ops *ops;
	void *arg;
	char *window;
	__u64 *copy[PGTBL_NR_LEVELS];
};

static void *window_page(const struct reader *r, unsigned int level)
{
	return r->window + level * page_size(r->p);
}

/* An entry's first address, that of its table being known */
static __u64 entry_start(const struct reader *r, unsigned int level,
			 __u64 table_start, unsigned int index)
{
	return table_start + entry_span(r->p, level) * index;
}

/* Copies a table that is in the window, and counts */
static void copy_table(struct reader *r, struct table_info *table)
{
	const struct pgtbl_geometry *geometry =
		&pgtbl_get_info(r->p)->geometry[table->level];
	const void *page = window_page(r, table->level);
	__u64 *copy = r->copy[table->level];
	unsigned int i;

	table->entries = geometry->user_entries;
	table->bytes = geometry->entries * geometry->entry_size;
	table->end = entry_start(r, table->level, table->start,
				 geometry->user_entries);
	table->used = 0;
	table->leaves = 0;
	for (i = 0; i < geometry->user_entries; i++) {
		enum pgtbl_kind kind;

		copy[i] = pgtbl_entry(r->p, page, i);
		kind = pgtbl_decode(r->p, table->level, copy[i], NULL);
		table->used += kind != PGTBL_KIND_NONE;
		table->leaves += kind == PGTBL_KIND_LEAF;
	}
}

/*
 * Puts a table into its level's page of the window. Not pgtbl_remap_table():
 * what has become a table for other addresses meanwhile must not be read.
 */
static int remap(struct reader *r, struct table_info *table)
{
	struct pgtbl_remap remap = {
		.size = sizeof(remap),
		.pid = r->pid,
		.level = table->level,
		.remap_vaddr = (uintptr_t)window_page(r, table->level),
		.pfn = table->pfn,
		.addr = table->start,
	};
	int ret;

	do {
		ret = ioctl(pgtbl_fd(r->p), PGTBL_IOC_REMAP, &remap);
	} while (ret && errno == EINTR);
	if (ret)
		return -1;
	if (remap.addr != table->start) {
		errno = EAGAIN;
		return -1;
	}
	table->pfn = remap.pfn;
	return 0;
}

static int read_table(struct reader *r, struct table_info *table);

/*
 * Goes down one level. The table may be gone by now: then the entry that
 * pointed to it has changed, and is read again.
 *
 * Return: 1 @entry is no table any more, 0 done, -1 and errno.
 */
static int descend(struct reader *r, unsigned int level, unsigned int index,
		   __u64 start, __u64 *entry)
{
	struct table_info table = {
		.level = pgtbl_next_level(r->p, level),
		.start = start,
	};
	struct table_info top = {.level = PGTBL_PGD};
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (pgtbl_decode(r->p, level, *entry, &table.pfn) !=
		    PGTBL_KIND_TABLE)
			return 1;
		if (!remap(r, &table))
			return read_table(r, &table);
		if (errno != EINVAL && errno != EAGAIN)
			return -1;
		/* the top level's table may be a copy: ask for a new one */
		if (level == PGTBL_PGD && remap(r, &top))
			return -1;
		*entry = pgtbl_entry(r->p, window_page(r, level), index);
	}
	errno = EAGAIN;
	return -1;
}

static int read_entry(struct reader *r, unsigned int level, unsigned int index,
		      __u64 start, __u64 entry)
{
	struct entry_info info = {
		.level = level,
		.start = start,
		.end = start + entry_span(r->p, level),
	};
	int ret;

	ret = descend(r, level, index, start, &entry);
	if (ret <= 0)
		return ret;
	info.entry = entry;
	info.kind = pgtbl_decode(r->p, level, entry, &info.pfn);
	if (info.kind != PGTBL_KIND_NONE && r->ops->entry)
		r->ops->entry(r->arg, &info);
	return 0;
}

static int read_table(struct reader *r, struct table_info *table)
{
	const __u64 *copy = r->copy[table->level];
	__u64 start, span = entry_span(r->p, table->level);
	unsigned int i;

	copy_table(r, table);
	if (r->ops->table)
		r->ops->table(r->arg, table);
	for (i = 0; i < table->entries; i++) {
		start = entry_start(r, table->level, table->start, i);
		if (!copy[i] || start + span - 1 < r->range->start ||
		    start >= r->range->end)
			continue;
		if (read_entry(r, table->level, i, start, copy[i]))
			return -1;
	}
	return 0;
}

static int read_all(struct reader *r)
{
	struct table_info top = {.level = PGTBL_PGD};

	if (remap(r, &top))
		return -1;
	return read_table(r, &top);
}

int space_read(const struct pgtbl *p, pid_t pid, const struct range *range,
	       const struct space_ops *ops, void *arg)
{
	struct reader r = {
		.p = p, .pid = pid, .range = range, .ops = ops, .arg = arg,
	};
	unsigned int level, entries;
	int ret, err;

	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		entries = pgtbl_get_info(p)->geometry[level].entries;
		r.copy[level] = must(calloc(entries + 1, sizeof(__u64)));
	}
	r.window = pgtbl_window(p, PGTBL_NR_LEVELS, PROT_READ);
	ret = r.window ? read_all(&r) : -1;
	err = errno;
	if (r.window)
		munmap(r.window, PGTBL_NR_LEVELS * page_size(p));
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		free(r.copy[level]);
	errno = err;
	return ret;
}
