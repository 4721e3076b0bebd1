// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of targets and of what they track: tracking that starts and stops
 * at any time, ends of every sort, and whoever waits for them.
 *
 * vm: smp=4 mem=1024 timeout=600
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-life"
#define OTHER	"pf-other"
#define PAGES	16

BEFORE_EACH()
{
	cow_begin();
}

/* PAGES copies at every step. */
WORKLOAD(faults)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	for (i = 0; i < 1000; i++) {
		workload_at(p);
		copy_pages(p, PAGES);
	}
	return 1;
}

static struct workload start(unsigned long *at)
{
	struct workload w = workload_start("faults", NAME, NULL);

	*at = address_in(workload_wait(&w));
	return w;
}

static void next(struct workload *w)
{
	workload_go(w);
	workload_wait(w);
}

static void end(struct workload *w)
{
	ASSERT_OK(kill(w->pid, SIGKILL));
	EXPECT_EQ(workload_end(w), 128 + SIGKILL);
}

static void expect_errno(const struct pfstat_id *id, int error)
{
	struct pfstat_result *r = NULL;

	EXPECT_ERRNO(pfstat_query(pf, id, 0, &r), error);
}

/* ---- tracking ----------------------------------------------------------------------------- */

TEST(tracking_starts_while_the_program_runs)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = start(&at);
	next(&w);
	id = track_name(NAME);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	EXPECT_EQ(query(&id, 0)->run, 1);
	EXPECT_COUNTS(&id, 0, at, PAGES);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

TEST(tracked_twice_changes_nothing)
{
	struct pfstat_id id = track_name(NAME);
	struct pfstat_target *targets;
	struct workload w;
	unsigned long at;
	size_t n;

	w = start(&at);
	next(&w);
	track_name(NAME);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
	ASSERT_OK(pfstat_list_targets(pf, &targets, &n));
	EXPECT_EQ(n, 1);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = 2 * PAGES);
}

TEST(untrack_forgets)
{
	struct pfstat_id id = track_name(NAME);
	struct pfstat_info info;
	struct workload w;
	unsigned long at;

	w = start(&at);
	next(&w);
	ASSERT_OK(pfstat_untrack(pf, &id));
	expect_errno(&id, ESRCH);
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.targets, 0);
	EXPECT_EQ(info.processes, 0);
	EXPECT_EQ(info.chunks, 0);
	next(&w);
	track_name(NAME);
	EXPECT_COUNTS(&id, 0, at, PAGES);
}

TEST(untrack_leaves_the_other_target)
{
	struct pfstat_id id = track_name(NAME), other = track_name(OTHER);
	struct workload w;
	unsigned long at;

	w = start(&at);
	next(&w);
	ASSERT_OK(pfstat_untrack(pf, &other));
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = 2 * PAGES);
}

TEST(cleanup_with_nothing_tracked_succeeds)
{
	EXPECT_OK(pfstat_cleanup(pf));
	EXPECT_OK(pf_cleanup());
}

TEST(cleanup_forgets_all)
{
	struct pfstat_id name = track_name(NAME), pid = track_pid(getpid());

	ASSERT_OK(pf_cleanup());
	expect_errno(&name, ESRCH);
	expect_errno(&pid, ESRCH);
}

TEST(list_tells_all_targets)
{
	struct pfstat_target *targets;
	struct workload w;
	unsigned long at;
	size_t n, i;

	track_name(NAME);
	track_name(OTHER);
	track_pid(getpid());
	w = start(&at);
	next(&w);
	ASSERT_OK(pfstat_list_targets(pf, &targets, &n));
	ASSERT_EQ(n, 3);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(targets[i].uid, ~0U);
		EXPECT_EQ(targets[i].reserved, 0);
		if (targets[i].type == PFSTAT_TARGET_PID) {
			EXPECT_EQ(targets[i].pid, getpid());
			EXPECT_STR_EQ(targets[i].name, "pfstat_life");
			EXPECT_EQ(targets[i].run, 1);
		} else if (!strcmp(targets[i].name, NAME)) {
			EXPECT_EQ(targets[i].run, 1);
			EXPECT_EQ(targets[i].alive, 1);
			EXPECT_EQ(targets[i].processes, 2);	/* and a sleeper */
		} else {
			EXPECT_STR_EQ(targets[i].name, OTHER);
			EXPECT_EQ(targets[i].run, 0);
			EXPECT_EQ(targets[i].processes, 0);
		}
	}
}

TEST(tracked_by_pid)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = start(&at);
	id = track_pid(w.pid);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->processes[0].pid, w.pid);
}

/* The test is the parent, and has not waited for it. */
TEST(results_of_a_pid_stay_while_it_is_a_zombie)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;
	siginfo_t info;

	w = start(&at);
	id = track_pid(w.pid);
	next(&w);
	ASSERT_OK(kill(w.pid, SIGKILL));
	ASSERT_OK(waitid(P_PID, w.pid, &info, WEXITED | WNOWAIT));
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->alive, 0);
}

