// SPDX-License-Identifier: GPL-2.0
/*
 * Counting: one counter per page and kind, in chunks of PF_CHUNK_PAGES pages.
 *
 * Counts belong to addresses, not to VMAs, so that no growth, split, merge or
 * unmapping of a VMA can lose or misplace one; VMAs are laid over them when
 * somebody asks. A chunk is found by a hash over (space, base) that is read
 * without a lock. Only the first fault in a chunk's pages does more: it takes a
 * chunk from the pool and links it in, which allocates nothing.
 *
 * Memory: sizeof(struct pf_chunk), a little over 1 KiB, for every
 * PF_CHUNK_PAGES-aligned group of pages with at least one count: 33 bytes per
 * page where neighbours are counted, 1 KiB for a page alone.
 */
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "fast.h"
#include "pfstat.h"

#define PF_CHUNK_LOCKS		64
#define PF_CHUNK_POOL		256

struct hlist_head *pf_chunk_hash;
static raw_spinlock_t pf_chunk_locks[PF_CHUNK_LOCKS];
static struct kmem_cache *pf_chunk_cache;
static struct pf_pool pf_chunk_pool;
static atomic_t pf_chunk_nr;

static void pf_chunk_push(struct pf_space *space, struct pf_chunk *chunk)
{
	struct pf_chunk *head = READ_ONCE(space->chunks);

	do {
		chunk->next = head;
	} while (!try_cmpxchg(&space->chunks, &head, chunk));
	atomic_inc(&pf_chunk_nr);
}

/* Put @mine in its place, or return the one that another thread put there. */
static struct pf_chunk *pf_chunk_insert(struct pf_chunk *mine,
					struct pf_space *space,
					unsigned long base, unsigned int index)
{
	raw_spinlock_t *lock = &pf_chunk_locks[index % PF_CHUNK_LOCKS];
	struct hlist_head *bucket = &pf_chunk_hash[index];
	struct pf_chunk *chunk;
	unsigned long flags;

	mine->space = space;
	mine->base = base;

	flags = pf_probe_lock(lock);
	chunk = pf_chunk_find(bucket, space, base);
	if (!chunk) {
		pf_chunk_push(space, mine);
		hlist_add_head_rcu(&mine->node, bucket);
	}
	pf_probe_unlock(lock, flags);
	if (!chunk)
		return mine;

	/*
	 * Freeing is not for this context: leave ours with the space, without
	 * a base that a page could have, and empty.
	 */
	mine->base = PF_CHUNK_NO_BASE;
	pf_chunk_push(space, mine);
	return chunk;
}

/**
 * pf_count_first() - count the first fault in the pages of a chunk
 * @space: of the mm that took it
 * @page: address >> PAGE_SHIFT
 * @kind: enum pfstat_kind
 * @may_defer: the current task is about to return to user mode
 *
 * What can't be counted for want of memory is counted as lost.
 * Context: preemption off.
 */
void pf_count_first(struct pf_space *space, unsigned long page,
		    unsigned int kind, bool may_defer)
{
	unsigned long base = page >> PF_CHUNK_SHIFT;
	struct pf_chunk *chunk;

	chunk = pf_pool_get(&pf_chunk_pool, may_defer);
	if (!chunk) {
		pf_lost(1);
		return;
	}
	chunk = pf_chunk_insert(chunk, space, base,
				pf_chunk_index(space, base));
	atomic_inc(&chunk->count[page & (PF_CHUNK_PAGES - 1)][kind]);
}

