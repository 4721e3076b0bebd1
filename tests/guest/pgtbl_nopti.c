// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without page-table isolation, a top-level table of PAE is 32 bytes in a page
 * with those of other processes. What a window shows is a copy of its own part.
 */
// vm: append=nopti guests=i386-pae
#include "pgtbl_test.h"

#define OTHERS	60u

static unsigned char *remapped(pid_t pid, unsigned int *result)
{
	unsigned char *page = pgtbl_window(dev, 1, PROT_READ);
	struct pgtbl_remap remap = {
		.size = sizeof(remap),
		.pid = pid,
		.level = PGTBL_PGD,
		.remap_vaddr = (uintptr_t)page,
	};

	ASSERT_TRUE(page);
	ASSERT_OK(ioctl(pgtbl_fd(dev), PGTBL_IOC_REMAP, &remap));
	*result = remap.result;
	return page;
}

static uint64_t top_entry(pid_t pid, unsigned int index)
{
	uint64_t addr = (uint64_t)index <<
		pgtbl_get_info(dev)->geometry[PGTBL_PGD].shift;
	struct pgtbl_walk walk;

	ASSERT_OK(pgtbl_walk_addr(dev, pid, addr, &walk));
	return walk.level[PGTBL_PGD].entry;
}

/* check_page() - the process's own entries, and zeros */
static void check_page(pid_t pid, const unsigned char *page)
{
	unsigned int user = pgtbl_get_info(dev)->geometry[PGTBL_PGD].user_entries;
	unsigned int i, entries = page_size() / sizeof(uint64_t);

	for (i = 0; i < entries; i++)
		EXPECT_EQ(pgtbl_entry(dev, page, i),
			  i < user ? top_entry(pid, i) : 0);
}

TEST(info_tells)
{
	EXPECT_TRUE(pgtbl_get_info(dev)->features & PGTBL_FEATURE_PGD_COPY);
}

/* Their tables share pages of the slab, so a page too much would show some. */
TEST(no_entry_of_another_process)
{
	unsigned int i, result, shared = 0;
	uint64_t frames[OTHERS];
	pid_t pids[OTHERS];

	for (i = 0; i < OTHERS; i++) {
		pids[i] = start_child(NULL, NULL);
		frames[i] = table_of(pids[i], 0, PGTBL_PGD);
		shared += i && frames[i] == frames[i - 1];
	}
	/* Otherwise this would prove nothing. */
	EXPECT_GE(shared, OTHERS / 2);
	for (i = 0; i < OTHERS; i++) {
		unsigned char *page = remapped(pids[i], &result);

		EXPECT_EQ(result, PGTBL_REMAP_COPY);
		check_page(pids[i], page);
		ASSERT_OK(munmap(page, page_size()));
	}
	for (i = 0; i < OTHERS; i++)
		stop_child(pids[i]);
}

/* Nor is it a table of any other level. */
TEST(its_page_is_refused)
{
	unsigned char *page = pgtbl_window(dev, 1, PROT_READ);
	uint64_t pfn = table_of(0, 0, PGTBL_PGD);

	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PMD, pfn, 0, page), EINVAL);
	EXPECT_ERRNO(pgtbl_remap_table(dev, 0, PGTBL_PTE, pfn, 0, page), EINVAL);
}

/* A copy stays as it is, also when its process is gone. */
TEST(copy_is_the_callers)
{
	pid_t pid = start_child(NULL, NULL);
	unsigned int result;
	unsigned char *page = remapped(pid, &result), before[64];

	memcpy(before, page, sizeof(before));
	stop_child(pid);
	EXPECT_TRUE(!memcmp(before, page, sizeof(before)));
	EXPECT_ERRNO(mprotect(page, page_size(), PROT_READ | PROT_WRITE), EACCES);
}

/* The classic call, whose user reads entries 0 to 2. */
TEST(classic_call)
{
	unsigned char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(at != MAP_FAILED);
	ASSERT_OK(remap_page_table(0, (unsigned long)at, 0, PGTBL_PGD));
	check_page(0, at);
}
