// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another store for a run, while it goes on.
 *
 * It is opened aside. From then on it is the first: pages are put there, and a
 * page that is put is deleted elsewhere. Meanwhile those that are elsewhere are
 * read, put into the new store, and when that has them deleted in the old one,
 * so that each is in one of them at least, and the newest is what is found
 * first. A page that was deleted or put while it was read is not moved.
 *
 * If the new store refuses a page, the old one is first again, and what had been
 * moved goes back. If a store can't give a page, both stay open until it is not
 * wanted any more.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "run.h"
#include "transfer.h"

/* Stores tell when they have done something; this is for what nobody tells. */
#define LOOK_MS		100

static void __attribute__((format(printf, 2, 3)))
say(struct transfer *transfer, const char *format, ...)
{
	size_t used = strlen(transfer->why);
	va_list args;

	va_start(args, format);
	vsnprintf(transfer->why + used, sizeof(transfer->why) - used, format, args);
	va_end(args);
}

static uint64_t pages_of(const struct store *store)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats.pages;
}

static bool is_idle(const struct store *store)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return !stats.pages && !stats.busy;
}

static const char *why_of(const struct store *store)
{
	return *store_why(store) ? store_why(store) : "no answer";
}

/* Closing */

static void on_closed(struct aside *aside)
{
	struct run *run = aside->ctx;

	run->transfer.left_behind |= aside->status;
	LIST_REMOVE(aside, link);
	free(aside);
}

static void retire(struct run *run, unsigned int number)
{
	struct store *store = stores_remove(&run->stores, number);
	struct aside *aside = calloc(1, sizeof(*aside));

	if (aside) {
		aside->pager = run->pager;
		aside->store = store;
		aside->done = on_closed;
		aside->ctx = run;
	}
	if (!aside || aside_begin(aside)) {
		free(aside);
		run->transfer.left_behind |= store_close(store);
		return;
	}
	LIST_INSERT_HEAD(&run->transfer.closing, aside, link);
}

/* Stores that were left open since they had pages, and have none any more */
static void retire_empty(struct run *run)
{
	unsigned int i;

	for (i = run->stores.count; i-- > 1;)
		if (is_idle(run->stores.at[i]))
			retire(run, i);
}

/* Moving */

static void end_move(struct move *move)
{
	move->under_way = false;
	move->run->transfer.under_way--;
}

static void on_written(struct store_req *req)
{
	struct move *move = (struct move *)((char *)req - offsetof(struct move, req));
	struct transfer *transfer = &move->run->transfer;

	if (transfer->state == TRANSFER_NONE) {
		/* the stores are being closed */
	} else if (!req->status) {
		stores_del_in(transfer->from, req->key);
		transfer->done++;
		transfer->moved++;
	} else if (req->status != -ECANCELED && store_has(transfer->from, req->key)) {
		transfer->refused = true;
	}
	end_move(move);
}

static void on_read(struct store_req *req)
{
	struct move *move = (struct move *)((char *)req - offsetof(struct move, req));
	struct transfer *transfer = &move->run->transfer;

	if (req->status == -ENODATA || req->status == -EBADMSG)
		transfer->lost++;
	else if (req->status && req->status != -ENOENT)
		transfer->stop = true;
	/* it may have been deleted meanwhile, or put again, which deletes it as well */
	if (req->status || transfer->refused || transfer->state == TRANSFER_NONE ||
	    !store_has(transfer->from, req->key)) {
		end_move(move);
		return;
	}
	move->req = (struct store_req){
		.op = STORE_PUT,
		.key = req->key,
		.page = move->page,
		.done = on_written,
	};
	store_submit(transfer->to, &move->req);
}

static void begin_moves(struct transfer *transfer)
{
	uint64_t keys[TRANSFER_MOVES];
	size_t count, i;
	struct move *move = transfer->moves;

	count = store_keys(transfer->from, transfer->cursor, keys,
			   TRANSFER_MOVES - transfer->under_way);
	for (i = 0; i < count; i++) {
		while (move->under_way)
			move++;
		move->under_way = true;
		transfer->under_way++;
		transfer->begun++;
		move->req = (struct store_req){
			.op = STORE_GET,
			.key = keys[i],
			.page = move->page,
			.done = on_read,
		};
		store_submit(transfer->from, &move->req);
	}
}

