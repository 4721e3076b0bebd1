// SPDX-License-Identifier: GPL-2.0-only
/*
 * With more than 1.5 GiB on x86-32 most memory is out of the kernel's direct
 * reach, and tables lie there (CONFIG_HIGHPTE).
 */
// vm: mem=2048 guests=i386,i386-pae
#include "pgtbl_test.h"

#define SPAN	((size_t)1536 << 20)

static unsigned long long first_of_highmem(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "r");
	unsigned long long first = 0;
	char line[200], zone[40] = "";

	ASSERT_TRUE(zones);
	while (fgets(line, sizeof(line), zones)) {
		if (sscanf(line, "Node 0, zone %39s", zone) != 1 &&
		    !strcmp(zone, "HighMem") &&
		    sscanf(line, " start_pfn: %llu", &first) == 1)
			break;
	}
	fclose(zones);
	ASSERT_TRUE(first);
	return first;
}

static size_t table_span(void)
{
	const struct pgtbl_geometry *geo = pgtbl_get_info(dev)->geometry;

	return (size_t)geo[PGTBL_PTE].entries * page_size();
}

/* sparse() - 1.5 GiB of addresses with a page in each table */
static unsigned char *sparse(void)
{
	unsigned char *at = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t pos;

	ASSERT_TRUE(at != MAP_FAILED);
	ASSERT_OK(madvise(at, SPAN, MADV_NOHUGEPAGE));
	for (pos = 0; pos < SPAN; pos += table_span())
		at[pos] = 1;
	return at;
}

TEST(info_tells)
{
	EXPECT_TRUE(pgtbl_get_info(dev)->features & PGTBL_FEATURE_HIGHPTE);
}

TEST(windows_and_walks_equal_pagemap)
{
	uint64_t first = first_of_highmem();
	unsigned char *at = sparse();
	unsigned int high = 0, all = 0;
	pid_t pid = start_child(NULL, NULL);
	size_t pos;

	for (pos = 0; pos < SPAN; pos += table_span()) {
		uintptr_t addr = (uintptr_t)at + pos;
		unsigned int level;
		uint64_t pfn;

		all++;
		high += table_of(pid, addr, PGTBL_PTE) >= first;
		entry_through_windows(pid, addr, &level, &pfn);
		EXPECT_EQ(level, PGTBL_PTE);
		EXPECT_EQ(pfn, PAGEMAP_PFN(pagemap_of(pid, addr)));
	}
	EXPECT_GT(high, all / 2);
	stop_child(pid);
}

TEST(scan_finds_every_page)
{
	static struct pgtbl_extent extents[1000];
	unsigned char *at = sparse();
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_PRESENT,
		.mask = PGTBL_IS_PRESENT,
		.value = PGTBL_IS_PRESENT,
		.start = (uintptr_t)at,
		.end = (uintptr_t)at + SPAN,
		.extents = (uintptr_t)extents,
		.count = KTAP_ARRAY_SIZE(extents),
	};

	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	EXPECT_EQ(scan.next, scan.end);
	EXPECT_EQ(scan.pages, SPAN / table_span());
	EXPECT_EQ(scan.count, SPAN / table_span());
}

TEST(edits_and_their_undoing)
{
	uint64_t first = first_of_highmem();
	unsigned char *at = sparse();
	unsigned int high = 0;
	size_t pos;

	for (pos = 0; pos < SPAN; pos += 64 * table_span()) {
		uint64_t entry = entry_of(0, at + pos);

		high += table_of(0, (uintptr_t)at + pos, PGTBL_PTE) >= first;
		EXPECT_EQ(edit(0, at + pos, entry,
			       with(entry, "accessed", false)), 1);
		EXPECT_TRUE(!has(at + pos, "accessed"));
	}
	EXPECT_GT(high, 0);
	reopen_dev();
	for (pos = 0; pos < SPAN; pos += 64 * table_span())
		EXPECT_TRUE(has(at + pos, "accessed"));
}

/* The pool's pages lie there, too. */
TEST(pages_of_the_pool)
{
	unsigned char *pool = pgtbl_pool_create(dev, 8), *at = anon(8);
	struct pgtbl_run run = { (uintptr_t)at, 0, 8 };
	unsigned int i;

	ASSERT_TRUE(pool);
	for (i = 0; i < 8; i++)
		memset(pool + i * page_size(), 'A' + i, page_size());
	uffd_for(at, 8);
	EXPECT_EQ(pgtbl_install_runs(dev, 0, &run, 1, 0), 8);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(at[(i + 1) * page_size() - 1], 'A' + i);
	EXPECT_EQ(pgtbl_take_runs(dev, 0, &run, 1, NULL), 8);
}
