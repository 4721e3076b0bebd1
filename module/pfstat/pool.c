// SPDX-License-Identifier: GPL-2.0
/*
 * A few objects per CPU, ready for contexts that can't allocate: probe
 * handlers run under the page-table lock and with preemption off, where even
 * GFP_ATOMIC is forbidden on PREEMPT_RT.
 *
 * A CPU's share is refilled by the tasks that take from it when it is low, each
 * before it returns to user mode (task work, which may sleep): whoever faults
 * in user mode waits for memory instead of losing counts, and since every one
 * does, a share runs dry only when more tasks than it has objects are preempted
 * on their way. Faults in the kernel (a long read(2), say) can't wait for that,
 * and kernel threads never return to user mode: for these a worker refills.
 */
#include <linux/irq_work.h>
#include <linux/slab.h>

#include "fast.h"
#include "pfstat.h"

static void pf_pool_fill_cpu(struct pf_pool *pool, struct pf_pool_cpu *pc)
{
	unsigned long flags;
	void *obj;

	while (READ_ONCE(pc->nr) < pool->size) {
		obj = kmem_cache_zalloc(pool->cache, GFP_KERNEL | __GFP_NOWARN);
		if (!obj)
			return;
		raw_spin_lock_irqsave(&pc->lock, flags);
		if (pc->nr < pool->size) {
			pc->objs[pc->nr] = obj;
			WRITE_ONCE(pc->nr, pc->nr + 1);
			obj = NULL;
		}
		raw_spin_unlock_irqrestore(&pc->lock, flags);
		if (obj)
			kmem_cache_free(pool->cache, obj);
	}
}

static void pf_pool_refill_task(struct callback_head *head)
{
	struct pf_refill *refill = container_of(head, struct pf_refill, head);
	struct pf_pool_cpu *pc = refill->cpu;

	/* First: from now on another task may use it. */
	clear_bit_unlock(refill - pc->refills, &pc->refilling);
	pf_pool_fill_cpu(pc->pool, pc);
	pf_pending_put();
}

static void pf_pool_refill_worker(struct work_struct *work)
{
	struct pf_pool *pool = container_of(work, struct pf_pool, work);

	pf_pool_fill(pool);
}

/* Queueing work takes locks that are not for probe handlers: see pf_probe_lock(). */
static void pf_pool_queue_worker(struct irq_work *irq_work)
{
	struct pf_pool *pool = container_of(irq_work, struct pf_pool, irq_work);

	queue_work(pf_wq, &pool->work);
}

/* Have the current task refill @pc's share before it returns to user mode. */
static bool pf_pool_defer(struct pf_pool_cpu *pc)
{
	unsigned long n;

	do {
		n = find_first_zero_bit(&pc->refilling, BITS_PER_LONG);
		if (n == BITS_PER_LONG)
			return false;
	} while (test_and_set_bit_lock(n, &pc->refilling));

	pf_pending_get();
	pc->refills[n].cpu = pc;
	init_task_work(&pc->refills[n].head, pf_pool_refill_task);
	if (!task_work_add(current, &pc->refills[n].head, TWA_RESUME))
		return true;
	clear_bit_unlock(n, &pc->refilling);
	pf_pending_put();
	return false;
}

static void *pf_pool_pop(struct pf_pool_cpu *pc, unsigned int *left)
{
	unsigned long flags;
	void *obj = NULL;
	unsigned int nr;

	flags = pf_probe_lock(&pc->lock);
	nr = pc->nr;
	if (nr) {
		obj = pc->objs[--nr];
		WRITE_ONCE(pc->nr, nr);
	}
	*left = nr;
	pf_probe_unlock(&pc->lock, flags);
	return obj;
}

/**
 * pf_pool_get() - take an object
 * @pool: from where
 * @may_defer: the current task is about to return to user mode
 *
 * Context: preemption off; any lock but pool locks may be held.
 * Return: a zeroed object, or NULL if none is ready.
 */
void *pf_pool_get(struct pf_pool *pool, bool may_defer)
{
	struct pf_pool_cpu *pc = this_cpu_ptr(pool->cpu);
	unsigned int left, others;
	void *obj;
	int cpu;

	obj = pf_pool_pop(pc, &left);
	if (!obj) {
		for_each_online_cpu(cpu) {
			obj = pf_pool_pop(per_cpu_ptr(pool->cpu, cpu), &others);
			if (obj)
				break;
		}
	}
	if (left < pool->size / 2 && !(may_defer && pf_pool_defer(pc)))
		irq_work_queue(&pool->irq_work);
	return obj;
}

/**
 * pf_pool_fill() - fill the share of every CPU that is online
 * @pool: which
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM if a share is still empty.
 */
int pf_pool_fill(struct pf_pool *pool)
{
	int cpu, err = 0;

	for_each_online_cpu(cpu) {
		struct pf_pool_cpu *pc = per_cpu_ptr(pool->cpu, cpu);

		pf_pool_fill_cpu(pool, pc);
		if (!READ_ONCE(pc->nr))
			err = -ENOMEM;
	}
	return err;
}

/**
 * pf_pool_drain() - free what is ready
 * @pool: which
 *
 * A task that took from it before may still refill it.
 * Context: may sleep; nobody takes from the pool any more.
 */
void pf_pool_drain(struct pf_pool *pool)
{
	unsigned int left;
	void *obj;
	int cpu;

	irq_work_sync(&pool->irq_work);
	cancel_work_sync(&pool->work);
	for_each_possible_cpu(cpu) {
		struct pf_pool_cpu *pc = per_cpu_ptr(pool->cpu, cpu);

		while ((obj = pf_pool_pop(pc, &left)))
			kmem_cache_free(pool->cache, obj);
	}
}

/**
 * pf_pool_init() - set up an empty pool
 * @pool: which
 * @cache: of its objects
 * @size: objects per CPU, at most PF_POOL_MAX
 *
 * Return: 0 or -ENOMEM.
 */
int pf_pool_init(struct pf_pool *pool, struct kmem_cache *cache,
		 unsigned int size)
{
	int cpu;

	pool->cpu = alloc_percpu(struct pf_pool_cpu);
	if (!pool->cpu)
		return -ENOMEM;
	pool->cache = cache;
	pool->size = min_t(unsigned int, size, PF_POOL_MAX);
	INIT_WORK(&pool->work, pf_pool_refill_worker);
	init_irq_work(&pool->irq_work, pf_pool_queue_worker);
	for_each_possible_cpu(cpu) {
		struct pf_pool_cpu *pc = per_cpu_ptr(pool->cpu, cpu);

		raw_spin_lock_init(&pc->lock);
		pc->pool = pool;
	}
	return 0;
}

/**
 * pf_pool_exit() - undo pf_pool_init()
 * @pool: which
 */
void pf_pool_exit(struct pf_pool *pool)
{
	pf_pool_drain(pool);
	free_percpu(pool->cpu);
}
