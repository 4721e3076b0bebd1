/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of /dev/pgtbl share: a handle, and walks through windows. */
#ifndef PGTBL_TEST_H
#define PGTBL_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/ktap.h"

static struct pgtbl *dev;
static size_t page_size;

BEFORE_EACH()
{
	page_size = sysconf(_SC_PAGESIZE);
	dev = pgtbl_open();
	ASSERT_TRUE(dev);
}

/* anon() - private anonymous pages */
__attribute__((unused))
static unsigned char *anon(size_t pages)
{
	void *at = mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

/* start_child() - a process that does nothing until it is killed */
__attribute__((unused))
static pid_t start_child(void (*prepare)(void *), void *arg)
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_TRUE(!pipe(ready));
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		if (prepare)
			prepare(arg);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

__attribute__((unused))
static void stop_child(pid_t pid)
{
	kill(pid, SIGKILL);
	ASSERT_TRUE(waitpid(pid, NULL, 0) == pid);
}

/* pagemap_of() - the word of /proc/PID/pagemap for an address */
__attribute__((unused))
static uint64_t pagemap_of(pid_t pid, uint64_t addr)
{
	uint64_t word = 0;
	char path[40];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	else
		strcpy(path, "/proc/self/pagemap");
	fd = open(path, O_RDONLY);
	ASSERT_TRUE(fd >= 0);
	ASSERT_TRUE(pread(fd, &word, sizeof(word), addr / page_size * sizeof(word)) ==
	     sizeof(word));
	close(fd);
	return word;
}

#define PAGEMAP_PRESENT		(1ull << 63)
#define PAGEMAP_SWAP		(1ull << 62)
#define PAGEMAP_PFN(_word)	((_word) & ((1ull << 55) - 1))

/* entry_through_windows() - down to the entry of an address, by REMAP alone */
__attribute__((unused))
static uint64_t entry_through_windows(pid_t pid, uint64_t addr,
				      unsigned int *level, uint64_t *pfn)
{
	void *page = pgtbl_window(dev, 1, PROT_READ);
	unsigned int next = PGTBL_PGD;
	enum pgtbl_kind kind;
	uint64_t entry;

	ASSERT_TRUE(page);
	*pfn = 0;
	do {
		*level = next;
		ASSERT_TRUE(!pgtbl_remap_table(dev, pid, *level, *pfn, addr, page));
		entry = pgtbl_entry(dev, page,
				    pgtbl_index(dev, *level, addr));
		kind = pgtbl_decode(dev, *level, entry, (__u64 *)pfn);
		next = pgtbl_next_level(dev, *level);
	} while (kind == PGTBL_KIND_TABLE && next != PGTBL_NO_LEVEL);
	munmap(page, page_size);
	if (kind != PGTBL_KIND_LEAF)
		*pfn = 0;
	else
		*pfn += (addr & ((1ull << pgtbl_get_info(dev)->geometry[*level]
					.shift) - 1)) / page_size;
	return entry;
}

/* table_of() - frame of the table at a level around an address, 0: none */
__attribute__((unused))
static uint64_t table_of(pid_t pid, uint64_t addr, unsigned int level)
{
	struct pgtbl_walk walk;

	ASSERT_TRUE(!pgtbl_walk_addr(dev, pid, addr, &walk));
	return walk.levels & 1u << level ? walk.level[level].table : 0;
}

#endif /* PGTBL_TEST_H */
