// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens seldom, or much at once: programs that execute, fork and end
 * without pause while they are tracked and untracked, as many mappings as a
 * process can have, a process id that comes again, and the OOM killer.
 *
 * STORM=N in the environment makes storms N times as long.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-storm"
#define PAGES	16

#define PID_MAX		"/proc/sys/kernel/pid_max"
#define FIRST_PID	300	/* after the largest */

BEFORE_EACH()
{
	write_text(PID_MAX, "32768");
	cow_begin();
}

/* ---- bombs ---------------------------------------------------------------------- */

/* Forks, copies, and becomes itself again, under the name that is tracked. */
WORKLOAD(bomb)
{
	char path[300], *args[] = { argv[0], NULL }, *p;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int i;

	if (len <= 0)
		return 1;
	path[len] = '\0';
	p = map_written(PAGES);
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (!pid) {
			write_pages(p, PAGES);
			if (i == 1)
				abort();
			_exit(0);
		}
		write_pages(p, PAGES);
		waitpid(pid, NULL, 0);
	}
	execv(path, args);
	return 3;
}

static __u32 kept(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info.processes + info.chunks;
}

TEST_SECONDS(bombs_while_tracked_and_untracked, 120)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	int i, rounds = how_often(8, 4), answers = 0;
	struct workload bombs[3], quiet;
	unsigned long at;

	/* The first would be at an exec of its own before it is tracked. */
	for (i = 0; i < 3; i++)
		bombs[i] = workload_start("bomb", NAME, NULL);
	for (i = 0; i < rounds; i++) {
		struct pfstat_result *r = NULL;

		ASSERT_OK(pfstat_track(pf, &id));
		if (i % 4 == 1)
			ASSERT_OK(pfstat_reset(pf, &id));
		if (!pfstat_query(pf, &id, 0, &r))
			answers++;
		else
			ASSERT_EQ(errno, ENODATA);
		pfstat_result_free(r);
		if (i % 4 == 2)
			usleep(20000);
		if (i % 2)
			ASSERT_OK(pfstat_untrack(pf, &id));
		else
			ASSERT_OK(pf_cleanup());
	}
	EXPECT_GT(answers, 0);
	ktap_note("%d rounds, %d with values", rounds, answers);
	for (i = 0; i < 3; i++) {
		kill(bombs[i].pid, SIGKILL);
		workload_end(&bombs[i]);
	}
	for (i = 0; i < 200 && kept(); i++)
		usleep(50000);
	EXPECT_EQ(kept(), 0);

	/* And it still counts. */
	track_name(NAME "-2");
	id = pfstat_by_name(NAME "-2");
	quiet = workload_start("one_child", NAME "-2", NULL);
	at = address_in(workload_wait(&quiet));
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	workload_go(&quiet);
	EXPECT_EQ(workload_end(&quiet), 0);
}

WORKLOAD(one_child)
{
	copy_and_step(PAGES);
	return 0;
}

/* ---- mappings --------------------------------------------------------------------- */

#define MOST_VMAS	65530	/* /proc/sys/vm/max_map_count */

/* Each page is a mapping. Every second one is copied. */
WORKLOAD(many_mappings)
{
	int n = atoi(argv[1]);
	pid_t pid;
	char *p;

	only_small_pages();
	p = map_stripes(n);
	write_every(p, n, 2);
	workload_at(p);
	pid = fork_sleeper();
	write_every(p, n, 2);
	end_sleeper(pid);
	return workload_done();
}

static void expect_many(const struct pfstat_id *id, unsigned long at, int n)
{
	const struct pfstat_result *r = query(id, 0);
	unsigned int vmas;
	struct kinds sum;

	vmas = sum_range(r, at, at + n * page_size(), &sum);
	EXPECT_EQ(vmas, n);
	EXPECT_EQ(sum.copy, n / 2);
	EXPECT_EQ(vma_at(r, at + 2 * page_size())->kinds[PFSTAT_COPY], 1);
	EXPECT_EQ(vma_at(r, at + 3 * page_size())->kinds[PFSTAT_COPY], 0);
}

