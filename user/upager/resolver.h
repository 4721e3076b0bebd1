/* SPDX-License-Identifier: GPL-2.0-only */
/* How a page gets into a client: one way is one constant struct resolver_ops. */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "pager.h"

/**
 * struct fill - consecutive pages to be filled
 * @client: whose
 * @addr: the first address
 * @key: of the first page in the source; consecutive
 * @first: number of the first page in the resolver's arena
 * @count: how many base pages
 * @unit: bytes of the client's pages
 * @write: the first one is wanted for writing
 * @wake: wake who waits, if that costs nothing more
 * @woken: they were woken
 * @in_place: the source has written into the client's file; nothing is in the arena
 * @kept: the pages filled stay with the resolver
 * @how: the command, for people
 */
struct fill {
	struct client *client;
	uint64_t addr;
	uint64_t key;
	unsigned int first;
	unsigned int count;
	uint32_t unit;
	bool write;
	bool wake;
	bool woken;
	bool in_place;
	bool kept;
	const char *how;
};

/**
 * struct resolver_ops - a way to fill pages
 * @name: of the strategy
 * @in_place: files that clients hand over are wanted, and filled where they are
 * @open: make one; NULL and a negative errno in @err if this machine can't
 * @close: free it
 * @fill: fill pages; returns base pages filled, at least 1, or a negative errno
 *	that is about the first: those of uffd_copy(), and EOPNOTSUPP for memory
 *	of which this way is none
 * @reclaim: look for pages of the arena that are free by now; may be NULL
 * @forked: the child of a client has come; may be NULL
 * @moved: pages went elsewhere in the client, @to 0: they are gone; may be NULL
 * @release: leave to a client, which goes on alone, what is the resolver's;
 *	returns 0 or a negative errno. May be NULL
 * @ended: forget a client; may be NULL
 * @again: a page that was filled, and is asked for once more; returns as @fill,
 *	or -ENOENT if it is not known. May be NULL
 * @known: whether @again may know any of so many pages from a key on. May be NULL: then
 *	pages are fetched one by one if there is @again
 */
struct resolver_ops {
	const char *name;
	bool in_place;
	struct resolver *(*open)(struct pager *pager, int *err);
	void (*close)(struct resolver *resolver);
	long (*fill)(struct resolver *resolver, struct fill *fill);
	void (*reclaim)(struct resolver *resolver);
	int (*forked)(struct resolver *resolver, struct client *parent, struct client *child);
	void (*moved)(struct resolver *resolver, struct client *client, uint64_t from,
		      uint64_t to, uint64_t len);
	int (*release)(struct resolver *resolver, struct client *client);
	void (*ended)(struct resolver *resolver, struct client *client);
	long (*again)(struct resolver *resolver, struct fill *fill);
	bool (*known)(struct resolver *resolver, uint64_t key, unsigned int count);
};

/**
 * struct resolver - to be embedded in what a way needs
 * @ops: the way
 * @arena: pages that are handed to the source to be filled
 * @holds: this kernel lets nobody but the client itself end the registration of
 *	memory that has had a page of this way
 */
struct resolver {
	const struct resolver_ops *ops;
	struct arena arena;
	bool holds;
};

extern const struct resolver_ops resolver_copy;
extern const struct resolver_ops resolver_continue;
extern const struct resolver_ops resolver_move;
extern const struct resolver_ops resolver_pool;
extern const struct resolver_ops resolver_pte;

/**
 * resolver_pool_holds - whether a mapping with a page of the pool can't be unregistered
 *
 * INSTALL makes it VM_MIXEDMAP, and newer kernels (6.12.117 for one) let
 * UFFDIO_UNREGISTER do nothing with such a mapping (vma_can_userfault() wants no
 * VM_SPECIAL). It ends when the last descriptor is closed, of which the client
 * has one.
 *
 * Return: whether it was seen; false also if it can't be tried.
 */
bool resolver_pool_holds(void);

/* Base pages that a pager has for what is on its way */
#define RESOLVER_PAGES	2048

/**
 * resolver_open - make the resolver of a name
 * @pager: for whom
 * @name: of a strategy, or "auto" for the best that this machine has
 * @err: gets a negative errno, EINVAL if there is no such name
 *
 * Return: the resolver, or NULL.
 */
struct resolver *resolver_open(struct pager *pager, const char *name, int *err);

/**
 * resolver_for_run - the way for a program of another process, which pages go out of
 * @name: asked for
 * @to: a const char *, set to it
 *
 * Return: NULL, or what is wrong with it.
 */
const char *resolver_for_run(const char *name, void *to);

/**
 * resolver_failed - say that there is no pager, perhaps because of the way
 * @option: that asks for a way
 * @name: of the way
 * @err: why, a positive errno
 *
 * Return: EXIT_FAILURE
 */
int resolver_failed(const char *option, const char *name, int err);

/**
 * resolver_zero - fill pages with zeros, whatever the way
 * @resolver: which
 * @fill: what; its @first and @key are not used
 *
 * Return: base pages filled, or a negative errno as fill().
 */
long resolver_zero(struct resolver *resolver, struct fill *fill);

/**
 * resolver_copy_fill - fill pages by copying, whatever the way
 * @resolver: which
 * @fill: what
 *
 * Return: base pages filled, or a negative errno as fill().
 */
long resolver_copy_fill(struct resolver *resolver, struct fill *fill);

#endif /* RESOLVER_H */
