// SPDX-License-Identifier: GPL-2.0
/*
 * What is tracked: names and pids, each with its current run (see run.c).
 */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "pfstat.h"

DEFINE_RAW_SPINLOCK(pf_lock);
DEFINE_MUTEX(pf_target_mutex);	/* adding and removing targets, arming */
DECLARE_WAIT_QUEUE_HEAD(pf_wait);

DEFINE_HASHTABLE(pf_targets, PF_TARGET_HASH_BITS);
static unsigned int pf_target_nr;	/* pf_target_mutex */

/**
 * pf_target_hash_name() - where targets of a name are
 * @name: which
 * @len: of @name
 *
 * Return: a hash for pf_target_first().
 */
u32 pf_target_hash_name(const char *name, size_t len)
{
	return full_name_hash(NULL, name, len);
}

/**
 * pf_target_hash_pid() - where targets of a pid are
 * @pid: which
 *
 * Return: a hash for pf_target_first().
 */
u32 pf_target_hash_pid(const struct pid *pid)
{
	return (u32)((unsigned long)pid >> 6);
}

static u32 pf_key_hash(const struct pf_key *key)
{
	if (key->type == PFSTAT_TARGET_PID)
		return pf_target_hash_pid(key->pid);
	return pf_target_hash_name(key->name, key->len);
}

/**
 * pf_target_first() - the first target that may have a hash
 * @hash: of its name or pid
 *
 * Context: pf_lock is held.
 * Return: it, or NULL.
 */
struct pf_target *pf_target_first(u32 hash)
{
	struct hlist_head *head;

	head = &pf_targets[hash_min(hash, PF_TARGET_HASH_BITS)];
	return hlist_entry_safe(head->first, struct pf_target, node);
}

/**
 * pf_target_next() - the next target that may have the same hash
 * @target: from pf_target_first() or this
 *
 * Context: pf_lock is held.
 * Return: it, or NULL.
 */
struct pf_target *pf_target_next(struct pf_target *target)
{
	return hlist_entry_safe(target->node.next, struct pf_target, node);
}

static bool pf_key_equal(const struct pf_key *a, const struct pf_key *b)
{
	return a->type == b->type && a->pid == b->pid && a->len == b->len &&
	       a->limited == b->limited &&
	       (!a->limited || uid_eq(a->uid, b->uid)) &&
	       !memcmp(a->name, b->name, a->len);
}

/**
 * pf_target_find() - look a target up
 * @key: which
 *
 * Context: pf_lock or pf_target_mutex is held.
 * Return: it, or NULL.
 */
struct pf_target *pf_target_find(const struct pf_key *key)
{
	struct pf_target *target;

	hash_for_each_possible(pf_targets, target, node, pf_key_hash(key)) {
		if (pf_key_equal(&target->key, key))
			return target;
	}
	return NULL;
}

/**
 * pf_target_pid() - the pid that a target was made for
 * @key: with limits, the rest is not looked at
 * @number: as the caller numbers processes
 *
 * The process may be gone, and its number another's: a target of the process
 * that has the number now is preferred.
 * Context: may sleep.
 * Return: the pid, referenced, or NULL, or ERR_PTR: -EINTR for a fatal signal.
 */
struct pid *pf_target_pid(const struct pf_key *key, u32 number)
{
	struct pid *now = find_get_pid(number), *found = NULL;
	struct pf_key want = *key;
	struct pf_target *target;
	int i;

	want.type = PFSTAT_TARGET_PID;
	if (mutex_lock_killable(&pf_target_mutex)) {
		put_pid(now);
		return ERR_PTR(-EINTR);
	}
	hash_for_each(pf_targets, i, target, node) {
		want.pid = target->key.pid;
		if (pid_vnr(want.pid) != number ||
		    !pf_key_equal(&target->key, &want))
			continue;
		if (!found || want.pid == now)
			found = want.pid;
	}
	get_pid(found);
	mutex_unlock(&pf_target_mutex);
	put_pid(now);
	return found;
}

