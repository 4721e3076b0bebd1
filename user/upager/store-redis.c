// SPDX-License-Identifier: GPL-2.0-only
/* Pages on Redis servers: what is asked, and what the answers mean. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-redis.h"

#define RETRY_MS	10
#define MAX_HOPS	8
/* A WAIT takes a second if no replica has the page; then one copy must do. */
#define WAIT_TRIES	5

int redis_name(const struct redis *redis, uint64_t key, uint64_t gen, char *name)
{
	return snprintf(name, NAME_MAX_LEN, "upager:%016llx:%llx.%llx",
			(unsigned long long)redis->store->run, (unsigned long long)key,
			(unsigned long long)gen);
}

/* A page under a name that is not to be used again is removed when there is time. */
void redis_trash(struct redis *redis, uint64_t key, uint64_t gen)
{
	redis->gen++;
	if (redis->ngarbage == GARBAGE_MAX)
		return;		/* it will expire */
	redis->garbage[redis->ngarbage].key = key;
	redis->garbage[redis->ngarbage].gen = gen;
	redis->ngarbage++;
}

/* Whatever is there now, nobody asks for it any more. */
static void redis_drop(struct store *store, struct store_entry *entry)
{
	if (entry->loc)
		redis_trash(store->data, entry->key, entry->loc);
	entry->loc = 0;
}

/*
 * A master that dies right after its answer takes the page along unless a replica
 * has it. Without being told how many shall have it: one, if there is one. Whether
 * there is, is asked after the put: what was known before may be over.
 */
static bool needs_replica(const struct conn *conn, const struct store_req *req)
{
	const struct redis *redis = conn->redis;

	if (redis->wait_auto)
		return req->private.doubts < WAIT_TRIES;
	return redis->wait;
}

static void send_page(struct conn *conn, struct flight *flight)
{
	struct store_req *req = flight->req;
	struct redis *redis = conn->redis;
	const char *argv[5];
	char name[NAME_MAX_LEN], ttl[24];
	size_t lens[5];
	int argc = 2;

	argv[1] = name;
	lens[1] = redis_name(redis, flight->key, flight->gen, name);
	switch (req->private.wire) {
	case STORE_GET:
		argv[0] = "GET";
		break;
	case STORE_DEL:
		argv[0] = "UNLINK";
		break;
	case STORE_PUT:
		argv[0] = "SET";
		argv[2] = req->page;
		lens[2] = redis->store->page_size;
		argv[3] = "EX";
		lens[3] = 2;
		argv[4] = ttl;
		lens[4] = snprintf(ttl, sizeof(ttl), "%llu", (unsigned long long)redis->ttl);
		argc = 5;
		flight->waits = needs_replica(conn, req);
		conn->puts += flight->waits;
		break;
	}
	lens[0] = strlen(argv[0]);
	conn_send(conn, flight, argc, argv, lens);
}

static void ask_first(struct conn *conn)
{
	struct flight *flight = flight_new(conn->redis, FLIGHT_ASKING);
	const char *argv[] = {"ASKING"};
	size_t lens[] = {6};

	if (flight)
		conn_send(conn, flight, 1, argv, lens);
	else
		conn_fail(conn, strerror(ENOMEM));
}

/* Sends a request to a server, or parks it until the server can be reached. */
static void send_to(struct redis *redis, struct server *server, struct store_req *req,
		    unsigned int hops, bool asking)
{
	struct store_entry *entry = req->private.entry;
	struct flight *flight;
	struct conn *conn;

	conn = !server ? NULL : req->private.wire == STORE_GET ? &server->reads : &server->writes;
	if (!conn || !conn_usable(conn) ||
	    (req->private.wire == STORE_PUT && !server->informed)) {
		if (redis->cluster && (!conn || !conn->ctx))
			map_want(redis);
		store_retry(redis->store, req, RETRY_MS);
		return;
	}
	if (asking)
		ask_first(conn);
	flight = conn->ctx ? flight_new(redis, FLIGHT_PAGE) : NULL;
	if (!flight) {
		store_retry(redis->store, req, RETRY_MS);
		return;
	}
	if (!entry->loc)
		entry->loc = redis->gen;
	flight->req = req;
	flight->key = entry->key;
	flight->gen = entry->loc;
	flight->hops = hops;
	req->private.flight = flight;
	send_page(conn, flight);
}

