// SPDX-License-Identifier: GPL-2.0-only
/* Which ways there are to fill a page, and what all of them need. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "resolver.h"

static const struct resolver_ops *const ways[] = {
	&resolver_pool,
	&resolver_copy,
	&resolver_pte,
	&resolver_move,
	&resolver_continue,
	NULL
};

/* The pte way is for those who ask for it: it needs a module that allows it. */
static struct resolver *open_best(struct pager *pager, int *err)
{
	struct resolver *resolver = resolver_pool.open(pager, err);

	/* clients shall be able to go on when the pager ends */
	if (resolver && resolver->holds) {
		resolver_pool.close(resolver);
		resolver = NULL;
	}
	return resolver ?: resolver_copy.open(pager, err);
}

struct resolver *resolver_open(struct pager *pager, const char *name, int *err)
{
	const struct resolver_ops *const *way;

	*err = 0;
	if (!strcmp(name, "auto"))
		return open_best(pager, err);
	for (way = ways; *way; way++)
		if (!strcmp((*way)->name, name))
			return (*way)->open(pager, err);
	*err = -EINVAL;
	return NULL;
}

long resolver_copy_fill(struct resolver *resolver, struct fill *fill)
{
	uint64_t len = fill->count * resolver->arena.page;
	long ret;

	fill->how = "uffdio_copy.copy";
	ret = uffd_copy(fill->client->uffd.fd, fill->addr, arena_at(&resolver->arena, fill->first),
			len, fill->wake);
	fill->woken = ret > 0 && fill->wake;
	fill->kept = false;
	return ret > 0 ? ret / (long)resolver->arena.page : ret;
}

/* Where zeros have to be copied: memory that has no page of zeros to share */
static long copy_zeros(struct resolver *resolver, struct fill *fill)
{
	static void *zeros;
	static size_t size;
	long ret;

	if (size < fill->unit) {
		if (zeros)
			munmap(zeros, size);
		size = fill->unit;
		zeros = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);
		if (zeros == MAP_FAILED) {
			zeros = NULL;
			size = 0;
			return -ENOMEM;
		}
	}
	fill->how = "uffdio_copy.copy";
	ret = uffd_copy(fill->client->uffd.fd, fill->addr, zeros, fill->unit, fill->wake);
	fill->woken = ret > 0 && fill->wake;
	return ret > 0 ? ret / (long)resolver->arena.page : ret;
}

long resolver_zero(struct resolver *resolver, struct fill *fill)
{
	long ret = -EINVAL;

	fill->how = "uffdio_zeropage.zeropage";
	if (fill->unit == resolver->arena.page)
		ret = uffd_zero(fill->client->uffd.fd, fill->addr,
				fill->count * resolver->arena.page, fill->wake);
	if (ret == -EINVAL)
		return copy_zeros(resolver, fill);
	fill->woken = ret > 0 && fill->wake;
	return ret > 0 ? ret / (long)resolver->arena.page : ret;
}
