/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The look-ups of the fault path, inline: every call that is saved there is
 * saved for every fault. All of them run in probe handlers, with preemption off
 * (which is an RCU read-side section), and take no lock.
 */
#ifndef _PFSTAT_FAST_H
#define _PFSTAT_FAST_H

#include <linux/hash.h>
#include <linux/rculist.h>

#include "pfstat.h"

/* ---- spaces by mm ------------------------------------------------------- */

static inline struct hlist_head *pf_space_bucket(const struct mm_struct *mm)
{
	/* mm_structs are a slab's, their low bits are all alike. */
	unsigned long v = (unsigned long)mm;

	v = (v >> 6) ^ (v >> 16);
	return &pf_space_hash[v & ((1 << PF_SPACE_HASH_BITS) - 1)];
}

/* The first of @space and those behind it in its bucket that is @mm's. */
static __always_inline struct pf_space *
pf_space_match(struct hlist_node *node, const struct mm_struct *mm)
{
	struct pf_space *space;

	for (; node; node = rcu_dereference_raw(hlist_next_rcu(node))) {
		space = hlist_entry(node, struct pf_space, node);
		if (space->mm == mm)
			return space;
	}
	return NULL;
}

/**
 * pf_space_first() - the first space of an mm
 * @mm: which
 *
 * Context: RCU, preemption off, or pf_lock.
 * Return: it, or NULL.
 */
static __always_inline struct pf_space *
pf_space_first(const struct mm_struct *mm)
{
	return pf_space_match(rcu_dereference_raw(hlist_first_rcu(pf_space_bucket(mm))),
			      mm);
}

/**
 * pf_space_next() - the next space of the same mm
 * @space: from pf_space_first() or this
 *
 * Context: as pf_space_first(), without a break since then.
 * Return: it, or NULL.
 */
static __always_inline struct pf_space *pf_space_next(struct pf_space *space)
{
	return pf_space_match(rcu_dereference_raw(hlist_next_rcu(&space->node)),
			      space->mm);
}

/* ---- chunks by space and pages -------------------------------------------- */

#define PF_CHUNK_HASH_BITS	(BITS_PER_LONG == 64 ? 15 : 13)

extern struct hlist_head *pf_chunk_hash;

static inline unsigned int pf_chunk_index(const struct pf_space *space,
					  unsigned long base)
{
	return hash_long((unsigned long)space + base, PF_CHUNK_HASH_BITS);
}

static __always_inline struct pf_chunk *
pf_chunk_find(const struct hlist_head *bucket, const struct pf_space *space,
	      unsigned long base)
{
	struct pf_chunk *chunk;

	hlist_for_each_entry_rcu_notrace(chunk, bucket, node) {
		if (chunk->base == base && chunk->space == space)
			return chunk;
	}
	return NULL;
}

/**
 * pf_count() - count one fault
 * @space: of the mm that took it
 * @page: address >> PAGE_SHIFT
 * @kind: enum pfstat_kind
 * @may_defer: the current task is about to return to user mode
 *
 * Context: preemption off.
 */
static __always_inline void pf_count(struct pf_space *space, unsigned long page,
				     unsigned int kind, bool may_defer)
{
	unsigned long base = page >> PF_CHUNK_SHIFT;
	struct pf_chunk *chunk;

	chunk = pf_chunk_find(&pf_chunk_hash[pf_chunk_index(space, base)],
			      space, base);
	if (likely(chunk))
		atomic_inc(&chunk->count[page & (PF_CHUNK_PAGES - 1)][kind]);
	else
		pf_count_first(space, page, kind, may_defer);
}

/* ---- functions of the fault path -------------------------------------------- */

#define PF_FAULT_RANGES	8

/**
 * struct pf_range - a function of the kernel
 * @start: its address
 * @size: in bytes
 */
struct pf_range {
	unsigned long start;
	unsigned long size;
};

extern struct pf_range pf_fault_ranges[PF_FAULT_RANGES];
extern unsigned int pf_fault_range_nr;

/**
 * pf_on_fault_path() - whether a return address is in the fault path
 * @caller: the return address
 *
 * Context: any.
 * Return: whether it lies in one of the functions that symbol.c found.
 */
static __always_inline bool pf_on_fault_path(unsigned long caller)
{
	unsigned int i;

	for (i = 0; i < pf_fault_range_nr; i++) {
		if (caller - pf_fault_ranges[i].start < pf_fault_ranges[i].size)
			return true;
	}
	return false;
}

#endif /* _PFSTAT_FAST_H */
