// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source in front of the stores and the stage before them. It lets those wait who
 * want a page that is just being moved away.
 */
#include <string.h>

#include "run.h"
#include "snapshot.h"

/* Pages over the limit that come in before somebody has to wait */
#define SLACK		64

/**
 * run_delete - nobody wants some pages of a region any more
 * @run: whose
 * @region: which
 * @start: first address
 * @end: first address behind
 */
void run_delete(struct run *run, const struct region *region, uint64_t start, uint64_t end)
{
	uint64_t addr, key;

	if (region->flags & (REGION_ZERO | REGION_SHARED) ||
	    (stores_empty(&run->stores) && !run->stage.pages && !run->stage.writing &&
	     TAILQ_EMPTY(&run->stage.held)))
		return;
	if (start < region->start)
		start = region->start;
	if (end > region->end)
		end = region->end;
	for (addr = start; addr < end; addr += run->pager->page) {
		key = region->key + (addr - region->start) / run->pager->page;
		stage_drop(run, key);
		stores_del(&run->stores, key);
	}
}

bool run_full(const struct run *run)
{
	return run->limit && run->residents.pages >= run->limit + SLACK;
}

/* Whether the page is out, so that fetching it ahead is of use: not new, not there */
bool run_is_out(struct run *run, struct client *client, uint64_t addr)
{
	const struct region *region = region_at(&client->regions, addr);
	uint64_t key;

	if (!region || region->flags & REGION_ZERO || resident_has(&run->residents, client, addr))
		return false;
	key = region_key(&client->regions, region, addr);
	if (snapshot_is_key(key))
		return image_has(run->snapshot->image, key - SNAPSHOT_KEY);
	return run->source.ops->has(&run->source, key);
}

/* Whether the page of a key is on its way out of a client */
static bool is_moving(const struct run *run, uint64_t key)
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
	return false;
}

static bool must_wait(const struct run *run, uint64_t key)
{
	return is_moving(run, key) || (run->moving.evictor && run_full(run));
}

static void source_get(struct source *source, struct store_req *req)
{
	struct run *run = (struct run *)source;
	const void *page;

	if (must_wait(run, req->key)) {
		req->private.next = NULL;
		if (run->parked)
			run->parked_last->private.next = req;
		else
			run->parked = req;
		run->parked_last = req;
		return;
	}
	page = stage_find(&run->stage, req->key);
	if (!page) {
		/* else it is zeros, and nobody is asked */
		run->fetched += stores_get(&run->stores, req);
		return;
	}
	memcpy(req->page, page, run->pager->page);
	req->status = 0;
	req->done(req);
}

static bool source_get_run(struct source *source, uint64_t key, unsigned int count, void *pages)
{
	struct run *run = (struct run *)source;
	unsigned int i;

	if (run->stores.count != 1)
		return false;
	for (i = 0; i < count; i++)
		if (must_wait(run, key + i) || stage_find(&run->stage, key + i))
			return false;
	if (!store_get_run(run->stores.at[0], key, count, pages))
		return false;
	run->fetched += count;
	return true;
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
	stores_dispatch(&run->stores);
	run->pager->again = true;
}

static void source_dispatch(struct source *source)
{
	stores_dispatch(&((struct run *)source)->stores);
}

static bool source_idle(const struct source *source)
{
	const struct run *run = (const struct run *)source;

	return run->stores.count == 1 && store_idle(run->stores.at[0]);
}

static int source_fd(const struct source *source)
{
	return ((const struct run *)source)->stores.epoll;
}

static const char *source_why(const struct source *source)
{
	return stores_why(&((const struct run *)source)->stores);
}

static bool source_has(const struct source *source, uint64_t key)
{
	const struct run *run = (const struct run *)source;

	return is_moving(run, key) || stage_find(&run->stage, key) ||
	       stores_has(&run->stores, key);
}

static const struct source_ops ops = {
	.get = source_get,
	.get_run = source_get_run,
	.dispatch = source_dispatch,
	.idle = source_idle,
	.fd = source_fd,
	.why = source_why,
	.has = source_has,
	.changes = true,
};

void run_source_init(struct run *run)
{
	run->source.ops = &ops;
	stage_init(&run->stage);
}
