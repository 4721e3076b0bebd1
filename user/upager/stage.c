// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stage: pages that were taken out of clients, and are not in the store yet.
 *
 * No bit tells us which pages a program uses. So a page that is taken out stays
 * here for a while; if the program wants it meanwhile, it gets it without the
 * store, and its chunk is known to be in use: it is passed over the next times
 * (resident_rescue()). What nobody wants goes into the store, the oldest first,
 * some at a time. What the store refuses comes back, and is offered again.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define RETRY_NS	200000000ull
/* Memory for so many pages is got at once */
#define BLOCK		64u
/* Pages that go into the store together, if the stage is not too small for it */
#define WRITE_BATCH	32u

enum victim_state {
	VICTIM_STAGED,
	VICTIM_WRITING,		/* the store is at it */
	VICTIM_HELD,		/* the store did not take it: this is the only copy */
};

/**
 * struct victim - a page that was taken out
 * @link: in the list of its state, or of those that are free
 * @chain: in its bucket
 * @req: for the store
 * @store: which
 * @run: whose
 * @key: the page's
 * @page: the page
 * @state: how far it is
 * @known: it is what its key means; if not, somebody has the page, or it is gone
 * @life: how often its chunk was found in use
 */
struct victim {
	TAILQ_ENTRY(victim) link;
	LIST_ENTRY(victim) chain;
	struct store_req req;
	const struct store *store;
	struct run *run;
	uint64_t key;
	char *page;
	enum victim_state state;
	bool known;
	unsigned int life;
};

static struct victim_bucket *bucket_of(struct stage *stage, uint64_t key)
{
	return &stage->buckets[(key * 0x9e3779b97f4a7c15ull >> 40) % STAGE_BUCKETS];
}

static struct victim *find(const struct stage *stage, uint64_t key)
{
	struct victim *victim;

	LIST_FOREACH(victim, bucket_of((struct stage *)stage, key), chain)
		if (victim->key == key)
			return victim;
	return NULL;
}

/* Without a page, with this key or the next */
static void no_memory(const struct run *run)
{
	fprintf(stderr, "upager: a page is lost: no memory for it; the store: %s\n",
		*stores_why(&run->stores) ? stores_why(&run->stores) : "works");
	abort();	/* the keeper sees to it that nobody reads zeros */
}

/* Blocks are kept for the next victims: their number follows from the limit. */
static struct victim *get_free(struct run *run)
{
	struct stage *stage = &run->stage;
	size_t size = run->pager->page;
	struct victim *victim = TAILQ_FIRST(&stage->free);
	char *pages = NULL;
	unsigned int i;

	if (!victim) {
		victim = calloc(BLOCK, sizeof(*victim));
		if (!victim || posix_memalign((void **)&pages, size, BLOCK * size))
			no_memory(run);
		for (i = 0; i < BLOCK; i++) {
			victim[i].page = pages + i * size;
			TAILQ_INSERT_TAIL(&stage->free, &victim[i], link);
		}
	}
	TAILQ_REMOVE(&stage->free, victim, link);
	return victim;
}

static struct victim_list *list_of(struct stage *stage, const struct victim *victim)
{
	return victim->state == VICTIM_HELD ? &stage->held : &stage->staged;
}

static void forget(struct victim *victim)
{
	if (victim->known)
		LIST_REMOVE(victim, chain);
	victim->known = false;
}

static void end(struct stage *stage, struct victim *victim)
{
	forget(victim);
	if (victim->state != VICTIM_WRITING)
		TAILQ_REMOVE(list_of(stage, victim), victim, link);
	stage->pages -= victim->state == VICTIM_STAGED;
	TAILQ_INSERT_HEAD(&stage->free, victim, link);
}

/**
 * stage_drop - what was taken out under a key is not wanted any more
 * @run: whose
 * @key: the key
 */
void stage_drop(struct run *run, uint64_t key)
{
	struct victim *victim = find(&run->stage, key);

	if (!victim)
		return;
	if (victim->state == VICTIM_WRITING)
		forget(victim);	/* the store still reads it */
	else
		end(&run->stage, victim);
}

/**
 * stage_put - keep a page
 * @run: whose
 * @key: its key
 * @page: copied
 * @life: how often its chunk was found in use
 *
 * From now on a get of that key gives this page, whatever the store does.
 */
