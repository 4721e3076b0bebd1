// SPDX-License-Identifier: GPL-2.0-only
/* Pages in swap: they are told from others, and nobody edits them away. */
// vm: load=zram mem=768 module-args=unsafe_write=1 guests=i386,i386-pae,arm64,amd64
// vm: mem=768 module-args=unsafe_write=1 guests=*-debug
#include <sys/swap.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

#define PAGES	16u
#define OUT	8u
#define DISK	(64 << 20)

/* What mkswap writes: union swap_header of linux/swap.h */
static void make_swap(const char *path)
{
	size_t page = page_size();
	unsigned char *header = anon(1);
	uint32_t version = 1, last = DISK / page - 1;
	int fd = open(path, O_WRONLY);

	memcpy(header + 1024, &version, sizeof(version));
	memcpy(header + 1028, &last, sizeof(last));
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	ASSERT_TRUE(fd >= 0 && write(fd, header, page) == (ssize_t)page);
	close(fd);
}

/* Memory whose first OUT pages are in swap; all bytes of page i are @byte + i */
static unsigned char *swapped(int byte)
{
	unsigned char *at = filled(PAGES, byte);
	long end = milliseconds() + 10000;
	unsigned int i, out;

	if (swapon("/dev/zram0", 0) && errno != EBUSY) {
		write_text("/sys/block/zram0/disksize", "64M");
		make_swap("/dev/zram0");
		ASSERT_OK(swapon("/dev/zram0", 0));
	}
	do {
		ASSERT_OK(madvise(at, OUT * page_size(), MADV_PAGEOUT));
		for (i = out = 0; i < OUT; i++)
			out += !!(pagemap_of(0, (uintptr_t)at + i * page_size()) & PAGEMAP_SWAP);
	} while (out < OUT && milliseconds() < end);
	ASSERT_EQ(out, OUT);
	return at;
}

TEST(walk_says_swap)
{
	unsigned char *at = swapped('a');
	struct pgtbl_walk walk;
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		uint64_t word = pagemap_of(0, (uintptr_t)at + i * page_size());

		ASSERT_OK(pgtbl_walk_addr(dev, 0, (uintptr_t)at + i * page_size(), &walk));
		EXPECT_EQ(!!(walk.categories & PGTBL_IS_SWAP), i < OUT);
		EXPECT_EQ(!!(walk.categories & PGTBL_IS_SWAP), !!(word & PAGEMAP_SWAP));
		EXPECT_EQ(!!(walk.categories & PGTBL_IS_PRESENT), !!(word & PAGEMAP_PRESENT));
		EXPECT_EQ(walk.level[PGTBL_PTE].kind,
			  i < OUT ? PGTBL_KIND_SWAP : PGTBL_KIND_LEAF);
		EXPECT_EQ(walk.leaf, i < OUT ? PGTBL_NO_LEVEL : PGTBL_PTE);
		EXPECT_EQ(pgtbl_decode(dev, PGTBL_PTE, walk.level[PGTBL_PTE].entry, NULL),
			  walk.level[PGTBL_PTE].kind);
	}
}

TEST(scan_says_swap)
{
	unsigned char *at = swapped('a');
	struct pgtbl_extent extents[4];
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_PRESENT | PGTBL_IS_SWAP,
		.start = (uintptr_t)at,
		.end = (uintptr_t)at + PAGES * page_size(),
		.extents = (uintptr_t)extents,
		.count = KTAP_ARRAY_SIZE(extents),
	};

	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	ASSERT_EQ(scan.count, 2);
	EXPECT_EQ(extents[0].categories, PGTBL_IS_SWAP);
	EXPECT_EQ(extents[0].end, (uintptr_t)at + OUT * page_size());
	EXPECT_EQ(extents[1].categories, PGTBL_IS_PRESENT);
	EXPECT_EQ(extents[1].end, scan.end);
	/* it comes back by itself, with what was in it */
	EXPECT_EQ(at[3 * page_size() + 5], 'a' + 3);
	EXPECT_TRUE(pagemap_of(0, (uintptr_t)at + 3 * page_size()) & PAGEMAP_PRESENT);
	scan.mask = PGTBL_IS_SWAP;
	scan.value = PGTBL_IS_SWAP;
	scan.count = KTAP_ARRAY_SIZE(extents);
	ASSERT_OK(pgtbl_scan_range(dev, 0, &scan));
	EXPECT_EQ(scan.count, 2);
	EXPECT_EQ(scan.pages, OUT - 1);
}

TEST(edit_is_refused)
{
	unsigned char *at = swapped('a'), *donor = filled(1, 'x');
	uint64_t note = entry_of(0, at), there = entry_of(0, at + OUT * page_size());
	unsigned int i;

	EXPECT_ERRNO(edit(0, at, note, entry_of(0, donor)), EOPNOTSUPP);
	EXPECT_ERRNO(edit(0, at, note, 0), EOPNOTSUPP);
	EXPECT_ERRNO(edit(0, at + OUT * page_size(), there, note), EOPNOTSUPP);
	EXPECT_EQ(entry_of(0, at), note);
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(at[i * page_size() + 7], 'a' + i);
}

/* A table that is written to by hand, through a window */
TEST(written_entry_is_refused)
{
	unsigned char *at = swapped('a'), *donor = filled(1, 'x');
	unsigned char *window = pgtbl_window(dev, 1, PROT_READ | PROT_WRITE);
	size_t size = pgtbl_get_info(dev)->geometry[PGTBL_PTE].entry_size;
	uint64_t note = entry_of(0, at), new = entry_of(0, donor);
	unsigned int i;

	ASSERT_TRUE(window);
	ASSERT_OK(pgtbl_remap_table(dev, 0, PGTBL_PTE, table_of(0, (uintptr_t)at, PGTBL_PTE),
				    (uintptr_t)at, window));
	memcpy(window + pgtbl_index(dev, PGTBL_PTE, (uintptr_t)at) * size, &new, size);
	ASSERT_OK(pgtbl_flush_range(dev, 0, (uintptr_t)at, (uintptr_t)at + page_size()));
	EXPECT_EQ(entry_of(0, at), note);
	reopen_dev();
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(at[i * page_size() + 7], 'a' + i);
	EXPECT_EQ(donor[9], 'x');
}
