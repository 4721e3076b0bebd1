// SPDX-License-Identifier: GPL-2.0-only
/* Donors of a client: a sorted array. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "donors.h"

struct donors *donors_new(void)
{
	return calloc(1, sizeof(struct donors));
}

int donors_reserve(struct donors *donors, size_t more)
{
	size_t room = 2 * donors->room + more;
	struct donor *at;

	if (donors->count + more <= donors->room)
		return 0;
	at = realloc(donors->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	donors->at = at;
	donors->room = room;
	return 0;
}

size_t donors_lower(const struct donors *donors, uint64_t addr)
{
	size_t low = 0, high = donors->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (donors->at[middle].addr < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void donors_insert(struct donors *donors, uint64_t addr, unsigned int page)
{
	size_t i = donors_lower(donors, addr);

	memmove(donors->at + i + 1, donors->at + i, (donors->count - i) * sizeof(*donors->at));
	donors->at[i] = (struct donor){addr, page};
	donors->count++;
}

void donors_drop(struct donors *donors, size_t first, size_t count)
{
	donors->count -= count;
	memmove(donors->at + first, donors->at + first + count,
		(donors->count - first) * sizeof(*donors->at));
}

void donors_free(struct donors *donors)
{
	free(donors->at);
	free(donors);
}
