// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store on Redis servers that say what the input has: its connections lead here,
 * not to any server. The first byte chooses the URL. Behind it are steps, each
 * a byte that says what is done and one that says with what: a page is put, got or
 * removed, time passes, or a server says something, from what servers usually say
 * or from the input, or hangs up. Whatever they say, a page that comes back is the
 * one that was put last, all requests end, and so does closing the store.
 *
 * The time is the harness's: a limit of seconds is over at once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../user/upager/store-redis.h"

#define PAGE	512
#define KEYS	4
#define REQS	16
#define CONNS	16
#define NOTHING	(-1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What there is still of the input */
static const uint8_t *input;
static size_t left;

/* The servers' ends of the connections, in the order in which they were made */
static int ends[CONNS], nr_ends;

/* How much later it is than it is, and whether that counts now; not by libFuzzer's clock */
static uint64_t later;
static bool inside;

struct slot {
	struct store_req req;
	bool busy;
	unsigned int version;		/* that is to come back */
	uint8_t page[PAGE];
};

static struct slot slots[REQS];
/* What was put last; all versions of a key that were put, one after the other */
static unsigned int versions[KEYS];

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long status = syscall(SYS_clock_gettime, clock, now);
	uint64_t ns;

	if (!status && inside && clock == CLOCK_MONOTONIC) {
		ns = now->tv_nsec + later % NSEC_PER_SEC;
		now->tv_sec += later / NSEC_PER_SEC + ns / NSEC_PER_SEC;
		now->tv_nsec = ns % NSEC_PER_SEC;
	}
	return (int)status;
}

static unsigned int next(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static redisContext *connection(void)
{
	redisContext *context;
	int pair[2];

	if (nr_ends == CONNS)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	context = redisConnectFd(pair[0]);
	if (!context)
		abort();
	context->flags &= ~REDIS_BLOCK;
	ends[nr_ends++] = pair[1];
	return context;
}

redisContext *redisConnectNonBlock(const char *ip, int port)
{
	if (strlen(ip) > HOST_MAX || port < 1 || port > 65535)
		abort();
	return connection();
}

redisContext *redisConnectUnixNonBlock(const char *path)
{
	(void)path;
	return connection();
}

static void hang_up(unsigned int which)
{
	if (ends[which] != NOTHING)
		close(ends[which]);
	ends[which] = NOTHING;
}

static void say(unsigned int which, const void *text, size_t len)
{
	char heard[4096];

	if (ends[which] == NOTHING)
		return;
	while (recv(ends[which], heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
	send(ends[which], text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void fill(uint8_t *page, unsigned int key, unsigned int version)
{
	memset(page, key << 6 ^ version, PAGE);
	page[0] = key;
	page[1] = version;
}

static void say_page(unsigned int which, unsigned int key)
{
	uint8_t answer[6 + PAGE + 2] = "$512\r\n";

	key %= KEYS;
	fill(answer + 6, key, versions[key]);
	memcpy(answer + 6 + PAGE, "\r\n", 2);
	say(which, answer, sizeof(answer));
}

static const char *const words[] = {
	"+OK\r\n", "$-1\r\n", ":0\r\n", ":1\r\n", ":2\r\n", "*0\r\n", "-ERR no\r\n", "-OOM no\r\n",
	"-LOADING it\r\n", "-NOAUTH no\r\n", "-MOVED 1 h:1\r\n", "-MOVED 16383 :2\r\n",
	"-ASK 1 g:2\r\n", "-TRYAGAIN\r\n",
	"$24\r\nredis_version:7\r\nrole:ma\r\n",
	"$37\r\nredis_version:7\r\nconnected_slaves:1\r\n\r\n",
	"$36\r\nredis_version:7\r\ncluster_enabled:1\r\n\r\n",
	"$20\r\nconnected_slaves:0\r\n\r\n",
	"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:1\r\n",
	"*2\r\n*3\r\n:0\r\n:9000\r\n*2\r\n$1\r\nh\r\n:1\r\n*3\r\n:9001\r\n:16383\r\n*2\r\n$-1\r\n:2\r\n",
};

#define WORDS	(sizeof(words) / sizeof(*words))

/* A server says something; @what is 3 bits, @with a byte of the input. */
static void speak(unsigned int what, unsigned int with)
{
	unsigned int which;
	size_t len;

	if (!nr_ends)
		return;
	which = with % nr_ends;
	with /= nr_ends;
	switch (what) {
	case 0:
		hang_up(which);
		break;
	case 1:
		say_page(which, with);
		break;
	case 2:
		len = next();
		len = len < left ? len : left;
		say(which, input, len);
		input += len;
		left -= len;
		break;
	default:
		with = next() % WORDS;
		say(which, words[with], strlen(words[with]));
		break;
	}
}

/* Waiting is what servers say something in; when all is said, they hang up. */
int poll(struct pollfd *fds, nfds_t count, int ms)
{
	unsigned int i;

	if (!inside)
		return (int)syscall(SYS_poll, fds, count, ms);
	if (left >= 2) {
		i = next();
		speak(i & 7, next());
		later += NSEC_PER_MSEC;
	} else {
		for (i = 0; i < (unsigned int)nr_ends; i++)
			hang_up(i);
		later += NSEC_PER_SEC;
	}
	return 0;
}

static void done(struct store_req *req)
{
	struct slot *slot = (struct slot *)req;
	uint8_t page[PAGE];

	if (!slot->busy)
		abort();
	slot->busy = false;
	if (req->op != STORE_GET || req->status)
		return;
	fill(page, req->key, slot->version);
	if (memcmp(page, slot->page, PAGE))
		abort();
}

static void submit(struct store *store, enum store_op op, unsigned int key)
{
	struct slot *slot = slots;

	while (slot < slots + REQS && slot->busy)
		slot++;
	key %= KEYS;
	if (slot == slots + REQS || (op == STORE_PUT && versions[key] == 63))
		return;
	slot->busy = true;
	slot->req = (struct store_req){.op = op, .key = key, .page = slot->page, .done = done};
	if (op == STORE_PUT)
		fill(slot->page, key, ++versions[key]);
	else
		memset(slot->page, 0, PAGE);
	slot->version = versions[key];
	store_submit(store, &slot->req);
}

static void run(struct store *store)
{
	unsigned int what, with;

	while (left >= 2) {
		what = next();
		with = next();
		switch (what >> 3 & 7) {
		case 0:
			submit(store, STORE_PUT, with);
			break;
		case 1:
			submit(store, STORE_GET, with);
			break;
		case 2:
			submit(store, STORE_DEL, with);
			break;
		case 3:
			later += with * 20 * NSEC_PER_MSEC;
			break;
		default:
			speak(what & 7, with);
			break;
		}
		if (what & 0x40)
			continue;	/* more, before it is looked at */
		store_dispatch(store);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const urls[] = {
		"redis+unix:///s", "redis://:p@h/1?wait=1", "redis+cluster://h:1",
		"redis+cluster://h:1,g:2?wait=1&evict=allow",
	};
	const struct store_options options = {.page_size = PAGE, .run = 1, .timeout_ms = 9000};
	struct store *store;
	int i;

	if (!len)
		return 0;
	input = data + 1;
	left = len - 1;
	later = 0;
	nr_ends = 0;
	memset(versions, 0, sizeof(versions));
	inside = true;
	if (!store_open(urls[data[0] % 4], &options, &store)) {
		run(store);
		store_close(store);
	}
	inside = false;
	for (i = 0; i < nr_ends; i++)
		hang_up(i);
	for (i = 0; i < REQS; i++)
		if (slots[i].busy)
			abort();
	return 0;
}
