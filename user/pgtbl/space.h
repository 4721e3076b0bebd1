/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the page tables of a process, table by table, through a window. */
#ifndef SPACE_H
#define SPACE_H

#include "cmd.h"
#include "entry.h"

/**
 * struct table_info - a table
 * @level: its level
 * @pfn: its frame
 * @start: first address that it describes
 * @end: first address behind it (of the top level: of user space)
 * @entries: how many entries describe user addresses
 * @used: how many of them are not empty
 * @leaves: how many of them map memory
 * @bytes: memory that the table takes
 */
struct table_info {
	unsigned int level;
	__u64 pfn;
	__u64 start;
	__u64 end;
	unsigned int entries;
	unsigned int used;
	unsigned int leaves;
	unsigned int bytes;
};

/**
 * struct entry_info - an entry that maps memory or holds a note of the kernel
 * @level: its level
 * @kind: PGTBL_KIND_LEAF or PGTBL_KIND_SWAP
 * @start: first address that it describes
 * @end: first address behind it
 * @entry: the entry
 * @pfn: the frame in it
 */
struct entry_info {
	unsigned int level;
	enum pgtbl_kind kind;
	__u64 start;
	__u64 end;
	__u64 entry;
	__u64 pfn;
};

/**
 * struct space_ops - what to do with what is found, in order of addresses
 * @table: a table, before what is in it; or NULL
 * @entry: an entry that is neither empty nor points to a table; or NULL
 */
struct space_ops {
	void (*table)(void *arg, const struct table_info *table);
	void (*entry)(void *arg, const struct entry_info *entry);
};

/**
 * space_read - read the page tables of a process
 * @p: handle
 * @pid: whose
 * @range: only what describes these addresses
 * @ops: what to do with it
 * @arg: for @ops
 *
 * The process goes on meanwhile: each table is as of one moment, not all of
 * the same.
 *
 * Return: 0, or -1 and errno.
 */
int space_read(const struct pgtbl *p, pid_t pid, const struct range *range,
	       const struct space_ops *ops, void *arg);

#endif /* SPACE_H */
