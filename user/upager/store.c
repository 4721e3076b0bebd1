// SPDX-License-Identifier: GPL-2.0-only
/* Stores: opening, closing, and what else is the same for all kinds. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "store-kind.h"

#define TIMEOUT_DEFAULT_MS	30000
#define TIMEOUT_MAX_S		1000000

static const struct store_kind *const kinds[] = {
	&store_mem,
	&store_zmem,
	&store_file,
	&store_redis,
	&store_redis_unix,
	&store_redis_cluster,
	NULL
};

static __thread char open_error[512];

uint64_t store_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

/* Why the store can't be opened; returns -@code. */
int fail_open(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(open_error, sizeof(open_error), format, args);
	va_end(args);
	return -code;
}

void store_say(struct store *store, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(store->why, sizeof(store->why), format, args);
	va_end(args);
}

const char *store_open_error(void)
{
	return open_error;
}

const char *store_why(const struct store *store)
{
	return store->why;
}

const char *store_url(const struct store *store)
{
	return store->url;
}

const char *store_schemes(void)
{
	static char text[2048];
	size_t used = 0;
	int i;

	for (i = 0; kinds[i] && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "  %-36s %s\n",
				 kinds[i]->form, kinds[i]->summary);
	return text;
}

static const struct store_kind *find_kind(const char *url)
{
	size_t len = strcspn(url, ":");
	int i;

	for (i = 0; kinds[i]; i++)
		if (url[len] && strlen(kinds[i]->scheme) == len &&
		    !strncmp(kinds[i]->scheme, url, len))
			return kinds[i];
	return NULL;
}

static int set_options(struct store *store, const struct store_options *options)
{
	uint64_t seconds = 0, depth;
	int status;

	store->page_size = options->page_size ?: (size_t)sysconf(_SC_PAGESIZE);
	if (store->page_size < 512 || store->page_size & (store->page_size - 1))
		return fail_open(EINVAL, "pages of %zu bytes: a power of two is wanted",
				 store->page_size);
	store->run = options->run;
	while (!store->run)
		if (getrandom(&store->run, sizeof(store->run), 0) < 0 && errno != EINTR)
			return fail_open(errno, "getrandom: %s", strerror(errno));
	depth = options->depth ?: store->kind->depth;
	status = url_number(store, "depth", 1, 65536, &depth) ?:
		 url_number(store, "timeout", 1, TIMEOUT_MAX_S, &seconds);
	store->depth = depth;
	store->timeout = seconds * NSEC_PER_SEC ?:
			 (options->timeout_ms ?: TIMEOUT_DEFAULT_MS) * NSEC_PER_MSEC;
	return status;
}

static int open_descriptors(struct store *store)
{
	struct epoll_event event = {.events = EPOLLIN};

	store->epoll = epoll_create1(EPOLL_CLOEXEC);
	store->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (store->epoll < 0 || store->timer < 0 ||
	    epoll_ctl(store->epoll, EPOLL_CTL_ADD, store->timer, &event))
		return fail_open(errno, "descriptors for the store: %s", strerror(errno));
	return 0;
}

static void free_store(struct store *store)
{
	if (store->epoll >= 0)
		close(store->epoll);
	if (store->timer >= 0)
		close(store->timer);
	index_free(&store->index);
	free(store->text);
	free(store->url);
	free(store);
}

static int open_kind(struct store *store, const char *url, const struct store_options *options)
{
	const char *rest;
	int status;

	status = url_parse(store, url, &rest) ?: set_options(store, options);
	if (status)
		return status;
	if (index_init(&store->index))
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	status = open_descriptors(store) ?: store->kind->open(store, rest);
	if (status)
		return status;
	status = url_finish(store);
	if (status)
		store->kind->close(store, false);
	return status;
}

