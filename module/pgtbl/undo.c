// SPDX-License-Identifier: GPL-2.0
/*
 * Undoing edits: when the file is closed, when the kernel is about to change
 * what was edited, and when the address space ends.
 *
 * An edit is dangerous if the kernel would lose count of pages by it: it would
 * take a mapping from the page's count that it never added, or free a page
 * that is still mapped. So no code of the kernel that takes entries away,
 * copies or moves them may find one. All of it (unmap, fork, mremap, mprotect,
 * copying on write, migration, khugepaged, exit) announces itself to mmu
 * notifiers first. Page faults don't, and don't harm: a page that is held by
 * us is not reused in place but copied (do_wp_page()), which is announced.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "edit.h"

/**
 * pgtbl_made_find() - the edit of an address
 * @space: where; the lock of its edits is held
 * @addr: the address
 *
 * Return: the edit or NULL.
 */
struct pgtbl_made *pgtbl_made_find(struct pgtbl_space *space,
				   unsigned long addr)
{
	struct rb_node *node = space->made.rb_node;

	while (node) {
		struct pgtbl_made *made = rb_entry(node, struct pgtbl_made,
						   node);

		if (addr == made->addr)
			return made;
		node = addr < made->addr ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/**
 * pgtbl_made_insert() - remember an edit; there is none of that address yet
 * @space: where; the lock of its edits is held
 * @made: the edit
 */
void pgtbl_made_insert(struct pgtbl_space *space, struct pgtbl_made *made)
{
	struct rb_node **link = &space->made.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (made->addr < rb_entry(parent, struct pgtbl_made,
					  node)->addr)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&made->node, parent, link);
	rb_insert_color(&made->node, &space->made);
	pgtbl_count_dangerous(space, made->dangerous);
}

/**
 * pgtbl_made_erase() - forget an edit
 * @space: where; the lock of its edits is held
 * @made: the edit, the caller's now
 */
void pgtbl_made_erase(struct pgtbl_space *space, struct pgtbl_made *made)
{
	rb_erase(&made->node, &space->made);
	pgtbl_count_dangerous(space, -made->dangerous);
}

/* restored() - what an entry becomes when an edit of its flags is undone */
static pte_t restored(pte_t pte, const struct pgtbl_made *made)
{
	pte_t orig = __pte(made->orig);

	if (pte_young(orig))
		pte = pte_mkyoung(pte);
	if (pte_dirty(orig))
		pte = pte_mkdirty(pte);
	if (pte_soft_dirty(orig))
		pte = pte_mksoft_dirty(pte);
	/*
	 * Only a page that is this process's alone; others are made writable
	 * by the kernel, on the next write, if they may be.
	 */
	if (pte_write(orig) && !pte_write(pte) && !pte_special(pte) &&
	    pfn_valid(pte_pfn(pte)) && PageAnon(pte_page(pte)) &&
	    PageAnonExclusive(pte_page(pte)))
		pte = pte_mkwrite_novma(pte);
	return pte;
}

/* taken_back() - what an entry becomes when a dangerous edit is undone */
static pteval_t taken_back(pteval_t entry, const struct pgtbl_made *made)
{
	pte_t orig = __pte(made->orig);

	/* The page was used meanwhile: not to be forgotten. */
	if (pgtbl_kind(PGTBL_PTE, made->orig) == PGTBL_KIND_LEAF &&
	    pgtbl_pfn(PGTBL_PTE, made->orig) == pgtbl_pfn(PGTBL_PTE, entry)) {
		if (pte_young(__pte(entry)))
			orig = pte_mkyoung(orig);
		if (pte_dirty(__pte(entry)))
			orig = pte_mkdirty(orig);
	}
	return pte_val(orig);
}

/* undo_entry() - true if the entry was changed, so that it must be flushed */
static bool undo_entry(const struct pgtbl_made *made, pte_t *ptep)
{
	pteval_t old, new;

	do {
		old = pgtbl_read(ptep);
		/* A fault may have changed its flags; the frame is the edit. */
		if (pgtbl_kind(PGTBL_PTE, old) != PGTBL_KIND_LEAF ||
		    pgtbl_pfn(PGTBL_PTE, old) !=
		    pgtbl_pfn(PGTBL_PTE, made->now))
			return false;
		if (made->dangerous)
			new = taken_back(old, made);
		else
			new = pte_val(restored(__pte(old), made));
		if (old == new)
			return false;
	} while (!pgtbl_cmpxchg(ptep, old, new));

	/* The page was written to through the entry that is taken away. */
	if (made->frame && pte_dirty(__pte(old)))
		set_page_dirty(made->frame);
	return true;
}

/* undo_one() - the same, when the table must be found first */
static bool undo_one(struct pgtbl_space *space, const struct pgtbl_made *made)
{
	pmd_t *pmd = pgtbl_pmd(space->mm, made->addr);
	spinlock_t *ptl; /* of the table */
	pte_t *pte;
	bool ret;

	if (!pmd)
		return false;
	pte = pf_pte_lock(space->mm, pmd, made->addr, &ptl);
	if (!pte)
		return false;
	ret = undo_entry(made, pte);
	pte_unmap_unlock(pte, ptl);
	return ret;
}

/* made_from() - the first edit of an address or behind it, or NULL */
static struct pgtbl_made *made_from(struct pgtbl_space *space,
				    unsigned long addr)
{
	struct rb_node *node = space->made.rb_node;
	struct pgtbl_made *found = NULL;

	while (node) {
		struct pgtbl_made *made = rb_entry(node, struct pgtbl_made,
						   node);

		if (made->addr < addr) {
			node = node->rb_right;
			continue;
		}
		found = made;
		node = node->rb_left;
	}
	return found;
}

/* What undo_range() has to do, and may. */
#define UNDO_ALL	BIT(0)	/* harmless edits too */
#define UNDO_ATOMIC	BIT(1)	/* it must not sleep */

/*
 * undo_range() - undo and forget edits
 *
 * There may be millions, of which a fault or an unmapping asks for few. The
 * frames are let go only when no CPU can reach them any more.
 *
 * Context: the lock of the edits. The tables are kept by the mmap_lock, or by
 * the locks of rmap under which the notifier was called, which free_pgtables()
 * takes too (unlink_anon_vmas(), unlink_file_vma()) before it frees any.
 */
static void undo_range(struct pgtbl_space *space, unsigned long start,
		       unsigned long end, unsigned int how)
{
	struct pgtbl_made *dropped = NULL, *made, *next;
	bool flush = false;

	for (made = made_from(space, start); made && made->addr < end;
	     made = next) {
		next = rb_entry_safe(rb_next(&made->node), struct pgtbl_made,
				     node);
		if (!(how & UNDO_ATOMIC))
			cond_resched();
		if (!made->dangerous && !(how & UNDO_ALL))
			continue;
		flush |= undo_one(space, made);
		pgtbl_made_erase(space, made);
		made->next = dropped;
		dropped = made;
	}
	if (flush)
		pgtbl_arch_flush(space->mm, NULL, start, end);
	while (dropped) {
		made = dropped;
		dropped = made->next;
		if (made->frame)
			put_page(made->frame);
		kfree(made);
		if (!(how & UNDO_ATOMIC))
			cond_resched();
	}
}

static int invalidate_range_start(struct mmu_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct pgtbl_space *space = container_of(notifier, struct pgtbl_space,
						 notifier);
	struct mutex *lock = &space->edits->lock;
	unsigned int how = 0;

	if (!READ_ONCE(space->dangerous))
		return 0;
	if (mmu_notifier_range_blockable(range)) {
		mutex_lock(lock);
	} else {
		if (!mutex_trylock(lock))
			return -EAGAIN;
		how = UNDO_ATOMIC;
	}
	undo_range(space, range->start, range->end, how);
	mutex_unlock(lock);
	return 0;
}

/* exit_mmap() is about to unmap everything, or we unregister. */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct pgtbl_space *space = container_of(notifier, struct pgtbl_space,
						 notifier);

	mutex_lock(&space->edits->lock);
	undo_range(space, 0, ULONG_MAX, 0);
	mutex_unlock(&space->edits->lock);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = invalidate_range_start,
	.release = release,
};