/* ---- adding and removing targets ------------------------------------------------ */

/* The first target arms the hooks, the last one disarms them. */
static int pf_arm(void)
{
	int err;

	err = pf_space_prepare();
	if (err)
		return err;
	err = pf_count_prepare();
	if (err)
		goto release_space;
	err = pf_fault_prepare();
	if (err)
		goto release_count;
	err = pf_hook_arm();
	if (err)
		goto release_fault;
	err = pf_lifecycle_arm();
	if (err)
		goto disarm_hook;
	return 0;

disarm_hook:
	pf_hook_disarm();
release_fault:
	pf_fault_release();
release_count:
	pf_count_release();
release_space:
	pf_space_release();
	return err;
}

static void pf_disarm(void)
{
	pf_lifecycle_disarm();
	pf_hook_disarm();
	/*
	 * Spaces may live on for a while, for a query or with work on a task
	 * that a debugger has stopped: nothing here waits for them.
	 */
	pf_run_flush();
	pf_space_release();
	pf_fault_release();
	pf_count_release();
}

static void pf_target_free(struct rcu_head *rcu)
{
	struct pf_target *target = container_of(rcu, struct pf_target, rcu);

	put_pid(target->key.pid);
	kfree(target);
}

/* pf_target_mutex is held. */
static void pf_target_remove(struct pf_target *target)
{
	bool latency = target->latency;
	LIST_HEAD(spaces);

	raw_spin_lock_irq(&pf_lock);
	hash_del(&target->node);
	if (target->follow)
		list_del(&target->follower);
	if (target->cgroup)
		list_del(&target->by_cgroup);
	target->run++;		/* nothing that is forked now joins it */
	list_splice_init(&target->spaces, &spaces);
	raw_spin_unlock_irq(&pf_lock);

	pf_space_drop_list(&spaces);
	/* Spaces of its old runs point to it as long as they are hashed. */
	pf_run_flush();
	if (target->cgroup)
		pf_cgroup_put(target);
	call_rcu(&target->rcu, pf_target_free);
	wake_up_interruptible_all(&pf_wait);
	if (latency)
		pf_latency_put();
	if (!--pf_target_nr)
		pf_disarm();
}

static int pf_target_add(const struct pf_key *key, u32 flags)
{
	struct pf_target *target;
	int err;

	if (pf_target_nr == PFSTAT_TARGETS_MAX)
		return -ENOSPC;
	target = kzalloc(sizeof(*target), GFP_KERNEL);
	if (!target)
		return -ENOMEM;
	target->key = *key;
	target->label_len = strlen(key->name);
	target->joining = true;
	target->follow = flags & PFSTAT_TRACK_FOLLOW;
	target->latency = flags & PFSTAT_TRACK_LATENCY;
	INIT_LIST_HEAD(&target->spaces);
	if (!pf_target_nr) {
		err = pf_arm();
		if (err)
			goto free;
	}
	if (target->latency) {
		err = pf_latency_get();
		if (err)
			goto disarm;
	}
	if (key->type == PFSTAT_TARGET_CGROUP) {
		err = pf_cgroup_get(target);
		if (err)
			goto put_latency;
	}
	get_pid(target->key.pid);

	raw_spin_lock_irq(&pf_lock);
	hash_add(pf_targets, &target->node, pf_key_hash(key));
	if (target->follow)
		list_add(&target->follower, &pf_followers);
	if (target->cgroup)
		list_add(&target->by_cgroup, &pf_by_cgroup);
	raw_spin_unlock_irq(&pf_lock);
	pf_target_nr++;

	err = pf_run_join_all(target);
	if (err) {
		pf_target_remove(target);
		return err;
	}
	raw_spin_lock_irq(&pf_lock);
	target->joining = false;
	raw_spin_unlock_irq(&pf_lock);
	return 0;

put_latency:
	if (target->latency)
		pf_latency_put();
disarm:
	if (!pf_target_nr)
		pf_disarm();
free:
	kfree(target);
	return err;
}

