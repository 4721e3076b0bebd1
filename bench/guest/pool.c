// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to answer the page faults of another thread: by the
 * kernel's UFFDIO_COPY, or by installing pages of the pool?
 *
 *   sample copy-B|install-B|install-write-B N	per page, B pages an answer
 *
 * in instructions from the first fault to the end of the last, everything
 * included: the fault, the switch to the thread that answers, reading its
 * event, the answer, the switch back. One thread touches PAGES pages in order,
 * the other answers each fault with the B pages from there on. Filling the
 * pages is not in it, for either.
 *
 * usage: pool [again copy|copy-write|install|install-write BATCH]
 *	"again": one of these for ever, for bench/profile
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"

#define PAGES		1024
#define SAMPLES		5

enum answer { ANSWER_COPY, ANSWER_INSTALL, ANSWER_INSTALL_WRITE };

static const struct {
	const char *name;
	enum answer answer;
	bool writes;		/* the client writes instead of reading */
} ways[] = {
	{ "copy", ANSWER_COPY, false },
	{ "copy-write", ANSWER_COPY, true },
	{ "install", ANSWER_INSTALL, false },
	{ "install-write", ANSWER_INSTALL_WRITE, true },
};

static const unsigned int batches[] = { 1, 16, 64 };

static size_t page;
static int uffd;
static struct pgtbl *p;
static char *source, *client;

struct job {
	enum answer answer;
	unsigned int batch;
	unsigned int answers;
};

static void copy(unsigned int first, unsigned int n)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)client + first * page,
		.src = (uintptr_t)source + first * page,
		.len = n * page,
	};

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		bench_die("UFFDIO_COPY");
}

static void install(unsigned int first, unsigned int n, unsigned int flags)
{
	struct pgtbl_run run = {
		.addr = (uintptr_t)client + first * page,
		.page = first,
		.count = n,
	};
	struct uffdio_range range = { .start = run.addr, .len = n * page };

	if (pgtbl_install_runs(p, 0, &run, 1, flags) != (int)n)
		bench_die("INSTALL");
	if (ioctl(uffd, UFFDIO_WAKE, &range))
		bench_die("UFFDIO_WAKE");
}

/* Answers faults until the last page was asked for. */
static void *handler(void *arg)
{
	struct pollfd poll_uffd = { .fd = uffd, .events = POLLIN };
	struct job *job = arg;
	struct uffd_msg msg;
	unsigned int first = 0;

	while (first + job->batch < PAGES || !job->answers) {
		if (poll(&poll_uffd, 1, -1) != 1 ||
		    read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			bench_die("userfaultfd");
		errno = 0;
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			bench_die("event %#x", msg.event);
		first = (msg.arg.pagefault.address - (uintptr_t)client) / page;
		if (job->answer == ANSWER_COPY)
			copy(first, job->batch);
		else
			install(first, job->batch,
				job->answer == ANSWER_INSTALL_WRITE ?
				PGTBL_INSTALL_WRITE : 0);
		job->answers++;
	}
	return NULL;
}

static void take_back(void)
{
	struct pgtbl_run run = { .addr = (uintptr_t)client, .count = 256 };

	for (; run.page < PAGES; run.page += 256, run.addr += 256 * page) {
		if (pgtbl_take_runs(p, 0, &run, 1, NULL) < 0)
			bench_die("TAKE");
	}
}

static void register_client(void)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)client, .len = PAGES * page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		bench_die("UFFDIO_REGISTER");
}

static double one(unsigned int way, unsigned int batch)
{
	struct job job = { .answer = ways[way].answer, .batch = batch };
	pthread_t thread;
	uint64_t begin;
	unsigned int i;

	if (pthread_create(&thread, NULL, handler, &job))
		bench_die("pthread_create");
	usleep(10000);		/* it waits in poll() now */
	begin = bench_now();
	for (i = 0; i < PAGES; i++) {
		if (ways[way].writes)
			*(volatile char *)(client + i * page) = 'w';
		else if (*(volatile char *)(client + i * page) != 's')
			bench_die("page %u is not what it should be", i);
	}
	begin = bench_since(begin);
	pthread_join(thread, NULL);
	errno = 0;
	if (job.answers != PAGES / batch)
		bench_die("%u answers, not %u", job.answers, PAGES / batch);
	if (job.answer != ANSWER_COPY)
		take_back();
	if (madvise(client, PAGES * page, MADV_DONTNEED))
		bench_die("madvise");
	return (double)begin / PAGES;
}

/* Do one thing for ever, for somebody who looks at what is executed. */
static void again(const char *what, unsigned int batch)
{
	unsigned int way;

	for (way = 0; strcmp(ways[way].name, what); way++) {
		if (way == ARRAY_SIZE(ways) - 1)
			bench_die("no way '%s'", what);
	}
	puts("again");
	fflush(stdout);
	for (;;)
		one(way, batch);
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	unsigned int way, batch;
	double cost;
	char *pool;
	int i;

	bench_pin(0);
	page = bench_page_size();
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		bench_die("userfaultfd");
	client = bench_map(NULL, PAGES * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	source = bench_map(NULL, PAGES * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(source, 's', PAGES * page);
	register_client();
	p = pgtbl_open();
	if (!p)
		bench_die("cannot open " PGTBL_DEVICE);
	pool = pgtbl_pool_create(p, PAGES);
	if (!pool)
		bench_die("POOL");
	memset(pool, 's', PAGES * page);
	if (argc > 3 && !strcmp(argv[1], "again"))
		again(argv[2], atoi(argv[3]));
	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		for (batch = 0; batch < ARRAY_SIZE(batches); batch++) {
			for (i = -1; i < SAMPLES; i++) {
				memset(pool, 's', PAGES * page);
				cost = one(way, batches[batch]);
				if (i >= 0)
					printf("sample %s-%u %.1f\n",
					       ways[way].name, batches[batch],
					       cost);
			}
		}
	}
	return EXIT_SUCCESS;
}
