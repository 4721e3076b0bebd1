/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What servers say, taken apart: redirections, the map of a cluster's slots,
 * INFO. Nothing here trusts the server.
 */
#ifndef STORE_REPLY_H
#define STORE_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLUSTER_SLOTS	16384
#define HOST_MAX	255

/**
 * struct redirect - "MOVED 3999 127.0.0.1:6381", or ASK
 * @ask: for this request only
 * @slot: below CLUSTER_SLOTS
 * @host: empty means the host that says so
 * @port: of the server
 */
struct redirect {
	bool ask;
	unsigned int slot;
	char host[HOST_MAX + 1];
	int port;
};

/**
 * struct server_info - what INFO says
 * @cluster: it is part of a cluster
 * @replica: it is not a master
 * @evicts: it may throw pages away when its memory is full
 * @replicas: how many copies it keeps
 */
struct server_info {
	bool cluster;
	bool replica;
	bool evicts;
	unsigned int replicas;
};

/* The most that an answer may have: bytes of text, and 8 for each element of arrays */
#define REPLY_MOST	(64u << 20)

/**
 * struct reply_guard - keeps a server from having us take any amount of memory
 * @functions: the reader's, with ours in between
 * @plain: the reader's
 * @size: of the answer up to now, as in REPLY_MOST
 */
struct reply_guard {
	redisReplyObjectFunctions functions;
	const redisReplyObjectFunctions *plain;
	size_t size;
};

/**
 * reply_guard - have a reader refuse answers larger than REPLY_MOST
 * @guard: is with it for as long as it lives
 * @reader: new; gets an error, out of memory, where an answer gets too large
 */
void reply_guard(struct reply_guard *guard, redisReader *reader);

/**
 * reply_too_large - whether an answer was refused for its size, or must be
 * @guard: of the reader
 * @reader: after it was given what came
 */
bool reply_too_large(const struct reply_guard *guard, const redisReader *reader);

bool reply_redirect(const char *text, size_t len, struct redirect *redirect);
int reply_slots(const redisReply *reply,
		void (*range)(void *arg, unsigned int from, unsigned int to, const char *host,
			      int port), void *arg);
bool reply_replicas(const char *text, size_t len, unsigned int *count);
bool reply_info(const char *text, size_t len, struct server_info *info);
unsigned int key_slot(const char *key, size_t len);

#endif /* STORE_REPLY_H */
