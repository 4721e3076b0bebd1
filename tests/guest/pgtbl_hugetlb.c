// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of hugetlbfs, of every size that the machine has: what tables say of
 * them is what pagemap says, and they are not for edits. On amd64 and arm64
 * processes share the tables of such mappings.
 */
// vm: mem=1024
#include <dirent.h>

#include "pgtbl_test.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

/* A page of a file, or of shared memory */
#define PAGEMAP_FILE	(1ull << 61)

#define POOLS	"/sys/kernel/mm/hugepages"

/* set_pool() - as many huge pages of a size as there can be, up to @count */
static long set_pool(size_t size, unsigned int count)
{
	char path[100], text[20];

	snprintf(path, sizeof(path), POOLS "/hugepages-%zukB/nr_hugepages",
		 size / 1024);
	snprintf(text, sizeof(text), "%u", count);
	write_text(path, text);
	return read_number(path);
}

/*
 * can_be_had() - a kernel without CONTIG_ALLOC has the largest from boot or never;
 * it says so when it is asked for more than there are
 */
static bool can_be_had(size_t kib)
{
	char path[100];
	bool ret;
	int fd;

	snprintf(path, sizeof(path), POOLS "/hugepages-%zukB/nr_hugepages", kib);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	ret = write(fd, "1", 1) == 1;
	ASSERT_TRUE(ret || errno == EINVAL);
	if (ret)
		ASSERT_EQ(write(fd, "0", 1), 1);
	close(fd);
	return ret;
}

/* pool_sizes() - those that are not too large to be had; returns how many */
static unsigned int pool_sizes(size_t *sizes, unsigned int room)
{
	DIR *dir = opendir(POOLS);
	unsigned int count = 0;
	struct dirent *entry;
	size_t kib;

	ASSERT_TRUE(dir);
	while ((entry = readdir(dir)) && count < room)
		if (sscanf(entry->d_name, "hugepages-%zukB", &kib) == 1 &&
		    kib <= 64 << 10 && can_be_had(kib))
			sizes[count++] = kib * 1024;
	closedir(dir);
	return count;
}

static unsigned char *map_huge(size_t size, unsigned int count, int flags)
{
	unsigned char *at = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
				 flags | MAP_ANONYMOUS | MAP_HUGETLB |
				 __builtin_ctzl(size) << MAP_HUGE_SHIFT, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	return at;
}

/* agrees() - windows, WALK and pagemap about some addresses of a page */
static void agrees(pid_t pid, unsigned char *at, size_t size)
{
	uintptr_t addr = (uintptr_t)at, end = addr + size;

	for (; addr < end; addr += size / 16) {
		uint64_t word = pagemap_of(pid, addr), entry, pfn;
		struct pgtbl_walk walk;
		unsigned int level;

		entry = entry_through_windows(pid, addr, &level, &pfn);
		ASSERT_OK(pgtbl_walk_addr(dev, pid, addr, &walk));
		EXPECT_TRUE(word & PAGEMAP_PRESENT);
		EXPECT_EQ(pfn, PAGEMAP_PFN(word));
		EXPECT_EQ(walk.pfn, pfn);
		EXPECT_EQ(walk.leaf, level);
		EXPECT_EQ(walk.level[level].entry, entry);
		EXPECT_EQ(!!(walk.categories & PGTBL_IS_FILE),
			  !!(word & PAGEMAP_FILE));
		EXPECT_EQ(!!(walk.categories & PGTBL_IS_HUGE), level != PGTBL_PTE);
	}
}

TEST(every_size_equals_pagemap)
{
	size_t sizes[8];
	unsigned int i, count = pool_sizes(sizes, 8);
	struct pgtbl_extent extents[4];

	ASSERT_GE(count, 1);
	for (i = 0; i < count; i++) {
		struct pgtbl_scan scan = {
			.report = PGTBL_IS_PRESENT | PGTBL_IS_FILE,
			.extents = (uintptr_t)extents,
			.count = 4,
		};
		unsigned char *at;
		pid_t pid;

		ASSERT_GE(set_pool(sizes[i], 2), 2);
		at = map_huge(sizes[i], 2, MAP_PRIVATE);
		*at = 1;
		pid = start_child(NULL, NULL);
		agrees(0, at, sizes[i]);
		agrees(pid, at, sizes[i]);
		scan.start = (uintptr_t)at;
		scan.end = (uintptr_t)at + 2 * sizes[i];
		ASSERT_OK(pgtbl_scan_range(dev, pid, &scan));
		EXPECT_EQ(scan.count, 2);
		EXPECT_EQ(extents[0].start, (uintptr_t)at);
		EXPECT_EQ(extents[0].end, (uintptr_t)at + sizes[i]);
		EXPECT_EQ(extents[0].categories, PGTBL_IS_PRESENT);
		EXPECT_EQ(extents[1].categories, 0);
		stop_child(pid);
		ASSERT_OK(munmap(at, 2 * sizes[i]));
		EXPECT_EQ(set_pool(sizes[i], 0), 0);
	}
}