/**
 * pf_count_add() - add a chunk's counts to those of a space
 * @space: that nobody else counts in
 * @from: a chunk that does not change any more
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int pf_count_add(struct pf_space *space, const struct pf_chunk *from)
{
	unsigned int index = pf_chunk_index(space, from->base);
	struct pf_chunk *chunk;
	unsigned int page, kind;

	if (from->base == PF_CHUNK_NO_BASE)
		return 0;
	rcu_read_lock();
	chunk = pf_chunk_find(&pf_chunk_hash[index], space, from->base);
	rcu_read_unlock();
	if (!chunk) {
		chunk = kmem_cache_zalloc(pf_chunk_cache,
					  GFP_KERNEL | __GFP_NOWARN);
		if (!chunk)
			return -ENOMEM;
		chunk = pf_chunk_insert(chunk, space, from->base, index);
	}
	for (page = 0; page < PF_CHUNK_PAGES; page++)
		for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
			atomic_add(atomic_read(&from->count[page][kind]),
				   &chunk->count[page][kind]);
	return 0;
}

/**
 * pf_count_unlink() - take all chunks of a space out of the hash
 * @space: not hashed any more, for longer than a grace period
 *
 * Nobody looks for this space's chunks any more, but the walk of a bucket may
 * still pass over them: they may be freed after one more grace period.
 * Context: may sleep.
 */
void pf_count_unlink(struct pf_space *space)
{
	struct pf_chunk *chunk;
	unsigned long flags;
	raw_spinlock_t *lock;

	for (chunk = space->chunks; chunk; chunk = chunk->next) {
		if (chunk->base == PF_CHUNK_NO_BASE)
			continue;
		lock = &pf_chunk_locks[pf_chunk_index(space, chunk->base) %
				       PF_CHUNK_LOCKS];
		raw_spin_lock_irqsave(lock, flags);
		hlist_del_rcu(&chunk->node);
		raw_spin_unlock_irqrestore(lock, flags);
		cond_resched();
	}
}

/**
 * pf_count_free() - free all chunks of a space
 * @space: pf_count_unlink() was called for it a grace period ago
 *
 * Context: may sleep.
 */
void pf_count_free(struct pf_space *space)
{
	struct pf_chunk *chunk, *next;
	unsigned int n = 0;

	for (chunk = space->chunks; chunk; chunk = next) {
		next = chunk->next;
		kmem_cache_free(pf_chunk_cache, chunk);
		n++;
		cond_resched();
	}
	space->chunks = NULL;
	atomic_sub(n, &pf_chunk_nr);
}

/**
 * pf_count_chunks() - how many chunks hold counts
 *
 * Return: the number.
 */
u32 pf_count_chunks(void)
{
	return atomic_read(&pf_chunk_nr);
}

/**
 * pf_count_prepare() - get ready to count
 *
 * Return: 0 or -ENOMEM.
 */
int pf_count_prepare(void)
{
	/* It stays until the module goes: spaces may outlive their target. */
	if (!pf_chunk_hash)
		pf_chunk_hash = kvcalloc(1 << PF_CHUNK_HASH_BITS,
					 sizeof(*pf_chunk_hash), GFP_KERNEL);
	if (!pf_chunk_hash)
		return -ENOMEM;
	return pf_pool_fill(&pf_chunk_pool);
}

/**
 * pf_count_release() - undo pf_count_prepare()
 *
 * Context: no probe runs.
 */
void pf_count_release(void)
{
	pf_pool_drain(&pf_chunk_pool);
}

/**
 * pf_count_init() - set up the caches
 *
 * Return: 0 or -ENOMEM.
 */
int pf_count_init(void)
{
	int i, err;

	for (i = 0; i < PF_CHUNK_LOCKS; i++)
		raw_spin_lock_init(&pf_chunk_locks[i]);
	pf_chunk_cache = KMEM_CACHE(pf_chunk, 0);
	if (!pf_chunk_cache)
		return -ENOMEM;
	err = pf_pool_init(&pf_chunk_pool, pf_chunk_cache, PF_CHUNK_POOL);
	if (err)
		kmem_cache_destroy(pf_chunk_cache);
	return err;
}

/**
 * pf_count_exit() - undo pf_count_init()
 */
void pf_count_exit(void)
{
	pf_pool_exit(&pf_chunk_pool);
	kvfree(pf_chunk_hash);
	kmem_cache_destroy(pf_chunk_cache);
}
