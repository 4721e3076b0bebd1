// SPDX-License-Identifier: GPL-2.0
/*
 * Tracked address spaces: found by mm on the fault path, kept as results when
 * the mm is gone, freed when nobody wants them any more.
 *
 * The end of an mm: a probe on exit_mm_release() and exec_mm_release() takes a
 * reference to mm_users in the last thread and queues work on that very task.
 * An exiting task runs it in exit_task_work(), which kernel/exit.c:do_exit()
 * calls after exit_mm() but before exit_notify(): the memory is gone when the
 * parent's wait(2) returns, as without us, so that "last sharer" faults of the
 * parent stay what they are.
 */
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fast.h"
#include "pfstat.h"

#define PF_SPACE_POOL	16

struct hlist_head pf_space_hash[1 << PF_SPACE_HASH_BITS];

static struct kmem_cache *pf_space_cache;
static struct pf_pool pf_space_pool;
static atomic_t pf_space_nr;

static LLIST_HEAD(pf_space_dead);
static DECLARE_WAIT_QUEUE_HEAD(pf_space_none);

/* pf_space.ending */
#define PF_ENDING_QUEUED	0
#define PF_ENDING_AGAIN		1

static void pf_space_free(struct pf_space *space)
{
	pf_count_free(space);
	pf_layout_put(space->layout);
	put_pid(space->pid);
	put_pid(space->parent);
	if (space->mm)
		mmdrop(space->mm);
	kmem_cache_free(pf_space_cache, space);
	if (atomic_dec_and_test(&pf_space_nr))
		wake_up_all(&pf_space_none);
}

/* Frees in batches: two grace periods serve all that died meanwhile. */
static void pf_space_reap(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&pf_space_dead);
	struct pf_space *space, *next;

	if (!dead)
		return;
	synchronize_rcu();	/* now no handler knows any of them */
	llist_for_each_entry(space, dead, reap)
		pf_count_unlink(space);
	synchronize_rcu();	/* now no handler passes over their chunks */
	llist_for_each_entry_safe(space, next, dead, reap)
		pf_space_free(space);
}

static DECLARE_WORK(pf_space_reap_work, pf_space_reap);

/**
 * pf_space_get() - take a reference
 * @space: on a list (under pf_lock), or otherwise referenced
 */
void pf_space_get(struct pf_space *space)
{
	refcount_inc(&space->refs);
}

/**
 * pf_space_put() - drop a reference
 * @space: not hashed, if it is the last one
 *
 * Context: any.
 */
void pf_space_put(struct pf_space *space)
{
	if (!refcount_dec_and_test(&space->refs))
		return;
	llist_add(&space->reap, &pf_space_dead);
	queue_work(pf_wq, &pf_space_reap_work);
}

/**
 * pf_space_alloc() - a new space, to be filled
 * @gfp: GFP_KERNEL
 *
 * Return: it, or NULL.
 */
struct pf_space *pf_space_alloc(gfp_t gfp)
{
	struct pf_space *space = kmem_cache_zalloc(pf_space_cache, gfp);

	if (space)
		atomic_inc(&pf_space_nr);
	return space;
}

/**
 * pf_space_alloc_atomic() - the same, for tracepoint handlers
 *
 * Context: preemption off, the current task returns to user mode.
 * Return: it, or NULL.
 */
struct pf_space *pf_space_alloc_atomic(void)
{
	struct pf_space *space = pf_pool_get(&pf_space_pool, true);

	if (space)
		atomic_inc(&pf_space_nr);
	return space;
}

/**
 * pf_space_fill() - say whose a new space is
 * @space: from pf_space_alloc*()
 * @mm: held, alive
 * @task: one that uses it
 * @parent: leader of the process that forked it, or NULL
 * @flags: PF_SPACE_*
 */
void pf_space_fill(struct pf_space *space, struct mm_struct *mm,
		   struct task_struct *task, struct pid *parent, u32 flags)
{
	mmgrab(mm);
	space->mm = mm;
	rcu_read_lock();
	space->pid = get_pid(task_tgid(task));
	rcu_read_unlock();
	space->parent = get_pid(parent);
	space->flags = flags;
	refcount_set(&space->refs, 1);
}

/**
 * pf_space_add() - let a space join the current run of a target
 * @space: filled; its reference goes to the run
 * @target: which
 *
 * Context: pf_lock is held.
 */
void pf_space_add(struct pf_space *space, struct pf_target *target)
{
	lockdep_assert_held(&pf_lock);
	space->target = target;
	space->run = target->run;
	list_add_tail(&space->link, &target->spaces);
	target->nr_spaces++;
	target->nr_alive++;
	hlist_add_head_rcu(&space->node, pf_space_bucket(space->mm));
}

/**
 * pf_space_in_run() - whether an mm belongs to the current run of a target
 * @mm: which
 * @target: which
 *
 * Context: pf_lock is held.
 * Return: whether it does.
 */
