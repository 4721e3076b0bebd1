// SPDX-License-Identifier: GPL-2.0
/*
 * Tables written to by hand, through a window (only with unsafe_write=1).
 *
 * A store to a table goes past every lock of the kernel, and nobody could tell
 * it from the kernel's own later. So what is written to is a stage: a copy of
 * the table that takes its place in the window at the first store. What
 * differs from the copy when the stage ends was written by the user, and is
 * made an edit like UPDATE's, with all that protects and undoes those. Then
 * the window shows the table itself again.
 *
 * A stage ends when its page of the window is unmapped or gets another table,
 * and by itself after a moment.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "edit.h"
#include "stage.h"

/* How long a stage lasts, and how often it may wait for a second half. */
#define STAGE_TIME	msecs_to_jiffies(10)
#define STAGE_ROUNDS	10
/* How long to try for the lock of a target that is busy: 100 us each. */
#define LOCK_TRIES	200

/*
 * lock_target() - lock another address space, inside of the caller's lock
 *
 * There is no order between two mmap_locks, so this one is only tried.
 */
static bool lock_target(struct mm_struct *mm)
{
	unsigned int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (mmap_read_trylock(mm))
			return true;
		usleep_range(50, 150);
	}
	return false;
}

/* commit_locked() - returns how many entries look written by half */
static unsigned int commit_locked(struct pgtbl_stage *stage)
{
	const pteval_t *was = page_address(stage->copy);
	const pteval_t *is = page_address(stage->page);
	unsigned int i, halves = 0;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		pteval_t new = pgtbl_read(is + i);

		if (new == was[i])
			continue;
		if (pgtbl_kind(PGTBL_PTE, new) == PGTBL_KIND_SWAP) {
			halves++;
			continue;
		}
		/* A refused one is as if it had never been written. */
		pgtbl_edit_locked(stage->space,
				  stage->base + ((unsigned long)i << PAGE_SHIFT),
				  was[i], new);
	}
	return halves;
}

/**
 * pgtbl_stage_commit() - make what was written edits
 * @stage: the stage; nobody can write to it meanwhile
 * @locked: address space whose mmap_lock the caller holds, or NULL
 *
 * Return: false if it should be tried again, as an entry looks half written
 * (32-bit code writes 64-bit entries in two halves), or the target was busy.
 */
bool pgtbl_stage_commit(struct pgtbl_stage *stage,
			const struct mm_struct *locked)
{
	bool own = stage->mm == locked;
	struct mm_struct *mm = stage->mm;
	unsigned int halves = 0;
	bool done = true;

	/* The space is there for as long as its mm has users. */
	if (!mmget_not_zero(mm))
		return true;
	if (own || lock_target(mm)) {
		halves = commit_locked(stage);
		if (!own)
			mmap_read_unlock(mm);
	} else {
		done = false;
	}
	mmput_async(mm);
	return done && !halves;
}

static void stage_work(struct work_struct *work)
{
	struct pgtbl_stage *stage = container_of(to_delayed_work(work),
						 struct pgtbl_stage, work);

	stage->timeout(stage, ++stage->rounds < STAGE_ROUNDS);
}

/**
 * pgtbl_stage_later() - end the stage after a moment
 * @stage: the stage
 */
void pgtbl_stage_later(struct pgtbl_stage *stage)
{
	schedule_delayed_work(&stage->work, STAGE_TIME);
}

/**
 * pgtbl_stage_new() - a copy of a table, to be written to
 * @space: whose table
 * @mm: the same
 * @base: first address that it describes
 * @table: the table
 *
 * Return: for pgtbl_stage_free(), or NULL.
 */
struct pgtbl_stage *pgtbl_stage_new(struct pgtbl_space *space,
				    struct mm_struct *mm, unsigned long base,
				    struct page *table)
{
	struct pgtbl_stage *stage = kzalloc(sizeof(*stage), GFP_KERNEL_ACCOUNT);
	const pteval_t *from;
	pteval_t *to;
	unsigned int i;

	if (!stage)
		return NULL;
	stage->page = alloc_page(GFP_KERNEL_ACCOUNT);
	stage->copy = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!stage->page || !stage->copy) {
		if (stage->page)
			__free_page(stage->page);
		if (stage->copy)
			__free_page(stage->copy);
		kfree(stage);
		return NULL;
	}
	stage->space = space;
	stage->mm = mm;
	stage->base = base;
	INIT_DELAYED_WORK(&stage->work, stage_work);

	to = page_address(stage->copy);
	from = kmap_local_page(table);
	for (i = 0; i < PTRS_PER_PTE; i++)
		to[i] = pgtbl_read(from + i);
	kunmap_local(from);
	copy_page(page_address(stage->page), to);
	return stage;
}

/**
 * pgtbl_stage_free() - forget it; its work does not run, nothing maps it
 * @stage: the stage
 */
void pgtbl_stage_free(struct pgtbl_stage *stage)
{
	__free_page(stage->page);
	__free_page(stage->copy);
	kfree(stage);
}
