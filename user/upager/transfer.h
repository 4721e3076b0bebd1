/* SPDX-License-Identifier: GPL-2.0-only */
/* Another store for a run, while it goes on. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>

#include "aside.h"
#include "store.h"

/* Pages on their way from one store to another */
#define TRANSFER_MOVES	32

struct json_object;
struct run;

enum transfer_state {
	TRANSFER_NONE,
	TRANSFER_OPENING,	/* the new store */
	TRANSFER_MOVING,	/* pages go there */
	TRANSFER_BACK,		/* it has refused one: those that it has come back */
};

/**
 * struct move - a page on its way
 * @req: the get, then the put
 * @run: whose
 * @page: memory for it
 * @under_way: it is in use
 */
struct move {
	struct store_req req;
	struct run *run;
	void *page;
	bool under_way;
};

/**
 * struct transfer - how far it is
 * @state: what is done
 * @number: counts them
 * @opening: the new store
 * @closing: stores that have no pages any more
 * @before: the store that was the first before
 * @from: where pages come from
 * @to: where they go
 * @cursor: so far @from has been looked through
 * @moves: pages on their way
 * @under_way: how many
 * @begun: moves since @from was looked at from its beginning
 * @done: pages moved since then
 * @lost: pages of @from that can't be had
 * @total: pages that there were to move
 * @moved: pages moved
 * @stop: no more of them
 * @refused: @to does not take them
 * @left_behind: something of a store that was closed is still there
 * @why: what went wrong, "": nothing
 */
struct transfer {
	enum transfer_state state;
	unsigned int number;
	struct aside opening;
	struct aside_list closing;
	const struct store *before;
	struct store *from;
	struct store *to;
	size_t cursor[2];
	struct move moves[TRANSFER_MOVES];
	unsigned int under_way;
	uint64_t begun;
	uint64_t done;
	uint64_t lost;
	uint64_t total;
	uint64_t moved;
	bool stop;
	bool refused;
	bool left_behind;
	char why[1024];
};

/**
 * transfer_begin - have another store for a run
 * @run: whose
 * @url: which
 *
 * Return: a positive number of this transfer, or a negative errno.
 */
int transfer_begin(struct run *run, const char *url);

/**
 * transfer_step - go on with it
 * @run: whose
 *
 * Return: milliseconds until the next time, -1: there is nothing to do.
 */
int transfer_step(struct run *run);

/**
 * transfer_refused - a store has refused a page that was not moved
 * @run: whose
 * @store: which; perhaps the one before, asked when it was the first
 */
void transfer_refused(struct run *run, const struct store *store);

/**
 * transfer_end - the run is over: close all stores
 * @run: whose
 *
 * Return: 0, or a negative errno if something was left behind.
 */
int transfer_end(struct run *run);

/**
 * transfer_json - tell how far it is
 * @run: whose
 * @json: gets members
 */
void transfer_json(const struct run *run, struct json_object *json);

#endif /* TRANSFER_H */