/* forget_space() - its edits are undone, or nothing is left to undo them in */
static void forget_space(struct pgtbl_space *space)
{
	struct rb_node *node;

	list_del(&space->link);
	if (space->registered)
		mmu_notifier_unregister(&space->notifier, space->mm);
	/* Harmless edits of an address space that is gone. */
	while ((node = rb_first(&space->made))) {
		struct pgtbl_made *made = rb_entry(node, struct pgtbl_made,
						   node);

		pgtbl_made_erase(space, made);
		kfree(made);
		cond_resched();
	}
	mmdrop(space->mm);
	kfree(space);
}

static struct pgtbl_space *new_space(struct pgtbl_edits *edits,
				     struct mm_struct *mm)
{
	struct pgtbl_space *space = kzalloc(sizeof(*space),
					    GFP_KERNEL_ACCOUNT);

	if (!space)
		return NULL;
	space->edits = edits;
	space->made = RB_ROOT;
	space->notifier.ops = &notifier_ops;
	mmgrab(mm);
	space->mm = mm;
	list_add(&space->link, &edits->spaces);
	return space;
}

/**
 * pgtbl_space_get() - where to remember edits of an address space
 * @edits: the file's edits
 * @mm: the address space; the caller has a reference as of mmget()
 * @dangerous: there will be dangerous ones
 *
 * Context: no mmap_lock held. Return: it, valid until the file is closed (or
 * @mm has ended), or -ENOMEM, -EINTR.
 */
