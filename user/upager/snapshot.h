/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pager fills named regions from: an image, for all clients the same.
 *
 *	image.c		the file
 *	order.c		the file with the order of pages
 *	names.c		which client has which region
 *	snapshot.c	pages for them, also those that will be wanted
 *
 * Pages have keys of their own. Nothing is ever put under these: who writes to
 * a page, and has to give it up, gets another key for it.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"
#include "store.h"

struct client;
struct json_object;
struct pager;
struct region;

/* Key of the first page of an image; no store has so many */
#define SNAPSHOT_KEY	(1ull << 62)

/**
 * struct snapshot - an image that clients are filled from
 * @image: the image
 * @order_path: the file with the order of pages
 * @order: pages to be fetched before they are wanted
 * @nr_order: how many
 * @recording: what is wanted is remembered, and nothing fetched before
 * @seen: pages that were wanted, in their order
 * @nr_seen: how many
 * @is_seen: by number: whether it is among these
 * @reads: pages that were read from the file
 * @complained: it was said that the file is damaged
 */
struct snapshot {
	struct image *image;
	char *order_path;
	uint64_t *order;
	size_t nr_order;
	bool recording;
	uint64_t *seen;
	size_t nr_seen;
	unsigned char *is_seen;
	uint64_t reads;
	bool complained;
};

/**
 * snapshot_open - open an image, and the order of its pages if there is one
 * @path: of the image
 * @record: record the order anew
 * @snapshot: gets it
 *
 * An order that is no good is spoken of on standard error; it is not needed.
 *
 * Return: 0 or a negative errno; image_error() has the words.
 */
int snapshot_open(const char *path, bool record, struct snapshot **snapshot);

/**
 * snapshot_close - end it, and write down what was recorded
 * @snapshot: which, or NULL
 *
 * Return: 0, or a negative errno: what was recorded could not be written.
 */
int snapshot_close(struct snapshot *snapshot);

/**
 * snapshot_is_key - whether a key is that of a page of the image
 * @key: the key
 *
 * Return: whether it is.
 */
static inline bool snapshot_is_key(uint64_t key)
{
	return key >= SNAPSHOT_KEY;
}

/**
 * snapshot_get - fill a request that has such a key; done() is called in here
 * @snapshot: from where
 * @req: the request
 */
void snapshot_get(struct snapshot *snapshot, struct store_req *req);

/**
 * snapshot_note - a client wants a page
 * @client: which
 * @addr: where
 */
void snapshot_note(const struct client *client, uint64_t addr);

/**
 * snapshot_step - fetch some of what will be wanted
 * @client: for whom
 */
void snapshot_step(struct client *client);

/**
 * snapshot_has_more - whether there is something to be fetched for a client
 * @client: which
 *
 * Return: whether there is, and room for it.
 */
bool snapshot_has_more(const struct client *client);

/**
 * snapshot_json - tell of it
 * @snapshot: which, or NULL
 * @top: gets an object "snapshot"
 */
void snapshot_json(const struct snapshot *snapshot, struct json_object *top);

/* names.c */

/**
 * struct name - what a client calls a region
 * @next: another
 * @text: the name
 * @start: first address
 * @end: first address behind, 0: the region is still to come
 * @saved: it is filled from the snapshot
 */
struct name {
	struct name *next;
	char text[IMAGE_NAME];
	uint64_t start;
	uint64_t end;
	bool saved;
};

struct wire;

/**
 * names_answer - a client asks, or says, something that has to do with names
 * @client: which
 * @wire: what; becomes the answer
 *
 * Return: 0 or a negative errno, for the answer.
 */
int names_answer(struct client *client, struct wire *wire);

/**
 * names_region - a client has a new region, that may have a name
 * @client: which
 * @region: the region; gets keys if it is filled from the snapshot
 *
 * Return: 0 or a negative errno: EINVAL if it is not where it was, or not as long.
 */
int names_region(struct client *client, struct region *region);

/**
 * names_copy - a client has forked
 * @child: gets the same names
 * @parent: of that one
 *
 * Return: 0 or -ENOMEM.
 */
int names_copy(struct client *child, const struct client *parent);

/**
 * names_free - forget all names of a client
 * @client: which
 */
void names_free(struct client *client);

/**
 * names_json - tell which regions of a client have names
 * @client: which
 * @json: gets an array "names"
 */
void names_json(const struct client *client, struct json_object *json);

#endif /* SNAPSHOT_H */
