// SPDX-License-Identifier: GPL-2.0
/*
 * Work that is queued on tasks (task_work_add()) and can't be cancelled: it
 * runs before the task returns to user mode or while it exits, which is soon,
 * and the module's code must stay until then.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "pfstat.h"

static atomic_t pf_pending = ATOMIC_INIT(0);

/**
 * pf_pending_get() - one more work is about to be queued
 *
 * Context: any.
 */
void pf_pending_get(void)
{
	atomic_inc(&pf_pending);
}

/**
 * pf_pending_put() - the work is done, or was not queued after all
 *
 * Context: any. That includes probe handlers, where on PREEMPT_RT nobody may be
 * woken through a wait queue, so who waits has to look from time to time.
 */
void pf_pending_put(void)
{
	atomic_dec(&pf_pending);
}

/**
 * pf_pending_wait() - wait until all work is done
 *
 * Context: may sleep; none is queued any more. The last one may still be on
 * its way out of the module's code, see pf_pending_gone().
 */
void pf_pending_wait(void)
{
	while (atomic_read(&pf_pending))
		schedule_timeout_idle(1);
}

/**
 * pf_pending_gone() - wait until nobody runs the code of work any more
 *
 * A task is off it when it has scheduled voluntarily or is in user mode.
 * Context: may sleep, after pf_pending_wait(). Before the module is unloaded.
 */
void pf_pending_gone(void)
{
	synchronize_rcu_tasks();
}
