// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large processes: one of 100,000 mappings, and one with much memory that all
 * has counted faults. What is asked about them is right, nothing stays on a CPU
 * for so long that the kernel complains (the runner looks for that), and whoever
 * asks can be killed at any moment.
 *
 * MIB=N in the environment: that much memory. For 8 GiB:
 *
 *	scripts/vm amd64 --mem 9728 --timeout 0 --add build/amd64/tests/bounds -- \
 *		sh -c 'KTAP_SLOW=20 MIB=8192 ./bounds'
 *
 * vm: guests=arm64*,amd64* smp=4 mem=1024 timeout=400
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"
#include "lib/tables.h"

#define NAME		"pf-bounds"
#define MAPPINGS	100000
#define EVERY		64	/* every so many pages are written to */
#define MAX_MAP_COUNT	"/proc/sys/vm/max_map_count"

static struct pfstat_id id;

BEFORE_EACH()
{
	cow_begin();
	open_dev();
	write_text(MAX_MAP_COUNT, "120000");
	id = track_name(NAME);
}

/* ---- calls that are killed ---------------------------------------------------------- */

#define TRIES		2000	/* a limit: long calls take a handful */
#define IN_THE_MIDDLE	3
#define ANYWHERE	10
#define MOMENTS		20	/* a millisecond apart */

static struct progress {
	atomic_ulong begun;
	atomic_ulong done;
} *progress;

static void call_for_ever(void (*prepare)(void), void (*call)(void))
{
	if (prepare)
		prepare();
	for (;;) {
		atomic_fetch_add(&progress->begun, 1);
		call();
		atomic_fetch_add(&progress->done, 1);
	}
}

/* Kill one that has begun a call, @later a bit; returns whether it was in it. */
static bool kill_one(void (*prepare)(void), void (*call)(void), int later, long *longest)
{
	unsigned long done;
	long killed, took;
	pid_t pid;

	atomic_store(&progress->begun, 0);
	atomic_store(&progress->done, 0);
	pid = fork();
	if (!pid)
		call_for_ever(prepare, call);
	ASSERT_TRUE(pid > 0);
	while (!atomic_load(&progress->begun))
		sched_yield();
	usleep(later);
	while (atomic_load(&progress->begun) == (done = atomic_load(&progress->done)))
		sched_yield();
	killed = milliseconds();
	ASSERT_OK(kill(pid, SIGKILL));
	/* If it never ends, this test's time does. */
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	took = milliseconds() - killed;
	*longest = took > *longest ? took : *longest;
	return atomic_load(&progress->done) == done;
}

static void share_progress(void)
{
	if (!progress)
		progress = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(progress != MAP_FAILED);
}

/* For calls that take milliseconds: they are killed in the middle, however many tries it takes. */
static void can_be_killed_when(const char *name, void (*prepare)(void), void (*call)(void))
{
	long longest = 0;
	int i, middle = 0;

	share_progress();
	for (i = 0; i < TRIES && middle < IN_THE_MIDDLE; i++)
		middle += kill_one(prepare, call, i % MOMENTS * 1000, &longest);
	if (middle < IN_THE_MIDDLE)
		ktap_fail(__FILE__, __LINE__, 0, "%s: hit only %d times", name, middle);
	ktap_note("%s: killed %d times in the middle, of %d; gone after %ld ms at most", name,
		  middle, i, longest);
}

static void can_be_killed(const char *name, void (*call)(void))
{
	can_be_killed_when(name, NULL, call);
}

/* For calls over too soon to be hit in the middle at will: whoever makes them ends when killed. */
static void caller_ends_when_killed(const char *name, void (*call)(void))
{
	long longest = 0;
	int i;

	share_progress();
	for (i = 0; i < ANYWHERE; i++)
		kill_one(NULL, call, i % MOMENTS * 1000, &longest);
	ktap_note("%s: killed somewhere, gone after %ld ms at most", name, longest);
}

static pid_t target;
static unsigned long ground;
static size_t ground_pages;
static uint64_t foreign;	/* a table that the target has not */

/* A call that is killed may fail; another one must not. */

static void ask(void)
{
	struct pfstat_result *r = NULL;

	ASSERT_OK(pfstat_query(pf, &id, 0, &r));
	pfstat_result_free(r);
}

