// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the public tests of PTEditor check, with our means: resolving, changing
 * entries and frames, the paging root, dropping translations. Memory types
 * (PAT, MAIR) are out of scope, see pgtbl(8); so is writing to physical pages
 * that the caller has not mapped.
 */
// vm: smp=4 mem=512 module-args=unsafe_write=1 append=page_poison=1
#include "pgtbl_test.h"

static unsigned char *page1, *page2, *scratch;

static void setup(void)
{
	need_unsafe();
	page1 = filled(1, 0);
	page2 = filled(1, 1);
	scratch = filled(1, 2);
}

static uint64_t frame_of(const void *at)
{
	__u64 pfn;

	pgtbl_decode(dev, PGTBL_PTE, entry_of(0, at), &pfn);
	return pfn;
}

/* with_frame() - the same entry for another frame */
static uint64_t with_frame(uint64_t entry, uint64_t pfn)
{
	unsigned int shift = pgtbl_get_info(dev)->page_shift;
	__u64 old;

	pgtbl_decode(dev, PGTBL_PTE, entry, &old);
	return entry - (old << shift) + (pfn << shift);
}

static struct pgtbl_walk resolve(const void *at)
{
	struct pgtbl_walk walk;

	ASSERT_OK(pgtbl_walk_addr(dev, 0, (uintptr_t)at, &walk));
	return walk;
}

static bool same(const struct pgtbl_walk *a, const struct pgtbl_walk *b)
{
	return a->levels == b->levels &&
		!memcmp(a->level, b->level, sizeof(a->level));
}

/* resolve_basic, resolve_valid_mask */
TEST(resolve_has_an_entry_at_every_level)
{
	struct pgtbl_walk walk;
	unsigned int level;

	setup();
	walk = resolve(page1);
	EXPECT_EQ(walk.levels, pgtbl_get_info(dev)->levels);
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		EXPECT_EQ(!!walk.level[level].entry, !!(walk.levels & 1u << level));
}

/* resolve_deterministic, resolve_different */
TEST(resolve_is_steady_and_tells_pages_apart)
{
	struct pgtbl_walk a, b;

	setup();
	a = resolve(page1);
	b = resolve(page1);
	EXPECT_TRUE(same(&a, &b));
	b = resolve(page2);
	EXPECT_TRUE(!same(&a, &b));
}

/* resolve_invalid, get_pte_pfn_invalid */
TEST(resolve_where_nothing_is)
{
	struct pgtbl_walk walk;

	setup();
	walk = resolve(NULL);
	EXPECT_EQ(walk.leaf, PGTBL_NO_LEVEL);
	EXPECT_EQ(walk.pfn, 0);
}

/* resolve_invalid_pid, get_root_invalid_pid */
TEST(resolve_of_nobody)
{
	struct pgtbl_walk walk;

	setup();
	EXPECT_ERRNO(pgtbl_walk_addr(dev, -1, (uintptr_t)page1, &walk), ESRCH);
}

/* resolve_page_offset */
TEST(resolve_ignores_the_offset)
{
	static const unsigned int offsets[] = { 1, 1024, 4095 };
	struct pgtbl_walk a, b;
	unsigned int i;

	setup();
	a = resolve(page1);
	for (i = 0; i < KTAP_ARRAY_SIZE(offsets); i++) {
		b = resolve(page1 + offsets[i]);
		EXPECT_TRUE(same(&a, &b));
		EXPECT_EQ(a.pfn, b.pfn);
	}
}

/* update nop, pte_nop */
TEST(update_to_the_same)
{
	struct pgtbl_walk a, b;
	uint64_t entry;

	setup();
	a = resolve(scratch);
	entry = a.level[PGTBL_PTE].entry;
	EXPECT_EQ(edit(0, scratch, entry, entry), 1);
	b = resolve(scratch);
	EXPECT_TRUE(same(&a, &b));
}

/* new_pte: of any frame there; of one that user space has, here. */
TEST(update_of_the_frame_and_back)
{
	struct pgtbl_walk a, b;
	uint64_t entry;

	setup();
	a = resolve(scratch);
	entry = a.level[PGTBL_PTE].entry;
	EXPECT_EQ(edit(0, scratch, entry, with_frame(entry, frame_of(page1))), 1);
	EXPECT_EQ(frame_of(scratch), frame_of(page1));
	EXPECT_EQ(edit(0, scratch, entry_of(0, scratch), entry), 1);
	b = resolve(scratch);
	EXPECT_TRUE(same(&a, &b));
	EXPECT_ERRNO(edit(0, scratch, entry, with_frame(entry, 0x1234567)), EINVAL);
}

