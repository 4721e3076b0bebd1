// SPDX-License-Identifier: GPL-2.0-only
/*
 * file: pages in a file or on a block device. A file is unlinked as soon as it
 * is open: whatever becomes of us, it is gone with us.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store-file.h"

#define DEPTH		256
/* What O_DIRECT wants of addresses, more than any disk's sectors */
#define ALIGNMENT	4096
/* Free slots whose space is given back at once; a few are soon used again. */
#define PUNCH_BATCH	256
#define TRIES		3

static struct io *take_io(struct file *file)
{
	struct io *io = file->free;

	if (io)
		file->free = io->next;
	else
		io = malloc(sizeof(*io));
	if (io)
		memset(io, 0, offsetof(struct io, iov));
	return io;
}

static void give_io(struct file *file, struct io *io)
{
	free(io->bounce);
	io->next = file->free;
	file->free = io;
}

static void fail_all(struct file *file, struct store_req **reqs, unsigned int n, int status)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		store_complete(file->store, reqs[i], status);
}

/* Pages that are not aligned for O_DIRECT go through a buffer that is. */
static int set_vector(struct file *file, struct io *io)
{
	size_t size = file->store->page_size;
	bool aligned = true;
	unsigned int i;

	for (i = 0; i < io->pages; i++) {
		io->iov[i] = (struct iovec){.iov_base = io->reqs[i]->page, .iov_len = size};
		if ((uintptr_t)io->reqs[i]->page % (size < ALIGNMENT ? size : ALIGNMENT))
			aligned = false;
	}
	io->niov = io->pages;
	if (aligned || !file->direct)
		return 0;
	if (posix_memalign(&io->bounce, ALIGNMENT, io->pages * size))
		return -ENOMEM;
	for (i = 0; io->op == IO_WRITE && i < io->pages; i++)
		memcpy((char *)io->bounce + i * size, io->reqs[i]->page, size);
	io->iov[0] = (struct iovec){.iov_base = io->bounce, .iov_len = io->pages * size};
	io->niov = 1;
	return 0;
}

/*
 * What is in memory already is read at once: an engine would have to wake somebody
 * for it, which takes longer than reading does. True: it is done with
 */
static bool read_now(struct file *file, struct io *io)
{
	size_t size = file->store->page_size;
	ssize_t got;

	if (!file->quick || io->op != IO_READ)
		return false;
	got = preadv2(file->fd, io->iov, io->niov, io->slot * size,
		      file->in_memory ? 0 : RWF_NOWAIT);
	if (got < 0 && errno == EOPNOTSUPP)
		file->quick = false;
	if (got != (ssize_t)(io->pages * size))
		return false;
	file_io_done(file, io, got);
	return true;
}

static void transfer(struct file *file, struct store_req **reqs, unsigned int n)
{
	struct io *io = take_io(file);

	if (!io) {
		fail_all(file, reqs, n, -ENOMEM);
		return;
	}
	io->op = reqs[0]->private.wire == STORE_GET ? IO_READ : IO_WRITE;
	io->slot = reqs[0]->private.entry->loc - 1;
	io->pages = n;
	memcpy(io->reqs, reqs, n * sizeof(*reqs));
	if (set_vector(file, io)) {
		give_io(file, io);
		fail_all(file, reqs, n, -ENOMEM);
		return;
	}
	if (!read_now(file, io))
		file->engine->submit(file, io);
}

/* Space of slots that are free is given back to the file system. */
static void punch(struct file *file)
{
	uint64_t slot = 0, n;
	struct io *io;

	while (!file->no_punch && (n = slots_dirty_run(&file->slots, &slot))) {
		io = take_io(file);
		if (!io) {
			slots_punched(&file->slots, slot, n);
			return;
		}
		io->op = IO_PUNCH;
		io->slot = slot;
		io->pages = n;
		file->punching++;
		file->engine->submit(file, io);
	}
}

static int page_status(struct file *file, const struct io *io)
{
	if (io->result >= 0) {
		store_say(file->store, "file: a page is not there any more: was it truncated?");
		return io->op == IO_READ ? -ENODATA : -EIO;
	}
	store_say(file->store, "file: %s: %s", io->op == IO_READ ? "read" : "write",
		  strerror(-io->result));
	if (io->result == -ENOSPC || io->result == -EDQUOT || io->result == -EFBIG)
		return -ENOSPC;
	return io->result == -ENOMEM ? -ENOMEM : -EIO;
}

static void end_pages(struct file *file, struct io *io, int status)
{
	size_t size = file->store->page_size;
	unsigned int i;

	for (i = 0; i < io->pages; i++) {
		if (io->bounce && io->op == IO_READ && !status)
			memcpy(io->reqs[i]->page, (char *)io->bounce + i * size, size);
		store_complete(file->store, io->reqs[i], status);
	}
	give_io(file, io);
}

