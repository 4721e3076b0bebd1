// SPDX-License-Identifier: GPL-2.0-only
/*
 * URLs of stores. The files that they name are not opened: those with a password
 * are read from one that is here, and only if it is named.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/upager/store-redis.h"

#define PASSWORDS	"password-file="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void servers(struct store *store, const char *rest, bool cluster, bool unix_socket)
{
	/* 128 KiB of slots, which no URL fills */
	static struct redis redis;

	redis.store = store;
	redis.cluster = cluster;
	redis_parse(&redis, rest, unix_socket);
	servers_free(&redis, false);
	free(redis.user);
	free(redis.password);
	redis.user = NULL;
	redis.password = NULL;
	redis.servers = NULL;
	redis.db = 0;
}

/* Any other file may be one that is not to be read, or never ends. */
static bool is_harmless(const char *url)
{
	const char *at = strstr(url, PASSWORDS), *end;

	if (!at)
		return true;
	at += strlen(PASSWORDS);
	end = at + strcspn(at, "&");
	return !strstr(end, PASSWORDS) &&
	       ((end - at == 9 && !strncmp(at, "/dev/null", 9)) ||
		(end - at == 13 && !strncmp(at, "/proc/version", 13)) ||
		(end - at == 5 && !strncmp(at, "/none", 5)));
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
	if (is_harmless(url) && !url_parse(store, url, &rest)) {
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
