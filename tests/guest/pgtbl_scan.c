// SPDX-License-Identifier: GPL-2.0-only
/* SCAN: extents say the same as /proc/PID/pagemap, page by page. */
// vm: mem=1024
#include "pgtbl_test.h"

#define PAGES	600u

static struct pgtbl_extent extents[4096];

/* scan_all() - all extents of a range, in steps of some extents */
static unsigned int scan_all(pid_t pid, uint64_t start, uint64_t end,
			     unsigned int step, struct pgtbl_scan *question)
{
	struct pgtbl_scan scan;
	unsigned int count = 0;

	do {
		scan = *question;
		scan.start = start;
		scan.end = end;
		scan.extents = (uintptr_t)(extents + count);
		scan.count = step;
		ASSERT_OK(pgtbl_scan_range(dev, pid, &scan));
		ASSERT_LE(scan.count, step);
		ASSERT_TRUE(scan.next > start || scan.next == end);
		count += scan.count;
		ASSERT_LT(count + step, KTAP_ARRAY_SIZE(extents));
		start = scan.next;
	} while (start != end);
	return count;
}

/* categories_at() - of the extent that contains an address, 0 if none does */
static unsigned int categories_at(unsigned int count, uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (addr >= extents[i].start && addr < extents[i].end)
			return extents[i].categories;
	return 0;
}

static unsigned char *pattern(void)
{
	unsigned char *at = anon(PAGES);
	unsigned int i;
	volatile unsigned char sink;

	madvise(at, PAGES * page_size(), MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++) {
		if (i % 7 < 3)
			at[i * page_size()] = 1;
		else if (i % 7 == 5)
			sink = at[i * page_size()];
	}
	(void)sink;
	return at;
}

static const struct step { const char *name; unsigned int count; } steps[] = {
	{ "1", 1 }, { "2", 2 }, { "169", 169 }, { "170", 170 }, { "171", 171 },
	{ "1000", 1000 },
};

TEST_EACH(agrees_with_pagemap, const struct step *, steps)
{
	unsigned char *at = pattern();
	uint64_t start = (uintptr_t)at - 3 * page_size();
	struct pgtbl_scan ask = {
		.report = PGTBL_IS_PRESENT | PGTBL_IS_ZERO | PGTBL_IS_FILE |
			PGTBL_IS_UNMAPPED,
	};
	unsigned int i, count;

	count = scan_all(0, start, start + (PAGES + 9) * page_size(), each->count,
			 &ask);
	for (i = 1; i < count; i++)
		EXPECT_TRUE(extents[i].start >= extents[i - 1].end);
	EXPECT_EQ(extents[0].start, start);
	for (i = 0; i < PAGES; i++) {
		uint64_t addr = (uintptr_t)at + i * page_size();
		bool present = pagemap_of(0, addr) & PAGEMAP_PRESENT;
		unsigned int is = categories_at(count, addr);

		if (!!(is & PGTBL_IS_PRESENT) != present)
			ktap_fail(__FILE__, __LINE__, 0, "page %u: %#x", i, is);
		EXPECT_EQ(!!(is & PGTBL_IS_ZERO), i % 7 == 5);
		EXPECT_EQ(is & (PGTBL_IS_FILE | PGTBL_IS_UNMAPPED), 0);
	}
}

TEST(whole_process_equals_pagemap)
{
	pid_t pid = start_child(NULL, NULL);
	unsigned long long start, end, scanned = 0, present = 0;
	struct pgtbl_scan ask = {
		.report = PGTBL_IS_PRESENT,
		.mask = PGTBL_IS_PRESENT,
		.value = PGTBL_IS_PRESENT,
	};
	unsigned int i, count;
	char path[40], line[512];
	FILE *maps;

	pattern();
	count = scan_all(pid, 0, pgtbl_get_info(dev)->user_end & -page_size(),
			 100, &ask);
	for (i = 0; i < count; i++)
		scanned += (extents[i].end - extents[i].start) / page_size();
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	ASSERT_TRUE(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 ||
		    start >= pgtbl_get_info(dev)->user_end)
			continue;
		for (; start < end; start += page_size()) {
			if (!(pagemap_of(pid, start) & PAGEMAP_PRESENT))
				continue;
			present++;
			EXPECT_EQ(categories_at(count, start), PGTBL_IS_PRESENT);
		}
	}
	fclose(maps);
	EXPECT_EQ(scanned, present);
	EXPECT_GT(present, 10);
	stop_child(pid);
}

