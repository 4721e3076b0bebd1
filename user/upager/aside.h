/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening and closing a store may have to wait for a server. Meanwhile pages are
 * wanted, so that is done aside, by a thread which has the store for itself.
 */
#ifndef ASIDE_H
#define ASIDE_H

#include <pthread.h>
#include <sys/queue.h>

#include "pager.h"

struct store;

/**
 * struct aside - a store that is being opened or closed
 * @link: of all that are being closed
 * @watch: readable when it is done
 * @pager: that waits for it
 * @thread: that does it
 * @url: what to open, NULL: close @store
 * @store: the store; opened, or to be closed
 * @status: 0 or a negative errno
 * @why: words for it, if it could not be opened
 * @done: called when it is done and the thread is no more
 * @ctx: for @done
 */
struct aside {
	LIST_ENTRY(aside) link;
	struct watch watch;
	struct pager *pager;
	pthread_t thread;
	char *url;
	struct store *store;
	int status;
	char why[512];
	void (*done)(struct aside *aside);
	void *ctx;
};

LIST_HEAD(aside_list, aside);

/**
 * aside_begin - open or close a store, beside what else there is to do
 * @aside: with @pager, @url or @store, @done and @ctx set
 *
 * Return: 0 or a negative errno.
 */
int aside_begin(struct aside *aside);

/**
 * aside_wait - wait until it is done; its done() is not called
 * @aside: which
 */
void aside_wait(struct aside *aside);

#endif /* ASIDE_H */
