/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The look-ups of the fault path, inline: every call that is saved there is
 * saved for every fault. All of them run in probe handlers, with preemption off
 * (which is an RCU read-side section), and take no lock.
 */
#ifndef _PFSTAT_FAST_H
#define _PFSTAT_FAST_H

#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>

#include "pfstat.h"

/* ---- locks ------------------------------------------------------------------ */

/*
 * An int3 counts as an NMI on x86, where lockdep rightly wants no lock that
 * others hold with interrupts off. But these breakpoints hit where we have put
 * them, and there nobody holds a lock of ours: the holder, if there is one, is
 * on another CPU, and is waited for. trylock says so.
 */
static inline unsigned long pf_probe_lock(raw_spinlock_t *lock)
{
	unsigned long flags;

	local_irq_save(flags);
	while (!raw_spin_trylock(lock))
		cpu_relax();
	return flags;
}

static inline void pf_probe_unlock(raw_spinlock_t *lock, unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}

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
 * @class: of the faults that go through it, PF_CLASS_*
 */
struct pf_range {
	unsigned long start;
	unsigned long size;
	unsigned int class;
};

extern struct pf_range pf_fault_ranges[PF_FAULT_RANGES];
extern unsigned int pf_fault_range_nr;

/**
 * pf_fault_class() - which faults a return address belongs to
 * @caller: the return address
 *
 * Context: any.
 * Return: PF_CLASS_* of the function of symbol.c that it lies in, or 0.
 */
static inline unsigned int pf_fault_class(unsigned long caller)
{
	const struct pf_range *range = pf_fault_ranges;

	for (; range < pf_fault_ranges + pf_fault_range_nr; range++) {
		if (caller - range->start < range->size)
			return range->class;
	}
	return 0;
}

/* ---- the vm_fault of the fault that is going on: see live.c --------------- */

/**
 * struct pf_site - a call in the fault path
 * @caller: its return address, once it was seen
 * @offset: from the hook's registers to the vm_fault
 */
struct pf_site {
	unsigned long caller;
	unsigned long offset;
};

/**
 * struct pf_live_key - what is known of a vm_fault
 * @vma: its VMA
 * @pte: its entry, or NULL if only @page is known
 * @address: its page, if @pte is set
 * @page: its page if @pte is not set
 */
struct pf_live_key {
	const struct vm_area_struct *vma;
	const pte_t *pte;
	unsigned long address;
	const struct page *page;
};

/*
 * Whether @vmf, which may be anything on this stack, is the fault that replaces
 * the page of an entry, or that keeps a page.
 */
static __always_inline bool pf_live_copies(const struct vm_fault *vmf,
					   const struct vm_area_struct *vma,
					   unsigned long address,
					   const pte_t *ptep)
{
	return READ_ONCE_NOCHECK(vmf->vma) == vma &&
	       READ_ONCE_NOCHECK(vmf->pte) == ptep &&
	       READ_ONCE_NOCHECK(vmf->address) == address;
}

static __always_inline bool pf_live_keeps(const struct vm_fault *vmf,
					  const struct vm_area_struct *vma,
					  const struct page *page)
{
	return READ_ONCE_NOCHECK(vmf->vma) == vma &&
	       READ_ONCE_NOCHECK(vmf->page) == page;
}

const struct vm_fault *pf_live_find(struct pf_site *site,
				    const struct pt_regs *regs,
				    unsigned long caller,
				    const struct pf_live_key *key);

/**
 * pf_live_guess() - where the vm_fault was last time
 * @site: the call
 * @regs: the hook's
 * @caller: the hooked function's
 *
 * Context: any hook, whoever called the hooked function.
 * Return: a place on the stack, to be compared, and then @caller is in the
 *	fault path; or NULL.
 */
static __always_inline const struct vm_fault *
pf_live_guess(const struct pf_site *site, const struct pt_regs *regs,
	      unsigned long caller)
{
	unsigned long at = (unsigned long)regs + READ_ONCE(site->offset);
	unsigned long last = at + sizeof(struct vm_fault) - 1;

	if (unlikely(READ_ONCE(site->caller) != caller))
		return NULL;
	/* A stack is aligned to its size: not beyond its end. */
	if (unlikely((last ^ (unsigned long)regs) & ~(THREAD_SIZE - 1)))
		return NULL;
	return (void *)at;
}

#endif /* _PFSTAT_FAST_H */