TEST_SECONDS(as_many_mappings_as_there_can_be, 120)
{
	/* Some kernels check the whole tree of mappings at each change. */
	int n = ((MOST_VMAS - 100) / (debug_kernel() ? 32 : 1)) & ~1;
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	char text[16];
	unsigned long at;

	snprintf(text, sizeof(text), "%d", n);
	w = workload_start("many_mappings", NAME, text, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	expect_many(&id, at, n);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	/* As it was at its end. */
	expect_many(&id, at, n);
}

/* ---- a process id that comes again --------------------------------------------------- */

/* The kernel hands out numbers in turn, after the largest from 300 on. */

static void use_up_small_pids(void)
{
	pid_t pid;

	do {
		pid = fork();
		ASSERT_TRUE(pid >= 0);
		if (!pid)
			_exit(0);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	} while (pid < FIRST_PID);
}

WORKLOAD(copies_where_none_else_has_anything)
{
	char *p = map_fixed(PAGES);

	copy_pages(p, PAGES);
	workload_at(p);
	return 0;
}

/* Has nothing there, so that it is not taken for the other. */
WORKLOAD(waits)
{
	workload_step("here");
	return 0;
}

TEST_SECONDS(pid_that_comes_again, 60)
{
	const struct pfstat_result *r;
	struct workload w, next;
	struct pfstat_id id;
	int tries;

	/* The kernel hands out numbers in turn: now there are few. */
	write_text(PID_MAX, "340");
	use_up_small_pids();
	w = workload_start("copies_where_none_else_has_anything", NAME, NULL);
	workload_wait(&w);
	id = track_pid(w.pid);
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 1);
	EXPECT_TRUE(vma_at(r, FIXED));
	workload_go(&w);
	id.pid = w.pid;
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(query(&id, 0)->alive, 0);

	for (tries = 0; tries < 500; tries++) {
		next = workload_start("waits", NAME, NULL);
		if (next.pid == id.pid)
			break;
		workload_wait(&next);
		workload_go(&next);
		workload_end(&next);
	}
	ASSERT_EQ(next.pid, id.pid);
	workload_wait(&next);
	/* It is another process, and nobody tracks it. */
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 0);
	EXPECT_TRUE(vma_at(r, FIXED));
	/* Now the number means this one. */
	track_pid(id.pid);
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 1);
	EXPECT_TRUE(!vma_at(r, FIXED));
	workload_go(&next);
	EXPECT_EQ(workload_end(&next), 0);
}

/* ---- out of memory ------------------------------------------------------------------- */

#define GROUP		"/sys/fs/cgroup/pfstat_test"
#define LIMIT		"16777216"
#define TOO_MUCH	(64 << 20)

/* Copies until it is killed; says how much it has before. */
WORKLOAD(eats)
{
	size_t n = TOO_MUCH / page_size(), i;
	char *p;

	only_small_pages();
	p = map_pages(n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	read_pages(p, n);
	workload_at(p);
	write_text(GROUP "/cgroup.procs", "0");
	for (i = 0; i < n; i++)
		write_pages(p + i * page_size(), 1);
	return 0;
}

TEST_SECONDS(killed_for_want_of_memory, 60)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	struct workload w;
	struct kinds sum;
	unsigned long at;
	int tries;

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	write_text(GROUP "/memory.max", LIMIT);
	w = workload_start("eats", NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 128 + SIGKILL);
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 0);
	/* What it had is a part of what was allowed, and where it was is known. */
	EXPECT_TRUE(vma_at(r, at));
	sum_range(r, at, at + TOO_MUCH, &sum);
	EXPECT_GT(sum.zero, 0);
	EXPECT_LE(sum.zero, atol(LIMIT) / (long)page_size() + 64);
	for (tries = 0; tries < 200 && rmdir(GROUP); tries++)
		usleep(10000);
	EXPECT_LT(tries, 200);
}
