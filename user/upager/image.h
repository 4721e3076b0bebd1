/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: a file with named regions of a program's memory.
 *
 *	header | pages, compressed or not | table of regions | table of pages
 *
 * Pages are numbered through all regions; those of zeros are not in the file.
 * Numbers are little-endian. Everything has a checksum: the header its own, both
 * tables one in the header, each page one in its table, with its number in it.
 * The file is written under another name, and gets its own when all is on disk.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC	"UPAGERIM"
#define IMAGE_VERSION	1u
/* Bytes of a name, the NUL among them */
#define IMAGE_NAME	32
#define IMAGE_REGIONS	1024u

/**
 * enum image_codec - how pages are in the file
 * @IMAGE_PLAIN: as they are
 * @IMAGE_LZ4: a block of lz4 each
 * @IMAGE_ZSTD: a frame of zstd each
 * @IMAGE_CODECS: how many there are
 *
 * One that would not get shorter is there as it is.
 */
enum image_codec {
	IMAGE_PLAIN,
	IMAGE_LZ4,
	IMAGE_ZSTD,
	IMAGE_CODECS
};

/**
 * struct image_region - a region, in the file and in memory
 * @name: what the program calls it
 * @start: its address
 * @len: bytes
 * @first: number of its first page
 */
struct image_region {
	char name[IMAGE_NAME];
	uint64_t start;
	uint64_t len;
	uint64_t first;
};

/**
 * struct image_page - a page that is in the file, by number
 * @index: its number
 * @at: where in the file it begins; it ends where the next one does
 * @sum: of the page, not compressed
 */
struct image_page {
	uint64_t index;
	uint64_t at;
	uint64_t sum;
};

/**
 * struct image_header - the beginning of the file
 * @magic: IMAGE_MAGIC
 * @version: IMAGE_VERSION
 * @page: bytes of a page
 * @codec: enum image_codec
 * @pointer: bytes of a pointer of the program
 * @id: random, so that images can be told apart
 * @nr_regions: in the table of regions
 * @nr_pages: in the table of pages
 * @total: pages of all regions, of zeros, too
 * @data_at: where the first page is
 * @data_end: where the last one ends
 * @regions_at: where the table of regions is, and behind it that of pages
 * @size: of the file
 * @tables_sum: of both tables
 * @reserved: 0
 * @sum: of all before it
 */
struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t page;
	uint32_t codec;
	uint32_t pointer;
	uint64_t id;
	uint64_t nr_regions;
	uint64_t nr_pages;
	uint64_t total;
	uint64_t data_at;
	uint64_t data_end;
	uint64_t regions_at;
	uint64_t size;
	uint64_t tables_sum;
	uint64_t reserved[3];
	uint64_t sum;
};

/**
 * struct image - one that is open for reading
 * @header: of the file
 * @regions: by number of their first page
 * @pages: by number
 * @path: of the file, for people
 * @fd: the file
 * @expand: of zstd
 * @packed: a page as it is in the file
 */
struct image {
	struct image_header header;
	struct image_region *regions;
	struct image_page *pages;
	char *path;
	int fd;
	void *expand;
	unsigned char *packed;
};

/**
 * image_codec - the codec of a name
 * @name: none, lz4 or zstd
 *
 * Return: enum image_codec, -1 if there is none of that name.
 */
int image_codec(const char *name);

/**
 * image_codec_name - the name of a codec
 * @codec: which
 *
 * Return: a word.
 */
const char *image_codec_name(uint32_t codec);

/**
 * image_open - open one, and look whether it is whole
 * @path: of the file
 * @image: gets it
 *
 * The tables are checked here, pages when they are read.
 *
 * Return: 0 or a negative errno: EBADMSG for what is no good image. Then
 * image_error() has the words.
 */
int image_open(const char *path, struct image **image);

/**
 * image_error - what was wrong with the last one that could not be opened
 *
 * Return: words, with the path.
 */
const char *image_error(void);

/**
 * image_close - close it
 * @image: which, or NULL
 */
void image_close(struct image *image);

/**
 * image_region - the region of a name
 * @image: where
 * @name: its name
 *
 * Return: the region, NULL if there is none.
 */
const struct image_region *image_region(const struct image *image, const char *name);

/**
 * image_region_of - the region that a page is in
 * @image: where
 * @index: the page's number
 *
 * Return: the region, NULL if there is no such page.
 */
const struct image_region *image_region_of(const struct image *image, uint64_t index);

/**
 * image_has - whether a page is in the file; the others are zeros
 * @image: which
 * @index: the page's number
 *
 * Return: whether it is.
 */
bool image_has(const struct image *image, uint64_t index);

/**
 * image_read - read a page
 * @image: which
 * @index: the page's number
 * @page: gets it
 *
 * Return: 0, or a negative errno: ENOENT it is zeros, EBADMSG what is in the file
 * is not what was saved, or reading failed. Then @page is of no use.
 */
int image_read(struct image *image, uint64_t index, void *page);

/**
 * image_same - whether a page is still as it was saved
 * @image: which
 * @index: the page's number
 * @page: the page; not of zeros
 *
 * Return: whether it is.
 */
bool image_same(const struct image *image, uint64_t index, const void *page);

/* image.c: the checksum of a page in an image with that id */
uint64_t image_sum(uint64_t id, uint64_t index, const void *page, size_t len);
/* ... of a header, and of tables behind each other */
uint64_t image_header_sum(const struct image_header *header);
uint64_t image_tables_sum(const struct image_region *regions, size_t nr_regions,
			  const struct image_page *pages, size_t nr_pages);

/* image.c: whether it may be the name of a region: printable, without blanks */
bool image_name_is_good(const char name[IMAGE_NAME]);

/* One that is being written (image-write.c) */
struct image_writer;

/**
 * image_create - begin to write one
 * @path: what it shall be called in the end
 * @page: bytes of a page
 * @pointer: bytes of a pointer
 * @codec: how to compress pages
 * @writer: gets it
 *
 * Return: 0 or a negative errno.
 */
int image_create(const char *path, size_t page, size_t pointer, enum image_codec codec,
		 struct image_writer **writer);

/**
 * image_add - the pages that come next are of this region
 * @writer: where to
 * @name: of the region
 * @start: its address
 * @len: bytes
 *
 * Return: 0 or a negative errno: EINVAL for a bad name or place, EEXIST for one
 * that is there already.
 */
int image_add(struct image_writer *writer, const char *name, uint64_t start, uint64_t len);

/**
 * image_put - write a page of the last region
 * @writer: where to
 * @addr: its address, higher than the one before
 * @page: the page; zeros are left out, and so is what is not put at all
 *
 * Return: 0 or a negative errno.
 */
int image_put(struct image_writer *writer, uint64_t addr, const void *page);

/**
 * image_commit - all is there: give the file its name, which replaces an older one
 * @writer: freed, whatever comes of it
 * @header: gets what was written; may be NULL
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int image_commit(struct image_writer *writer, struct image_header *header);

/**
 * image_abandon - forget what was written
 * @writer: freed; or NULL
 */
void image_abandon(struct image_writer *writer);

#endif /* IMAGE_H */