static void start_anew(void)
{
	ASSERT_OK(pfstat_reset(pf, &id));
}

static void track_and_untrack(void)
{
	struct pfstat_id pid = pfstat_by_pid(target);

	ASSERT_OK(pfstat_track(pf, &pid));
	ASSERT_OK(pfstat_untrack(pf, &pid));
}

static void list(void)
{
	struct pfstat_target *targets = NULL;
	size_t count;

	ASSERT_OK(pfstat_list_targets(pf, &targets, &count));
	free(targets);
}

static void clean_up(void)
{
	ASSERT_OK(pf_set_param(NAME "-2", strlen(NAME "-2")));
	ASSERT_OK(pf_cleanup());
}

static void scan(void)
{
	static struct pgtbl_extent extents[4096];
	struct pgtbl_scan scan = { .report = PGTBL_IS_ALL, .start = ground };
	uint64_t end = ground + ground_pages * page_size(), pages = 0;

	while (scan.start < end) {
		scan.end = end;
		scan.extents = (uintptr_t)extents;
		scan.count = KTAP_ARRAY_SIZE(extents);
		ASSERT_OK(pgtbl_scan_range(dev, target, &scan));
		ASSERT_TRUE(scan.next > scan.start);
		pages += scan.pages;
		scan.start = scan.next;
	}
	ASSERT_EQ(pages, ground_pages);
}

static void walk(void)
{
	struct pgtbl_walk walk;

	ASSERT_OK(pgtbl_walk_addr(dev, target, ground, &walk));
}

/* Through all tables, in vain. A window keeps its file, and so what was edited by it. */
static void search(void)
{
	void *window = pgtbl_window(dev, 1, PROT_READ);

	ASSERT_TRUE(window);
	ASSERT_ERRNO(pgtbl_remap_table(dev, target, PGTBL_PTE, foreign, ground, window),
		     EINVAL);
	ASSERT_OK(munmap(window, page_size()));
}

static void flush(void)
{
	ASSERT_OK(pgtbl_flush_range(dev, target, ground, ground + page_size()));
}

/* ---- mappings ------------------------------------------------------------------------- */

/* Each page is a mapping. Some are copied. */
WORKLOAD(mappings)
{
	int n = atoi(argv[1]);
	pid_t pid;
	char *p;

	only_small_pages();
	p = map_stripes(n);
	write_every(p, n, EVERY);
	workload_at(p);
	pid = fork_sleeper();
	write_every(p, n, EVERY);
	workload_step("%d", (int)pid);
	end_sleeper(pid);
	return 0;
}

static struct workload start_with_mappings(int n)
{
	struct workload w;
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	w = workload_start("mappings", NAME, text, NULL);
	ground = address_in(workload_wait(&w));
	ground_pages = n;
	target = w.pid;
	foreign = table_of(0, (uintptr_t)&ground, PGTBL_PTE);
	workload_go(&w);
	workload_wait(&w);
	return w;
}

static void expect_mappings(int n)
{
	const struct pfstat_result *r = query(&id, 0);
	struct kinds sum;

	EXPECT_EQ(sum_range(r, ground, ground + n * page_size(), &sum), n);
	EXPECT_EQ(sum.copy, (n + EVERY - 1) / EVERY);
}

/* Kernels that check their trees of mappings at each change need smaller ones. */
static int mapping_count(void)
{
	return debug_kernel() && !getenv("MIB") ? MAPPINGS / 32 : MAPPINGS;
}

TEST_SECONDS(a_hundred_thousand_mappings, 200)
{
	int n = mapping_count();
	struct workload w = start_with_mappings(n);
	long begin = milliseconds();

	expect_mappings(n);
	scan();
	search();
	ktap_note("%d mappings: asked, scanned and searched in %ld ms", n,
		  milliseconds() - begin);
	can_be_killed("query", ask);
	can_be_killed("track a process", track_and_untrack);
	caller_ends_when_killed("list", list);
	can_be_killed("scan", scan);
	caller_ends_when_killed("walk", walk);
	can_be_killed("search for a table", search);
	caller_ends_when_killed("flush", flush);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	/* As it was at its end. */
	expect_mappings(n);
	can_be_killed("query of the dead", ask);
	can_be_killed("reset", start_anew);
	can_be_killed("clean up", clean_up);
}

