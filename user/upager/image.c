// SPDX-License-Identifier: GPL-2.0-only
/* Reading snapshots. Nothing that is in the file is believed. */
#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "image.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they are");
_Static_assert(sizeof(struct image_header) == 128, "the same on every machine");
_Static_assert(sizeof(struct image_region) == 56, "the same on every machine");
_Static_assert(sizeof(struct image_page) == 24, "the same on every machine");

static const char *const codecs[IMAGE_CODECS] = {
	[IMAGE_PLAIN] = "none",
	[IMAGE_LZ4] = "lz4",
	[IMAGE_ZSTD] = "zstd",
};

static char error[512];

int image_codec(const char *name)
{
	int i;

	for (i = 0; i < IMAGE_CODECS; i++)
		if (!strcmp(name, codecs[i]))
			return i;
	return -1;
}

const char *image_codec_name(uint32_t codec)
{
	return codec < IMAGE_CODECS ? codecs[codec] : "unknown";
}

const char *image_error(void)
{
	return error;
}

uint64_t image_sum(uint64_t id, uint64_t index, const void *page, size_t len)
{
	return XXH3_64bits_withSeed(page, len, index ^ id);
}

uint64_t image_header_sum(const struct image_header *header)
{
	return XXH3_64bits(header, offsetof(struct image_header, sum));
}

uint64_t image_tables_sum(const struct image_region *regions, size_t nr_regions,
			  const struct image_page *pages, size_t nr_pages)
{
	uint64_t sum = XXH3_64bits(regions, nr_regions * sizeof(*regions));

	return XXH3_64bits_withSeed(pages, nr_pages * sizeof(*pages), sum);
}

bool image_name_is_good(const char name[IMAGE_NAME])
{
	size_t i;

	for (i = 0; i < IMAGE_NAME && name[i]; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return i && i < IMAGE_NAME;
}

static __attribute__((format(printf, 3, 4)))
int bad(const struct image *image, int err, const char *format, ...)
{
	int n = snprintf(error, sizeof(error), "%s: ", image->path);
	va_list args;

	if (n < 0 || (size_t)n >= sizeof(error))
		return err;
	va_start(args, format);
	vsnprintf(error + n, sizeof(error) - n, format, args);
	va_end(args);
	return err;
}

static bool read_all(const struct image *image, void *to, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(image->fd, (char *)to + done, len - done, at + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += got;
	}
	return true;
}

static int check_header(const struct image *image, uint64_t size)
{
	const struct image_header *header = &image->header;

	if (memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic)))
		return bad(image, -EBADMSG, "no snapshot");
	if (header->version != IMAGE_VERSION)
		return bad(image, -EBADMSG, "a snapshot of version %u, this program knows %u",
			   header->version, IMAGE_VERSION);
	if (header->sum != image_header_sum(header))
		return bad(image, -EBADMSG, "its header is damaged (checksum)");
	if (header->size != size)
		return bad(image, -EBADMSG, "%s: it has %llu bytes, and should have %llu",
			   size < header->size ? "cut off" : "too long",
			   (unsigned long long)size, (unsigned long long)header->size);
	if (header->page < 4096 || header->page > 1u << 20 ||
	    (header->page & (header->page - 1)) || header->codec >= IMAGE_CODECS ||
	    (header->pointer != 4 && header->pointer != 8) || header->reserved[0] ||
	    header->reserved[1] || header->reserved[2] || header->nr_regions > IMAGE_REGIONS ||
	    header->data_at < sizeof(*header) || header->data_end < header->data_at ||
	    header->regions_at < header->data_end || header->regions_at > size ||
	    header->nr_pages > size / sizeof(struct image_page) ||
	    header->total > UINT64_MAX / 4 / header->page ||
	    size - header->regions_at != header->nr_regions * sizeof(struct image_region) +
					 header->nr_pages * sizeof(struct image_page))
		return bad(image, -EBADMSG, "its header makes no sense");
	return 0;
}

static bool regions_overlap(const struct image_region *a, const struct image_region *b)
{
	return a->start < b->start + b->len && b->start < a->start + a->len;
}

static int check_regions(const struct image *image)
{
	const struct image_region *region = image->regions, *end, *other;
	uint64_t mask = image->header.page - 1, first = 0;

	for (end = region + image->header.nr_regions; region < end; region++) {
		if (!image_name_is_good(region->name) || !region->len || region->first != first ||
		    ((region->start | region->len) & mask) ||
		    region->start + region->len < region->start ||
		    region->len / image->header.page > image->header.total - first)
			return bad(image, -EBADMSG, "its table of regions makes no sense");
		for (other = image->regions; other < region; other++)
			if (!strcmp(other->name, region->name) || regions_overlap(other, region))
				return bad(image, -EBADMSG, "two of its regions are one");
		first += region->len / image->header.page;
	}
	if (first != image->header.total)
		return bad(image, -EBADMSG, "its table of regions makes no sense");
	return 0;
}

/* Where a page ends */
static uint64_t end_of(const struct image *image, uint64_t i)
{
	return i + 1 < image->header.nr_pages ? image->pages[i + 1].at : image->header.data_end;
}

