// SPDX-License-Identifier: GPL-2.0-only
/* URLs of stores. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/upager/store-redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void servers(struct store *store, const char *rest, bool cluster, bool unix_socket)
{
	struct redis *redis = calloc(1, sizeof(*redis));

	if (!redis)
		abort();
	redis->store = store;
	redis->cluster = cluster;
	redis_parse(redis, rest, unix_socket);
	servers_free(redis, false);
	free(redis->user);
	free(redis->password);
	free(redis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct store_kind kind = { .scheme = "fuzz" };
	struct store *store = calloc(1, sizeof(*store));
	char *url = strndup((const char *)data, len);
	const char *rest;
	uint64_t value;

	if (!store || !url)
		abort();
	store->kind = &kind;
	/* It would be read. */
	if (!strstr(url, "password-file") && !url_parse(store, url, &rest)) {
		url_size(store, "s", &value);
		url_number(store, "n", 1, 1000, &value);
		servers(store, rest, false, false);
		servers(store, rest, true, false);
		servers(store, rest, false, true);
		url_finish(store);
	}
	free(store->text);
	free(store->url);
	free(store);
	free(url);
	return 0;
}
