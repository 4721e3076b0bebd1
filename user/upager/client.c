// SPDX-License-Identifier: GPL-2.0-only
/* A client: from its connection to its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "pager.h"
#include "resolver.h"
#include "shared.h"
#include "snapshot.h"
#include "wire.h"

/* What one client, and all, may have: enough for anybody but a flood */
#define REGIONS_MAX	65536
#define CLIENTS_MAX	4096
/* Records taken from one client before the others have their turn */
#define RECORDS		16

static void on_uffd(struct watch *watch, uint32_t events)
{
	struct client *client = watch->of;

	/* it is no longer non-blocking: reading it might hold us up */
	if (events & EPOLLERR)
		client_fail(client);
	else
		client->readable = true;
}

static void on_pidfd(struct watch *watch, uint32_t events)
{
	(void)events;
	client_end(watch->of);
}

static void on_sock(struct watch *watch, uint32_t events);

/**
 * client_new - a client of which nothing is known yet
 * @pager: whose
 *
 * Return: the client, or NULL.
 */
struct client *client_new(struct pager *pager)
{
	struct client *client;

	if (pager->nr_clients >= CLIENTS_MAX)
		return NULL;
	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	client->pager = pager;
	client->uffd.fd = -1;
	client->uffd_watch = (struct watch){-1, on_uffd, client};
	client->sock = (struct watch){-1, on_sock, client};
	client->pidfd = (struct watch){-1, on_pidfd, client};
	client->regions.page = pager->page;
	client->locked.page = pager->page;
	pager->nr_clients++;
	TAILQ_INSERT_TAIL(&pager->clients, client, link);
	return client;
}

/*
 * Whose memory is ours to fill is to die with us. The keeper sees nothing but
 * descriptors, so the mark is one of the pidfd's flags: others, who only ask for
 * numbers, have a pidfd without it.
 */
static void mark_for_keeper(const struct client *client)
{
	if (client->uffd.fd >= 0 && client->pidfd.fd >= 0)
		fcntl(client->pidfd.fd, F_SETFL, O_NONBLOCK);
}

/**
 * client_greet - a client has handed over its userfaultfd
 * @client: which
 * @uffd: the userfaultfd; the caller's to close if this fails
 * @features: that were agreed on
 * @user_only: it tells of faults in user mode only
 *
 * Return: 0 or a negative errno.
 */
int client_greet(struct client *client, int uffd, uint64_t features, bool user_only)
{
	int flags, err;

	if (client->uffd.fd >= 0 || !uffd_is_one(uffd))
		return -EINVAL;
	flags = fcntl(uffd, F_GETFL);
	fcntl(uffd, F_SETFL, flags | O_NONBLOCK);
	client->uffd = (struct uffd){uffd, features, user_only};
	client->uffd_watch.fd = uffd;
	err = pager_watch(client->pager, &client->uffd_watch, EPOLLIN);
	if (err) {
		client->uffd.fd = -1;
		client->uffd_watch.fd = -1;
	}
	mark_for_keeper(client);
	return err;
}

/**
 * client_know - it is known which process a client is
 * @client: which
 * @pid: its process
 *
 * Return: 0, or a negative errno: ESRCH if it is no more.
 */
int client_know(struct client *client, pid_t pid)
{
	int fd = pidfd_open_of(pid);
	int err;

	if (fd < 0)
		return fd;
	client->pid = pid;
	client->pidfd.fd = fd;
	err = pager_watch(client->pager, &client->pidfd, EPOLLIN);
	if (err) {
		close(fd);
		client->pidfd.fd = -1;
	}
	mark_for_keeper(client);
	return err;
}

/**
 * client_fork - a client has forked
 * @parent: the client
 * @uffd: the child's userfaultfd
 *
 * Its process is not known until its first fault.
 *
 * Return: the child, NULL if there is no memory for it. Then its userfaultfd
 * stays open with nobody to read it, so that it waits instead of reading zeros.
 */
struct client *client_fork(struct client *parent, int uffd)
{
	struct resolver *resolver = parent->pager->resolver;
	struct client *child = client_new(parent->pager);

