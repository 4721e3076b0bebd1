// SPDX-License-Identifier: GPL-2.0-only
/* The table of pages on their way. */
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shared.h"
#include "snapshot.h"

static struct page_bucket *bucket_of(struct pager *pager, const struct client *client,
				     uint64_t addr)
{
	uint64_t hash = (addr / pager->page ^ (uintptr_t)client >> 4) * 0x9e3779b97f4a7c15ull;

	return &pager->pages->buckets[(hash >> 32) % BUCKETS];
}

struct page *find_page(struct client *client, uint64_t addr)
{
	struct page *page;

	LIST_FOREACH(page, bucket_of(client->pager, client, addr), chain)
		if (page->client == client && page->addr == addr)
			return page;
	return NULL;
}

void page_set_state(struct page *page, enum page_state state)
{
	struct page_table *table = page->client->pager->pages;

	if (page->state != PAGE_FETCHED)
		TAILQ_REMOVE(&table->lists[page->state], page, link);
	table->nr_ready -= page->state == PAGE_READY;
	table->nr_ready += state == PAGE_READY;
	page->state = state;
	if (state != PAGE_FETCHED)
		TAILQ_INSERT_TAIL(&table->lists[state], page, link);
}

bool page_look_up(struct page *page, uint64_t *key, bool *zero)
{
	const struct client *client = page->client;
	const struct region *region = region_at(&client->regions, page->addr);
	const struct pager_config *config = &client->pager->config;

	*zero = !region || (region->flags & REGION_ZERO);
	*key = *zero ? 0 : region_key(&client->regions, region, page->addr);
	if (page->batch && (!region || region->end - page->addr < page->len ||
			    region->unit != page->unit))
		return false;
	if (*zero)
		return true;
	if (snapshot_is_key(*key))
		*zero = !image_has(config->snapshot->image, *key - SNAPSHOT_KEY);
	else
		*zero = !config->source;
	if (*zero)
		*key = 0;
	return true;
}

/* Nearly all pages are of one part; those that were are kept, to be those that come. */
static struct page *get_memory(struct page_table *table, unsigned int count)
{
	size_t size = sizeof(struct page) + count * sizeof(struct fetch);
	struct page *page = count == 1 ? LIST_FIRST(&table->spare) : NULL;

	if (!page)
		return calloc(1, size);
	LIST_REMOVE(page, chain);
	return memset(page, 0, sizeof(*page));
}

static struct page *new_page(struct client *client, uint64_t addr, uint32_t unit)
{
	struct pager *pager = client->pager;
	unsigned int count = unit / pager->page;
	struct page *page = get_memory(pager->pages, count);

	if (!page)
		return NULL;
	page->client = client;
	page->addr = addr;
	page->unit = unit;
	page->count = count;
	page->len = unit;
	page->first = ARENA_NONE;
	client->nr_pages++;
	client->nr_ahead++;
	LIST_INSERT_HEAD(bucket_of(pager, client, addr), page, chain);
	page->state = PAGE_FRESH;
	TAILQ_INSERT_TAIL(&pager->pages->lists[PAGE_FRESH], page, link);
	return page;
}

void page_unplace(struct page *page)
{
	if (page->shared)
		shared_done(page->shared, page->place, !page->left && !page->status);
	page->shared = NULL;
}

void page_free(struct page *page)
{
	struct client *client = page->client;

	page_unplace(page);
	if (page->first != ARENA_NONE)
		arena_put(&client->pager->resolver->arena, page->first, page->count);
	page_set_state(page, PAGE_FETCHED);
	LIST_REMOVE(page, chain);
	if (page->behind)
		page->behind->nr_behind--;
	client->nr_pages -= page->batch ? page->count : 1;
	client->nr_ahead -= page->batch ? page->count : !page->demand;
	if (page->batch)
		LIST_INSERT_HEAD(&client->pager->pages->spare_batches, page, chain);
	else if (page->count == 1)
		LIST_INSERT_HEAD(&client->pager->pages->spare, page, chain);
	else
		free(page);
}

struct page *page_want(struct client *client, uint64_t addr)
{
	const struct region *region = region_at(&client->regions, addr);
	uint32_t unit = region ? region->unit : client->pager->page;
	struct page *page;

	addr &= ~(uint64_t)(unit - 1);
	page = find_page(client, addr) ?: new_page(client, addr, unit);
	if (!page || page->state != PAGE_FRESH)
		return page;
	page->behind = batch_in(client, addr, addr + 1);
	if (page->behind) {
		page->behind->nr_behind++;
		page_set_state(page, PAGE_BEHIND);
	}
	return page;
}

void page_complete(struct page *page, bool woken)
{
	struct client *client = page->client;
	uint64_t now = page->nr_faults ? pager_now() : 0;
	unsigned int i;

	if (page->demand && !woken)
		uffd_wake(client->uffd.fd, page->addr, page->unit);
	for (i = 0; i < page->nr_faults; i++)
		stats_latency(&client->stats, now - page->since);
	page_free(page);
}

void page_show(const struct fill *fill, long ret)
{
	const struct pager *pager = fill->client->pager;

	if (pager->config.trace)
		pager->config.trace(pager->config.ctx, &(struct trace){
			.client = fill->client,
			.addr = fill->addr,
			.how = fill->how,
			.result = ret > 0 ? ret * (long)pager->page : ret,
		});
}