static void look_from_start(struct transfer *transfer)
{
	transfer->cursor[0] = 0;
	transfer->cursor[1] = 0;
	transfer->begun = 0;
	transfer->done = 0;
	transfer->lost = 0;
}

/* From the last store to the first, until there is but one */
static void next_store(struct run *run)
{
	struct transfer *transfer = &run->transfer;

	if (run->stores.count == 1) {
		transfer->state = TRANSFER_NONE;
		return;
	}
	transfer->from = run->stores.at[run->stores.count - 1];
	transfer->to = run->stores.at[0];
	look_from_start(transfer);
}

static unsigned int number_of(const struct run *run, const struct store *store)
{
	unsigned int i = 0;

	while (run->stores.at[i] != store)
		i++;
	return i;
}

/* The new store does not take pages: all is to be as it was. */
static void go_back(struct run *run)
{
	struct transfer *transfer = &run->transfer;
	struct store *refused = transfer->to;

	transfer->refused = false;
	transfer->stop = false;
	if (transfer->state == TRANSFER_BACK) {
		say(transfer, "; %s: %s; it goes on with both", store_url(refused),
		    why_of(refused));
		transfer->state = TRANSFER_NONE;
		return;
	}
	say(transfer, "%s: %s; it goes on as before", store_url(refused), why_of(refused));
	stores_prefer(&run->stores, number_of(run, transfer->before));
	transfer->state = TRANSFER_BACK;
	transfer->from = refused;
	transfer->to = run->stores.at[0];
	look_from_start(transfer);
}

/* Pages are not to be had where they are: there they stay. */
static void leave(struct run *run, const char *why)
{
	struct transfer *transfer = &run->transfer;

	say(transfer, "%s%s: %s; %llu pages stay there until they are not wanted any more",
	    *transfer->why ? "; " : "", store_url(transfer->from), why,
	    (unsigned long long)pages_of(transfer->from));
	transfer->state = TRANSFER_NONE;
}

/* All that was there to be moved has been looked at. */
static void end_round(struct run *run)
{
	struct transfer *transfer = &run->transfer;

	if (transfer->begun) {
		if (!transfer->done && transfer->lost == transfer->begun)
			leave(run, why_of(transfer->from));
		else
			look_from_start(transfer);
		return;
	}
	if (!is_idle(transfer->from))
		return;
	retire(run, number_of(run, transfer->from));
	if (transfer->state == TRANSFER_BACK)
		transfer->state = TRANSFER_NONE;
	else
		next_store(run);
}

static void move_some(struct run *run)
{
	struct transfer *transfer = &run->transfer;
	bool all;

	if (!transfer->stop && !transfer->refused)
		begin_moves(transfer);
	all = !store_more(transfer->from, transfer->cursor);
	stores_dispatch(&run->stores);
	if (transfer->under_way)
		return;
	if (transfer->refused)
		go_back(run);
	else if (transfer->stop)
		leave(run, why_of(transfer->from));
	else if (all)
		end_round(run);
}

int transfer_step(struct run *run)
{
	struct transfer *transfer = &run->transfer;

	if (transfer->state == TRANSFER_NONE && run->stores.count > 1)
		retire_empty(run);
	if (transfer->state != TRANSFER_MOVING && transfer->state != TRANSFER_BACK)
		return run->stores.count > 1 ? LOOK_MS : -1;
	move_some(run);
	return transfer->under_way == TRANSFER_MOVES || transfer->state == TRANSFER_NONE ||
	       !store_more(transfer->from, transfer->cursor) ? LOOK_MS : 0;
}

/* Beginning and end */

