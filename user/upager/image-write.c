// SPDX-License-Identifier: GPL-2.0-only
/* Writing snapshots. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "image.h"

/* Pages that are not compressed stay aligned. */
#define DATA_AT		4096u
#define ZSTD_LEVEL	3

struct image_writer {
	struct image_header header;
	struct image_region regions[IMAGE_REGIONS];
	struct image_page *pages;
	size_t room;
	char *path;
	char *temporary;
	FILE *file;
	uint64_t at;
	ZSTD_CCtx *compress;
	char *packed;
	size_t packed_room;
};

static int open_temporary(struct image_writer *writer)
{
	int fd;

	if (asprintf(&writer->temporary, "%s.XXXXXX", writer->path) < 0) {
		writer->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(writer->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(writer->temporary);
		writer->temporary = NULL;
		return -errno;
	}
	writer->file = fdopen(fd, "w");
	if (!writer->file) {
		close(fd);
		return -ENOMEM;
	}
	return fseeko(writer->file, DATA_AT, SEEK_SET) ? -errno : 0;
}

int image_create(const char *path, size_t page, size_t pointer, enum image_codec codec,
		 struct image_writer **writer)
{
	struct image_writer *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	*writer = NULL;
	if (!made)
		return err;
	made->header = (struct image_header){
		.version = IMAGE_VERSION,
		.page = page,
		.codec = codec,
		.pointer = pointer,
		.data_at = DATA_AT,
	};
	memcpy(made->header.magic, IMAGE_MAGIC, sizeof(made->header.magic));
	made->at = DATA_AT;
	made->path = strdup(path);
	made->compress = ZSTD_createCCtx();
	made->packed_room = ZSTD_compressBound(page) + LZ4_COMPRESSBOUND(page);
	made->packed = malloc(made->packed_room);
	if (made->path && made->compress && made->packed)
		err = open_temporary(made);
	if (!err && getrandom(&made->header.id, sizeof(made->header.id), 0) < 0)
		err = -errno;
	if (err)
		image_abandon(made);
	else
		*writer = made;
	return err;
}

int image_add(struct image_writer *writer, const char *name, uint64_t start, uint64_t len)
{
	struct image_region *region = &writer->regions[writer->header.nr_regions];
	const struct image_region *other;
	uint64_t mask = writer->header.page - 1;

	if (strlen(name) >= IMAGE_NAME || !len || ((start | len) & mask) || start + len < start)
		return -EINVAL;
	if (writer->header.nr_regions == IMAGE_REGIONS)
		return -ENOSPC;
	for (other = writer->regions; other < region; other++)
		if (!strcmp(other->name, name) ||
		    (start < other->start + other->len && other->start < start + len))
			return -EEXIST;
	*region = (struct image_region){
		.start = start,
		.len = len,
		.first = writer->header.total,
	};
	memcpy(region->name, name, strlen(name));
	if (!image_name_is_good(region->name))
		return -EINVAL;
	writer->header.nr_regions++;
	writer->header.total += len / writer->header.page;
	return 0;
}

/* Length of the page in the buffer, 0 if it does not get shorter */
static size_t squeeze(struct image_writer *writer, const void *page)
{
	size_t size = writer->header.page, len = 0;
	int n;

	if (writer->header.codec == IMAGE_ZSTD) {
		len = ZSTD_compressCCtx(writer->compress, writer->packed, writer->packed_room,
					page, size, ZSTD_LEVEL);
		if (ZSTD_isError(len))
			len = 0;
	} else if (writer->header.codec == IMAGE_LZ4) {
		n = LZ4_compress_default(page, writer->packed, size, writer->packed_room);
		len = n > 0 ? n : 0;
	}
	return len < size ? len : 0;
}

static int put(struct image_writer *writer, const void *from, size_t len)
{
	errno = EIO;
	if (fwrite(from, 1, len, writer->file) != len)
		return -errno;
	writer->at += len;
	return 0;
}

int image_put(struct image_writer *writer, uint64_t addr, const void *page)
{
	const struct image_region *region = &writer->regions[writer->header.nr_regions - 1];
	size_t size = writer->header.page, len, room;
	struct image_page *entry, *more;
	const char *bytes = page;

	if (!writer->header.nr_regions || addr < region->start ||
	    addr - region->start >= region->len || (addr & (size - 1)))
		return -EINVAL;
	if (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1))
		return 0;
	if (writer->header.nr_pages == writer->room) {
		room = writer->room ? 2 * writer->room : 1024;
		more = reallocarray(writer->pages, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		writer->pages = more;
		writer->room = room;
	}
	entry = &writer->pages[writer->header.nr_pages];
	entry->index = region->first + (addr - region->start) / size;
	entry->at = writer->at;
	entry->sum = image_sum(writer->header.id, entry->index, page, size);
	if (writer->header.nr_pages && entry->index <= entry[-1].index)
		return -EINVAL;
	writer->header.nr_pages++;
	len = squeeze(writer, page);
	return len ? put(writer, writer->packed, len) : put(writer, page, size);
}

/* Tables behind the pages, then the header that says where they are */
static int write_tables(struct image_writer *writer)
{
	static const char zeros[8];
	struct image_header *header = &writer->header;
	size_t regions = header->nr_regions * sizeof(*writer->regions);
	size_t pages = header->nr_pages * sizeof(*writer->pages);
	int err;

	header->data_end = writer->at;
	err = put(writer, zeros, -writer->at & 7);
	header->regions_at = writer->at;
	header->size = writer->at + regions + pages;
	header->tables_sum = image_tables_sum(writer->regions, header->nr_regions, writer->pages,
					      header->nr_pages);
	header->sum = image_header_sum(header);
	err = err ?: put(writer, writer->regions, regions) ?: put(writer, writer->pages, pages);
	if (!err && fseeko(writer->file, 0, SEEK_SET))
		err = -errno;
	return err ?: put(writer, header, sizeof(*header));
}

/* A name is on disk when its directory is. */
static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* not every file system can */
	if (fd >= 0 && fsync(fd) && errno != EINVAL)
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

int image_commit(struct image_writer *writer, struct image_header *header)
{
	int err = write_tables(writer);

	errno = EIO;
	if (!err && (fflush(writer->file) || fsync(fileno(writer->file))))
		err = -errno;
	if (!err && rename(writer->temporary, writer->path))
		err = -errno;
	if (!err) {
		free(writer->temporary);
		writer->temporary = NULL;
		err = sync_directory(writer->path);
	}
	if (header)
		*header = writer->header;
	image_abandon(writer);
	return err;
}

void image_abandon(struct image_writer *writer)
{
	if (!writer)
		return;
	if (writer->file)
		fclose(writer->file);
	if (writer->temporary) {
		unlink(writer->temporary);
		free(writer->temporary);
	}
	ZSTD_freeCCtx(writer->compress);
	free(writer->packed);
	free(writer->pages);
	free(writer->path);
	free(writer);
}