/* Which of several pages it was that failed, each for itself will tell. */
static void one_by_one(struct file *file, struct io *io)
{
	unsigned int i;

	for (i = 0; i < io->pages; i++)
		transfer(file, &io->reqs[i], 1);
	give_io(file, io);
	file->engine->flush(file);
}

void file_io_done(struct file *file, struct io *io, long result)
{
	long whole = io->pages * file->store->page_size;

	io->result = result;
	if (io->op == IO_PUNCH) {
		if (result < 0)
			file->no_punch = true;
		file->punching--;
		slots_punched(&file->slots, io->slot, io->pages);
		give_io(file, io);
	} else if (result == whole) {
		end_pages(file, io, 0);
	} else if (io->pages > 1) {
		one_by_one(file, io);
	} else if ((result == -EAGAIN || result == -EINTR || result > 0) && ++io->tries < TRIES) {
		file->engine->submit(file, io);
		file->engine->flush(file);
	} else {
		end_pages(file, io, page_status(file, io));
	}
}

static void file_drop(struct store *store, struct store_entry *entry)
{
	struct file *file = store->data;

	/* Slot numbers are kept one higher: 0 is none. */
	if (!entry->loc)
		return;
	slots_give(&file->slots, entry->loc - 1);
	entry->loc = 0;
}

static void file_submit(struct store *store, struct store_req *req)
{
	struct store_entry *entry = req->private.entry;
	struct file *file = store->data;
	uint64_t slot;
	int status;

	if (req->private.wire == STORE_DEL) {
		file_drop(store, entry);
		store_complete(store, req, 0);
		return;
	}
	if (!entry->loc) {
		status = slots_take(&file->slots, &slot);
		if (status == -ENOSPC)
			store_say(store, "file: all of its size is used");
		if (status) {
			store_complete(store, req, status);
			return;
		}
		entry->loc = slot + 1;
	}
	file->batch[file->nbatch++] = req;
}

static int by_slot(const void *a, const void *b)
{
	const struct store_req *x = *(struct store_req *const *)a;
	const struct store_req *y = *(struct store_req *const *)b;

	if (x->private.wire != y->private.wire)
		return x->private.wire < y->private.wire ? -1 : 1;
	if (x->private.entry->loc == y->private.entry->loc)
		return 0;
	return x->private.entry->loc < y->private.entry->loc ? -1 : 1;
}

static bool adjacent(const struct store_req *a, const struct store_req *b)
{
	return a->private.wire == b->private.wire &&
	       a->private.entry->loc + 1 == b->private.entry->loc;
}

static bool file_read_run(struct store *store, const struct store_entry *entry,
			  unsigned int count, void *pages)
{
	struct iovec iov = {.iov_base = pages, .iov_len = count * store->page_size};
	struct file *file = store->data;

	/* as read_now() does, which also finds out if it can't be done at all */
	return file->quick &&
	       preadv2(file->fd, &iov, 1, (entry->loc - 1) * store->page_size,
		       file->in_memory ? 0 : RWF_NOWAIT) == (ssize_t)iov.iov_len;
}

/* Mostly they come in the order in which they are in the file. */
static void sort_batch(struct file *file)
{
	unsigned int i;

	for (i = 1; i < file->nbatch; i++) {
		if (by_slot(&file->batch[i - 1], &file->batch[i]) > 0) {
			qsort(file->batch, file->nbatch, sizeof(*file->batch), by_slot);
			return;
		}
	}
}

static void file_flush(struct store *store)
{
	struct file *file = store->data;
	unsigned int n = file->nbatch, i, from = 0;

	sort_batch(file);
	for (i = 1; i <= n; i++) {
		if (i < n && i - from < IO_PAGES && adjacent(file->batch[i - 1], file->batch[i]))
			continue;
		transfer(file, file->batch + from, i - from);
		from = i;
	}
	file->nbatch = 0;
	if (file->slots.ndirty >= PUNCH_BATCH || (file->slots.ndirty && !store->stats.pages))
		punch(file);
	file->engine->flush(file);
}

static int open_path(struct file *file, const char *path)
{
	const int flags = O_RDWR | O_CLOEXEC;
	struct stat st;
	int fd;

	if (stat(path, &st)) {
		fd = errno == ENOENT ? open(path, flags | O_CREAT | O_EXCL, 0600) : -1;
		if (fd >= 0)
			unlink(path);
	} else if (S_ISDIR(st.st_mode)) {
		fd = open(path, flags | O_TMPFILE, 0600);
	} else if (S_ISBLK(st.st_mode)) {
		file->device = true;
		fd = open(path, flags | O_EXCL);
	} else if (S_ISREG(st.st_mode) && !st.st_size) {
		file->existed = true;
		fd = open(path, flags);
	} else {
		return fail_open(EEXIST, "%s: it is not empty: name a directory or a new file",
				 path);
	}
	if (fd < 0)
		return fail_open(errno, "%s: %s", path, strerror(errno));
	file->fd = fd;
	return 0;
}

