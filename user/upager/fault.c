// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages on their way: from a fault (or a guess) to the wake-up.
 *
 *	fault_note()	faults as they are read; looked at when all was read
 *	fault_begin()	sorted, each page once; pages in addition that will be
 *			wanted next; the source is asked
 *	fault_resolve()	what has come goes to the client, neighbours in one go
 *
 * What a page shall be is looked up again when it has come: it may have been
 * unmapped, moved or thrown away by then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pager.h"
#include "resolver.h"

#define BUCKETS		1024u
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

struct fetch {
	struct store_req req;
	struct page *page;
};

enum page_state {
	PAGE_FRESH,	/* to be asked for */
	PAGE_FETCHED,	/* the source is at it */
	PAGE_READY,	/* to be given to the client */
	PAGE_LATER,	/* failed; to be asked for again at @due */
};

/**
 * struct page - a page on its way; of the client's size, so maybe many base pages
 * @link: in the list of its state, in none while PAGE_FETCHED
 * @chain: in its bucket
 * @client: whose
 * @addr: where it goes
 * @key: of its first base page
 * @since: when its first fault was read
 * @due: when to try again
 * @unit: its bytes
 * @count: its base pages
 * @first: where they are in the arena, ARENA_NONE: nowhere yet
 * @left: parts that the source still has
 * @tries: how often it was asked for
 * @status: the worst that the source said
 * @state: how far it is
 * @zero: it is all zeros
 * @demand: somebody waits for it
 * @write: for writing
 * @dropped: nobody wants it any more
 * @nr_faults: faults that it answers
 * @nr_tids: threads known to wait
 * @tids: these
 * @parts: a request for each base page
 */
struct page {
	TAILQ_ENTRY(page) link;
	LIST_ENTRY(page) chain;
	struct client *client;
	uint64_t addr;
	uint64_t key;
	uint64_t since;
	uint64_t due;
	uint32_t unit;
	unsigned int count;
	unsigned int first;
	unsigned int left;
	unsigned int tries;
	int status;
	enum page_state state;
	bool zero;
	bool demand;
	bool write;
	bool dropped;
	unsigned int nr_faults;
	unsigned int nr_tids;
	pid_t tids[CLIENT_TIDS];
	struct fetch parts[];
};

LIST_HEAD(bucket, page);

struct page_table {
	struct bucket buckets[BUCKETS];
	struct page_list lists[PAGE_LATER + 1];
	struct page **sorted;
	size_t sorted_room;
	unsigned int nr_ready;
	unsigned int spins;
	bool stuck;
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

static struct bucket *bucket_of(struct pager *pager, const struct client *client, uint64_t addr)
{
	uint64_t hash = (addr / pager->page ^ (uintptr_t)client >> 4) * 0x9e3779b97f4a7c15ull;

	return &pager->pages->buckets[(hash >> 32) % BUCKETS];
}

static struct page *find_page(struct client *client, uint64_t addr)
{
	struct page *page;

	LIST_FOREACH(page, bucket_of(client->pager, client, addr), chain)
		if (page->client == client && page->addr == addr)
			return page;
	return NULL;
}

static void set_state(struct page *page, enum page_state state)
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

/* What a page shall be, as far as is known now */
static void look_up(struct page *page, uint64_t *key, bool *zero)
{
	const struct client *client = page->client;
	const struct region *region = region_at(&client->regions, page->addr);

	*zero = !region || (region->flags & REGION_ZERO) || !client->pager->config.source;
	*key = *zero ? 0 : region_key(&client->regions, region, page->addr);
}

static struct page *new_page(struct client *client, uint64_t addr, uint32_t unit)
{
	struct pager *pager = client->pager;
	unsigned int count = unit / pager->page;
	struct page *page = calloc(1, sizeof(*page) + count * sizeof(page->parts[0]));

	if (!page)
		return NULL;
	page->client = client;
	page->addr = addr;
	page->unit = unit;
	page->count = count;
	page->first = ARENA_NONE;
	page->since = pager_now();
	look_up(page, &page->key, &page->zero);
	client->nr_pages++;
	client->nr_ahead++;
	LIST_INSERT_HEAD(bucket_of(pager, client, addr), page, chain);
	page->state = PAGE_FRESH;
	TAILQ_INSERT_TAIL(&pager->pages->lists[PAGE_FRESH], page, link);
	return page;
}

static void free_page(struct page *page)
{
	struct client *client = page->client;

	if (page->first != ARENA_NONE)
		arena_put(&client->pager->resolver->arena, page->first, page->count);
	set_state(page, PAGE_FETCHED);
	LIST_REMOVE(page, chain);
	client->nr_pages--;
	client->nr_ahead -= !page->demand;
	free(page);
}

/* The page of an address, whether it is on its way already or not */
static struct page *want_page(struct client *client, uint64_t addr)
{
	const struct region *region = region_at(&client->regions, addr);
	uint32_t unit = region ? region->unit : client->pager->page;
	struct page *page;

