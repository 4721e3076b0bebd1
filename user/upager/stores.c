// SPDX-License-Identifier: GPL-2.0-only
/* The stores of a run as one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "stores.h"

int stores_init(struct stores *stores)
{
	*stores = (struct stores){.epoll = epoll_create1(EPOLL_CLOEXEC)};
	return stores->epoll < 0 ? -errno : 0;
}

int stores_add(struct stores *stores, struct store *store)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (stores->count == STORES_MAX)
		return -ENOSPC;
	if (epoll_ctl(stores->epoll, EPOLL_CTL_ADD, store_fd(store), &event))
		return -errno;
	stores->at[stores->count] = store;
	stores_prefer(stores, stores->count++);
	return 0;
}

void stores_prefer(struct stores *stores, unsigned int number)
{
	struct store *store = stores->at[number];

	memmove(stores->at + 1, stores->at, number * sizeof(stores->at[0]));
	stores->at[0] = store;
}

static void add_stats(struct store_stats *to, const struct store *store)
{
	struct store_stats more;

	store_stats(store, &more);
	to->gets += more.gets;
	to->puts += more.puts;
	to->dels += more.dels;
	to->clean += more.clean;
	to->failed += more.failed;
	to->retries += more.retries;
	to->reconnects += more.reconnects;
	to->redirects += more.redirects;
	to->corrupt += more.corrupt;
	to->lost += more.lost;
	to->pages += more.pages;
	to->same += more.same;
	to->bytes += more.bytes;
	to->busy += more.busy;
	to->get_ns += more.get_ns;
	to->put_ns += more.put_ns;
	if (to->busy_max < more.busy_max)
		to->busy_max = more.busy_max;
}

struct store *stores_remove(struct stores *stores, unsigned int number)
{
	struct store *store = stores->at[number];

	stores->count--;
	memmove(stores->at + number, stores->at + number + 1,
		(stores->count - number) * sizeof(stores->at[0]));
	epoll_ctl(stores->epoll, EPOLL_CTL_DEL, store_fd(store), NULL);
	add_stats(&stores->past, store);
	/* what it has, it has not any more */
	stores->past.pages = 0;
	stores->past.same = 0;
	stores->past.bytes = 0;
	stores->past.busy = 0;
	return store;
}

int stores_close(struct stores *stores)
{
	int status = 0;

	while (stores->count)
		status = store_close(stores_remove(stores, stores->count - 1)) ?: status;
	if (stores->epoll >= 0)
		close(stores->epoll);
	stores->epoll = -1;
	return status;
}

bool stores_get(struct stores *stores, struct store_req *req)
{
	unsigned int i;

	for (i = 0; i < stores->count; i++) {
		if (store_has(stores->at[i], req->key)) {
			store_submit(stores->at[i], req);
			return true;
		}
	}
	store_submit(stores->at[0], req);
	return false;
}

static void free_req(struct store_req *req)
{
	free(req);
}

void stores_del_in(struct store *store, uint64_t key)
{
	struct store_req *req;

	if (!store_has(store, key))
		return;
	req = calloc(1, sizeof(*req));
	if (!req) {
		fprintf(stderr, "upager: no memory to delete a page, which would be wrong later\n");
		abort();	/* the keeper sees to it that nobody reads it */
	}
	*req = (struct store_req){.op = STORE_DEL, .key = key, .done = free_req};
	store_submit(store, req);
}

struct store *stores_put(struct stores *stores, struct store_req *req)
{
	struct store *first = stores->at[0];
	unsigned int i;

	for (i = 1; i < stores->count; i++)
		stores_del_in(stores->at[i], req->key);
	store_submit(first, req);
	return first;
}

void stores_del(struct stores *stores, uint64_t key)
{
	unsigned int i;

	for (i = 0; i < stores->count; i++)
		stores_del_in(stores->at[i], key);
}

bool stores_has(const struct stores *stores, uint64_t key)
{
	unsigned int i;

	for (i = 0; i < stores->count; i++)
		if (store_has(stores->at[i], key))
			return true;
	return false;
}

bool stores_empty(const struct stores *stores)
{
	struct store_stats stats;
	unsigned int i;

	for (i = 0; i < stores->count; i++) {
		store_stats(stores->at[i], &stats);
		if (stats.pages || stats.busy)
			return false;
	}
	return true;
}

void stores_dispatch(struct stores *stores)
{
	unsigned int i;

	/* a move reads in one, is written in another, and deleted in the first */
	for (i = 0; i < stores->count; i++)
		store_dispatch(stores->at[i]);
	for (i = stores->count; stores->count > 1 && i--;)
		store_dispatch(stores->at[i]);
}

const char *stores_why(const struct stores *stores)
{
	const char *why = "";
	unsigned int i;

	for (i = 0; i < stores->count && !*why; i++)
		why = store_why(stores->at[i]);
	return why;
}

void stores_stats(const struct stores *stores, struct store_stats *stats)
{
	unsigned int i;

	*stats = stores->past;
	for (i = 0; i < stores->count; i++)
		add_stats(stats, stores->at[i]);
}

const char *stores_url(const struct stores *stores)
{
	return store_url(stores->at[0]);
}
