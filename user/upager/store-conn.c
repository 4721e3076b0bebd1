// SPDX-License-Identifier: GPL-2.0-only
/* One connection to a Redis server: commands out, answers in, in that order. */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/sds.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store-redis.h"

/* Until a connection that broke is made again: twice as long each time */
#define BACKOFF_MS	20
#define BACKOFF_MAX_MS	1000
/* When the kernel gives up a connection whose other end is silent */
#define USER_TIMEOUT_MS	10000
/* Reads per round, so that one server does not keep the others waiting */
#define READS_AT_ONCE	64
#define TOO_LARGE	"an answer of more bytes than any that was asked for"

struct flight *flight_new(struct redis *redis, enum flight_type type)
{
	struct flight *flight = redis->free;

	if (flight)
		redis->free = flight->next;
	else
		flight = malloc(sizeof(*flight));
	if (flight) {
		memset(flight, 0, sizeof(*flight));
		flight->type = type;
	}
	return flight;
}

void flight_free(struct redis *redis, struct flight *flight)
{
	flight->next = redis->free;
	redis->free = flight;
}

static void wait_for(struct conn *conn, unsigned int events)
{
	if (conn->events == events)
		return;
	conn->events = events;
	store_rewatch(conn->redis->store, conn->ctx->fd, &conn->watch, events);
}

static void conn_ready(struct store_watch *watch, unsigned int events);

