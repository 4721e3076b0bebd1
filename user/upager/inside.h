/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paging without a pager: the thread that faults gets SIGBUS, and its handler
 * fills the page. No other process, no wake-up; but
 *
 * - a system call that touches a missing page fails with EFAULT,
 * - what was thrown away (madvise) comes back as it was at first,
 * - pages must be made by code that may run in a signal handler.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stddef.h>
#include <stdint.h>

/**
 * typedef inside_fn - fill a page
 * @ctx: of inside_region()
 * @number: of the page in the region
 * @page: to be filled
 *
 * Runs in a signal handler, in several threads at once.
 *
 * Return: 0, or a negative errno: then the thread gets the signal in earnest.
 */
typedef int (*inside_fn)(void *ctx, uint64_t number, void *page);

/**
 * struct inside_counts - what was done so far
 * @copied: pages that the kernel copied
 * @moved: pages that it took away from where they were filled (UFFDIO_MOVE)
 */
struct inside_counts {
	unsigned long copied;
	unsigned long moved;
};

extern struct inside_counts inside_counts;

/**
 * inside_way - choose how pages are filled; before the first region
 * @name: "copy", "move", or "auto", the faster one, which is to copy: a page that
 *	was given away has to be had from the kernel anew
 *
 * Return: 0, EOPNOTSUPP if the kernel can't, EINVAL if there is no such way, or
 * another negative errno.
 */
int inside_way(const char *name);

/**
 * inside_how - how pages are filled
 *
 * Return: "copy" or "move".
 */
const char *inside_how(void);

/**
 * inside_region - fill the missing pages of a range in the threads that fault
 * @at: its first address
 * @len: bytes
 * @fn: fills a page
 * @ctx: for @fn
 *
 * A handler for SIGBUS that the process had before is called for any other
 * SIGBUS. After fork() the child's memory is filled in the same way.
 *
 * Return: 0 or a negative errno: EOPNOTSUPP if the kernel can't, ENOSPC if there
 * are too many regions.
 */
int inside_region(void *at, size_t len, inside_fn fn, void *ctx);

#endif /* INSIDE_H */
