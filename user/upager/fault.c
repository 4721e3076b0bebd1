// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages on their way: from a fault (or a guess) to the wake-up.
 *
 *	fault_note()	faults as they are read; looked at when all was read
 *	fault_begin()	sorted, each page once; pages in addition that will be
 *			wanted next; the source is asked (fetch.c)
 *	fault_resolve()	what has come goes to the client, neighbours in one go
 *
 * What a page shall be is looked up again when it has come: it may have been
 * unmapped, moved or thrown away by then.
 */
#include <errno.h>
#include <stdlib.h>

#include "page.h"
#include "resolver.h"
#include "snapshot.h"

/* Pages of one command: more gain nothing, and let others wait. */
#define RUN_MAX		64
#define BACKOFF_NS	10000000ull
#define BACKOFF_MAX_NS	1000000000ull

struct fault {
	struct client *client;
	uint64_t addr;
	uint64_t when;
	pid_t tid;
	bool write;
};

struct fault_list {
	struct fault *at;
	size_t count;
	size_t room;
};

int fault_init(struct pager *pager)
{
	unsigned int i;

	pager->faults = calloc(1, sizeof(*pager->faults));
	pager->pages = calloc(1, sizeof(*pager->pages));
	if (!pager->faults || !pager->pages)
		return -ENOMEM;
	for (i = 0; i < BUCKETS; i++)
		LIST_INIT(&pager->pages->buckets[i]);
	for (i = 0; i <= PAGE_LATER; i++)
		TAILQ_INIT(&pager->pages->lists[i]);
	return 0;
}

/**
 * fault_note - a page fault was read
 * @client: whose
 * @addr: where
 * @write: by a write
 * @tid: the thread, 0 if not known
 */
void fault_note(struct client *client, uint64_t addr, bool write, pid_t tid)
{
	struct fault_list *list = client->pager->faults;
	size_t room = list->room ? 2 * list->room : 64;
	struct fault *more;
	pid_t pid;

	client->stats.faults++;
	client->stats.writes += write;
	if (!client->pid) {
		pid = proc_of_thread(tid, addr);
		if (pid)
			client_know(client, pid);
	}
	place_note(client, tid);
	if (list->count == list->room) {
		more = realloc(list->at, room * sizeof(*more));
		if (!more) {
			/* let it fault again, until there is memory */
			uffd_wake(client->uffd.fd, addr & -(uint64_t)client->pager->page,
				  client->pager->page);
			return;
		}
		list->at = more;
		list->room = room;
	}
	list->at[list->count++] = (struct fault){client, addr, pager_now(), tid, write};
}

