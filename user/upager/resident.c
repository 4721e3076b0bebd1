// SPDX-License-Identifier: GPL-2.0-only
/* Which pages clients have, by chunks of 64; the oldest chunk not in use goes first. */
#include <stdlib.h>

#include "run.h"

void resident_init(struct residents *all, size_t page)
{
	unsigned int i;

	TAILQ_INIT(&all->order);
	for (i = 0; i < CHUNK_BUCKETS; i++)
		LIST_INIT(&all->buckets[i]);
	all->page = page;
}

static uint64_t base_of(const struct residents *all, uint64_t addr)
{
	return addr & ~(EVICT_PAGES * (uint64_t)all->page - 1);
}

static unsigned int bit_of(const struct residents *all, uint64_t addr)
{
	return addr / all->page % EVICT_PAGES;
}

static struct chunk_bucket *bucket_of(struct residents *all, const struct client *client,
				      uint64_t base)
{
	uint64_t hash = (base / all->page ^ (uintptr_t)client >> 4) * 0x9e3779b97f4a7c15ull;

	return &all->buckets[(hash >> 40) % CHUNK_BUCKETS];
}

static struct chunk *find(struct residents *all, const struct client *client, uint64_t addr)
{
	uint64_t base = base_of(all, addr);
	struct chunk *chunk;

	LIST_FOREACH(chunk, bucket_of(all, client, base), chain)
		if (chunk->client == client && chunk->base == base)
			return chunk;
	return NULL;
}

static void drop(struct residents *all, struct chunk *chunk)
{
	all->pages -= __builtin_popcountll(chunk->mask);
	TAILQ_REMOVE(&all->order, chunk, link);
	LIST_REMOVE(chunk, chain);
	free(chunk);
}

/* Those pages from @addr to @end that are in one chunk; @next: where the next one begins */
static uint64_t mask_of(const struct residents *all, uint64_t addr, uint64_t end, uint64_t *next)
{
	unsigned int first = bit_of(all, addr), count;

	*next = base_of(all, addr) + EVICT_PAGES * (uint64_t)all->page;
	if (end > *next - all->page)
		return UINT64_MAX << first;
	count = (end - addr + all->page - 1) / all->page;
	return ((1ull << count) - 1) << first;
}

static void set_some(struct residents *all, struct client *client, uint64_t addr, uint64_t mask)
{
	struct chunk *chunk = find(all, client, addr);

	if (!chunk) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return;		/* they stay where they are, uncounted */
		chunk->client = client;
		chunk->base = base_of(all, addr);
		LIST_INSERT_HEAD(bucket_of(all, client, chunk->base), chunk, chain);
		TAILQ_INSERT_TAIL(&all->order, chunk, link);
	} else if (mask & ~chunk->mask) {
		/* its program is at work there */
		TAILQ_REMOVE(&all->order, chunk, link);
		TAILQ_INSERT_TAIL(&all->order, chunk, link);
	}
	all->pages += __builtin_popcountll(mask & ~chunk->mask);
	chunk->mask |= mask;
}

void resident_set(struct residents *all, struct client *client, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len, next, mask;

	for (addr &= -(uint64_t)all->page; addr < end; addr = next) {
		mask = mask_of(all, addr, end, &next);
		set_some(all, client, addr, mask);
	}
}

static void clear_some(struct residents *all, struct chunk *chunk, uint64_t mask)
{
	all->pages -= __builtin_popcountll(mask & chunk->mask);
	chunk->mask &= ~mask;
	if (!chunk->mask)
		drop(all, chunk);
}

void resident_clear(struct residents *all, struct client *client, uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len, next, mask;
	struct chunk *chunk;

	for (addr &= -(uint64_t)all->page; addr < end; addr = next) {
		mask = mask_of(all, addr, end, &next);
		chunk = find(all, client, addr);
		if (chunk)
			clear_some(all, chunk, mask);
	}
}

void resident_move(struct residents *all, struct client *client, uint64_t from, uint64_t to,
		   uint64_t len)
{
	uint64_t at;

	for (at = 0; at < len; at += all->page) {
		if (!resident_has(all, client, from + at))
			continue;
		resident_clear(all, client, from + at, all->page);
		resident_set(all, client, to + at, all->page);
	}
}

/* A page has come back soon after it was taken out: its chunk is in use. */
void resident_rescue(struct residents *all, struct client *client, uint64_t addr,
		     unsigned int life)
{
	struct chunk *chunk = find(all, client, addr);

	if (!chunk)
		return;
	if (chunk->life <= life)
		chunk->life = life < LIFE_MAX ? life + 1 : LIFE_MAX;
	chunk->passes = chunk->life;
}

bool resident_has(struct residents *all, struct client *client, uint64_t addr)
{
	const struct chunk *chunk = find(all, client, addr);

	return chunk && chunk->mask >> bit_of(all, addr) & 1;
}

void resident_forget(struct residents *all, struct client *client)
{
	struct chunk *chunk, *next;

	for (chunk = TAILQ_FIRST(&all->order); chunk; chunk = next) {
		next = TAILQ_NEXT(chunk, link);
		if (chunk->client == client)
			drop(all, chunk);
	}
}