	addr &= ~(uint64_t)(unit - 1);
	page = find_page(client, addr);
	return page ?: new_page(client, addr, unit);
}

static void demand_page(const struct fault *fault)
{
	struct client *client = fault->client;
	struct page *page = want_page(client, fault->addr);
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
	if (want_page(client, addr))
		client->stats.ahead++;
}

/* What will be wanted next, to judge by this fault */
static void look_ahead(struct client *client, uint64_t addr)
{
	struct pager *pager = client->pager;
	const struct region *region = region_at(&client->regions, addr);
	struct ahead ahead;
	unsigned int i;

	if (!region || region->unit != pager->page)
		return;
	ahead = stream_fault(&client->streams, addr & -(uint64_t)pager->page, pager->page,
			     pager->config.prefetch);
	client->stats.hits += ahead.hits;
	for (i = 0; i < ahead.count && client->nr_ahead < 2 * STREAM_WINDOW; i++) {
		addr = ahead.addr + i * ahead.stride;
		/* only where the stream began: beyond may be another's memory */
		if (addr < region->start || addr >= region->end)
			return;
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

static void on_fetched(struct store_req *req)
{
	struct fetch *fetch = (struct fetch *)req;
	struct page *page = fetch->page;

	if (req->status == -ENOENT)
		memset(req->page, 0, page->unit / page->count);
	else if (req->status && page->status != -EBADMSG && page->status != -ENODATA)
		page->status = req->status;
	if (!--page->left)
		set_state(page, PAGE_READY);
}

static bool get_room(struct page *page)
{
	struct resolver *resolver = page->client->pager->resolver;

	if (page->first == ARENA_NONE)
		page->first = arena_get(&resolver->arena, page->count);
	if (page->first == ARENA_NONE && resolver->ops->reclaim) {
		resolver->ops->reclaim(resolver);
		page->first = arena_get(&resolver->arena, page->count);
	}
	return page->first != ARENA_NONE;
}

static void ask_source(struct page *page)
{
	struct pager *pager = page->client->pager;
	unsigned int i;

	page->left = page->count;
	page->status = 0;
	page->tries++;
	set_state(page, PAGE_FETCHED);
	for (i = 0; i < page->count; i++) {
		page->parts[i].page = page;
		page->parts[i].req = (struct store_req){
			.op = STORE_GET,
			.key = page->key + i,
			.page = arena_at(&pager->resolver->arena, page->first + i),
			.done = on_fetched,
		};
		pager->config.source->ops->get(pager->config.source, &page->parts[i].req);
	}
}

static void complete(struct page *page, bool woken)
{
	struct client *client = page->client;
	uint64_t now = pager_now();
	unsigned int i;

	if (page->demand && !woken)
		uffd_wake(client->uffd.fd, page->addr, page->unit);
	for (i = 0; i < page->nr_faults; i++)
		stats_latency(&client->stats, now - page->since);
	free_page(page);
}

static void show(const struct fill *fill, long ret)
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
	show(&fill, ret);
	if (ret > 0)
		page->client->stats.pages += ret;
	/* whatever went wrong: it faults again, after what it tells meanwhile */
	complete(page, false);
	return true;
}

static void ask_for(struct pager *pager)
{
	struct page_list *fresh = &pager->pages->lists[PAGE_FRESH];
	struct page *page, *next;

	pager->pages->stuck = false;
	for (page = TAILQ_FIRST(fresh); page; page = next) {
		next = TAILQ_NEXT(page, link);
		if (give_again(page))
			continue;
		look_up(page, &page->key, &page->zero);
		if (page->zero) {
			page->status = 0;
			set_state(page, PAGE_READY);
		} else if (get_room(page)) {
			ask_source(page);
		} else {
			pager->pages->stuck = true;
			break;
		}
	}
	if (pager->config.source && pager->config.source->ops->dispatch)
		pager->config.source->ops->dispatch(pager->config.source);
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
			set_state(page, PAGE_FRESH);
	}
	take_faults(pager);
	ask_for(pager);
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

	if (!final && page->tries < pager->config.tries) {
		client->stats.retries++;
		page->due = pager_now() + (wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS);
		set_state(page, PAGE_LATER);
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
	free_page(page);
}

/* Whether what has come is still wanted; otherwise it is done with */
static bool still_wanted(struct page *page)
{
	struct client *client = page->client;
	uint64_t key;
	bool zero;

	if (page->dropped) {
		free_page(page);
		return false;
	}
	if (page->status) {
		failed(page);
		return false;
	}
	look_up(page, &key, &zero);
	if (zero == page->zero && key == page->key)
		return true;
	client->stats.stale++;
	client->pager->again = true;
	page->tries = 0;
	set_state(page, PAGE_FRESH);
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
	return left->client == right->client && left->addr + left->unit == right->addr &&
	       left->unit == right->unit && left->zero == right->zero &&
	       (left->zero || (left->first + left->count == right->first &&
			       left->key + left->count == right->key));
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
		complete(page, false);
		return true;
	case -ENOENT:
		client->stats.gone++;
		complete(page, false);
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
	struct fill fill;
	long ret;

	while (count) {
		ret = fill_run(run, count, &fill);
		show(&fill, ret);
		if (ret <= 0) {
			if (!not_filled(*run, ret ?: -EAGAIN))
				return;
			run++;
			count--;
			continue;
		}
		for (; ret > 0 && count; run++, count--) {
			ret -= (*run)->count;
			if (fill.kept)
				(*run)->first = ARENA_NONE;
			complete(*run, fill.woken);
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
		if (client->readable || (client->detach && !client->nr_pages))
			return 0;
	TAILQ_FOREACH(page, &pager->pages->lists[PAGE_LATER], link) {
		int64_t ms = page->due > now ? (page->due - now) / 1000000 + 1 : 0;

		if (soonest < 0 || ms < soonest)
			soonest = ms;
	}
	return soonest;
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
				free_page(page);
		}
	}
}

/**
 * fault_free - free all of it
 * @pager: whose; it has no clients any more
 */
void fault_free(struct pager *pager)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		struct page *page, *next;

		for (page = LIST_FIRST(&pager->pages->buckets[i]); page; page = next) {
			next = LIST_NEXT(page, chain);
			free_page(page);
		}
	}
	if (pager->faults)
		free(pager->faults->at);
	free(pager->faults);
	free(pager->pages->sorted);
	free(pager->pages);
}
