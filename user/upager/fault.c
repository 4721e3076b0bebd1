// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages on their way: from a fault (or a guess) to the wake-up.
 *
 *	fault_note()	faults as they are read; looked at when all was read
 *	fault_begin()	sorted, each page once; pages in addition that will be
 *			wanted next; the source is asked (fetch.c)
 *	fault_resolve()	what has come goes to the client, neighbours in one go (give.c)
 *
 * What a page shall be is looked up again when it has come: it may have been
 * unmapped, moved or thrown away by then.
 */
#include <errno.h>
#include <stdlib.h>

#include "page.h"
#include "resolver.h"
#include "snapshot.h"

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
	for (i = 0; i < PAGE_STATES; i++)
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
	if (!batch_in(client, addr, addr + 1) && page_want(client, addr))
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
	if (ahead.count && ahead.stride == (int64_t)pager->page && ahead.addr < region->end &&
	    batch_ahead(client, region, ahead.addr, ahead.count))
		return;
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
	if (list->count > 1)
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
	uint64_t now = TAILQ_EMPTY(later) ? 0 : pager_now();
	struct page *page, *next;

	for (page = TAILQ_FIRST(later); page; page = next) {
		next = TAILQ_NEXT(page, link);
		if (page->due <= now)
			page_set_state(page, PAGE_FRESH);
	}
	take_faults(pager);
	fetch_begin(pager);
}

/**
 * fault_timeout - when there is something to do that nobody tells us of
 * @pager: whose
 *
 * Return: milliseconds, -1: never.
 */
int fault_timeout(struct pager *pager)
{
	const struct page_list *later = &pager->pages->lists[PAGE_LATER];
	uint64_t now = TAILQ_EMPTY(later) ? 0 : pager_now();
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
	TAILQ_FOREACH(page, later, link) {
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
	return find_page(client, addr) || batch_in(client, addr, addr + 1);
}

static void forget_page(struct page *page)
{
	if (page->state == PAGE_FETCHED)
		page->dropped = true;
	else
		page_free(page);
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
	struct page *page, *next;
	unsigned int i;
	size_t fault;

	for (fault = 0; fault < list->count; fault++)
		if (list->at[fault].client == client)
			list->at[fault--] = list->at[--list->count];
	for (i = 0; client->nr_pages && i < BUCKETS; i++) {
		for (page = LIST_FIRST(&client->pager->pages->buckets[i]); page; page = next) {
			next = LIST_NEXT(page, chain);
			if (page->client == client)
				forget_page(page);
		}
	}
	for (page = LIST_FIRST(&client->batches); page; page = next) {
		next = LIST_NEXT(page, chain);
		forget_page(page);
	}
}

/**
 * fault_free - free all of it
 * @pager: whose; it has no clients any more
 */
void fault_free(struct pager *pager)
{
	struct client *client;
	struct page *spare;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		struct page *page, *next;

		for (page = LIST_FIRST(&pager->pages->buckets[i]); page; page = next) {
			next = LIST_NEXT(page, chain);
			page_free(page);
		}
	}
	TAILQ_FOREACH(client, &pager->dead, link)
		while ((spare = LIST_FIRST(&client->batches)))
			page_free(spare);
	if (pager->faults)
		free(pager->faults->at);
	free(pager->faults);
	while ((spare = LIST_FIRST(&pager->pages->spare))) {
		LIST_REMOVE(spare, chain);
		free(spare);
	}
	while ((spare = LIST_FIRST(&pager->pages->spare_batches))) {
		LIST_REMOVE(spare, chain);
		free(spare);
	}
	free(pager->pages->sorted);
	free(pager->pages);
}
