// SPDX-License-Identifier: GPL-2.0-only
/* Files that clients map. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared.h"

static void put(struct shared *shared, size_t page)
{
	if (--shared->refs)
		return;
	LIST_REMOVE(shared, link);
	munmap(shared->at, shared->pages * page);
	close(shared->fd);
	free(shared->busy);
	free(shared);
}

static struct shared *find(const struct pager *pager, const struct stat *st)
{
	struct shared *shared;

	LIST_FOREACH(shared, &pager->files, link)
		if (shared->dev == st->st_dev && shared->ino == st->st_ino)
			return shared;
	return NULL;
}

static struct shared *map_file(struct pager *pager, const struct stat *st, int fd)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->dev = st->st_dev;
	shared->ino = st->st_ino;
	shared->fd = fd;
	shared->pages = st->st_size / pager->page;
	shared->busy = calloc(shared->pages, 1);
	if (shared->busy)
		shared->at = mmap(NULL, shared->pages * pager->page, PROT_READ | PROT_WRITE,
				  MAP_SHARED, fd, 0);
	if (!shared->busy || shared->at == MAP_FAILED) {
		free(shared->busy);
		free(shared);
		return NULL;
	}
	LIST_INSERT_HEAD(&pager->files, shared, link);
	return shared;
}

/* The client has it, from now on; each file counts once. */
static int have(struct client *client, struct shared *shared)
{
	struct shared **more;
	unsigned int i;

	for (i = 0; i < client->nr_shared; i++)
		if (client->shared[i] == shared)
			return 0;
	more = realloc(client->shared, (client->nr_shared + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	client->shared = more;
	client->shared[client->nr_shared++] = shared;
	shared->refs++;
	return 0;
}

int shared_add(struct client *client, struct region *region, int fd, uint64_t offset)
{
	struct pager *pager = client->pager;
	uint64_t len = region->end - region->start;
	struct shared *shared;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) ||
	    st.st_blksize != (blksize_t)pager->page || region->unit != pager->page ||
	    offset % pager->page || offset > (uint64_t)st.st_size ||
	    len > (uint64_t)st.st_size - offset)
		return -EINVAL;
	shared = find(pager, &st);
	if (shared && offset + len > shared->pages * pager->page)
		return -EINVAL;	/* it has grown since */
	if (shared) {
		if (have(client, shared))
			return -ENOMEM;
		close(fd);
	} else {
		shared = map_file(pager, &st, fd);
		if (!shared)
			return -ENOMEM;
		if (have(client, shared)) {
			/* the descriptor stays with who has brought it */
			shared->refs = 1;
			shared->fd = -1;
			put(shared, pager->page);
			return -ENOMEM;
		}
	}
	region->shared = shared;
	region->file_key = region->key - offset / pager->page;
	return 0;
}

int shared_copy(struct client *child, const struct client *parent)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < parent->nr_shared && !err; i++)
		err = have(child, parent->shared[i]);
	return err;
}

void shared_free(struct client *client)
{
	while (client->nr_shared)
		put(client->shared[--client->nr_shared], client->pager->page);
	free(client->shared);
	client->shared = NULL;
}

void shared_done(struct shared *shared, uint64_t page, bool good)
{
	long size = sysconf(_SC_PAGESIZE);

	shared->busy[page] = 0;
	/* or somebody would find there what came of a failure */
	if (!good)
		fallocate(shared->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * size,
			  size);
}
