// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with memory that has a name; does what it reads on standard input, a
 * line each, and answers with a line.
 *
 *	map NAME PAGES		"0" (zeros), "1" (as it was saved) or "-1 ERRNO",
 *				then the address and the pages
 *	fill A B		writes pages A to B - 1; each eighth stays zeros
 *	read A B		reads them backwards; how many are not what fill wrote
 *	write A B LETTER	writes a letter into each
 *	letters A B LETTER	how many have another one there
 *	race			two threads count in the first and in the last page, one
 *				after the other, for ever
 *	ahead			how far the first of these is ahead
 *	fork			a child reads all, and writes all; how many pages were
 *				wrong, there or here afterwards
 *	unmap
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/client/upager.h"

#define LETTER_AT	100

static size_t page_len, len;
static char *at;

static uint64_t word_of(size_t i, size_t k)
{
	/* half of a page can be compressed */
	return i % 8 == 7 ? 0 : k % 2 ? i : (i * 512 + k + 1) * 0x9e3779b97f4a7c15ull;
}

static void fill(size_t i)
{
	uint64_t *words = (uint64_t *)(at + i * page_len);
	size_t k;

	for (k = 0; i % 8 != 7 && k < page_len / sizeof(*words); k++)
		words[k] = word_of(i, k);
}

static int is_wrong(size_t i)
{
	const volatile uint64_t *words = (uint64_t *)(at + i * page_len);
	size_t k;

	for (k = 0; k < page_len / sizeof(*words); k++)
		if (words[k] != word_of(i, k))
			return 1;
	return 0;
}

static size_t wrong(size_t from, size_t to)
{
	size_t count = 0;

	while (to-- > from)
		count += is_wrong(to);
	return count;
}

static size_t other_letters(size_t from, size_t to, char letter)
{
	size_t count = 0;

	for (; from < to; from++)
		count += at[from * page_len + LETTER_AT] != letter;
	return count;
}

static void *race(void *arg)
{
	volatile uint64_t *first = (uint64_t *)at;
	volatile uint64_t *last = (uint64_t *)(at + len - page_len);

	for (first += !!arg, last += !!arg;;) {
		++*first;
		++*last;
	}
	return NULL;
}

static long ahead(void)
{
	const uint64_t *first = (uint64_t *)at, *last = (uint64_t *)(at + len - page_len);
	uint64_t one = first[0] - last[0], other = first[1] - last[1];

	return one > other ? one : other;
}

static size_t fork_and_use(void)
{
	size_t i, pages = len / page_len, bad;
	int status;
	pid_t pid = fork();

	if (!pid) {
		bad = wrong(0, pages);
		for (i = 0; i < pages; i++)
			at[i * page_len + LETTER_AT] = 'c';
		bad += other_letters(0, pages, 'c');
		_exit(bad ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return pages;
	return wrong(0, pages) + !!status;
}

static void map(const char *name, size_t pages)
{
	void *where = NULL;
	int got;

	len = pages * page_len;
	got = upager_map(name, &where, &len);
	if (got < 0) {
		printf("-1 %s\n", strerrorname_np(errno));
		return;
	}
	at = where;
	printf("%d %lx %zu\n", got, (unsigned long)at, len / page_len);
}

static void obey(char *line)
{
	char word[16] = "", name[64] = "", letter = 0;
	size_t from = 0, to = 0, i;
	pthread_t thread;

	if (sscanf(line, "map %63s %zu", name, &to) == 2) {
		map(name, to);
		return;
	}
	if (sscanf(line, "%15s %zu %zu %c", word, &from, &to, &letter) < 1)
		exit(2);
	if (!strcmp(word, "fill")) {
		for (i = from; i < to; i++)
			fill(i);
	} else if (!strcmp(word, "write")) {
		for (i = from; i < to; i++)
			at[i * page_len + LETTER_AT] = letter;
	} else if (!strcmp(word, "race")) {
		if (pthread_create(&thread, NULL, race, NULL) ||
		    pthread_create(&thread, NULL, race, at))
			exit(2);
	} else if (!strcmp(word, "unmap")) {
		munmap(at, len);
	} else {
		printf("%zu\n", !strcmp(word, "read") ? wrong(from, to) :
		       !strcmp(word, "letters") ? other_letters(from, to, letter) :
		       !strcmp(word, "ahead") ? (size_t)ahead() :
		       !strcmp(word, "fork") ? fork_and_use() : (size_t)-1);
		return;
	}
	puts("ok");
}

int main(void)
{
	char line[128];

	page_len = sysconf(_SC_PAGESIZE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
