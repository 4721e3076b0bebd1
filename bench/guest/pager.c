// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to get a page of a store into a process that touches it?
 *
 *   sample loop N		a thread that gets one page at a time: poll(), read(),
 *				UFFDIO_COPY from memory; the peer of all others
 *   sample file-in-order N	upager's pager, pages of a file store, which the
 *				process reads in order
 *   sample file-random N	in an order that has none
 *   sample copied-in-order N	the same without the module: file-... takes the way that
 *   sample copied-random N	is the default, which is its pool
 *   sample evict-in-order N	by upager run with a limit of a quarter of the pages,
 *				so that for each page that comes one must go
 *   sample evict-random N	the same
 *   sample pager-pool N	pages of the module's pool that are not filled: the
 *				pager alone, with answers of 64 pages
 *   sample pager-copy N	the same, copied
 *
 * in instructions per page, from the first touch to the last, everything included.
 *
 * usage: pager			all of it
 *	  pager again WHAT	one of them for ever, for bench/profile
 *	  pager evicted		what upager run runs
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/upager/attach.h"
#include "../../user/upager/pager.h"
#include "../../user/upager/source-store.h"
#include "lib/bench.h"
/* last: it makes noreturn a macro */
#include "../../user/cli/cli.h"

#define PAGES		2048u
#define SAMPLES		3
#define SOCKET		"/tmp/bench-pager"
#define STORE		"file:/tmp/bench-pages?direct=0"
/* clients with other pages, until it begins anew: the pool has forgotten the first */
#define AGAIN		12u
#define SCRIPT		"/tmp/evicted"
/* 2 MiB, a quarter of all */
#define LIMIT		"2M"
/* pages at a time, as more gain nothing */
#define AHEAD		64
/* relatively prime to PAGES, and no step that anything could foresee */
#define STEP		1237u

/* whose messages these would be (user/cli) */
const struct program program = {.name = "bench"};

static size_t page;
/* of the next client's first page; and how many there are, 0: no end of them */
static uint64_t next_key;
static uint64_t keys;

/* A source that has all pages, and need not fill them. */
static void get_nothing(struct source *source, struct store_req *req)
{
	(void)source;
	req->status = 0;
	req->done(req);
}

static bool get_run_of_nothing(struct source *source, uint64_t key, unsigned int count,
			       void *pages)
{
	(void)source;
	(void)key;
	(void)count;
	(void)pages;
	return true;
}

static const struct source_ops nothing_ops = {
	.get = get_nothing,
	.get_run = get_run_of_nothing,
};

static const struct way {
	const char *name;
	const char *resolver;
	bool store;
	bool random;
} ways[] = {
	{"file-in-order", "auto", true, false},
	{"file-random", "auto", true, true},
	{"copied-in-order", "copy", true, false},
	{"copied-random", "copy", true, true},
	{"pager-copy", "copy", false, false},
	{"pager-pool", "pool", false, false},
};

static unsigned int nth(unsigned int i, bool random)
{
	return random ? i * STEP % PAGES : i;
}

/* touch() - instructions per page to read them all; each has its number, or is not looked at */
static double touch(const char *at, bool random, bool look)
{
	uint64_t begin = bench_now();
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		unsigned int n = nth(i, random);
		unsigned int has = *(volatile unsigned int *)(at + n * page);

		if (look && has != n + 1)
			bench_die("page %u is %u", n, has);
	}
	return (double)bench_since(begin) / PAGES;
}

static char *map(void)
{
	return bench_map(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1);
}

/* The peer */
struct loop {
	int uffd;
	char *at;
	char *from;
};

static void *answer(void *arg)
{
	struct loop *loop = arg;
	struct pollfd poll_uffd = {.fd = loop->uffd, .events = POLLIN};
	struct uffdio_copy copy = {.len = page};
	struct uffd_msg msg;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (poll(&poll_uffd, 1, -1) != 1 ||
		    read(loop->uffd, &msg, sizeof(msg)) != sizeof(msg))
			bench_die("userfaultfd");
		copy.dst = msg.arg.pagefault.address & -page;
		copy.src = (uintptr_t)loop->from + (copy.dst - (uintptr_t)loop->at);
		copy.copy = 0;
		if (ioctl(loop->uffd, UFFDIO_COPY, &copy))
			bench_die("UFFDIO_COPY");
	}
	return NULL;
}

