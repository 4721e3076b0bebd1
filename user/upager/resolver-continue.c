// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared memory whose file the client has handed over: the source writes into the
 * file, where the page belongs, and the client is told to go on with what is in
 * there (UFFDIO_CONTINUE, Linux 5.14, amd64 and arm64). What another client of the
 * same file has got is there for all. Other memory is copied.
 */
#include <errno.h>
#include <stdlib.h>

#include "resolver.h"
#include "shared.h"

static const char how[] = "uffdio_continue.mapped";

static struct resolver *continue_open(struct pager *pager, int *err)
{
	struct resolver *resolver;

	*err = -EOPNOTSUPP;
	if (!(uffd_features() & UFFD_FEATURE_MINOR_SHMEM))
		return NULL;
	/* and all that is to be copied */
	resolver = resolver_copy.open(pager, err);
	if (resolver)
		resolver->ops = &resolver_continue;
	return resolver;
}

static long go_on(struct resolver *resolver, struct fill *fill)
{
	long ret;

	fill->how = how;
	ret = uffd_continue(fill->client->uffd.fd, fill->addr, fill->count * resolver->arena.page,
			    fill->wake);
	fill->woken = ret > 0 && fill->wake;
	return ret > 0 ? ret / (long)resolver->arena.page : ret;
}

static long continue_fill(struct resolver *resolver, struct fill *fill)
{
	return fill->in_place ? go_on(resolver, fill) : -EOPNOTSUPP;
}

/* A page that is in the file already */
static long continue_again(struct resolver *resolver, struct fill *fill)
{
	const struct region *region = region_at(&fill->client->regions, fill->addr);
	long ret;

	if (!region || !region->shared)
		return -ENOENT;
	ret = go_on(resolver, fill);
	return ret == -EFAULT ? -ENOENT : ret;
}

static void continue_close(struct resolver *resolver)
{
	resolver_copy.close(resolver);
}

const struct resolver_ops resolver_continue = {
	.name = "continue",
	.in_place = true,
	.open = continue_open,
	.close = continue_close,
	.fill = continue_fill,
	.again = continue_again,
};
