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

#include "fast.h"
#include "pfstat.h"

#ifdef CONFIG_CGROUPS
static struct tracepoint *pf_cgroup_tp;
static unsigned int pf_cgroup_users;	/* under pf_target_mutex */

static void pf_on_attach(void *data, struct cgroup *to, const char *path,
			 struct task_struct *task, bool threadgroup)
{
	if (!thread_group_leader(task))
		return;
	/*
	 * On PREEMPT_RT it may sleep, which a handler must not. Who just then is
	 * renamed or begins to exit has bad luck, and the user is told.
	 */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		task_lock(task);
	} else if (!spin_trylock(&task->alloc_lock)) {
		pf_lost(1);
		return;
	}
	pf_run_move(task);
	task_unlock(task);
}

static void pf_cgroup_match(struct tracepoint *tp, void *data)
{
	if (!strcmp(tp->name, "cgroup_attach_task"))
		pf_cgroup_tp = tp;
}

static int pf_cgroup_arm(void)
{
	if (pf_cgroup_users++)
		return 0;
	for_each_kernel_tracepoint(pf_cgroup_match, NULL);
	if (pf_cgroup_tp &&
	    !tracepoint_probe_register(pf_cgroup_tp, pf_on_attach, NULL))
		return 0;
	pr_err("tracepoint cgroup_attach_task is not to be had\n");
	pf_cgroup_users--;
	return -EOPNOTSUPP;
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
 * Return: 0, -ESRCH if there is no such cgroup, -EOPNOTSUPP.
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