TEST(results_of_a_pid_stay_when_it_is_reaped)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = start(&at);
	id = track_pid(w.pid);
	next(&w);
	end(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	/* Nobody else has the number: the target is meant, and is as it was. */
	EXPECT_OK(pfstat_track(pf, &id));
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	EXPECT_OK(pfstat_reset(pf, &id));
	EXPECT_OK(pfstat_untrack(pf, &id));
	expect_errno(&id, ESRCH);
}

TEST(reset_starts_from_zero)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;

	w = start(&at);
	next(&w);
	ASSERT_OK(pfstat_reset(pf, &id));
	EXPECT_COUNTS(&id, 0, at, PAGES);
	EXPECT_EQ(pfstat_cow_faults(query(&id, 0)->kinds), 0);
	EXPECT_EQ(query(&id, 0)->run, 1);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

TEST(reset_does_not_touch_the_other_target)
{
	struct pfstat_id id = track_name(NAME), by_pid;
	struct workload w;
	unsigned long at;

	w = start(&at);
	by_pid = track_pid(w.pid);
	next(&w);
	ASSERT_OK(pfstat_reset(pf, &id));
	EXPECT_COUNTS(&by_pid, 0, at, PAGES, .copy = PAGES);
	next(&w);
	EXPECT_COUNTS(&by_pid, 0, at, PAGES, .copy = 2 * PAGES);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

/* ---- ends ------------------------------------------------------------------------------------ */

WORKLOAD(half_way)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	fork_sleeper();
	write_pages(p, PAGES / 2);
	workload_at(p);
	return 0;
}

TEST(killed_in_the_middle)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("half_way", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	end(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES / 2);
}

static void *fault_alone(void *p)
{
	/* The main thread is a zombie by now, or soon. */
	usleep(100000);
	copy_pages(p, PAGES);
	workload_at(p);
	copy_pages(p, PAGES);
	workload_at(p);
	exit(0);
}

WORKLOAD(leader_leaves)
{
	pthread_t thread;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	if (pthread_create(&thread, NULL, fault_alone, p))
		workload_give_up("pthread_create");
	pthread_exit(NULL);
}

TEST(leader_ends_before_another_thread)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("leader_leaves", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = 2 * PAGES);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = 2 * PAGES);
}

TEST(tracking_starts_when_the_leader_has_ended)
{
	struct workload w = workload_start("leader_leaves", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));
	struct pfstat_id id = track_name(NAME);

	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

/* The child of vfork() writes its parent's memory, then executes or exits. */
WORKLOAD(vforks)
{
	char *p;
	pid_t sleeper, pid;

	only_small_pages();
	p = map_written(PAGES);
	sleeper = fork_sleeper();
	workload_at(p);
	pid = vfork();
	if (!pid) {
		write_pages(p, PAGES / 2);
		if (!strcmp(argv[1], "exec"))
			execl("/bin/busybox", "true", NULL);
		_exit(0);
	}
	wait_for_child(pid);
	workload_at(p);
	write_pages(p, PAGES);
	end_sleeper(sleeper);
	workload_at(p);
	return 0;
}

static const struct vfork_case {
	const char *name;
} vfork_cases[] = { { "exec" }, { "exit" } };

TEST_EACH(vfork_counts_for_the_parent, const struct vfork_case *, vfork_cases)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("vforks", NAME, each->name, NULL);
	unsigned long at = address_in(workload_wait(&w));
	pid_t pid;

	next(&w);
	EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = PAGES / 2);
	EXPECT_EQ(query(&id, 0)->alive, 2);
	EXPECT_EQ(query(&id, 0)->nr_processes, 2);
	next(&w);
	EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = PAGES);
	pid = w.pid;
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	EXPECT_COUNTS(&id, pid, at, PAGES, .copy = PAGES);
}

/* A debugger that holds a program at its exec must not hold us. */
WORKLOAD(traced)
{
	if (ptrace(PTRACE_TRACEME, 0, 0, 0))
		workload_give_up("PTRACE_TRACEME");
	raise(SIGSTOP);
	execl("/bin/busybox", "true", NULL);
	workload_give_up("exec");
}