	if (!child)
		return NULL;
	child->uid = parent->uid;
	if (shared_copy(child, parent) || names_copy(child, parent) ||
	    region_copy(&child->regions, &parent->regions) ||
	    client_greet(child, uffd, parent->uffd.features, parent->uffd.user_only)) {
		client_end(child);
		return NULL;
	}
	if (parent->pager->config.forked)
		parent->pager->config.forked(parent->pager->config.ctx, parent, child);
	if (resolver->ops->forked && resolver->ops->forked(resolver, parent, child)) {
		client_fail(child);
		return NULL;
	}
	if (parent->detach || parent->pager->stop)
		client_detach(child);
	return child;
}

/**
 * client_end - a client is no more, or needs us no more
 * @client: which
 *
 * Its memory stays until nothing refers to it (pager_turn()).
 */
void client_end(struct client *client)
{
	struct pager *pager = client->pager;
	bool had_memory = client->uffd.fd >= 0;

	if (client->ended)
		return;
	client->ended = true;
	fault_forget(client);
	if (pager->resolver && pager->resolver->ops->ended)
		pager->resolver->ops->ended(pager->resolver, client);
	pager_unwatch(pager, &client->uffd_watch);
	pager_unwatch(pager, &client->sock);
	pager_unwatch(pager, &client->pidfd);
	client->uffd.fd = -1;
	stats_add(&pager->past, &client->stats);
	TAILQ_REMOVE(&pager->clients, client, link);
	TAILQ_INSERT_TAIL(&pager->dead, client, link);
	if (had_memory && pager->config.ended)
		pager->config.ended(pager->config.ctx, client);
}

/**
 * client_fail - a client can't be served any more
 * @client: which
 *
 * If it lives, it is killed, and its userfaultfd kept until it is dead: whoever
 * closes that first lets it read zeros. If we don't know which process it is,
 * its threads wait, which is not good, but not wrong either.
 */
void client_fail(struct client *client)
{
	if (client->ended || client->doomed)
		return;
	if (client->uffd.fd < 0 || !client->regions.count || !uffd_is_alive(client->uffd.fd)) {
		client_end(client);
		return;
	}
	client->doomed = true;
	client->detach = false;
	client->readable = false;
	pager_ignore(client->pager, &client->uffd_watch);
	fault_forget(client);
	if (client->pidfd.fd >= 0)
		pidfd_kill(client->pidfd.fd, SIGKILL);
}

void client_free(struct client *client)
{
	struct pager *pager = client->pager;

	TAILQ_REMOVE(&pager->dead, client, link);
	pager->nr_clients--;
	region_free(&client->regions);
	region_free(&client->locked);
	shared_free(client);
	names_free(client);
	free(client);
}

/*
 * Detaching: whatever is in a region and not yet there is fetched, window by
 * window, as if it had been asked for ahead.
 */

/**
 * client_detach - begin to fill in all that a client lacks
 * @client: which; it ends, and lives on without us, when that is done
 */
void client_detach(struct client *client)
{
	client->detach = true;
	client->detach_failed = false;
	client->fill_at = 0;
	client->pager->again = true;
}

static void unregister_map(void *ctx, uint64_t start, uint64_t end)
{
	struct client *client = ctx;

	uffd_unregister(client->uffd.fd, start, end - start);
}

static void answer_with(struct client *client, enum wire_type type, int err, uint64_t b)
{
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.type = type,
		.a = (uint64_t)(int64_t)err,
		.b = b,
	};

	/* who does not take answers gets none */
	if (client->sock.fd >= 0)
		wire_send(client->sock.fd, &wire, -1);
}

static void answer(struct client *client, enum wire_type type, int err)
{
	answer_with(client, type, err, 0);
}

/**
 * client_detach_done - how far client_detach() is
 * @client: which
 * @total: the bytes of its regions are added
 *
 * Return: bytes of these that were seen to.
 */
uint64_t client_detach_done(const struct client *client, uint64_t *total)
{
	const struct region *region = client->regions.at;
	uint64_t done = 0;

	for (; region < client->regions.at + client->regions.count; region++) {
		*total += region->end - region->start;
		if (client->fill_at >= region->end)
			done += region->end - region->start;
		else if (client->fill_at > region->start)
			done += client->fill_at - region->start;
	}
	return done;
}

