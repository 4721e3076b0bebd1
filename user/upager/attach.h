/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client's side: hand memory over to a pager.
 *
 *	attach_open()		a userfaultfd is made and handed over
 *	attach_region()		from now on missing pages of it come from the pager
 *	attach_detach()		all is filled in, the process goes on alone
 *
 * The client keeps its userfaultfd open: as long as it does, a thread that
 * waits for a page waits, whatever has become of the pager. The last one to be
 * closed would let it go on, and read zeros.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uffd.h"

/**
 * struct attach - a connection to a pager
 * @uffd: the userfaultfd, as handed over
 * @sock: the socket
 */
struct attach {
	struct uffd uffd;
	int sock;
};

/**
 * attach_open - connect to a pager and hand over a userfaultfd
 * @attach: filled in
 * @path: of the pager's socket
 *
 * Return: 0, or a negative errno: also EPERM if the pager does not want us.
 */
int attach_open(struct attach *attach, const char *path);

/**
 * attach_region - have the pager answer for a range
 * @attach: from attach_open()
 * @at: its first address
 * @len: bytes
 * @flags: REGION_*
 * @unit: bytes of a page of that memory
 *
 * Where the kernel does not tell the pager of forks, a child does not get the
 * range at all (MADV_DONTFORK): it would read zeros there.
 *
 * Return: 0 or a negative errno.
 */
int attach_region(struct attach *attach, void *at, size_t len, uint32_t flags, size_t unit);

/**
 * attach_shared - have the pager answer for shared memory, and give it the file
 * @attach: from attach_open()
 * @at: first address
 * @len: bytes
 * @fd: what is mapped there; sealed by F_SEAL_SHRINK, or it is of no use to others
 * @offset: from where on
 *
 * A pager that can't fill pages in the file copies them.
 *
 * Return: 0 or a negative errno.
 */
int attach_shared(struct attach *attach, void *at, size_t len, int fd, uint64_t offset);

/**
 * attach_lock - have pages stay in memory
 * @attach: from attach_open()
 * @start: from there
 * @end: to there, whatever of it is the pager's
 * @locked: they are to stay; else they need not any more
 *
 * Those that are out come back when they are touched.
 *
 * Return: 0, or a negative errno: EAGAIN if some of them is just on its way out.
 */
int attach_lock(struct attach *attach, uintptr_t start, uintptr_t end, bool locked);

/**
 * attach_detach - have all filled in, and end the connection
 * @attach: from attach_open()
 *
 * Return: 0, or a negative errno; then the pager is still in charge.
 */
int attach_detach(struct attach *attach);

#endif /* ATTACH_H */
