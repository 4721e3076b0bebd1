// SPDX-License-Identifier: GPL-2.0-only
/* What can be changed while a program runs, and what is told of it. */
#include <errno.h>

#include "../cli/out.h"
#include "run.h"
#include "wire.h"

/**
 * run_set_limit - say how many pages there may be in memory
 * @run: whose
 * @pages: how many, 0: any number
 *
 * The stage is part of it; it has room for one batch at least, or there is none.
 */
void run_set_limit(struct run *run, uint64_t pages)
{
	uint64_t room = pages * run->stage_percent / 100;

	if (room && room < EVICT_PAGES)
		room = EVICT_PAGES;
	run->wanted = pages;
	run->limit = pages - room;
	run->stage.room = room;
}

/* All that is missing is filled, nothing goes any more, then nobody needs us. */
static int detach(struct run *run)
{
	struct client *client;

	if (run->detaching)
		return -EALREADY;
	run->detaching = true;
	run->limit = 0;
	TAILQ_FOREACH(client, &run->pager->clients, link)
		if (client->uffd.fd >= 0)
			client_detach(client);
	return 0;
}

/**
 * run_control - do what a command asks for
 * @run: whose
 * @wire: what; gets more of the answer
 * @text: came with it
 *
 * Return: 0 or a negative errno.
 */
int run_control(struct run *run, struct wire *wire, const char *text)
{
	uint64_t pages = wire->a / run->pager->page;
	int err;

	switch (wire->type) {
	case WIRE_LIMIT:
		if (wire->a < RUN_LIMIT_MIN)
			return -EINVAL;
		if (run->detaching || run->detached)
			return -EBUSY;
		run_set_limit(run, pages);
		stage_write(run);
		run->pager->again = true;
		return 0;
	case WIRE_RELEASE:
		return detach(run);
	case WIRE_STORE:
		if (run->detaching || run->detached)
			return -EBUSY;
		err = transfer_begin(run, text);
		wire->b = err > 0 ? err : 0;
		return err > 0 ? 0 : err;
	}
	return -EOPNOTSUPP;
}

/**
 * run_live_step - see whether a detach has come to its end
 * @run: whose
 */
void run_live_step(struct run *run)
{
	const struct client *client;
	bool failed = false;

	if (!run->detaching)
		return;
	TAILQ_FOREACH(client, &run->pager->clients, link) {
		if (client->detach)
			return;
		failed |= client->detach_failed && !client->doomed;
	}
	run->detaching = false;
	run->detached = !failed;
	/* who is still here goes on as before */
	if (failed)
		run_set_limit(run, run->wanted);
}

/**
 * run_json - tell of a run
 * @run: which
 * @top: gets an object "run"
 */
void run_json(const struct run *run, struct json_object *top)
{
	struct json_object *json = json_new_object();
	size_t page = run->pager->page;
	uint64_t total, done = pager_detaching(run->pager, &total);
	struct store_stats now;

	stores_stats(&run->stores, &now);
	json_add_number(json, "limit", run->wanted * page);
	json_add_number(json, "memory", run->residents.pages * page);
	json_add_number(json, "stage", run->stage.pages * page);
	json_add_number(json, "locked", locked_bytes(run));
	json_add_text(json, "store", stores_url(&run->stores));
	json_add_number(json, "stored", now.pages * page);
	json_add_number(json, "store_gets", now.gets);
	json_add_number(json, "store_get_ns", now.get_ns);
	json_add_number(json, "store_puts", now.puts);
	json_add_number(json, "store_put_ns", now.put_ns);
	json_add_bool(json, "emptying", run->emptying || run->moving.evictor);
	json_add_number(json, "taken_out", run->evicted);
	json_add_number(json, "unchanged", run->unchanged);
	json_add_number(json, "from_stage", run->rescued);
	json_add_number(json, "from_store", run->fetched);
	json_add_bool(json, "detaching", run->detaching);
	json_add_bool(json, "detached", run->detached);
	json_add_number(json, "detach_done", done);
	json_add_number(json, "detach_total", total);
	transfer_json(run, json);
	json_add(top, "run", json);
}
