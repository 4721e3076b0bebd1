// SPDX-License-Identifier: GPL-2.0
/*
 * Who belongs to the current run of a target.
 *
 * Every exec of a matching program starts a new run of the target, which drops
 * the old one's values. A process also joins when tracking starts while it
 * runs, when its leader is renamed to the name, and by being forked by one that
 * belongs. It leaves by exec or by its end only. A cgroup has one run for ever:
 * a process joins by being in it when tracking starts, when it is moved there,
 * and at exec, and leaves by exec elsewhere.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat.h"
#include "fast.h"
#include "pfstat.h"

LIST_HEAD(pf_followers);
LIST_HEAD(pf_by_cgroup);

static LIST_HEAD(pf_replaced);	/* spaces of old runs, to be dropped; pf_lock */

/*
 * Whether a target that is limited to a user may see the process: all its ids
 * are the user's, and nothing in it is secret from the user (a program that
 * was privileged once is not dumpable).
 */
static bool pf_run_allows(const struct pf_target *target,
			  struct task_struct *task, struct mm_struct *mm)
{
	const struct cred *cred;
	bool same;

	if (!target->key.limited)
		return true;
	rcu_read_lock();
	cred = __task_cred(task);
	same = uid_eq(cred->uid, target->key.uid) &&
	       uid_eq(cred->euid, target->key.uid) &&
	       uid_eq(cred->suid, target->key.uid);
	rcu_read_unlock();
	return same && get_dumpable(mm) == SUID_DUMP_USER;
}

/* ---- joining a run, in tracepoint handlers ---------------------------------- */

static void pf_replaced_drop(struct work_struct *work)
{
	LIST_HEAD(list);

	raw_spin_lock_irq(&pf_lock);
	list_splice_init(&pf_replaced, &list);
	raw_spin_unlock_irq(&pf_lock);
	pf_space_drop_list(&list);
}

static DECLARE_WORK(pf_replaced_work, pf_replaced_drop);

/**
 * pf_run_flush() - wait until the spaces of replaced runs are dropped
 *
 * Context: may sleep.
 */
void pf_run_flush(void)
{
	flush_work(&pf_replaced_work);
}

/* Forget the current run. pf_lock is held. */
static void pf_run_start(struct pf_target *target)
{
	target->run++;
	target->joining = false;
	target->nr_spaces = 0;
	target->nr_alive = 0;
	if (list_empty(&target->spaces))
		return;
	list_splice_tail_init(&target->spaces, &pf_replaced);
	queue_work(pf_wq, &pf_replaced_work);
}

/*
 * What a process was in the run before its exec; a child of vfork() has no
 * space of its own till then, but its parent has. RCU, pf_lock is held.
 */
static struct pf_space *pf_run_member(const struct pf_target *target,
				      struct task_struct *task)
{
	struct pid *parent = task_tgid(rcu_dereference(task->real_parent));
	struct pid *pid = task_tgid(task);
	struct pf_space *space;

	list_for_each_entry_reverse(space, &target->spaces, link) {
		if (space->pid == pid || space->pid == parent)
			return space;
	}
	return NULL;
}

/* The first exec of the process itself begins its run. pf_lock is held. */
static bool pf_run_begins(struct pf_target *target,
			  const struct task_struct *task)
{
	if (target->key.type != PFSTAT_TARGET_PID || target->executed ||
	    target->key.pid != task_tgid((struct task_struct *)task))
		return false;
	target->executed = true;
	return true;
}

/*
 * The new program of a process that belongs to the run, which goes on.
 * Returns whether it is one. RCU, pf_lock is held.
 */
static bool pf_run_follow(struct pf_target *target, struct task_struct *task)
{
	struct pf_space *space, *member;
	struct pid *parent;

	if (pf_space_in_run(task->mm, target))
		return true;
	if (pf_run_begins(target, task))
		return false;
	member = pf_run_member(target, task);
	if (!member)
		return false;
	space = pf_space_alloc_atomic();
	if (!space) {
		pf_lost(1);
		return true;
	}
	parent = member->pid == task_tgid(task) ? member->parent : member->pid;
	pf_space_fill(space, task->mm, task, parent,
		      parent ? PF_SPACE_FORKED : 0);
	pf_space_add(space, target);
	return true;
}

