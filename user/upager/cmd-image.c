// SPDX-License-Identifier: GPL-2.0-only
/* upager image: what is in a snapshot, and whether it is whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/progress.h"
#include "../cli/table.h"
#include "cmd.h"
#include "image.h"
#include "order.h"

static bool check, quiet, forced;

static const struct opt opts[] = {
	OPT_FLAG("check", &check, "read all of it, and compare all checksums"),
	OPT_FLAG("progress", &forced, "show how far it is, whatever standard error is"),
	OPT_FLAG("quiet", &quiet, "only say what goes wrong"),
	OPT_JSON,
	OPT_END
};

static uint64_t stored_in(const struct image *image, const struct image_region *region)
{
	uint64_t i, count = 0;

	for (i = 0; i < image->header.nr_pages; i++)
		count += image->pages[i].index - region->first <
			 region->len / image->header.page;
	return count;
}

/* Pages that are not what was saved */
static uint64_t damaged_in(struct image *image)
{
	struct progress progress = {};
	uint64_t i, damaged = 0;
	void *page = must(malloc(image->header.page));

	if (!quiet)
		progress_begin(&progress, "check", forced);
	for (i = 0; i < image->header.nr_pages; i++) {
		damaged += !!image_read(image, image->pages[i].index, page);
		progress_set(&progress, (i + 1) * image->header.page,
			     image->header.nr_pages * image->header.page);
	}
	progress_end(&progress);
	free(page);
	return damaged;
}

/* Pages whose order is known, 0: none */
static size_t ordered(const struct image *image)
{
	uint64_t *order = NULL;
	size_t count = 0;
	char *path;

	if (asprintf(&path, "%s" ORDER_SUFFIX, image->path) < 0)
		return 0;
	order_read(path, image, &order, &count);
	free(order);
	free(path);
	return count;
}

static void print_json(const struct image *image, uint64_t damaged)
{
	const struct image_header *header = &image->header;
	struct json_object *json = json_new_object(), *list = json_new_array(), *one;
	uint64_t i;

	json_add_text(json, "file", image->path);
	json_add_number(json, "version", header->version);
	json_add_number(json, "page_size", header->page);
	json_add_number(json, "pointer_size", header->pointer);
	json_add_text(json, "compress", image_codec_name(header->codec));
	json_add_hex(json, "id", header->id);
	json_add_number(json, "pages", header->nr_pages);
	json_add_number(json, "zeros", header->total - header->nr_pages);
	json_add_number(json, "bytes", header->size);
	json_add_number(json, "ordered", ordered(image));
	for (i = 0; i < header->nr_regions; i++) {
		one = json_append_object(list);
		json_add_text(one, "name", image->regions[i].name);
		json_add_number(one, "start", image->regions[i].start);
		json_add_number(one, "bytes", image->regions[i].len);
		json_add_number(one, "pages", stored_in(image, &image->regions[i]));
	}
	json_add(json, "regions", list);
	if (check)
		json_add_number(json, "damaged", damaged);
	json_print(json);
}

static void print_text(const struct image *image)
{
	const struct image_header *header = &image->header;
	struct table *table = table_new();
	uint64_t i;

	table_column(table, "REGION", COLUMN_LEFT);
	table_column(table, "ADDRESS", COLUMN_RIGHT);
	table_column(table, "KIB", COLUMN_RIGHT);
	table_column(table, "PAGES", COLUMN_RIGHT);
	for (i = 0; i < header->nr_regions; i++) {
		const struct image_region *region = &image->regions[i];

		table_cell(table, "%s", region->name);
		table_cell(table, "%llx", (unsigned long long)region->start);
		table_cell(table, "%llu", (unsigned long long)region->len / 1024);
		table_cell(table, "%llu", (unsigned long long)stored_in(image, region));
	}
	table_print(table);
	printf("%llu pages of %u bytes (%s) and %llu of zeros; the order of %zu is known\n",
	       (unsigned long long)header->nr_pages, header->page,
	       image_codec_name(header->codec),
	       (unsigned long long)(header->total - header->nr_pages), ordered(image));
}

static int no_good(const char *why, int err)
{
	return report(&(struct pfstat_error){
		.code = err, .what = "image", .subject = why, .why = strerror(err),
		.hint = "save it again",
	});
}

static int image_run(const struct call *call)
{
	static char why[96];
	struct image *image;
	uint64_t damaged = 0;
	int err = image_open(call->words[0], &image);

	if (err)
		return no_good(image_error(), -err);
	if (check)
		damaged = damaged_in(image);
	if (out_json)
		print_json(image, damaged);
	else if (!quiet)
		print_text(image);
	snprintf(why, sizeof(why), "%llu of %llu pages", (unsigned long long)damaged,
		 (unsigned long long)image->header.nr_pages);
	image_close(image);
	return damaged ? no_good(why, EBADMSG) : EXIT_SUCCESS;
}

const struct command cmd_image = {
	.name = "image",
	.synopsis = "[OPTION...] FILE",
	.summary = "Show what is in a file of upager save, and check it",
	.details =
	"Header and tables are always checked, pages with --check. A line for each region: its\n"
	"name, where it will be, how large it is, and how many of its pages are not zeros.\n",
	.opts = opts,
	.operands = OPERANDS_FILE,
	.no_device = true,
	.run = image_run,
};