TEST(equal_neighbours_are_one_extent)
{
	unsigned char *at = anon(PAGES);
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_PRESENT | PGTBL_IS_WRITABLE | PGTBL_IS_DIRTY,
		.start = (uintptr_t)at,
		.end = (uintptr_t)at + PAGES * page_size(),
		.extents = (uintptr_t)extents,
		.count = 10,
	};

	madvise(at, PAGES * page_size(), MADV_NOHUGEPAGE);
	memset(at, 1, PAGES * page_size());
	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	EXPECT_EQ(scan.count, 1);
	EXPECT_EQ(scan.pages, PAGES);
	EXPECT_EQ(scan.next, scan.end);
	EXPECT_EQ(extents[0].categories, scan.report);
	ASSERT_OK(mprotect(at + 100 * page_size(), page_size(), PROT_READ));
	scan.count = 10;
	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	EXPECT_EQ(scan.count, 3);
	EXPECT_EQ(extents[1].start, (uintptr_t)at + 100 * page_size());
}

/* A terabyte of nothing costs next to nothing. */
TEST(sparse_and_huge)
{
	size_t size = sizeof(long) == 8 ? (size_t)1 << 40 : (size_t)1 << 30;
	unsigned char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct pgtbl_scan ask = { .report = PGTBL_IS_PRESENT };

	ASSERT_TRUE(at != MAP_FAILED);
	madvise(at, size, MADV_NOHUGEPAGE);
	at[size / 2] = 1;
	EXPECT_EQ(scan_all(0, (uintptr_t)at, (uintptr_t)at + size, 5, &ask), 3);
	EXPECT_EQ(extents[1].start, (uintptr_t)at + size / 2);
	EXPECT_EQ(extents[1].end, (uintptr_t)at + size / 2 + page_size());
}

static const struct bad { const char *name; struct pgtbl_scan scan; int err; }
bads[] = {
	{ "no_room", { .report = 1, .end = 1 << 20 }, EINVAL },
	{ "unaligned_start", { .start = 1, .end = 1 << 20, .count = 1 }, EINVAL },
	{ "unaligned_end", { .end = 4097, .count = 1 }, EINVAL },
	{ "wrapped", { .start = 8192, .end = 4096, .count = 1 }, EINVAL },
	{ "unknown_category", { .report = 1u << 31, .count = 1 }, EINVAL },
	{ "unknown_mask", { .mask = 1u << 31, .count = 1 }, EINVAL },
	{ "value_outside_mask", { .value = 1, .count = 1 }, EINVAL },
	{ "reserved", { .reserved = 1, .count = 1 }, EINVAL },
	{ "null_extents", { .report = PGTBL_IS_UNMAPPED, .end = 1 << 20,
			    .count = 1 }, EFAULT },
};

TEST_EACH(bad, const struct bad *, bads)
{
	struct pgtbl_scan scan = each->scan;

	EXPECT_ERRNO(pgtbl_scan_range(dev, 0, &scan), each->err);
}

TEST(up_to_the_end_of_everything)
{
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_UNMAPPED,
		.end = ~0ull << 12,
		.extents = (uintptr_t)extents,
		.count = 4000,
	};

	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	EXPECT_EQ(scan.next, scan.end);
	EXPECT_GT(scan.count, 2);
	EXPECT_LE(extents[scan.count - 1].end, pgtbl_get_info(dev)->user_end);
}
