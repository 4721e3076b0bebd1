// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source in front of a store. It keeps what the store did not take, and lets
 * those wait who want a page that is just being moved away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define RETRY_NS	200000000ull
/* Pages over the limit that come in before somebody has to wait */
#define SLACK		64

/* A page that the store did not take: this is the only copy. */
struct held {
	LIST_ENTRY(held) link;
	uint64_t key;
	char page[];
};

/* A page on its way to the store */
struct put {
	struct store_req req;
	struct run *run;
	char *memory;
};

static struct held *find_held(const struct run *run, uint64_t key)
{
	struct held *held;

	LIST_FOREACH(held, &run->held, link)
		if (held->key == key)
			return held;
	return NULL;
}

static void drop_held(struct run *run, uint64_t key)
{
	struct held *held = find_held(run, key);

	if (!held)
		return;
	LIST_REMOVE(held, link);
	free(held);
}

static void hold(struct run *run, const struct store_req *req)
{
	struct held *held = malloc(sizeof(*held) + run->pager->page);

	if (!held) {
		fprintf(stderr, "upager: a page is lost: no memory, and the store fails: %s\n",
			store_why(run->store));
		abort();	/* the keeper sees to it that nobody reads zeros */
	}
	held->key = req->key;
	memcpy(held->page, req->page, run->pager->page);
	LIST_INSERT_HEAD(&run->held, held, link);
	if (!run->complained)
		fprintf(stderr, "upager: %s: %s; the limit is exceeded until it takes pages\n",
			store_url(run->store), store_why(run->store));
	run->complained = true;
	run->retry_at = pager_now() + RETRY_NS;
}

static void on_put(struct store_req *req)
{
	struct put *put = (struct put *)req;
	struct run *run = put->run;

	run->batches--;
	if (req->status)
		hold(run, req);
	free(put->memory);
}

/**
 * run_put - keep a page
 * @run: whose
 * @key: its key
 * @page: copied
 *
 * From now on a get of that key gives this page, whatever the store does.
 */
void run_put(struct run *run, uint64_t key, const void *page)
{
	size_t size = run->pager->page;
	char *memory = NULL;
	struct put *put;

	if (posix_memalign((void **)&memory, size, 2 * size)) {
		fprintf(stderr, "upager: no memory to put a page into\n");
		abort();
	}
	memcpy(memory, page, size);
	drop_held(run, key);		/* it may be where the page was */
	put = (struct put *)(memory + size);
	*put = (struct put){
		.req = {.op = STORE_PUT, .key = key, .page = memory, .done = on_put},
		.run = run,
		.memory = memory,
	};
	run->batches++;
	store_submit(run->store, &put->req);
}

static void free_req(struct store_req *req)
{
	free(req);
}

static void delete_key(struct run *run, uint64_t key)
{
	struct store_req *req;

	drop_held(run, key);
	if (!store_has(run->store, key))
		return;
	req = calloc(1, sizeof(*req));
	if (!req)
		return;		/* it is removed at the end */
	*req = (struct store_req){.op = STORE_DEL, .key = key, .done = free_req};
	store_submit(run->store, req);
}

/**
 * run_delete - nobody wants some pages of a region any more
 * @run: whose
 * @region: which
 * @start: first address
 * @end: first address behind
 */
void run_delete(struct run *run, const struct region *region, uint64_t start, uint64_t end)
{
	struct store_stats stats;
	uint64_t addr;

	store_stats(run->store, &stats);
	if (region->flags & (REGION_ZERO | REGION_SHARED) ||
	    (!stats.pages && !stats.busy && LIST_EMPTY(&run->held)))
		return;
	if (start < region->start)
		start = region->start;
	if (end > region->end)
		end = region->end;
	for (addr = start; addr < end; addr += run->pager->page)
		delete_key(run, region->key + (addr - region->start) / run->pager->page);
}

bool run_full(const struct run *run)
{
	return run->limit && run->residents.pages >= run->limit + SLACK;
}

static bool must_wait(const struct run *run, uint64_t key)
{
	const struct moving *moving = &run->moving;
	unsigned int i;

	if (!moving->evictor)
		return false;
	if (key - moving->key < moving->pages)
		return true;
	for (i = 0; moving->seen && i < EVICT_PAGES; i++)
		if (moving->captured >> i & 1 && moving->keys[i] == key)
			return true;
	return run_full(run);
}

static void source_get(struct source *source, struct store_req *req)
{
	struct run *run = (struct run *)source;
	struct held *held;

	if (must_wait(run, req->key)) {
		req->private.next = NULL;
		if (run->parked)
			run->parked_last->private.next = req;
		else
			run->parked = req;
		run->parked_last = req;
		return;
	}
	held = find_held(run, req->key);
	if (!held) {
		store_submit(run->store, req);
		return;
	}
	memcpy(req->page, held->page, run->pager->page);
	req->status = 0;
	req->done(req);
}

/* Those that waited are looked at again. */
void run_release(struct run *run)
{
	struct store_req *req = run->parked, *next;

	run->parked = NULL;
	for (; req; req = next) {
		next = req->private.next;
		source_get(&run->source, req);
	}
	store_dispatch(run->store);
	run->pager->again = true;
}

/* What was not taken is offered again; milliseconds until the next time, or -1 */
int run_retry(struct run *run)
{
	uint64_t now = pager_now();
	struct held *held, *next;

	if (LIST_EMPTY(&run->held))
		return -1;
	if (now < run->retry_at)
		return (run->retry_at - now) / 1000000 + 1;
	run->retry_at = now + RETRY_NS;
	for (held = LIST_FIRST(&run->held); held; held = next) {
		next = LIST_NEXT(held, link);
		run_put(run, held->key, held->page);
	}
	store_dispatch(run->store);
	return RETRY_NS / 1000000;
}

static void source_dispatch(struct source *source)
{
	store_dispatch(((struct run *)source)->store);
}

static int source_fd(const struct source *source)
{
	return store_fd(((const struct run *)source)->store);
}

static const char *source_why(const struct source *source)
{
	return store_why(((const struct run *)source)->store);
}

static const struct source_ops ops = {
	.get = source_get,
	.dispatch = source_dispatch,
	.fd = source_fd,
	.why = source_why,
};

void run_source_init(struct run *run)
{
	run->source.ops = &ops;
	LIST_INIT(&run->held);
}

void run_source_free(struct run *run)
{
	struct held *held;

	while ((held = LIST_FIRST(&run->held))) {
		LIST_REMOVE(held, link);
		free(held);
	}
}