/* get_pfn, get_pte_pfn, pte_present */
TEST(frame_equals_pagemap)
{
	setup();
	EXPECT_EQ(frame_of(page1), PAGEMAP_PFN(pagemap_of(0, (uintptr_t)page1)));
	EXPECT_EQ(resolve(page1).pfn, frame_of(page1));
	EXPECT_TRUE(has(page1, "present"));
}

/* pte_set_pfn */
TEST(accessor_sees_one_page_after_the_other)
{
	uint64_t own;

	setup();
	own = entry_of(0, scratch);
	EXPECT_EQ(*(volatile unsigned char *)scratch, 2);
	EXPECT_EQ(edit(0, scratch, own, with_frame(own, frame_of(page2))), 1);
	EXPECT_EQ(*(volatile unsigned char *)scratch, 1);
	EXPECT_EQ(edit(0, scratch, entry_of(0, scratch),
		       with_frame(own, frame_of(page1))), 1);
	EXPECT_EQ(*(volatile unsigned char *)scratch, 0);
	EXPECT_EQ(edit(0, scratch, entry_of(0, scratch), own), 1);
	EXPECT_EQ(*(volatile unsigned char *)scratch, 2);
}

/* ptedit_clear_bit, ptedit_set_bit: of leaves only, here. */
TEST(bits_are_cleared_and_set)
{
	struct pgtbl_edit one;
	struct pgtbl_walk walk;
	unsigned int level;
	uint64_t entry;

	setup();
	memset(page1, 0x42, page_size());
	entry = entry_of(0, page1);
	EXPECT_EQ(edit(0, page1, entry, with(entry, "accessed", false)), 1);
	EXPECT_TRUE(!has(page1, "accessed"));
	entry = entry_of(0, page1);
	EXPECT_EQ(edit(0, page1, entry, with(entry, "accessed", true)), 1);
	EXPECT_TRUE(has(page1, "accessed"));

	walk = resolve(page1);
	for (level = 0; level < PGTBL_PTE; level++) {
		if (!(walk.levels & 1u << level))
			continue;
		one = (struct pgtbl_edit){
			.addr = (uintptr_t)page1,
			.old_entry = walk.level[level].entry,
			.new_entry = walk.level[level].entry,
			.level = level,
		};
		EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EOPNOTSUPP);
	}
}

/* Physical pages, read and write: through an entry of the caller's own. */
TEST(physical_page_is_read_and_written)
{
	unsigned char copy[4096];
	uint64_t own;

	setup();
	own = entry_of(0, scratch);
	EXPECT_EQ(edit(0, scratch, own, with_frame(own, frame_of(page2))), 1);
	memcpy(copy, scratch, sizeof(copy));
	EXPECT_TRUE(!memcmp(copy, page2, sizeof(copy)));
	memset(scratch, 0x99, page_size());
	EXPECT_EQ(page2[77], 0x99);
	EXPECT_EQ(edit(0, scratch, entry_of(0, scratch), own), 1);
	EXPECT_EQ(scratch[77], 2);
}

/* get_root, get_root_deterministic, root_page_aligned, correct_root */
TEST(root_is_where_the_walk_begins)
{
	unsigned char *window = pgtbl_window(dev, 1, PROT_READ);
	struct pgtbl_remap remap = {
		.size = sizeof(remap),
		.level = PGTBL_PGD,
		.remap_vaddr = (uintptr_t)window,
	};
	struct pgtbl_walk walk;

	setup();
	ASSERT_TRUE(window);
	walk = resolve(page1);
	EXPECT_NE(walk.level[PGTBL_PGD].table, 0);
	EXPECT_EQ(walk.level[PGTBL_PGD].table, resolve(page2).level[PGTBL_PGD].table);
	ASSERT_OK(ioctl(pgtbl_fd(dev), PGTBL_IOC_REMAP, &remap));
	if (!(remap.result & PGTBL_REMAP_COPY))
		EXPECT_EQ(remap.pfn, walk.level[PGTBL_PGD].table);
	EXPECT_EQ(pgtbl_entry(dev, window, walk.level[PGTBL_PGD].index),
		  walk.level[PGTBL_PGD].entry);
}

/* tlb: UPDATE flushes by itself; FLUSH alone is seen in the accessed bit. */
TEST(flush_makes_the_cpu_look_again)
{
	volatile unsigned char sink;
	uint64_t entry;

	setup();
	sink = *page1;
	entry = entry_of(0, page1);
	EXPECT_EQ(edit(0, page1, entry, with(entry, "accessed", false)), 1);
	EXPECT_OK(pgtbl_flush_range(dev, 0, (uintptr_t)page1,
				    (uintptr_t)page1 + page_size()));
	sink = *page1;
	(void)sink;
	EXPECT_TRUE(has(page1, "accessed"));
}