/* The current task's new program, or one renamed, joins. pf_lock is held. */
static void pf_run_join(struct pf_target *target, struct task_struct *task,
			bool exec)
{
	struct mm_struct *mm = task->mm;
	struct pf_space *space;

	if (!pf_run_allows(target, task, mm))
		return;
	if (exec && target->follow && pf_run_follow(target, task))
		return;
	if (exec)
		pf_run_start(target);
	else if (!target->run)
		target->run = 1;
	else if (pf_space_in_run(mm, target))
		return;
	space = pf_space_alloc_atomic();
	if (!space) {
		pf_lost(1);
		return;
	}
	pf_space_fill(space, mm, task, NULL, 0);
	pf_space_add(space, target);
}

/*
 * A process that is in a cgroup that is a target joins its run. pf_lock is held,
 * and @mm stays.
 */
static void pf_run_join_cgroups(struct task_struct *task, struct mm_struct *mm,
				bool exec)
{
	struct pf_target *target;
	struct pf_space *space;

	list_for_each_entry(target, &pf_by_cgroup, by_cgroup) {
		if (pf_space_in_run(mm, target) ||
		    !pf_cgroup_has(target, task) ||
		    !pf_run_allows(target, task, mm))
			continue;
		if (exec && pf_run_follow(target, task))
			continue;
		space = pf_space_alloc_atomic();
		if (!space) {
			pf_lost(1);
			continue;
		}
		if (!target->run)
			target->run = 1;
		pf_space_fill(space, mm, task, NULL, 0);
		pf_space_add(space, target);
	}
}

static void pf_run_join_name(const char *name, size_t len,
			     struct task_struct *task, bool exec)
{
	struct pf_target *target;

	for (target = pf_target_first(pf_target_hash_name(name, len)); target;
	     target = pf_target_next(target)) {
		if (target->key.type == PFSTAT_TARGET_NAME &&
		    target->key.len == len &&
		    !memcmp(target->key.name, name, len))
			pf_run_join(target, task, exec);
	}
}

/*
 * The basename of a file, which stays, or of none. Needs RCU. Like lib/vsprintf.c,
 * which reads names of dentries without a lock too: they end with a NUL at all
 * times.
 */
static const char *pf_file_name(const struct file *file)
{
	return file ? (char *)READ_ONCE(file->f_path.dentry->d_name.name) : "";
}

/**
 * pf_run_exec() - a process has a new program
 * @task: current, a thread group leader
 *
 * Context: tracepoint handler, preemption off.
 */
void pf_run_exec(struct task_struct *task)
{
	struct pid *pid = task_tgid(task);
	struct pf_target *target;
	unsigned long flags;
	const char *exe;
	size_t len;

	rcu_read_lock();
	/* Its own, and it has no other thread yet: nobody exchanges the file. */
	exe = pf_file_name(rcu_dereference(task->mm->exe_file));
	len = strlen(exe);

	raw_spin_lock_irqsave(&pf_lock, flags);
	pf_run_join_name(task->comm, strlen(task->comm), task, true);
	if (len > PFSTAT_COMM_MAX)
		pf_run_join_name(exe, len, task, true);
	for (target = pf_target_first(pf_target_hash_pid(pid)); target;
	     target = pf_target_next(target)) {
		if (target->key.type == PFSTAT_TARGET_PID &&
		    target->key.pid == pid)
			pf_run_join(target, task, true);
	}
	list_for_each_entry(target, &pf_followers, follower) {
		if (pf_run_allows(target, task, task->mm))
			pf_run_follow(target, task);
	}
	pf_run_join_cgroups(task, task->mm, true);
	raw_spin_unlock_irqrestore(&pf_lock, flags);
	rcu_read_unlock();
}

