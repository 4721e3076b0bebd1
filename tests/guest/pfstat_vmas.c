// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where faults are counted: by address, whatever happens to the VMAs there.
 *
 * Most workloads make a ramp: of RAMP pages the i-th takes i + 1 faults, so that
 * a count that moves to another address, or is lost, shows.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-vmas"
#define RAMP	9
#define RW	(PROT_READ | PROT_WRITE)

BEFORE_EACH()
{
	cow_begin();
}

/* Faults in the pages [from, to) of a ramp. */
static __u64 ramp(int from, int to)
{
	return (to * (to + 1) - from * (from + 1)) / 2;
}

static void make_ramp(char *p)
{
	int i;

	for (i = 0; i < RAMP; i++)
		copy_pages(p + i * page_size(), RAMP - i);
}

static char *map_ramp(void)
{
	char *p;

	only_small_pages();
	p = map_written(RAMP);
	make_ramp(p);
	return p;
}

static pid_t parent;	/* of the workload */

/*
 * The workload alone: in the whole run a VMA stays where a child had it at its
 * end.
 */
static const struct pfstat_result *query_parent(void)
{
	struct pfstat_id id = pfstat_by_name(NAME);

	return query(&id, parent);
}

/* The VMA (or range) is exactly [at + from, at + to) pages, and has its counts. */
static void expect_vma(unsigned long at, int from, int to, const char *perm, int unmapped)
{
	const struct pfstat_result *r = query_parent();
	const struct pfstat_vma *vma;
	char buf[5];

	vma = vma_at(r, at + from * page_size());
	ASSERT_TRUE(vma);
	EXPECT_EQ(vma->start, at + from * page_size());
	EXPECT_EQ(vma->end, at + to * page_size());
	EXPECT_EQ(pfstat_cow_faults(vma->kinds), ramp(from, to));
	EXPECT_EQ(vma->kinds[PFSTAT_COPY], ramp(from, to));
	EXPECT_EQ(vma->pages, to - from);
	EXPECT_EQ(!!(vma->flags & PFSTAT_VMA_UNMAPPED), unmapped);
	if (perm)
		EXPECT_STR_EQ(pfstat_vma_perm(vma, buf), perm);
}

static unsigned long begin(struct workload *w, const char *function)
{
	track_name(NAME);
	*w = workload_start(function, NAME, NULL);
	parent = w->pid;
	return address_in(workload_wait(w));
}

static void next(struct workload *w)
{
	workload_go(w);
	workload_wait(w);
}

static void finish(struct workload *w)
{
	workload_go(w);
	EXPECT_EQ(workload_end(w), 0);
}

/* ---- split, merge, growth ----------------------------------------------------------- */

WORKLOAD(split_and_merge)
{
	char *p = map_ramp();
	size_t page = page_size();

	workload_at(p);
	if (mprotect(p + 3 * page, 3 * page, PROT_READ))
		workload_give_up("mprotect");
	workload_at(p);
	if (mprotect(p + 3 * page, 3 * page, RW))
		workload_give_up("mprotect");
	workload_at(p);
	return 0;
}

TEST(mprotect_in_the_middle_splits)
{
	struct workload w;
	unsigned long at = begin(&w, "split_and_merge");

	expect_vma(at, 0, RAMP, "rw-p", 0);
	next(&w);
	expect_vma(at, 0, 3, "rw-p", 0);
	expect_vma(at, 3, 6, "r--p", 0);
	expect_vma(at, 6, 9, "rw-p", 0);
}

TEST(mprotect_back_merges)
{
	struct workload w;
	unsigned long at = begin(&w, "split_and_merge");

	next(&w);
	next(&w);
	expect_vma(at, 0, RAMP, "rw-p", 0);
	finish(&w);
	expect_vma(at, 0, RAMP, "rw-p", 0);
}

