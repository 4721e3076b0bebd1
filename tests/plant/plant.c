// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does wrong, one thing at a time, for the runner to find:
 * insmod plant.ko what=WORD; what it leaks shows when it is unloaded. With "no"
 * it does nothing, as a control.
 */
#include <linux/debug_locks.h>
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static char *what = "no";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "no, warn, oops, hang, cache, kmalloc, vmalloc, mm, task, open, race or lockdep");

static struct kmem_cache *cache;

/* The pointers are lost on purpose: volatile, so that nothing is optimised away. */
static void *volatile lost;

static void plant_warn(void)
{
	WARN(1, "planted\n");
}

static void plant_oops(void)
{
	*(volatile int *)8 = 0;
}

/* One CPU is enough: the others wait for it sooner or later. */
static void plant_hang(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static void plant_cache(void)
{
	lost = kmem_cache_alloc(cache, GFP_KERNEL);
}

static void plant_kmalloc(void)
{
	lost = kmalloc(100, GFP_KERNEL);
}

static void plant_vmalloc(void)
{
	lost = vmalloc(PAGE_SIZE);
}

static void plant_mm(void)
{
	mmgrab(current->mm);
}

static void plant_task(void)
{
	get_task_struct(current);
}

/* Keeps pfstat.ko from being unloaded, as a process that nobody can kill would. */
static void plant_open(void)
{
	lost = filp_open("/dev/pfstat", O_RDWR, 0);
}

/* Counted by two threads without a lock; only KCSAN sees what is wrong with that. */
static unsigned long raced;

static int plant_racer(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		barrier();
		cond_resched();
	}
	return 0;
}

static void plant_race(void)
{
	struct task_struct *other = kthread_run(plant_racer, NULL, "plant");
	unsigned long end = jiffies + 10 * HZ;

	if (IS_ERR(other))
		return;
	while (time_before(jiffies, end)) {
		raced++;
		barrier();
		cond_resched();
	}
	kthread_stop(other);
}

/* Nobody is told: as when a table of lockdep's is full. */
static void plant_lockdep(void)
{
	if (IS_ENABLED(CONFIG_LOCKDEP))
		debug_locks_off();
}

static const struct {
	const char *name;
	void (*run)(void);
} plants[] = {
	{ "warn", plant_warn },
	{ "oops", plant_oops },
	{ "hang", plant_hang },
	{ "cache", plant_cache },
	{ "kmalloc", plant_kmalloc },
	{ "vmalloc", plant_vmalloc },
	{ "mm", plant_mm },
	{ "task", plant_task },
	{ "open", plant_open },
	{ "race", plant_race },
	{ "lockdep", plant_lockdep },
};

/* Not __init: what is allocated here must be seen to be this module's. */
static int plant_init(void)
{
	size_t i;

	cache = kmem_cache_create("pfstat_plant", 100, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		if (!strcmp(what, plants[i].name)) {
			plants[i].run();
			return 0;
		}
	}
	if (!strcmp(what, "no"))
		return 0;
	kmem_cache_destroy(cache);
	return -EINVAL;
}

static void plant_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(plant_init);
module_exit(plant_exit);
MODULE_DESCRIPTION("Plants a bug of the kernel for the test runner to find");
MODULE_LICENSE("GPL");
