// SPDX-License-Identifier: GPL-2.0-only
/* Entries at two times: see diff.h. */
#include <errno.h>
#include <stdlib.h>

#include "diff.h"

static void take_entry(void *arg, const struct entry_info *entry)
{
	struct snapshot *snapshot = arg;

	if (snapshot->count == snapshot->room) {
		snapshot->room += snapshot->room / 2 + 1024;
		snapshot->items = must(reallocarray(snapshot->items,
						    snapshot->room,
						    sizeof(struct item)));
	}
	snapshot->items[snapshot->count++] = (struct item){
		.start = entry->start,
		.entry = entry->entry,
		.level = entry->level,
	};
}

int snapshot_take(const struct pgtbl *p, pid_t pid, const struct range *range,
		  struct snapshot *snapshot)
{
	static const struct space_ops ops = {.entry = take_entry};

	*snapshot = (struct snapshot){};
	if (maps_read(pid, &snapshot->maps))
		return -1;
	return space_read(p, pid, range, &ops, snapshot);
}

void snapshot_free(struct snapshot *snapshot)
{
	int err = errno;

	free(snapshot->items);
	maps_free(&snapshot->maps);
	*snapshot = (struct snapshot){};
	errno = err;
}

/**
 * struct diff - a comparison under way
 * @p: handle
 * @old: the earlier snapshot
 * @new: the later one
 * @take: is given the changes
 * @arg: for @take
 * @change: may still grow
 * @pending: there is one
 */
struct diff {
	const struct pgtbl *p;
	const struct snapshot *old;
	const struct snapshot *new;
	void (*take)(void *arg, const struct change *change);
	void *arg;
	struct change change;
	bool pending;
};

static void flush(struct diff *diff)
{
	if (diff->pending)
		diff->take(diff->arg, &diff->change);
	diff->pending = false;
}

static void put(struct diff *diff, const struct item *item,
		struct change change)
{
	const struct maps *maps = change.type == CHANGE_GONE ?
				  &diff->old->maps : &diff->new->maps;
	struct change *last = &diff->change;

	change.start = item->start;
	change.end = item->start + entry_span(diff->p, item->level);
	change.level = item->level;
	change.vma = maps_at(maps, item->start);
	if (diff->pending && last->end == change.start &&
	    last->level == change.level && last->type == change.type &&
	    last->set == change.set && last->cleared == change.cleared &&
	    last->vma == change.vma) {
		last->end = change.end;
		return;
	}
	flush(diff);
	*last = change;
	diff->pending = true;
}

static void put_new(struct diff *diff, const struct item *item)
{
	struct change change = {
		.type = CHANGE_NEW,
		.set = entry_flags(diff->p, item->level, item->entry),
	};

	put(diff, item, change);
}

static void put_gone(struct diff *diff, const struct item *item)
{
	struct change change = {.type = CHANGE_GONE};

	put(diff, item, change);
}

/* The same address and level, but another entry */
static void compare(struct diff *diff, const struct item *old,
		    const struct item *new)
{
	flagset before = entry_flags(diff->p, old->level, old->entry);
	flagset after = entry_flags(diff->p, new->level, new->entry);
	enum pgtbl_kind kind_before, kind_after;
	__u64 pfn_before, pfn_after;
	struct change change = {
		.set = after & ~before,
		.cleared = before & ~after,
	};

	kind_before = pgtbl_decode(diff->p, old->level, old->entry,
				   &pfn_before);
	kind_after = pgtbl_decode(diff->p, new->level, new->entry, &pfn_after);
	if (kind_before != kind_after) {
		change.type = kind_after == PGTBL_KIND_SWAP ?
			      CHANGE_SWAPPED_OUT : CHANGE_SWAPPED_IN;
		/* all flags are new, or gone: no need to say so */
		change.cleared = 0;
	} else if (kind_after == PGTBL_KIND_SWAP || pfn_before != pfn_after) {
		change.type = CHANGE_MOVED;
	} else if (change.set || change.cleared) {
		change.type = CHANGE_FLAGS;
	} else {
		/* a bit that has no name */
		return;
	}
	put(diff, new, change);
}

void snapshot_diff(const struct pgtbl *p, const struct snapshot *old,
		   const struct snapshot *new,
		   void (*take)(void *arg, const struct change *change),
		   void *arg)
{
	struct diff diff = {
		.p = p, .old = old, .new = new, .take = take, .arg = arg,
	};
	size_t i = 0, j = 0;

	while (i < old->count || j < new->count) {
		const struct item *was = &old->items[i];
		const struct item *is = &new->items[j];

		if (j == new->count ||
		    (i < old->count && was->start < is->start)) {
			put_gone(&diff, was);
			i++;
		} else if (i == old->count || is->start < was->start) {
			put_new(&diff, is);
			j++;
		} else if (was->level != is->level) {
			/* joined into a huge page, or split */
			put_gone(&diff, was);
			put_new(&diff, is);
			i++;
			j++;
		} else {
			if (was->entry != is->entry)
				compare(&diff, was, is);
			i++;
			j++;
		}
	}
	flush(&diff);
}