/* Two mappings that are counted one by one, then become one. */
WORKLOAD(fill_the_gap)
{
	char *p = map_ramp();
	size_t page = page_size();

	if (munmap(p + 4 * page, page))
		workload_give_up("munmap");
	workload_at(p);
	if (mmap(p + 4 * page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		workload_give_up("mmap");
	workload_at(p);
	return 0;
}

TEST(munmap_leaves_an_unmapped_range)
{
	struct workload w;
	unsigned long at = begin(&w, "fill_the_gap");

	expect_vma(at, 0, 4, "rw-p", 0);
	expect_vma(at, 4, 5, NULL, 1);
	expect_vma(at, 5, RAMP, "rw-p", 0);
}

TEST(mmap_over_an_unmapped_range_takes_its_counts)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct workload w;
	unsigned long at = begin(&w, "fill_the_gap");
	const struct pfstat_vma *vma;
	const struct pfstat_result *r;
	__u32 i;

	next(&w);
	r = query_parent();
	for (i = 0; i < r->nr_vmas; i++)
		EXPECT_EQ(r->vmas[i].flags & PFSTAT_VMA_UNMAPPED, 0);
	/* The kernel may or may not have merged the three. */
	vma = vma_at(r, at + 4 * page_size());
	ASSERT_TRUE(vma);
	EXPECT_GE(pfstat_cow_faults(vma->kinds), ramp(4, 5));
	EXPECT_COUNTS(&id, parent, at, RAMP, .copy = ramp(0, RAMP));
}

WORKLOAD(unmap_all)
{
	char *p = map_ramp();

	workload_at(p);
	if (munmap(p - page_size(), (RAMP + 2) * page_size()))
		workload_give_up("munmap");
	workload_at(p);
	return 0;
}

TEST(munmap_changes_no_total)
{
	__u64 before[PFSTAT_KIND_SLOTS];
	struct workload w;
	unsigned long at = begin(&w, "unmap_all");

	memcpy(before, query_name(NAME)->kinds, sizeof(before));
	next(&w);
	expect_vma(at, 0, RAMP, NULL, 1);
	EXPECT_EQ(query_name(NAME)->kinds[PFSTAT_REUSE], before[PFSTAT_REUSE]);
	EXPECT_EQ(query_name(NAME)->kinds[PFSTAT_ZERO], before[PFSTAT_ZERO]);
	EXPECT_EQ(query_name(NAME)->kinds[PFSTAT_FILE], before[PFSTAT_FILE]);
	EXPECT_GE(query_name(NAME)->kinds[PFSTAT_COPY], before[PFSTAT_COPY]);
	finish(&w);
	expect_vma(at, 0, RAMP, NULL, 1);
}

/* Moves a ramp, then writes it once more where it is now. */
WORKLOAD(move)
{
	char *p = map_ramp(), *to;
	size_t size = RAMP * page_size();

	workload_at(p);
	to = map_pages(RAMP, PROT_NONE, MAP_PRIVATE, -1);
	if (mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		workload_give_up("mremap");
	workload_at(to);
	copy_pages(to, RAMP);
	workload_at(to);
	return 0;
}

TEST(mremap_leaves_counts_where_they_happened)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct workload w;
	unsigned long from = begin(&w, "move"), to;

	workload_go(&w);
	to = address_in(workload_wait(&w));
	ASSERT_NE(from, to);
	expect_vma(from, 0, RAMP, NULL, 1);
	EXPECT_COUNTS(&id, 0, to, RAMP);
	next(&w);
	expect_vma(from, 0, RAMP, NULL, 1);
	EXPECT_COUNTS(&id, 0, to, RAMP, .copy = RAMP);
	finish(&w);
	EXPECT_COUNTS(&id, parent, from, RAMP, .copy = ramp(0, RAMP));
	EXPECT_COUNTS(&id, parent, to, RAMP, .copy = RAMP);
}

/* In the run as a whole nothing is unmapped: children had it to their end. */
TEST(unmapped_here_and_mapped_in_a_child)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	const struct pfstat_vma *vma;
	struct workload w;
	unsigned long at = begin(&w, "unmap_all");

	next(&w);
	EXPECT_COUNTS(&id, 0, at, RAMP, .copy = ramp(0, RAMP));
	vma = vma_at(query_name(NAME), at);
	ASSERT_TRUE(vma);
	EXPECT_EQ(vma->flags & PFSTAT_VMA_UNMAPPED, 0);
}