bool pf_space_in_run(struct mm_struct *mm, const struct pf_target *target)
{
	struct pf_space *space;

	lockdep_assert_held(&pf_lock);
	for (space = pf_space_first(mm); space;
	     space = pf_space_next(space)) {
		if (space->target == target && space->run == target->run)
			return true;
	}
	return false;
}

/* pf_lock is held. */
static void pf_space_set_ended(struct pf_space *space)
{
	struct pf_target *target = space->target;

	if (space->flags & PF_SPACE_ENDED)
		return;
	WRITE_ONCE(space->flags, space->flags | PF_SPACE_ENDED);
	/* Of a replaced run or a dropped target: already unhashed and unlisted. */
	if (hlist_unhashed(&space->node))
		return;
	hlist_del_init_rcu(&space->node);
	if (space->run == target->run) {
		target->nr_alive--;
		pf_fold_check(target);
	}
}

/**
 * pf_space_drop_list() - drop spaces that no run needs any more
 * @list: linked by pf_space.link, of targets that still exist or are freed
 *	after a grace period
 *
 * Context: may sleep.
 */
void pf_space_drop_list(struct list_head *list)
{
	struct pf_space *space, *next;

	list_for_each_entry_safe(space, next, list, link) {
		raw_spin_lock_irq(&pf_lock);
		if (!hlist_unhashed(&space->node))
			hlist_del_init_rcu(&space->node);
		list_del_init(&space->link);
		raw_spin_unlock_irq(&pf_lock);
		pf_space_put(space);
		cond_resched();
	}
}

/* Whether no task uses @mm any more. The caller holds mm_users. */
static bool pf_space_mm_unused(struct mm_struct *mm)
{
#ifdef CONFIG_MEMCG
	/* kernel/exit.c:mm_update_next_owner() found nobody. */
	return !READ_ONCE(mm->owner);
#else
	return atomic_read(&mm->mm_users) == 1;
#endif
}

#define PF_LATE_TRIES	50

static atomic_t pf_space_late = ATOMIC_INIT(0);
static void pf_space_late_sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(pf_space_late_work, pf_space_late_sweep);

/*
 * Several tasks stopped using an mm at the same time, and the work of one found
 * another still on its way to mmput(). Look for the end for some seconds, as
 * nobody will tell.
 */
static void pf_space_late_sweep(struct work_struct *work)
{
	pf_space_sweep();
	if (atomic_dec_if_positive(&pf_space_late) > 0)
		queue_delayed_work(pf_wq, &pf_space_late_work, HZ / 10);
}

static void pf_space_sweep_late(void)
{
	atomic_set(&pf_space_late, PF_LATE_TRIES);
	mod_delayed_work(pf_wq, &pf_space_late_work, 1);
}

struct pf_end {
	struct work_struct work;
	struct mm_struct *mm;
	struct pf_layout *layout;
};

static void pf_space_end_layout(struct work_struct *work)
{
	struct pf_end *end = container_of(work, struct pf_end, work);

	end->layout = pf_layout_take(end->mm, true);
}

/*
 * In the task that exits or execs, where it may sleep. An exiting task has no
 * current->fs any more, which file_path() needs, so a worker takes the VMAs (and
 * for one that is being killed, which can't wait for mmap_lock); waiting for it
 * keeps mappings and files from outliving the process.
 */
static void pf_space_end_work(struct callback_head *head)
{
	struct pf_space *space = container_of(head, struct pf_space, end_work);
	struct mm_struct *mm = space->mm;
	struct pf_end end = { .mm = mm };
	struct pf_layout *old = NULL;
	bool unused, again;

	clear_bit_unlock(PF_ENDING_QUEUED, &space->ending);
	end.layout = current->fs ? pf_layout_take(mm, true) : ERR_PTR(-EINTR);
	if (end.layout == ERR_PTR(-EINTR)) {
		INIT_WORK_ONSTACK(&end.work, pf_space_end_layout);
		queue_work(pf_wq, &end.work);
		flush_work(&end.work);
		destroy_work_on_stack(&end.work);
	}

	raw_spin_lock_irq(&pf_lock);
	if (!IS_ERR(end.layout)) {
		old = space->layout;
		space->layout = end.layout;
	}
	unused = pf_space_mm_unused(mm);
	if (unused)
		pf_space_set_ended(space);
	raw_spin_unlock_irq(&pf_lock);
	again = test_and_clear_bit(PF_ENDING_AGAIN, &space->ending);

	pf_layout_put(old);
	mmput(mm);
	if (again || !unused)
		pf_space_sweep_late();
	pf_space_put(space);
	wake_up_interruptible_all(&pf_wait);
	pf_pending_put();
}

/**
 * pf_space_end() - the current task stops using an mm, and may be the last
 * @mm: of current, alive
 *
 * Context: a probe handler.
 */
