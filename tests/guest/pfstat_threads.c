// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many at once: threads and processes that fault in the same pages at the same
 * time on all CPUs. Whoever wins a race for a page is counted, whoever loses is
 * not, so that the sums are exact although the order is not known.
 *
 * vm: smp=4 mem=1024 timeout=600
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-threads"
#define THREADS	8
#define PAGES	64
#define ROUNDS	6	/* each page of which costs a TLB flush on all CPUs */
#define RW	(PROT_READ | PROT_WRITE)

BEFORE_EACH()
{
	cow_begin();
}

/* ---- workloads ------------------------------------------------------------------------ */

static pthread_barrier_t barrier;
static char *area;
static int apart;	/* every thread has its own part of the area */

static void *write_with_others(void *arg)
{
	long me = (long)arg;

	pthread_barrier_wait(&barrier);
	if (apart)
		write_pages(area + me * (PAGES / THREADS) * page_size(),
			    PAGES / THREADS);
	else
		write_pages(area, PAGES);
	return NULL;
}

static void race(void)
{
	pthread_t threads[THREADS];
	long i;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, write_with_others, (void *)i))
			workload_give_up("pthread_create");
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

static void drop(void)
{
	if (madvise(area, PAGES * page_size(), MADV_DONTNEED))
		workload_give_up("MADV_DONTNEED");
}

/* Each round makes the pages new, in its way, for threads to fight over. */
static int rounds(void (*prepare)(void), int sharer)
{
	pid_t pid = 0;
	int i;

	workload_at(area);
	for (i = 0; i < ROUNDS; i++) {
		prepare();
		if (sharer)
			pid = fork_sleeper();
		race();
		if (sharer)
			end_sleeper(pid);
	}
	return workload_done();
}

static void prepare_copy(void)
{
	write_pages(area, PAGES);
}

WORKLOAD(copies)
{
	only_small_pages();
	area = map_written(PAGES);
	return rounds(prepare_copy, 1);
}

WORKLOAD(copies_apart)
{
	apart = 1;
	only_small_pages();
	area = map_written(PAGES);
	return rounds(prepare_copy, 1);
}

static void prepare_zero(void)
{
	drop();
	read_pages(area, PAGES);
}

WORKLOAD(zeros)
{
	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	return rounds(prepare_zero, 0);
}

WORKLOAD(file_writes)
{
	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	return rounds(drop, 0);
}

static void prepare_file_read(void)
{
	drop();
	read_pages(area, PAGES);
}

WORKLOAD(file_reads)
{
	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	return rounds(prepare_file_read, 0);
}

WORKLOAD(first_touches)
{
	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	return rounds(drop, 0);
}

/* The pages have had a sharer, and have none any more: kept, or copied. */
static void prepare_last_sharer(void)
{
	drop();
	write_pages(area, PAGES);
	end_sleeper(fork_sleeper());
}

WORKLOAD(last_sharers)
{
	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	return rounds(prepare_last_sharer, 0);
}

/* Parent and children fight: each takes one fault in each page. */
WORKLOAD(families)
{
	pid_t pids[3];
	int *go, i, k;

	only_small_pages();
	area = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	go = (int *)map_pages(1, RW, MAP_SHARED, -1);
	workload_at(area);
	for (i = 1; i <= ROUNDS; i++) {
		drop();
		write_pages(area, PAGES);
		for (k = 0; k < 3; k++) {
			pids[k] = fork();
			if (pids[k])
				continue;
			while (__atomic_load_n(go, __ATOMIC_RELAXED) != i)
				sched_yield();
			write_pages(area, PAGES);
			_exit(0);
		}
		__atomic_store_n(go, i, __ATOMIC_RELAXED);
		write_pages(area, PAGES);
		for (k = 0; k < 3; k++)
			wait_for_child(pids[k]);
	}
	return workload_done();
}

/* ---- tests ---------------------------------------------------------------------------- */

static const struct race_case {
	const char *name;
	struct kinds want;
	__u64 pages;
} race_cases[] = {
	{ "copies", { .copy = ROUNDS * PAGES }, PAGES },
	{ "copies_apart", { .copy = ROUNDS * PAGES }, PAGES },
	{ "zeros", { .zero = ROUNDS * PAGES }, PAGES },
	{ "file_writes", { .file = ROUNDS * PAGES }, PAGES },
	{ "file_reads", { .copy = ROUNDS * PAGES }, PAGES },
	{ "first_touches", {}, 0 },
};