/* Half of a mapping is replaced by one of another kind. */
WORKLOAD(map_over)
{
	char *p = map_ramp();
	size_t size = 4 * page_size();

	if (mmap(p, size, PROT_READ, MAP_SHARED | MAP_FIXED, file_of_pages(4), 0) ==
	    MAP_FAILED)
		workload_give_up("mmap");
	workload_at(p);
	return 0;
}

TEST(mapping_over_splits_the_counts)
{
	struct workload w;
	unsigned long at = begin(&w, "map_over");

	expect_vma(at, 0, 4, "r--s", 0);
	expect_vma(at, 4, RAMP, "rw-p", 0);
}

/* ---- stack and heap ------------------------------------------------------------------- */

#define AREA	32

/* In a frame of its own, with other frames before and behind it. */
static __attribute__((noinline)) void use_stack(void)
{
	char area[(AREA + 1) * 65536 / 16];	/* pages of up to 4 KiB */
	uintptr_t at = ((uintptr_t)area + page_size() - 1) & -page_size();
	pid_t pid;

	write_pages((char *)at, AREA);
	pid = fork_sleeper();
	write_pages((char *)at, AREA);
	workload_at((char *)at);
	end_sleeper(pid);
}

WORKLOAD(stack)
{
	only_small_pages();
	use_stack();
	return 0;
}

/* The counts of [at, at + AREA) pages inside of a VMA that has others, too. */
static void expect_inside(unsigned long at, const char *path)
{
	const struct pfstat_result *r = query_name(NAME);
	const struct pfstat_vma *vma = vma_at(r, at);

	ASSERT_TRUE(vma);
	EXPECT_GE(vma->end, at + AREA * page_size());
	EXPECT_GE(vma->kinds[PFSTAT_COPY], AREA);
	/* A few more pages of the stack, or of malloc(), and no whole area. */
	EXPECT_LT(vma->kinds[PFSTAT_COPY], 2 * AREA);
	EXPECT_STR_EQ(pfstat_vma_path(r, vma), path);
}

TEST(stack_is_counted)
{
	struct workload w;
	unsigned long at = begin(&w, "stack");

	expect_inside(at, "[stack]");
	finish(&w);
	expect_inside(at, "[stack]");
}

/* Grows the heap by AREA pages, aligned. */
static char *grow_heap(void)
{
	char *at = sbrk(0);

	if (sbrk((-(uintptr_t)at & (page_size() - 1)) + AREA * page_size()) ==
	    (void *)-1)
		workload_give_up("sbrk");
	return (char *)(((uintptr_t)at + page_size() - 1) & -page_size());
}

WORKLOAD(heap)
{
	char *first, *second;

	only_small_pages();
	first = grow_heap();
	write_pages(first, AREA);
	copy_pages(first, AREA);
	workload_at(first);
	second = grow_heap();
	if (second != first + AREA * page_size())
		workload_give_up("the heap did not grow where it was");
	write_pages(second, AREA);
	copy_pages(second, AREA);
	workload_at(second);
	return 0;
}

TEST(heap_is_counted_while_it_grows)
{
	struct workload w;
	unsigned long at = begin(&w, "heap"), end;
	const struct pfstat_result *r;
	const struct pfstat_vma *vma;

	expect_inside(at, "[heap]");
	end = vma_at(query_name(NAME), at)->end;
	next(&w);
	r = query_name(NAME);
	vma = vma_at(r, at);
	ASSERT_TRUE(vma);
	EXPECT_EQ(vma->end, end + AREA * page_size());
	EXPECT_GE(vma->kinds[PFSTAT_COPY], 2 * AREA);
	EXPECT_LT(vma->kinds[PFSTAT_COPY], 3 * AREA);
}