/**
 * pf_target_rejoin() - let what runs now join the run of a target
 * @target: a cgroup
 *
 * Context: pf_target_mutex is held, may sleep.
 */
void pf_target_rejoin(struct pf_target *target)
{
	raw_spin_lock_irq(&pf_lock);
	target->joining = true;
	raw_spin_unlock_irq(&pf_lock);
	if (pf_run_join_all(target))
		pf_lost(1);
	raw_spin_lock_irq(&pf_lock);
	target->joining = false;
	raw_spin_unlock_irq(&pf_lock);
}

/**
 * pf_target_track() - track a name, a pid or a cgroup
 * @key: which
 * @flags: PFSTAT_TRACK_*; of no effect if it is tracked already
 *
 * Context: may sleep.
 * Return: 0 (also if it is tracked already), -ENOMEM, -ENOSPC, -EPERM, -ESRCH
 * if there is no such cgroup, -EOPNOTSUPP if this kernel has none, -EINTR for a
 * fatal signal.
 */
int pf_target_track(const struct pf_key *key, u32 flags)
{
	int err = 0;

	if (mutex_lock_killable(&pf_target_mutex))
		return -EINTR;
	if (!pf_target_find(key))
		err = pf_target_add(key, flags);
	mutex_unlock(&pf_target_mutex);
	return err;
}

/**
 * pf_target_untrack() - stop tracking, and forget the values
 * @key: which
 *
 * Context: may sleep.
 * Return: 0, -ESRCH, or -EINTR for a fatal signal.
 */
int pf_target_untrack(const struct pf_key *key)
{
	struct pf_target *target;

	if (mutex_lock_killable(&pf_target_mutex))
		return -EINTR;
	target = pf_target_find(key);
	if (target)
		pf_target_remove(target);
	mutex_unlock(&pf_target_mutex);
	return target ? 0 : -ESRCH;
}

/* pf_target_mutex is held. */
static void pf_target_remove_all(bool limited, kuid_t uid)
{
	struct pf_target *target;
	struct hlist_node *tmp;
	int i;

	hash_for_each_safe(pf_targets, i, tmp, target, node) {
		if (!limited || (target->key.limited &&
				 uid_eq(target->key.uid, uid)))
			pf_target_remove(target);
		cond_resched();
	}
}

/**
 * pf_target_cleanup() - stop tracking everything
 * @limited: only what is limited to @uid
 * @uid: see @limited
 *
 * Context: may sleep.
 * Return: 0, or -EINTR: a fatal signal came first.
 */
int pf_target_cleanup(bool limited, kuid_t uid)
{
	if (mutex_lock_killable(&pf_target_mutex))
		return -EINTR;
	pf_target_remove_all(limited, uid);
	mutex_unlock(&pf_target_mutex);
	return 0;
}

/**
 * pf_target_exit() - the same, whatever comes
 *
 * Context: the device is gone, may sleep.
 */
void pf_target_exit(void)
{
	mutex_lock(&pf_target_mutex);
	pf_target_remove_all(false, INVALID_UID);
	mutex_unlock(&pf_target_mutex);
}

/* A space for each live one of the run; *@nr of them in @list. */
static int pf_reset_alloc(struct list_head *list, u32 nr)
{
	struct pf_space *space;

	while (nr--) {
		space = pf_space_alloc(GFP_KERNEL);
		if (!space)
			return -ENOMEM;
		refcount_set(&space->refs, 1);
		list_add(&space->link, list);
	}
	return 0;
}