static void detach_end(struct client *client)
{
	struct resolver *resolver = client->pager->resolver;
	size_t i;
	int err = 0;

	if (!client->detach_failed && resolver->ops->release)
		err = resolver->ops->release(resolver, client);
	if (err == -EAGAIN) {
		client->readable = true;
		return;
	}
	client->detach_failed |= err;
	client->detach = false;
	if (client->detach_failed) {
		if (client->detach_asked)
			answer(client, WIRE_DETACH, -EIO);
		client->detach_asked = false;
		/* nobody will answer its faults */
		if (client->pager->stop)
			client_fail(client);
		return;
	}
	for (i = 0; i < client->regions.count; i++)
		uffd_unregister(client->uffd.fd, client->regions.at[i].start,
				client->regions.at[i].end - client->regions.at[i].start);
	/* what has grown in the meantime is no region, but registered all the same */
	if (client->pid)
		proc_each_map(client->pid, unregister_map, client);
	client_detach_done(client, &client->pager->detached);
	/* nothing is ours any more: it is not to be killed */
	region_free(&client->regions);
	if (client->detach_asked)
		answer(client, WIRE_DETACH, 0);
	client_end(client);
}

/* It is there, or it is zeros: nothing has to be fetched. */
static bool never_out(const struct client *client, const struct region *region)
{
	const struct source *source = client->pager->config.source;
	uint64_t key = region_key(&client->regions, region, client->fill_at);

	return source && source->ops->has && region->unit == client->pager->page &&
	       !snapshot_is_key(key) && !source->ops->has(source, key);
}

/**
 * client_detach_step - go on with what client_detach() began
 * @client: which
 */
void client_detach_step(struct client *client)
{
	struct region *region;

	while (client->nr_pages < STREAM_WINDOW) {
		region = region_find(&client->regions, client->fill_at);
		if (!region) {
			if (!client->nr_pages && !client->readable)
				detach_end(client);
			return;
		}
		if (client->fill_at < region->start)
			client->fill_at = region->start;
		/* nothing else would be there without us */
		if (region->flags & REGION_ZERO) {
			client->fill_at = region->end;
			continue;
		}
		if (never_out(client, region)) {
			client->fill_at += region->unit;
			continue;
		}
		fault_ahead(client, client->fill_at);
		client->fill_at += region->unit;
	}
}

/* What clients say */

static int on_hello(struct client *client, const struct wire *wire, int fd)
{
	const struct pager_config *config = &client->pager->config;
	int err;

	if (fd < 0)
		return -EINVAL;
	err = config->welcome && !config->welcome(config->ctx) ? -EPERM :
	      client_greet(client, fd, wire->a, wire->b & WIRE_HELLO_USER_ONLY);
	if (err)
		close(fd);
	return err;
}

/* @taken: gets whether the region's file, which came with it, is made use of */
static int on_region(struct client *client, const struct wire *wire, int fd, bool *taken)
{
	struct pager *pager = client->pager;
	struct region region = {
		.start = wire->a,
		.end = wire->b,
		.unit = wire->d,
		.flags = (wire->c & REGION_FIXED) | REGION_ZERO,
	};
	uint64_t low = region.unit - 1;
	int err = 0;

	if (client->uffd.fd < 0 || region.start >= region.end || region.unit != wire->d ||
	    region.unit < pager->page || (region.unit & low) ||
	    (region.start & low) || (region.end & low) || (wire->c & ~REGION_FIXED))
		return -EINVAL;
	if (client->regions.count >= REGIONS_MAX)
		return -ENOSPC;
	if (pager->config.region)
		err = pager->config.region(pager->config.ctx, client, &region);
	err = err ?: names_region(client, &region);
	*taken = !err && fd >= 0 && pager->resolver->ops->in_place &&
		 !shared_add(client, &region, fd, wire->e);
	return err ?: region_set(&client->regions, &region);
}

