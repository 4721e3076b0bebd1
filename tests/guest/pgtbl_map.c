// SPDX-License-Identifier: GPL-2.0-only
/* INFO, WALK and windows: what is seen is what the kernel has. */
// vm: mem=1024
// vm: append=nopti guests=i386-pae,amd64
// vm: mem=2048 guests=i386
#include "pgtbl_test.h"

/* The levels leave no address bit out, and none belongs to two of them. */
TEST(info_geometry_leaves_no_bit_out)
{
	const struct pgtbl_info *info = pgtbl_get_info(dev);
	unsigned int level = PGTBL_PGD, next;

	EXPECT_TRUE(1ul << info->page_shift == page_size());
	EXPECT_TRUE(info->levels & 1u << PGTBL_PGD);
	EXPECT_TRUE(info->levels & 1u << PGTBL_PTE);
	EXPECT_TRUE(info->geometry[PGTBL_PTE].shift == info->page_shift);
	while ((next = pgtbl_next_level(dev, level)) != PGTBL_NO_LEVEL) {
		const struct pgtbl_geometry *lower = &info->geometry[next];

		EXPECT_TRUE((uint64_t)lower->entries << lower->shift ==
		      1ull << info->geometry[level].shift);
		EXPECT_TRUE(lower->entries * lower->entry_size == page_size());
		level = next;
	}
	EXPECT_TRUE((uint64_t)info->geometry[PGTBL_PGD].user_entries <<
	      info->geometry[PGTBL_PGD].shift >= info->user_end);
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		if (!(info->levels & 1u << level))
			EXPECT_TRUE(!info->geometry[level].entries);
}

TEST(info_flags_of_a_written_page)
{
	static const char *const names[] = { "present", "accessed", "dirty",
		"write", "user" };
	unsigned char *page = anon(1);
	unsigned int i, count;
	struct pgtbl_walk walk;

	*page = 1;
	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)page, &walk));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (pgtbl_has_flag(dev, PGTBL_PTE, walk.level[PGTBL_PTE].entry,
				   names[i]) != 1)
			ktap_fail(__FILE__, __LINE__, 0, "a page just written to is not '%s'", names[i]);
	EXPECT_TRUE(pgtbl_has_flag(dev, PGTBL_PTE, 0, "present") == 0);
	EXPECT_TRUE(pgtbl_has_flag(dev, PGTBL_PTE, 0, "sticky") == -1);
	for (i = 0; i < (pgtbl_get_flags(dev, &count), count); i++)
		EXPECT_TRUE(pgtbl_get_flags(dev, &count)[i].name[0]);
	munmap(page, page_size());
}

/* The original's way: anonymous shared pages, and the classic call. */
static void *classic_table(pid_t pid, unsigned int level, unsigned long pfn)
{
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct expose_pgtbl_args args = {
		.pid = pid,
		.remap_vaddr = (unsigned long)page,
		.pfn = pfn,
		.level = level,
	};

	ASSERT_TRUE(page != MAP_FAILED);
	if (remap_page_table_args(&args)) {
		ktap_fail(__FILE__, __LINE__, 0, "level %u pfn %#lx: %s", level, pfn, strerror(errno));
		munmap(page, page_size());
		return NULL;
	}
	return page;
}

static unsigned long classic_pages;

static void classic_recursion(pid_t pid, unsigned int level, unsigned long pfn,
			      uint64_t base)
{
	const struct pgtbl_geometry *geo = &pgtbl_get_info(dev)->geometry[level];
	unsigned int i, next = pgtbl_next_level(dev, level);
	void *table = classic_table(pid, level, pfn);

	if (!table)
		return;
	for (i = 0; i < geo->user_entries; i++) {
		uint64_t addr = base + ((uint64_t)i << geo->shift);
		__u64 entry = pgtbl_entry(dev, table, i), found;
		enum pgtbl_kind kind = pgtbl_decode(dev, level, entry, &found);

		if (addr >= pgtbl_get_info(dev)->user_end)
			break;
		if (kind == PGTBL_KIND_TABLE) {
			classic_recursion(pid, next, found, addr);
		} else if (kind == PGTBL_KIND_LEAF) {
			uint64_t word = pagemap_of(pid, addr);

			classic_pages++;
			if (!(word & PAGEMAP_PRESENT) ||
			    PAGEMAP_PFN(word) != found)
				ktap_fail(__FILE__, __LINE__, 0, "%#llx: %#llx in the table, pagemap %#llx",
				     (unsigned long long)addr,
				     (unsigned long long)found,
				     (unsigned long long)word);
		}
	}
	munmap(table, page_size());
}