/* Each page exactly once a round: the sum is right, and no page has none. */
static unsigned long run(const char *function, struct pfstat_id *id)
{
	struct workload w;
	unsigned long at;

	*id = track_name(NAME);
	w = workload_start(function, NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	return at;
}

static void one_race(const struct race_case *c)
{
	struct pfstat_id id;
	unsigned long at = run(c->name, &id);

	cow_expect(__FILE__, __LINE__, &id, 0, at, PAGES, &c->want);
	EXPECT_EQ(vma_at(query(&id, 0), at)->pages, c->pages);
}

TEST_SECONDS(eight_threads_copy_the_same_pages, 120)
{
	one_race(&race_cases[0]);
}

TEST_SECONDS(eight_threads_copy_pages_of_their_own, 120)
{
	one_race(&race_cases[1]);
}

TEST_SECONDS(eight_threads_replace_zero_pages, 120)
{
	one_race(&race_cases[2]);
}

TEST_SECONDS(eight_threads_write_a_file_first, 120)
{
	one_race(&race_cases[3]);
}

TEST_SECONDS(eight_threads_write_a_file_that_was_read, 120)
{
	one_race(&race_cases[4]);
}

TEST_SECONDS(eight_threads_touch_first, 120)
{
	one_race(&race_cases[5]);
}

/* Which of both is the other CPUs' business; once each is ours. */
TEST_SECONDS(eight_threads_are_the_last_sharer, 120)
{
	const struct pfstat_result *r;
	struct pfstat_id id;
	unsigned long at;
	struct kinds sum;

	at = run("last_sharers", &id);
	r = query(&id, 0);
	sum_range(r, at, at + PAGES * page_size(), &sum);
	EXPECT_EQ(sum.copy + sum.reuse, ROUNDS * PAGES);
	EXPECT_GT(sum.reuse, 0);
	EXPECT_EQ(sum.zero + sum.file + sum.huge + sum.kernel + sum.unshare, 0);
}

TEST_SECONDS(four_processes_write_the_same_pages, 120)
{
	const struct pfstat_result *r;
	struct pfstat_id id;
	unsigned long at;
	struct kinds sum;

	at = run("families", &id);
	r = query(&id, 0);
	EXPECT_EQ(r->nr_processes, 1 + 3 * ROUNDS);
	sum_range(r, at, at + PAGES * page_size(), &sum);
	EXPECT_EQ(sum.copy + sum.reuse, 4 * ROUNDS * PAGES);
	/* One may find itself alone, no more. */
	EXPECT_GE(sum.copy, 3 * ROUNDS * PAGES);
	EXPECT_EQ(sum.zero + sum.file + sum.huge + sum.kernel + sum.unshare, 0);
}

/* ---- more threads than places for faults that are under way -------------------------------- */

#define MANY	500

static void *touch_watched(void *arg)
{
	long me = (long)arg;
	char *p = area + me * page_size();

	pthread_barrier_wait(&barrier);
	/* A write fault that is no copy-on-write ... */
	write_pages(p, 1);
	pthread_barrier_wait(&barrier);
	/* ... and when all threads have had one, in a shared page, one that is. */
	pthread_barrier_wait(&barrier);
	write_pages(p, 1);
	return NULL;
}

WORKLOAD(five_hundred_threads)
{
	pthread_t *threads = calloc(MANY, sizeof(*threads));
	pthread_attr_t attr;
	pid_t pid;
	long i;

	only_small_pages();
	area = map_written(MANY);
	mprotect(area, MANY * page_size(), PROT_READ);
	mprotect(area, MANY * page_size(), RW);
	pthread_barrier_init(&barrier, NULL, MANY + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < MANY; i++)
		if (pthread_create(&threads[i], &attr, touch_watched, (void *)i))
			workload_give_up("pthread_create");
	workload_at(area);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pid = fork_sleeper();
	pthread_barrier_wait(&barrier);
	for (i = 0; i < MANY; i++)
		pthread_join(threads[i], NULL);
	end_sleeper(pid);
	return workload_done();
}

TEST_SECONDS(five_hundred_threads_with_a_fault_each, 120)
{
	struct pfstat_id id;
	unsigned long at = run("five_hundred_threads", &id);

	EXPECT_COUNTS(&id, 0, at, MANY, .copy = MANY);
}

/* ---- while everything is switched on and off ------------------------------------------------ */

static int stop;

/* Without end, until it is killed. */
WORKLOAD(without_end)
{
	only_small_pages();
	area = map_written(PAGES);
	workload_at(area);
	for (;;) {
		pid_t pid = fork_sleeper();

		race();
		end_sleeper(pid);
	}
	return 1;
}

static void *switch_target(void *arg)
{
	struct pfstat *p = pfstat_open();
	struct pfstat_id id = pfstat_by_name(arg);

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		EXPECT_OK(pfstat_track(p, &id));
		if (pfstat_reset(p, &id))
			EXPECT_EQ(errno, ESRCH);
		if (pfstat_untrack(p, &id))
			EXPECT_EQ(errno, ESRCH);
		usleep(1000);
	}
	pfstat_close(p);
	return NULL;
}

TEST_SECONDS(tracked_and_untracked_while_it_faults, 120)
{
	static char other[] = "pf-other";
	static char *const names[] = { (char *)NAME, (char *)NAME, other };
	pthread_t threads[3];
	struct workload w[2];
	struct pfstat_info info;
	struct pfstat_id id;
	unsigned long at[2];
	int i;

	for (i = 0; i < 2; i++) {
		w[i] = workload_start("without_end", NAME, NULL);
		at[i] = address_in(workload_wait(&w[i]));
		workload_go(&w[i]);
	}
	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, switch_target, names[i]), 0);
	sleep(10);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);

	/* Nothing is left behind, and what is tracked now is counted well. */
	ASSERT_OK(pf_cleanup());
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.targets, 0);
	EXPECT_EQ(info.processes, 0);
	EXPECT_EQ(info.chunks, 0);
	EXPECT_EQ(info.lost, 0);
	EXPECT_EQ(info.missed, 0);
	id = track_name(NAME);
	usleep(500000);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(vma_at(query(&id, 0), at[i]));
		kill(w[i].pid, SIGKILL);
		EXPECT_EQ(workload_end(&w[i]), 128 + SIGKILL);
	}
	EXPECT_GT(pfstat_cow_faults(query(&id, 0)->kinds), 0);
}
