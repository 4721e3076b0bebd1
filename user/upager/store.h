/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where pages are kept while they are not in a client's memory. One interface
 * for all stores; which one it is, its URL says (store_schemes() lists them).
 *
 * A store is asynchronous: store_submit() takes a request and returns at once,
 * many may be under way, and each ends with one call of its done(), which comes
 * from store_dispatch() and from nowhere else. In an event loop:
 *
 *	submit requests ...
 *	store_dispatch(store);		what was submitted is sent, what is done is told
 *	epoll_wait(...)			with store_fd(store), EPOLLIN
 *
 * and store_dispatch() again whenever store_fd() is readable. A store belongs
 * to one thread; stores know nothing of each other.
 *
 * Requests for one key take effect in the order in which they were submitted,
 * whatever fails and is sent again below; requests for different keys are done
 * in any order, reads before writes.
 *
 * A page that comes back is the page that was put last, or the request fails.
 * The store remembers a checksum of each page here, in the memory of the pager,
 * so a page that is damaged, of another key, or old (a replica that has not seen
 * the last write) is found out. Pages filled with one word don't leave this
 * memory at all.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/**
 * enum store_op - what a request asks for
 * @STORE_GET: fill @page of the request with the page of that key
 * @STORE_PUT: keep the contents of @page under that key
 * @STORE_DEL: forget the page of that key; it need not exist
 */
enum store_op {
	STORE_GET,
	STORE_PUT,
	STORE_DEL,
};

/**
 * struct store_req - one request, in the caller's memory until it is done
 * @op: what is asked for
 * @key: of the page; the caller chooses keys, any 64 bits
 * @page: the page, page_size bytes; aligned to page_size it is not copied on its
 *	way to a disk. Not to be changed between store_submit() and @done of a
 *	put, not to be read before @done of a get. Unused by STORE_DEL
 * @done: called once, with @status set; the request is the caller's again, and
 *	it may submit this one or others, but not close the store
 * @status: 0, or a negative errno, see below; what is worth trying again was
 *	tried again until the store's timeout had passed
 * @private: the store's
 *
 * Both sides of a failure are known. A get that fails has put nothing of use
 * into @page. After a put or a del that failed, that key has no page any more
 * (-ENOENT) until a put succeeds: the caller still has it in @page.
 *
 * ENOENT: nothing was put under that key, or it was deleted. ENODATA: the store
 * has lost it. EBADMSG: what it has is not what was put (checksum). These two
 * are final and say that the page is gone. ENOSPC: the store is full; it is
 * told at once, since only the caller knows what it can do without. EIO: the
 * disk failed. ETIMEDOUT: the store could not be reached, or did not answer, for
 * as long as the timeout; a later get may succeed. EACCES: the server wants
 * another password. EPROTO: the server answers something senseless. ENOMEM.
 * store_why() has the words.
 */
struct store_req {
	enum store_op op;
	uint64_t key;
	void *page;
	void (*done)(struct store_req *req);
	int status;

	struct {
		struct store_req *next, *prev;	/* of the list it is on */
		struct store_req *follower;	/* next request of this key */
		struct store_entry *entry;	/* of its key */
		void *flight;			/* of the kind of store */
		enum store_op wire;		/* what the kind is asked for */
		uint64_t sum;			/* of a page that is put */
		uint64_t submitted;		/* ns, CLOCK_MONOTONIC */
		uint64_t started;		/* when the kind got it first */
		uint64_t when;			/* when to try again */
		unsigned int tries;
		unsigned int doubts;		/* wrong answers; no replica */
		unsigned int list;
	} private;
};

/**
 * struct store_options - what is the same for all kinds of stores
 * @page_size: of every page in it; 0: that of this machine
 * @run: names this run; part of the name of all that it keeps outside; 0: random
 * @depth: requests under way at most, more wait inside; 0: a good number
 * @timeout_ms: how long a request is tried, 0: 30 s. The URL's option timeout=
 *	(seconds) comes before this
 */
struct store_options {
	size_t page_size;
	uint64_t run;
	unsigned int depth;
	unsigned int timeout_ms;
};

/**
 * struct store_stats - counted since store_open()
 * @gets: gets done
 * @puts: puts done
 * @dels: dels done
 * @clean: puts of a page that the store had already, as it was
 * @failed: requests that failed, -ENOENT not counted
 * @retries: times that a request was sent again
 * @reconnects: connections made again
 * @redirects: times that a cluster said it was elsewhere
 * @corrupt: pages that came with a wrong checksum, once for each time
 * @lost: pages that a store had no more
 * @pages: pages that it has now
 * @same: of these, pages that are one word repeated
 * @bytes: memory, disk or server's memory that they take, as far as known
 * @busy: requests not yet done
 * @busy_max: their number at most
 * @get_ns: time from submit to done, sum over all gets
 * @put_ns: the same for puts
 */
