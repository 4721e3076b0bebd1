// SPDX-License-Identifier: GPL-2.0-only
/* Transfers of a file: store by threads, where there is no io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store-file.h"

#define THREADS		4

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct io *first, *last;	/* to be done */
	struct io *done;
	bool stop;
	int event;
	struct store_watch watch;
	struct file *file;
	pthread_t threads[THREADS];
	unsigned int nthreads;
};

static long do_io(const struct file *file, const struct io *io)
{
	size_t page_size = file->store->page_size;
	off_t offset = io->slot * page_size;
	long result;

	switch (io->op) {
	case IO_READ:
		result = preadv(file->fd, io->iov, io->niov, offset);
		break;
	case IO_WRITE:
		result = pwritev(file->fd, io->iov, io->niov, offset);
		break;
	default:
		result = fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
				   (off_t)io->pages * page_size);
		break;
	}
	return result < 0 ? -errno : result;
}

static void tell(struct pool *pool)
{
	uint64_t one = 1;

	while (write(pool->event, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *work(void *data)
{
	struct pool *pool = data;
	struct io *io;

	pthread_mutex_lock(&pool->lock);
	while (true) {
		io = pool->first;
		if (!io && pool->stop)
			break;
		if (!io) {
			pthread_cond_wait(&pool->work, &pool->lock);
			continue;
		}
		pool->first = io->next;
		pthread_mutex_unlock(&pool->lock);
		io->result = do_io(pool->file, io);
		pthread_mutex_lock(&pool->lock);
		io->next = pool->done;
		pool->done = io;
		if (!io->next)
			tell(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void ready(struct store_watch *watch, unsigned int events)
{
	struct pool *pool = (struct pool *)((char *)watch - offsetof(struct pool, watch));
	struct io *io, *next;
	uint64_t count;

	(void)events;
	if (read(pool->event, &count, sizeof(count)) < 0)
		return;		/* somebody was woken before */
	pthread_mutex_lock(&pool->lock);
	io = pool->done;
	pool->done = NULL;
	pthread_mutex_unlock(&pool->lock);
	for (; io; io = next) {
		next = io->next;
		file_io_done(pool->file, io, io->result);
	}
}

static void pool_submit(struct file *file, struct io *io)
{
	struct pool *pool = file->engine_data;

	io->next = NULL;
	pthread_mutex_lock(&pool->lock);
	if (pool->first)
		pool->last->next = io;
	else
		pool->first = io;
	pool->last = io;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

static void pool_flush(struct file *file)
{
	(void)file;
}

static void pool_close(struct file *file, bool abandon)
{
	struct pool *pool = file->engine_data;
	unsigned int i;

	/* After fork() the threads are the parent's, and so is the epoll set. */
	if (!abandon) {
		pthread_mutex_lock(&pool->lock);
		pool->stop = true;
		pthread_cond_broadcast(&pool->work);
		pthread_mutex_unlock(&pool->lock);
		for (i = 0; i < pool->nthreads; i++)
			pthread_join(pool->threads[i], NULL);
		if (pool->event >= 0)
			store_unwatch(file->store, pool->event);
	}
	if (pool->event >= 0)
		close(pool->event);
	free(pool);
}

/* Signals are for the threads of the program. */
static int start_threads(struct pool *pool)
{
	sigset_t all, before;
	int status = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!status && pool->nthreads < THREADS) {
		status = pthread_create(&pool->threads[pool->nthreads], NULL, work, pool);
		if (!status)
			pool->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pool->nthreads ? 0 : -status;
}

static int pool_open(struct file *file)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int status;

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pool->file = file;
	pool->watch.ready = ready;
	file->engine_data = pool;
	pool->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = pool->event < 0 ? -errno :
		 store_watch(file->store, pool->event, &pool->watch, EPOLLIN);
	if (!status)
		status = start_threads(pool);
	if (status)
		pool_close(file, false);
	return status;
}

const struct io_engine io_thread_engine = {
	.name = "threads",
	.open = pool_open,
	.submit = pool_submit,
	.flush = pool_flush,
	.close = pool_close,
};
