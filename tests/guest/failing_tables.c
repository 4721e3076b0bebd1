// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user space of a call of /dev/pgtbl
 * fails once: see fail_one_by_one(). Windows have failing_window.c.
 *
 * vm: guests=*-debug mem=1024 timeout=300
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fail.h"
#include "lib/tables.h"

#define PAGES	16

static unsigned char *area;

BEFORE_EACH()
{
	fail_begin();
	open_dev();
	area = filled(PAGES, 1);
}

static int on_pgtbl(unsigned int cmd, void *arg)
{
	return ioctl(pgtbl_fd(dev), cmd, arg);
}

static int remap(unsigned int level, __u64 pfn)
{
	int fd = pgtbl_fd(dev), ret, error;
	struct pgtbl_remap remap = {
		.size = sizeof(remap), .level = level, .pfn = pfn, .addr = (uintptr_t)area,
	};
	void *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, PGTBL_WINDOW_OFFSET);

	if (at == MAP_FAILED)
		return -1;
	remap.remap_vaddr = (uintptr_t)at;
	ret = ioctl(fd, PGTBL_IOC_REMAP, &remap);
	error = errno;
	munmap(at, page_size());
	errno = error;
	return ret;
}

static __u64 table;

static void find_table(void)
{
	table = table_of(0, (uintptr_t)area, PGTBL_PTE);
}

static int do_window_pgd(void)
{
	return remap(PGTBL_PGD, 0);
}

static int do_window_pte(void)
{
	return remap(PGTBL_PTE, table);
}

static int do_pgtbl_info(void)
{
	static struct pgtbl_flag flags[64];
	static struct pgtbl_rule rules[64];
	struct pgtbl_info i = {
		.size = sizeof(i), .flag_table = (uintptr_t)flags, .nr_flags = 64,
		.rule_table = (uintptr_t)rules, .nr_rules = 64,
	};

	return on_pgtbl(PGTBL_IOC_INFO, &i);
}

static int do_walk(void)
{
	struct pgtbl_walk walk = { .size = sizeof(walk), .addr = (uintptr_t)area };

	return on_pgtbl(PGTBL_IOC_WALK, &walk);
}

static int do_scan(void)
{
	static struct pgtbl_extent extents[16];
	struct pgtbl_scan scan = {
		.size = sizeof(scan), .start = (uintptr_t)area,
		.end = (uintptr_t)area + PAGES * page_size(), .report = PGTBL_IS_ALL,
		.extents = (uintptr_t)extents, .count = 16,
	};

	return on_pgtbl(PGTBL_IOC_SCAN, &scan);
}

static __u64 entry;

static void find_entry(void)
{
	entry = entry_of(0, area);
}

static int do_update(void)
{
	struct pgtbl_edit edit = {
		.addr = (uintptr_t)area, .level = PGTBL_PTE, .old_entry = entry,
		.new_entry = with(entry, "accessed", false),
	};
	struct pgtbl_update update = {
		.size = sizeof(update), .count = 1, .edits = (uintptr_t)&edit,
	};

	return on_pgtbl(PGTBL_IOC_UPDATE, &update);
}

static int do_flush(void)
{
	struct pgtbl_flush flush = {
		.size = sizeof(flush), .start = (uintptr_t)area,
		.end = (uintptr_t)area + PAGES * page_size(),
	};

	return on_pgtbl(PGTBL_IOC_FLUSH, &flush);
}

/* A file of its own: a file has one pool. */
static int do_pool(void)
{
	struct pgtbl_pool pool = { .size = sizeof(pool), .pages = PAGES };
	int fd = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC), ret, error;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, PGTBL_IOC_POOL, &pool);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

static unsigned char *hole;
static struct pgtbl_run runs[2];

static void make_pool(void)
{
	if (hole)
		return;
	ASSERT_TRUE(pgtbl_pool_create(dev, 2 * PAGES));
	hole = anon(2 * PAGES);
	uffd_for(hole, 2 * PAGES);
	runs[0] = (struct pgtbl_run){ .addr = (uintptr_t)hole, .page = 0, .count = PAGES };
	runs[1] = (struct pgtbl_run){ .addr = (uintptr_t)hole + PAGES * page_size(),
				      .page = PAGES, .count = PAGES };
}

static int do_install(void)
{
	struct pgtbl_install install = {
		.size = sizeof(install), .runs = (uintptr_t)runs, .nr_runs = 2,
		.flags = PGTBL_INSTALL_WRITE,
	};

	return on_pgtbl(PGTBL_IOC_INSTALL, &install);
}

static int do_take(void)
{
	static unsigned char result[2 * PAGES];
	struct pgtbl_take take = {
		.size = sizeof(take), .runs = (uintptr_t)runs, .nr_runs = 2,
		.result = (uintptr_t)result,
	};

	return on_pgtbl(PGTBL_IOC_TAKE, &take);
}

static int do_refs(void)
{
	static __u32 numbers[2 * PAGES];
	struct pgtbl_refs refs = {
		.size = sizeof(refs), .count = 2 * PAGES, .refs = (uintptr_t)numbers,
	};

	return on_pgtbl(PGTBL_IOC_REFS, &refs);
}

static void take_back(void)
{
	ASSERT_OK(do_take());
}

static void install_all(void)
{
	make_pool();
	ASSERT_OK(do_install());
}

static void nothing(void)
{
}

static const struct fail_call calls[] = {
	{ "info", do_pgtbl_info, nothing, nothing },
	{ "window_pgd", do_window_pgd, nothing, nothing },
	{ "window_pte", do_window_pte, find_table, nothing },
	{ "walk", do_walk, nothing, nothing },
	{ "scan", do_scan, nothing, nothing },
	{ "update", do_update, find_entry, nothing },
	{ "flush", do_flush, nothing, nothing },
	{ "pool", do_pool, nothing, nothing },
	{ "install", do_install, make_pool, take_back },
	{ "take", do_take, install_all, take_back },
	{ "refs", do_refs, make_pool, nothing },
};

TEST_EACH(each_fails_once, const struct fail_call *, calls)
{
	fail_one_by_one(each);
}

TEST(tables_are_right_afterwards)
{
	unsigned int level;
	uint64_t pfn;

	entry_through_windows(0, (uintptr_t)area, &level, &pfn);
	EXPECT_NE(pfn, 0u);
	EXPECT_EQ(pfn, PAGEMAP_PFN(pagemap_of(0, (uintptr_t)area)));
}
