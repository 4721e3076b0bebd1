// SPDX-License-Identifier: GPL-2.0
/*
 * How long faults take: from the entry of mm/memory.c:handle_mm_fault() to the
 * place where a fault is counted, that is, until the new page is in its place.
 *
 * Every page fault of every process pays for a probe there, so it is in place
 * only while a target asks for it (PFSTAT_TRACK_LATENCY). The hooks of counting
 * then find the time of the begin in a table by task; without such a target
 * they pass over one patched jump.
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/timekeeping.h>

#include "arch/regs.h"
#include "fast.h"
#include "pfstat.h"

/**
 * struct pf_begin - when a task's latest fault began
 * @place: of the task, released at its exit
 * @time: in ns
 */
struct pf_begin {
	struct pf_place place;
	u64 time;
};

DEFINE_STATIC_KEY_FALSE(pf_latency_key);

static struct pf_places pf_begins;
static unsigned int pf_latency_users;	/* under pf_target_mutex */

static struct pf_begin *pf_begin_of(struct pf_place *place)
{
	return place ? container_of(place, struct pf_begin, place) : NULL;
}

NOKPROBE_SYMBOL(pf_begin_of);

static struct pf_begin *pf_begin_find(const struct task_struct *task)
{
	return pf_begin_of(pf_place_find(&pf_begins, task));
}

NOKPROBE_SYMBOL(pf_begin_find);

/* Its own before a free one: the first try's time is in there. */
static struct pf_begin *pf_begin_claim(struct task_struct *task)
{
	return pf_begin_find(task) ?:
	       pf_begin_of(pf_place_claim(&pf_begins, task));
}

NOKPROBE_SYMBOL(pf_begin_claim);

static bool pf_latency_wanted(const struct mm_struct *mm)
{
	struct pf_space *space;

	for (space = pf_space_first(mm); space; space = pf_space_next(space)) {
		if (space->target->latency)
			return true;
	}
	return false;
}

NOKPROBE_SYMBOL(pf_latency_wanted);

static int pf_at_handle_mm_fault(struct kprobe *kp, struct pt_regs *regs)
{
	const struct vm_area_struct *vma = (void *)pf_arg(regs, 0);
	struct pf_begin *begin;

	if (!pf_latency_wanted(vma->vm_mm))
		return 0;
	/* A second try goes on with the time of the first. */
	begin = pf_begin_claim(current);
	if (begin && !(pf_arg(regs, 2) & FAULT_FLAG_TRIED))
		begin->time = ktime_get_mono_fast_ns();
	return 0;
}

NOKPROBE_SYMBOL(pf_at_handle_mm_fault);

static struct kprobe pf_latency_kp = {
	.symbol_name = "handle_mm_fault",
	.pre_handler = pf_at_handle_mm_fault,
};

/**
 * pf_latency_since() - how long the current task's fault has taken by now
 *
 * Context: a hook of the fault path, pf_latency_key is on.
 * Return: ns, at least 1; 0: not known.
 */
u64 pf_latency_since(void)
{
	struct pf_begin *begin = pf_begin_find(current);
	u64 time;

	if (!begin || !begin->time)
		return 0;
	time = ktime_get_mono_fast_ns() - begin->time;
	begin->time = 0;
	return max_t(u64, time, 1);
}

/**
 * pf_latency_task_exit() - forget a task that will not fault again
 * @task: current
 *
 * Context: pf_latency_key is on, preemption off.
 */
void pf_latency_task_exit(struct task_struct *task)
{
	struct pf_begin *begin = pf_begin_find(task);

	if (!begin)
		return;
	begin->time = 0;
	pf_place_release(&begin->place);
}

/**
 * pf_latency_get() - measure from now on
 *
 * Context: pf_target_mutex is held.
 * Return: 0 or a negative errno.
 */
int pf_latency_get(void)
{
	int err;

	if (pf_latency_users++)
		return 0;
	err = pf_places_alloc(&pf_begins, sizeof(struct pf_begin));
	if (err)
		goto no_user;
	pf_latency_kp.flags = 0;
	pf_latency_kp.addr = NULL;
	err = register_kprobe(&pf_latency_kp);
	if (err)
		goto free;
	static_branch_enable(&pf_latency_key);
	return 0;

free:
	pf_places_free(&pf_begins);
no_user:
	pf_latency_users--;
	return err;
}

/**
 * pf_latency_put() - undo pf_latency_get()
 *
 * Context: pf_target_mutex is held.
 */
void pf_latency_put(void)
{
	if (--pf_latency_users)
		return;
	static_branch_disable(&pf_latency_key);
	unregister_kprobe(&pf_latency_kp);
	/* Hooks that passed the branch before have preemption off. */
	synchronize_rcu();
	pf_places_free(&pf_begins);
}
