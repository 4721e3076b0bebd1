// SPDX-License-Identifier: GPL-2.0-only
/* The way that always works: the kernel copies what we have (UFFDIO_COPY). */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "resolver.h"

static void copy_close(struct resolver *resolver)
{
	if (resolver->arena.base)
		munmap(resolver->arena.base, RESOLVER_PAGES * resolver->arena.page);
	arena_free(&resolver->arena);
	free(resolver);
}

static struct resolver *copy_open(struct pager *pager, int *err)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	void *base;

	*err = -ENOMEM;
	if (!resolver)
		return NULL;
	resolver->ops = &resolver_copy;
	base = mmap(NULL, RESOLVER_PAGES * pager->page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED) {
		free(resolver);
		return NULL;
	}
	if (arena_init(&resolver->arena, base, pager->page, RESOLVER_PAGES)) {
		copy_close(resolver);
		return NULL;
	}
	*err = 0;
	return resolver;
}

const struct resolver_ops resolver_copy = {
	.name = "copy",
	.open = copy_open,
	.close = copy_close,
	.fill = resolver_copy_fill,
};
