// SPDX-License-Identifier: GPL-2.0-only
/* Which Redis servers there are, which of them has a page, and how they do. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-redis.h"

#define TICK_NS		(50 * NSEC_PER_MSEC)
/* A map is not asked for more often, and asked of another when it is so late. */
#define MAP_PAUSE_NS	(100 * NSEC_PER_MSEC)
#define MAP_LATE_NS	NSEC_PER_SEC
/* So long a server of a cluster may be silent before somebody else is tried. */
#define STALL_NS	(3 * NSEC_PER_SEC)
#define OPEN_NS		(10 * NSEC_PER_SEC)
#define INFO_NS		NSEC_PER_SEC
/* All pages get new time within a third of it, in so many steps. */
#define SWEEP_STEPS	64

struct server *server_get(struct redis *redis, const char *host, int port)
{
	struct server **link, *server;

	for (link = &redis->servers; *link; link = &(*link)->next)
		if ((*link)->port == port && !strcmp((*link)->host, host))
			return *link;
	server = calloc(1, sizeof(*server));
	if (!server)
		return NULL;
	strcpy(server->host, host);
	server->port = port;
	server->reads.redis = redis;
	server->reads.server = server;
	server->writes.redis = redis;
	server->writes.server = server;
	*link = server;
	return server;
}

struct server *server_of(struct redis *redis, const char *name, int len)
{
	return redis->cluster ? redis->slots[key_slot(name, len)] : redis->servers;
}

void servers_free(struct redis *redis, bool abandon)
{
	struct server *server, *next;

	for (server = redis->servers; server; server = next) {
		next = server->next;
		conn_close(&server->reads, abandon);
		conn_close(&server->writes, abandon);
		free(server);
	}
}

void servers_flush(struct redis *redis)
{
	struct server *server;

	for (server = redis->servers; server; server = server->next) {
		conn_flush(&server->reads);
		conn_flush(&server->writes);
	}
	store_tick_at(redis->store, redis->store->now + TICK_NS);
}

static void send_words(struct conn *conn, enum flight_type type, int argc, const char **argv)
{
	struct flight *flight;
	size_t lens[4];
	int i;

	if (!conn->ctx)
		return;
	flight = flight_new(conn->redis, type);
	if (!flight) {
		conn_fail(conn, strerror(ENOMEM));
		return;
	}
	for (i = 0; i < argc; i++)
		lens[i] = strlen(argv[i]);
	conn_send(conn, flight, argc, argv, lens);
}

void server_ask_info(struct conn *conn)
{
	const char *info[] = {"INFO"};

	conn->server->info_at = conn->redis->store->now;
	send_words(conn, FLIGHT_INFO, 1, info);
}

/* The first words on a new connection */
void server_hello(struct conn *conn)
{
	struct redis *redis = conn->redis;
	const char *auth[] = {"AUTH", redis->user ?: redis->password, redis->password};
	char db[24];
	const char *select[] = {"SELECT", db};

	if (redis->password)
		send_words(conn, FLIGHT_HELLO, redis->user ? 3 : 2, auth);
	if (redis->db) {
		snprintf(db, sizeof(db), "%llu", (unsigned long long)redis->db);
		send_words(conn, FLIGHT_HELLO, 2, select);
	}
	server_ask_info(conn);
}

/* While it is being opened, what is wrong with a server is said at once. */
static void refuse(struct redis *redis, int code, const struct server *server, const char *why)
{
	if (!redis->opening) {
		store_say(redis->store, "%s: %.200s", server->host, why);
		return;
	}
	if (redis->refused)
		return;
	if (server->port)
		redis->refused = fail_open(code, "%s:%d: %s", server->host, server->port, why);
	else
		redis->refused = fail_open(code, "%s: %s", server->host, why);
}

void server_told_hello(struct conn *conn, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		refuse(conn->redis, EACCES, conn->server, reply->str);
}

void server_told_info(struct conn *conn, const redisReply *reply)
{
	struct server *server = conn->server;
	struct redis *redis = conn->redis;

	if (reply->type == REDIS_REPLY_ERROR) {
		if (strncmp(reply->str, "LOADING", 7))
			refuse(redis, strncmp(reply->str, "NOAUTH", 6) ? EPROTO : EACCES, server,
			       reply->str);
		else
			server->info_at = 0;
		return;
	}
	if (reply->type != REDIS_REPLY_STRING ||
	    !reply_info(reply->str, reply->len, &server->info)) {
		refuse(redis, EPROTO, server, "it is no Redis server: it does not answer INFO");
		return;
	}
	conn->failures = 0;
	server->informed = true;
	if (server->info.cluster && !redis->cluster)
		refuse(redis, EINVAL, server,
		       "it is part of a cluster: name it with redis+cluster://");
	else if (!server->info.cluster && redis->cluster)
		refuse(redis, EINVAL, server, "it is not part of a cluster: name it with redis://");
	else if (server->info.replica && !redis->cluster)
		refuse(redis, EINVAL, server, "it is a replica: name its master");
	else if (server->info.evicts && !redis->evict_allowed)
		refuse(redis, EINVAL, server,
		       "it may throw pages away: set its maxmemory-policy to noeviction (or say evict=allow, and let programs die of it)");
}

/* The map of the cluster is to be read again, soon. */
void map_want(struct redis *redis)
{
	redis->map_wanted = true;
	store_tick_at(redis->store, redis->map_at + MAP_PAUSE_NS);
}

static void set_range(void *arg, unsigned int from, unsigned int to, const char *host, int port)
{
	struct conn *conn = arg;
	struct server *server = server_get(conn->redis, *host ? host : conn->server->host, port);
	unsigned int slot;

	if (!server)
		return;
	server->mapped = true;
	for (slot = from; slot <= to; slot++)
		conn->redis->slots[slot] = server;
}

