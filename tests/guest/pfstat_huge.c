// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages: transparent ones, the huge zero page, and hugetlb. A huge page
 * that is kept by its last sharer, and each hugetlb page that is copied or
 * kept, is one fault of the kind "huge"; a transparent one that is still
 * shared is split, and copied page by page.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/oracle.h"

#define NAME	"pf-huge"
#define HUGE	2	/* huge pages in each workload */
#define RW	(PROT_READ | PROT_WRITE)
#define THP	"/sys/kernel/mm/transparent_hugepage/"

BEFORE_EACH()
{
	cow_begin();
}

static size_t thp_size(void)
{
	long size = read_number(THP "hpage_pmd_size");

	return size > 0 ? size : 0;
}

/* Of the default kind of hugetlb pages. */
static size_t hugetlb_size(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Hugepagesize: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

/* ---- workloads ------------------------------------------------------------------- */

/* HUGE huge pages' worth of address space that may have huge pages. */
static char *map_thp(void)
{
	size_t size = thp_size();
	char *p;

	stay_on_cpu(0);
	p = mmap(NULL, (HUGE + 1) * size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		workload_give_up("mmap of a place");
	p = (char *)(((uintptr_t)p + size - 1) & ~(size - 1));
	p = mmap(p, HUGE * size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED || madvise(p, HUGE * size, MADV_HUGEPAGE))
		workload_give_up("mmap");
	return p;
}

/* How much of the memory at @p is in huge pages now, by /proc/self/smaps. */
static size_t huge_bytes(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib = 0;
	char line[512];
	int here = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (unsigned long)p;
		else if (here && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

static char *map_written_thp(void)
{
	char *p = map_thp();

	write_pages(p, HUGE * thp_size() / page_size());
	if (huge_bytes(p) != HUGE * thp_size())
		workload_give_up("the memory did not get huge pages");
	return p;
}

WORKLOAD(thp_first_write)
{
	char *p = map_thp();

	workload_at(p);
	write_pages(p, HUGE * thp_size() / page_size());
	if (huge_bytes(p) != HUGE * thp_size())
		workload_give_up("the memory did not get huge pages");
	return workload_done();
}

WORKLOAD(thp_child_writes)
{
	char *p = map_written_thp();

	workload_at(p);
	copy_in_child(p, HUGE * thp_size() / page_size());
	if (huge_bytes(p) != HUGE * thp_size())
		workload_give_up("the parent's huge pages were split");
	return workload_done();
}

WORKLOAD(thp_last_sharer)
{
	char *p = map_written_thp();
	pid_t pid = fork_sleeper();

	end_sleeper(pid);
	workload_at(p);
	write_pages(p, HUGE * thp_size() / page_size());
	if (huge_bytes(p) != HUGE * thp_size())
		workload_give_up("the huge pages were split");
	return workload_done();
}

/* Reads get the huge zero page, which the first write splits. */
WORKLOAD(thp_zero)
{
	char *p = map_thp();

	read_pages(p, HUGE * thp_size() / page_size());
	workload_at(p);
	write_pages(p, HUGE * thp_size() / page_size());
	return workload_done();
}

/* Also after MADV_DONTFORK no sharing: nothing to count. */
WORKLOAD(thp_protected)
{
	char *p = map_written_thp();
	size_t size = HUGE * thp_size();

	workload_at(p);
	if (mprotect(p, size, PROT_READ) || mprotect(p, size, RW))
		workload_give_up("mprotect");
	write_pages(p, size / page_size());
	return workload_done();
}

static char *map_hugetlb(void)
{
	char *p;

	p = mmap(NULL, HUGE * hugetlb_size(), RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		workload_give_up("mmap of huge pages");
	return p;
}

static void write_hugetlb(char *p)
{
	int i;

	for (i = 0; i < HUGE; i++)
		*(volatile char *)(p + i * hugetlb_size() + 3 * page_size()) = 'h';
}

WORKLOAD(hugetlb_first_write)
{
	char *p = map_hugetlb();

	workload_at(p);
	write_hugetlb(p);
	return workload_done();
}

WORKLOAD(hugetlb_child_writes)
{
	char *p = map_hugetlb();
	pid_t pid;

	write_hugetlb(p);
	workload_at(p);
	pid = fork();
	if (!pid) {
		write_hugetlb(p);
		write_hugetlb(p);
		_exit(0);
	}
	wait_for_child(pid);
	return workload_done();
}

WORKLOAD(hugetlb_parent_writes)
{
	char *p = map_hugetlb();
	pid_t pid;

	write_hugetlb(p);
	pid = fork_sleeper();
	workload_at(p);
	write_hugetlb(p);
	end_sleeper(pid);
	return workload_done();
}

WORKLOAD(hugetlb_last_sharer)
{
	char *p = map_hugetlb();
	pid_t pid;

	write_hugetlb(p);
	pid = fork_sleeper();
	end_sleeper(pid);
	workload_at(p);
	write_hugetlb(p);
	return workload_done();
}

/* A private mapping of a file whose pages are there: the write copies. */
WORKLOAD(hugetlb_file)
{
	int fd = memfd_create("huge", MFD_HUGETLB);
	size_t size = HUGE * hugetlb_size();
	char *shared, *p;

	if (fd < 0 || ftruncate(fd, size))
		workload_give_up("memfd of huge pages");
	shared = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	p = mmap(NULL, size, RW, MAP_PRIVATE, fd, 0);
	if (shared == MAP_FAILED || p == MAP_FAILED)
		workload_give_up("mmap of a file of huge pages");
	write_hugetlb(shared);
	workload_at(p);
	write_hugetlb(p);
	return workload_done();
}

WORKLOAD(hugetlb_shared)
{
	size_t size = HUGE * hugetlb_size();
	pid_t pid;
	char *p;

	p = mmap(NULL, size, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		workload_give_up("mmap of shared huge pages");
	write_hugetlb(p);
	pid = fork_sleeper();
	workload_at(p);
	write_hugetlb(p);
	end_sleeper(pid);
	return workload_done();
}

/* ---- transparent ------------------------------------------------------------------- */

/* In units: 0, a count, each huge page, or each small page in them. */
enum unit { NONE, EACH_HUGE, EACH_SMALL };

static const struct thp_case {
	const char *name;
	const char *function;
	enum unit copy, zero, huge;
	enum unit wp_hits;
} thp_cases[] = {
	{ "first_write", "thp_first_write", NONE, NONE, NONE, NONE },
	{ "child_writes_splits", "thp_child_writes", EACH_SMALL, NONE, NONE, EACH_SMALL },
	{ "last_sharer", "thp_last_sharer", NONE, NONE, EACH_HUGE, NONE },
	{ "zero_page", "thp_zero", NONE, EACH_SMALL, NONE, EACH_SMALL },
	{ "mprotect_and_back", "thp_protected", NONE, NONE, NONE, NONE },
};

static size_t units(enum unit unit)
{
	switch (unit) {
	case EACH_HUGE:
		return HUGE;
	case EACH_SMALL:
		return HUGE * thp_size() / page_size();
	default:
		return 0;
	}
}

TEST_EACH(thp, const struct thp_case *, thp_cases)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;
	struct hits hits;
	struct kinds want = {
		.copy = units(each->copy),
		.zero = units(each->zero),
		.huge = units(each->huge),
	};

	if (!thp_size()) {
		ktap_skip("no transparent huge pages");
		return;
	}
	w = workload_start(each->function, NAME, NULL);
	at = address_in(workload_wait(&w));
	oracle_start(at, at + HUGE * thp_size());
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	oracle_stop(&hits);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);

	cow_expect(__FILE__, __LINE__, &id, 0, at, units(EACH_SMALL), &want);
	EXPECT_EQ(hits.do_wp_page, units(each->wp_hits));
	EXPECT_COPIES(&hits, units(each->wp_hits));
	EXPECT_EQ(hits.finish_fault, 0);
}

/* ---- hugetlb ----------------------------------------------------------------------- */

static const struct hugetlb_case {
	const char *name;
	const char *function;
	__u64 huge;
} hugetlb_cases[] = {
	{ "first_write", "hugetlb_first_write", 0 },
	{ "child_writes", "hugetlb_child_writes", HUGE },
	{ "parent_writes", "hugetlb_parent_writes", HUGE },
	{ "last_sharer", "hugetlb_last_sharer", HUGE },
	{ "private_file_write_first", "hugetlb_file", HUGE },
	{ "shared", "hugetlb_shared", 0 },
};

static void reserve(long pages)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", pages);
	write_text("/proc/sys/vm/nr_hugepages", text);
	ASSERT_EQ(read_number("/proc/sys/vm/nr_hugepages"), pages);
}

TEST_EACH(hugetlb, const struct hugetlb_case *, hugetlb_cases)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;

	reserve(4 * HUGE);
	w = workload_start(each->function, NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	reserve(0);
	EXPECT_COUNTS(&id, 0, at, HUGE * hugetlb_size() / page_size(),
		      .huge = each->huge);
}

/* The fault counts where it happened: in the page that was written. */
TEST(hugetlb_counts_in_its_own_mapping)
{
	const struct pfstat_result *r;
	const struct pfstat_vma *vma;
	struct workload w;
	unsigned long at;

	track_name(NAME);
	reserve(4 * HUGE);
	w = workload_start("hugetlb_child_writes", NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	workload_wait(&w);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	reserve(0);
	r = query_name(NAME);
	vma = vma_at(r, at);
	ASSERT_TRUE(vma);
	EXPECT_EQ(vma->start, at);
	EXPECT_EQ(vma->end, at + HUGE * hugetlb_size());
	EXPECT_EQ(vma->pages, HUGE);
}
