// SPDX-License-Identifier: GPL-2.0-only
/* Pages of our own, a byte for each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

int arena_init(struct arena *arena, void *base, size_t page, unsigned int pages)
{
	*arena = (struct arena){
		.base = base,
		.page = page,
		.pages = pages,
		.free = pages,
		.used = calloc(pages, 1),
	};
	return arena->used ? 0 : -ENOMEM;
}

unsigned int arena_get(struct arena *arena, unsigned int count)
{
	unsigned int start = arena->next, looked = 0, run = 0, at;

	if (count > arena->free)
		return ARENA_NONE;
	if (start + count <= arena->pages && !memchr(arena->used + start, 1, count)) {
		memset(arena->used + start, 1, count);
		arena->free -= count;
		arena->next = start + count;
		return start;
	}
	for (at = start; looked < arena->pages + count; looked++) {
		if (at == arena->pages) {
			at = 0;
			run = 0;
		}
		run = arena->used[at++] ? 0 : run + 1;
		if (run < count)
			continue;
		memset(arena->used + at - count, 1, count);
		arena->free -= count;
		arena->next = at;
		return at - count;
	}
	return ARENA_NONE;
}

void arena_put(struct arena *arena, unsigned int first, unsigned int count)
{
	memset(arena->used + first, 0, count);
	arena->free += count;
	if (arena->free == arena->pages)
		arena->next = 0;
}

void arena_free(struct arena *arena)
{
	free(arena->used);
	arena->used = NULL;
}
