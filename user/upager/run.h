/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs whose memory is paged: which pages they have, which have to go.
 *
 *	resident.c	the pages that clients have, in the order in which they came
 *	evict.c		taking pages out of clients
 *	inherit.c	what children of fork() have from the beginning
 *	stage.c		pages that were taken out, on their way to the store
 *	locked.c	pages that have to stay
 *	run-source.c	giving them back: a source in front of a store
 *	run-live.c	what can be changed meanwhile
 *	stores.c	all stores that have pages: one, but during a transfer
 *	transfer.c	another store
 *	cmd-run.c	the command
 */
#ifndef RUN_H
#define RUN_H

#include <sys/queue.h>

#include "evict.h"
#include "pager.h"
#include "source.h"
#include "store.h"
#include "stores.h"
#include "transfer.h"

/* Less makes no sense: a program could hardly touch two places at once. */
#define RUN_LIMIT_MIN	(1u << 20)

#define CHUNK_BUCKETS	4096u
#define STAGE_BUCKETS	8192u
/* Times that a chunk which is in use is passed over at most */
#define LIFE_MAX	3u

/**
 * struct chunk - neighbouring pages of a client
 * @link: the first one to go comes first
 * @chain: in its bucket
 * @client: whose
 * @base: address of the first page, aligned to EVICT_PAGES pages
 * @mask: those that it has
 * @single: they go one by one, together they can't
 * @life: how often it was found in use, LIFE_MAX at most
 * @passes: times that it is still to be passed over
 */
struct chunk {
	TAILQ_ENTRY(chunk) link;
	LIST_ENTRY(chunk) chain;
	struct client *client;
	uint64_t base;
	uint64_t mask;
	bool single;
	unsigned int life;
	unsigned int passes;
};

TAILQ_HEAD(chunk_list, chunk);
LIST_HEAD(chunk_bucket, chunk);

/**
 * struct residents - all pages that clients have
 * @order: chunks, the next to go first
 * @buckets: by client and address
 * @pages: how many pages
 * @page: bytes of each
 */
struct residents {
	struct chunk_list order;
	struct chunk_bucket buckets[CHUNK_BUCKETS];
	uint64_t pages;
	size_t page;
};

void resident_init(struct residents *all, size_t page);
void resident_set(struct residents *all, struct client *client, uint64_t addr, uint64_t len);
void resident_clear(struct residents *all, struct client *client, uint64_t addr, uint64_t len);
void resident_move(struct residents *all, struct client *client, uint64_t from, uint64_t to,
		   uint64_t len);
void resident_rescue(struct residents *all, struct client *client, uint64_t addr,
		     unsigned int life);
bool resident_has(struct residents *all, struct client *client, uint64_t addr);
void resident_forget(struct residents *all, struct client *client);

/**
 * struct evictor - a client's thread that moves its pages away
 * @link: of all
 * @watch: the connection
 * @run: whose
 * @client: in whose memory it works, NULL: not known any more
 * @pid: its process
 * @place: where it moves pages to, 0: it has not said so yet
 */
struct evictor {
	LIST_ENTRY(evictor) link;
	struct watch watch;
	struct run *run;
	struct client *client;
	pid_t pid;
	uint64_t place;
};

LIST_HEAD(evictor_list, evictor);

/**
 * struct moving - what is being moved away right now
 * @evictor: by whom, NULL: nothing is
 * @client: whose, NULL: it has ended
 * @from: first address
 * @key: of the first page
 * @pages: how many were ordered
 * @life: of their chunk
 * @seen: the kernel has told that it was done
 * @image_key: under which the snapshot has the first page, 0: it has them not
 * @captured: pages that it had then: bit I is page I
 * @keys: of these
 */
struct moving {
	struct evictor *evictor;
	struct client *client;
	uint64_t from;
	uint64_t key;
	unsigned int pages;
	unsigned int life;
	bool seen;
	uint64_t image_key;
	uint64_t captured;
	uint64_t keys[EVICT_PAGES];
};

struct inheritance;
LIST_HEAD(inheritance_list, inheritance);

struct victim;
TAILQ_HEAD(victim_list, victim);
LIST_HEAD(victim_bucket, victim);

