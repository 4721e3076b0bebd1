// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages are taken out of our memory and put into the client's (UFFDIO_MOVE, Linux
 * 6.8): nothing is copied. Both must be the same process, so this is for a pager
 * that is a thread of its client; for all others pages are copied.
 *
 * Such a client must not call fork(3) while its pages are missing: that keeps
 * malloc()'s locks while the kernel waits for us to read of the fork.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "resolver.h"

static void move_close(struct resolver *resolver)
{
	if (resolver->arena.base)
		munmap(resolver->arena.base, RESOLVER_PAGES * resolver->arena.page);
	arena_free(&resolver->arena);
	free(resolver);
}

static int move_init(struct resolver *resolver, size_t page)
{
	size_t size = RESOLVER_PAGES * page;
	void *base;

	if (!(uffd_features() & UFFD_FEATURE_MOVE))
		return -EOPNOTSUPP;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* a page that a child has as well can't be moved; nor half of a huge one */
	madvise(base, size, MADV_WIPEONFORK);
	madvise(base, size, MADV_NOHUGEPAGE);
	if (!arena_init(&resolver->arena, base, page, RESOLVER_PAGES))
		return 0;
	munmap(base, size);
	return -ENOMEM;
}

static struct resolver *move_open(struct pager *pager, int *err)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	*err = -ENOMEM;
	if (!resolver)
		return NULL;
	resolver->ops = &resolver_move;
	*err = move_init(resolver, pager->page);
	if (!*err)
		return resolver;
	free(resolver);
	return NULL;
}

static long move_fill(struct resolver *resolver, struct fill *fill)
{
	const struct client *client = fill->client;
	long ret;

	if (client->pid != getpid() || !(client->uffd.features & UFFD_FEATURE_MOVE) ||
	    fill->unit != resolver->arena.page)
		return -EOPNOTSUPP;
	fill->how = "uffdio_move.move";
	ret = uffd_move(client->uffd.fd, fill->addr, arena_at(&resolver->arena, fill->first),
			fill->count * resolver->arena.page, fill->wake);
	/* shared or read-only memory, a page that was pinned: a copy will do */
	if (ret == -EINVAL || ret == -EBUSY)
		return -EOPNOTSUPP;
	fill->woken = ret > 0 && fill->wake;
	return ret > 0 ? ret / (long)resolver->arena.page : ret;
}

const struct resolver_ops resolver_move = {
	.name = "move",
	.open = move_open,
	.close = move_close,
	.fill = move_fill,
};
