/* SPDX-License-Identifier: GPL-2.0-only */
/* A store in a file: what the file and the engines that move its pages share. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <sys/uio.h>

#include "store-kind.h"

/* Pages side by side in the file go as one, up to this many. */
#define IO_PAGES	64

enum io_op {
	IO_READ,
	IO_WRITE,
	IO_PUNCH,
};

/**
 * struct io - one transfer between the file and pages
 * @op: which
 * @next: of the engine's list
 * @slot: the first page in the file
 * @pages: how many
 * @tries: times that it came back without an end
 * @result: bytes, or a negative errno
 * @bounce: aligned copy of the pages, where they are not aligned themselves
 * @iov: where the pages are
 * @niov: how many parts @iov has
 * @reqs: whose pages they are
 */
struct io {
	enum io_op op;
	struct io *next;
	uint64_t slot;
	unsigned int pages;
	unsigned int tries;
	long result;
	void *bounce;
	struct iovec iov[IO_PAGES];
	unsigned int niov;
	struct store_req *reqs[IO_PAGES];
};

struct file;

/**
 * struct io_engine - how transfers are done
 * @name: in URLs
 * @open: returns 0 or a negative errno
 * @submit: begins a transfer; ends in file_io_done()
 * @flush: sends what was submitted, takes what is done
 * @close: when nothing is under way
 */
struct io_engine {
	const char *name;
	int (*open)(struct file *file);
	void (*submit)(struct file *file, struct io *io);
	void (*flush)(struct file *file);
	void (*close)(struct file *file, bool abandon);
};

extern const struct io_engine io_uring_engine;
extern const struct io_engine io_thread_engine;

/**
 * struct slots - which pages of a file are taken
 * @used: bitmap: holds a page, or is being punched
 * @dirty: bitmap: free, but still takes space on the disk
 * @room: bits in the bitmaps
 * @high: slots at and above it were never used
 * @cursor: where to look for the next free one
 * @nused: bits set in @used
 * @ndirty: bits set in @dirty
 * @limit: no more slots than this
 */
struct slots {
	uint64_t *used;
	uint64_t *dirty;
	uint64_t room;
	uint64_t high;
	uint64_t cursor;
	uint64_t nused;
	uint64_t ndirty;
	uint64_t limit;
};

int slots_take(struct slots *slots, uint64_t *slot);
void slots_give(struct slots *slots, uint64_t slot);
void slots_punched(struct slots *slots, uint64_t slot, uint64_t n);
uint64_t slots_dirty_run(struct slots *slots, uint64_t *slot);
void slots_free(struct slots *slots);

/* store->data of a file: store */
struct file {
	struct store *store;
	int fd;
	bool direct;
	bool device;
	bool quick;		/* pages may be in memory, and can be had without waiting */
	bool in_memory;		/* they always are */
	bool existed;		/* it was there, empty, before us */
	bool no_punch;		/* its file system can't */
	unsigned int punching;	/* transfers of that kind under way */
	const struct io_engine *engine;
	void *engine_data;
	struct slots slots;
	struct store_req **batch;	/* submitted since the last flush */
	unsigned int nbatch;
	struct io *free;
};

void file_io_done(struct file *file, struct io *io, long result);

#endif /* STORE_FILE_H */
