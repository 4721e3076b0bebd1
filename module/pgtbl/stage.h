/* SPDX-License-Identifier: GPL-2.0 */
/* Stages, for window.c and stage.c. */
#ifndef _PGTBL_STAGE_H
#define _PGTBL_STAGE_H

#include <linux/workqueue.h>

#include "pgtbl.h"

struct pgtbl_space;
struct pgtbl_window;

/**
 * struct pgtbl_stage - a copy of a PTE table that is written to in its place
 * @page: what the window shows
 * @copy: the table as it was when the stage began
 * @space: whose table; there only while @mm has users
 * @mm: the same, mmgrab()ed by the window's slot
 * @base: first address that the table describes
 * @work: ends it after a moment
 * @rounds: how often that was put off
 * @timeout: called by @work; the second argument is whether to put it off
 *	again if it can't be ended
 * @window: of @timeout's
 * @slot: of @timeout's
 */
struct pgtbl_stage {
	struct page *page;
	struct page *copy;
	struct pgtbl_space *space;
	struct mm_struct *mm;
	unsigned long base;
	struct delayed_work work;
	unsigned int rounds;
	void (*timeout)(struct pgtbl_stage *stage, bool put_off);
	struct pgtbl_window *window;
	unsigned long slot;
};

struct pgtbl_stage *pgtbl_stage_new(struct pgtbl_space *space,
				    struct mm_struct *mm, unsigned long base,
				    struct page *table);
void pgtbl_stage_later(struct pgtbl_stage *stage);
bool pgtbl_stage_commit(struct pgtbl_stage *stage,
			const struct mm_struct *locked);
void pgtbl_stage_free(struct pgtbl_stage *stage);

#endif /* _PGTBL_STAGE_H */
