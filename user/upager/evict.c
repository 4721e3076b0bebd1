// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking pages out of clients. The client's own evictor moves them away
 * (mremap() with MREMAP_DONTUNMAP: at once, and who touches them afterwards
 * faults), we read them where they are now, and put them into the store.
 *
 * A page must not be filled with what it was before it went. So from the order
 * on, who asks for one of these pages waits (run-source.c), and pages that are
 * on their way to the client already are not chosen. The kernel refuses to fill
 * anything (EAGAIN) from the move until we have read that it happened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run.h"
#include "snapshot.h"
#include "wire.h"

/* Puts under way at most: they hold memory of ours */
#define PUTS_MAX	1024
/* Chunks to look at for one that can go, and is not in use */
#define TRIES		4096
/* If there is none among these, until they are looked at again */
#define CHOOSE_NS	20000000ull
/* Once it begins, it goes on until so many pages are free: this part of the limit */
#define LOW_PART	32

static size_t page_of(const struct run *run)
{
	return run->pager->page;
}

/*
 * A child of fork() has two clients: what it has from its parent, and what it
 * has mapped itself. Its process may have been another program's.
 */
static struct evictor *evictor_of(const struct run *run, const struct client *client)
{
	struct evictor *evictor;

	LIST_FOREACH(evictor, &run->evictors, link) {
		if (!evictor->place || !evictor->client)
			continue;
		if (evictor->client == client ||
		    (evictor->pid == client->pid && uffd_is_alive(client->uffd.fd)))
			return evictor;
	}
	return NULL;
}

/* All that is at the addresses gets keys that nobody has. */
static int own_keys(struct run *run, struct client *client, const struct region *region)
{
	struct region mine = *region;

	mine.flags &= ~(REGION_ZERO | REGION_SHARED);
	mine.key = run->next_key;
	run->next_key += (mine.end - mine.start) / page_of(run);
	return region_set(&client->regions, &mine);
}

/* Pages to go from a chunk: neighbours, of one region, none of them on its way */
static unsigned int choose(struct run *run, struct chunk *chunk, uint64_t *from)
{
	struct client *client = chunk->client;
	struct region *region = NULL;
	unsigned int i, n = 0;
	uint64_t addr;

	for (i = 0; i < EVICT_PAGES; i++) {
		addr = chunk->base + i * page_of(run);
		if (!(chunk->mask >> i & 1) || fault_pending(client, addr) ||
		    locked_has(run, client, addr) ||
		    (region && addr >= region->end)) {
			if (n)
				break;
			continue;
		}
		if (!n) {
			region = region_at(&client->regions, addr);
			if (!region || region->unit != page_of(run))
				continue;
			*from = addr;
		}
		n++;
		if (chunk->single)
			break;
	}
	return n;
}

static bool order(struct run *run, struct evictor *evictor, struct client *client,
		  uint64_t from, unsigned int n, unsigned int life)
{
	struct region *region = region_at(&client->regions, from), part;
	struct evict_order order = {.from = from, .len = n * page_of(run)};
	uint64_t image_key = 0;
	int err = 0;

	if (region->flags & REGION_ZERO) {
		part = *region;
		err = own_keys(run, client, &part);
	} else if (region->flags & REGION_SHARED) {
		part = *region;
		part.start = from;
		part.end = from + order.len;
		image_key = region_key(&client->regions, region, from);
		err = own_keys(run, client, &part);
	}
	if (err || send(evictor->watch.fd, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order))
		return false;
	region = region_at(&client->regions, from);
	run->moving = (struct moving){
		.evictor = evictor,
		.client = client,
		.from = from,
		.key = region_key(&client->regions, region, from),
		.pages = n,
		.life = life,
		.image_key = snapshot_is_key(image_key) ? image_key : 0,
	};
	return true;
}

static bool evict_some(struct run *run)
{
	struct chunk *chunk;
	struct evictor *evictor;
	uint64_t from = 0;
	unsigned int i, n;

	for (i = 0; i < TRIES; i++) {
		chunk = TAILQ_FIRST(&run->residents.order);
		if (!chunk)
			return false;
		evictor = evictor_of(run, chunk->client);
		n = evictor && !chunk->passes && !chunk->client->ended && !chunk->client->doomed &&
		    !chunk->client->detach ? choose(run, chunk, &from) : 0;
		if (n && order(run, evictor, chunk->client, from, n, chunk->life))
			return true;
		chunk->passes -= !!chunk->passes;
		TAILQ_REMOVE(&run->residents.order, chunk, link);
		TAILQ_INSERT_TAIL(&run->residents.order, chunk, link);
	}
	return false;
}

/**
 * evict_step - take some pages out, if there are too many
 * @run: whose
 *
 * Return: whether some are on their way out.
 */