static void redis_submit(struct store *store, struct store_req *req)
{
	struct store_entry *entry = req->private.entry;
	struct redis *redis = store->data;
	char name[NAME_MAX_LEN];
	int len;

	req->private.flight = NULL;
	if (req->private.wire == STORE_DEL && !entry->loc) {
		store_complete(store, req, 0);	/* it went when a connection broke */
		return;
	}
	/* Asked in vain: perhaps somebody else has it now. */
	if (redis->cluster && req->private.tries)
		map_want(redis);
	len = redis_name(redis, entry->key, entry->loc ?: redis->gen, name);
	send_to(redis, server_of(redis, name, len), req, 0, false);
}

/* A page whose command is not known to be done or undone gets another name. */
static void forget_name(struct redis *redis, struct flight *flight)
{
	struct store_entry *entry = flight->req->private.entry;

	if (flight->req->private.wire == STORE_GET || !entry->loc)
		return;
	redis_trash(redis, entry->key, entry->loc);
	entry->loc = 0;
}

static void redis_cancel(struct store *store, struct store_req *req)
{
	struct flight *flight = req->private.flight;

	if (!flight)
		return;
	forget_name(store->data, flight);
	flight->req = NULL;
	req->private.flight = NULL;
}

/* The connection of a flight broke; the flight is freed by who calls this. */
void redis_broken(struct redis *redis, struct flight *flight)
{
	struct store_req *req = flight->req;

	switch (flight->type) {
	case FLIGHT_PAGE:
		if (!req)
			break;
		forget_name(redis, flight);
		req->private.flight = NULL;
		store_retry(redis->store, req, RETRY_MS);
		break;
	case FLIGHT_UNLINK:
		redis->unlinks--;
		redis_trash(redis, flight->key, flight->gen);
		break;
	case FLIGHT_SLOTS:
		map_not_told(redis);
		break;
	default:
		break;
	}
}

static bool begins(const redisReply *reply, const char *word)
{
	return !strncmp(reply->str, word, strlen(word));
}

/* MOVED or ASK: follow it. */
static bool redirected(struct redis *redis, struct flight *flight, const redisReply *reply)
{
	struct store_req *req = flight->req;
	struct redirect to;
	struct server *server;

	if (!redis->cluster || !reply_redirect(reply->str, reply->len, &to))
		return false;
	redis->store->stats.redirects++;
	server = server_get(redis, *to.host ? to.host : flight->conn->server->host, to.port);
	if (server && !to.ask) {
		redis->slots[to.slot] = server;
		map_want(redis);
	}
	if (server && flight->hops < MAX_HOPS)
		send_to(redis, server, req, flight->hops + 1, to.ask);
	else
		store_retry(redis->store, req, RETRY_MS);
	return true;
}

/* Errors that are over when the server has done what it is at */
static bool passes(const redisReply *reply)
{
	static const char *const words[] = {
		"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "BUSY", "NOREPLICAS",
		"READONLY", "MISCONF", "MOVED", "ASK", NULL
	};
	int i;

	for (i = 0; words[i]; i++)
		if (begins(reply, words[i]))
			return true;
	return false;
}

static void refused(struct redis *redis, struct flight *flight, const redisReply *reply)
{
	struct store *store = redis->store;
	struct store_req *req = flight->req;

	if (redirected(redis, flight, reply))
		return;
	store_say(store, "%s: %.200s", flight->conn->server->host, reply->str);
	if (passes(reply)) {
		if (redis->cluster)
			map_want(redis);
		store_retry(store, req, RETRY_MS);
	} else if (begins(reply, "OOM")) {
		store_complete(store, req, -ENOSPC);
	} else if (begins(reply, "NOAUTH") || begins(reply, "WRONGPASS") ||
		   begins(reply, "NOPERM")) {
		store_complete(store, req, -EACCES);
	} else {
		store_complete(store, req, -EPROTO);
	}
}

static void got_page(struct redis *redis, struct store_req *req, const redisReply *reply)
{
	struct store *store = redis->store;

	if (reply->type == REDIS_REPLY_STRING && reply->len == store->page_size) {
		memcpy(req->page, reply->str, reply->len);
		store_complete(store, req, 0);
	} else if (reply->type == REDIS_REPLY_STRING) {
		store_complete(store, req, -EBADMSG);
	} else if (reply->type == REDIS_REPLY_NIL) {
		store_say(store, "the server has lost a page");
		store_complete(store, req, -ENODATA);
	} else {
		store_complete(store, req, -EPROTO);
	}
}