static int get_pages(struct run *run)
{
	struct transfer *transfer = &run->transfer;
	size_t page = run->pager->page;
	char *pages = NULL;
	unsigned int i;

	if (transfer->moves[0].page)
		return 0;
	if (posix_memalign((void **)&pages, page, TRANSFER_MOVES * page))
		return -ENOMEM;
	for (i = 0; i < TRANSFER_MOVES; i++) {
		transfer->moves[i].run = run;
		transfer->moves[i].page = pages + i * page;
	}
	return 0;
}

static void on_opened(struct aside *aside)
{
	struct run *run = aside->ctx;
	struct transfer *transfer = &run->transfer;
	struct store *store = aside->store;
	unsigned int i;
	int err;

	free(aside->url);
	aside->url = NULL;
	aside->store = NULL;
	transfer->state = TRANSFER_NONE;
	if (aside->status) {
		say(transfer, "%s", aside->why);
		return;
	}
	transfer->before = run->stores.at[0];
	err = stores_add(&run->stores, store);
	if (err) {
		say(transfer, "%s: %s", store_url(store), strerror(-err));
		store_close(store);
		return;
	}
	for (i = 1; i < run->stores.count; i++)
		transfer->total += pages_of(run->stores.at[i]);
	transfer->state = TRANSFER_MOVING;
	next_store(run);
	/* what the old one did not take is for the new one */
	run->complained = false;
	run->retry_at = 0;
	run->pager->again = true;
}

int transfer_begin(struct run *run, const char *url)
{
	struct transfer *transfer = &run->transfer;
	int err;

	if (transfer->state != TRANSFER_NONE)
		return -EALREADY;
	if (run->stores.count == STORES_MAX)
		return -ENOSPC;
	err = get_pages(run);
	if (err)
		return err;
	transfer->opening = (struct aside){
		.pager = run->pager,
		.url = strdup(url),
		.done = on_opened,
		.ctx = run,
	};
	if (!transfer->opening.url)
		return -ENOMEM;
	err = aside_begin(&transfer->opening);
	if (err) {
		free(transfer->opening.url);
		return err;
	}
	transfer->state = TRANSFER_OPENING;
	transfer->why[0] = '\0';
	transfer->total = 0;
	transfer->moved = 0;
	transfer->stop = false;
	transfer->refused = false;
	transfer->number = transfer->number % INT32_MAX + 1;
	return transfer->number;
}

void transfer_refused(struct run *run, const struct store *store)
{
	struct transfer *transfer = &run->transfer;

	if (transfer->state == TRANSFER_MOVING && store == transfer->to)
		transfer->refused = true;
}

int transfer_end(struct run *run)
{
	struct transfer *transfer = &run->transfer;
	struct aside *aside;
	int status;

	transfer->state = TRANSFER_NONE;
	status = stores_close(&run->stores);
	while ((aside = LIST_FIRST(&transfer->closing))) {
		aside_wait(aside);
		on_closed(aside);
	}
	free(transfer->moves[0].page);
	transfer->moves[0].page = NULL;
	return status || transfer->left_behind ? -EIO : 0;
}

void transfer_json(const struct run *run, struct json_object *json)
{
	const struct transfer *transfer = &run->transfer;
	struct json_object *all = json_new_array(), *one;
	uint64_t left = 0;
	unsigned int i;

	for (i = 0; i < run->stores.count; i++) {
		one = json_append_object(all);
		json_add_text(one, "url", store_url(run->stores.at[i]));
		json_add_number(one, "pages", pages_of(run->stores.at[i]));
		left += i ? pages_of(run->stores.at[i]) : 0;
	}
	json_add(json, "stores", all);
	json_add_number(json, "transfer", transfer->number);
	json_add_bool(json, "transferring", transfer->state != TRANSFER_NONE);
	json_add_number(json, "transfer_moved", transfer->moved);
	json_add_number(json, "transfer_done", transfer->total > left ? transfer->total - left : 0);
	json_add_number(json, "transfer_total", transfer->total);
	if (*transfer->why)
		json_add_text(json, "transfer_error", transfer->why);
}
