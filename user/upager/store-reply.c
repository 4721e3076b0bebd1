// SPDX-License-Identifier: GPL-2.0-only
/* Replies of Redis servers, see store-reply.h. */
#include <string.h>

#include "store-reply.h"

/* Whether there is room for @size more in the answer that @task is a part of */
static bool has_room(const redisReadTask *task, size_t size)
{
	struct reply_guard *guard = task->privdata;

	if (!task->parent)
		guard->size = 0;
	if (guard->size <= REPLY_MOST)
		guard->size += size;
	return guard->size <= REPLY_MOST;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
	const struct reply_guard *guard = task->privdata;

	return has_room(task, len) ? guard->plain->createString(task, text, len) : NULL;
}

/* Room for all elements is taken at once, when nothing is here but their number. */
static void *make_array(const redisReadTask *task, int elements)
{
	const struct reply_guard *guard = task->privdata;
	size_t size = elements > 0 ? (size_t)elements : 0;

	return has_room(task, size < REPLY_MOST ? size * 8 : REPLY_MOST + 1) ?
	       guard->plain->createArray(task, elements) : NULL;
}

void reply_guard(struct reply_guard *guard, redisReader *reader)
{
	*guard = (struct reply_guard){.functions = *reader->fn, .plain = reader->fn};
	guard->functions.createString = make_string;
	guard->functions.createArray = make_array;
	reader->fn = &guard->functions;
	reader->privdata = guard;
}

bool reply_too_large(const struct reply_guard *guard, const redisReader *reader)
{
	return guard->size > REPLY_MOST || reader->len > REPLY_MOST;
}

/* A number without sign, up to @max, at *@text; false if there is none. */
static bool take_number(const char **text, const char *end, unsigned int max, unsigned int *value)
{
	const char *at = *text;
	unsigned int number = 0;

	while (at < end && *at >= '0' && *at <= '9') {
		number = number * 10 + (*at++ - '0');
		if (number > max)
			return false;
	}
	if (at == *text)
		return false;
	*text = at;
	*value = number;
	return true;
}

static bool take_word(const char **text, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *text) < len || memcmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

bool reply_redirect(const char *text, size_t len, struct redirect *redirect)
{
	const char *end = text + len, *colon;
	unsigned int port;

	redirect->ask = take_word(&text, end, "ASK ");
	if (!redirect->ask && !take_word(&text, end, "MOVED "))
		return false;
	if (!take_number(&text, end, CLUSTER_SLOTS - 1, &redirect->slot) ||
	    !take_word(&text, end, " "))
		return false;
	/* the last colon: IPv6 addresses have some of their own */
	colon = memrchr(text, ':', end - text);
	if (!colon || colon - text > HOST_MAX || memchr(text, '\0', colon - text))
		return false;
	memcpy(redirect->host, text, colon - text);
	redirect->host[colon - text] = '\0';
	text = colon + 1;
	if (!take_number(&text, end, 65535, &port) || !port || text != end)
		return false;
	redirect->port = port;
	return true;
}

static bool is_number(const redisReply *reply, long long max)
{
	return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0 &&
	       reply->integer <= max;
}

/* The master of a range: [host or nil, port, ...] */
static bool node(const redisReply *reply, char *host, int *port)
{
	const redisReply *name;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
	    !is_number(reply->element[1], 65535) || !reply->element[1]->integer)
		return false;
	name = reply->element[0];
	*port = reply->element[1]->integer;
	*host = '\0';
	if (name->type == REDIS_REPLY_NIL)
		return true;
	if (name->type != REDIS_REPLY_STRING || name->len > HOST_MAX ||
	    memchr(name->str, '\0', name->len))
		return false;
	memcpy(host, name->str, name->len);
	host[name->len] = '\0';
	/* a node without an address yet */
	return strcmp(host, "?");
}

/*
 * Calls range() for each range of slots in a reply to CLUSTER SLOTS, with its
 * master (host "": the one that was asked). Ranges that make no sense are left
 * out. Returns the number of slots that have a master, -1 if it is no such reply.
 */
int reply_slots(const redisReply *reply,
		void (*range)(void *arg, unsigned int from, unsigned int to, const char *host,
			      int port), void *arg)
{
	char host[HOST_MAX + 1];
	const redisReply *row;
	int count = 0, port;
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY)
		return -1;
	for (i = 0; i < reply->elements; i++) {
		row = reply->element[i];
		if (row->type != REDIS_REPLY_ARRAY || row->elements < 3 ||
		    !is_number(row->element[0], CLUSTER_SLOTS - 1) ||
		    !is_number(row->element[1], CLUSTER_SLOTS - 1) ||
		    row->element[0]->integer > row->element[1]->integer ||
		    !node(row->element[2], host, &port))
			continue;
		range(arg, row->element[0]->integer, row->element[1]->integer, host, port);
		count += row->element[1]->integer - row->element[0]->integer + 1;
	}
	return count;
}

/* The value of a line "name:value" */
static bool field(const char *text, size_t len, const char *name, const char **value,
		  const char **value_end)
{
	const char *end = text + len, *line, *eol;

	for (line = text; line < end; line = eol + 1) {
		eol = memchr(line, '\n', end - line);
		if (!eol)
			eol = end;
		*value = line;
		if (take_word(value, eol, name) && take_word(value, eol, ":")) {
			*value_end = eol > *value && eol[-1] == '\r' ? eol - 1 : eol;
			return true;
		}
		if (eol == end)
			break;
	}
	return false;
}

static bool field_is(const char *text, size_t len, const char *name, const char *word)
{
	const char *value, *end;

	return field(text, len, name, &value, &end) && (size_t)(end - value) == strlen(word) &&
	       !memcmp(value, word, end - value);
}

/* How many replicas INFO tells of; false if it says nothing of them. */
bool reply_replicas(const char *text, size_t len, unsigned int *count)
{
	const char *value, *end;

	return field(text, len, "connected_slaves", &value, &end) &&
	       take_number(&value, end, 100000, count);
}

/* What INFO says; false if it isn't that. */
bool reply_info(const char *text, size_t len, struct server_info *info)
{
	const char *value, *end;

	memset(info, 0, sizeof(*info));
	if (!field(text, len, "redis_version", &value, &end))
		return false;
	info->cluster = field_is(text, len, "redis_mode", "cluster") ||
			field_is(text, len, "cluster_enabled", "1");
	info->replica = field_is(text, len, "role", "slave");
	info->evicts = field(text, len, "maxmemory", &value, &end) &&
		       !field_is(text, len, "maxmemory", "0") &&
		       !field_is(text, len, "maxmemory_policy", "noeviction");
	if (!reply_replicas(text, len, &info->replicas))
		info->replicas = 0;
	return true;
}

/* The slot of a key without braces: CRC-16/XMODEM */
unsigned int key_slot(const char *key, size_t len)
{
	unsigned int crc = 0;
	size_t i;
	int bit;

	for (i = 0; i < len; i++) {
		crc ^= (unsigned char)key[i] << 8;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
	}
	return crc & (CLUSTER_SLOTS - 1);
}