/**
 * struct stage - pages that were taken out, and are not in the store yet
 * @staged: those that may still be wanted, the oldest first
 * @held: those that the store did not take
 * @free: memory for more
 * @buckets: by key
 * @pages: how many are in @staged
 * @room: how many may be
 * @writing: how many the store is at
 */
struct stage {
	struct victim_list staged;
	struct victim_list held;
	struct victim_list free;
	struct victim_bucket buckets[STAGE_BUCKETS];
	uint64_t pages;
	uint64_t room;
	unsigned int writing;
};

/**
 * struct run - a run of a program, with all that it starts
 * @source: what the pager gets pages from
 * @pager: the pager
 * @stores: where pages go
 * @transfer: from one store to another
 * @snapshot: what named regions are filled from, or NULL
 * @residents: what is in the clients
 * @inheritances: what is in children, and not yet among these
 * @evictors: their threads
 * @listener: for evictors
 * @moving: what is on its way out of a client
 * @stage: pages that were taken out, and are not in the store yet
 * @parked: requests that wait until pages have gone
 * @parked_last: the last of them
 * @limit: pages that clients may have together, the stage not among them; 0: any number
 * @wanted: the same with the stage, as the user has said it
 * @stage_percent: so much of it is the stage
 * @next_key: not used yet
 * @retry_at: when to try again what is held
 * @evicted: pages that were taken out
 * @unchanged: of these, pages that were as the snapshot has them, and not kept
 * @rescued: of these, pages that came back without the store
 * @fetched: of these, pages that came back from the store
 * @complained: it was said that the store does not work
 * @any_locked: some process has locked pages
 * @choose_at: when to look again for pages that can go, if all that were seen must stay
 * @emptying: pages go until there is some room
 * @detaching: all pages come back, and the clients go
 * @detached: they have gone; who comes is not paged
 */
struct run {
	struct source source;
	struct pager *pager;
	struct stores stores;
	struct transfer transfer;
	struct snapshot *snapshot;
	struct residents residents;
	struct inheritance_list inheritances;
	struct evictor_list evictors;
	struct watch listener;
	struct moving moving;
	struct stage stage;
	struct store_req *parked;
	struct store_req *parked_last;
	uint64_t limit;
	uint64_t wanted;
	unsigned int stage_percent;
	uint64_t next_key;
	uint64_t retry_at;
	uint64_t choose_at;
	uint64_t evicted;
	uint64_t unchanged;
	uint64_t rescued;
	uint64_t fetched;
	bool complained;
	bool any_locked;
	bool emptying;
	bool detaching;
	bool detached;
};

/* run-source.c */
void run_source_init(struct run *run);
void run_delete(struct run *run, const struct region *region, uint64_t start, uint64_t end);
void run_release(struct run *run);
bool run_full(const struct run *run);
bool run_is_out(struct run *run, struct client *client, uint64_t addr);

/* inherit.c */
void inherit_note(struct run *run, const struct client *parent, struct client *child);
int inherit_step(struct run *run);
void inherit_forget(struct run *run, const struct client *client);

/* stage.c */
void stage_init(struct stage *stage);
void stage_put(struct run *run, uint64_t key, const void *page, unsigned int life);
void stage_drop(struct run *run, uint64_t key);
const void *stage_find(const struct stage *stage, uint64_t key);
void stage_filled(struct run *run, struct client *client, uint64_t addr);
void stage_write(struct run *run);
int stage_retry(struct run *run);

/* locked.c */
int locked_change(struct run *run, struct client *client, const struct wire *wire);
int locked_new(struct run *run, const struct client *client, const struct region *region);
void locked_moved(struct run *run, pid_t pid, uint64_t from, uint64_t to, uint64_t len);
bool locked_has(const struct run *run, const struct client *client, uint64_t addr);
uint64_t locked_bytes(const struct run *run);

/* run-live.c */
void run_set_limit(struct run *run, uint64_t pages);
int run_control(struct run *run, struct wire *wire, const char *text);
void run_live_step(struct run *run);
void run_json(const struct run *run, struct json_object *top);

/* evict.c */
int evict_listen(struct run *run, const char *path);
bool evict_step(struct run *run);
bool evict_moved(struct run *run, struct client *client, uint64_t from, uint64_t to, uint64_t len);
void evict_forget(struct run *run, struct client *client);
void evict_free(struct run *run);

#endif /* RUN_H */