/**
 * pf_run_rename() - a thread group leader gets another name
 * @task: the leader; task_lock() is held, so its mm stays
 * @comm: the new name
 *
 * Context: tracepoint handler, preemption off.
 */
void pf_run_rename(struct task_struct *task, const char *comm)
{
	unsigned long flags;

	/* A kernel thread may have borrowed an mm. */
	if (!task->mm || (READ_ONCE(task->flags) & PF_KTHREAD))
		return;
	raw_spin_lock_irqsave(&pf_lock, flags);
	pf_run_join_name(comm, strlen(comm), task, false);
	raw_spin_unlock_irqrestore(&pf_lock, flags);
}

/**
 * pf_run_fork() - a process has been forked
 * @parent: current
 * @child: not running yet
 *
 * Context: tracepoint handler, preemption off.
 */
void pf_run_fork(struct task_struct *parent, struct task_struct *child)
{
	struct pf_space *space, *new;
	struct pf_target *target;
	unsigned long flags;

	if (!child->mm || !parent->mm || child->mm == parent->mm)
		return;
	raw_spin_lock_irqsave(&pf_lock, flags);
	for (space = pf_space_first(parent->mm); space;
	     space = pf_space_next(space)) {
		target = space->target;
		if (space->run != target->run || list_empty(&space->link))
			continue;
		new = pf_space_alloc_atomic();
		if (!new) {
			pf_lost(1);
			continue;
		}
		pf_space_fill(new, child->mm, child, space->pid,
			      PF_SPACE_FORKED);
		pf_space_add(new, target);
	}
	/* clone() may put it into another cgroup than its parent's */
	pf_run_join_cgroups(child, child->mm, false);
	raw_spin_unlock_irqrestore(&pf_lock, flags);
}

/**
 * pf_run_move() - a process has been moved to another cgroup
 * @task: its leader; task_lock() is held, so its mm stays
 *
 * Context: tracepoint handler, preemption off.
 */
void pf_run_move(struct task_struct *task)
{
	unsigned long flags;

	if (!task->mm || (READ_ONCE(task->flags) & PF_KTHREAD))
		return;
	raw_spin_lock_irqsave(&pf_lock, flags);
	pf_run_join_cgroups(task, task->mm, false);
	raw_spin_unlock_irqrestore(&pf_lock, flags);
}

/* ---- processes that run already ---------------------------------------------- */

/* Whether a process belongs to the run that an ancestor of it belongs to. */
static bool pf_run_descends(const struct pf_target *target,
			    struct task_struct *leader)
{
	unsigned long flags;
	bool member;

	if (!target->follow)
		return false;
	rcu_read_lock();
	raw_spin_lock_irqsave(&pf_lock, flags);
	member = pf_run_member(target, leader);
	raw_spin_unlock_irqrestore(&pf_lock, flags);
	rcu_read_unlock();
	return member;
}

/*
 * Whether @mm executes a file of that name. The file is held: prctl(2),
 * PR_SET_MM_EXE_FILE, may exchange it meanwhile.
 */
static bool pf_mm_executes(struct mm_struct *mm, const char *name)
{
	struct file *file;
	bool match;

	rcu_read_lock();
	file = pf_get_file_rcu(&mm->exe_file);
	match = !strcmp(pf_file_name(file), name);
	rcu_read_unlock();
	if (file)
		fput(file);
	return match;
}

static bool pf_run_matches(const struct pf_target *target,
			   struct task_struct *leader, struct mm_struct *mm)
{
	char comm[TASK_COMM_LEN];

	if (pf_run_descends(target, leader))
		return true;
	if (target->cgroup)
		return pf_cgroup_has(target, leader);
	if (target->key.type == PFSTAT_TARGET_PID)
		return target->key.pid == task_tgid(leader);
	if (target->key.len <= PFSTAT_COMM_MAX) {
		get_task_comm(comm, leader);
		return !strcmp(comm, target->key.name);
	}
	return pf_mm_executes(mm, target->key.name);
}

