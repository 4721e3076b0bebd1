// SPDX-License-Identifier: GPL-2.0-only
/* Transfers of a file: store through io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "store-file.h"

#define ENTRIES		256

struct ring {
	struct io_uring ring;
	struct store_watch watch;
	struct file *file;
	unsigned int unsent;
};

static void reap(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	struct io *io;
	long result;

	while (!io_uring_peek_cqe(&ring->ring, &cqe)) {
		io = io_uring_cqe_get_data(cqe);
		result = cqe->res;
		io_uring_cqe_seen(&ring->ring, cqe);
		file_io_done(ring->file, io, result);
	}
}

static void push(struct ring *ring)
{
	int n;

	while (ring->unsent) {
		n = io_uring_submit(&ring->ring);
		if (n > 0) {
			ring->unsent -= n;
		} else if (n == -EAGAIN || n == -EBUSY || n == -EINTR) {
			/* no memory, or too many that nobody has taken */
			reap(ring);
		} else {
			store_say(ring->file->store, "io_uring: error %d", -n);
			break;
		}
	}
}

static void ready(struct store_watch *watch, unsigned int events)
{
	(void)events;
	reap((struct ring *)((char *)watch - offsetof(struct ring, watch)));
}

static void ring_submit(struct file *file, struct io *io)
{
	struct ring *ring = file->engine_data;
	uint64_t offset = io->slot * file->store->page_size;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);

	while (!sqe) {
		push(ring);
		sqe = io_uring_get_sqe(&ring->ring);
	}
	switch (io->op) {
	case IO_READ:
		io_uring_prep_readv(sqe, file->fd, io->iov, io->niov, offset);
		break;
	case IO_WRITE:
		io_uring_prep_writev(sqe, file->fd, io->iov, io->niov, offset);
		break;
	case IO_PUNCH:
		io_uring_prep_fallocate(sqe, file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					offset, io->pages * file->store->page_size);
		break;
	}
	io_uring_sqe_set_data(sqe, io);
	ring->unsent++;
}

static void ring_flush(struct file *file)
{
	push(file->engine_data);
	reap(file->engine_data);
}

static int ring_open(struct file *file)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int status;

	if (!ring)
		return -ENOMEM;
	status = io_uring_queue_init(ENTRIES, &ring->ring, 0);
	if (status) {
		free(ring);
		return status;
	}
	ring->file = file;
	ring->watch.ready = ready;
	status = store_watch(file->store, ring->ring.ring_fd, &ring->watch, EPOLLIN);
	if (status) {
		io_uring_queue_exit(&ring->ring);
		free(ring);
		return status;
	}
	file->engine_data = ring;
	return 0;
}

static void ring_close(struct file *file, bool abandon)
{
	struct ring *ring = file->engine_data;

	/* The descriptor's place in the epoll set is the other process's, too. */
	if (!abandon)
		store_unwatch(file->store, ring->ring.ring_fd);
	io_uring_queue_exit(&ring->ring);
	free(ring);
}

const struct io_engine io_uring_engine = {
	.name = "uring",
	.open = ring_open,
	.submit = ring_submit,
	.flush = ring_flush,
	.close = ring_close,
};