TEST(not_for_edits)
{
	size_t sizes[8];
	unsigned int i, count = pool_sizes(sizes, 8);

	for (i = 0; i < count; i++) {
		struct pgtbl_edit one = { .level = PGTBL_PTE };
		struct pgtbl_run run = { 0, 0, 1 };
		struct pgtbl_walk walk;
		unsigned char *at;
		uint64_t entry;

		ASSERT_GE(set_pool(sizes[i], 1), 1);
		at = map_huge(sizes[i], 1, MAP_PRIVATE);
		*at = 7;
		ASSERT_OK(pgtbl_walk_addr(dev, 0, (uintptr_t)at, &walk));
		entry = walk.level[walk.leaf].entry;
		one.addr = (uintptr_t)at;
		one.old_entry = entry;
		one.new_entry = with(entry, "accessed", false);
		EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EOPNOTSUPP);
		one.level = walk.leaf;
		EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EOPNOTSUPP);
		if (!i)
			ASSERT_TRUE(pgtbl_pool_create(dev, 1));
		run.addr = (uintptr_t)at;
		EXPECT_ERRNO(pgtbl_install_runs(dev, 0, &run, 1, 0), ENXIO);
		EXPECT_EQ(pgtbl_take_runs(dev, 0, &run, 1, NULL), 0);
		EXPECT_EQ(*at, 7);
		ASSERT_OK(munmap(at, sizes[i]));
		EXPECT_EQ(set_pool(sizes[i], 0), 0);
	}
}

/*
 * Tables of shared mappings of a whole table's range are shared where the
 * kernel can; a window on one outlives all its users.
 */
TEST(tables_that_processes_share)
{
	unsigned int upper = pgtbl_get_info(dev)->levels & 1u << PGTBL_PUD ?
		PGTBL_PUD : PGTBL_PGD;
	size_t size = (size_t)1 << pgtbl_get_info(dev)->geometry[PGTBL_PMD].shift;
	size_t span = (size_t)1 << pgtbl_get_info(dev)->geometry[upper].shift;
	int flags = MAP_SHARED | MAP_HUGETLB | MAP_NORESERVE |
		__builtin_ctzl(size) << MAP_HUGE_SHIFT;
	unsigned char *area, *at, *window = pgtbl_window(dev, 1, PROT_READ);
	uint64_t mine, theirs;
	int status;
	pid_t pid;

	if (sizeof(long) < 8)
		return;	/* 32-bit kernels have nothing of it */
	ASSERT_TRUE(window);
	ASSERT_GE(set_pool(size, 2), 2);
	area = mmap(NULL, 2 * span, PROT_READ | PROT_WRITE,
		    flags | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(area != MAP_FAILED);
	at = area + (-(uintptr_t)area & (span - 1));
	*at = 1;
	at[size] = 1;
	mine = table_of(0, (uintptr_t)at, PGTBL_PMD);
	fflush(stdout);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		open_dev();
		*at = 2;
		theirs = table_of(0, (uintptr_t)at, PGTBL_PMD);
		window = pgtbl_window(dev, 1, PROT_READ);
		ASSERT_EQ(theirs, mine);
		ASSERT_TRUE(window);
		ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PMD, theirs, 0, window));
		agrees(0, at, size);
		_exit(0);
	}
	ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
	EXPECT_EQ(status, 0);
	ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PMD, mine, 0, window));
	EXPECT_NE(pgtbl_entry(dev, window, 0), 0);
	ASSERT_OK(munmap(area, 2 * span));
	EXPECT_EQ(pgtbl_entry(dev, window, 0), 0);
	EXPECT_EQ(pgtbl_entry(dev, window, 1), 0);
	EXPECT_EQ(set_pool(size, 0), 0);
}
