// SPDX-License-Identifier: GPL-2.0-only
/*
 * What upager run has to hold within a limit.
 *
 * usage: limit-load hot PAGES SCAN EVERY
 *        limit-load fork PAGES KIB
 *        limit-load work PAGES
 *        limit-load hold PAGES
 *        limit-load family PAGES
 *        limit-load split PAGES
 *
 * PAGES pages are read again and again, after every EVERY of SCAN pages that are
 * written once.
 *
 * PAGES pages are written, and after a fork by the child as well; both read them
 * all. When they have less than KIB anonymous memory together, or not within a
 * long time, the child says how much that is.
 *
 * PAGES pages are read and written round and round, until standard input ends; the
 * process is printed when all have been written once.
 *
 * PAGES pages are written once, the process is printed; they are read when standard
 * input has ended. A family does so with a child that has written every other page
 * again.
 *
 * PAGES pages that are a mapping each are written, so that none goes together with
 * its neighbour; meanwhile as many are mapped, written, read and unmapped as go at once.
 *
 * Status 1 if a page is not what it must be.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page;

static char *get_pages(size_t count)
{
	char *at = mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return at;
}

static void fill(char *at, size_t number)
{
	snprintf(at, page, "page %zu", number);
}

static void check(const char *at, size_t number)
{
	char want[32];

	snprintf(want, sizeof(want), "page %zu", number);
	if (!strcmp(at, want))
		return;
	fprintf(stderr, "page %zu is '%.20s'\n", number, at);
	exit(1);
}

static int hot(size_t pages, size_t scan, size_t every)
{
	char *used = get_pages(pages), *once = get_pages(scan);
	size_t i, k;

	for (k = 0; k < pages; k++)
		fill(used + k * page, k);
	for (i = 0; i < scan; i++) {
		fill(once + i * page, i);
		for (k = 0; i % every == 0 && k < pages; k++)
			check(used + k * page, k);
	}
	return 0;
}

/* Anonymous memory that a process has, in KiB */
static unsigned long memory_of(pid_t pid)
{
	unsigned long kib = 0;
	char path[40], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "RssAnon: %lu", &kib);
	if (file)
		fclose(file);
	return kib;
}

static int child(const char *at, size_t pages, unsigned long kib)
{
	unsigned long both = 0;
	int tries;

	for (tries = 0; tries < 3000; tries++) {
		both = memory_of(getpid()) + memory_of(getppid());
		if (both < kib)
			break;
		usleep(10000);
	}
	printf("%lu\n", both);
	fflush(stdout);
	for (size_t i = 0; i < pages; i++)
		check(at + i * page, pages + i);
	return 0;
}

static int forks(size_t pages, unsigned long kib)
{
	char *at = get_pages(pages);
	int status = -1;
	size_t i;
	pid_t pid;

	for (i = 0; i < pages; i++)
		fill(at + i * page, i);
	pid = fork();
	for (i = 0; i < pages; i++) {
		check(at + i * page, i);
		if (!pid)
			fill(at + i * page, pages + i);
	}
	if (!pid)
		_exit(child(at, pages, kib));
	waitpid(pid, &status, 0);
	for (i = 0; i < pages; i++)
		check(at + i * page, i);
	return status ? 3 : 0;
}

static int work(size_t pages)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char *at = get_pages(pages);
	size_t i, round;

	for (i = 0; i < pages; i++)
		fill(at + i * page, i);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	for (round = 0; !poll(&input, 1, 0); round++) {
		for (i = 0; i < pages; i++) {
			check(at + i * page, i + round);
			fill(at + i * page, i + round + 1);
		}
	}
	return 0;
}

static int hold(size_t pages, bool family)
{
	char *at = get_pages(pages);
	int status = 0;
	pid_t pid = -1;
	size_t i;
	char byte;

	for (i = 0; i < pages; i++)
		fill(at + i * page, i);
	if (family)
		pid = fork();
	for (i = 0; !pid && i < pages; i += 2)
		fill(at + i * page, pages + i);
	if (!family || !pid)
		printf("%d\n", (int)getpid());
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (i = 0; i < pages; i++)
		check(at + i * page, !pid && i % 2 == 0 ? pages + i : i);
	if (!pid)
		_exit(0);
	if (family)
		waitpid(pid, &status, 0);
	return status ? 3 : 0;
}

#define OTHERS		8
#define OTHER_PAGES	64

/* The next one in the place of the oldest; they all have what was written. */
static void map_another(char *others[OTHERS], size_t number)
{
	char **oldest = &others[number % OTHERS];
	size_t i, k;

	if (*oldest)
		munmap(*oldest, OTHER_PAGES * page);
	*oldest = get_pages(OTHER_PAGES);
	for (i = 0; i < OTHER_PAGES; i++)
		fill(*oldest + i * page, number);
	for (k = 0; k < OTHERS && k <= number; k++)
		for (i = 0; i < OTHER_PAGES; i++)
			check(others[(number - k) % OTHERS] + i * page, number - k);
}

static int split(size_t pages)
{
	const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
	char *at = get_pages(pages), *others[OTHERS] = {};
	size_t i;

	for (i = 1; i < pages; i += 2) {
		if (mprotect(at + i * page, page, all)) {
			perror("mprotect");
			return 2;
		}
	}
	for (i = 0; i < pages; i++) {
		fill(at + i * page, i);
		if (i % 16 == 0)
			map_another(others, i / 16);
	}
	for (i = 0; i < pages; i++)
		check(at + i * page, i);
	return 0;
}

int main(int argc, char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	if (argc == 5 && !strcmp(argv[1], "hot"))
		return hot(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "fork"))
		return forks(atoi(argv[2]), atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "work"))
		return work(atoi(argv[2]));
	if (argc == 3 && (!strcmp(argv[1], "hold") || !strcmp(argv[1], "family")))
		return hold(atoi(argv[2]), !strcmp(argv[1], "family"));
	if (argc == 3 && !strcmp(argv[1], "split"))
		return split(atoi(argv[2]));
	return 2;
}
