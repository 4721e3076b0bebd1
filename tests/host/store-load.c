// SPDX-License-Identifier: GPL-2.0-only
/*
 * A load for a store, which knows at any time what each page must be.
 *
 * usage: store-load URL KEYS [DEPTH [TIMEOUT_MS]]
 *
 * Gets, puts and deletes pages at random, DEPTH at a time, one at a time per
 * key, and says "round N" after every KEYS of them, until its standard input
 * ends. Then it reads all pages once more, closes the store, and prints one line
 * of JSON: pages that were wrong, requests that failed, by their errno, and the
 * store's statistics. Status 1 if a page was wrong, 2 if it could not begin.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/upager/store.h"

#define PAGE	4096
#define ERRORS	200

struct slot {
	struct store_req req;
	unsigned int expected;
	bool used;
};

static struct store *store;
static unsigned int *version;		/* of each key; 0: none, ~0: not known */
static bool *taken;
static unsigned int keys, rounds, began, next_version, wrong, check_from;
static unsigned int errors[ERRORS];
static bool stopping;
static uint64_t seed = 88172645463325252ULL;

static unsigned int draw(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 20) % below;
}

/* Every byte may occur; one in eight pages is one word. */
static void fill(void *page, uint64_t key, unsigned int of)
{
	uint64_t x = key << 32 ^ of * 0x9e3779b97f4a7c15ULL, *word = page;
	size_t i;

	for (i = 0; i < PAGE / sizeof(*word); i++) {
		if (of % 8)
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		word[i] = x;
	}
}

static void judge(struct slot *slot)
{
	struct store_req *req = &slot->req;
	char want[PAGE];

	taken[req->key] = false;
	if (req->status && req->status != -ENOENT) {
		errors[-req->status < ERRORS ? -req->status : 0]++;
		/* after a put or del that failed there is none */
		if (req->op != STORE_GET)
			version[req->key] = 0;
		return;
	}
	if (req->op != STORE_GET)
		return;
	if (!slot->expected || req->status) {
		wrong += (slot->expected == 0) != (req->status == -ENOENT);
		return;
	}
	fill(want, req->key, slot->expected);
	wrong += !!memcmp(req->page, want, PAGE);
}

static void submit(struct slot *slot, enum store_op op, unsigned int key)
{
	slot->req.op = op;
	slot->req.key = key;
	slot->used = true;
	taken[key] = true;
	if (op == STORE_PUT) {
		version[key] = ++next_version;
		fill(slot->req.page, key, next_version);
	} else if (op == STORE_DEL) {
		version[key] = 0;
	}
	slot->expected = version[key];
	store_submit(store, &slot->req);
}

static void done(struct store_req *req)
{
	struct slot *slot = (struct slot *)req;
	unsigned int key, what;

	if (slot->used)
		judge(slot);
	slot->used = false;
	if (stopping) {
		if (check_from < keys)
			submit(slot, STORE_GET, check_from++);
		return;
	}
	do {
		key = draw(keys);
	} while (taken[key]);
	what = draw(20);
	if (++began % keys == 0) {
		printf("round %u\n", ++rounds);
		fflush(stdout);
	}
	submit(slot, what < 10 ? STORE_GET : what < 19 ? STORE_PUT : STORE_DEL, key);
}

static void add(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_int64(value));
}

static void report(const struct store_stats *stats, int left)
{
	struct json_object *all = json_object_new_object();
	struct json_object *failed = json_object_new_object();
	int i;

	for (i = 0; i < ERRORS; i++)
		if (errors[i])
			add(failed, strerrorname_np(i) ?: "?", errors[i]);
	add(all, "wrong", wrong);
	json_object_object_add(all, "errors", failed);
	add(all, "rounds", rounds);
	add(all, "left", -left);
	add(all, "retries", stats->retries);
	add(all, "reconnects", stats->reconnects);
	add(all, "redirects", stats->redirects);
	add(all, "corrupt", stats->corrupt);
	add(all, "lost", stats->lost);
	add(all, "same", stats->same);
	add(all, "pages", stats->pages);
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
	json_object_put(all);
}

int main(int argc, char **argv)
{
	struct store_options options = {.page_size = PAGE};
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
	struct store_stats stats;
	struct slot *slots;
	unsigned int depth, i;
	char *memory = NULL;

	if (argc < 3)
		return 2;
	keys = atoi(argv[2]);
	depth = argc > 3 ? atoi(argv[3]) : 64;
	options.timeout_ms = argc > 4 ? atoi(argv[4]) : 0;
	if (store_open(argv[1], &options, &store)) {
		fprintf(stderr, "%s\n", store_open_error());
		return 2;
	}
	version = calloc(keys, sizeof(*version));
	taken = calloc(keys, sizeof(*taken));
	slots = calloc(depth, sizeof(*slots));
	if (posix_memalign((void **)&memory, PAGE, (size_t)depth * PAGE))
		return 2;
	for (i = 0; i < depth; i++) {
		slots[i].req.page = memory + (size_t)i * PAGE;
		slots[i].req.done = done;
		done(&slots[i].req);
	}
	fds[0].fd = store_fd(store);
	while (true) {
		store_dispatch(store);
		store_stats(store, &stats);
		if (stopping && !stats.busy && check_from >= keys)
			break;
		/* the last round begins when nothing of the others is left */
		if (stopping && !stats.busy) {
			for (i = 0; i < depth && check_from < keys; i++)
				submit(&slots[i], STORE_GET, check_from++);
			continue;
		}
		fds[1].fd = stopping ? -1 : STDIN_FILENO;
		poll(fds, 2, -1);
		if (!stopping && fds[1].revents && read(STDIN_FILENO, &i, sizeof(i)) <= 0) {
			stopping = true;
			check_from = keys;	/* done() begins nothing */
			while (stats.busy) {
				store_wait(store, -1);
				store_stats(store, &stats);
			}
			check_from = 0;
		}
	}
	report(&stats, store_close(store));
	return !!wrong;
}
