// SPDX-License-Identifier: GPL-2.0
/*
 * A task is about to stop using an mm: by exit, or by exec. What follows is
 * space.c's.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "pfstat.h"

/*
 * A vfork() child that leaves its parent's mm: the parent, which waits for it,
 * will end that mm.
 */
static bool pf_borrowed(const struct task_struct *task, struct mm_struct *mm)
{
	/* Its parent takes it back when it is killed. */
	return READ_ONCE(task->vfork_done) && atomic_read(&mm->mm_users) > 1;
}

/**
 * pf_mm_exit() - exit_mm_release() is called, by every thread that exits
 * @task: its first argument
 * @mm: its second, or NULL
 *
 * Context: probe handler, preemption off.
 */
void pf_mm_exit(struct task_struct *task, struct mm_struct *mm)
{
	/* do_exit() has counted this thread off already. */
	if (mm && task == current && !atomic_read(&task->signal->live) &&
	    !pf_borrowed(task, mm))
		pf_space_end(mm);
}

/**
 * pf_mm_exec() - exec_mm_release() is called, when all other threads are gone
 * @task: its first argument
 * @mm: its second, or NULL
 *
 * Context: probe handler, preemption off.
 */
void pf_mm_exec(struct task_struct *task, struct mm_struct *mm)
{
	if (mm && task == current && !pf_borrowed(task, mm))
		pf_space_end(mm);
}