/* ---- many, and what is said of each ------------------------------------------------------ */

#define MANY	300

/* MANY mappings of a page each, of which every other is counted. */
WORKLOAD(many)
{
	char *p[MANY];
	pid_t pid;
	int i;

	only_small_pages();
	for (i = 0; i < MANY; i++)
		p[i] = map_written(1);
	pid = fork_sleeper();
	for (i = 0; i < MANY; i += 2)
		write_pages(p[i], 1);
	for (i = 0; i < MANY; i++)
		workload_at(p[i]);
	end_sleeper(pid);
	return 0;
}

TEST_SECONDS(three_hundred_vmas, 40)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	unsigned long at[MANY];
	struct pf_stat stat;
	struct workload w;
	long sum = 0;
	int i;

	w = workload_start("many", NAME, NULL);
	for (i = 0; i < MANY; i++) {
		at[i] = address_in(workload_wait(&w));
		if (i < MANY - 1)
			workload_go(&w);
	}
	for (i = 0; i < MANY; i++)
		EXPECT_COUNTS(&id, 0, at[i], 1, .copy = i % 2 == 0);

	r = query(&id, 0);
	memset(&stat, 0xff, sizeof(stat));
	ASSERT_OK(pf_get_info(NAME, strlen(NAME), &stat));
	EXPECT_GE(stat.nb_vma, 2 * MANY);	/* and places between them */
	EXPECT_EQ(stat.nb_vma, r->nr_vmas);
	EXPECT_EQ(stat.cow_page_faults, pfstat_cow_faults(r->kinds));
	for (i = 0; i < MAX_SIZE_PF; i++) {
		EXPECT_EQ(stat.vma_list_start[i], r->vmas[i].start);
		EXPECT_EQ(stat.vma_list_end[i], r->vmas[i].end);
		EXPECT_EQ(stat.vma_fault[i], pfstat_cow_faults(r->vmas[i].kinds));
		sum += stat.vma_fault[i];
	}
	EXPECT_LT(sum, stat.cow_page_faults);	/* the rest has no room there */
}

/* Fewer than fit: the rest of the arrays is zero. */
TEST(classic_arrays_end_in_zeros)
{
	struct pf_stat stat;
	struct workload w;
	long sum = 0;
	int i;

	begin(&w, "split_and_merge");
	memset(&stat, 0xff, sizeof(stat));
	ASSERT_OK(pf_get_info(NAME, strlen(NAME), &stat));
	ASSERT_LT(stat.nb_vma, MAX_SIZE_PF);
	for (i = 0; i < stat.nb_vma; i++)
		sum += stat.vma_fault[i];
	EXPECT_EQ(sum, stat.cow_page_faults);
	for (; i < MAX_SIZE_PF; i++) {
		EXPECT_EQ(stat.vma_list_start[i], 0);
		EXPECT_EQ(stat.vma_list_end[i], 0);
		EXPECT_EQ(stat.vma_fault[i], 0);
	}
}

/* Mappings of every sort, for comparison with /proc/PID/maps. */
WORKLOAD(sorts)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char *p;

	p = mmap(NULL, 2 * page_size(), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
		 2 * page_size());
	if (p == MAP_FAILED)
		workload_give_up("mmap");
	map_pages(2, PROT_READ | PROT_WRITE, MAP_SHARED, -1);
	map_pages(3, PROT_READ, MAP_SHARED, file_of_pages(3));
	map_pages(3, PROT_NONE, MAP_PRIVATE, file_of_pages(3));
	/* fails where the kernel has no such names */
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, map_pages(2, PROT_READ, MAP_PRIVATE, -1),
	      2 * page_size(), "pf-name");
	free(malloc(100));
	workload_at(p);
	return 0;
}

