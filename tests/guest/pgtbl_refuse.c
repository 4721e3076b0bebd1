// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /dev/pgtbl refuses: frames that are no tables of that process at that
 * level, processes that are not the caller's to look at, places for windows.
 */
// vm: mem=512 append=page_poison=1 timeout=200
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/storm.h"
#include "pgtbl_test.h"

static unsigned char *window;

/* remap() - REMAP with one page of a window */
static int remap(pid_t pid, unsigned int level, uint64_t pfn)
{
	if (!window)
		window = pgtbl_window(dev, 1, PROT_READ);
	ASSERT_TRUE(window);
	return pgtbl_remap_table(dev, pid, level, pfn, 0, window);
}

/* untouched() - the window still shows nothing */
static void untouched(void)
{
	size_t i;

	for (i = 0; i < page_size(); i++)
		ASSERT_EQ(window[i], 0);
}

static unsigned char *touched(size_t pages)
{
	unsigned char *at = anon(pages);

	memset(at, 0x5a, pages * page_size());
	return at;
}

static void refused_at_all_levels(pid_t pid, uint64_t pfn)
{
	unsigned int level = PGTBL_PGD;

	while ((level = pgtbl_next_level(dev, level)) != PGTBL_NO_LEVEL)
		EXPECT_ERRNO(remap(pid, level, pfn), EINVAL);
	untouched();
}

TEST(data_page)
{
	unsigned char *at = touched(1);

	refused_at_all_levels(0, PAGEMAP_PFN(pagemap_of(0, (uintptr_t)at)));
}

TEST(table_of_another_process)
{
	unsigned char *at = touched(1);
	pid_t pid = start_child(NULL, NULL);
	unsigned int level = PGTBL_PGD;

	while ((level = pgtbl_next_level(dev, level)) != PGTBL_NO_LEVEL) {
		uint64_t pfn = table_of(pid, (uintptr_t)at, level);

		ASSERT_NE(pfn, 0);
		EXPECT_ERRNO(remap(0, level, pfn), EINVAL);
		EXPECT_OK(remap(pid, level, pfn));
	}
	stop_child(pid);
}

TEST(table_of_another_level)
{
	unsigned char *at = touched(1);
	unsigned int own, asked;

	for (own = 0; own < PGTBL_NR_LEVELS; own++) {
		uint64_t pfn = table_of(0, (uintptr_t)at, own);

		if (!pfn)
			continue;
		for (asked = PGTBL_PUD; asked < PGTBL_NR_LEVELS; asked++) {
			if (!(pgtbl_get_info(dev)->levels & 1u << asked))
				continue;
			if (asked == own)
				EXPECT_OK(remap(0, asked, pfn));
			else
				EXPECT_ERRNO(remap(0, asked, pfn), EINVAL);
		}
	}
}

TEST(table_that_was_given_up)
{
	size_t size = (size_t)1 << 23;
	unsigned char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *mid = at + size / 2;
	uint64_t pfn;

	ASSERT_TRUE(at != MAP_FAILED);
	madvise(at, size, MADV_NOHUGEPAGE);
	*mid = 1;
	pfn = table_of(0, (uintptr_t)mid, PGTBL_PTE);
	EXPECT_OK(remap(0, PGTBL_PTE, pfn));
	ASSERT_OK(munmap(window, page_size()));
	window = NULL;
	ASSERT_OK(munmap(at, size));
	if (table_of(0, (uintptr_t)mid, PGTBL_PTE) == pfn)
		ktap_skip("the table is still in use");
	EXPECT_ERRNO(remap(0, PGTBL_PTE, pfn), EINVAL);
}

/*
 * Every frame up to the end of memory, for a process with known tables; every eighth
 * on slow kernels, a table among them.
 */
TEST_SECONDS(every_frame, 120)
{
	uint64_t pfn, pages = sysconf(_SC_PHYS_PAGES) * 2, accepted = 0;
	unsigned char *at = touched(1);
	uint64_t own = table_of(0, (uintptr_t)at, PGTBL_PTE), step = debug_kernel() ? 8 : 1;
	FILE *zones = fopen("/proc/zoneinfo", "r");
	char line[200];
	unsigned long long first = 0;

	/* Memory does not begin at 0 everywhere. */
	ASSERT_TRUE(zones);
	while (fgets(line, sizeof(line), zones))
		if (sscanf(line, " start_pfn: %llu", &first) == 1 && first)
			break;
	fclose(zones);
	if (first > own)
		first = 0;
	for (pfn = first + (own - first) % step; pfn < first + pages; pfn += step) {
		if (!remap(0, PGTBL_PTE, pfn))
			accepted++;
		else
			ASSERT_EQ(errno, EINVAL);
	}
	/* As many as this small process has; not a page of the slab, say. */
	EXPECT_GE(accepted, step == 1 ? 2 : 1);
	EXPECT_LE(accepted, 64);
	EXPECT_OK(remap(0, PGTBL_PTE, own));
}

