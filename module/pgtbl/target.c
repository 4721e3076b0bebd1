// SPDX-License-Identifier: GPL-2.0
/*
 * Whose page tables, and whether the caller may see or change them.
 */
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/security.h>

#include "pgtbl.h"

/**
 * pgtbl_mm_get() - the address space of a process, if the caller may look
 * @pid: as the caller numbers processes, 0 for the caller itself
 *
 * The check is made on the address space, not on the process: a process that
 * execs in between can't swap in one with other owners.
 *
 * Return: a reference for mmput(), or
 *	-ESRCH: no such process, it is a kernel thread, or it is past its end;
 *	-EACCES: not the caller's own, and no CAP_SYS_PTRACE in its namespace;
 *	-EPERM: the kernel is locked down for confidentiality.
 */
struct mm_struct *pgtbl_mm_get(s32 pid)
{
	struct mm_struct *mm = current->mm;
	struct task_struct *task;
	struct pid *ref;
	int err;

	/* Entries tell where kernel memory lies, like /proc/kcore. */
	err = security_locked_down(LOCKDOWN_KCORE);
	if (err)
		return ERR_PTR(-EPERM);

	if (!pid) {
		if (!mm || !mmget_not_zero(mm))
			return ERR_PTR(-ESRCH);
		return mm;
	}
	ref = find_get_pid(pid);
	task = get_pid_task(ref, PIDTYPE_PID);
	put_pid(ref);
	if (!task)
		return ERR_PTR(-ESRCH);
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return ERR_PTR(-ESRCH);
	if (mm != current->mm && !ns_capable(mm->user_ns, CAP_SYS_PTRACE)) {
		mmput(mm);
		return ERR_PTR(-EACCES);
	}
	return mm;
}

/**
 * pgtbl_may_edit() - may the caller change entries of page tables at all?
 *
 * Return: 0 or -EPERM.
 */
int pgtbl_may_edit(void)
{
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	return security_locked_down(LOCKDOWN_DEV_MEM) ? -EPERM : 0;
}