/* Returns whether the flight stays, until a replica has the page. */
static bool answer_page(struct redis *redis, struct flight *flight, const redisReply *reply)
{
	struct store_req *req = flight->req;
	struct conn *conn = flight->conn;

	if (!req)
		return false;
	if (reply->type == REDIS_REPLY_ERROR) {
		req->private.flight = NULL;
		refused(redis, flight, reply);
		return false;
	}
	if (flight->waits && reply->type == REDIS_REPLY_STATUS) {
		flight->next = conn->unsure;
		conn->unsure = flight;
		return true;
	}
	req->private.flight = NULL;
	switch (req->private.wire) {
	case STORE_GET:
		got_page(redis, req, reply);
		break;
	case STORE_PUT:
		store_complete(redis->store, req,
			       reply->type == REDIS_REPLY_STATUS ? 0 : -EPROTO);
		break;
	case STORE_DEL:
		req->private.entry->loc = 0;
		store_complete(redis->store, req, 0);
		break;
	}
	return false;
}

/* WAIT: how many replicas have all that was written before */
static bool has_enough(const struct redis *redis, const redisReply *reply)
{
	return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0 &&
	       (uint64_t)reply->integer >= redis->wait;
}

/* INFO replication: there is no replica that could have it */
static bool has_none(struct conn *conn, const redisReply *reply)
{
	unsigned int count;

	if (reply->type != REDIS_REPLY_STRING ||
	    !reply_replicas(reply->str, reply->len, &count))
		return false;
	conn->server->info.replicas = count;
	return !count;
}

/* All that was written before is where it has to be, or it is written once more. */
static void answer_wait(struct conn *conn, bool enough)
{
	struct flight *flight = conn->unsure, *next;
	struct redis *redis = conn->redis;

	conn->unsure = NULL;
	if (!enough) {
		store_say(redis->store, "%s: too few replicas have a page", conn->server->host);
		server_ask_info(conn);
	}
	for (; flight; flight = next) {
		next = flight->next;
		if (flight->req) {
			flight->req->private.flight = NULL;
			if (enough) {
				store_complete(redis->store, flight->req, 0);
			} else {
				flight->req->private.doubts++;
				store_retry(redis->store, flight->req, RETRY_MS);
			}
		}
		flight_free(redis, flight);
	}
}

static void send_unlink(struct redis *redis, struct conn *conn, struct garbage what, bool asking)
{
	char name[NAME_MAX_LEN];
	const char *argv[] = {"UNLINK", name};
	size_t lens[] = {6, redis_name(redis, what.key, what.gen, name)};
	struct flight *flight;

	if (asking)
		ask_first(conn);
	flight = conn->ctx ? flight_new(redis, FLIGHT_UNLINK) : NULL;
	if (!flight)
		return;			/* it will expire */
	flight->key = what.key;
	flight->gen = what.gen;
	redis->unlinks++;
	conn_send(conn, flight, 2, argv, lens);
}

static void answer_unlink(struct redis *redis, struct flight *flight, const redisReply *reply)
{
	struct garbage what = {.key = flight->key, .gen = flight->gen};
	struct server *server;
	struct redirect to;

	redis->unlinks--;
	if (reply->type != REDIS_REPLY_ERROR)
		return;
	if (!redis->cluster || !reply_redirect(reply->str, reply->len, &to)) {
		if (passes(reply))
			redis_trash(redis, what.key, what.gen);
		return;
	}
	server = server_get(redis, *to.host ? to.host : flight->conn->server->host, to.port);
	if (server && to.ask && conn_usable(&server->writes)) {
		send_unlink(redis, &server->writes, what, true);
		return;
	}
	if (server && !to.ask)
		redis->slots[to.slot] = server;
	redis_trash(redis, what.key, what.gen);
}

/* Removes some of what is to be removed, where servers can be reached. */
void redis_clean(struct redis *redis)
{
	size_t i = redis->ngarbage, tries = 2 * GARBAGE_FLIGHTS;
	struct garbage what;
	struct server *server;
	char name[NAME_MAX_LEN];
	int len;

	while (i-- && tries-- && redis->unlinks < GARBAGE_FLIGHTS) {
		what = redis->garbage[i];
		len = redis_name(redis, what.key, what.gen, name);
		server = server_of(redis, name, len);
		if (!server || !conn_usable(&server->writes))
			continue;
		redis->garbage[i] = redis->garbage[--redis->ngarbage];
		send_unlink(redis, &server->writes, what, false);
	}
	servers_flush(redis);
}

/* An answer to a flight, which is ours now. */
void redis_answer(struct redis *redis, struct flight *flight, const redisReply *reply)
{
	struct conn *conn = flight->conn;
	bool stays = false;

	switch (flight->type) {
	case FLIGHT_PAGE:
		stays = answer_page(redis, flight, reply);
		break;
	case FLIGHT_WAIT:
		answer_wait(conn, has_enough(redis, reply));
		break;
	case FLIGHT_CHECK:
		answer_wait(conn, has_none(conn, reply));
		break;
	case FLIGHT_UNLINK:
		answer_unlink(redis, flight, reply);
		break;
	case FLIGHT_SLOTS:
		map_told(conn, reply);
		break;
	case FLIGHT_INFO:
		server_told_info(conn, reply);
		break;
	case FLIGHT_HELLO:
		server_told_hello(conn, reply);
		break;
	case FLIGHT_ASKING:
	case FLIGHT_EXPIRE:
		break;
	}
	if (!stays)
		flight_free(redis, flight);
}