int store_open(const char *url, const struct store_options *options, struct store **opened)
{
	static const struct store_options defaults;
	const struct store_kind *kind = find_kind(url);
	struct store *store;
	char why[sizeof(open_error)];
	int status;

	*opened = NULL;
	if (!strncmp(url, "rediss:", 7))
		return fail_open(EINVAL, "store '%s': there is no TLS: name the end of a tunnel",
				 url);
	if (!kind)
		return fail_open(EINVAL, "store '%s': no such kind of store; there are:\n%s", url,
				 store_schemes());
	store = calloc(1, sizeof(*store));
	if (!store)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	store->kind = kind;
	store->epoll = -1;
	store->timer = -1;
	status = open_kind(store, url, options ?: &defaults);
	if (!status) {
		*opened = store;
		return 0;
	}
	memcpy(why, open_error, sizeof(why));
	fail_open(0, "store '%.100s': %.400s", store->url ?: kind->scheme, why);
	free_store(store);
	return status;
}

/* Requests that can't be finished any more: those with the kind, then the others. */
static void cancel_all(struct store *store)
{
	struct store_req *req;
	int list;

	for (list = STORE_READS; list < STORE_DONE; list++) {
		while ((req = store->lists[list].first)) {
			if (list == STORE_ACTIVE) {
				if (!store->kind->cancel)
					break;	/* it will end soon, by itself */
				store->kind->cancel(store, req);
			}
			store_complete(store, req, -ECANCELED);
		}
	}
}

/* Waits until there is something to dispatch, or until @end. */
static void wait_until(struct store *store, uint64_t end)
{
	uint64_t now = store_now();
	struct pollfd fd = {.fd = store->epoll, .events = POLLIN};
	uint64_t ms = end > now ? (end - now) / NSEC_PER_MSEC + 1 : 0;

	poll(&fd, 1, ms > 1000 ? 1000 : (int)ms);
}

bool store_idle(const struct store *store)
{
	return !store->stats.busy;
}

int store_wait(struct store *store, int timeout_ms)
{
	uint64_t end = timeout_ms < 0 ? UINT64_MAX :
		       store_now() + timeout_ms * NSEC_PER_MSEC;

	store_dispatch(store);
	while (store->stats.busy) {
		if (store_now() >= end)
			return -ETIMEDOUT;
		wait_until(store, end);
		store_dispatch(store);
	}
	return 0;
}

/* A request whose end somebody waits for */
struct waited {
	struct store_req req;
	bool over;
};

static void set_over(struct store_req *req)
{
	((struct waited *)req)->over = true;
}

int store_run(struct store *store, struct store_req *req)
{
	struct waited waited = {.req = *req};

	waited.req.done = set_over;
	store_submit(store, &waited.req);
	store_dispatch(store);
	while (!waited.over) {
		wait_until(store, UINT64_MAX);
		store_dispatch(store);
	}
	req->status = waited.req.status;
	return req->status;
}

int store_close(struct store *store)
{
	uint64_t end;
	int status = 0;

	if (!store)
		return 0;
	end = store_now() + store->timeout;
	store->closing = true;
	cancel_all(store);
	while (store->stats.busy) {
		store_dispatch(store);
		cancel_all(store);
		if (store->stats.busy)
			wait_until(store, end);
	}
	while (store->kind->remove) {
		status = store->kind->remove(store);
		if (status != -EAGAIN)
			break;
		if (store_now() >= end) {
			status = -ETIMEDOUT;
			break;
		}
		wait_until(store, end);
		store_dispatch(store);
	}
	store->kind->close(store, false);
	free_store(store);
	return status;
}

void store_abandon(struct store *store)
{
	if (!store)
		return;
	store->kind->close(store, true);
	free_store(store);
}

size_t store_keys(const struct store *store, size_t cursor[2], uint64_t *keys, size_t max)
{
	const struct store_entry *entry;
	size_t count = 0, skip;

	for (; store_more(store, cursor); cursor[0]++, cursor[1] = 0) {
		entry = store->index.buckets[cursor[0]];
		for (skip = cursor[1]; entry && skip; skip--)
			entry = entry->next;
		for (; entry; entry = entry->next, cursor[1]++) {
			if (!store_has(store, entry->key))
				continue;
			if (count == max)
				return count;
			keys[count++] = entry->key;
		}
	}
	return count;
}

bool store_more(const struct store *store, const size_t cursor[2])
{
	return cursor[0] <= store->index.mask;
}

void store_stats(const struct store *store, struct store_stats *stats)
{
	*stats = store->stats;
	if (store->kind->bytes)
		stats->bytes = store->kind->bytes(store);
}
