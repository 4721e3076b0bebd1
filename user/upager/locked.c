// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are to stay in memory (mlock()). The preloaded library tells of them
 * before the kernel fetches them; that they fit into what the process may lock is
 * the kernel's business, and was seen to before.
 *
 * What a process has locked is with the client that has said so, and is true for
 * all clients of that process: what it has from its parent is another client's.
 */
#include <errno.h>

#include "run.h"
#include "wire.h"

/* The next client of a process, behind one of them; NULL: the first */
static struct client *next_of(const struct run *run, pid_t pid, struct client *client)
{
	client = client ? TAILQ_NEXT(client, link) : TAILQ_FIRST(&run->pager->clients);
	while (client && (client->pid != pid || client->uffd.fd < 0))
		client = TAILQ_NEXT(client, link);
	return client;
}

/* A child of fork() whose process is not known yet may be the one that asks. */
static bool is_unsure(const struct run *run)
{
	const struct client *client;

	TAILQ_FOREACH(client, &run->pager->clients, link)
		if (!client->pid && client->uffd.fd >= 0)
			return true;
	return false;
}

static bool is_moving(const struct run *run, pid_t pid, uint64_t start, uint64_t end)
{
	const struct moving *moving = &run->moving;

	return moving->evictor && moving->evictor->pid == pid && moving->from < end &&
	       moving->from + moving->pages * run->pager->page > start;
}

static int lock_part(struct client *to, const struct region *region, uint64_t start, uint64_t end)
{
	struct region part = {
		.start = region->start > start ? region->start : start,
		.end = region->end < end ? region->end : end,
		.unit = to->pager->page,
		.flags = REGION_ZERO,
	};

	return region_set(&to->locked, &part);
}

static int lock(struct run *run, struct client *to, uint64_t start, uint64_t end)
{
	const struct region *region;
	struct client *client = NULL;
	int err = 0;

	if (is_unsure(run) || is_moving(run, to->pid, start, end))
		return -EAGAIN;
	while ((client = next_of(run, to->pid, client))) {
		region = region_find(&client->regions, start);
		for (; region && region < client->regions.at + client->regions.count &&
		     region->start < end && !err; region++)
			err = lock_part(to, region, start, end);
	}
	run->any_locked |= !err;
	return err;
}

static int unlock(struct run *run, pid_t pid, uint64_t start, uint64_t end)
{
	struct client *client = NULL;
	int err = 0;

	run->choose_at = 0;
	while (run->any_locked && !err && (client = next_of(run, pid, client)))
		err = region_cut(&client->locked, start, end);
	return err;
}

/**
 * locked_change - a process locks pages, or unlocks them
 * @run: whose
 * @client: one of the process
 * @wire: WIRE_LOCK
 *
 * Return: 0 or a negative errno; EAGAIN: it is to ask again.
 */
int locked_change(struct run *run, struct client *client, const struct wire *wire)
{
	uint64_t low = run->pager->page - 1, start = wire->a & ~low;
	uint64_t end = wire->b > UINT64_MAX - low ? ~low : (wire->b + low) & ~low;

	return wire->c ? lock(run, client, start, end) : unlock(run, client->pid, start, end);
}

/**
 * locked_new - something new is mapped
 * @run: whose
 * @client: whose
 * @region: there
 *
 * Return: 0 or a negative errno.
 */
int locked_new(struct run *run, const struct client *client, const struct region *region)
{
	return unlock(run, client->pid, region->start, region->end);
}

/**
 * locked_moved - pages have gone elsewhere, and are as locked there
 * @run: whose
 * @pid: in that process
 * @from: first address
 * @to: where they are now
 * @len: bytes
 */
void locked_moved(struct run *run, pid_t pid, uint64_t from, uint64_t to, uint64_t len)
{
	struct client *client = NULL;

	while (run->any_locked && (client = next_of(run, pid, client)))
		if (region_move(&client->locked, from, to, len) ||
		    region_cut(&client->locked, from, from + len))
			client_fail(client);
}

/**
 * locked_has - whether a page is to stay
 * @run: whose
 * @client: whose
 * @addr: its address
 */
bool locked_has(const struct run *run, const struct client *client, uint64_t addr)
{
	struct client *one = NULL;

	while (run->any_locked && (one = next_of(run, client->pid, one)))
		if (region_at(&one->locked, addr))
			return true;
	return false;
}

/**
 * locked_bytes - how much is to stay
 * @run: whose
 */
uint64_t locked_bytes(const struct run *run)
{
	const struct client *client;
	uint64_t bytes = 0;
	size_t i;

	TAILQ_FOREACH(client, &run->pager->clients, link)
		for (i = 0; i < client->locked.count; i++)
			bytes += client->locked.at[i].end - client->locked.at[i].start;
	return bytes;
}
