// SPDX-License-Identifier: GPL-2.0-only
/*
 * Neighbouring pages that are fetched ahead as one: one look-up, one place in the
 * arena, one command that fills them. Nobody has asked for any of them. Who does
 * so meanwhile is a page of its own that waits behind the batch (PAGE_BEHIND).
 *
 * A batch is for what goes well. Whatever else comes (a page is something else by
 * now, or can't be had) ends it: then its pages are fetched one by one, as if they
 * had never been together (batch_dissolve()).
 */
#include <stdlib.h>
#include <string.h>

#include "page.h"

struct page *batch_in(const struct client *client, uint64_t start, uint64_t end)
{
	struct page *batch;

	LIST_FOREACH(batch, &client->batches, chain)
		if (batch->addr < end && start < batch->addr + batch->len)
			return batch;
	return NULL;
}

static bool can_be(const struct client *client, const struct region *region)
{
	const struct pager *pager = client->pager;
	const struct resolver_ops *ops = pager->resolver->ops;

	/* pages that are known already, or recorded, are looked at one by one */
	return !ops->in_place && (!ops->again || ops->known) && !pager->config.snapshot &&
	       region->unit == pager->page;
}

static struct page *get_memory(struct page_table *table)
{
	struct page *batch = LIST_FIRST(&table->spare_batches);

	if (batch)
		LIST_REMOVE(batch, chain);
	else
		batch = malloc(sizeof(*batch) + STREAM_WINDOW * sizeof(*batch->parts));
	if (batch)
		memset(batch, 0, sizeof(*batch));
	return batch;
}

static void make(struct client *client, uint64_t addr, unsigned int count)
{
	struct pager *pager = client->pager;
	struct page *batch = get_memory(pager->pages);

	if (!batch)
		return;		/* they will be asked for, if they are wanted */
	batch->client = client;
	batch->addr = addr;
	batch->unit = pager->page;
	batch->count = count;
	batch->len = count * pager->page;
	batch->first = ARENA_NONE;
	batch->batch = true;
	client->nr_pages += count;
	client->nr_ahead += count;
	client->stats.ahead += count;
	LIST_INSERT_HEAD(&client->batches, batch, chain);
	batch->state = PAGE_FRESH;
	TAILQ_INSERT_TAIL(&pager->pages->lists[PAGE_FRESH], batch, link);
}

/* Whether nothing is on its way but batches, and the page before an address */
static bool only_before(struct client *client, uint64_t addr)
{
	unsigned int batched = 0;
	const struct page *batch;

	LIST_FOREACH(batch, &client->batches, chain)
		batched += batch->count;
	return client->nr_pages == batched + 1 && find_page(client, addr - client->pager->page);
}

bool batch_ahead(struct client *client, const struct region *region, uint64_t addr,
		 unsigned int count)
{
	const struct pager_config *config = &client->pager->config;
	uint64_t page = client->pager->page, start = addr;
	unsigned int room = client->nr_ahead < 2 * STREAM_WINDOW ?
			    2 * STREAM_WINDOW - client->nr_ahead : 0;
	uint64_t end;
	bool only;

	if (!can_be(client, region))
		return false;
	if (count > room)
		count = room;
	if (count > STREAM_WINDOW)
		count = STREAM_WINDOW;
	/* only where the stream began: beyond may be another's memory */
	if (count > (region->end - addr) / page)
		count = (region->end - addr) / page;
	if (batch_in(client, addr, addr + count * page))
		return false;
	only = only_before(client, addr);
	if (only && !config->ahead) {
		if (count)
			make(client, addr, count);
		return true;
	}
	for (end = addr + count * page; addr < end; addr += page) {
		if ((only || !find_page(client, addr)) &&
		    (!config->ahead || config->ahead(config->ctx, client, addr)))
			continue;
		if (addr > start)
			make(client, start, (addr - start) / page);
		start = addr + page;
	}
	if (addr > start)
		make(client, start, (addr - start) / page);
	return true;
}

/* Those of the first pages that somebody has asked for have come */
static void tell_behind(struct page *batch, uint64_t end, bool woken)
{
	struct page_list *behind = &batch->client->pager->pages->lists[PAGE_BEHIND];
	struct page *page, *next;

	for (page = TAILQ_FIRST(behind); page && batch->nr_behind; page = next) {
		next = TAILQ_NEXT(page, link);
		if (page->behind == batch && page->addr < end)
			page_complete(page, woken);
	}
}

bool batch_advance(struct page *batch, unsigned int count, bool kept, bool woken)
{
	struct client *client = batch->client;
	struct pager *pager = client->pager;

	if (batch->nr_behind)
		tell_behind(batch, batch->addr + count * pager->page, woken);
	if (batch->first != ARENA_NONE) {
		if (!kept)
			arena_put(&pager->resolver->arena, batch->first, count);
		batch->first += count;
	}
	batch->addr += count * pager->page;
	batch->key += batch->zero ? 0 : count;
	batch->count -= count;
	batch->len -= count * pager->page;
	client->nr_pages -= count;
	client->nr_ahead -= count;
	if (batch->count)
		return true;
	batch->first = ARENA_NONE;
	page_free(batch);
	return false;
}

void batch_dissolve(struct page *batch)
{
	struct client *client = batch->client;
	struct pager *pager = client->pager;
	uint64_t addr = batch->addr, end = addr + batch->len;
	struct page *page, *next;

	for (page = TAILQ_FIRST(&pager->pages->lists[PAGE_BEHIND]); page; page = next) {
		next = TAILQ_NEXT(page, link);
		if (page->behind != batch)
			continue;
		page->behind = NULL;
		page_set_state(page, PAGE_FRESH);
	}
	batch->nr_behind = 0;
	page_free(batch);
	for (; addr < end; addr += pager->page)
		if (!page_want(client, addr) && client->detach)
			client->detach_failed = true;
	pager->again = true;
}