static const struct { const char *name; uint64_t pfn; } holes[] = {
	{ "zero", 0 },
	{ "a_hole_below_1M", 0xa0 },
	{ "beyond_ram", 0x3fffffff },
	{ "of_4G_pages", 0x100000000 },
	{ "of_16T_pages", 1ull << 44 },
	{ "all_ones", ~0ull },
	{ "all_ones_32", 0xffffffff },
};

TEST_EACH(no_frame, const void *, holes)
{
	const __typeof__(holes[0]) *hole = each;

	refused_at_all_levels(0, hole->pfn);
}

TEST(level_that_is_folded)
{
	unsigned int level;

	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		if (!(pgtbl_get_info(dev)->levels & 1u << level))
			EXPECT_ERRNO(remap(0, level, 1), EOPNOTSUPP);
	EXPECT_ERRNO(remap(0, PGTBL_NR_LEVELS, 1), EOPNOTSUPP);
	EXPECT_ERRNO(remap(0, 31, 1), EOPNOTSUPP);
	EXPECT_ERRNO(remap(0, 32, 1), EOPNOTSUPP);
	EXPECT_ERRNO(remap(0, ~0u, 1), EOPNOTSUPP);
}

TEST(no_such_process)
{
	pid_t pid = start_child(NULL, NULL);
	struct pgtbl_walk walk;

	stop_child(pid);
	EXPECT_ERRNO(remap(pid, PGTBL_PGD, 0), ESRCH);
	EXPECT_ERRNO(remap(-1, PGTBL_PGD, 0), ESRCH);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, pid, 0, &walk), ESRCH);
}

TEST(kernel_thread)
{
	struct pgtbl_walk walk;

	EXPECT_ERRNO(remap(2, PGTBL_PGD, 0), ESRCH);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 2, 0, &walk), ESRCH);
}

TEST(zombie)
{
	pid_t pid = start_child(NULL, NULL);
	siginfo_t info;

	kill(pid, SIGKILL);
	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EXPECT_ERRNO(remap(pid, PGTBL_PGD, 0), ESRCH);
	stop_child(pid);
}

/* drop_caps() - become nobody, or keep root's id without a capability */
static void become_nobody(void)
{
	ASSERT_OK(setgid(65534));
	ASSERT_OK(setuid(65534));
}

TEST(unprivileged_open)
{
	become_nobody();
	EXPECT_ERRNO(open(PGTBL_DEVICE, O_RDWR), EACCES);
	EXPECT_ERRNO(open(PGTBL_DEVICE, O_RDONLY), EACCES);
}

/* With the device in hand, but without privilege: its own tables only. */
TEST(unprivileged_other)
{
	unsigned char *at = touched(1);
	uint64_t entry = entry_of(0, at);
	pid_t pid = start_child(NULL, NULL);
	struct pgtbl_edit one = { (uintptr_t)at, entry, entry, PGTBL_PTE, 0 };
	struct pgtbl_run run = { (uintptr_t)at, 0, 1 };
	struct pgtbl_extent extent;
	struct pgtbl_scan scan = {
		.extents = (uintptr_t)&extent,
		.count = 1,
		.end = 1 << 20,
	};
	struct pgtbl_walk walk;

	ASSERT_TRUE(pgtbl_pool_create(dev, 1));
	become_nobody();
	EXPECT_ERRNO(pgtbl_walk_addr(dev, pid, 0, &walk), EACCES);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 1, 0, &walk), EACCES);
	EXPECT_ERRNO(pgtbl_scan_range(dev, pid, &scan), EACCES);
	EXPECT_ERRNO(pgtbl_flush_range(dev, pid, 0, page_size()), EACCES);
	EXPECT_ERRNO(pgtbl_install_runs(dev, pid, &run, 1, 0), EACCES);
	EXPECT_ERRNO(pgtbl_take_runs(dev, pid, &run, 1, NULL), EACCES);
	EXPECT_ERRNO(pgtbl_update_entries(dev, pid, &one, 1), EPERM);
	EXPECT_ERRNO(pgtbl_update_entries(dev, 0, &one, 1), EPERM);
	EXPECT_ERRNO(remap(pid, PGTBL_PGD, 0), EACCES);
	EXPECT_OK(pgtbl_walk_addr(dev, 0, 0, &walk));
	EXPECT_OK(pgtbl_scan_range(dev, 0, &scan));
	untouched();
	EXPECT_OK(remap(0, PGTBL_PGD, 0));
	/* The runner ends the child, which is root's. */
}

