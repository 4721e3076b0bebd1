// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to get a page of a store into a process that touches it?
 *
 *   sample loop N		a thread that gets one page at a time: poll(), read(),
 *				UFFDIO_COPY from memory; the peer of all others
 *   sample apart-file N	the same in a process of its own, which reads the page from a file
 *				and looks at its checksum; in no order. No pager that does this
 *				can be cheaper
 *   sample apart-ahead N	the same in order, 64 pages at a time
 *   sample apart-pool N	a process of its own that gives 64 pages of the module's pool at
 *				a time, and knows nothing about them
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

#include <pfstat.h>

#include "../../user/upager/attach.h"
#include "../../user/upager/pager.h"
#include "../../user/upager/source-store.h"
#include "../../user/upager/store-sum.h"
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

/**
 * struct loop - the peers: poll(), read(), answer
 * @uffd: where it reads
 * @at: the memory, all pages of it
 * @from: pages to give, or room for one
 * @file: has the pages
 * @sums: of each page
 * @device: with a pool of as many pages
 * @ahead: pages at a time
 * @client: whose memory it is
 * @give: answers a fault with @ahead pages
 */
struct loop {
	int uffd;
	char *at;
	char *from;
	int file;
	uint64_t *sums;
	struct pgtbl *device;
	pid_t client;
	unsigned int ahead;
	void (*give)(struct loop *loop, uint64_t addr);
};

static void copy_pages(struct loop *loop, uint64_t addr, const char *from)
{
	struct uffdio_copy copy = {
		.dst = addr, .src = (uintptr_t)from, .len = loop->ahead * page,
	};

	if (ioctl(loop->uffd, UFFDIO_COPY, &copy))
		bench_die("UFFDIO_COPY");
}

static void give_memory(struct loop *loop, uint64_t addr)
{
	copy_pages(loop, addr, loop->from + (addr - (uintptr_t)loop->at));
}

static void give_file(struct loop *loop, uint64_t addr)
{
	uint64_t offset = addr - (uintptr_t)loop->at;
	size_t size = loop->ahead * page;
	unsigned int first = offset / page, i;

	if (pread(loop->file, loop->from, size, offset) != (ssize_t)size)
		bench_die("page %u of the file", first);
	for (i = 0; i < loop->ahead; i++)
		if (store_sum(loop->from + i * page, page, first + i) != loop->sums[first + i])
			bench_die("page %u of the file is another", first + i);
	copy_pages(loop, addr, loop->from);
}

static void give_pool(struct loop *loop, uint64_t addr)
{
	struct pgtbl_run run = {
		.addr = addr, .page = (addr - (uintptr_t)loop->at) / page, .count = loop->ahead,
	};
	struct uffdio_range range = {.start = addr, .len = loop->ahead * page};

	if (pgtbl_install_runs(loop->device, loop->client, &run, 1, 0) != (int)loop->ahead)
		bench_die("PGTBL_IOC_INSTALL");
	if (ioctl(loop->uffd, UFFDIO_WAKE, &range))
		bench_die("UFFDIO_WAKE");
}

static void *answer(void *arg)
{
	struct loop *loop = arg;
	struct pollfd poll_uffd = {.fd = loop->uffd, .events = POLLIN};
	struct uffd_msg msg;
	unsigned int i;

	for (i = 0; i < PAGES; i += loop->ahead) {
		if (poll(&poll_uffd, 1, -1) != 1 ||
		    read(loop->uffd, &msg, sizeof(msg)) != sizeof(msg))
			bench_die("userfaultfd");
		loop->give(loop, msg.arg.pagefault.address & -page);
	}
	return NULL;
}

static void watch(struct loop *loop)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	loop->at = map();
	loop->from = map();
	loop->client = getpid();
	reg.range.start = (uintptr_t)loop->at;
	reg.range.len = PAGES * page;
	loop->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (loop->uffd < 0 || ioctl(loop->uffd, UFFDIO_API, &api) ||
	    ioctl(loop->uffd, UFFDIO_REGISTER, &reg))
		bench_die("userfaultfd");
}

static void unwatch(struct loop *loop)
{
	close(loop->uffd);
	munmap(loop->at, PAGES * page);
	munmap(loop->from, PAGES * page);
}

static double loop_once(void)
{
	struct loop loop = {.give = give_memory, .ahead = 1};
	pthread_t thread;
	unsigned int i;
	double cost;

	watch(&loop);
	for (i = 0; i < PAGES; i++)
		*(unsigned int *)(loop.from + i * page) = i + 1;
	if (pthread_create(&thread, NULL, answer, &loop))
		bench_die("pthread_create");
	usleep(10000);		/* it waits in poll() now */
	cost = touch(loop.at, false, true);
	pthread_join(thread, NULL);
	unwatch(&loop);
	return cost;
}

static void make_file(struct loop *loop)
{
	unsigned int i;

	loop->file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	loop->sums = calloc(PAGES, sizeof(*loop->sums));
	if (loop->file < 0 || !loop->sums)
		bench_die("/tmp");
	for (i = 0; i < PAGES; i++) {
		*(unsigned int *)loop->from = i + 1;
		loop->sums[i] = store_sum(loop->from, page, i);
		if (pwrite(loop->file, loop->from, page, i * page) != (ssize_t)page)
			bench_die("/tmp");
	}
}

static void make_pool(struct loop *loop)
{
	loop->device = pgtbl_open();
	if (!loop->device || !pgtbl_pool_create(loop->device, PAGES))
		bench_die("/dev/pgtbl");
}

static double apart_once(bool pool, unsigned int ahead)
{
	struct loop loop = {.give = pool ? give_pool : give_file, .ahead = ahead};
	double cost;
	pid_t pid;

	watch(&loop);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid) {
		if (pool)
			make_pool(&loop);
		else
			make_file(&loop);
		answer(&loop);
		_exit(EXIT_SUCCESS);
	}
	usleep(1000000);	/* it waits in poll() now */
	cost = touch(loop.at, ahead == 1, !pool);
	waitpid(pid, NULL, 0);
	unwatch(&loop);
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

	if (!strcmp(what, "loop") || !strncmp(what, "apart", 5))
		puts("again");
	while (!strcmp(what, "loop"))
		loop_once();
	while (!strcmp(what, "apart-file"))
		apart_once(false, 1);
	while (!strcmp(what, "apart-ahead"))
		apart_once(false, AHEAD);
	while (!strcmp(what, "apart-pool"))
		apart_once(true, AHEAD);
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(what, ways[i].name))
			clients(&ways[i], 0);
	bench_die("no way '%s'", what);
}

int main(int argc, char **argv)
{
	unsigned int i, sample;

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
		double cost = loop_once(), file = apart_once(false, 1);
		double some = apart_once(false, AHEAD), pool = apart_once(true, AHEAD);

		/* the first one finds the kernel as it has just begun */
		if (!sample)
			continue;
		printf("sample loop %.1f\n", cost);
		printf("sample apart-file %.1f\n", file);
		printf("sample apart-ahead %.1f\n", some);
		printf("sample apart-pool %.1f\n", pool);
	}
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		clients(&ways[i], SAMPLES + 1);
	evict(argv[0], "evicted");
	return EXIT_SUCCESS;
}
