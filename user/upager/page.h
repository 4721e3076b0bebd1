/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages on their way: each once, however many wait for it. */
#ifndef PAGE_H
#define PAGE_H

#include "pager.h"
#include "resolver.h"

#define BUCKETS		1024u

struct fetch {
	struct store_req req;
	struct page *page;
};

enum page_state {
	PAGE_FRESH,	/* to be asked for */
	PAGE_FETCHED,	/* the source is at it */
	PAGE_READY,	/* to be given to the client */
	PAGE_LATER,	/* failed; to be asked for again at @due */
	PAGE_BEHIND,	/* a batch will bring it */
	PAGE_STATES,
};

/**
 * struct page - a page on its way, of the client's size, so maybe many base pages; or
 *	a batch of them (batch.c)
 * @link: in the list of its state, in none while PAGE_FETCHED
 * @chain: in its bucket, or of the client's batches
 * @client: whose
 * @addr: where it goes
 * @key: of its first base page, from when the source is asked
 * @since: when its first fault was read
 * @due: when to try again
 * @unit: its bytes, of a batch those of each page
 * @len: its bytes
 * @count: its base pages
 * @first: where they are in the arena, ARENA_NONE: nowhere yet
 * @left: parts that the source still has
 * @tries: how often it was asked for
 * @status: the worst that the source said
 * @state: how far it is
 * @shared: the file into which the source writes it, NULL: into the arena
 * @place: the page of that file
 * @behind: the batch that it waits for
 * @nr_behind: pages that wait for this batch
 * @batch: neighbouring pages, which nobody has asked for
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
	uint64_t len;
	uint32_t unit;
	unsigned int count;
	unsigned int first;
	unsigned int left;
	unsigned int tries;
	int status;
	enum page_state state;
	struct shared *shared;
	uint64_t place;
	struct page *behind;
	unsigned int nr_behind;
	bool batch;
	bool zero;
	bool demand;
	bool write;
	bool dropped;
	unsigned int nr_faults;
	unsigned int nr_tids;
	pid_t tids[CLIENT_TIDS];
	struct fetch parts[];
};

struct page_table {
	struct page_bucket buckets[BUCKETS];
	struct page_bucket spare;	/* not in use */
	struct page_bucket spare_batches;
	struct page_list lists[PAGE_STATES];
	struct page **sorted;
	size_t sorted_room;
	unsigned int nr_ready;
	unsigned int spins;
	bool stuck;
};

/**
 * find_page - a page that is on its way
 * @client: whose
 * @addr: where it goes
 *
 * Return: the page, or NULL.
 */
struct page *find_page(struct client *client, uint64_t addr);

/**
 * page_want - the page of an address, on its way from now on
 * @client: whose
 * @addr: any address in it
 *
 * Return: the page, NULL if there is no memory.
 */
struct page *page_want(struct client *client, uint64_t addr);

/**
 * page_look_up - what a page shall be, as far as is known now
 * @page: which
 * @key: gets its key
 * @zero: gets whether it is all zeros
 *
 * Return: false: a batch whose pages do not belong together.
 */
bool page_look_up(struct page *page, uint64_t *key, bool *zero);

/**
 * page_set_state - put a page into the list of a state
 * @page: which
 * @state: the state
 */
void page_set_state(struct page *page, enum page_state state);

/**
 * page_unplace - the source is not to write into a file any more
 * @page: which
 */
void page_unplace(struct page *page);

/**
 * page_complete - a page is where it belongs, or not ours to fill
 * @page: which; it is freed
 * @woken: who waits for it has been woken
 */
void page_complete(struct page *page, bool woken);

/**
 * page_free - a page is not on its way any more
 * @page: which
 */
void page_free(struct page *page);

/**
 * page_show - tell whoever watches of a fill
 * @fill: the fill
 * @ret: what came of it
 */
void page_show(const struct fill *fill, long ret);

/* batch.c */

/**
 * batch_in - a batch that has some of these addresses
 * @client: whose
 * @start: first address
 * @end: first address behind
 *
 * Return: the batch, or NULL.
 */
struct page *batch_in(const struct client *client, uint64_t start, uint64_t end);

/**
 * batch_ahead - fetch neighbouring pages that nobody has asked for
 * @client: whose
 * @region: where
 * @addr: of the first page
 * @count: how many
 *
 * Return: false if each has to be fetched for itself, true: it is done with.
 */
bool batch_ahead(struct client *client, const struct region *region, uint64_t addr,
		 unsigned int count);

/**
 * batch_advance - the first pages of a batch are done with
 * @batch: which
 * @count: how many
 * @kept: the resolver keeps what they were filled from
 * @woken: who waits for them has been woken
 *
 * Return: whether there are more; if not it has been freed.
 */
bool batch_advance(struct page *batch, unsigned int count, bool kept, bool woken);

/**
 * batch_dissolve - fetch each page of a batch for itself
 * @batch: which; it is freed
 */
void batch_dissolve(struct page *batch);

/* fetch.c */

/**
 * fetch_begin - ask the source for all pages that are to be asked for
 * @pager: whose
 */
void fetch_begin(struct pager *pager);

#endif /* PAGE_H */
