// SPDX-License-Identifier: GPL-2.0-only
/* Regions of a client: a sorted array, neighbours merged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "region.h"

/* Index of the first region that ends behind an address */
static size_t lower(const struct region_map *map, uint64_t addr)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->at[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct region *region_find(const struct region_map *map, uint64_t addr)
{
	size_t i = lower(map, addr);

	return i < map->count ? &map->at[i] : NULL;
}

struct region *region_at(const struct region_map *map, uint64_t addr)
{
	struct region *region = region_find(map, addr);

	return region && region->start <= addr ? region : NULL;
}

uint64_t region_key(const struct region_map *map, const struct region *region, uint64_t addr)
{
	return region->key + (addr - region->start) / map->page;
}

/* Room for so many more, so that what follows can't fail half way */
static int reserve(struct region_map *map, size_t more)
{
	size_t room = map->room;
	struct region *at;

	if (map->count + more <= room)
		return 0;
	while (room < map->count + more)
		room = room ? 2 * room : 8;
	at = realloc(map->at, room * sizeof(*at));
	if (!at)
		return -ENOMEM;
	map->at = at;
	map->room = room;
	return 0;
}

static void insert(struct region_map *map, size_t i, const struct region *region)
{
	memmove(map->at + i + 1, map->at + i, (map->count - i) * sizeof(*region));
	map->at[i] = *region;
	map->count++;
}

static void drop(struct region_map *map, size_t i, size_t count)
{
	memmove(map->at + i, map->at + i + count,
		(map->count - i - count) * sizeof(*map->at));
	map->count -= count;
}

/* Make the address a border, if it is within a region. Needs room for one. */
static void split(struct region_map *map, uint64_t addr)
{
	size_t i = lower(map, addr);
	struct region right;

	if (i == map->count || map->at[i].start >= addr)
		return;
	right = map->at[i];
	right.key = region_key(map, &right, addr);
	right.start = addr;
	map->at[i].end = addr;
	insert(map, i + 1, &right);
}

static bool fits(const struct region_map *map, const struct region *left,
		 const struct region *right)
{
	return left->end == right->start && left->unit == right->unit &&
	       left->flags == right->flags && left->shared == right->shared &&
	       (!left->shared || left->file_key == right->file_key) &&
	       (((left->flags & REGION_ZERO) && !left->shared) ||
		region_key(map, left, left->end) == right->key);
}

static void merge(struct region_map *map, size_t i)
{
	if (i + 1 < map->count && fits(map, &map->at[i], &map->at[i + 1])) {
		map->at[i].end = map->at[i + 1].end;
		drop(map, i + 1, 1);
	}
	if (i && i < map->count && fits(map, &map->at[i - 1], &map->at[i])) {
		map->at[i - 1].end = map->at[i].end;
		drop(map, i, 1);
	}
}

int region_cut(struct region_map *map, uint64_t start, uint64_t end)
{
	size_t first;

	if (reserve(map, 2))
		return -ENOMEM;
	split(map, start);
	split(map, end);
	first = lower(map, start);
	drop(map, first, lower(map, end) - first);
	return 0;
}

int region_set(struct region_map *map, const struct region *region)
{
	size_t i;

	/* two halves that a cut leaves, and this one */
	if (reserve(map, 3))
		return -ENOMEM;
	region_cut(map, region->start, region->end);
	i = lower(map, region->start);
	insert(map, i, region);
	merge(map, i);
	return 0;
}

int region_zero(struct region_map *map, uint64_t start, uint64_t end)
{
	struct region part;
	uint64_t addr = start;
	int err;

	while (addr < end) {
		const struct region *region = region_find(map, addr);

		if (!region || region->start >= end)
			break;
		part = *region;
		part.key = 0;
		if (part.start < addr)
			part.start = addr;
		if (part.end > end)
			part.end = end;
		if (part.shared)
			part.key = region_key(map, region, part.start);
		part.flags |= REGION_ZERO;
		addr = part.end;
		err = region_set(map, &part);
		if (err)
			return err;
	}
	return 0;
}

int region_move(struct region_map *map, uint64_t from, uint64_t to, uint64_t len)
{
	struct region_map moved = {.page = map->page};
	const struct region *region;
	struct region part;
	size_t i;
	int err = 0;

	for (region = region_find(map, from);
	     !err && region && region < map->at + map->count && region->start < from + len;
	     region++) {
		part = *region;
		if (part.start < from) {
			part.key = region_key(map, region, from);
			part.start = from;
		}
		if (part.end > from + len)
			part.end = from + len;
		part.start = part.start - from + to;
		part.end = part.end - from + to;
		err = region_set(&moved, &part);
	}
	if (!err)
		err = region_zero(map, from, from + len);
	if (!err)
		err = region_cut(map, to, to + len);
	for (i = 0; !err && i < moved.count; i++)
		err = region_set(map, &moved.at[i]);
	region_free(&moved);
	return err;
}

int region_copy(struct region_map *to, const struct region_map *from)
{
	to->page = from->page;
	if (!from->count)
		return 0;
	to->at = malloc(from->count * sizeof(*to->at));
	if (!to->at)
		return -ENOMEM;
	memcpy(to->at, from->at, from->count * sizeof(*to->at));
	to->count = from->count;
	to->room = from->count;
	return 0;
}

void region_free(struct region_map *map)
{
	free(map->at);
	map->at = NULL;
	map->count = 0;
	map->room = 0;
}
