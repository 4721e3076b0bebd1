// SPDX-License-Identifier: GPL-2.0-only
/* What Redis servers answer: bytes, redirections, the map of slots, INFO. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/upager/store-reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void range(void *arg, unsigned int from, unsigned int to, const char *host, int port)
{
	unsigned int *slots = arg;

	if (from > to || to >= CLUSTER_SLOTS || strlen(host) > HOST_MAX || port < 1 || port > 65535)
		abort();
	*slots += to - from + 1;
}

static void text(const char *data, size_t len)
{
	struct redirect redirect;
	struct server_info info;

	if (reply_redirect(data, len, &redirect) &&
	    (redirect.slot >= CLUSTER_SLOTS || strlen(redirect.host) > HOST_MAX ||
	     redirect.port < 1 || redirect.port > 65535))
		abort();
	reply_info(data, len, &info);
	/* of names that are ours, which are short; more only takes time */
	if (key_slot(data, len < 64 ? len : 64) >= CLUSTER_SLOTS)
		abort();
}

static void answer(const redisReply *reply)
{
	unsigned int slots = 0;
	int count = reply_slots(reply, range, &slots);

	if (count >= 0 && (unsigned int)count != slots)
		abort();
	if (reply->str)
		text(reply->str, reply->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	redisReader *reader = redisReaderCreate();
	struct reply_guard guard;
	void *reply = NULL;
	char *copy;

	/* Of its own, so that a byte too many is seen. */
	copy = malloc(len ?: 1);
	if (!reader || !copy)
		abort();
	reply_guard(&guard, reader);
	memcpy(copy, data, len);
	text(copy, len);
	redisReaderFeed(reader, copy, len);
	free(copy);
	while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
		answer(reply);
		freeReplyObject(reply);
		reply = NULL;
	}
	redisReaderFree(reader);
	return 0;
}