static double loop_once(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct loop loop = {.at = map(), .from = map()};
	struct uffdio_register reg = {
		.range = {.start = (uintptr_t)loop.at, .len = PAGES * page},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;
	unsigned int i;
	double cost;

	for (i = 0; i < PAGES; i++)
		*(unsigned int *)(loop.from + i * page) = i + 1;
	loop.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (loop.uffd < 0 || ioctl(loop.uffd, UFFDIO_API, &api) ||
	    ioctl(loop.uffd, UFFDIO_REGISTER, &reg) ||
	    pthread_create(&thread, NULL, answer, &loop))
		bench_die("userfaultfd");
	usleep(10000);		/* it waits in poll() now */
	cost = touch(loop.at, false, true);
	pthread_join(thread, NULL);
	close(loop.uffd);
	munmap(loop.at, PAGES * page);
	munmap(loop.from, PAGES * page);
	return cost;
}

static int give_keys(void *ctx, struct client *client, struct region *region)
{
	(void)ctx;
	(void)client;
	region->flags &= ~REGION_ZERO;
	region->key = next_key;
	/* pages that one client has from the pool others are given as well, one by one */
	next_key += PAGES;
	if (keys)
		next_key %= keys;
	return 0;
}

static struct store *fill_store(void)
{
	const struct store_options options = {.page_size = page};
	struct store_req req = {.op = STORE_PUT, .page = map()};
	struct store *store;

	if (store_open(STORE, &options, &store))
		bench_die("%s", store_open_error());
	for (req.key = 0; req.key < keys; req.key++) {
		*(unsigned int *)req.page = req.key % PAGES + 1;
		if (store_run(store, &req))
			bench_die("%s: %s", STORE, store_why(store));
	}
	munmap(req.page, PAGES * page);
	return store;
}

/* A pager that listens; ends by SIGTERM. */
static pid_t start_pager(const struct way *way, unsigned int count)
{
	static struct source nothing = {.ops = &nothing_ops};
	static struct store_source kept;
	struct pager_config config = {
		.socket = SOCKET,
		.resolver = way->resolver,
		.source = way->store ? &kept.source : &nothing,
		.prefetch = AHEAD,
		.region = give_keys,
	};
	struct pager *pager;
	int ready[2], err;
	char byte;
	pid_t pid;

	if (pipe(ready))
		bench_die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		keys = way->store ? (count ?: AGAIN) * PAGES : 0;
		if (way->store)
			store_source_init(&kept, fill_store());
		pager = pager_new(&config, &err);
		if (!pager)
			bench_die("pager_new: %s", strerror(-err));
		if (write(ready[1], "", 1) != 1)
			bench_die("pipe");
		pager_run(pager);
		_exit(EXIT_SUCCESS);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		bench_die("the pager has not started");
	close(ready[0]);
	return pid;
}

/* One client after the other: a number of them, 0: for ever */
static void clients(const struct way *way, unsigned int count)
{
	pid_t pid = start_pager(way, count);
	struct attach attach;
	unsigned int i;
	double cost;
	char *at;

	for (i = 0; i < count || !count; i++) {
		at = map();
		if (attach_open(&attach, SOCKET) ||
		    attach_region(&attach, at, PAGES * page, 0, page))
			bench_die("%s: attach", way->name);
		usleep(10000);	/* it waits for events now */
		cost = touch(at, way->random, way->store);
		/* the first one finds the pager as it has just begun */
		if (i && count)
			printf("sample %s %.1f\n", way->name, cost);
		else if (!i && !count)
			puts("again");
		close(attach.uffd.fd);
		close(attach.sock);
		munmap(at, PAGES * page);
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* Under upager run: all is written, so that most of it is in the store, then read. */
static void evicted(void)
{
	unsigned int i, sample;
	char *at = map();

	for (i = 0; i < PAGES; i++)
		*(unsigned int *)(at + i * page) = i + 1;
	for (sample = 0; sample < SAMPLES; sample++) {
		printf("sample evict-in-order %.1f\n", touch(at, false, true));
		printf("sample evict-random %.1f\n", touch(at, true, true));
	}
}

static void evict(const char *self, const char *mode)
{
	int status;
	FILE *file;
	pid_t pid;

	/* an interpreter that loads no libraries: what pages is linked into us */
	file = fopen(SCRIPT, "we");
	if (!file || fprintf(file, "#!/bin/sh\nexec %s %s\n", self, mode) < 0 || fclose(file) ||
	    chmod(SCRIPT, 0755))
		bench_die(SCRIPT);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execlp("upager", "upager", "run", "--limit", LIMIT, "--stage", "0", "--prefetch",
		       "64", "--store", STORE, "--", SCRIPT, NULL);
		bench_die("upager");
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		bench_die("upager run");
}

/* Do one thing for ever, for somebody who looks at what is executed. */
static void again(const char *what)
{
	unsigned int i;

	if (!strcmp(what, "loop"))
		puts("again");
	while (!strcmp(what, "loop"))
		loop_once();
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(what, ways[i].name))
			clients(&ways[i], 0);
	bench_die("no way '%s'", what);
}

int main(int argc, char **argv)
{
	unsigned int i, sample;
	double cost;

	page = bench_page_size();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "evicted")) {
		evicted();
		return EXIT_SUCCESS;
	}
	bench_pin(0);
	if (argc > 2 && !strcmp(argv[1], "again"))
		again(argv[2]);
	for (sample = 0; sample <= SAMPLES; sample++) {
		cost = loop_once();
		if (sample)
			printf("sample loop %.1f\n", cost);
	}
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		clients(&ways[i], SAMPLES + 1);
	evict(argv[0], "evicted");
	return EXIT_SUCCESS;
}