bool evict_step(struct run *run)
{
	if (run->moving.evictor)
		return true;
	if (!run->limit || !TAILQ_EMPTY(&run->stage.held) || run->stage.writing >= PUTS_MAX)
		return false;
	if (run->residents.pages > run->limit)
		run->emptying = true;
	else if (run->residents.pages <= run->limit - run->limit / LOW_PART)
		run->emptying = false;
	if (!run->emptying || (run->any_locked && pager_now() < run->choose_at))
		return false;
	if (evict_some(run))
		return true;
	run->choose_at = pager_now() + CHOOSE_NS;
	return false;
}

/*
 * The evictor has moved pages: from now on the regions tell what is there no
 * more. What the client had there when it happened, and under which keys, is
 * known now and not later.
 */
static void capture(struct run *run, struct client *client, uint64_t to)
{
	struct moving *moving = &run->moving;
	struct region *region, part;
	unsigned int i;
	uint64_t addr;

	moving->seen = true;
	for (i = 0; i < moving->pages; i++) {
		addr = moving->from + i * page_of(run);
		region = region_at(&client->regions, addr);
		if (!region || !resident_has(&run->residents, client, addr))
			continue;
		/* something else was mapped there since the order, and used by two threads */
		if (fault_pending(client, addr) &&
		    region_key(&client->regions, region, addr) != moving->key + i) {
			client_fail(client);
			return;
		}
		if (region->flags & (REGION_ZERO | REGION_SHARED)) {
			part = *region;
			part.start = addr;
			part.end = addr + page_of(run);
			if (own_keys(run, client, &part)) {
				client_fail(client);
				return;
			}
			region = region_at(&client->regions, addr);
		}
		moving->keys[i] = region_key(&client->regions, region, addr);
		moving->captured |= 1ull << i;
	}
	resident_clear(&run->residents, client, moving->from, moving->pages * page_of(run));
	/* a hole in it is not to be filled, and not to be waited for */
	uffd_unregister(client->uffd.fd, to, moving->pages * page_of(run));
}

/**
 * evict_moved - pages of a client go elsewhere
 * @run: whose
 * @client: which
 * @from: first address
 * @to: where they go, 0: they are gone
 * @len: bytes
 *
 * Return: whether that was our doing.
 */
bool evict_moved(struct run *run, struct client *client, uint64_t from, uint64_t to, uint64_t len)
{
	const struct moving *moving = &run->moving;
	const struct region *region;
	uint64_t addr = from;

	if (moving->evictor && moving->client == client && to &&
	    to == moving->evictor->place) {
		capture(run, client, to);
		return true;
	}
	if (to) {
		locked_moved(run, client->pid, from, to, len);
		resident_move(&run->residents, client, from, to, len);
		return false;
	}
	while ((region = region_find(&client->regions, addr)) && region->start < from + len) {
		run_delete(run, region, from, from + len);
		addr = region->end;
	}
	resident_clear(&run->residents, client, from, len);
	return false;
}

static bool is_zero(const struct run *run, const char *page)
{
	return !page[0] && !memcmp(page, page + 1, page_of(run) - 1);
}

/*
 * A page that was only read is in the snapshot already: from now on it is to be had
 * from there again. Not if it has gone elsewhere since.
 */
static bool give_back(struct run *run, struct client *client, unsigned int i, const void *page)
{
	const struct moving *moving = &run->moving;
	uint64_t addr = moving->from + i * page_of(run), key = moving->image_key + i;
	const struct region *region = region_at(&client->regions, addr);
	struct region part;

	if (!moving->image_key || !region || region->flags & REGION_ZERO ||
	    moving->keys[i] != moving->key + i ||
	    region_key(&client->regions, region, addr) != moving->keys[i] ||
	    !image_same(run->pager->config.snapshot->image, key - SNAPSHOT_KEY, page))
		return false;
	part = *region;
	part.start = addr;
	part.end = addr + page_of(run);
	part.key = key;
	part.flags |= REGION_SHARED;
	if (region_set(&client->regions, &part))
		return false;
	run->unchanged++;
	return true;
}

/* Reads what was moved, while it is still there, and keeps it. */
static void keep_pages(struct run *run, struct client *client)
{
	struct moving *moving = &run->moving;
	size_t len = moving->pages * page_of(run);
	struct iovec theirs = {(void *)(uintptr_t)moving->evictor->place, len};
	struct iovec ours = {malloc(len), len};
	struct region zero = {.unit = page_of(run)};
	unsigned int i;

	if (!ours.iov_base ||
	    process_vm_readv(moving->evictor->pid, &ours, 1, &theirs, 1, 0) != (ssize_t)len) {
		free(ours.iov_base);
		client_fail(client);	/* its pages are not to be had any more */
		return;
	}
	for (i = 0; i < moving->pages; i++) {
		const char *page = (char *)ours.iov_base + i * page_of(run);

		if (!(moving->captured >> i & 1))
			continue;
		run->evicted++;
		zero.start = moving->from + i * page_of(run);
		zero.end = zero.start + page_of(run);
		zero.key = moving->keys[i];
		if (is_zero(run, page))
			run_delete(run, &zero, zero.start, zero.end);
		else if (!give_back(run, client, i, page))
			stage_put(run, moving->keys[i], page, moving->life);
	}
	stage_write(run);
	free(ours.iov_base);
}

