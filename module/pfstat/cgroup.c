// SPDX-License-Identifier: GPL-2.0
/*
 * Targets that are cgroups of version 2: who is in them, and who is moved there.
 *
 * fork and exec are followed anyway (lifecycle.c). The tracepoint of moving is
 * used only as long as there is such a target.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include "fast.h"
#include "pfstat.h"

#ifdef CONFIG_CGROUPS
#define PF_LOCK_TRIES	1000

static struct tracepoint *pf_cgroup_tp;
static unsigned int pf_cgroup_users;	/* under pf_target_mutex */

/* Who could not be looked at when it was moved joins a little later. */
static void pf_cgroup_rejoin(struct work_struct *work)
{
	struct pf_target *target;

	mutex_lock(&pf_target_mutex);
	list_for_each_entry(target, &pf_by_cgroup, by_cgroup)
		pf_target_rejoin(target);
	mutex_unlock(&pf_target_mutex);
}

static DECLARE_WORK(pf_cgroup_work, pf_cgroup_rejoin);

/*
 * task_lock(), but not for long. The caller holds a lock that others may take
 * where interrupts are off, and task_lock() is taken where they are on; and on
 * PREEMPT_RT it sleeps, which a handler must not.
 */
static bool pf_cgroup_lock_task(struct task_struct *task)
{
	int tries = PF_LOCK_TRIES;

	while (!spin_trylock(&task->alloc_lock)) {
		if (!--tries)
			return false;
		cpu_relax();
	}
	__release(&task->alloc_lock);	/* for sparse: the caller says it */
	return true;
}

static void pf_on_attach(void *data, struct cgroup *to, const char *path,
			 struct task_struct *task, bool threadgroup)
{
	if (!thread_group_leader(task))
		return;
	if (__cond_lock(&task->alloc_lock, pf_cgroup_lock_task(task))) {
		pf_run_move(task);
		task_unlock(task);
	} else {
		queue_work(pf_wq, &pf_cgroup_work);
	}
}

static void pf_cgroup_match(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "cgroup_attach_task"))
		pf_cgroup_tp = tp;
}

static int pf_cgroup_arm(void)
{
	int err = -EOPNOTSUPP;

	if (pf_cgroup_users++)
		return 0;
	for_each_kernel_tracepoint(pf_cgroup_match, NULL);
	if (pf_cgroup_tp)
		err = tracepoint_probe_register(pf_cgroup_tp, pf_on_attach,
						NULL);
	if (err) {
		pr_err("tracepoint cgroup_attach_task: error %d\n", err);
		pf_cgroup_users--;
	}
	return err;
}

static void pf_cgroup_disarm(void)
{
	if (--pf_cgroup_users)
		return;
	tracepoint_probe_unregister(pf_cgroup_tp, pf_on_attach, NULL);
	tracepoint_synchronize_unregister();
}

/**
 * pf_cgroup_get() - look a target's cgroup up, and follow who is moved there
 * @target: a new one; its key has the path
 *
 * Context: pf_target_mutex is held.
 * Return: 0, -ESRCH if there is no such cgroup, -ENOMEM, -EOPNOTSUPP.
 */
int pf_cgroup_get(struct pf_target *target)
{
	struct cgroup *cgroup = cgroup_get_from_path(target->key.name);
	int err;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup) == -ENOMEM ? -ENOMEM : -ESRCH;
	err = pf_cgroup_arm();
	if (err)
		cgroup_put(cgroup);
	else
		target->cgroup = cgroup;
	return err;
}

/**
 * pf_cgroup_put() - undo pf_cgroup_get()
 * @target: no handler finds it any more
 *
 * Context: pf_target_mutex is held.
 */
void pf_cgroup_put(struct pf_target *target)
{
	pf_cgroup_disarm();
	cgroup_put(target->cgroup);
}

/**
 * pf_cgroup_has() - whether a process is in a target's cgroup or below
 * @target: a cgroup
 * @task: the process
 *
 * Return: whether it is now.
 */
bool pf_cgroup_has(const struct pf_target *target, struct task_struct *task)
{
	bool has;

	rcu_read_lock();
	has = cgroup_is_descendant(task_dfl_cgroup(task), target->cgroup);
	rcu_read_unlock();
	return has;
}
#else
int pf_cgroup_get(struct pf_target *target)
{
	return -EOPNOTSUPP;
}

void pf_cgroup_put(struct pf_target *target)
{
}

bool pf_cgroup_has(const struct pf_target *target, struct task_struct *task)
{
	return false;
}
#endif
