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
};

/**
 * struct page - a page on its way; of the client's size, so maybe many base pages
 * @link: in the list of its state, in none while PAGE_FETCHED
 * @chain: in its bucket
 * @client: whose
 * @addr: where it goes
 * @key: of its first base page, from when the source is asked
 * @since: when its first fault was read
 * @due: when to try again
 * @unit: its bytes
 * @count: its base pages
 * @first: where they are in the arena, ARENA_NONE: nowhere yet
 * @left: parts that the source still has
 * @tries: how often it was asked for
 * @status: the worst that the source said
 * @state: how far it is
 * @shared: the file into which the source writes it, NULL: into the arena
 * @place: the page of that file
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
	struct shared *shared;
	uint64_t place;
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
	struct bucket spare;	/* not in use */
	struct page_list lists[PAGE_LATER + 1];
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
 */
void page_look_up(struct page *page, uint64_t *key, bool *zero);

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

/* fetch.c */

/**
 * fetch_begin - ask the source for all pages that are to be asked for
 * @pager: whose
 */
void fetch_begin(struct pager *pager);

#endif /* PAGE_H */