static void redis_flush(struct store *store)
{
	servers_flush(store->data);
}

static void redis_tick(struct store *store, uint64_t now)
{
	(void)now;
	servers_tick(store->data);
}

/* All pages that are left become garbage, some at a time. */
static int redis_remove(struct store *store)
{
	struct redis *redis = store->data;
	struct store_entry *entry;

	while (redis->ngarbage < GARBAGE_FLIGHTS && redis->removing <= store->index.mask) {
		entry = store->index.buckets[redis->removing++];
		for (; entry; entry = entry->next)
			redis_drop(store, entry);
	}
	redis_clean(redis);
	return redis->ngarbage || redis->unlinks ? -EAGAIN : 0;
}

static void redis_close(struct store *store, bool abandon)
{
	struct redis *redis = store->data;
	struct flight *flight, *next;

	servers_free(redis, abandon);
	for (flight = redis->free; flight; flight = next) {
		next = flight->next;
		free(flight);
	}
	free(redis->garbage);
	free(redis->user);
	free(redis->password);
	free(redis);
}

static uint64_t redis_bytes(const struct store *store)
{
	/* what its values take; the server's own needs are not known */
	return (store->stats.pages - store->stats.same) * store->page_size;
}

static int read_options(struct store *store, struct redis *redis)
{
	const char *wait = url_param(store, "wait"), *evict = url_param(store, "evict");
	int status;

	redis->ttl = 24 * 60 * 60;
	redis->wait = 1;
	redis->wait_auto = !wait || !strcmp(wait, "auto");
	redis->evict_allowed = evict && !strcmp(evict, "allow");
	if (evict && !redis->evict_allowed)
		return fail_open(EINVAL, "option evict=%s: there is only evict=allow", evict);
	status = url_number(store, "ttl", 1, 10 * 365 * 24 * 60 * 60, &redis->ttl);
	if (!status && !redis->wait_auto)
		status = url_number(store, "wait", 0, 100, &redis->wait);
	return status ?: url_number(store, "db", 0, 1000000, &redis->db);
}

static int open_redis(struct store *store, const char *rest, bool cluster, bool unix_socket)
{
	struct redis *redis = calloc(1, sizeof(*redis));
	int status;

	if (!redis)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	redis->garbage = calloc(GARBAGE_MAX, sizeof(*redis->garbage));
	if (!redis->garbage) {
		free(redis);
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	}
	redis->store = store;
	redis->cluster = cluster;
	redis->gen = 1;
	store->data = redis;
	status = read_options(store, redis) ?: redis_parse(redis, rest, unix_socket) ?:
		 servers_open(redis);
	if (status)
		redis_close(store, false);
	return status;
}

static int redis_open(struct store *store, const char *rest)
{
	return open_redis(store, rest, false, false);
}

static int redis_open_unix(struct store *store, const char *rest)
{
	return open_redis(store, rest, false, true);
}

static int redis_open_cluster(struct store *store, const char *rest)
{
	return open_redis(store, rest, true, false);
}

#define REDIS_KIND(_scheme, _form, _summary, _open, _doubt) { \
	.scheme = _scheme, \
	.form = _form, \
	.summary = _summary, \
	.depth = 512, \
	.retries = true, \
	.doubt_ns = _doubt, \
	.open = _open, \
	.submit = redis_submit, \
	.flush = redis_flush, \
	.cancel = redis_cancel, \
	.drop = redis_drop, \
	.tick = redis_tick, \
	.remove = redis_remove, \
	.close = redis_close, \
	.bytes = redis_bytes, \
}

const struct store_kind store_redis =
	REDIS_KIND("redis", "redis://[USER:PASSWORD@]HOST[:PORT][/DB]", "a Redis server",
		   redis_open, 0);
const struct store_kind store_redis_unix =
	REDIS_KIND("redis+unix", "redis+unix://PATH[?db=N]", "the same, by its UNIX socket",
		   redis_open_unix, 0);
/* Whoever is master may take this long to be known. */
const struct store_kind store_redis_cluster =
	REDIS_KIND("redis+cluster", "redis+cluster://HOST[:PORT],...", "a Redis Cluster",
		   redis_open_cluster, 5 * NSEC_PER_SEC);