struct store_stats {
	uint64_t gets;
	uint64_t puts;
	uint64_t dels;
	uint64_t clean;
	uint64_t failed;
	uint64_t retries;
	uint64_t reconnects;
	uint64_t redirects;
	uint64_t corrupt;
	uint64_t lost;
	uint64_t pages;
	uint64_t same;
	uint64_t bytes;
	uint64_t busy;
	uint64_t busy_max;
	uint64_t get_ns;
	uint64_t put_ns;
};

/**
 * store_open - open the store that a URL names
 * @url: scheme, what the scheme wants, and options: SCHEME:REST?NAME=VALUE&...
 * @options: NULL for the defaults
 * @store: where it is put
 *
 * A server must answer now: what is wrong with it is said here, not by the
 * first page.
 *
 * Return: 0, or a negative errno, of which store_open_error() has the words.
 */
int store_open(const char *url, const struct store_options *options,
	       struct store **store);

/**
 * store_open_error - what was wrong when store_open() failed
 *
 * Return: a sentence that says what, why and what to do; of this thread, until
 * its next store_open().
 */
const char *store_open_error(void);

/**
 * store_close - remove all that this run has kept, and free the store
 * @store: may be NULL
 *
 * Requests under way end with -ECANCELED. Waits for a server, but no longer
 * than the timeout; what could not be removed there expires.
 *
 * Return: 0, or a negative errno if something was left behind.
 */
int store_close(struct store *store);

/**
 * store_abandon - free what this process has of a store, and touch nothing else
 * @store: may be NULL
 *
 * For a child after fork(), and for what another process goes on using: neither
 * requests nor the kept pages are affected.
 */
void store_abandon(struct store *store);

/**
 * store_fd - the descriptor that is readable when there is something to do
 * @store: an open store
 *
 * Return: a descriptor for poll() and epoll, for nothing else; the store's own.
 */
int store_fd(const struct store *store);

/**
 * store_submit - begin a request
 * @store: an open store
 * @req: op, key, page and done set
 *
 * Never fails, never waits, never calls done(). It is sent by the next
 * store_dispatch(), so that many can be sent as one.
 */
void store_submit(struct store *store, struct store_req *req);

/* Pages of one store_get_run() at most */
#define STORE_RUN	64

/**
 * store_get_run - read pages of keys one after the other, now
 * @store: an open store
 * @key: of the first
 * @count: how many
 * @pages: where to, one behind the other
 *
 * Where that takes no waiting, and all of them lie side by side in the store.
 *
 * Return: false if not, or if anything is wrong with one of them: requests will
 * tell what. Nothing of use is in @pages then.
 */
bool store_get_run(struct store *store, uint64_t key, unsigned int count, void *pages);

/**
 * store_dispatch - send what was submitted, take what has arrived, tell what is done
 * @store: an open store
 *
 * Never waits for a server or a disk (mem: and zmem: do their work here). Also
 * sends what done() submits. Not to be called by done().
 *
 * Return: how many requests were done.
 */
unsigned int store_dispatch(struct store *store);

/**
 * store_idle - whether nothing is under way
 * @store: an open store
 *
 * Return: whether it is so; store_dispatch() need not be called until store_fd() is
 * readable.
 */
bool store_idle(const struct store *store);

/**
 * store_wait - dispatch until nothing is under way
 * @store: an open store
 * @timeout_ms: how long, -1 for as long as it takes
 *
 * Return: 0, or -ETIMEDOUT.
 */
int store_wait(struct store *store, int timeout_ms);

/**
 * store_run - do one request, and wait until it is done
 * @store: an open store
 * @req: op, key and page set; gets its status, done() is not called
 *
 * Other requests go on meanwhile, and their done() may be called.
 *
 * Return: the status of the request.
 */
int store_run(struct store *store, struct store_req *req);

/**
 * store_has - whether there is a page under a key
 * @store: an open store
 * @key: of the page
 *
 * Counts what is submitted as if it were done. Asks nobody.
 */
bool store_has(const struct store *store, uint64_t key);

/**
 * store_keys - which keys have pages
 * @store: an open store
 * @cursor: two numbers, 0 in the beginning; how far it is
 * @keys: filled
 * @max: with so many at most
 *
 * Keys may go while it is looked on, but nothing may be put. What is missed then
 * is found from the beginning: if that gives no key, there is none.
 *
 * Return: how many.
 */
size_t store_keys(const struct store *store, size_t cursor[2], uint64_t *keys, size_t max);

/**
 * store_more - whether store_keys() has not yet come to the end
 * @store: an open store
 * @cursor: how far it is
 */
bool store_more(const struct store *store, const size_t cursor[2]);

/**
 * store_stats - read the statistics
 * @store: an open store
 * @stats: filled
 */
void store_stats(const struct store *store, struct store_stats *stats);

/**
 * store_url - the URL that it was opened with, without any password
 * @store: an open store
 */
const char *store_url(const struct store *store);

/**
 * store_why - what went wrong last
 * @store: an open store
 *
 * Return: a sentence, or "" if nothing did.
 */
const char *store_why(const struct store *store);

/**
 * store_schemes - which kinds of stores this program has
 *
 * Return: lines "URL  what it is", for a help text.
 */
const char *store_schemes(void);

#endif /* STORE_H */