static void on_answer(struct run *run, struct evictor *evictor, const struct evict_answer *answer)
{
	static const struct evict_order no_more;
	struct moving *moving = &run->moving;
	struct client *client = moving->client;
	unsigned int n = moving->pages;
	uint64_t from = moving->from;
	struct chunk *chunk;

	if (!evictor->place) {
		evictor->place = answer->to;
		return;
	}
	/* if nothing was moved, perhaps it had to make room */
	evictor->place = answer->to;
	if (moving->evictor != evictor)
		return;
	if (client && !client->ended && !answer->status && moving->seen)
		keep_pages(run, client);
	moving->evictor = NULL;
	send(evictor->watch.fd, &no_more, sizeof(no_more), MSG_NOSIGNAL);
	if (client && answer->status) {
		/* not one mapping perhaps; one page alone that can't go stays for good */
		TAILQ_FOREACH(chunk, &run->residents.order, link) {
			if (chunk->client == client && from - chunk->base <
			    EVICT_PAGES * page_of(run)) {
				chunk->single = true;
				break;
			}
		}
		if (n == 1)
			resident_clear(&run->residents, client, from, page_of(run));
	}
	run_release(run);
}

static void drop_evictor(struct evictor *evictor)
{
	struct run *run = evictor->run;
	struct client *client = run->moving.client, *next;

	pager_unwatch(run->pager, &evictor->watch);
	LIST_REMOVE(evictor, link);
	if (run->moving.evictor == evictor) {
		run->moving.evictor = NULL;
		/* what was moved, and not yet read, is gone with it */
		if (run->moving.seen && client && !client->ended)
			client_fail(client);
		run_release(run);
	}
	/* exec() ends the memory, not the process */
	for (client = TAILQ_FIRST(&run->pager->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		if (client->pid == evictor->pid && client->uffd.fd >= 0 &&
		    !uffd_is_alive(client->uffd.fd))
			client_end(client);
	}
	free(evictor);
}

static void on_evictor(struct watch *watch, uint32_t events)
{
	struct evictor *evictor = watch->of;
	struct evict_answer answer;
	ssize_t got = recv(watch->fd, &answer, sizeof(answer), MSG_DONTWAIT);

	(void)events;
	if (got == sizeof(answer))
		on_answer(evictor->run, evictor, &answer);
	else if (got >= 0 || (errno != EAGAIN && errno != EINTR))
		drop_evictor(evictor);
}

/* The memory of a process that it has now: its last client */
static struct client *client_of(const struct run *run, pid_t pid)
{
	struct client *client, *found = NULL;

	TAILQ_FOREACH(client, &run->pager->clients, link)
		if (client->pid == pid && client->uffd.fd >= 0)
			found = client;
	return found;
}

static void on_listener(struct watch *watch, uint32_t events)
{
	int sock = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	socklen_t length = sizeof(struct ucred);
	struct run *run = watch->of;
	struct evictor *evictor;
	struct ucred peer;

	(void)events;
	if (sock < 0)
		return;
	evictor = calloc(1, sizeof(*evictor));
	if (!evictor || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &length)) {
		free(evictor);
		close(sock);
		return;
	}
	*evictor = (struct evictor){
		.watch = {sock, on_evictor, evictor},
		.run = run,
		.client = client_of(run, peer.pid),
		.pid = peer.pid,
	};
	LIST_INSERT_HEAD(&run->evictors, evictor, link);
	if (!evictor->client || pager_watch(run->pager, &evictor->watch, EPOLLIN))
		drop_evictor(evictor);
}

int evict_listen(struct run *run, const char *path)
{
	int sock = wire_listen(path);

	if (sock < 0)
		return sock;
	LIST_INIT(&run->evictors);
	run->listener = (struct watch){sock, on_listener, run};
	return pager_watch(run->pager, &run->listener, EPOLLIN);
}

/* A client has ended. */
void evict_forget(struct run *run, struct client *client)
{
	struct evictor *evictor;
	size_t i;

	LIST_FOREACH(evictor, &run->evictors, link)
		if (evictor->client == client)
			evictor->client = NULL;
	if (run->moving.client == client)
		run->moving.client = NULL;
	for (i = 0; i < client->regions.count; i++)
		run_delete(run, &client->regions.at[i], 0, UINT64_MAX);
	inherit_forget(run, client);
	resident_forget(&run->residents, client);
}

void evict_free(struct run *run)
{
	struct evictor *evictor;

	while ((evictor = LIST_FIRST(&run->evictors)))
		drop_evictor(evictor);
	pager_unwatch(run->pager, &run->listener);
}