/* start_program() - as start_child(), but it execs: its tables are its own */
static pid_t start_program(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_OK(pipe2(ready, O_CLOEXEC));
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	/* exec closes the other end. */
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

/* Root of a namespace may look at what belongs there, and nowhere else. */
TEST(user_namespace_root)
{
	pid_t outside = start_program(), inside;
	unsigned char *at = touched(1);
	uint64_t entry = entry_of(0, at);
	struct pgtbl_walk walk;

	ASSERT_OK(unshare(CLONE_NEWUSER));
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", "0 0 1");
	EXPECT_EQ(getuid(), 0);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 1, 0, &walk), EACCES);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, outside, 0, &walk), EACCES);
	EXPECT_ERRNO(remap(outside, PGTBL_PGD, 0), EACCES);
	EXPECT_ERRNO(pgtbl_flush_range(dev, outside, 0, page_size()), EACCES);
	EXPECT_OK(pgtbl_walk_addr(dev, 0, 0, &walk));
	inside = start_program();
	EXPECT_OK(pgtbl_walk_addr(dev, inside, 0, &walk));
	EXPECT_OK(remap(inside, PGTBL_PGD, 0));
	/* Editing asks for the right in the first namespace. */
	EXPECT_ERRNO(edit(0, at, entry, entry), EPERM);
	EXPECT_ERRNO(edit(inside, at, entry, entry), EPERM);
	stop_child(inside);
	stop_child(outside);
}

/* Nor does a namespace help to open the device. */
TEST(user_namespace_of_nobody)
{
	become_nobody();
	ASSERT_OK(unshare(CLONE_NEWUSER));
	EXPECT_ERRNO(open(PGTBL_DEVICE, O_RDWR), EACCES);
}

TEST(node_is_private)
{
	struct stat st;

	ASSERT_OK(stat(PGTBL_DEVICE, &st));
	EXPECT_EQ(st.st_mode & 07777, 0600);
	EXPECT_EQ(st.st_uid, 0);
}

TEST(walk_beyond_user_space)
{
	struct pgtbl_walk walk;

	EXPECT_ERRNO(pgtbl_walk_addr(dev, 0, pgtbl_get_info(dev)->user_end,
				     &walk), EINVAL);
	EXPECT_ERRNO(pgtbl_walk_addr(dev, 0, ~0ull, &walk), EINVAL);
	EXPECT_OK(pgtbl_walk_addr(dev, 0, pgtbl_get_info(dev)->user_end - 1,
				  &walk));
}

static int remap_at(const void *addr)
{
	return pgtbl_remap_table(dev, 0, PGTBL_PGD, 0, 0, (void *)addr);
}

TEST(remap_outside_a_window)
{
	unsigned char *at = touched(1), *other;
	struct pgtbl *second = pgtbl_open();
	struct pgtbl_remap raw_remap = { .size = sizeof(raw_remap) };

	EXPECT_ERRNO(remap_at(at), ENXIO);
	EXPECT_ERRNO(remap_at(NULL), ENXIO);
	EXPECT_EQ(at[0], 0x5a);
	ASSERT_OK(munmap(at, page_size()));
	EXPECT_ERRNO(remap_at(at), ENXIO);

	/* A window of another open file. */
	ASSERT_TRUE(second);
	other = pgtbl_window(second, 1, PROT_READ);
	ASSERT_TRUE(other);
	EXPECT_ERRNO(remap_at(other), ENXIO);

	window = pgtbl_window(dev, 1, PROT_READ);
	ASSERT_TRUE(window);
	EXPECT_ERRNO(remap_at(window + 1), EINVAL);
	EXPECT_ERRNO(remap_at(window + page_size() / 2), EINVAL);
	raw_remap.remap_vaddr = ~0ull << 12;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_REMAP, &raw_remap), EINVAL);
	raw_remap.remap_vaddr = (uintptr_t)window;
	raw_remap.reserved = 1;
	EXPECT_ERRNO(ioctl(pgtbl_fd(dev), PGTBL_IOC_REMAP, &raw_remap), EINVAL);
	untouched();
}

TEST(classic_bad_arguments)
{
	unsigned char *at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long addr = (unsigned long)at;

	ASSERT_TRUE(at != MAP_FAILED);
	*at = 0x77;
	EXPECT_ERRNO(remap_page_table_args(NULL), EFAULT);
	EXPECT_ERRNO(remap_page_table(0, addr + 1, 0, 0), EINVAL);
	EXPECT_ERRNO(remap_page_table(0, addr, 0, 4), EOPNOTSUPP);
	EXPECT_ERRNO(remap_page_table(0, addr, 1, PGTBL_PTE), EINVAL);
	EXPECT_ERRNO(remap_page_table(-5, addr, 0, 0), ESRCH);
	EXPECT_ERRNO(remap_page_table(2, addr, 0, 0), ESRCH);
	/* What was there is still there. */
	EXPECT_EQ(*at, 0x77);
	EXPECT_OK(remap_page_table(0, addr, 0, PGTBL_PGD));
	ASSERT_OK(munmap(at, page_size()));
	EXPECT_ERRNO(remap_page_table(0, addr, 0, PGTBL_PGD), ENXIO);
}