static unsigned long present_pages(pid_t pid)
{
	unsigned long long start, end;
	unsigned long pages = 0;
	char path[40], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	ASSERT_TRUE(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%llx-%llx", &start, &end) != 2 ||
		    start >= pgtbl_get_info(dev)->user_end)
			continue;
		for (; start < end; start += page_size())
			pages += !!(pagemap_of(pid, start) & PAGEMAP_PRESENT);
	}
	fclose(maps);
	return pages;
}

static void touch_some(void *arg)
{
	unsigned char *at = arg;
	unsigned int i;

	for (i = 0; i < 300; i += 3)
		at[i * page_size()] = i;
	mprotect(at + 9 * page_size(), page_size(), PROT_NONE);
	mprotect(at + 12 * page_size(), page_size(), PROT_READ);
}

TEST(classic_every_page_of_another_equals_pagemap)
{
	unsigned char *at = anon(300);
	pid_t pid = start_child(touch_some, at);
	unsigned long present;

	present = present_pages(pid);
	classic_pages = 0;
	classic_recursion(pid, PGTBL_PGD, 0, 0);
	EXPECT_TRUE(present > 100);
	if (classic_pages != present)
		ktap_fail(__FILE__, __LINE__, 0, "%lu pages in the tables, %lu in pagemap", classic_pages,
		     present);
	stop_child(pid);
	munmap(at, 300 * page_size());
}

TEST(classic_walk_of_self)
{
	unsigned char *at = anon(16);
	unsigned long pfn = 0;
	unsigned int level = PGTBL_PGD;

	memset(at, 1, 16 * page_size());
	for (;;) {
		void *table = classic_table(getpid(), level, pfn);
		__u64 found;

		if (!table)
			return;
		EXPECT_TRUE(pgtbl_decode(dev, level,
				   pgtbl_entry(dev, table,
					       pgtbl_index(dev, level,
							   (uintptr_t)at)),
				   &found) != PGTBL_KIND_NONE);
		munmap(table, page_size());
		pfn = found;
		if (level == PGTBL_PTE)
			break;
		level = pgtbl_next_level(dev, level);
	}
	EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));
	munmap(at, 16 * page_size());
}

/* A window, once mapped, follows what the kernel does. */
TEST(window_shows_changes_live)
{
	unsigned char *at = anon(8);
	void *page = pgtbl_window(dev, 1, PROT_READ);
	unsigned int index = pgtbl_index(dev, PGTBL_PTE, (uintptr_t)at);
	__u64 pfn;
	pid_t pid;

#define NOW()	pgtbl_entry(dev, page, index)
#define HAS(_name) pgtbl_has_flag(dev, PGTBL_PTE, NOW(), _name)
	ASSERT_TRUE(page);
	*at = 1;
	ASSERT_TRUE(!pgtbl_remap_table(dev, 0, PGTBL_PTE,
				table_of(0, (uintptr_t)at, PGTBL_PTE), 0,
				page));
	EXPECT_TRUE(pgtbl_decode(dev, PGTBL_PTE, NOW(), &pfn) == PGTBL_KIND_LEAF);
	EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));
	EXPECT_TRUE(HAS("write") == 1);

	ASSERT_TRUE(!madvise(at, page_size(), MADV_DONTNEED));
	EXPECT_TRUE(pgtbl_decode(dev, PGTBL_PTE, NOW(), NULL) == PGTBL_KIND_NONE);
	*at = 2;
	EXPECT_TRUE(pgtbl_decode(dev, PGTBL_PTE, NOW(), &pfn) == PGTBL_KIND_LEAF);
	EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));

	ASSERT_TRUE(!mprotect(at, page_size(), PROT_READ));
	EXPECT_TRUE(HAS("write") == 0);
	ASSERT_TRUE(!mprotect(at, page_size(), PROT_NONE));
	EXPECT_TRUE(HAS("prot-none") == 1);
	EXPECT_TRUE(pgtbl_decode(dev, PGTBL_PTE, NOW(), &pfn) == PGTBL_KIND_LEAF);
	EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));
	ASSERT_TRUE(!mprotect(at, page_size(), PROT_READ | PROT_WRITE));
	*at = 3;
	EXPECT_TRUE(HAS("write") == 1);

	pid = start_child(NULL, NULL);
	EXPECT_TRUE(HAS("write") == 0);
	stop_child(pid);
	munmap(page, page_size());
	munmap(at, 8 * page_size());
