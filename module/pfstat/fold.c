// SPDX-License-Identifier: GPL-2.0
/*
 * Folding: a run may fork for days, and what is kept of processes that ended
 * must not grow without bound. When a run has more than keep_ended of them, the
 * older half becomes one entry, whose counts are their sum by address and whose
 * VMAs are theirs merged. Only what each of these took alone is lost.
 *
 * A new entry is made each time and takes the place of the old ones in one step
 * under pf_lock: a query that collected its spaces before goes on with those.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "pfstat.h"

static unsigned int keep_ended = 4096;
module_param(keep_ended, uint, 0444);
MODULE_PARM_DESC(keep_ended,
		 "processes of a run kept apart after their end (default 4096)");

/**
 * struct pf_fold - spaces that are about to become one
 * @target: whose; pf_target_mutex is held all the time
 * @run: its run when they were collected
 * @new: what they become
 * @spaces: which, with a reference each
 * @nr: how many
 * @areas: their VMAs
 */
struct pf_fold {
	struct pf_target *target;
	u64 run;
	struct pf_space *new;
	struct pf_space **spaces;
	u32 nr;
	struct pf_areas areas;
};

/* pf_lock is held: the numbers belong together. */
static bool pf_fold_due(const struct pf_target *target)
{
	return target->nr_spaces - target->nr_alive > keep_ended;
}

/* The oldest that ended, but not the run's first process, if others do. */
static void pf_fold_collect(struct pf_fold *fold, u32 room)
{
	struct pf_target *target = fold->target;
	struct pf_space *space;

	raw_spin_lock_irq(&pf_lock);
	fold->run = target->run;
	list_for_each_entry(space, &target->spaces, link) {
		if (fold->nr == room)
			break;
		if (list_is_first(&space->link, &target->spaces) ||
		    !(space->flags & PF_SPACE_ENDED))
			continue;
		pf_space_get(space);
		fold->spaces[fold->nr++] = space;
	}
	raw_spin_unlock_irq(&pf_lock);
}

/* Of spaces that ended, counts are constant. */
static int pf_fold_sum(struct pf_fold *fold)
{
	const struct pf_chunk *chunk;
	struct pf_layout *layout;
	u32 i;
	int err;

	for (i = 0; i < fold->nr; i++) {
		struct pf_space *space = fold->spaces[i];

		for (chunk = space->chunks; chunk; chunk = chunk->next) {
			err = pf_count_add(fold->new, chunk);
			if (err)
				return err;
			cond_resched();
		}
		layout = pf_space_last_layout(space);
		if (!layout)
			continue;
		err = pf_areas_merge(&fold->areas, layout);
		pf_layout_put(layout);
		if (err)
			return err;
	}
	fold->new->layout = pf_layout_make(&fold->areas);
	return fold->new->layout ? 0 : -ENOMEM;
}

static void pf_fold_replace(struct pf_fold *fold)
{
	struct pf_target *target = fold->target;
	LIST_HEAD(dropped);
	u32 i;

	raw_spin_lock_irq(&pf_lock);
	if (target->run == fold->run) {
		/* Nobody else takes single spaces off the list. */
		for (i = 0; i < fold->nr; i++)
			list_move(&fold->spaces[i]->link, &dropped);
		list_add(&fold->new->link, target->spaces.next);
		target->nr_spaces -= fold->nr - 1;
		fold->new = NULL;
	}
	raw_spin_unlock_irq(&pf_lock);
	pf_space_drop_list(&dropped);
}

static int pf_fold_target(struct pf_target *target)
{
	u32 room = keep_ended / 2 + 2;
	struct pf_fold fold = { .target = target };
	int err = -ENOMEM;

	fold.spaces = kvmalloc_array(room, sizeof(*fold.spaces), GFP_KERNEL);
	if (!fold.spaces)
		return err;
	fold.new = pf_space_alloc(GFP_KERNEL);
	if (!fold.new)
		goto free_spaces;
	refcount_set(&fold.new->refs, 1);
	fold.new->flags = PF_SPACE_ENDED | PF_SPACE_FORKED | PF_SPACE_FOLDED;
	pf_areas_init(&fold.areas);
	pf_fold_collect(&fold, room);
	err = -ENOENT;
	if (fold.nr < 2)	/* the first is kept: there is no more to gain */
		goto put;
	synchronize_rcu();	/* the last handlers that count there */
	err = pf_fold_sum(&fold);
	if (!err)
		pf_fold_replace(&fold);
put:
	while (fold.nr)
		pf_space_put(fold.spaces[--fold.nr]);
	pf_areas_free(&fold.areas);
	if (fold.new)
		pf_space_put(fold.new);
free_spaces:
	kvfree(fold.spaces);
	return err;
}

static bool pf_fold_wanted(const struct pf_target *target)
{
	bool due;

	raw_spin_lock_irq(&pf_lock);
	due = pf_fold_due(target);
	raw_spin_unlock_irq(&pf_lock);
	return due;
}

static void pf_fold_all(struct work_struct *work)
{
	struct pf_target *target;
	int i;

	/* Without memory it is tried again at the next end of a process. */
	mutex_lock(&pf_target_mutex);
	hash_for_each(pf_targets, i, target, node) {
		while (pf_fold_wanted(target) && !pf_fold_target(target))
			cond_resched();
	}
	mutex_unlock(&pf_target_mutex);
}

static DECLARE_WORK(pf_fold_work, pf_fold_all);

/**
 * pf_fold_check() - a process of a target's run has ended
 * @target: which
 *
 * Context: any; pf_lock is held, so that @target stays.
 */
void pf_fold_check(const struct pf_target *target)
{
	if (pf_fold_due(target))
		queue_work(pf_wq, &pf_fold_work);
}
