// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a userfaultfd tells.
 *
 * Faults may be read before events that came first (the kernel gives faults
 * precedence), so events change what we know of the client at once, and faults
 * are only noted: they are answered by what is known when all was read. A page
 * filled too early is refused by the kernel (EAGAIN) as long as an event of
 * that memory is unread.
 */
#include <errno.h>
#include <unistd.h>

#include "pager.h"
#include "resolver.h"

#define MESSAGES	64
/* Reads in one go; then the other clients have their turn. */
#define READS		4

static void on_fork(struct client *client, const struct uffd_msg *msg)
{
	client->stats.forks++;
	/* the parent waits in fork() until this was read: nothing changes meanwhile */
	client_fork(client, msg->arg.fork.ufd);
}

/*
 * The old place stays registered and is empty, unless the kernel tells next
 * that it was unmapped.
 */
static int on_remap(struct client *client, const struct uffd_msg *msg)
{
	struct resolver *resolver = client->pager->resolver;
	uint64_t from = msg->arg.remap.from, to = msg->arg.remap.to;
	uint64_t len = msg->arg.remap.len;
	const struct pager_config *config = &client->pager->config;

	client->stats.remaps++;
	if (config->moved && config->moved(config->ctx, client, from, to, len))
		return 0;
	if (resolver->ops->moved)
		resolver->ops->moved(resolver, client, from, to, len);
	return region_move(&client->regions, from, to, len);
}

static int on_gone(struct client *client, const struct uffd_msg *msg, bool unmapped)
{
	struct resolver *resolver = client->pager->resolver;
	uint64_t start = msg->arg.remove.start, end = msg->arg.remove.end;
	const struct pager_config *config = &client->pager->config;

	if (config->moved)
		config->moved(config->ctx, client, start, 0, end - start);
	if (resolver->ops->moved)
		resolver->ops->moved(resolver, client, start, 0, end - start);
	if (unmapped) {
		client->stats.unmaps++;
		return region_cut(&client->regions, start, end);
	}
	client->stats.removes++;
	return region_zero(&client->regions, start, end);
}

static int handle(struct client *client, const struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		fault_note(client, msg->arg.pagefault.address,
			   msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE,
			   msg->arg.pagefault.feat.ptid);
		return 0;
	case UFFD_EVENT_FORK:
		on_fork(client, msg);
		return 0;
	case UFFD_EVENT_REMAP:
		return on_remap(client, msg);
	case UFFD_EVENT_REMOVE:
		return on_gone(client, msg, false);
	case UFFD_EVENT_UNMAP:
		return on_gone(client, msg, true);
	}
	return 0;
}

/**
 * event_read - read what a userfaultfd tells
 * @client: whose
 *
 * Whoever shares the userfaultfd may have read it before us, which is no error,
 * or may have it changed so that it makes no sense: then the client ends. So it
 * does when there is no memory to remember what it did, since its pages would
 * be wrong from now on.
 */
void event_read(struct client *client)
{
	struct uffd_msg msgs[MESSAGES];
	ssize_t got = 0;
	int reads, err = 0;
	ssize_t i;

	client->readable = false;
	for (reads = 0; reads < READS && !client->doomed; reads++) {
		got = read(client->uffd.fd, msgs, sizeof(msgs));
		if (got < 0)
			break;
		for (i = 0; i < got / (ssize_t)sizeof(*msgs) && !err && !client->doomed; i++)
			err = handle(client, &msgs[i]);
		if (err) {
			client_fail(client);
			return;
		}
		if (got < (ssize_t)sizeof(msgs))
			return;
	}
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		client_fail(client);
	else if (reads == READS && !client->doomed)
		client->readable = true;
}
