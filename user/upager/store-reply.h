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

bool reply_redirect(const char *text, size_t len, struct redirect *redirect);
int reply_slots(const redisReply *reply,
		void (*range)(void *arg, unsigned int from, unsigned int to, const char *host,
			      int port), void *arg);
bool reply_replicas(const char *text, size_t len, unsigned int *count);
bool reply_info(const char *text, size_t len, struct server_info *info);
unsigned int key_slot(const char *key, size_t len);

#endif /* STORE_REPLY_H */
