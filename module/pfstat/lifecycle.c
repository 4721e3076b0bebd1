// SPDX-License-Identifier: GPL-2.0
/*
 * Fork, exec, rename and exit, by the kernel's own tracepoints. These are not
 * exported one by one, but can be found by name. The end of an mm comes from
 * probes (hook.c): at sched_process_exit current->mm is gone already.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/binfmts.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>

#include "pfstat.h"

static void pf_on_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	pf_run_fork(parent, child);
}

static void pf_on_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	pf_run_exec(task);
}

static void pf_on_exit(void *data, struct task_struct *task)
{
	pf_fault_task_exit(task);
	if (static_branch_unlikely(&pf_latency_key))
		pf_latency_task_exit(task);
}

static void pf_on_rename(void *data, struct task_struct *task, const char *comm)
{
	/* An exec renames as well, see fs/exec.c:begin_new_exec(). */
	if (thread_group_leader(task) && !task->in_execve)
		pf_run_rename(task, comm);
}

struct pf_tracepoint {
	const char *name;
	void *probe;
	struct tracepoint *tp;
};

static struct pf_tracepoint pf_tracepoints[] = {
	{ "sched_process_fork", pf_on_fork },
	{ "sched_process_exec", pf_on_exec },
	{ "sched_process_exit", pf_on_exit },
	{ "task_rename", pf_on_rename },
};

static void pf_tracepoint_match(struct tracepoint *tp, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_tracepoints); i++) {
		if (!strcmp(tp->name, pf_tracepoints[i].name))
			pf_tracepoints[i].tp = tp;
	}
}

static void pf_tracepoints_unregister(int n)
{
	while (n--)
		tracepoint_probe_unregister(pf_tracepoints[n].tp,
					    pf_tracepoints[n].probe, NULL);
	tracepoint_synchronize_unregister();
}

/**
 * pf_lifecycle_arm() - follow processes from now on
 *
 * Context: pf_target_mutex is held.
 * Return: 0 or a negative errno.
 */
int pf_lifecycle_arm(void)
{
	int i, err;

	for_each_kernel_tracepoint(pf_tracepoint_match, NULL);
	for (i = 0; i < ARRAY_SIZE(pf_tracepoints); i++) {
		err = -ENOENT;
		if (pf_tracepoints[i].tp)
			err = tracepoint_probe_register(pf_tracepoints[i].tp,
							pf_tracepoints[i].probe,
							NULL);
		if (err) {
			pr_err("tracepoint %s: error %d\n",
			       pf_tracepoints[i].name, err);
			pf_tracepoints_unregister(i);
			return err;
		}
	}
	return 0;
}

/**
 * pf_lifecycle_disarm() - undo pf_lifecycle_arm()
 *
 * Context: pf_target_mutex is held. No handler runs when this returns.
 */
void pf_lifecycle_disarm(void)
{
	pf_tracepoints_unregister(ARRAY_SIZE(pf_tracepoints));
}
