// SPDX-License-Identifier: GPL-2.0-only
/* Pages of an image for clients. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "order.h"
#include "pager.h"
#include "snapshot.h"

static int read_order(struct snapshot *snapshot)
{
	int err = order_read(snapshot->order_path, snapshot->image, &snapshot->order,
			     &snapshot->nr_order);

	if (err == -ESTALE)
		fprintf(stderr, "upager: %s: it is of another snapshot, and is not used\n",
			snapshot->order_path);
	else if (err && err != -ENOENT)
		fprintf(stderr, "upager: %s: %s; it is not used\n", snapshot->order_path,
			strerror(-err));
	return 0;
}

static int begin_recording(struct snapshot *snapshot)
{
	uint64_t total = snapshot->image->header.total;

	/* 0 pages are no reason to fail */
	snapshot->seen = calloc(total + 1, sizeof(*snapshot->seen));
	snapshot->is_seen = calloc(total + 1, 1);
	return snapshot->seen && snapshot->is_seen ? 0 : -ENOMEM;
}

int snapshot_open(const char *path, bool record, struct snapshot **snapshot)
{
	struct snapshot *made = calloc(1, sizeof(*made));
	int err;

	*snapshot = NULL;
	if (!made)
		return -ENOMEM;
	err = image_open(path, &made->image);
	if (!err && asprintf(&made->order_path, "%s" ORDER_SUFFIX, path) < 0) {
		made->order_path = NULL;
		err = -ENOMEM;
	}
	if (!err)
		err = record ? begin_recording(made) : read_order(made);
	if (err) {
		snapshot_close(made);
		return err;
	}
	made->recording = record;
	*snapshot = made;
	return 0;
}

int snapshot_close(struct snapshot *snapshot)
{
	int err = 0;

	if (!snapshot)
		return 0;
	if (snapshot->recording)
		err = order_write(snapshot->order_path, snapshot->image, snapshot->seen,
				  snapshot->nr_seen);
	image_close(snapshot->image);
	free(snapshot->order_path);
	free(snapshot->order);
	free(snapshot->seen);
	free(snapshot->is_seen);
	free(snapshot);
	return err;
}

/* From the cache of the kernel, mostly; who reads from a slow disk waits for it. */
void snapshot_get(struct snapshot *snapshot, struct store_req *req)
{
	req->status = image_read(snapshot->image, req->key - SNAPSHOT_KEY, req->page);
	snapshot->reads += !req->status;
	if (req->status && req->status != -ENOENT && !snapshot->complained) {
		fprintf(stderr, "upager: %s: page %llu is damaged: who needs it gets SIGBUS\n",
			snapshot->image->path, (unsigned long long)(req->key - SNAPSHOT_KEY));
		snapshot->complained = true;
	}
	req->done(req);
}

/* The key of an address of a client, if it is one of the image, else 0 */
static uint64_t key_at(const struct client *client, uint64_t addr)
{
	const struct region *region = region_at(&client->regions, addr);
	uint64_t key;

	if (!region || region->flags & REGION_ZERO)
		return 0;
	key = region_key(&client->regions, region, addr);
	return snapshot_is_key(key) ? key : 0;
}

void snapshot_note(const struct client *client, uint64_t addr)
{
	struct snapshot *snapshot = client->pager->config.snapshot;
	uint64_t key;

	if (!snapshot || !snapshot->recording || client->detach)
		return;
	key = key_at(client, addr);
	if (!key || snapshot->is_seen[key - SNAPSHOT_KEY])
		return;
	snapshot->is_seen[key - SNAPSHOT_KEY] = 1;
	snapshot->seen[snapshot->nr_seen++] = key - SNAPSHOT_KEY;
}

bool snapshot_has_more(const struct client *client)
{
	const struct snapshot *snapshot = client->pager->config.snapshot;

	return snapshot && client->follows && !client->ended && !client->doomed &&
	       !client->detach && !client->pager->crowded &&
	       client->followed < snapshot->nr_order;
}

void snapshot_step(struct client *client)
{
	const struct snapshot *snapshot = client->pager->config.snapshot;
	const struct image_region *region;
	uint64_t index, addr;

	while (snapshot_has_more(client) && client->nr_pages < STREAM_WINDOW) {
		index = snapshot->order[client->followed++];
		region = image_region_of(snapshot->image, index);
		addr = region->start + (index - region->first) * client->pager->page;
		/* this client may not have it, or something else is there by now */
		if (addr - client->follow_at < client->follow_len &&
		    key_at(client, addr) == SNAPSHOT_KEY + index)
			fault_ahead(client, addr);
	}
}

void snapshot_json(const struct snapshot *snapshot, struct json_object *top)
{
	struct json_object *json;

	if (!snapshot)
		return;
	json = json_new_object();
	json_add_text(json, "file", snapshot->image->path);
	json_add_number(json, "pages", snapshot->image->header.nr_pages);
	json_add_number(json, "read", snapshot->reads);
	json_add_number(json, "ordered", snapshot->nr_order);
	json_add_number(json, "recorded", snapshot->nr_seen);
	json_add(top, "snapshot", json);
}