struct pgtbl_space *pgtbl_space_get(struct pgtbl_edits *edits,
				    struct mm_struct *mm, bool dangerous)
{
	struct pgtbl_space *space, *next, *found = NULL;
	int err = 0;

	if (mutex_lock_killable(&edits->spaces_lock))
		return ERR_PTR(-EINTR);
	list_for_each_entry_safe(space, next, &edits->spaces, link) {
		if (space->mm == mm)
			found = space;
		else if (!atomic_read(&space->mm->mm_users))
			forget_space(space);
	}
	if (!found)
		found = new_space(edits, mm);
	if (!found) {
		err = -ENOMEM;
	} else if (dangerous && !found->registered) {
		err = mmu_notifier_register(&found->notifier, mm);
		found->registered = !err;
	}
	mutex_unlock(&edits->spaces_lock);
	return err ? ERR_PTR(err) : found;
}

/**
 * pgtbl_edits_new() - no edits yet
 *
 * Return: for pgtbl_edits_free(), or NULL.
 */
struct pgtbl_edits *pgtbl_edits_new(void)
{
	struct pgtbl_edits *edits = kzalloc(sizeof(*edits),
					    GFP_KERNEL_ACCOUNT);

	if (!edits)
		return NULL;
	mutex_init(&edits->spaces_lock);
	mutex_init(&edits->lock);
	INIT_LIST_HEAD(&edits->spaces);
	return edits;
}

/**
 * pgtbl_edits_free() - undo all, and forget it
 * @edits: a file's edits; the file is being closed
 */
void pgtbl_edits_free(struct pgtbl_edits *edits)
{
	struct pgtbl_space *space, *next;

	list_for_each_entry_safe(space, next, &edits->spaces, link) {
		struct mm_struct *mm = space->mm;

		/*
		 * If it fails, exit_mmap() is near or past its release(), for
		 * which mmu_notifier_unregister() waits.
		 */
		if (mmget_not_zero(mm)) {
			mmap_write_lock(mm);
			mutex_lock(&edits->lock);
			undo_range(space, 0, ULONG_MAX, UNDO_ALL);
			mutex_unlock(&edits->lock);
			mmap_write_unlock(mm);
			mmput(mm);
		}
		forget_space(space);
	}
	kfree(edits);
}