/* Some file systems refuse O_DIRECT at once, some when the first page comes. */
static int try_direct(struct file *file)
{
	size_t size = file->store->page_size;
	void *page;
	ssize_t n;

	if (fcntl(file->fd, F_SETFL, O_DIRECT)) {
		file->direct = false;
		return 0;
	}
	if (posix_memalign(&page, ALIGNMENT, size))
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	memset(page, 0, size);
	n = file->device ? pread(file->fd, page, size, 0) : pwrite(file->fd, page, size, 0);
	free(page);
	if (n == (ssize_t)size)
		return file->device || !ftruncate(file->fd, 0) ? 0 :
		       fail_open(errno, "truncate: %s", strerror(errno));
	if (n < 0 && errno != EINVAL)
		return fail_open(errno, "its first page: %s", strerror(errno));
	file->direct = false;
	if (fcntl(file->fd, F_SETFL, 0))
		return fail_open(errno, "without O_DIRECT: %s", strerror(errno));
	return 0;
}

/* Without O_DIRECT pages may be in memory; on some file systems they always are. */
static void try_quick(struct file *file)
{
	struct statfs fs;
	unsigned int type;

	file->quick = !file->direct;
	if (fstatfs(file->fd, &fs))
		return;
	type = fs.f_type;
	file->in_memory = type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

static int open_engine(struct store *store, struct file *file)
{
	const char *name = url_param(store, "engine");
	const struct io_engine *const all[] = {&io_uring_engine, &io_thread_engine};
	int status = -EINVAL, i;

	for (i = 0; i < 2 && status; i++) {
		if (name && strcmp(name, all[i]->name))
			continue;
		file->engine = all[i];
		status = all[i]->open(file);
		if (status && name)
			return fail_open(-status, "engine=%s: %s", name, strerror(-status));
	}
	if (status)
		return fail_open(-status, "engine=%s: there are uring and threads",
				 name ?: strerror(-status));
	return 0;
}

static int set_up(struct store *store, struct file *file, const char *path)
{
	uint64_t direct = 1, size = UINT64_MAX, all;
	int status;

	status = url_number(store, "direct", 0, 1, &direct) ?: url_size(store, "size", &size);
	if (status)
		return status;
	file->direct = direct;
	status = open_path(file, path);
	if (!status && direct)
		status = try_direct(file);
	if (status)
		return status;
	try_quick(file);
	if (file->device) {
		if (ioctl(file->fd, BLKGETSIZE64, &all))
			return fail_open(errno, "its size: %s", strerror(errno));
		size = size < all ? size : all;
	}
	file->slots.limit = size / store->page_size;
	file->batch = calloc(store->depth, sizeof(*file->batch));
	if (!file->batch)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	return open_engine(store, file);
}

static void free_file(struct file *file)
{
	struct io *io;

	if (file->fd >= 0)
		close(file->fd);
	while ((io = file->free)) {
		file->free = io->next;
		free(io);
	}
	slots_free(&file->slots);
	free(file->batch);
	free(file);
}

static int file_open(struct store *store, const char *rest)
{
	struct file *file;
	int status;

	if (!*rest)
		return fail_open(EINVAL, "'file:' wants the path of a file, directory or device");
	file = calloc(1, sizeof(*file));
	if (!file)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	file->store = store;
	file->fd = -1;
	store->data = file;
	status = set_up(store, file, rest);
	if (status)
		free_file(file);
	return status;
}

/* Transfers into memory that is about to be freed must end before. */
static int file_remove(struct store *store)
{
	struct file *file = store->data;

	return file->punching ? -EAGAIN : 0;
}

static void file_close(struct store *store, bool abandon)
{
	struct file *file = store->data;

	file->engine->close(file, abandon);
	if (!abandon && file->device)
		fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			  file->slots.high * store->page_size);
	if (!abandon && file->existed && ftruncate(file->fd, 0))
		store_say(store, "truncate: %s", strerror(errno));
	free_file(file);
}

static uint64_t file_bytes(const struct store *store)
{
	const struct file *file = store->data;

	return (file->slots.nused + file->slots.ndirty) * store->page_size;
}

const struct store_kind store_file = {
	.scheme = "file",
	.form = "file:PATH[?direct=0&engine=threads&size=SIZE]",
	.summary = "a file, in a directory, or a block device",
	.depth = DEPTH,
	.open = file_open,
	.submit = file_submit,
	.flush = file_flush,
	.read_run = file_read_run,
	.drop = file_drop,
	.remove = file_remove,
	.close = file_close,
	.bytes = file_bytes,
};