/* Put a fresh space in the place of a live one. pf_lock is held. */
static void pf_reset_space(struct pf_space *old, struct pf_space *new,
			   struct pf_target *target, struct list_head *dropped)
{
	mmgrab(old->mm);
	new->mm = old->mm;
	new->pid = get_pid(old->pid);
	new->parent = get_pid(old->parent);
	new->flags = old->flags;
	new->target = target;
	new->run = target->run;
	hlist_replace_rcu(&old->node, &new->node);
	/* Unhashed, but its next stays for a handler that stands on it. */
	WRITE_ONCE(old->node.pprev, NULL);
	list_replace(&old->link, &new->link);
	list_add(&old->link, dropped);
}

static int pf_target_reset_run(struct pf_target *target)
{
	struct pf_space *space, *next, *new;
	LIST_HEAD(dropped);
	LIST_HEAD(fresh);
	u32 nr;
	int err;

	do {
		raw_spin_lock_irq(&pf_lock);
		nr = target->nr_alive;
		raw_spin_unlock_irq(&pf_lock);
		err = pf_reset_alloc(&fresh, nr);
		if (err)
			break;
		raw_spin_lock_irq(&pf_lock);
		if (target->nr_alive > nr) {
			/* It forked meanwhile: allocate more. */
			raw_spin_unlock_irq(&pf_lock);
			pf_space_drop_list(&fresh);
			continue;
		}
		list_for_each_entry_safe(space, next, &target->spaces, link) {
			if (space->flags & PF_SPACE_ENDED) {
				list_move(&space->link, &dropped);
				target->nr_spaces--;
				continue;
			}
			new = list_first_entry(&fresh, struct pf_space, link);
			list_del(&new->link);
			pf_reset_space(space, new, target, &dropped);
		}
		raw_spin_unlock_irq(&pf_lock);
		break;
	} while (true);
	pf_space_drop_list(&fresh);
	pf_space_drop_list(&dropped);
	return err;
}

/**
 * pf_target_reset() - let the values of the current run start from zero
 * @key: which
 *
 * Processes that ended are forgotten.
 * Context: may sleep.
 * Return: 0, -ESRCH, -ENOMEM, or -EINTR for a fatal signal.
 */
int pf_target_reset(const struct pf_key *key)
{
	struct pf_target *target;
	int err = -ESRCH;

	pf_space_sweep();
	if (mutex_lock_killable(&pf_target_mutex))
		return -EINTR;
	target = pf_target_find(key);
	if (target)
		err = pf_target_reset_run(target);
	mutex_unlock(&pf_target_mutex);
	return err;
}

/* ---- what is tracked ---------------------------------------------------------------- */

static void pf_target_tell(const struct pf_target *target,
			   struct pfstat_target *out)
{
	const struct pf_key *key = &target->key;

	out->type = key->type;
	out->pid = pid_vnr(key->pid);
	out->uid = key->limited ?
		   from_kuid_munged(current_user_ns(), key->uid) : ~0U;
	strscpy(out->name, key->name, sizeof(out->name));

	raw_spin_lock_irq(&pf_lock);
	out->run = target->run;
	out->processes = target->nr_spaces;
	out->alive = target->nr_alive;
	raw_spin_unlock_irq(&pf_lock);
}

/**
 * pf_target_list() - list what is tracked
 * @limited: only what is limited to @uid
 * @uid: see @limited
 * @array: zeroed, to be filled, or NULL
 * @room: elements of @array
 *
 * Context: may sleep.
 * Return: how many there are, which may be more than @room, or -EINTR for a
 * fatal signal.
 */
int pf_target_list(bool limited, kuid_t uid, struct pfstat_target *array,
		   u32 room)
{
	struct pf_target *target;
	u32 n = 0;
	int i;

	pf_space_sweep();
	if (mutex_lock_killable(&pf_target_mutex))
		return -EINTR;
	hash_for_each(pf_targets, i, target, node) {
		if (limited && (!target->key.limited ||
				!uid_eq(target->key.uid, uid)))
			continue;
		if (n < room)
			pf_target_tell(target, &array[n]);
		n++;
	}
	mutex_unlock(&pf_target_mutex);
	return n;
}
