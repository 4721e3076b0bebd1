// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a request: behind the others of its key, on the list of those that
 * are ready, with the kind of store, perhaps waiting to be tried again, done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "store-kind.h"

/* How often time limits are looked at while something is under way */
#define SCAN_NS		(50 * NSEC_PER_MSEC)
#define EVENTS		32
/* A page that comes wrong, or not at all, is asked for again so often */
#define DOUBTS		2
/* Requests told in one store_dispatch(): who submits one in each done() must not hang. */
#define TELL_MAX	4096

static void list_add(struct store *store, struct store_req *req, enum store_where where)
{
	struct store_list *list = &store->lists[where];

	req->private.list = where;
	req->private.next = NULL;
	req->private.prev = list->last;
	if (list->last)
		list->last->private.next = req;
	else
		list->first = req;
	list->last = req;
	list->count++;
}

static void list_remove(struct store *store, struct store_req *req)
{
	struct store_list *list = &store->lists[req->private.list];

	if (req->private.list == STORE_NOWHERE)
		return;
	if (req->private.prev)
		req->private.prev->private.next = req->private.next;
	else
		list->first = req->private.next;
	if (req->private.next)
		req->private.next->private.prev = req->private.prev;
	else
		list->last = req->private.prev;
	list->count--;
	req->private.list = STORE_NOWHERE;
}