static int on_stat(struct client *client)
{
	struct json_object *json = pager_json(client->pager);
	const char *text = json_object_to_json_string(json);
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.type = WIRE_STAT,
		.b = strlen(text),
	};
	int err = wire_send(client->sock.fd, &wire, -1);

	if (!err && send(client->sock.fd, text, wire.b, MSG_NOSIGNAL) < 0)
		err = -errno;
	json_object_put(json);
	return err;
}

static void on_control(struct client *client, struct wire *wire, const char *text)
{
	const struct pager_config *config = &client->pager->config;
	int err;

	wire->b = 0;
	err = config->control ? config->control(config->ctx, wire, text) : -EOPNOTSUPP;
	answer_with(client, wire->type, err, wire->b);
}

static int on_lock(struct client *client, const struct wire *wire)
{
	const struct pager_config *config = &client->pager->config;

	if (client->uffd.fd < 0 || wire->a >= wire->b || wire->c > 1)
		return -EINVAL;
	return config->lock ? config->lock(config->ctx, client, wire) : 0;
}

/* One record; false when there is none, or no client any more. */
static bool take_record(struct client *client)
{
	char text[WIRE_TEXT];
	bool taken = false;
	struct wire wire;
	int err, fd, got = wire_receive_text(client->sock.fd, &wire, &fd, text);

	if (got == -EAGAIN)
		return false;
	if (got <= 0)
		goto hang_up;
	if ((wire.type != WIRE_HELLO && wire.type != WIRE_REGION && fd >= 0) ||
	    (wire.type != WIRE_STORE && *text)) {
		if (fd >= 0)
			close(fd);
		goto hang_up;
	}
	switch (wire.type) {
	case WIRE_HELLO:
		answer(client, WIRE_HELLO, on_hello(client, &wire, fd));
		return true;
	case WIRE_REGION:
		err = on_region(client, &wire, fd, &taken);
		if (fd >= 0 && !taken)
			close(fd);
		answer_with(client, WIRE_REGION, err, taken);
		return true;
	case WIRE_DETACH:
		if (client->uffd.fd < 0) {
			answer(client, WIRE_DETACH, -EINVAL);
			return true;
		}
		client->detach_asked = true;
		client_detach(client);
		return true;
	case WIRE_LOCK:
		answer(client, WIRE_LOCK, on_lock(client, &wire));
		return true;
	case WIRE_LIMIT:
	case WIRE_RELEASE:
	case WIRE_STORE:
		on_control(client, &wire, text);
		return true;
	case WIRE_LOOK_UP:
	case WIRE_NAME:
	case WIRE_BEGIN:
	case WIRE_MASK:
		wire.a = (uint64_t)(int64_t)names_answer(client, &wire);
		wire_send(client->sock.fd, &wire, -1);
		return true;
	case WIRE_STAT:
		if (!on_stat(client))
			return true;
	}
hang_up:
	/*
	 * Its memory is still ours to fill, with or without a connection; but
	 * not if it has become another program.
	 */
	pager_unwatch(client->pager, &client->sock);
	if (client->uffd.fd < 0 || !uffd_is_alive(client->uffd.fd))
		client_end(client);
	return false;
}

static void on_sock(struct watch *watch, uint32_t events)
{
	struct client *client = watch->of;
	int i;

	(void)events;
	for (i = 0; i < RECORDS && take_record(client); i++)
		;
}

static void take_connection(struct pager *pager, int sock)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct client *client;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &length) ||
	    (peer.uid && peer.uid != geteuid())) {
		close(sock);
		return;
	}
	client = client_new(pager);
	if (!client) {
		close(sock);
		return;
	}
	client->uid = peer.uid;
	client->sock.fd = sock;
	if (client_know(client, peer.pid) || pager_watch(pager, &client->sock, EPOLLIN))
		client_end(client);
}

/**
 * client_accept - somebody has connected
 * @watch: the listening socket
 * @events: EPOLL*
 */
void client_accept(struct watch *watch, uint32_t events)
{
	struct pager *pager = watch->of;
	int i, sock;

	(void)events;
	for (i = 0; i < RECORDS; i++) {
		sock = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (sock < 0)
			return;
		take_connection(pager, sock);
	}
}
