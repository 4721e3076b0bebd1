// SPDX-License-Identifier: GPL-2.0-only
/* What a pager tells of itself. */
#include <unistd.h>

#include "../cli/out.h"
#include "pager.h"
#include "resolver.h"
#include "snapshot.h"

static uint64_t bytes_of(const struct region_map *regions)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < regions->count; i++)
		bytes += regions->at[i].end - regions->at[i].start;
	return bytes;
}

static void add_client(struct json_object *list, const struct client *client)
{
	struct json_object *object = json_append_object(list);

	json_add_number(object, "pid", client->pid);
	json_add_number(object, "uid", client->uid);
	json_add_number(object, "regions", client->regions.count);
	json_add_number(object, "bytes", bytes_of(&client->regions));
	json_add_number(object, "under_way", client->nr_pages);
	json_add_bool(object, "user_faults_only", client->uffd.user_only);
	json_add_bool(object, "detaching", client->detach);
	names_json(client, object);
	stats_json(object, &client->stats);
}

/**
 * pager_stats - the sums over all clients that a pager has had
 * @pager: which
 * @sum: filled
 */
void pager_stats(const struct pager *pager, struct stats *sum)
{
	const struct client *client;

	*sum = pager->past;
	TAILQ_FOREACH(client, &pager->clients, link)
		stats_add(sum, &client->stats);
}

/**
 * pager_json - the state of a pager
 * @pager: which
 *
 * Return: an object.
 */
struct json_object *pager_json(const struct pager *pager)
{
	struct json_object *top = json_new_object(), *list = json_new_array();
	struct json_object *all = json_new_object();
	struct stats sum;
	const struct client *client;

	json_add_number(top, "pid", getpid());
	json_add_text(top, "resolver", pager->resolver->ops->name);
	json_add_number(top, "page_size", pager->page);
	json_add_bool(top, "keeper", pager->keeper_pid > 0);
	pager_stats(pager, &sum);
	TAILQ_FOREACH(client, &pager->clients, link)
		if (client->uffd.fd >= 0)
			add_client(list, client);
	json_add(top, "clients", list);
	stats_json(all, &sum);
	json_add(top, "all", all);
	snapshot_json(pager->config.snapshot, top);
	if (pager->config.json)
		pager->config.json(pager->config.ctx, top);
	return top;
}