/* ---- memory --------------------------------------------------------------------------- */

static size_t memory_pages(void)
{
	const char *mib = getenv("MIB");

	return ((size_t)(mib ? atoi(mib) : 96) << 20) / page_size();
}

/* Each page is the page of zeros, and then its own. */
WORKLOAD(memory)
{
	size_t n = memory_pages();
	char *p;

	only_small_pages();
	p = map_pages(n, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	read_pages(p, n);
	write_pages(p, n);
	workload_step("%lx", (unsigned long)p);
	return 0;
}

static struct workload start_with_memory(void)
{
	struct workload w = workload_start("memory", NAME, NULL);

	ground = address_in(workload_wait(&w));
	ground_pages = memory_pages();
	target = w.pid;
	foreign = table_of(0, (uintptr_t)&ground, PGTBL_PTE);
	return w;
}

#define EDITS	1024

/* Edits that take the accessed bits of pages from @first on; returns how many have one. */
static size_t plan(struct pgtbl *from, size_t first, size_t n, struct pgtbl_edit *edits)
{
	struct pgtbl_walk w;
	size_t i, set = 0;

	for (i = 0; i < n; i++) {
		uint64_t addr = ground + (first + i) * page_size();

		ASSERT_OK(pgtbl_walk_addr(from, target, addr, &w));
		edits[i] = (struct pgtbl_edit){
			.addr = addr, .level = PGTBL_PTE,
			.old_entry = w.level[PGTBL_PTE].entry,
			.new_entry = with(w.level[PGTBL_PTE].entry, "accessed", false),
		};
		set += edits[i].new_entry != edits[i].old_entry;
	}
	return set;
}

/* Takes the accessed bits of @n pages from @first on; returns how many had one. */
static size_t take_accessed(struct pgtbl *from, size_t first, size_t n)
{
	struct pgtbl_edit edits[EDITS];
	size_t i, count, taken = 0;

	for (i = first; i < first + n; i += count) {
		count = first + n - i < EDITS ? first + n - i : EDITS;
		taken += plan(from, i, count, edits);
		ASSERT_EQ(pgtbl_update_entries(from, target, edits, count), count);
	}
	return taken;
}

/* Planned before, so that nearly all of a call's time is in the kernel, at the edits. */
static struct pgtbl_edit planned[4 * EDITS], planned_back[EDITS];

static void plan_edits(void)
{
	int i;

	plan(dev, 0, KTAP_ARRAY_SIZE(planned), planned);
	for (i = 0; i < EDITS; i++) {
		planned_back[i] = planned[i];
		planned_back[i].old_entry = planned[i].new_entry;
		planned_back[i].new_entry = planned[i].old_entry;
	}
}

static void edit_some(void)
{
	ASSERT_EQ(pgtbl_update_entries(dev, target, planned, EDITS), EDITS);
	ASSERT_EQ(pgtbl_update_entries(dev, target, planned_back, EDITS), EDITS);
}

/* A file of its own, closed with what was edited. */
static void edit_and_close(void)
{
	struct pgtbl *own = pgtbl_open();
	int i;

	ASSERT_TRUE(own);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pgtbl_update_entries(own, target, planned + i * EDITS, EDITS), EDITS);
	pgtbl_close(own);
}

/* How many pages of the target an instruction has touched, as far as entries tell. */
static uint64_t accessed(void)
{
	struct pgtbl_extent extent;
	struct pgtbl_scan scan = {
		.report = PGTBL_IS_PRESENT, .mask = PGTBL_IS_ACCESSED,
		.value = PGTBL_IS_ACCESSED, .start = ground,
		.end = ground + ground_pages * page_size(),
		.extents = (uintptr_t)&extent, .count = 1,
	};
	uint64_t pages = 0;

	while (scan.start < scan.end) {
		scan.count = 1;
		ASSERT_OK(pgtbl_scan_range(dev, target, &scan));
		pages += scan.pages;
		scan.start = scan.next;
	}
	return pages;
}

/* The entry of a page, and its frame */
static uint64_t look_at(size_t page, __u64 *frame)
{
	uint64_t entry = entry_of(target, (void *)(ground + page * page_size()));

	pgtbl_decode(dev, PGTBL_PTE, entry, frame);
	return entry;
}