/* The timer fires when the first of the things that have a time is due. */
static void set_timer(struct store *store, uint64_t at)
{
	struct itimerspec spec = {
		.it_value.tv_sec = at / NSEC_PER_SEC,
		.it_value.tv_nsec = at % NSEC_PER_SEC,
	};

	if (store->timer_at && store->timer_at <= at)
		return;
	store->timer_at = at;
	timerfd_settime(store->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

void store_tick_at(struct store *store, uint64_t when)
{
	if (!store->tick_at || when < store->tick_at)
		store->tick_at = when;
	set_timer(store, store->tick_at);
}

/* Flags of the entry, and the counts that follow them */
static void set_flags(struct store *store, struct store_entry *entry, unsigned int flags)
{
	store->stats.pages += !!flags - !!entry->flags;
	store->stats.same += !!(flags & ENTRY_SAME) - !!(entry->flags & ENTRY_SAME);
	entry->flags = flags;
}

static void finish(struct store *store, struct store_req *req, int status)
{
	req->status = status;
	list_add(store, req, STORE_DONE);
}

static void start_next(struct store *store, struct store_entry *entry);

/*
 * The page is there, or gone, as the request says; what the kind does for a put
 * of a page filled with one word is to forget the page that it had.
 */
static int settle(struct store *store, struct store_req *req, int status)
{
	struct store_entry *entry = req->private.entry;
	enum store_op wire = req->private.wire;

	if (wire == STORE_GET) {
		if (!status && page_sum(store, entry->key, req->page) == entry->sum)
			return 0;
		if (status && status != -EBADMSG)
			return status;
		store->stats.corrupt++;
		store_say(store, "page %#llx came back with a wrong checksum",
			  (unsigned long long)entry->key);
		return -EBADMSG;
	}
	if (status) {
		if (store->kind->drop)
			store->kind->drop(store, entry);
		set_flags(store, entry, 0);
	} else if (wire == STORE_PUT) {
		entry->sum = req->private.sum;
		set_flags(store, entry, ENTRY_HELD);
	} else if (req->op == STORE_PUT) {
		entry->sum = req->private.sum;
		set_flags(store, entry, ENTRY_SAME);
	} else {
		set_flags(store, entry, 0);
	}
	return status;
}

/* A page that is wrong or lost may be so because the wrong server was asked. */
static bool in_doubt(struct store *store, struct store_req *req, int status)
{
	if (req->op != STORE_GET || (status != -EBADMSG && status != -ENODATA))
		return false;
	return store->kind->retries &&
	       (req->private.doubts++ < DOUBTS ||
		store->now - req->private.started < store->kind->doubt_ns);
}

/* For kinds: a request is over. */
void store_complete(struct store *store, struct store_req *req, int status)
{
	struct store_entry *entry = req->private.entry;

	list_remove(store, req);
	status = settle(store, req, status);
	if (in_doubt(store, req, status)) {
		store_retry(store, req, 10);
		return;
	}
	if (status == -ENODATA)
		store->stats.lost++;
	entry->first = req->private.follower;
	finish(store, req, status);
	start_next(store, entry);
}

/* For kinds: it failed for now; again after @ms, longer each time, until time is up. */
void store_retry(struct store *store, struct store_req *req, unsigned int ms)
{
	unsigned int shift = req->private.tries < 6 ? req->private.tries : 6;
	uint64_t wait = (ms * NSEC_PER_MSEC) << shift;

	req->private.tries++;
	store->stats.retries++;
	if (wait > NSEC_PER_SEC)
		wait = NSEC_PER_SEC;
	list_remove(store, req);
	list_add(store, req, STORE_WAITING);
	req->private.when = store->now + wait;
	set_timer(store, req->private.when);
}

/* What is asked of the kind; false if there is nothing to ask for */
static bool needs_kind(struct store *store, struct store_req *req)
{
	struct store_entry *entry = req->private.entry;

	req->private.wire = req->op;
	switch (req->op) {
	case STORE_GET:
		if (entry->flags & ENTRY_SAME)
			page_fill(store, req->page, entry->sum);
		return entry->flags & ENTRY_HELD;
	case STORE_PUT:
		if (!page_same(store, req->page, &req->private.sum)) {
			req->private.sum = page_sum(store, entry->key, req->page);
			/* read, but not written: it need not be sent again */
			if (!(entry->flags & ENTRY_HELD) || entry->sum != req->private.sum)
				return true;
			store->stats.clean++;
			return false;
		}
		req->private.wire = STORE_DEL;
		if (entry->flags & ENTRY_HELD)
			return true;
		entry->sum = req->private.sum;
		set_flags(store, entry, ENTRY_SAME);
		return false;
	case STORE_DEL:
		if (entry->flags & ENTRY_HELD)
			return true;
		set_flags(store, entry, 0);
		return false;
	}
	return false;
}

/* The first of a key gets ready, or is done without the kind. */
static void start_next(struct store *store, struct store_entry *entry)
{
	struct store_req *req;
	int status;

	while ((req = entry->first)) {
		status = -ECANCELED;
		if (!store->closing) {
			if (needs_kind(store, req)) {
				list_add(store, req,
					 req->op == STORE_GET ? STORE_READS : STORE_WRITES);
				return;
			}
			status = req->op == STORE_GET && !entry->flags ? -ENOENT : 0;
		}
		entry->first = req->private.follower;
		finish(store, req, status);
	}
	entry->last = NULL;
	if (!entry->flags)
		index_remove(&store->index, entry);
}

/* The last put or del of a key that is not done yet, or NULL */
static struct store_req *last_write(const struct store_entry *entry)
{
	struct store_req *req, *write = NULL;

	for (req = entry->first; req; req = req->private.follower)
		if (req->op != STORE_GET)
			write = req;
	return write;
}

/* A page that is just being put is still there to be copied. */
static bool get_from_write(struct store *store, struct store_req *req)
{
	struct store_req *write = last_write(req->private.entry);

	if (!write)
		return false;
	if (write->op == STORE_PUT)
		memcpy(req->page, write->page, store->page_size);
	finish(store, req, write->op == STORE_PUT ? 0 : -ENOENT);
	return true;
}

void store_submit(struct store *store, struct store_req *req)
{
	struct store_entry *entry = index_find(&store->index, req->key);

	memset(&req->private, 0, sizeof(req->private));
	if (!store->submitting)
		store->submitting = store_now();
	req->private.submitted = store->submitting;
	store->stats.busy++;
	if (store->stats.busy > store->stats.busy_max)
		store->stats.busy_max = store->stats.busy;
	if (!entry && req->op != STORE_PUT) {
		finish(store, req, req->op == STORE_GET ? -ENOENT : 0);
		return;
	}
	if (!entry)
		entry = index_add(&store->index, req->key);
	if (!entry) {
		finish(store, req, -ENOMEM);
		return;
	}
	req->private.entry = entry;
	if (req->op == STORE_GET && get_from_write(store, req))
		return;
	if (entry->first) {
		entry->last->private.follower = req;
		entry->last = req;
		return;
	}
	entry->first = req;
	entry->last = req;
	start_next(store, entry);
}

bool store_has(const struct store *store, uint64_t key)
{
	struct store_entry *entry = index_find(&store->index, key);
	struct store_req *write = entry ? last_write(entry) : NULL;

	if (write)
		return write->op == STORE_PUT;
	return entry && entry->flags;
}

static void tell(struct store *store, struct store_req *req)
{
	uint64_t took = store->now > req->private.submitted ?
			store->now - req->private.submitted : 0;

	store->stats.busy--;
	if (req->status && req->status != -ENOENT)
		store->stats.failed++;
	switch (req->op) {
	case STORE_GET:
		store->stats.gets++;
		store->stats.get_ns += took;
		break;
	case STORE_PUT:
		store->stats.puts++;
		store->stats.put_ns += took;
		break;
	case STORE_DEL:
		store->stats.dels++;
		break;
	}
	req->done(req);
}

static bool send_ready(struct store *store)
{
	struct store_req *req;
	bool sent = false;

	while (store->lists[STORE_ACTIVE].count < store->depth &&
	       (req = store->lists[STORE_READS].first ?: store->lists[STORE_WRITES].first)) {
		list_remove(store, req);
		list_add(store, req, STORE_ACTIVE);
		if (!req->private.started)
			req->private.started = store->now;
		store->kind->submit(store, req);
		sent = true;
	}
	if (sent && store->kind->flush)
		store->kind->flush(store);
	return sent;
}

static void give_up(struct store *store, struct store_req *req)
{
	if (req->private.list == STORE_ACTIVE)
		store->kind->cancel(store, req);
	if (!*store->why)
		store_say(store, "no answer");
	store_complete(store, req, -ETIMEDOUT);
}

static void scan_list(struct store *store, enum store_where where)
{
	struct store_req *req, *next;

	for (req = store->lists[where].first; req; req = next) {
		next = req->private.next;
		if (store->now - req->private.started >= store->timeout) {
			give_up(store, req);
		} else if (where == STORE_WAITING && req->private.when <= store->now) {
			list_remove(store, req);
			list_add(store, req, req->op == STORE_GET ? STORE_READS : STORE_WRITES);
		} else if (where == STORE_WAITING) {
			set_timer(store, req->private.when);
		}
	}
}

static void do_timers(struct store *store)
{
	uint64_t expired;

	if (store->timer_at && store->timer_at <= store->now) {
		store->timer_at = 0;
		if (read(store->timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
			store_say(store, "timer: %s", strerror(errno));
		if (store->kind->retries) {
			scan_list(store, STORE_ACTIVE);
			scan_list(store, STORE_WAITING);
		}
		if (store->tick_at && store->tick_at <= store->now) {
			store->tick_at = 0;
			store->kind->tick(store, store->now);
		}
		if (store->tick_at)
			set_timer(store, store->tick_at);
	}
	if (store->kind->retries && store->lists[STORE_ACTIVE].count)
		set_timer(store, store->now + SCAN_NS);
}

static void call_watches(struct store *store)
{
	struct epoll_event events[EVENTS];
	struct store_watch *watch;
	int n, i;

	/* One round: what becomes ready meanwhile makes store_fd() readable. */
	n = epoll_wait(store->epoll, events, EVENTS, 0);
	for (i = 0; i < n; i++) {
		watch = events[i].data.ptr;
		if (watch)
			watch->ready(watch, events[i].events);
	}
}

static unsigned int tell_done(struct store *store, unsigned int most)
{
	struct store_req *req;
	unsigned int told = 0;

	while (told < most && (req = store->lists[STORE_DONE].first)) {
		list_remove(store, req);
		tell(store, req);
		told++;
	}
	return told;
}

/*
 * Whether descriptors may have something to say. Of a disk that nothing was asked
 * of they have not; should they all the same, store_fd() stays readable, for which
 * we are called again, with nothing to send.
 */
static bool may_hear(const struct store *store)
{
	if (!store->watches && !store->timer_at)
		return false;
	return store->kind->retries || store->lists[STORE_ACTIVE].count ||
	       (!store->lists[STORE_READS].first && !store->lists[STORE_WRITES].first &&
		!store->lists[STORE_DONE].first);
}

unsigned int store_dispatch(struct store *store)
{
	unsigned int told, all = 0;
	bool sent, hear = may_hear(store);

	store->submitting = 0;
	do {
		store->now = store_now();
		if (hear)
			call_watches(store);
		hear = store->kind->retries && store->watches;
		/* what is to be tried again is ready by then */
		do_timers(store);
		sent = send_ready(store);
		told = tell_done(store, TELL_MAX - all);
		all += told;
	} while ((sent || told) && all < TELL_MAX);
	/* The rest as soon as it is asked for: store_fd() is readable. */
	if (all >= TELL_MAX)
		set_timer(store, 1);
	return all;
}

int store_fd(const struct store *store)
{
	return store->epoll;
}

int store_watch(struct store *store, int fd, struct store_watch *watch, unsigned int events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(store->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	store->watches++;
	return 0;
}

void store_rewatch(struct store *store, int fd, struct store_watch *watch, unsigned int events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	epoll_ctl(store->epoll, EPOLL_CTL_MOD, fd, &event);
}

/* Events that were read before may still come in this round: don't free @watch now. */
void store_unwatch(struct store *store, int fd)
{
	if (!epoll_ctl(store->epoll, EPOLL_CTL_DEL, fd, NULL))
		store->watches--;
}
