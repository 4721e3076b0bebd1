/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stores on Redis servers. store-conn.c: one connection, what was sent and is
 * not answered; store-servers.c: which servers there are and whose a page is;
 * store-redis.c: requests, and what the answers mean for them.
 *
 * A page is the value of the key "upager:RUN:KEY.N". N grows whenever it is not
 * known whether a command was or will be done (a connection broke, an answer
 * came too late): what an old command does to an old name harms no page.
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include "store-kind.h"
#include "store-reply.h"

#define NAME_MAX_LEN	80
/* Pages to be removed: so many at a time, so many remembered */
#define GARBAGE_FLIGHTS	512
#define GARBAGE_MAX	65536

struct redis;
struct server;
struct conn;

/**
 * enum flight_type - which command
 * @FLIGHT_PAGE: of a request
 * @FLIGHT_ASKING: what comes before one after ASK
 * @FLIGHT_WAIT: until replicas have what was written before
 * @FLIGHT_CHECK: whether there are still no replicas after that
 * @FLIGHT_HELLO: AUTH, SELECT
 * @FLIGHT_INFO: what the server is
 * @FLIGHT_SLOTS: the map of the cluster
 * @FLIGHT_EXPIRE: a page is still needed
 * @FLIGHT_UNLINK: a page is needed no more
 */
enum flight_type {
	FLIGHT_PAGE,
	FLIGHT_ASKING,
	FLIGHT_WAIT,
	FLIGHT_CHECK,
	FLIGHT_HELLO,
	FLIGHT_INFO,
	FLIGHT_SLOTS,
	FLIGHT_EXPIRE,
	FLIGHT_UNLINK,
};

/**
 * struct flight - a command that was sent and not answered
 * @next: sent after it
 * @type: which command
 * @req: of a page, NULL if it was cancelled
 * @conn: where it was sent
 * @key: of the page
 * @gen: number in its name
 * @hops: redirections so far
 * @waits: a WAIT or a check follows, and tells when it is done
 */
struct flight {
	struct flight *next;
	enum flight_type type;
	struct store_req *req;
	struct conn *conn;
	uint64_t key;
	uint64_t gen;
	unsigned int hops;
	bool waits;
};

/**
 * struct conn - a connection to a server
 * @watch: its place in the store's event loop
 * @redis: whose it is
 * @server: the other end
 * @ctx: hiredis's, NULL while there is none
 * @guard: of its reader
 * @connected: it is established
 * @dirty: there is something to send
 * @events: what is waited for
 * @first: sent and not answered, in order
 * @last: the last of them
 * @unsure: writes that are done, but perhaps not yet on a replica
 * @puts: writes since the last WAIT
 * @heard: when something came last, or became due
 * @retry_at: not to be tried before
 * @failures: times that it broke without having worked
 */
struct conn {
	struct store_watch watch;
	struct redis *redis;
	struct server *server;
	redisContext *ctx;
	struct reply_guard guard;
	bool connected;
	bool dirty;
	unsigned int events;
	struct flight *first;
	struct flight *last;
	struct flight *unsure;
	unsigned int puts;
	uint64_t heard;
	uint64_t retry_at;
	unsigned int failures;
};

/**
 * struct server - a Redis server
 * @next: of all
 * @host: or the path of its socket
 * @port: 0: a UNIX socket
 * @reads: gets go here, so that no batch of writes is before them
 * @writes: everything else
 * @info: what it said
 * @informed: it has said it
 * @mapped: it has slots, as the map was last told
 * @info_at: when it was asked
 */
struct server {
	struct server *next;
	char host[HOST_MAX + 1];
	int port;
	struct conn reads;
	struct conn writes;
	struct server_info info;
	bool informed;
	bool mapped;
	uint64_t info_at;
};

struct garbage {
	uint64_t key;
	uint64_t gen;
};

/* store->data of redis stores */
struct redis {
	struct store *store;
	bool cluster;
	char *user;
	char *password;
	uint64_t db;
	uint64_t ttl;			/* s */
	uint64_t wait;			/* for that many replicas */
	bool wait_auto;			/* for one if there is one */
	bool evict_allowed;
	bool opening;
	int refused;			/* why it can't be opened, told by fail_open() */
	uint64_t gen;			/* of the next page that gets a new name */

	struct server *servers;
	struct server *slots[CLUSTER_SLOTS];	/* [0] alone without a cluster */
	struct server *asked;		/* for the map, the last time */
	bool map_wanted;
	bool map_asked;
	bool map_known;
	uint64_t map_at;

	struct garbage *garbage;
	size_t ngarbage;
	unsigned int unlinks;		/* under way */
	size_t sweep;			/* bucket whose pages' time is prolonged next */
	uint64_t sweep_at;
	size_t removing;		/* bucket whose pages are removed next */
	struct flight *free;
};

/* store-conn.c */
void conn_send(struct conn *conn, struct flight *flight, int argc, const char **argv,
	       const size_t *lens);
bool conn_usable(struct conn *conn);
void conn_flush(struct conn *conn);
void conn_fail(struct conn *conn, const char *why);
void conn_close(struct conn *conn, bool abandon);
struct flight *flight_new(struct redis *redis, enum flight_type type);
void flight_free(struct redis *redis, struct flight *flight);

/* store-redis.c, called by connections */
void redis_answer(struct redis *redis, struct flight *flight, const redisReply *reply);
void redis_broken(struct redis *redis, struct flight *flight);
void redis_trash(struct redis *redis, uint64_t key, uint64_t gen);
void redis_clean(struct redis *redis);
int redis_name(const struct redis *redis, uint64_t key, uint64_t gen, char *name);

/* store-servers.c */
struct server *server_get(struct redis *redis, const char *host, int port);
struct server *server_of(struct redis *redis, const char *name, int len);
void servers_free(struct redis *redis, bool abandon);
void servers_flush(struct redis *redis);
void servers_tick(struct redis *redis);
void server_hello(struct conn *conn);
void server_told_hello(struct conn *conn, const redisReply *reply);
void server_ask_info(struct conn *conn);
void server_told_info(struct conn *conn, const redisReply *reply);
void map_want(struct redis *redis);
void map_told(struct conn *conn, const redisReply *reply);
void map_not_told(struct redis *redis);
int servers_open(struct redis *redis);

/* store-redis-url.c */
int redis_parse(struct redis *redis, const char *rest, bool unix_socket);

#endif /* STORE_REDIS_H */