void map_told(struct conn *conn, const redisReply *reply)
{
	struct redis *redis = conn->redis;
	struct server *server;
	int count;

	redis->map_asked = false;
	if (reply->type == REDIS_REPLY_ERROR) {
		map_not_told(redis);
		return;
	}
	for (server = redis->servers; server; server = server->next)
		server->mapped = false;
	count = reply_slots(reply, set_range, conn);
	if (count < CLUSTER_SLOTS)
		store_say(redis->store, "%s:%d: its cluster has masters for %d of %d slots only",
			  conn->server->host, conn->server->port, count > 0 ? count : 0,
			  CLUSTER_SLOTS);
	redis->map_known = count > 0;
	if (!redis->map_known)
		map_not_told(redis);
}

void map_not_told(struct redis *redis)
{
	redis->map_asked = false;
	map_want(redis);
}

static void ask_for_map(struct redis *redis)
{
	const char *words[] = {"CLUSTER", "SLOTS"};
	struct server *first = redis->asked ?: redis->servers, *server = first;
	uint64_t now = redis->store->now;

	if (redis->map_asked && now - redis->map_at < MAP_LATE_NS)
		return;
	if (now < redis->map_at + MAP_PAUSE_NS)
		return;
	redis->map_at = now;
	redis->map_asked = false;
	do {
		server = server->next ?: redis->servers;
		if (conn_usable(&server->reads)) {
			redis->asked = server;
			redis->map_asked = true;
			redis->map_wanted = false;
			send_words(&server->reads, FLIGHT_SLOTS, 2, words);
			return;
		}
	} while (server != first);
}

static bool check_conn(struct conn *conn)
{
	struct redis *redis = conn->redis;
	uint64_t silent = redis->store->now > conn->heard ? redis->store->now - conn->heard : 0;

	if (!conn->ctx)
		return false;
	if (silent >= STALL_NS && !conn->connected)
		conn_fail(conn, "it can't be reached");
	else if (silent >= STALL_NS && conn->first && redis->cluster)
		conn_fail(conn, "no answer for 3 seconds");
	return conn->first;
}

/* Replicas come and go; what they do decides what a put waits for. */
static void check_info(struct server *server)
{
	uint64_t now = server->writes.redis->store->now;

	if (server->writes.ctx && server->writes.first && now - server->info_at >= INFO_NS)
		server_ask_info(&server->writes);
}

/* Pages in use must not expire: some of them get new time. */
static void sweep(struct redis *redis)
{
	struct store *store = redis->store;
	const struct store_entry *entry;
	size_t n = store->index.mask / SWEEP_STEPS + 1;
	char name[NAME_MAX_LEN], ttl[24];
	const char *words[] = {"EXPIRE", name, ttl};
	struct server *server;
	int len;

	if (store->now < redis->sweep_at)
		return;
	redis->sweep_at = store->now + redis->ttl * NSEC_PER_SEC / 3 / SWEEP_STEPS;
	snprintf(ttl, sizeof(ttl), "%llu", (unsigned long long)redis->ttl);
	for (; n; n--) {
		if (++redis->sweep > store->index.mask)
			redis->sweep = 0;
		for (entry = store->index.buckets[redis->sweep]; entry; entry = entry->next) {
			if (!entry->loc)
				continue;
			len = redis_name(redis, entry->key, entry->loc, name);
			server = server_of(redis, name, len);
			if (server && conn_usable(&server->writes))
				send_words(&server->writes, FLIGHT_EXPIRE, 3, words);
		}
	}
}

void servers_tick(struct redis *redis)
{
	struct server *server;
	bool busy = false;

	for (server = redis->servers; server; server = server->next) {
		busy |= check_conn(&server->reads);
		busy |= check_conn(&server->writes);
		check_info(server);
	}
	if (redis->cluster && (redis->map_wanted || redis->map_asked))
		ask_for_map(redis);
	if (!redis->opening)
		sweep(redis);
	busy |= redis->map_wanted || redis->map_asked || redis->ngarbage;
	if (redis->ngarbage)
		redis_clean(redis);
	for (server = redis->servers; server; server = server->next) {
		conn_flush(&server->reads);
		conn_flush(&server->writes);
	}
	store_tick_at(redis->store, busy ? redis->store->now + TICK_NS : redis->sweep_at);
}

/* Whether all that must be known is known; asks for it */
static bool is_open(struct redis *redis)
{
	struct server *server = redis->servers;

	if (!redis->cluster) {
		conn_usable(&server->reads);
		return server->informed;
	}
	if (!redis->map_known) {
		redis->map_wanted = true;
		return false;
	}
	for (; server; server = server->next) {
		if (server->mapped && !server->informed) {
			conn_usable(&server->reads);
			return false;
		}
	}
	return true;
}

/* Waits until the servers have said what they are. */
int servers_open(struct redis *redis)
{
	struct store *store = redis->store;
	uint64_t end = store_now() + (store->timeout < OPEN_NS ? store->timeout : OPEN_NS);
	struct pollfd fd = {.fd = store->epoll, .events = POLLIN};

	redis->opening = true;
	store->now = store_now();
	store_tick_at(store, store->now);
	while (!is_open(redis) && !redis->refused) {
		if (store_now() >= end)
			return fail_open(ETIMEDOUT, "%s", *store->why ? store->why :
					 "it does not answer");
		/* One server alone that can't be reached: say so now. */
		if (!redis->cluster && redis->servers->reads.failures)
			return fail_open(ECONNREFUSED, "%s", store->why);
		servers_tick(redis);
		poll(&fd, 1, 20);
		store_dispatch(store);
	}
	redis->opening = false;
	redis->sweep_at = store->now;
	return redis->refused;
}
