// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a child of fork() has from the beginning. It counts for the limit, as its
 * parent's does, but not at once: most children run another program in no time,
 * and for these nothing has to go.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* A child that is here so long is here to stay. */
#define GRACE_NS	50000000ull
/* of /proc/PID/pagemap */
#define PRESENT		(1ull << 63)

struct part {
	uint64_t base;
	uint64_t mask;
};

/**
 * struct inheritance - what a child has from its parent
 * @link: of all
 * @client: the child
 * @due: when it is counted
 * @count: how many parts
 * @parts: what chunks the parent had
 */
struct inheritance {
	LIST_ENTRY(inheritance) link;
	struct client *client;
	uint64_t due;
	size_t count;
	struct part parts[];
};

static struct inheritance *find(const struct run *run, const struct client *client)
{
	struct inheritance *all;

	LIST_FOREACH(all, &run->inheritances, link)
		if (all->client == client)
			return all;
	return NULL;
}

/**
 * inherit_note - a client has forked
 * @run: whose
 * @parent: the client
 * @child: its child
 */
void inherit_note(struct run *run, const struct client *parent, struct client *child)
{
	const struct inheritance *older = find(run, parent);
	struct inheritance *all;
	const struct chunk *chunk;
	size_t room = older ? older->count : 0;

	TAILQ_FOREACH(chunk, &run->residents.order, link)
		room += chunk->client == parent;
	all = malloc(sizeof(*all) + room * sizeof(all->parts[0]));
	if (!all)
		return;		/* it is not counted until it is filled anew */
	all->client = child;
	all->due = pager_now() + GRACE_NS;
	all->count = older ? older->count : 0;
	if (older)
		memcpy(all->parts, older->parts, older->count * sizeof(all->parts[0]));
	TAILQ_FOREACH(chunk, &run->residents.order, link)
		if (chunk->client == parent)
			all->parts[all->count++] = (struct part){chunk->base, chunk->mask};
	LIST_INSERT_HEAD(&run->inheritances, all, link);
}

/* Pages of a part that the child still has, and has as a part of a region */
static void count_part(struct run *run, struct client *client, int pagemap,
		       const struct part *part)
{
	size_t page = run->pager->page;
	uint64_t entries[EVICT_PAGES], addr;
	unsigned int i;

	if (pread(pagemap, entries, sizeof(entries), part->base / page * sizeof(entries[0])) !=
	    sizeof(entries))
		return;
	for (i = 0; i < EVICT_PAGES; i++) {
		addr = part->base + i * page;
		if (part->mask >> i & 1 && entries[i] & PRESENT &&
		    region_at(&client->regions, addr))
			resident_set(&run->residents, client, addr, page);
	}
}

static void count_all(struct run *run, const struct inheritance *all)
{
	char path[40];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)all->client->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (i = 0; i < all->count; i++)
		count_part(run, all->client, fd, &all->parts[i]);
	close(fd);
}

/**
 * inherit_step - count what children have that have stayed
 * @run: whose
 *
 * Return: milliseconds until the next time, -1: there is nothing.
 */
int inherit_step(struct run *run)
{
	struct inheritance *all, *next;
	uint64_t now = pager_now();
	int64_t ms, soonest = -1;

	for (all = LIST_FIRST(&run->inheritances); all; all = next) {
		next = LIST_NEXT(all, link);
		/* its process is known as soon as its thread that takes pages out is here */
		if (all->due <= now && !all->client->pid)
			all->due = now + GRACE_NS;
		if (all->due <= now) {
			count_all(run, all);
			LIST_REMOVE(all, link);
			free(all);
			continue;
		}
		ms = (all->due - now) / 1000000 + 1;
		if (soonest < 0 || ms < soonest)
			soonest = ms;
	}
	return soonest;
}

/* A client has ended. */
void inherit_forget(struct run *run, const struct client *client)
{
	struct inheritance *all = find(run, client);

	if (!all)
		return;
	LIST_REMOVE(all, link);
	free(all);
}
