// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that share their memory and are no threads (CLONE_VM alone): the
 * memory is what is tracked, so it is one entry, which ends with the last of them.
 *
 * vm: smp=4 mem=1024 timeout=120
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-shared"
#define PAGES	16
#define ROUNDS	50
#define STACK	65536

BEFORE_EACH()
{
	cow_begin();
}

/* It has our thread-local storage, too: one of both does next to nothing. */
static pid_t clone_sharer(int (*function)(void *), void *arg)
{
	static char stack[STACK];
	pid_t pid = clone(function, stack + STACK, CLONE_VM | SIGCHLD, arg);

	if (pid < 0)
		workload_give_up("clone");
	return pid;
}

static int write_first(void *p)
{
	write_pages(p, PAGES);
	return 0;
}

WORKLOAD(child_shares)
{
	pid_t sleeper;
	char *p;

	only_small_pages();
	p = map_written(2 * PAGES);
	sleeper = fork_sleeper();
	wait_for_child(clone_sharer(write_first, p));
	workload_at(p);
	write_pages(p, 2 * PAGES);
	workload_at(p);
	end_sleeper(sleeper);
	return workload_done();
}

/* The child's end is none of the memory, nor of its tracking. */
TEST(a_child_that_shares_counts_for_its_parent)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("child_shares", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	EXPECT_COUNTS(&id, w.pid, at, 2 * PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->nr_processes, 2);
	EXPECT_EQ(query(&id, 0)->alive, 2);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_COUNTS(&id, w.pid, at, 2 * PAGES, .copy = 2 * PAGES);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	EXPECT_EQ(query(&id, 0)->nr_processes, 2);
}

static pid_t maker_pid;

/* Copies when the other is gone, which it may be before this begins. */
static int outlives(void *p)
{
	while (getppid() == maker_pid)
		usleep(1000);
	copy_pages(p, PAGES);
	pause();
	return 0;
}

WORKLOAD(parent_leaves)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	maker_pid = getpid();
	workload_step("%lx %d", (unsigned long)p, clone_sharer(outlives, p));
	return 0;
}

static __u64 copied(const struct pfstat_id *id, unsigned long at)
{
	struct kinds sum = {};

	sum_range(query(id, 0), at, at + PAGES * page_size(), &sum);
	return sum.copy;
}

TEST(memory_outlives_the_process_that_made_it)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("parent_leaves", NAME, NULL);
	pid_t maker = w.pid, other;
	unsigned long at;
	char *text;

	ASSERT_OK(pfstat_watch(pf, &id));
	at = strtoul(workload_wait(&w), &text, 16);
	other = atoi(text);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	while (copied(&id, at) < PAGES)
		usleep(1000);
	/* The child that it copied for may still be on its way out. */
	while (query(&id, 0)->alive > 1)
		usleep(1000);
	EXPECT_COUNTS(&id, maker, at, PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	EXPECT_EQ(query(&id, 0)->nr_processes, 2);
	EXPECT_EQ(pfstat_wait(pf, 100), 0);
	ASSERT_OK(kill(other, SIGKILL));
	EXPECT_EQ(pfstat_wait(pf, 10000), 1);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	EXPECT_COUNTS(&id, maker, at, PAGES, .copy = PAGES);
}

static volatile bool here, leave;

static int leaves_with_it(void *arg)
{
	(void)arg;
	here = true;
	while (!leave)
		let_others();
	return 0;
}

WORKLOAD(pairs)
{
	pid_t pid;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		pid = fork();
		if (!pid) {
			clone_sharer(leaves_with_it, NULL);
			while (!here)
				let_others();
			leave = true;
			_exit(0);
		}
		wait_for_child(pid);
	}
	return 0;
}

/* Each finds the other on its way; nobody asks, so that they must be noticed. */
TEST_SECONDS(two_that_end_at_once_are_noticed, 60)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("pairs", NAME, NULL);

	ASSERT_OK(pfstat_watch(pf, &id));
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(pfstat_wait(pf, 20000), 1);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	EXPECT_EQ(query(&id, 0)->nr_processes, 1u + ROUNDS);
}