/* The mm of a process, whose leader may have exited before other threads. */
static struct mm_struct *pf_process_mm(struct task_struct *leader)
{
	struct task_struct *thread, *user = NULL;
	struct mm_struct *mm;

	rcu_read_lock();
	for_each_thread(leader, thread) {
		if (READ_ONCE(thread->mm)) {
			user = thread;
			get_task_struct(user);
			break;
		}
	}
	rcu_read_unlock();
	if (!user)
		return NULL;
	mm = get_task_mm(user);
	put_task_struct(user);
	return mm;
}

/*
 * Let one running process join. An exec that comes meanwhile starts a run that
 * this process, which is older, is no part of, and ends target->joining.
 */
static int pf_run_join_running(struct pf_target *target,
			       struct task_struct *leader, bool *joined)
{
	struct pf_space *space = NULL;
	struct mm_struct *mm;
	int err = 0;

	mm = pf_process_mm(leader);
	if (!mm)
		return 0;
	if (!pf_run_matches(target, leader, mm))
		goto put_mm;
	if (!pf_run_allows(target, leader, mm)) {
		if (target->key.type == PFSTAT_TARGET_PID)
			err = -EPERM;
		goto put_mm;
	}
	space = pf_space_alloc(GFP_KERNEL);
	if (!space) {
		err = -ENOMEM;
		goto put_mm;
	}
	pf_space_fill(space, mm, leader, NULL, 0);

	raw_spin_lock_irq(&pf_lock);
	if (target->joining && !pf_space_in_run(mm, target)) {
		if (!target->run)
			target->run = 1;
		pf_space_add(space, target);
		space = NULL;
		*joined = true;
	}
	raw_spin_unlock_irq(&pf_lock);
	if (space)
		pf_space_put(space);
put_mm:
	mmput(mm);
	return err;
}

struct pf_processes {
	struct task_struct **tasks;
	unsigned int nr;
	unsigned int room;
};

/* All thread group leaders of user processes, each with a reference. */
static int pf_processes_get(struct pf_processes *list)
{
	struct task_struct *task;
	bool full;

	list->room = 256;
	do {
		list->room *= 2;
		list->nr = 0;
		full = false;
		list->tasks = kvmalloc_array(list->room, sizeof(*list->tasks),
					     GFP_KERNEL);
		if (!list->tasks)
			return -ENOMEM;
		rcu_read_lock();
		for_each_process(task) {
			if (READ_ONCE(task->flags) & PF_KTHREAD)
				continue;
			if (list->nr == list->room) {
				full = true;
				break;
			}
			get_task_struct(task);
			list->tasks[list->nr++] = task;
		}
		rcu_read_unlock();
		if (full) {
			while (list->nr)
				put_task_struct(list->tasks[--list->nr]);
			kvfree(list->tasks);
		}
	} while (full);
	return 0;
}

static void pf_processes_put(struct pf_processes *list)
{
	while (list->nr)
		put_task_struct(list->tasks[--list->nr]);
	kvfree(list->tasks);
}

/**
 * pf_run_join_all() - let what runs already join
 * @target: a new one
 *
 * Fork, exec and rename are followed by now, so that only a fork by a process
 * that has not joined yet can slip through: look again until nothing new is
 * found.
 * Context: pf_target_mutex is held.
 * Return: 0, -ENOMEM, -EINTR for a fatal signal, or -EPERM if a single process
 * was asked for and it is not the user's.
 */
int pf_run_join_all(struct pf_target *target)
{
	struct pf_processes list;
	unsigned int i;
	bool joined;
	int err;

	do {
		joined = false;
		err = pf_processes_get(&list);
		if (err)
			return err;
		for (i = 0; i < list.nr && !err; i++) {
			err = pf_run_join_running(target, list.tasks[i],
						  &joined);
			if (!err && fatal_signal_pending(current))
				err = -EINTR;
			cond_resched();
		}
		pf_processes_put(&list);
	} while (joined && !err);
	return err;
}
