// SPDX-License-Identifier: GPL-2.0-only
/* Asking the source for pages. */
#include <errno.h>
#include <string.h>

#include "page.h"
#include "shared.h"
#include "snapshot.h"

/* Until a page that is filled for another client is looked at again */
#define BUSY_NS		1000000ull

static void on_fetched(struct store_req *req)
{
	struct fetch *fetch = (struct fetch *)req;
	struct page *page = fetch->page;

	if (req->status == -ENOENT)
		memset(req->page, 0, page->client->pager->page);
	else if (req->status && page->status != -EBADMSG && page->status != -ENODATA)
		page->status = req->status;
	if (!--page->left)
		page_set_state(page, PAGE_READY);
}

/* The file that a page is in, if it is to be filled there */
static const struct region *in_file(const struct page *page)
{
	const struct client *client = page->client;
	const struct region *region;

	if (!client->pager->resolver->ops->in_place)
		return NULL;
	region = region_at(&client->regions, page->addr);
	return region && region->shared ? region : NULL;
}

/* For another client, or elsewhere in this one: that it is in the file means nothing yet */
static bool is_busy(const struct page *page)
{
	const struct region *region = in_file(page);

	return region &&
	       region->shared->busy[shared_page(&page->client->regions, region, page->addr)];
}

static void take_place(struct page *page, const struct region *region)
{
	page->shared = region->shared;
	page->place = shared_page(&page->client->regions, region, page->addr);
	page->shared->busy[page->place] = 1;
	/* nothing has come yet */
	page->left = page->count;
}

static bool get_room(struct page *page)
{
	const struct region *region = in_file(page);
	struct resolver *resolver = page->client->pager->resolver;

	if (region) {
		take_place(page, region);
		return true;
	}
	if (page->first == ARENA_NONE)
		page->first = arena_get(&resolver->arena, page->count);
	if (page->first == ARENA_NONE && resolver->ops->reclaim) {
		resolver->ops->reclaim(resolver);
		page->first = arena_get(&resolver->arena, page->count);
	}
	return page->first != ARENA_NONE;
}

/* Where the source shall write a part of a page */
static void *place_of(const struct page *page, unsigned int part)
{
	const struct pager *pager = page->client->pager;

	if (page->shared)
		return page->shared->at + page->place * pager->page;
	return arena_at(&pager->resolver->arena, page->first + part);
}

static void ask_source(struct page *page)
{
	const struct pager_config *config = &page->client->pager->config;
	unsigned int i;

	page->left = page->count;
	page->status = 0;
	page->tries++;
	if (!page->shared && !snapshot_is_key(page->key) && config->source->ops->get_run &&
	    config->source->ops->get_run(config->source, page->key, page->count,
					 place_of(page, 0))) {
		page->left = 0;
		page_set_state(page, PAGE_READY);
		return;
	}
	page_set_state(page, PAGE_FETCHED);
	for (i = 0; i < page->count; i++) {
		struct store_req *req = &page->parts[i].req;

		page->parts[i].page = page;
		req->op = STORE_GET;
		req->key = page->key + i;
		req->page = place_of(page, i);
		req->done = on_fetched;
		req->status = 0;
		if (snapshot_is_key(page->key))
			snapshot_get(config->snapshot, req);
		else
			config->source->ops->get(config->source, req);
	}
}

/* A page that the resolver has given to this client before. True: done with it */
static bool give_again(struct page *page)
{
	struct pager *pager = page->client->pager;
	struct fill fill = {
		.client = page->client,
		.addr = page->addr,
		.count = page->count,
		.unit = page->unit,
		.write = page->write,
	};
	long ret;

	if (!pager->resolver->ops->again)
		return false;
	ret = pager->resolver->ops->again(pager->resolver, &fill);
	if (ret == -ENOENT)
		return false;
	page_show(&fill, ret);
	if (ret > 0) {
		page->client->stats.pages += ret;
		if (pager->config.filled)
			pager->config.filled(pager->config.ctx, page->client, page->addr,
					     (uint64_t)ret * pager->page);
	}
	/* whatever went wrong: it faults again, after what it tells meanwhile */
	page_complete(page, false);
	return true;
}

/* Whether the source can be asked for a batch as a whole; if not it is one no more */
static bool stays_batch(struct page *batch)
{
	struct resolver *resolver = batch->client->pager->resolver;

	if (page_look_up(batch, &batch->key, &batch->zero)) {
		if (batch->zero)
			return true;
		if ((!resolver->ops->known ||
		     !resolver->ops->known(resolver, batch->key, batch->count)) &&
		    get_room(batch))
			return true;
	}
	batch_dissolve(batch);
	return false;
}

void fetch_begin(struct pager *pager)
{
	struct page_list *fresh = &pager->pages->lists[PAGE_FRESH];
	struct source *source = pager->config.source;
	struct page *page, *next;

	pager->pages->stuck = false;
	for (page = TAILQ_FIRST(fresh); page; page = next) {
		if (page->batch && !stays_batch(page)) {
			next = TAILQ_FIRST(fresh);
			continue;
		}
		next = TAILQ_NEXT(page, link);
		if (page->batch) {
			if (page->zero)
				page_set_state(page, PAGE_READY);
			else
				ask_source(page);
			continue;
		}
		if (is_busy(page)) {
			page->due = pager_now() + BUSY_NS;
			page_set_state(page, PAGE_LATER);
			continue;
		}
		snapshot_note(page->client, page->addr);
		if (give_again(page))
			continue;
		page_look_up(page, &page->key, &page->zero);
		if (page->zero) {
			page->status = 0;
			page_set_state(page, PAGE_READY);
		} else if (get_room(page)) {
			ask_source(page);
		} else {
			pager->pages->stuck = true;
			break;
		}
	}
	if (source && source->ops->dispatch && !(source->ops->idle && source->ops->idle(source)))
		source->ops->dispatch(source);
}
