// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots, and the order of their pages. Checksums of header and tables are made
 * right before, or nothing behind them would ever be reached; those of pages are
 * not. The first byte says whether the input is a snapshot or an order of one.
 */
#define XXH_INLINE_ALL
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "../../user/upager/image.h"
#include "../../user/upager/order.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What of the input is meant to be tables, gets its checksum. */
static void seal(uint8_t *data, size_t len)
{
	struct image_header header;
	uint64_t regions, pages;

	if (len < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	memcpy(header.magic, IMAGE_MAGIC, sizeof(header.magic));
	header.version = IMAGE_VERSION;
	header.size = len;
	/* the tables are where the file ends */
	header.nr_regions %= 4;
	header.nr_pages %= 16;
	regions = header.nr_regions * sizeof(struct image_region);
	pages = header.nr_pages * sizeof(struct image_page);
	if (regions + pages <= len - sizeof(header)) {
		header.regions_at = len - regions - pages;
		header.tables_sum =
			image_tables_sum((void *)(data + header.regions_at), header.nr_regions,
					 (void *)(data + header.regions_at + regions),
					 header.nr_pages);
	}
	header.sum = image_header_sum(&header);
	memcpy(data, &header, sizeof(header));
}

/* All that is said of a good image is true. */
static void use(struct image *image)
{
	void *page = malloc(image->header.page);
	uint64_t i;

	for (i = 0; i < image->header.nr_regions; i++)
		if (image_region(image, image->regions[i].name) != &image->regions[i] ||
		    image_region_of(image, image->regions[i].first) != &image->regions[i])
			abort();
	if (image_region_of(image, image->header.total))
		abort();
	for (i = 0; i < image->header.nr_pages; i++) {
		uint64_t index = image->pages[i].index;

		if (!image_has(image, index) || !image_region_of(image, index))
			abort();
		if (!image_read(image, index, page) && !image_same(image, index, page))
			abort();
	}
	free(page);
}

/*
 * As seal(), for an order: a header of 40 bytes ends in the number of the image, how
 * many there are, and the checksum of them.
 */
static void seal_order(uint8_t *data, size_t len)
{
	uint64_t count, sum, id = 0;

	if (len < 40)
		return;
	count = (len - 40) / sizeof(count);
	sum = XXH3_64bits(data + 40, count * sizeof(count));
	memcpy(data + 16, &id, sizeof(id));
	memcpy(data + 24, &count, sizeof(count));
	memcpy(data + 32, &sum, sizeof(sum));
}

static void use_order(const uint8_t *data, size_t len)
{
	const struct image image = {.header = {.total = 64}};
	uint64_t *at;
	size_t count, i;

	if (order_read(file_of(0, data, len), &image, &at, &count) == 0)
		for (i = 0; i < count; i++)
			if (at[i] >= 64)
				abort();
	free(at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct image *image;
	uint8_t *copy;

	if (!len)
		return 0;
	copy = malloc(len);
	if (!copy)
		abort();
	memcpy(copy, data + 1, len - 1);
	if (data[0] & 1) {
		if (data[0] & 2)
			seal_order(copy, len - 1);
		use_order(copy, len - 1);
		free(copy);
		return 0;
	}
	if (data[0] & 2)
		seal(copy, len - 1);
	if (!image_open(file_of(0, copy, len - 1), &image))
		use(image);
	else if (!*image_error())
		abort();
	image_close(image);
	free(copy);
	return 0;
}
