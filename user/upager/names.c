// SPDX-License-Identifier: GPL-2.0-only
/* Regions that clients have given names to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli/out.h"
#include "pager.h"
#include "snapshot.h"
#include "wire.h"

/* of /proc/PID/pagemap: in memory, or in swap */
#define THERE		(3ull << 62)

_Static_assert(WIRE_NAME_LEN == IMAGE_NAME, "a name fits");

static struct name *find(const struct client *client, const char *text)
{
	struct name *name = client->names;

	while (name && strcmp(name->text, text))
		name = name->next;
	return name;
}

/* A name is the four numbers behind the first. */
static bool take_name(const struct wire *wire, char text[IMAGE_NAME])
{
	memcpy(text, (const char *)wire + WIRE_NAME_AT, IMAGE_NAME);
	return image_name_is_good(text);
}

/* Where the region of a name is in the image */
static int look_up(const struct client *client, struct wire *wire)
{
	const struct snapshot *snapshot = client->pager->config.snapshot;
	const struct image_region *region = NULL;
	char text[IMAGE_NAME];

	if (!take_name(wire, text))
		return -EINVAL;
	if (snapshot)
		region = image_region(snapshot->image, text);
	if (!region)
		return -ENOENT;
	/* its pointers would not be those of this program */
	if (wire->a != snapshot->image->header.pointer)
		return -ENOEXEC;
	wire->b = region->start;
	wire->c = region->len;
	return 0;
}

/* The region that comes next, with that address, has this name. */
static int add(struct client *client, const struct wire *wire)
{
	struct name *name;
	char text[IMAGE_NAME];
	unsigned int count = 0;

	if (!take_name(wire, text) || !wire->a)
		return -EINVAL;
	for (name = client->names; name; name = name->next)
		count++;
	name = find(client, text);
	if (name && name->end && region_at(&client->regions, name->start))
		return -EEXIST;
	if (!name) {
		if (count >= IMAGE_REGIONS)
			return -ENOSPC;
		name = calloc(1, sizeof(*name));
		if (!name)
			return -ENOMEM;
		name->next = client->names;
		client->names = name;
	}
	memcpy(name->text, text, IMAGE_NAME);
	name->start = wire->a;
	name->end = 0;
	return 0;
}

/*
 * What was mapped can be filled: pages of it that will be wanted may come. If others
 * are still coming it begins anew, for all that the client has.
 */
static int begin(struct client *client, const struct wire *wire)
{
	const struct name *name = client->names;
	bool more = snapshot_has_more(client);

	while (name && (name->start != wire->a || !name->end))
		name = name->next;
	if (!name)
		return -EINVAL;
	client->follow_at = more ? 0 : name->start;
	client->follow_len = more ? UINT64_MAX : name->end - name->start;
	client->follows = true;
	client->followed = 0;
	client->pager->again = true;
	return 0;
}

/* Whether the page is not in the client's memory, and not just zeros either */
static bool is_out(const struct client *client, const struct region *region, uint64_t addr)
{
	const struct pager *pager = client->pager;
	const struct source *source = pager->config.source;
	uint64_t key;

	if (region->flags & REGION_ZERO)
		return false;
	key = region_key(&client->regions, region, addr);
	if (snapshot_is_key(key))
		return image_has(pager->config.snapshot->image, key - SNAPSHOT_KEY);
	return source && (!source->ops->has || source->ops->has(source, key));
}

static uint64_t mask_of(const struct client *client, uint64_t start, unsigned int count)
{
	size_t page = client->pager->page;
	uint64_t entries[64] = {}, mask = 0, addr;
	const struct region *region;
	unsigned int i;
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)client->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, entries, count * sizeof(entries[0]),
			    start / page * sizeof(entries[0])) < 0)
		memset(entries, 0xff, sizeof(entries));	/* who asks will read more, not less */
	if (fd >= 0)
		close(fd);
	for (i = 0; i < count; i++) {
		addr = start + i * page;
		region = region_at(&client->regions, addr);
		if (region && (entries[i] & THERE || is_out(client, region, addr)))
			mask |= 1ull << i;
	}
	return mask;
}

/*
 * Which pages of a process are not just zeros: what is in its memory can't leave
 * it, nor come, while we look.
 */
static int mask(const struct pager *pager, struct wire *wire)
{
	const struct client *client;
	unsigned int count = wire->c;
	pid_t pid = wire->b;

	if (!pid || !count || wire->c > 64 || wire->a % pager->page)
		return -EINVAL;
	wire->b = 0;
	TAILQ_FOREACH(client, &pager->clients, link)
		if (client->pid == pid && client->uffd.fd >= 0)
			wire->b |= mask_of(client, wire->a, count);
	return 0;
}

int names_answer(struct client *client, struct wire *wire)
{
	switch (wire->type) {
	case WIRE_LOOK_UP:
		return look_up(client, wire);
	case WIRE_NAME:
		return add(client, wire);
	case WIRE_BEGIN:
		return begin(client, wire);
	case WIRE_MASK:
		return mask(client->pager, wire);
	}
	return -EOPNOTSUPP;
}

int names_region(struct client *client, struct region *region)
{
	const struct snapshot *snapshot = client->pager->config.snapshot;
	const struct image_region *saved;
	struct name *name = client->names;

	while (name && (name->start != region->start || name->end))
		name = name->next;
	if (!name)
		return 0;
	saved = snapshot ? image_region(snapshot->image, name->text) : NULL;
	if (saved && (saved->start != region->start || region->unit != client->pager->page ||
		      saved->len != region->end - region->start))
		return -EINVAL;
	name->end = region->end;
	name->saved = saved;
	if (saved) {
		region->key = SNAPSHOT_KEY + saved->first;
		region->flags &= ~REGION_ZERO;
		region->flags |= REGION_SHARED;
	}
	return 0;
}

int names_copy(struct client *child, const struct client *parent)
{
	const struct name *name;
	struct name *copy;

	for (name = parent->names; name; name = name->next) {
		copy = malloc(sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *name;
		copy->next = child->names;
		child->names = copy;
	}
	return 0;
}

void names_free(struct client *client)
{
	struct name *name;

	while ((name = client->names)) {
		client->names = name->next;
		free(name);
	}
}

void names_json(const struct client *client, struct json_object *json)
{
	struct json_object *list, *one;
	const struct name *name;

	if (!client->names)
		return;
	list = json_new_array();
	for (name = client->names; name; name = name->next) {
		/* it may have been unmapped since */
		if (!name->end || !region_at(&client->regions, name->start))
			continue;
		one = json_append_object(list);
		json_add_text(one, "name", name->text);
		json_add_number(one, "start", name->start);
		json_add_number(one, "bytes", name->end - name->start);
		json_add_bool(one, "saved", name->saved);
	}
	json_add(json, "names", list);
}