#undef NOW
#undef HAS
}

/* A page that the kernel maps above the PTE level. */
TEST(window_of_a_huge_page_equals_pagemap)
{
	const struct pgtbl_geometry *geo = pgtbl_get_info(dev)->geometry;
	unsigned int level = pgtbl_get_info(dev)->levels & 1u << PGTBL_PMD ?
		PGTBL_PMD : PGTBL_PGD;
	size_t size = (size_t)1 << geo[level].shift;
	unsigned char *area, *at;
	unsigned int found, i;
	uint64_t pfn;

	area = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(area != MAP_FAILED);
	at = area + (-(uintptr_t)area & (size - 1));
	if (madvise(at, size, MADV_HUGEPAGE)) {
		ktap_skip("no transparent huge pages");
		munmap(area, 2 * size);
		return;
	}
	*at = 1;
	entry_through_windows(0, (uintptr_t)at, &found, &pfn);
	if (found != level) {
		ktap_skip("the kernel gave no huge page");
	} else {
		for (i = 0; i < size / page_size(); i += 37) {
			uintptr_t addr = (uintptr_t)at + i * page_size();
			struct pgtbl_walk walk;

			entry_through_windows(0, addr, &found, &pfn);
			EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, addr)));
			ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, addr, &walk));
			EXPECT_TRUE(walk.leaf == level);
			EXPECT_TRUE(walk.pfn == pfn);
			EXPECT_TRUE(walk.categories & PGTBL_IS_HUGE);
			EXPECT_TRUE(!(walk.categories & PGTBL_IS_FILE));
		}
		ASSERT_TRUE(!mprotect(at, size, PROT_NONE));
		entry_through_windows(0, (uintptr_t)at, &found, &pfn);
		EXPECT_TRUE(found == level);
		EXPECT_TRUE(pfn == PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));
	}
	munmap(area, 2 * size);
}

TEST(walk_agrees_with_windows)
{
	unsigned char *at = anon(64);
	unsigned int i, level;
	uint64_t entry, pfn;

	for (i = 0; i < 64; i += 2)
		at[i * page_size()] = i;
	for (i = 0; i < 64; i++) {
		uintptr_t addr = (uintptr_t)at + i * page_size();
		struct pgtbl_walk walk;

		entry = entry_through_windows(0, addr, &level, &pfn);
		ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, addr, &walk));
		EXPECT_TRUE(walk.levels == pgtbl_get_info(dev)->levels);
		EXPECT_TRUE(walk.level[level].entry == entry);
		EXPECT_TRUE((walk.leaf == PGTBL_PTE) == !(i & 1));
		EXPECT_TRUE(walk.pfn == pfn);
		EXPECT_TRUE(!!(walk.categories & PGTBL_IS_PRESENT) == !(i & 1));
	}
	munmap(at, 64 * page_size());
}

TEST(walk_tells_categories)
{
	unsigned char *at = anon(4), *file;
	struct pgtbl_walk walk;
	int fd = open("/proc/self/exe", O_RDONLY);
	volatile unsigned char sink;

	ASSERT_TRUE(fd >= 0);
	file = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_TRUE(file != MAP_FAILED);
	sink = *file;
	sink = at[page_size()];
	(void)sink;
	at[0] = 1;

	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)at, &walk));
	EXPECT_TRUE(walk.categories == (PGTBL_IS_PRESENT | PGTBL_IS_WRITABLE |
				  PGTBL_IS_ACCESSED | PGTBL_IS_DIRTY) ||
	      walk.categories == (PGTBL_IS_PRESENT | PGTBL_IS_WRITABLE |
				  PGTBL_IS_ACCESSED | PGTBL_IS_DIRTY |
				  PGTBL_IS_SOFT_DIRTY));
	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)at + page_size(), &walk));
	EXPECT_TRUE(walk.categories & PGTBL_IS_ZERO);
	EXPECT_TRUE(!(walk.categories & PGTBL_IS_WRITABLE));
	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)at + 2 * page_size(), &walk));
	EXPECT_TRUE(walk.categories == 0);
	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)file, &walk));
	EXPECT_TRUE(walk.categories & PGTBL_IS_FILE);
	munmap(at, 4 * page_size());
	ASSERT_TRUE(!pgtbl_walk_addr(dev, 0, (uintptr_t)at, &walk));
	EXPECT_TRUE(walk.categories == PGTBL_IS_UNMAPPED);
	EXPECT_TRUE(walk.leaf == PGTBL_NO_LEVEL);
	munmap(file, page_size());
	close(fd);
}
