/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stores of a run as one. Pages are put into the first one; others have
 * pages only until these have been moved there (transfer.c), and a page that is
 * put is deleted in them. So the first one that has a page has the right one.
 */
#ifndef STORES_H
#define STORES_H

#include "store.h"

#define STORES_MAX	4

/**
 * struct stores - all stores of a run
 * @at: the first is for puts
 * @count: how many
 * @epoll: readable when one of them is
 * @past: what those have done that are closed
 */
struct stores {
	struct store *at[STORES_MAX];
	unsigned int count;
	int epoll;
	struct store_stats past;
};

/**
 * stores_init - have no store yet
 * @stores: filled in
 *
 * Return: 0 or a negative errno.
 */
int stores_init(struct stores *stores);

/**
 * stores_add - have one more; from now on it is the first
 * @stores: where
 * @store: which
 *
 * Return: 0 or a negative errno.
 */
int stores_add(struct stores *stores, struct store *store);

/**
 * stores_prefer - have another one first
 * @stores: where
 * @number: which; the others stay in their order
 */
void stores_prefer(struct stores *stores, unsigned int number);

/**
 * stores_remove - have one less
 * @stores: where
 * @number: which; it has no pages
 *
 * Return: the store, for the caller to close.
 */
struct store *stores_remove(struct stores *stores, unsigned int number);

/**
 * stores_close - close all of them
 * @stores: which
 *
 * Return: 0, or a negative errno if something was left behind.
 */
int stores_close(struct stores *stores);

/**
 * stores_get - begin a get, where the page is; -ENOENT if it is nowhere
 * @stores: where
 * @req: a request
 *
 * Return: whether there is such a page.
 */
bool stores_get(struct stores *stores, struct store_req *req);

/**
 * stores_put - begin a put into the first one; others forget the page
 * @stores: where
 * @req: a request
 *
 * If it fails no store has the page: the caller has.
 *
 * Return: the one that was first.
 */
struct store *stores_put(struct stores *stores, struct store_req *req);

/**
 * stores_del - forget a page
 * @stores: where
 * @key: its key
 */
void stores_del(struct stores *stores, uint64_t key);

/**
 * stores_del_in - forget a page in one store
 * @store: which
 * @key: its key
 */
void stores_del_in(struct store *store, uint64_t key);

/**
 * stores_has - whether one of them has a page, or will have
 * @stores: where
 * @key: its key
 */
bool stores_has(const struct stores *stores, uint64_t key);

/**
 * stores_empty - whether none of them has a page, or a request under way
 * @stores: where
 */
bool stores_empty(const struct stores *stores);

/**
 * stores_dispatch - store_dispatch() for all of them
 * @stores: which
 *
 * Also sends what done() of one submits to another.
 */
void stores_dispatch(struct stores *stores);

/**
 * stores_why - what went wrong last, in the first of them that knows of anything
 * @stores: which
 */
const char *stores_why(const struct stores *stores);

/**
 * stores_stats - the sums over all, also over those that are closed
 * @stores: which
 * @stats: filled
 */
void stores_stats(const struct stores *stores, struct store_stats *stats);

/**
 * stores_url - the URL of the first one, without any password
 * @stores: which
 */
const char *stores_url(const struct stores *stores);

#endif /* STORES_H */
