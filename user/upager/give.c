// SPDX-License-Identifier: GPL-2.0-only
/* Giving clients what has come for them. */
#include <errno.h>
#include <stdlib.h>

#include "page.h"
#include "resolver.h"

/* Pages of one command: more gain nothing, and let others wait. */
#define RUN_MAX		(1 + STREAM_WINDOW)
#define BACKOFF_NS	10000000ull
#define BACKOFF_MAX_NS	1000000000ull

/*
 * When the pager ends, a page that can't be had is left with a mark for whoever
 * touches it, so that the client can live on without the page.
 */
static bool left_poisoned(const struct page *page)
{
	const struct client *client = page->client;
	long ret;

	if (!client->pager->stop || !(client->uffd.features & UFFD_FEATURE_POISON))
		return false;
	ret = uffd_poison(client->uffd.fd, page->addr, page->unit);
	return ret > 0 || ret == -EEXIST;
}

/* Give up, or try again a little later, then later still */
static void failed(struct page *page)
{
	struct client *client = page->client;
	const struct pager *pager = client->pager;
	uint64_t wait = BACKOFF_NS << (page->tries < 8 ? page->tries : 8);
	bool final = page->status == -ENODATA || page->status == -EBADMSG;

	page_unplace(page);
	if (!final && page->tries < pager->config.tries) {
		client->stats.retries++;
		page->due = pager_now() + (wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS);
		page_set_state(page, PAGE_LATER);
		return;
	}
	if (client->detach && !left_poisoned(page))
		client->detach_failed = true;
	if (page->demand) {
		client->stats.failures++;
		bus_error(client, page->addr, page->unit, page->tids, page->nr_tids);
		/* with a client its pages have gone, this one too */
		if (client->doomed || client->ended)
			return;
	}
	page_free(page);
}

/* Whether what has come is still wanted; otherwise it is done with */
static bool still_wanted(struct page *page)
{
	struct client *client = page->client;
	uint64_t key;
	bool zero;

	if (page->dropped) {
		page_free(page);
		return false;
	}
	if (page->status && page->batch) {
		batch_dissolve(page);
		return false;
	}
	if (page->status) {
		failed(page);
		return false;
	}
	if (page_look_up(page, &key, &zero) && zero == page->zero && key == page->key)
		return true;
	client->stats.stale++;
	if (page->batch) {
		batch_dissolve(page);
		return false;
	}
	page_unplace(page);
	client->pager->again = true;
	page->tries = 0;
	page_set_state(page, PAGE_FRESH);
	return false;
}

