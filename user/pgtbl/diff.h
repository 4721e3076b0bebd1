/* SPDX-License-Identifier: GPL-2.0-only */
/* All entries of a process at a time, and what is different at another. */
#ifndef DIFF_H
#define DIFF_H

#include "space.h"

/**
 * struct item - an entry of a snapshot
 * @start: first address that it describes
 * @entry: the entry
 * @level: its level
 */
struct item {
	__u64 start;
	__u64 entry;
	unsigned int level;
};

/**
 * struct snapshot - a process's entries that are not empty
 * @items: sorted by address
 * @count: how many
 * @room: how many fit
 * @maps: the process's mappings
 */
struct snapshot {
	struct item *items;
	size_t count;
	size_t room;
	struct maps maps;
};

enum change_type {
	CHANGE_NEW,
	CHANGE_GONE,
	CHANGE_SWAPPED_OUT,
	CHANGE_SWAPPED_IN,
	CHANGE_MOVED,		/* another frame; maybe other flags, too */
	CHANGE_FLAGS,
};

/**
 * struct change - neighbours that changed alike
 * @start: first address
 * @end: first address behind
 * @level: of the entries
 * @type: what happened
 * @set: flags that are new
 * @cleared: flags that are gone
 * @vma: the mapping (of the old snapshot where memory is gone), or NULL
 */
struct change {
	__u64 start;
	__u64 end;
	unsigned int level;
	enum change_type type;
	flagset set;
	flagset cleared;
	const struct vma *vma;
};

/**
 * snapshot_take - read all entries of a process
 * @p: handle
 * @pid: whose
 * @range: only what describes these addresses
 * @snapshot: filled in, to be given to snapshot_free() in any case
 *
 * Return: 0, or -1 and errno.
 */
int snapshot_take(const struct pgtbl *p, pid_t pid, const struct range *range,
		  struct snapshot *snapshot);

/**
 * snapshot_free - free a snapshot
 * @snapshot: from snapshot_take()
 */
void snapshot_free(struct snapshot *snapshot);

/**
 * snapshot_diff - compare two snapshots of a process
 * @p: handle
 * @old: the earlier one
 * @new: the later one
 * @take: is given the changes, sorted by address
 * @arg: for @take
 */
void snapshot_diff(const struct pgtbl *p, const struct snapshot *old,
		   const struct snapshot *new,
		   void (*take)(void *arg, const struct change *change),
		   void *arg);

#endif /* DIFF_H */