TEST(cleanup_while_a_debugger_holds_an_exec)
{
	struct workload w;
	int status;

	track_name(NAME);
	w = workload_start("traced", NAME, NULL);
	ASSERT_EQ(waitpid(w.pid, &status, 0), w.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_OK(ptrace(PTRACE_SETOPTIONS, w.pid, 0,
			 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
	ASSERT_OK(ptrace(PTRACE_CONT, w.pid, 0, 0));
	ASSERT_EQ(waitpid(w.pid, &status, 0), w.pid);
	ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_EXEC << 8);
	EXPECT_OK(pf_cleanup());
	ASSERT_OK(ptrace(PTRACE_CONT, w.pid, 0, 0));
	EXPECT_EQ(workload_end(&w), 0);
}

/* ---- waiting ---------------------------------------------------------------------------------- */

TEST(wait_ends_when_the_run_ends)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;

	w = start(&at);
	ASSERT_OK(pfstat_watch(pf, &id));
	EXPECT_EQ(pfstat_wait(pf, 100), 0);
	end(&w);
	EXPECT_EQ(pfstat_wait(pf, 5000), 1);
	EXPECT_EQ(pfstat_wait(pf, 0), 1);
}

TEST(wait_before_the_first_run_goes_on)
{
	struct pfstat_id id = track_name(NAME);

	ASSERT_OK(pfstat_watch(pf, &id));
	EXPECT_EQ(pfstat_wait(pf, 100), 0);
}

static void *kill_soon(void *pid)
{
	usleep(200000);
	kill(*(pid_t *)pid, SIGKILL);
	return NULL;
}

TEST(end_wakes_who_waits)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	pthread_t thread;
	unsigned long at;

	w = start(&at);
	ASSERT_OK(pfstat_watch(pf, &id));
	ASSERT_EQ(pthread_create(&thread, NULL, kill_soon, &w.pid), 0);
	EXPECT_EQ(pfstat_wait(pf, 10000), 1);
	pthread_join(thread, NULL);
}

static void *untrack_soon(void *id)
{
	usleep(200000);
	EXPECT_OK(pfstat_untrack(pf, id));
	return NULL;
}

TEST(untrack_wakes_who_waits)
{
	struct pfstat_id id = track_name(NAME);
	pthread_t thread;

	ASSERT_OK(pfstat_watch(pf, &id));
	ASSERT_EQ(pthread_create(&thread, NULL, untrack_soon, &id), 0);
	EXPECT_ERRNO(pfstat_wait(pf, 10000), ESRCH);
	pthread_join(thread, NULL);
}

TEST(a_new_run_is_no_end)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w[2];
	unsigned long at;

	w[0] = start(&at);
	ASSERT_OK(pfstat_watch(pf, &id));
	end(&w[0]);
	ASSERT_EQ(pfstat_wait(pf, 5000), 1);
	w[1] = start(&at);
	EXPECT_EQ(pfstat_wait(pf, 100), 0);
}

/* The run ends with its last process. */
TEST(children_keep_the_run)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;

	ASSERT_OK(pfstat_watch(pf, &id));
	w = workload_start("orphan", NAME, NULL);
	workload_wait(&w);
	end(&w);
	EXPECT_EQ(pfstat_wait(pf, 100), 0);
	EXPECT_EQ(query(&id, 0)->alive, 1);
	EXPECT_EQ(pfstat_wait(pf, 5000), 1);
}

WORKLOAD(orphan)
{
	if (!fork()) {
		/* Without the pipes, whose end is the workload's. */
		sleep(1);
		_exit(0);
	}
	workload_step("forked");
	return 0;
}

static void *just_wait(void *arg)
{
	pause();
	return arg;
}

/* All threads end at once, on all CPUs. */
WORKLOAD(many_threads_end)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 8; i++)
		if (pthread_create(&thread, NULL, just_wait, NULL))
			workload_give_up("pthread_create");
	workload_step("threads");
	exit(0);
}

TEST_SECONDS(no_end_is_overheard, 90)
{
	struct pfstat_id id = track_name(NAME);
	int i;

	for (i = 0; i < 60; i++) {
		struct workload w = workload_start("many_threads_end", NAME, NULL);

		workload_wait(&w);
		ASSERT_OK(pfstat_watch(pf, &id));
		workload_go(&w);
		ASSERT_EQ(pfstat_wait(pf, 5000), 1);
		ASSERT_EQ(workload_end(&w), 0);
	}
}

/* ---- asked all the time -------------------------------------------------------------------------- */

static int stop;

static void *ask(void *arg)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct pfstat_result *r = NULL;
	struct pfstat *p = pfstat_open();

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (pfstat_query(p, &id, 0, &r) && errno != ENODATA)
			ktap_fail(__FILE__, __LINE__, 0, "query: %m");
		usleep(500);
	}
	pfstat_result_free(r);
	pfstat_close(p);
	return arg;
}

WORKLOAD(short_life)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	copy_pages(p, PAGES);
	workload_at(p);
	return 0;
}

/* Whoever asks holds the memory for a moment, which must change nothing. */
TEST_SECONDS(processes_end_while_they_are_queried, 90)
{
	struct pfstat_id id = track_name(NAME);
	pthread_t threads[2];
	struct workload w;
	unsigned long at;
	pid_t pid;
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(threads); i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, ask, NULL), 0);
	for (i = 0; i < 20; i++) {
		w = workload_start("short_life", NAME, NULL);
		at = address_in(workload_wait(&w));
		pid = w.pid;
		workload_go(&w);
		ASSERT_EQ(workload_end(&w), 0);
		EXPECT_EQ(query(&id, 0)->alive, 0);
		EXPECT_EQ(query(&id, 0)->run, i + 1);
		EXPECT_COUNTS(&id, pid, at, PAGES, .copy = PAGES);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < KTAP_ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}
