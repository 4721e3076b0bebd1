/* SPDX-License-Identifier: GPL-2.0-only */
/* Which page of ours is at which address of a client. */
#ifndef DONORS_H
#define DONORS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct donor - a page that a client has from us
 * @addr: where it has it
 * @page: its number in the arena
 */
struct donor {
	uint64_t addr;
	unsigned int page;
};

/**
 * struct donors - what a client has from us, sorted by address
 * @at: the array
 * @count: how many
 * @room: for how many there is memory
 */
struct donors {
	struct donor *at;
	size_t count;
	size_t room;
};

/**
 * donors_new - none yet
 *
 * Return: an empty list, NULL if there is no memory.
 */
struct donors *donors_new(void);

/**
 * donors_reserve - see that so many more can be inserted
 * @donors: where
 * @more: how many
 *
 * Return: 0 or -ENOMEM.
 */
int donors_reserve(struct donors *donors, size_t more);

/**
 * donors_lower - where an address is, or would be
 * @donors: where
 * @addr: the address
 *
 * Return: an index.
 */
size_t donors_lower(const struct donors *donors, uint64_t addr);

/**
 * donors_insert - add one, for which there is room
 * @donors: where
 * @addr: where the client has it
 * @page: its number in the arena
 */
void donors_insert(struct donors *donors, uint64_t addr, unsigned int page);

/**
 * donors_drop - take some out
 * @donors: where from
 * @first: index of the first
 * @count: how many
 */
void donors_drop(struct donors *donors, size_t first, size_t count);

/**
 * donors_free - free a list; the pages are the caller's
 * @donors: which
 */
void donors_free(struct donors *donors);

#endif /* DONORS_H */