static __u64 *frames;

static void note_frames(void)
{
	size_t i;

	frames = calloc(ground_pages, sizeof(*frames));
	ASSERT_TRUE(frames);
	for (i = 0; i < ground_pages; i++)
		look_at(i, &frames[i]);
}

/*
 * Pages that lack their accessed bit. An edit of a page that the kernel has moved
 * meanwhile (compaction) is not undone, see module/pgtbl/undo.c:undo_entry().
 */
static size_t forgotten(void)
{
	size_t i, pages = 0, moved = 0;
	uint64_t entry;
	__u64 frame;

	if (accessed() == ground_pages)
		return 0;
	for (i = 0; i < ground_pages; i++) {
		entry = look_at(i, &frame);
		if (entry != with(entry, "accessed", false))
			continue;
		if (frame == frames[i])
			pages++;
		else
			moved++;
	}
	if (moved)
		ktap_note("%zu pages were moved by the kernel while they were edited", moved);
	return pages;
}

TEST_SECONDS(much_memory, 200)
{
	struct workload w = start_with_memory();
	struct kinds sum;
	size_t had;
	long begin;

	sum_range(query(&id, 0), ground, ground + ground_pages * page_size(), &sum);
	EXPECT_EQ(sum.zero, ground_pages);
	EXPECT_EQ(accessed(), ground_pages);
	note_frames();
	scan();
	search();
	can_be_killed("query", ask);
	can_be_killed("scan", scan);
	can_be_killed("search for a table", search);
	can_be_killed_when("update", plan_edits, edit_some);
	can_be_killed_when("edit and close", plan_edits, edit_and_close);

	/* An edit of each page, all taken back when the file is closed. */
	reopen_dev();
	EXPECT_EQ(forgotten(), 0);
	had = accessed();
	EXPECT_EQ(take_accessed(dev, 0, ground_pages), had);
	EXPECT_EQ(accessed(), 0);
	begin = milliseconds();
	reopen_dev();
	ktap_note("%zu pages, as many edits undone in %ld ms", ground_pages,
		  milliseconds() - begin);
	EXPECT_EQ(forgotten(), 0);

	/* And those of a process that ends before. */
	take_accessed(dev, 0, ground_pages);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	reopen_dev();
	sum_range(query(&id, 0), ground, ground + ground_pages * page_size(), &sum);
	EXPECT_EQ(sum.zero, ground_pages);
	begin = milliseconds();
	ASSERT_OK(pf_cleanup());
	ktap_note("counts of %zu pages dropped in %ld ms", ground_pages,
		  milliseconds() - begin);
}

/* ---- a pool --------------------------------------------------------------------------- */

#define POOL	4096
#define TIMES	32	/* in one call */

static struct pgtbl_run runs[TIMES];

static void make_pool(void)
{
	struct pgtbl *own = pgtbl_open();
	void *at = own ? pgtbl_pool_create(own, POOL) : NULL;

	ASSERT_TRUE(at);
	memset(at, 1, POOL * page_size());
	ASSERT_OK(munmap(at, POOL * page_size()));
	pgtbl_close(own);
}

static void install_and_take(void)
{
	ASSERT_EQ(pgtbl_install_runs(dev, 0, runs, TIMES, 0), TIMES * POOL);
	ASSERT_EQ(pgtbl_take_runs(dev, 0, runs, TIMES, NULL), TIMES * POOL);
}

static void have_a_pool_and_a_hole(void)
{
	unsigned char *hole;
	int i;

	/* Of its own: a child has neither its parent's pool nor its userfaultfd. */
	open_dev();
	hole = anon(TIMES * POOL);
	uffd_for(hole, TIMES * POOL);
	ASSERT_TRUE(pgtbl_pool_create(dev, POOL));
	for (i = 0; i < TIMES; i++)
		runs[i] = (struct pgtbl_run){
			.addr = (uintptr_t)hole + (size_t)i * POOL * page_size(),
			.count = POOL,
		};
}

/* The same pages in many places, in one call. */
TEST_SECONDS(a_pool_in_many_places, 100)
{
	can_be_killed("make a pool", make_pool);
	can_be_killed_when("install and take", have_a_pool_and_a_hole, install_and_take);
}
