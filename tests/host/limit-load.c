// SPDX-License-Identifier: GPL-2.0-only
/*
 * What upager run has to hold within a limit.
 *
 * usage: limit-load hot PAGES SCAN EVERY
 *
 * PAGES pages are read again and again, after every EVERY of SCAN pages that are
 * written once. Status 1 if a page is not what it must be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

int main(int argc, char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	if (argc == 5 && !strcmp(argv[1], "hot"))
		return hot(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	return 2;
}
