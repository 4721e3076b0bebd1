/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the common part of a store (store.c) and the kinds of stores know of
 * each other. The common part keeps order, checksums, time limits and
 * statistics; a kind moves pages, one request per key at a time, and never
 * looks into a page.
 */
#ifndef STORE_KIND_H
#define STORE_KIND_H

#include <stdarg.h>

#include "store.h"

#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL

/* struct store_entry.flags */
#define ENTRY_HELD	1	/* the kind has the page, at @loc */
#define ENTRY_SAME	2	/* the page is the word @sum, again and again */

/**
 * struct store_entry - what is remembered of one key
 * @key: the key
 * @sum: checksum of the page, or the word that fills it
 * @loc: the kind's, where the page is
 * @next: of the same bucket, or the next free one
 * @first: its requests in order; the first is under way
 * @last: the last of them
 * @flags: ENTRY_*
 */
struct store_entry {
	uint64_t key;
	uint64_t sum;
	uint64_t loc;
	struct store_entry *next;
	struct store_req *first;
	struct store_req *last;
	unsigned int flags;
};

/**
 * struct store_index - all keys
 * @buckets: table of lists
 * @mask: size of the table - 1
 * @count: entries
 * @free: entries to take
 * @chunks: what entries are cut from, each chunk's first entry leads to the next
 */
struct store_index {
	struct store_entry **buckets;
	size_t mask;
	size_t count;
	struct store_entry *free;
	struct store_entry *chunks;
};

int index_init(struct store_index *index);
void index_free(struct store_index *index);
struct store_entry *index_find(const struct store_index *index, uint64_t key);
struct store_entry *index_add(struct store_index *index, uint64_t key);
void index_remove(struct store_index *index, struct store_entry *entry);
struct store_entry *index_walk(const struct store_index *index, size_t *bucket,
			       struct store_entry *entry);

/**
 * struct store_list - requests in order
 * @first: the first, or NULL
 * @last: the last
 * @count: how many
 */
struct store_list {
	struct store_req *first;
	struct store_req *last;
	size_t count;
};

/* Which list of the store a request is on */
enum store_where {
	STORE_NOWHERE,		/* behind another of its key, or the caller's */
	STORE_READS,		/* ready, waits for its turn */
	STORE_WRITES,
	STORE_ACTIVE,		/* with the kind */
	STORE_WAITING,		/* for its time to be tried again */
	STORE_DONE,
	STORE_LISTS,
};

/**
 * struct store_watch - a descriptor that a kind waits for
 * @ready: called by store_dispatch() with the epoll events
 */
struct store_watch {
	void (*ready)(struct store_watch *watch, unsigned int events);
};

/**
 * struct store_kind - a kind of store
 * @scheme: what its URLs begin with, up to the colon
 * @form: a whole URL, for the help
 * @summary: what it is, for the help
 * @depth: requests under way at most, unless the user says otherwise
 * @retries: requests can fail for a while and be taken back by cancel()
 * @doubt_ns: how long a page that is wrong or lost is asked for again; at least
 *	twice if @retries
 * @open: opens it: @rest is the URL without scheme and options; fails with a
 *	negative errno, and fail_open() called. Sets store->data
 * @submit: begins a request (private.wire says which); ends in complete() or
 *	retry(), at once or later
 * @flush: sends what was submitted; may be NULL
 * @read_run: reads the pages from that of an entry on, as they lie, if that takes no
 *	waiting; false if not, or if it fails. May be NULL
 * @cancel: forgets an active request now, whatever becomes of it
 * @drop: forgets the page of an entry whose put or del has failed; may be NULL.
 *	What is there now is unknown
 * @tick: called when the time asked for with store_tick_at() has come
 * @remove: begins to remove all that it keeps; returns 0, or -EAGAIN to be
 *	called again when something has happened; NULL if close does it all
 * @close: frees everything; @abandon: of this process alone
 * @bytes: what its pages take, may be NULL
 */
struct store_kind {
	const char *scheme;
	const char *form;
	const char *summary;
	unsigned int depth;
	bool retries;
	uint64_t doubt_ns;
	int (*open)(struct store *store, const char *rest);
	void (*submit)(struct store *store, struct store_req *req);
	void (*flush)(struct store *store);
	bool (*read_run)(struct store *store, const struct store_entry *entry,
			 unsigned int count, void *pages);
	void (*cancel)(struct store *store, struct store_req *req);
	void (*drop)(struct store *store, struct store_entry *entry);
	void (*tick)(struct store *store, uint64_t now);
	int (*remove)(struct store *store);
	void (*close)(struct store *store, bool abandon);
	uint64_t (*bytes)(const struct store *store);
};

/* One per option in a URL */
struct store_param {
	char *name;
	char *value;
	bool used;
};

#define STORE_PARAMS	16

struct store {
	const struct store_kind *kind;
	void *data;			/* the kind's */
	size_t page_size;
	uint64_t run;
	unsigned int depth;
	uint64_t timeout;		/* ns */

	char *text;			/* of the URL, cut into parts */
	char *url;			/* without a password */
	struct store_param params[STORE_PARAMS];
	unsigned int nparams;

	struct store_index index;
	struct store_list lists[STORE_LISTS];
	int epoll;
	int timer;
	unsigned int watches;
	uint64_t timer_at;		/* when it will fire, 0: it is off */
	uint64_t tick_at;		/* when the kind wants to be called, 0: never */
	uint64_t now;			/* as of this round of store_dispatch() */
	uint64_t submitting;		/* when the first since then was submitted, 0: none was */
	bool closing;
	struct store_stats stats;
	char why[256];
};

uint64_t store_now(void);

/* For kinds: the end of a request, or of an attempt. */
void store_complete(struct store *store, struct store_req *req, int status);
void store_retry(struct store *store, struct store_req *req, unsigned int ms);

/* For kinds: being called. */
int store_watch(struct store *store, int fd, struct store_watch *watch, unsigned int events);
void store_rewatch(struct store *store, int fd, struct store_watch *watch, unsigned int events);
void store_unwatch(struct store *store, int fd);
void store_tick_at(struct store *store, uint64_t when);

/* For kinds: words. */
int fail_open(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void store_say(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* store-url.c: options of the URL; each returns 0, or a failure of the open */
int url_parse(struct store *store, const char *url, const char **rest);
int url_finish(struct store *store);
const char *url_param(struct store *store, const char *name);
int url_number(struct store *store, const char *name, uint64_t min, uint64_t max,
	       uint64_t *value);
int url_size(struct store *store, const char *name, uint64_t *value);

/* store-page.c */
uint64_t page_sum(const struct store *store, uint64_t key, const void *page);
bool page_same(const struct store *store, const void *page, uint64_t *word);
void page_fill(const struct store *store, void *page, uint64_t word);

extern const struct store_kind store_mem;
extern const struct store_kind store_zmem;
extern const struct store_kind store_file;
extern const struct store_kind store_redis;
extern const struct store_kind store_redis_unix;
extern const struct store_kind store_redis_cluster;

#endif /* STORE_KIND_H */