static int compare_pages(const void *left, const void *right)
{
	const struct page *a = *(const struct page *const *)left;
	const struct page *b = *(const struct page *const *)right;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static bool follows(const struct page *left, const struct page *right)
{
	if (left->client != right->client || left->addr + left->len != right->addr ||
	    left->unit != right->unit || left->zero != right->zero)
		return false;
	if (left->zero)
		return true;
	if (left->shared || right->shared)
		return left->shared == right->shared && left->place + 1 == right->place;
	return left->first + left->count == right->first && left->key + left->count == right->key;
}

static long fill_run(struct page *const *run, unsigned int count, struct fill *fill)
{
	struct resolver *resolver = run[0]->client->pager->resolver;
	struct stats *stats = &run[0]->client->stats;
	unsigned int i;
	long ret;

	*fill = (struct fill){
		.client = run[0]->client,
		.addr = run[0]->addr,
		.key = run[0]->key,
		.first = run[0]->first,
		.unit = run[0]->unit,
		.write = run[0]->write,
		.in_place = run[0]->shared,
	};
	for (i = 0; i < count; i++) {
		fill->count += run[i]->count;
		fill->wake |= run[i]->demand || run[i]->nr_behind;
	}
	if (fill->client->pager->config.trace)
		fill->wake = false;
	stats->fills++;
	if (run[0]->zero) {
		ret = resolver_zero(resolver, fill);
		if (ret > 0)
			stats->zeros += ret;
		return ret;
	}
	ret = resolver->ops->fill(resolver, fill);
	if (ret == -EOPNOTSUPP) {
		ret = resolver_copy_fill(resolver, fill);
		stats->fallbacks += ret > 0 ? ret : 0;
	}
	if (ret > 0)
		stats->pages += ret;
	return ret;
}

/* The first page of a run is not ours to fill. True: there is more of a batch */
static bool skip_first(struct page *page)
{
	if (page->batch)
		return batch_advance(page, 1, false, false);
	page_complete(page, false);
	return false;
}

/*
 * The first page of a run could not be filled. False: the rest has to wait; @more is
 * set if it was one of a batch of which there is more.
 */
static bool not_filled(struct page *page, long ret, bool *more)
{
	struct client *client = page->client;

	*more = false;
	switch (ret) {
	case -EEXIST:
		client->stats.present++;
		*more = skip_first(page);
		return true;
	case -ENOENT:
		client->stats.gone++;
		*more = skip_first(page);
		return true;
	case -EAGAIN:
		/* an event of it comes first */
		client->stats.again++;
		client->readable = true;
		client->pager->again = true;
		return false;
	case -ESRCH:
		client_end(client);
		return false;
	default:
		if (!uffd_is_alive(client->uffd.fd)) {
			client_end(client);
			return false;
		}
		if (page->batch) {
			batch_dissolve(page);
			return true;
		}
		page->status = ret;
		failed(page);
		return !client->doomed && !client->ended;
	}
}

/* So many pages were filled, and maybe more than there are here. True: it is done with */
static bool is_given(struct page *page, long count, const struct fill *fill)
{
	if (page->batch)
		return !batch_advance(page, count < (long)page->count ? (unsigned int)count :
				      page->count, fill->kept, fill->woken);
	if (fill->kept)
		page->first = ARENA_NONE;
	page_complete(page, fill->woken);
	return true;
}

static void give_run(struct page **run, unsigned int count)
{
	const struct pager_config *config = &(*run)->client->pager->config;
	struct fill fill;
	bool more;
	long ret;

	while (count) {
		ret = fill_run(run, count, &fill);
		page_show(&fill, ret);
		if (ret <= 0) {
			if (!not_filled(*run, ret ?: -EAGAIN, &more))
				return;
			run += !more;
			count -= !more;
			continue;
		}
		if (config->filled)
			config->filled(config->ctx, fill.client, fill.addr,
				       (uint64_t)ret * fill.client->pager->page);
		while (ret > 0 && count) {
			long given = ret;

			ret -= (*run)->count;
			if (!is_given(*run, given, &fill))
				break;
			run++;
			count--;
		}
	}
}

/* What has come for one client; @page is sorted, and the client may end here. */
static void give_client(struct client *client, struct page **page, size_t count)
{
	size_t i, end, wanted = 0, pages;

	for (i = 0; i < count; i++) {
		if (still_wanted(page[i]))
			page[wanted++] = page[i];
		/* with a client its pages have gone */
		if (client->ended || client->doomed)
			return;
	}
	for (i = 0; i < wanted; i = end) {
		pages = page[i]->len / page[i]->unit;
		for (end = i + 1; end < wanted && follows(page[end - 1], page[end]); end++) {
			pages += page[end]->len / page[end]->unit;
			if (pages > RUN_MAX)
				break;
		}
		give_run(page + i, end - i);
		if (client->ended || client->doomed)
			return;
	}
}

/**
 * fault_resolve - give the clients what has come for them
 * @pager: whose
 */
void fault_resolve(struct pager *pager)
{
	struct page_table *table = pager->pages;
	size_t count = 0, i, end;
	struct page *page;

	pager->again = false;
	if (table->nr_ready > table->sorted_room) {
		struct page **more = realloc(table->sorted, 2 * table->nr_ready * sizeof(*more));

		if (!more) {
			pager->again = true;
			return;
		}
		table->sorted = more;
		table->sorted_room = 2 * table->nr_ready;
	}
	TAILQ_FOREACH(page, &table->lists[PAGE_READY], link)
		table->sorted[count++] = page;
	if (count > 1)
		qsort(table->sorted, count, sizeof(*table->sorted), compare_pages);
	for (i = 0; i < count; i = end) {
		struct client *client = table->sorted[i]->client;

		for (end = i + 1; end < count && table->sorted[end]->client == client; end++)
			;
		give_client(client, table->sorted + i, end - i);
	}
	if (table->stuck && !TAILQ_EMPTY(&table->lists[PAGE_FRESH]))
		pager->again = true;
}