void stage_put(struct run *run, uint64_t key, const void *page, unsigned int life)
{
	struct stage *stage = &run->stage;
	struct victim *victim;

	stage_drop(run, key);
	victim = get_free(run);
	memcpy(victim->page, page, run->pager->page);
	victim->run = run;
	victim->key = key;
	victim->state = VICTIM_STAGED;
	victim->known = true;
	victim->life = life;
	LIST_INSERT_HEAD(bucket_of(stage, key), victim, chain);
	TAILQ_INSERT_TAIL(&stage->staged, victim, link);
	stage->pages++;
}

/**
 * stage_find - the page of a key
 * @stage: where
 * @key: the key
 *
 * Return: the page, NULL if it is not here.
 */
const void *stage_find(const struct stage *stage, uint64_t key)
{
	const struct victim *victim = find(stage, key);

	return victim ? victim->page : NULL;
}

/**
 * stage_filled - a client has got a page, perhaps from here
 * @run: whose
 * @client: which
 * @addr: of the page
 *
 * Only now: a page that was asked for may go elsewhere on its way.
 */
void stage_filled(struct run *run, struct client *client, uint64_t addr)
{
	const struct region *region = region_at(&client->regions, addr);
	const struct victim *victim;

	if (!region || (region->flags & REGION_ZERO))
		return;
	victim = find(&run->stage, region_key(&client->regions, region, addr));
	if (!victim)
		return;
	run->rescued++;
	resident_rescue(&run->residents, client, addr, victim->life);
	/* others may want it as it is, who share it; else it is the client's now */
	if (!(region->flags & REGION_SHARED))
		stage_drop(run, victim->key);
}

static void hold(struct run *run, struct victim *victim)
{
	victim->state = VICTIM_HELD;
	TAILQ_INSERT_TAIL(&run->stage.held, victim, link);
	if (!run->complained)
		fprintf(stderr, "upager: %s: %s; the limit is exceeded until it takes pages\n",
			store_url(victim->store), store_why(victim->store));
	run->complained = true;
	run->retry_at = pager_now() + RETRY_NS;
}

static void on_put(struct store_req *req)
{
	struct victim *victim = (void *)((char *)req - offsetof(struct victim, req));
	struct run *run = victim->run;

	run->stage.writing--;
	if (req->status && victim->known && req->status != -ECANCELED) {
		transfer_refused(run, victim->store);
		hold(run, victim);
	} else {
		end(&run->stage, victim);
	}
}

static void write_one(struct run *run, struct victim *victim)
{
	struct stage *stage = &run->stage;

	TAILQ_REMOVE(list_of(stage, victim), victim, link);
	stage->pages -= victim->state == VICTIM_STAGED;
	victim->state = VICTIM_WRITING;
	victim->req = (struct store_req){
		.op = STORE_PUT,
		.key = victim->key,
		.page = victim->page,
		.done = on_put,
	};
	stage->writing++;
	victim->store = stores_put(&run->stores, &victim->req);
}

/**
 * stage_write - the oldest pages go into the store, if there are too many
 * @run: whose
 */
void stage_write(struct run *run)
{
	struct stage *stage = &run->stage;
	uint64_t some = stage->room / 4 < WRITE_BATCH ? stage->room / 4 : WRITE_BATCH;

	if (stage->pages <= stage->room)
		return;
	while (stage->pages > stage->room - some)
		write_one(run, TAILQ_FIRST(&stage->staged));
	stores_dispatch(&run->stores);
}

/**
 * stage_retry - what the store did not take is offered again
 * @run: whose
 *
 * Return: milliseconds until the next time, -1: there is nothing.
 */
int stage_retry(struct run *run)
{
	uint64_t now = pager_now();
	struct victim *victim;
	size_t n = 0;

	if (TAILQ_EMPTY(&run->stage.held))
		return -1;
	if (now < run->retry_at)
		return (run->retry_at - now) / 1000000 + 1;
	run->retry_at = now + RETRY_NS;
	TAILQ_FOREACH(victim, &run->stage.held, link)
		n++;
	while (n--)
		write_one(run, TAILQ_FIRST(&run->stage.held));
	stores_dispatch(&run->stores);
	return RETRY_NS / 1000000;
}

void stage_init(struct stage *stage)
{
	unsigned int i;

	TAILQ_INIT(&stage->staged);
	TAILQ_INIT(&stage->held);
	TAILQ_INIT(&stage->free);
	for (i = 0; i < STAGE_BUCKETS; i++)
		LIST_INIT(&stage->buckets[i]);
}
