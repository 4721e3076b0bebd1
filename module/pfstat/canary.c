// SPDX-License-Identifier: GPL-2.0
/*
 * Whether kprobes work at all: anybody with the right to do so can take all of
 * them out of the code, by /sys/kernel/debug/kprobes/enabled, and nobody is
 * told. Faults meanwhile are not counted, which would pass for few faults.
 *
 * So there is one more kprobe, on a function of ours that does nothing. It is
 * called, whenever somebody asks for values and every second while the others
 * are in place: if the probe is not hit, they are not either. A pause shorter
 * than that remains unseen. ftrace needs no such thing (FTRACE_OPS_FL_PERMANENT).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "pfstat.h"

static DEFINE_MUTEX(pf_canary_mutex);	/* all that follows */
static bool pf_canary_there;
static bool pf_canary_armed;
static bool pf_canary_silent;
static u64 pf_canary_silences;

static atomic_t pf_canary_songs = ATOMIC_INIT(0);

static noinline void pf_canary_sing(void)
{
	/* Not to be left out. */
	asm volatile("" : : : "memory");
}

static int pf_canary_heard(struct kprobe *kp, struct pt_regs *regs)
{
	atomic_inc(&pf_canary_songs);
	return 0;
}

NOKPROBE_SYMBOL(pf_canary_heard);

static struct kprobe pf_canary_probe = {
	.pre_handler = pf_canary_heard,
};

/**
 * pf_canary_check() - look whether kprobes work
 *
 * Context: may sleep, no kprobe's handler. Return: whether they do; true if
 * none is needed now.
 */
bool pf_canary_check(void)
{
	int before;
	bool ret = true;

	mutex_lock(&pf_canary_mutex);
	if (pf_canary_armed) {
		before = atomic_read(&pf_canary_songs);
		pf_canary_sing();
		ret = atomic_read(&pf_canary_songs) != before;
		if (!ret && !pf_canary_silent) {
			pr_warn("kprobes were switched off: counts are too low\n");
			pf_canary_silences++;
		}
		pf_canary_silent = !ret;
	}
	mutex_unlock(&pf_canary_mutex);
	return ret;
}

static void pf_canary_look(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(pf_canary_work, pf_canary_look);

static void pf_canary_look(struct work_struct *work)
{
	pf_canary_check();
	queue_delayed_work(pf_wq, &pf_canary_work, HZ);
}

/**
 * pf_canary_arm() - from now on kprobes are needed
 *
 * Context: pf_target_mutex is held.
 * Return: 0 or a negative errno.
 */
int pf_canary_arm(void)
{
	int err = 0;

	if (!pf_canary_there)
		return 0;
	mutex_lock(&pf_canary_mutex);
	err = enable_kprobe(&pf_canary_probe);
	pf_canary_armed = !err;
	pf_canary_silent = false;
	mutex_unlock(&pf_canary_mutex);
	if (!err)
		queue_delayed_work(pf_wq, &pf_canary_work, HZ);
	return err;
}

/**
 * pf_canary_disarm() - undo pf_canary_arm()
 *
 * Context: pf_target_mutex is held.
 */
void pf_canary_disarm(void)
{
	if (!pf_canary_there)
		return;
	cancel_delayed_work_sync(&pf_canary_work);
	mutex_lock(&pf_canary_mutex);
	if (pf_canary_armed)
		disable_kprobe(&pf_canary_probe);
	pf_canary_armed = false;
	mutex_unlock(&pf_canary_mutex);
}

/**
 * pf_canary_missed() - how often kprobes were found switched off
 *
 * Return: the number since the module was loaded.
 */
u64 pf_canary_missed(void)
{
	u64 ret;

	mutex_lock(&pf_canary_mutex);
	ret = pf_canary_silences;
	mutex_unlock(&pf_canary_mutex);
	return ret;
}

/**
 * pf_canary_init() - register the probe, disabled
 *
 * Without it the rest works, but is not watched.
 */
void pf_canary_init(void)
{
	int err;

	pf_canary_probe.addr = (void *)pf_canary_sing;
	pf_canary_probe.flags = KPROBE_FLAG_DISABLED;
	err = register_kprobe(&pf_canary_probe);
	if (err)
		pr_warn("no probe of our own (%d): nobody tells if others switch them off\n",
			err);
	pf_canary_there = !err;
}

/**
 * pf_canary_exit() - undo pf_canary_init()
 */
void pf_canary_exit(void)
{
	if (pf_canary_there)
		unregister_kprobe(&pf_canary_probe);
	pf_canary_there = false;
}