/* A line of maps says what the VMA says. */
static void expect_line(const char *line, const struct pfstat_result *r,
			const struct pfstat_vma *vma)
{
	unsigned long start, end, offset;
	char perm[8], path[400] = "", buf[5];
	int fields;

	fields = sscanf(line, "%lx-%lx %7s %lx %*s %*s %399[^\n]", &start, &end,
			perm, &offset, path);
	ASSERT_GE(fields, 4);
	EXPECT_EQ(vma->start, start);
	EXPECT_EQ(vma->end, end);
	EXPECT_STR_EQ(pfstat_vma_perm(vma, buf), perm);
	EXPECT_STR_EQ(pfstat_vma_path(r, vma), path);
	if (*path == '/')
		EXPECT_EQ(vma->offset, offset);
}

TEST(vmas_are_those_of_proc_maps)
{
	const struct pfstat_result *r;
	struct workload w;
	int files = 0, heaps = 0, stacks = 0;
	char name[40], line[512];
	__u32 i = 0;
	FILE *f;

	begin(&w, "sorts");
	r = query_name(NAME);
	snprintf(name, sizeof(name), "/proc/%d/maps", w.pid);
	f = fopen(name, "re");
	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "[vsyscall]"))	/* no VMA of the process */
			continue;
		ASSERT_LT(i, r->nr_vmas);
		files += r->vmas[i].offset && *pfstat_vma_path(r, &r->vmas[i]) == '/';
		heaps += !strcmp(pfstat_vma_path(r, &r->vmas[i]), "[heap]");
		stacks += !strcmp(pfstat_vma_path(r, &r->vmas[i]), "[stack]");
		expect_line(line, r, &r->vmas[i++]);
	}
	EXPECT_GE(files, 1);
	EXPECT_EQ(heaps, 1);
	EXPECT_EQ(stacks, 1);
	EXPECT_EQ(i, r->nr_vmas);
	EXPECT_GT(i, 10);
}

/* ---- after the end -------------------------------------------------------------------------- */

WORKLOAD(until_killed)
{
	char *p = map_ramp();

	if (munmap(p + 4 * page_size(), page_size()))
		workload_give_up("munmap");
	fork_sleeper();
	write_pages(p, 2);
	workload_at(p);
	pause();
	return 1;
}

/* All of it, but for what the kernel writes when a thread ends. */
TEST(results_after_the_end_are_those_before)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct pfstat_result *before = NULL;
	const struct pfstat_result *after;
	struct workload w;
	__u32 i;

	begin(&w, "until_killed");
	ASSERT_OK(pfstat_query(pf, &id, w.pid, &before));
	ASSERT_EQ(before->nr_processes, 1);
	ASSERT_EQ(before->alive, 1);
	ASSERT_OK(kill(w.pid, SIGKILL));
	i = w.pid;
	EXPECT_EQ(workload_end(&w), 128 + SIGKILL);

	after = query(&id, i);
	EXPECT_EQ(after->alive, 0);
	EXPECT_EQ(after->run, before->run);
	EXPECT_EQ(after->pages, before->pages);
	ASSERT_EQ(after->nr_vmas, before->nr_vmas);
	for (i = 0; i < after->nr_vmas; i++) {
		struct pfstat_vma *a = &after->vmas[i], *b = &before->vmas[i];

		EXPECT_EQ(a->start, b->start);
		EXPECT_EQ(a->end, b->end);
		EXPECT_EQ(a->offset, b->offset);
		EXPECT_EQ(a->flags, b->flags);
		EXPECT_EQ(a->pages, b->pages);
		EXPECT_STR_EQ(pfstat_vma_path(after, a), pfstat_vma_path(before, b));
		a->kinds[PFSTAT_KERNEL] = b->kinds[PFSTAT_KERNEL];
		EXPECT_EQ(memcmp(a->kinds, b->kinds, sizeof(a->kinds)), 0);
	}
}
