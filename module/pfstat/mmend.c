// SPDX-License-Identifier: GPL-2.0
/*
 * Probes on what a task does before it stops using an mm: by exit, or by exec.
 * What follows is space.c's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "arch/regs.h"
#include "pfstat.h"

/*
 * A vfork() child that leaves its parent's mm: the parent, which waits for it,
 * will end that mm.
 */
static bool pf_borrowed(const struct task_struct *task, struct mm_struct *mm)
{
	return task->vfork_done && atomic_read(&mm->mm_users) > 1;
}

/* exit_mm_release(tsk, mm), called by every thread that exits. */
static int pf_kp_exit_mm(struct kprobe *kp, struct pt_regs *regs)
{
	struct task_struct *task = (void *)pf_arg(regs, 0);
	struct mm_struct *mm = (void *)pf_arg(regs, 1);

	/* do_exit() has counted this thread off already. */
	if (mm && task == current && !atomic_read(&task->signal->live) &&
	    !pf_borrowed(task, mm))
		pf_space_end(mm);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_exit_mm);

/* exec_mm_release(tsk, mm), called when all other threads are gone. */
static int pf_kp_exec_mm(struct kprobe *kp, struct pt_regs *regs)
{
	struct task_struct *task = (void *)pf_arg(regs, 0);
	struct mm_struct *mm = (void *)pf_arg(regs, 1);

	if (mm && task == current && !pf_borrowed(task, mm))
		pf_space_end(mm);
	return 0;
}

NOKPROBE_SYMBOL(pf_kp_exec_mm);

static struct kprobe pf_mm_probes[] = {
	{
		.symbol_name = "exit_mm_release",
		.pre_handler = pf_kp_exit_mm,
		.flags = KPROBE_FLAG_DISABLED,
	}, {
		.symbol_name = "exec_mm_release",
		.pre_handler = pf_kp_exec_mm,
		.flags = KPROBE_FLAG_DISABLED,
	},
};

/**
 * pf_mmend_disarm() - take the probes away
 *
 * Context: pf_target_mutex is held.
 */
void pf_mmend_disarm(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_mm_probes); i++)
		disable_kprobe(&pf_mm_probes[i]);
}

/**
 * pf_mmend_arm() - put the probes in place
 *
 * Context: pf_target_mutex is held.
 * Return: 0 or a negative errno, and no probe is in place.
 */
int pf_mmend_arm(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(pf_mm_probes); i++) {
		err = enable_kprobe(&pf_mm_probes[i]);
		if (err) {
			pf_mmend_disarm();
			return err;
		}
	}
	return 0;
}

/**
 * pf_mmend_missed() - ends whose handler could not run
 *
 * Return: their number since the module was loaded.
 */
u64 pf_mmend_missed(void)
{
	u64 missed = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_mm_probes); i++)
		missed += pf_mm_probes[i].nmissed;
	return missed;
}

/**
 * pf_mmend_init() - register the probes, disabled
 *
 * Return: 0 or a negative errno.
 */
int pf_mmend_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(pf_mm_probes); i++) {
		err = register_kprobe(&pf_mm_probes[i]);
		if (err) {
			pr_err("no probe on %s (%d)\n",
			       pf_mm_probes[i].symbol_name, err);
			goto unregister;
		}
	}
	return 0;

unregister:
	while (i--)
		unregister_kprobe(&pf_mm_probes[i]);
	return err;
}

/**
 * pf_mmend_exit() - undo pf_mmend_init()
 */
void pf_mmend_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pf_mm_probes); i++)
		unregister_kprobe(&pf_mm_probes[i]);
}
