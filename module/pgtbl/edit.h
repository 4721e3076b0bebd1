/* SPDX-License-Identifier: GPL-2.0 */
/* Edits of page tables and how they are undone, for edit.c and undo.c. */
#ifndef _PGTBL_EDIT_H
#define _PGTBL_EDIT_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>

#include "pgtbl.h"

/**
 * struct pgtbl_edits - what was edited through a file
 * @spaces_lock: protects @spaces; outside of any mmap_lock
 * @spaces: list of struct pgtbl_space
 * @lock: protects the edits of all of them; taken in mmu notifiers, so inside
 *	mmap_lock and the locks of rmap, and no memory is allocated under it
 */
struct pgtbl_edits {
	struct mutex spaces_lock; /* see above */
	struct list_head spaces;
	struct mutex lock; /* see above */
};

/**
 * struct pgtbl_space - an address space that was edited
 * @link: in pgtbl_edits.spaces
 * @edits: the file's edits
 * @mm: the address space, mmgrab()ed
 * @notifier: tells when the kernel is about to change it; registered once
 *	there was a dangerous edit, as it makes changes dearer
 * @registered: it is; under spaces_lock
 * @dangerous: how many dangerous edits are in @made
 * @made: struct pgtbl_made by address
 */
struct pgtbl_space {
	struct list_head link;
	struct pgtbl_edits *edits;
	struct mm_struct *mm;
	struct mmu_notifier notifier;
	bool registered;
	unsigned int dangerous;
	struct rb_root made;
};

/**
 * struct pgtbl_made - an edit that was made
 * @node: in pgtbl_space.made; while it is being dropped, @next
 * @next: the next one to be dropped
 * @addr: address that the entry describes
 * @orig: the entry before the first edit
 * @now: the entry after the last one
 * @frame: page that @now maps and that is held for that, or NULL
 * @dangerous: the kernel must not find @now when it takes the entry away
 */
struct pgtbl_made {
	union {
		struct rb_node node;
		struct pgtbl_made *next;
	};
	unsigned long addr;
	pteval_t orig;
	pteval_t now;
	struct page *frame;
	bool dangerous;
};

/* The lock of the edits is held; notifiers look without it first. */
static inline void pgtbl_count_dangerous(struct pgtbl_space *space, int more)
{
	WRITE_ONCE(space->dangerous, space->dangerous + more);
}

struct pgtbl_space *pgtbl_space_get(struct pgtbl_edits *edits,
				    struct mm_struct *mm, bool dangerous);
struct pgtbl_made *pgtbl_made_find(struct pgtbl_space *space,
				   unsigned long addr);
void pgtbl_made_insert(struct pgtbl_space *space, struct pgtbl_made *made);
void pgtbl_made_erase(struct pgtbl_space *space, struct pgtbl_made *made);

int pgtbl_edit_locked(struct pgtbl_space *space, unsigned long addr,
		      pteval_t old, pteval_t new);

/* Bits that the CPU, or the kernel for it, sets on access. */
#define PGTBL_TOUCHED	(PGTBL_KEY_ACCESSED | PGTBL_DIRTY_BITS)

static inline bool pgtbl_same(pteval_t a, pteval_t b)
{
	return !((a ^ b) & ~(pteval_t)PGTBL_TOUCHED);
}

#endif /* _PGTBL_EDIT_H */