static int check_pages(const struct image *image)
{
	uint64_t i, at = image->header.data_at, end;

	for (i = 0; i < image->header.nr_pages; i++) {
		const struct image_page *page = &image->pages[i];

		end = end_of(image, i);
		if (page->at != at || end <= at || end - at > image->header.page ||
		    page->index >= image->header.total ||
		    (i && page->index <= image->pages[i - 1].index))
			return bad(image, -EBADMSG, "its table of pages makes no sense");
		at = end;
	}
	return 0;
}

static int read_tables(struct image *image)
{
	const struct image_header *header = &image->header;
	size_t regions = header->nr_regions * sizeof(*image->regions);
	size_t pages = header->nr_pages * sizeof(*image->pages);

	if (header->nr_pages > SIZE_MAX / sizeof(*image->pages))
		return bad(image, -ENOMEM, "too large for this machine");
	image->regions = malloc(regions + 1);
	image->pages = malloc(pages + 1);
	image->packed = malloc(header->page);
	if (header->codec == IMAGE_ZSTD)
		image->expand = ZSTD_createDCtx();
	if (!image->regions || !image->pages || !image->packed ||
	    (header->codec == IMAGE_ZSTD && !image->expand))
		return bad(image, -ENOMEM, "%s", strerror(ENOMEM));
	if (!read_all(image, image->regions, regions, header->regions_at) ||
	    !read_all(image, image->pages, pages, header->regions_at + regions))
		return bad(image, -EBADMSG, "its tables can't be read");
	if (header->tables_sum != image_tables_sum(image->regions, header->nr_regions,
						   image->pages, header->nr_pages))
		return bad(image, -EBADMSG, "its tables are damaged (checksum)");
	return check_regions(image) ?: check_pages(image);
}

static int open_file(struct image *image)
{
	struct stat st;
	int err;

	image->fd = open(image->path, O_RDONLY | O_CLOEXEC);
	if (image->fd < 0 || fstat(image->fd, &st)) {
		err = -errno;
		return bad(image, err, "%s", strerror(-err));
	}
	if (!S_ISREG(st.st_mode))
		return bad(image, -EINVAL, "no regular file");
	if ((size_t)st.st_size < sizeof(image->header) ||
	    !read_all(image, &image->header, sizeof(image->header), 0))
		return bad(image, -EBADMSG, "no snapshot: too short for one");
	return check_header(image, st.st_size) ?: read_tables(image);
}

int image_open(const char *path, struct image **image)
{
	struct image *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	*image = NULL;
	snprintf(error, sizeof(error), "%s: %s", path, strerror(ENOMEM));
	if (!made)
		return err;
	made->fd = -1;
	made->path = strdup(path);
	if (made->path)
		err = open_file(made);
	if (err)
		image_close(made);
	else
		*image = made;
	return err;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	if (image->fd >= 0)
		close(image->fd);
	ZSTD_freeDCtx(image->expand);
	free(image->regions);
	free(image->pages);
	free(image->packed);
	free(image->path);
	free(image);
}

const struct image_region *image_region(const struct image *image, const char *name)
{
	uint64_t i;

	for (i = 0; i < image->header.nr_regions; i++)
		if (!strcmp(image->regions[i].name, name))
			return &image->regions[i];
	return NULL;
}

const struct image_region *image_region_of(const struct image *image, uint64_t index)
{
	uint64_t i = image->header.nr_regions;

	if (index >= image->header.total)
		return NULL;
	while (i && image->regions[i - 1].first > index)
		i--;
	return i ? &image->regions[i - 1] : NULL;
}

/* Where in the table a page is, nr_pages: it is zeros */
static uint64_t find(const struct image *image, uint64_t index)
{
	uint64_t low = 0, high = image->header.nr_pages;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (image->pages[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < image->header.nr_pages && image->pages[low].index == index)
		return low;
	return image->header.nr_pages;
}

bool image_has(const struct image *image, uint64_t index)
{
	return find(image, index) < image->header.nr_pages;
}

static bool expand(const struct image *image, size_t len, void *page)
{
	size_t size = image->header.page;

	switch (image->header.codec) {
	case IMAGE_LZ4:
		return LZ4_decompress_safe((const char *)image->packed, page, len, size) ==
		       (int)size;
	case IMAGE_ZSTD:
		return ZSTD_decompressDCtx(image->expand, page, size, image->packed, len) == size;
	}
	return false;
}

int image_read(struct image *image, uint64_t index, void *page)
{
	uint64_t i = find(image, index);
	const struct image_page *entry = &image->pages[i];
	size_t len, size = image->header.page;

	if (i == image->header.nr_pages)
		return -ENOENT;
	len = end_of(image, i) - entry->at;
	if (!read_all(image, len < size ? image->packed : page, len, entry->at))
		return -EBADMSG;
	if (len < size && !expand(image, len, page))
		return -EBADMSG;
	return entry->sum == image_sum(image->header.id, index, page, size) ? 0 : -EBADMSG;
}

bool image_same(const struct image *image, uint64_t index, const void *page)
{
	uint64_t i = find(image, index);

	return i < image->header.nr_pages &&
	       image->pages[i].sum == image_sum(image->header.id, index, page, image->header.page);
}