static int compare_faults(const void *left, const void *right)
{
	const struct fault *a = left, *b = right;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static void demand_page(const struct fault *fault)
{
	struct client *client = fault->client;
	struct page *page = page_want(client, fault->addr);
	const struct pager *pager = client->pager;

	if (!page) {
		uffd_wake(client->uffd.fd, fault->addr & -(uint64_t)pager->page, pager->page);
		return;
	}
	if (!page->demand) {
		page->demand = true;
		page->since = fault->when;
		client->nr_ahead--;
	} else {
		client->stats.doubled++;
	}
	page->write |= fault->write;
	page->nr_faults++;
	if (fault->tid && page->nr_tids < CLIENT_TIDS)
		page->tids[page->nr_tids++] = fault->tid;
	if (pager->config.trace)
		pager->config.trace(pager->config.ctx, &(struct trace){
			.client = client,
			.addr = page->addr,
			.write = fault->write,
		});
}

/**
 * fault_ahead - fetch a page that nobody has asked for
 * @client: whose
 * @addr: where
 */
void fault_ahead(struct client *client, uint64_t addr)
{
	if (page_want(client, addr))
		client->stats.ahead++;
}

/* What will be wanted next, to judge by this fault */
static void look_ahead(struct client *client, uint64_t addr)
{
	struct pager *pager = client->pager;
	const struct pager_config *config = &pager->config;
	const struct region *region = region_at(&client->regions, addr);
	struct ahead ahead;
	unsigned int i;

	if (!region || region->unit != pager->page)
		return;
	ahead = stream_fault(&client->streams, addr & -(uint64_t)pager->page, pager->page,
			     config->prefetch);
	client->stats.hits += ahead.hits;
	for (i = 0; i < ahead.count && client->nr_ahead < 2 * STREAM_WINDOW; i++) {
		addr = ahead.addr + i * ahead.stride;
		/* only where the stream began: beyond may be another's memory */
		if (addr < region->start || addr >= region->end)
			return;
		if (!config->ahead || config->ahead(config->ctx, client, addr))
			fault_ahead(client, addr);
	}
}

static void take_faults(struct pager *pager)
{
	struct fault_list *list = pager->faults;
	const struct client *last = NULL;
	size_t i;

	if (!list->count)
		return;
	qsort(list->at, list->count, sizeof(*list->at), compare_faults);
	for (i = 0; i < list->count; i++) {
		struct client *client = list->at[i].client;

		if (client->ended || client->doomed)
			continue;
		client->stats.batches += client != last;
		last = client;
		demand_page(&list->at[i]);
	}
	for (i = 0; i < list->count && pager->config.prefetch; i++)
		if (!list->at[i].client->ended && !list->at[i].client->doomed)
			look_ahead(list->at[i].client, list->at[i].addr);
	list->count = 0;
}

/**
 * fault_begin - ask for what the faults that were read want
 * @pager: whose
 */
void fault_begin(struct pager *pager)
{
	struct page_list *later = &pager->pages->lists[PAGE_LATER];
	uint64_t now = pager_now();
	struct page *page, *next;

	for (page = TAILQ_FIRST(later); page; page = next) {
		next = TAILQ_NEXT(page, link);
		if (page->due <= now)
			page_set_state(page, PAGE_FRESH);
	}
	take_faults(pager);
	fetch_begin(pager);
}

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
	if (page->status) {
		failed(page);
		return false;
	}
	page_look_up(page, &key, &zero);
	if (zero == page->zero && key == page->key)
		return true;
	client->stats.stale++;
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
	if (left->client != right->client || left->addr + left->unit != right->addr ||
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
		fill->wake |= run[i]->demand;
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

/* The first page of a run could not be filled. False: the rest has to wait */
static bool not_filled(struct page *page, long ret)
{
	struct client *client = page->client;

	switch (ret) {
	case -EEXIST:
		client->stats.present++;
		page_complete(page, false);
		return true;
	case -ENOENT:
		client->stats.gone++;
		page_complete(page, false);
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
		page->status = ret;
		failed(page);
		return !client->doomed && !client->ended;
	}
}

static void give_run(struct page **run, unsigned int count)
{
	const struct pager_config *config = &(*run)->client->pager->config;
	struct fill fill;
	long ret;

	while (count) {
		ret = fill_run(run, count, &fill);
		page_show(&fill, ret);
		if (ret <= 0) {
			if (!not_filled(*run, ret ?: -EAGAIN))
				return;
			run++;
			count--;
			continue;
		}
		if (config->filled)
			config->filled(config->ctx, fill.client, fill.addr,
				       (uint64_t)ret * fill.client->pager->page);
		for (; ret > 0 && count; run++, count--) {
			ret -= (*run)->count;
			if (fill.kept)
				(*run)->first = ARENA_NONE;
			page_complete(*run, fill.woken);
		}
	}
}

/* What has come for one client; @page is sorted, and the client may end here. */
static void give_client(struct client *client, struct page **page, size_t count)
{
	size_t i, end, wanted = 0;

	for (i = 0; i < count; i++) {
		if (still_wanted(page[i]))
			page[wanted++] = page[i];
		/* with a client its pages have gone */
		if (client->ended || client->doomed)
			return;
	}
	for (i = 0; i < wanted; i = end) {
		for (end = i + 1; end < wanted && end - i < RUN_MAX &&
		     follows(page[end - 1], page[end]); end++)
			;
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

/**
 * fault_timeout - when there is something to do that nobody tells us of
 * @pager: whose
 *
 * Return: milliseconds, -1: never.
 */
int fault_timeout(struct pager *pager)
{
	uint64_t now = pager_now();
	const struct client *client;
	const struct page *page;
	int64_t soonest = -1;

	/* at once, and from then on when the client has had time to go on */
	if (pager->again)
		return pager->pages->stuck || pager->pages->spins++ ? 1 : 0;
	pager->pages->spins = 0;
	TAILQ_FOREACH(client, &pager->clients, link)
		if (client->readable || (!client->nr_pages &&
					 (client->detach || snapshot_has_more(client))))
			return 0;
	TAILQ_FOREACH(page, &pager->pages->lists[PAGE_LATER], link) {
		int64_t ms = page->due > now ? (page->due - now) / 1000000 + 1 : 0;

		if (soonest < 0 || ms < soonest)
			soonest = ms;
	}
	return soonest;
}

/**
 * fault_pending - whether a page is on its way to a client
 * @client: which
 * @addr: of the page
 *
 * Return: whether it is, or a fault of it is to be looked at.
 */
bool fault_pending(struct client *client, uint64_t addr)
{
	const struct fault_list *list = client->pager->faults;
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->at[i].client == client &&
		    addr == (list->at[i].addr & -(uint64_t)client->pager->page))
			return true;
	return find_page(client, addr);
}

/**
 * fault_forget - nothing that is on its way to a client is wanted any more
 * @client: which
 *
 * What the source has can't be taken back; it is dropped when it comes.
 */
void fault_forget(struct client *client)
{
	struct fault_list *list = client->pager->faults;
	unsigned int i;
	size_t fault;

	for (fault = 0; fault < list->count; fault++)
		if (list->at[fault].client == client)
			list->at[fault--] = list->at[--list->count];
	for (i = 0; client->nr_pages && i < BUCKETS; i++) {
		struct page *page, *next;

		for (page = LIST_FIRST(&client->pager->pages->buckets[i]); page; page = next) {
			next = LIST_NEXT(page, chain);
			if (page->client != client)
				continue;
			if (page->state == PAGE_FETCHED)
				page->dropped = true;
			else
				page_free(page);
		}
	}
}

/**
 * fault_free - free all of it
 * @pager: whose; it has no clients any more
 */
void fault_free(struct pager *pager)
{
	struct page *spare;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		struct page *page, *next;

		for (page = LIST_FIRST(&pager->pages->buckets[i]); page; page = next) {
			next = LIST_NEXT(page, chain);
			page_free(page);
		}
	}
	if (pager->faults)
		free(pager->faults->at);
	free(pager->faults);
	while ((spare = LIST_FIRST(&pager->pages->spare))) {
		LIST_REMOVE(spare, chain);
		free(spare);
	}
	free(pager->pages->sorted);
	free(pager->pages);
}
