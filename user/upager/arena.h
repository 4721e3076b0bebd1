/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of our own, taken in runs so that neighbours can be filled at once. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

#define ARENA_NONE	(~0u)

/**
 * struct arena - numbered pages
 * @base: where the first one is
 * @page: bytes of each
 * @pages: how many
 * @free: how many are free
 * @next: where to look first
 * @used: a byte for each, its user's: 0 is free
 */
struct arena {
	unsigned char *base;
	size_t page;
	unsigned int pages;
	unsigned int free;
	unsigned int next;
	unsigned char *used;
};

/**
 * arena_init - manage pages that are there
 * @arena: filled in
 * @base: the first page
 * @page: bytes of a page
 * @pages: how many
 *
 * Return: 0 or -ENOMEM.
 */
int arena_init(struct arena *arena, void *base, size_t page, unsigned int pages);

/**
 * arena_get - take consecutive pages
 * @arena: where from
 * @count: how many
 *
 * Goes round, so that consecutive calls give consecutive pages.
 *
 * Return: the first one's number, ARENA_NONE if there are not so many.
 */
unsigned int arena_get(struct arena *arena, unsigned int count);

/**
 * arena_put - give pages back
 * @arena: where to
 * @first: the first one's number
 * @count: how many
 */
void arena_put(struct arena *arena, unsigned int first, unsigned int count);

/**
 * arena_at - where a page is
 * @arena: which
 * @number: the page's number
 *
 * Return: its address.
 */
static inline void *arena_at(const struct arena *arena, unsigned int number)
{
	return arena->base + number * arena->page;
}

/**
 * arena_free - forget all of it; the pages are the caller's to unmap
 * @arena: which
 */
void arena_free(struct arena *arena);

#endif /* ARENA_H */