void pf_space_end(struct mm_struct *mm)
{
	struct pf_space *space;

	for (space = pf_space_first(mm); space;
	     space = pf_space_next(space)) {
		if (test_and_set_bit_lock(PF_ENDING_QUEUED, &space->ending)) {
			set_bit(PF_ENDING_AGAIN, &space->ending);
			continue;
		}
		if (!refcount_inc_not_zero(&space->refs)) {
			clear_bit_unlock(PF_ENDING_QUEUED, &space->ending);
			continue;
		}
		mmget(mm);
		pf_pending_get();
		init_task_work(&space->end_work, pf_space_end_work);
		if (!task_work_add(current, &space->end_work, TWA_RESUME))
			continue;
		/* A task that ran exit_task_work() has no mm: not reached. */
		clear_bit_unlock(PF_ENDING_QUEUED, &space->ending);
		mmput_async(mm);
		pf_space_put(space);
		pf_pending_put();
	}
}

/**
 * pf_space_sweep() - notice mms that ended without a word
 *
 * Two processes that share an mm may end at the same time, and probes can be
 * missed: whoever asks for values calls this first.
 * Context: may sleep.
 */
void pf_space_sweep(void)
{
	struct pf_space *space;
	struct hlist_node *tmp;
	bool ended = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_space_hash); i++) {
		if (hlist_empty(&pf_space_hash[i]))
			continue;
		raw_spin_lock_irq(&pf_lock);
		hlist_for_each_entry_safe(space, tmp, &pf_space_hash[i], node) {
			if (atomic_read(&space->mm->mm_users))
				continue;
			pf_space_set_ended(space);
			ended = true;
		}
		raw_spin_unlock_irq(&pf_lock);
	}
	if (ended)
		wake_up_interruptible_all(&pf_wait);
}

/**
 * pf_space_sweep_some() - as pf_space_sweep(), for these
 * @spaces: the caller holds references
 * @nr: how many
 *
 * Context: may sleep.
 */
void pf_space_sweep_some(struct pf_space **spaces, u32 nr)
{
	bool ended = false;
	u32 i;

	for (i = 0; i < nr; i++) {
		struct pf_space *space = spaces[i];

		/* Once it is 0 it stays 0. */
		if (!space->mm || atomic_read(&space->mm->mm_users) ||
		    READ_ONCE(space->flags) & PF_SPACE_ENDED)
			continue;
		raw_spin_lock_irq(&pf_lock);
		pf_space_set_ended(space);
		raw_spin_unlock_irq(&pf_lock);
		ended = true;
	}
	if (ended)
		wake_up_interruptible_all(&pf_wait);
}

/**
 * pf_space_last_layout() - the VMAs at the end of a space
 * @space: referenced
 *
 * Tasks that end at the same time may each put another there.
 * Return: for pf_layout_put(), or NULL: none are known.
 */
struct pf_layout *pf_space_last_layout(struct pf_space *space)
{
	struct pf_layout *layout;

	raw_spin_lock_irq(&pf_lock);
	layout = pf_layout_get(space->layout);
	raw_spin_unlock_irq(&pf_lock);
	return layout;
}

/**
 * pf_space_total() - how many spaces there are
 *
 * Return: the number, those that wait to be freed included.
 */
u32 pf_space_total(void)
{
	return atomic_read(&pf_space_nr);
}

/**
 * pf_space_prepare() - get ready to track
 *
 * Return: 0 or -ENOMEM.
 */
int pf_space_prepare(void)
{
	return pf_pool_fill(&pf_space_pool);
}

/**
 * pf_space_release() - undo pf_space_prepare()
 *
 * Context: no target is left, no probe runs.
 */
void pf_space_release(void)
{
	cancel_delayed_work_sync(&pf_space_late_work);
	pf_pool_drain(&pf_space_pool);
}

/**
 * pf_space_wait() - wait until all spaces are freed
 *
 * Context: no target is left, no probe runs, no work is pending on tasks.
 */
void pf_space_wait(void)
{
	wait_event_idle(pf_space_none, !atomic_read(&pf_space_nr));
}

/**
 * pf_space_init() - set up the caches
 *
 * Return: 0 or -ENOMEM.
 */
int pf_space_init(void)
{
	int err;

	pf_space_cache = KMEM_CACHE(pf_space, 0);
	if (!pf_space_cache)
		return -ENOMEM;
	err = pf_pool_init(&pf_space_pool, pf_space_cache, PF_SPACE_POOL);
	if (err)
		kmem_cache_destroy(pf_space_cache);
	return err;
}

/**
 * pf_space_exit() - undo pf_space_init()
 */
void pf_space_exit(void)
{
	pf_pool_exit(&pf_space_pool);
	kmem_cache_destroy(pf_space_cache);
}
