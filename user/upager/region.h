/* SPDX-License-Identifier: GPL-2.0-only */
/* Which page of the source belongs to which address of a client. */
#ifndef REGION_H
#define REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct region, flags */
#define REGION_ZERO	(1u << 0) /* zeros; keys tell only the place in a file */
#define REGION_FIXED	(1u << 1) /* no private anonymous memory: only copies fit */
#define REGION_SHARED	(1u << 2) /* another client may have the same keys */

struct shared;

/**
 * struct region - addresses with consecutive keys
 * @start: first address
 * @end: first address behind
 * @key: of the first base page; the next one's is one more
 * @unit: bytes of a page as the client's memory has them (hugetlb: many KiB)
 * @flags: REGION_*
 * @file_key: of the first page of @shared
 * @shared: the file that it maps, if the client has handed it over (shared.h)
 */
struct region {
	uint64_t start;
	uint64_t end;
	uint64_t key;
	uint32_t unit;
	uint32_t flags;
	uint64_t file_key;
	struct shared *shared;
};

/**
 * struct region_map - a client's regions, sorted, without overlap
 * @at: the array
 * @count: how many
 * @room: for how many there is memory
 * @page: bytes of a base page
 */
struct region_map {
	struct region *at;
	size_t count;
	size_t room;
	size_t page;
};

/**
 * region_find - the region at or behind an address
 * @map: where
 * @addr: the address
 *
 * Return: the first region that ends behind @addr, NULL if there is none.
 */
struct region *region_find(const struct region_map *map, uint64_t addr);

/**
 * region_at - the region of an address
 * @map: where
 * @addr: the address
 *
 * Return: the region, NULL if the address is in none.
 */
struct region *region_at(const struct region_map *map, uint64_t addr);

/**
 * region_key - the key of an address
 * @map: where
 * @region: the address is in it
 * @addr: the address
 *
 * Return: the key.
 */
uint64_t region_key(const struct region_map *map, const struct region *region, uint64_t addr);

/**
 * region_set - say what is at some addresses, whatever was there
 * @map: where
 * @region: what
 *
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int region_set(struct region_map *map, const struct region *region);

/**
 * region_cut - nothing is there any more
 * @map: where
 * @start: first address
 * @end: first address behind
 *
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int region_cut(struct region_map *map, uint64_t start, uint64_t end);

/**
 * region_zero - what is there has become zeros
 * @map: where
 * @start: first address
 * @end: first address behind
 *
 * Return: 0 or -ENOMEM.
 */
int region_zero(struct region_map *map, uint64_t start, uint64_t end);

/**
 * region_move - contents go to other addresses, zeros are left behind
 * @map: where
 * @from: first address
 * @to: where it goes; what was there is gone
 * @len: bytes
 *
 * Return: 0 or -ENOMEM.
 */
int region_move(struct region_map *map, uint64_t from, uint64_t to, uint64_t len);

/**
 * region_copy - the same regions once more
 * @to: an empty map
 * @from: another
 *
 * Return: 0 or -ENOMEM.
 */
int region_copy(struct region_map *to, const struct region_map *from);

/**
 * region_free - free the memory of a map
 * @map: becomes empty
 */
void region_free(struct region_map *map);

#endif /* REGION_H */
