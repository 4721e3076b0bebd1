/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that clients map and have handed over: mapped by us as well, pages can be
 * filled where they belong.
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "pager.h"

/**
 * struct shared - a file, once however many clients map it
 * @link: in @files of the pager
 * @dev: which file
 * @ino: the same
 * @fd: a descriptor of it
 * @refs: clients that have regions of it
 * @at: where we have it
 * @pages: how many
 * @busy: by page: it is being filled
 */
struct shared {
	LIST_ENTRY(shared) link;
	dev_t dev;
	ino_t ino;
	int fd;
	unsigned int refs;
	unsigned char *at;
	uint64_t pages;
	unsigned char *busy;
};

/**
 * shared_add - a client has handed over the file that a region maps
 * @client: the client
 * @region: the region, which has its keys; gets the file
 * @fd: the file, which becomes ours if this succeeds
 * @offset: where in it the region begins
 *
 * The client must not be able to take away pages that we write to: the file is
 * one of memory and sealed against shrinking (F_SEAL_SHRINK).
 *
 * Return: 0 or a negative errno.
 */
int shared_add(struct client *client, struct region *region, int fd, uint64_t offset);

/**
 * shared_copy - a client has forked
 * @child: gets the files
 * @parent: of that one
 *
 * Return: 0 or -ENOMEM.
 */
int shared_copy(struct client *child, const struct client *parent);

/**
 * shared_free - a client is freed
 * @client: which
 */
void shared_free(struct client *client);

/**
 * shared_page - the place of an address in its file
 * @map: where
 * @region: the address is in it, and it has a file
 * @addr: the address
 *
 * Return: the number of a page.
 */
static inline uint64_t shared_page(const struct region_map *map, const struct region *region,
				   uint64_t addr)
{
	return region_key(map, region, addr) - region->file_key;
}

/**
 * shared_done - a page has been filled, or will not be
 * @shared: the file
 * @page: the page
 * @good: it has been filled; otherwise the file has no such page
 */
void shared_done(struct shared *shared, uint64_t page, bool good);

#endif /* SHARED_H */