static void set_socket(struct conn *conn)
{
	int one = 1, ms = USER_TIMEOUT_MS;

	/* the pager's, not that of what it runs */
	fcntl(conn->ctx->fd, F_SETFD, FD_CLOEXEC);
	if (!conn->server->port)
		return;
	setsockopt(conn->ctx->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(conn->ctx->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(conn->ctx->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void begin(struct conn *conn)
{
	struct store *store = conn->redis->store;
	const struct server *server = conn->server;

	conn->ctx = server->port ? redisConnectNonBlock(server->host, server->port) :
				   redisConnectUnixNonBlock(server->host);
	conn->connected = false;
	conn->heard = store->now;
	conn->puts = 0;
	if (!conn->ctx || conn->ctx->err) {
		conn_fail(conn, conn->ctx ? conn->ctx->errstr : strerror(ENOMEM));
		return;
	}
	reply_guard(&conn->guard, conn->ctx->reader);
	set_socket(conn);
	conn->watch.ready = conn_ready;
	conn->events = EPOLLIN | EPOLLOUT;
	if (store_watch(store, conn->ctx->fd, &conn->watch, conn->events)) {
		conn_fail(conn, strerror(ENOMEM));
		return;
	}
	if (conn->failures)
		store->stats.reconnects++;
	server_hello(conn);
}

/* Whether a command can be sent now; begins to connect where that is due. */
bool conn_usable(struct conn *conn)
{
	if (!conn->ctx && conn->retry_at <= conn->redis->store->now)
		begin(conn);
	return conn->ctx;
}

/* Sends a command, soon; only if conn_usable(). Takes the flight over. */
void conn_send(struct conn *conn, struct flight *flight, int argc, const char **argv,
	       const size_t *lens)
{
	flight->conn = conn;
	flight->next = NULL;
	if (!conn->first)
		conn->heard = conn->redis->store->now;
	if (conn->first)
		conn->last->next = flight;
	else
		conn->first = flight;
	conn->last = flight;
	conn->dirty = true;
	if (redisAppendCommandArgv(conn->ctx, argc, argv, lens) != REDIS_OK)
		conn_fail(conn, strerror(ENOMEM));
}

/* After puts: are they on replicas? If none was known: is there really none? */
static void append_wait(struct conn *conn)
{
	struct redis *redis = conn->redis;
	bool check = redis->wait_auto && !conn->server->info.replicas;
	const char *argv[] = {"WAIT", NULL, "1000"};
	struct flight *flight;
	size_t lens[] = {4, 0, 4};
	char number[24];

	if (!conn->puts)
		return;
	flight = flight_new(redis, check ? FLIGHT_CHECK : FLIGHT_WAIT);
	if (!flight) {
		conn_fail(conn, strerror(ENOMEM));
		return;
	}
	conn->puts = 0;
	if (check) {
		argv[0] = "INFO";
		argv[1] = "replication";
		lens[1] = strlen(argv[1]);
		conn_send(conn, flight, 2, argv, lens);
		return;
	}
	lens[1] = snprintf(number, sizeof(number), "%llu", (unsigned long long)redis->wait);
	argv[1] = number;
	conn_send(conn, flight, 3, argv, lens);
}

/* hiredis would do it without MSG_NOSIGNAL; returns 0, or a negative errno. */
static int write_some(redisContext *ctx)
{
	size_t len = sdslen(ctx->obuf);
	ssize_t n;

	if (!len)
		return 0;
	n = send(ctx->fd, ctx->obuf, len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if ((size_t)n < len)
		sdsrange(ctx->obuf, n, -1);
	else
		sdsclear(ctx->obuf);
	return 0;
}

/* Writes what can be written now; the rest when there is room. */
void conn_flush(struct conn *conn)
{
	int status;

	if (!conn->ctx || !conn->dirty)
		return;
	append_wait(conn);
	if (!conn->ctx || !conn->connected)
		return;
	conn->dirty = false;
	status = write_some(conn->ctx);
	if (status)
		conn_fail(conn, strerror(-status));
	else
		wait_for(conn, sdslen(conn->ctx->obuf) ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Takes the connection down; what it carried gets its chance elsewhere, or later. */
void conn_fail(struct conn *conn, const char *why)
{
	struct flight *flight = conn->first, *unsure = conn->unsure, *next;
	struct redis *redis = conn->redis;
	unsigned int shift = conn->failures < 8 ? conn->failures : 8;
	uint64_t ms = BACKOFF_MS << shift;

	if (conn->server->port)
		store_say(redis->store, "%s:%d: %s", conn->server->host, conn->server->port, why);
	else
		store_say(redis->store, "%s: %s", conn->server->host, why);
	if (conn->ctx) {
		store_unwatch(redis->store, conn->ctx->fd);
		redisFree(conn->ctx);
		conn->ctx = NULL;
	}
	conn->first = NULL;
	conn->last = NULL;
	conn->unsure = NULL;
	conn->dirty = false;
	conn->failures++;
	conn->retry_at = redis->store->now +
			 (ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS) * NSEC_PER_MSEC;
	for (; flight; flight = next) {
		next = flight->next;
		redis_broken(redis, flight);
		flight_free(redis, flight);
	}
	for (; unsure; unsure = next) {
		next = unsure->next;
		redis_broken(redis, unsure);
		flight_free(redis, unsure);
	}
	if (redis->cluster)
		map_want(redis);
}

void conn_close(struct conn *conn, bool abandon)
{
	struct flight *flight, *next;

	for (flight = conn->first; flight; flight = next) {
		next = flight->next;
		free(flight);
	}
	for (flight = conn->unsure; flight; flight = next) {
		next = flight->next;
		free(flight);
	}
	if (!conn->ctx)
		return;
	if (!abandon)
		store_unwatch(conn->redis->store, conn->ctx->fd);
	redisFree(conn->ctx);
	conn->ctx = NULL;
}

static bool established(struct conn *conn)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(conn->ctx->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		conn_fail(conn, strerror(error));
		return false;
	}
	conn->connected = true;
	conn->dirty = true;
	return true;
}

/* Takes all whole answers; false if the connection is gone. */
static bool take_answers(struct conn *conn)
{
	struct redis *redis = conn->redis;
	redisContext *ctx = conn->ctx;
	struct flight *flight;
	void *reply;
	int status;

	while (true) {
		status = redisGetReplyFromReader(ctx, &reply);
		if (!reply) {
			if (reply_too_large(&conn->guard, ctx->reader))
				conn_fail(conn, TOO_LARGE);
			else if (status != REDIS_OK)
				conn_fail(conn, ctx->errstr);
			else
				return true;
			return false;
		}
		flight = conn->first;
		if (!flight) {
			freeReplyObject(reply);
			conn_fail(conn, "an answer that nobody asked for");
			return false;
		}
		conn->first = flight->next;
		if (!conn->first)
			conn->last = NULL;
		redis_answer(redis, flight, reply);
		freeReplyObject(reply);
		if (conn->ctx != ctx)
			return false;
	}
}

static bool read_some(struct conn *conn)
{
	char byte;
	int i;

	for (i = 0; i < READS_AT_ONCE; i++) {
		if (redisBufferRead(conn->ctx) != REDIS_OK) {
			conn_fail(conn, conn->ctx->errstr);
			return false;
		}
		if (!take_answers(conn))
			return false;
		if (recv(conn->ctx->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
			break;
	}
	return true;
}

static void conn_ready(struct store_watch *watch, unsigned int events)
{
	struct conn *conn = (struct conn *)((char *)watch - offsetof(struct conn, watch));

	if (!conn->ctx)
		return;		/* it broke earlier in this round */
	if (!conn->connected && !established(conn))
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		conn->heard = conn->redis->store->now;
		if (!read_some(conn))
			return;
	}
	if (events & EPOLLOUT)
		conn->dirty = true;
	conn_flush(conn);
}
