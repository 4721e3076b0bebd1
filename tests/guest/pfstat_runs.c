// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who belongs to a name: by exec, rename, fork, or by running when tracking
 * starts; and what a run is.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-runs"
#define OTHER	"pf-other"
#define LONG	"pf-a-name-that-comm-has-no-room-for"
#define PAGES	16

BEFORE_EACH()
{
	cow_begin();
}

/* PAGES copies each time. */
static void take_faults(char *p)
{
	copy_pages(p, PAGES);
}

static unsigned long next(struct workload *w)
{
	workload_go(w);
	return address_in(workload_wait(w));
}

/* How many copies the process has had at @at, if it is one of the run. */
static void expect_copies(const struct pfstat_id *id, pid_t pid, unsigned long at,
			  __u64 copies)
{
	EXPECT_COUNTS(id, pid, at, PAGES, .copy = copies);
}

static void expect_errno(const struct pfstat_id *id, int error)
{
	struct pfstat_result *r = NULL;

	EXPECT_ERRNO(pfstat_query(pf, id, 0, &r), error);
}

/* Faults again and again, a step before and after each time. */
WORKLOAD(faults)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	for (i = 0; i < 1000; i++) {
		workload_at(p);
		take_faults(p);
	}
	return 1;
}

/* The path of this program; NULL or its name there. */
static char *own_path(const char *name)
{
	static char path[800];
	ssize_t len = readlink("/proc/self/exe", path, 400);

	if (len <= 0)
		workload_give_up("readlink");
	path[len] = '\0';
	if (name)
		strcpy(strrchr(path, '/') + 1, name);
	return path;
}

/* ---- exec ------------------------------------------------------------------------------- */

TEST(tracked_and_not_run_is_enodata)
{
	struct pfstat_id id = track_name(NAME);

	expect_errno(&id, ENODATA);
}

TEST(exec_starts_run_one)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("faults", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	expect_copies(&id, 0, at, 0);
	next(&w);
	expect_copies(&id, 0, at, PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
	EXPECT_EQ(query(&id, 0)->alive, 1);
}

TEST(a_second_program_of_the_name_is_a_new_run)
{
	struct pfstat_id id = track_name(NAME);
	struct workload first = workload_start("faults", NAME, NULL), second;
	unsigned long at = address_in(workload_wait(&first));
	const struct pfstat_result *r;

	next(&first);
	second = workload_start("faults", NAME, NULL);
	at = address_in(workload_wait(&second));
	r = query(&id, 0);
	EXPECT_EQ(r->run, 2);
	EXPECT_EQ(r->nr_processes, 1);
	EXPECT_TRUE(process_of(r, second.pid));
	expect_copies(&id, 0, at, 0);
	next(&first);		/* counts nowhere any more */
	next(&second);
	expect_copies(&id, 0, at, PAGES);
}

/* Takes faults, says where, and executes itself again, 3 times. */
WORKLOAD(again)
{
	char count[] = "3";
	char *p;

	if (argc > 1)
		*count = argv[1][0];
	only_small_pages();
	p = map_written(PAGES);
	take_faults(p);
	workload_at(p);
	if (--*count < '0')
		return 0;
	execl(own_path(NULL), NAME, count, NULL);
	workload_give_up("exec");
}

TEST(exec_of_the_same_name_resets)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;
	int run;

	w = workload_start("again", NAME, NULL);
	for (run = 1; run <= 4; run++) {
		at = address_in(workload_wait(&w));
		EXPECT_EQ(query(&id, 0)->run, run);
		expect_copies(&id, 0, at, PAGES);
		EXPECT_EQ(query(&id, 0)->alive, 1);
		workload_go(&w);
	}
	EXPECT_EQ(workload_end(&w), 0);
	expect_copies(&id, 0, at, PAGES);
	EXPECT_EQ(query(&id, 0)->run, 4);
}

/* Many programs, one after the other, in one process. */
WORKLOAD(storm)
{
	char count[12];
	int left = atoi(argv[1]);
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	take_faults(p);
	if (!left) {
		workload_at(p);
		return 0;
	}
	snprintf(count, sizeof(count), "%d", left - 1);
	execl(own_path(NULL), NAME, count, NULL);
	workload_give_up("exec");
}

TEST_SECONDS(exec_storm, 60)
{
	struct pfstat_id id = track_name(NAME);
	int n = how_often(200, 40);
	struct workload w;
	unsigned long at;
	char left[12];

	snprintf(left, sizeof(left), "%d", n - 1);
	w = workload_start("storm", NAME, left, NULL);
	at = address_in(workload_wait(&w));
	EXPECT_EQ(query(&id, 0)->run, n);
	expect_copies(&id, 0, at, PAGES);
	EXPECT_EQ(query(&id, 0)->nr_processes, 2);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
}

/* ---- fork -------------------------------------------------------------------------------- */

WORKLOAD(child_becomes_other)
{
	char self[800], *p;
	pid_t pid;

	only_small_pages();
	p = map_written(PAGES);
	strcpy(self, own_path(NULL));
	if (link(self, own_path(OTHER)))
		workload_give_up("link");
	pid = fork();
	if (!pid) {
		write_pages(p, PAGES);
		workload_next("faults");
		execl(own_path(OTHER), OTHER, NULL);
		workload_give_up("exec");
	}
	wait_for_child(pid);
	return 0;
}

TEST(child_that_executes_another_program_leaves)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	struct workload w;
	unsigned long at;

	w = workload_start("child_becomes_other", NAME, NULL);
	at = address_in(workload_wait(&w));	/* of the other program */
	r = query(&id, 0);
	EXPECT_EQ(r->nr_processes, 2);
	EXPECT_EQ(r->alive, 1);
	next(&w);
	next(&w);
	r = query(&id, 0);
	EXPECT_EQ(r->nr_processes, 2);
	EXPECT_EQ(r->alive, 1);
	EXPECT_TRUE(!vma_at(r, at) || vma_at(r, at)->kinds[PFSTAT_COPY] <= PAGES);
}

#define CHAIN	100
#define FEW	4

/* Each child writes, forks the next, and waits for it. */
WORKLOAD(chain)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(FEW);
	for (i = 0; i < CHAIN; i++) {
		pid_t pid = fork();

		if (pid < 0)
			workload_give_up("fork");
		if (pid) {
			int status;

			if (waitpid(pid, &status, 0) != pid || status)
				_exit(1);
			if (!i) {
				workload_at(p);
				return 0;
			}
			_exit(0);
		}
		write_pages(p, FEW);
	}
	_exit(0);
}

TEST_SECONDS(chain_of_a_hundred_forks, 60)
{
	struct pfstat_id id = track_name(NAME);
	const struct pfstat_result *r;
	struct kinds sum;
	struct workload w;
	unsigned long at;
	pid_t pids[CHAIN + 1];
	int i;

	w = workload_start("chain", NAME, NULL);
	at = address_in(workload_wait(&w));
	EXPECT_COUNTS(&id, 0, at, FEW, .copy = CHAIN * FEW);
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 1);
	ASSERT_EQ(r->nr_processes, CHAIN + 1);
	EXPECT_EQ(r->processes[0].pid, w.pid);
	EXPECT_EQ(r->processes[0].parent, 0);
	EXPECT_EQ(r->processes[0].flags, PFSTAT_PROCESS_ALIVE);
	for (i = 0; i <= CHAIN; i++) {
		pids[i] = r->processes[i].pid;
		if (!i)
			continue;
		EXPECT_EQ(r->processes[i].parent, pids[i - 1]);
		EXPECT_EQ(r->processes[i].flags, PFSTAT_PROCESS_FORKED);
	}
	for (i = 0; i <= CHAIN; i++) {
		r = query(&id, pids[i]);
		sum_range(r, at, at + FEW * page_size(), &sum);
		EXPECT_EQ(sum.copy, i ? FEW : 0);
		EXPECT_EQ(r->nr_processes, 1);
	}
}

/* The children know more VMAs than the parent, at addresses of their own. */
WORKLOAD(children_differ)
{
	char *p, *q[2];
	pid_t pid;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	q[0] = map_pages(PAGES, PROT_NONE, MAP_PRIVATE, -1);
	q[1] = map_pages(PAGES, PROT_NONE, MAP_PRIVATE, -1);
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			/* Anonymous and read first: zero pages replaced. */
			mprotect(q[i], PAGES * page_size(), PROT_READ | PROT_WRITE);
			read_pages(q[i], PAGES);
			write_pages(q[i], PAGES);
			write_pages(p, i + 1);
			_exit(0);
		}
		wait_for_child(pid);
	}
	munmap(q[0], PAGES * page_size());
	workload_at(p);
	workload_at(q[0]);
	workload_at(q[1]);
	return 0;
}

TEST(processes_are_summed_by_address)
{
	struct pfstat_id id = track_name(NAME);
	unsigned long p, q[2];
	pid_t children[2];
	struct workload w;
	struct kinds sum;

	w = workload_start("children_differ", NAME, NULL);
	p = address_in(workload_wait(&w));
	q[0] = next(&w);
	q[1] = next(&w);
	EXPECT_COUNTS(&id, 0, p, PAGES, .copy = 1 + 2);
	EXPECT_COUNTS(&id, 0, q[0], PAGES, .zero = PAGES);
	EXPECT_COUNTS(&id, 0, q[1], PAGES, .zero = PAGES);
	ASSERT_EQ(query(&id, 0)->nr_processes, 3);
	children[0] = query(&id, 0)->processes[1].pid;
	children[1] = query(&id, 0)->processes[2].pid;
	EXPECT_COUNTS(&id, children[0], p, PAGES, .copy = 1);
	EXPECT_COUNTS(&id, children[1], p, PAGES, .copy = 2);
	EXPECT_COUNTS(&id, children[0], q[0], PAGES, .zero = PAGES);
	EXPECT_COUNTS(&id, children[1], q[0], PAGES);
	EXPECT_COUNTS(&id, children[1], q[1], PAGES, .zero = PAGES);
	EXPECT_EQ(sum_range(query(&id, w.pid), q[0], q[0] + PAGES * page_size(), &sum), 0);
}

TEST(process_not_of_the_run_is_esrch)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("faults", NAME, NULL);
	struct pfstat_result *r = NULL;

	workload_wait(&w);
	EXPECT_ERRNO(pfstat_query(pf, &id, getpid(), &r), ESRCH);
}

/* ---- rename ------------------------------------------------------------------------------- */

WORKLOAD(rename_itself)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	take_faults(p);
	workload_at(p);
	prctl(PR_SET_NAME, argv[1]);
	workload_at(p);
	take_faults(p);
	workload_at(p);
	return 0;
}

TEST(rename_into_the_name_joins)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("rename_itself", OTHER, NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	expect_errno(&id, ENODATA);
	next(&w);
	expect_copies(&id, 0, at, 0);
	next(&w);
	expect_copies(&id, 0, at, PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	expect_copies(&id, 0, at, PAGES);
	EXPECT_EQ(query(&id, 0)->alive, 0);
}

/* It is what it was: a run ends by exec and exit only. */
TEST(rename_away_stays)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("rename_itself", NAME, OTHER, NULL);
	unsigned long at = address_in(workload_wait(&w));

	expect_copies(&id, 0, at, PAGES);
	next(&w);
	next(&w);
	expect_copies(&id, 0, at, 2 * PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
	EXPECT_EQ(query(&id, 0)->alive, 1);
}

TEST(rename_to_the_name_it_has_changes_nothing)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("rename_itself", NAME, NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	next(&w);
	next(&w);
	expect_copies(&id, 0, at, 2 * PAGES);
	EXPECT_EQ(query(&id, 0)->nr_processes, 3);	/* with the two sleepers */
	EXPECT_EQ(query(&id, 0)->run, 1);
}

static char *thread_name;

static void *rename_a_thread(void *task)
{
	char path[60];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm",
		 task ? *(pid_t *)task : (int)syscall(SYS_gettid));
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, thread_name, strlen(thread_name)) < 0)
		workload_give_up(path);
	close(fd);
	return NULL;
}

/* A second thread renames the first, or itself. */
WORKLOAD(thread_renames)
{
	pid_t leader = getpid();
	pthread_t thread;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	workload_at(p);
	thread_name = argv[1];
	if (pthread_create(&thread, NULL, rename_a_thread,
			   !strcmp(argv[2], "leader") ? &leader : NULL))
		workload_give_up("pthread_create");
	pthread_join(thread, NULL);
	take_faults(p);
	workload_at(p);
	return 0;
}

TEST(another_thread_renames_the_leader)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;
	unsigned long at;

	w = workload_start("thread_renames", OTHER, NAME, "leader", NULL);
	at = address_in(workload_wait(&w));
	expect_errno(&id, ENODATA);
	next(&w);
	expect_copies(&id, 0, at, PAGES);
}

TEST(the_name_of_another_thread_does_not_count)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w;

	w = workload_start("thread_renames", OTHER, NAME, "itself", NULL);
	workload_wait(&w);
	next(&w);
	expect_errno(&id, ENODATA);
}

/* ---- several targets, and names of any length ------------------------------------------------- */

TEST(two_names_at_once)
{
	struct pfstat_id ids[2] = { track_name(NAME), track_name(OTHER) };
	struct workload w[2];
	unsigned long at[2];
	int i;

	for (i = 0; i < 2; i++) {
		w[i] = workload_start("faults", i ? OTHER : NAME, NULL);
		at[i] = address_in(workload_wait(&w[i]));
	}
	next(&w[0]);
	next(&w[1]);
	next(&w[1]);
	expect_copies(&ids[0], 0, at[0], PAGES);
	expect_copies(&ids[1], 0, at[1], 2 * PAGES);
	EXPECT_TRUE(!process_of(query(&ids[0], 0), w[1].pid));
	EXPECT_TRUE(!process_of(query(&ids[1], 0), w[0].pid));
}

TEST(one_process_by_name_and_by_pid)
{
	struct pfstat_id by_name = track_name(NAME), by_pid;
	struct workload w = workload_start("faults", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	next(&w);
	by_pid = track_pid(w.pid);
	next(&w);
	expect_copies(&by_name, 0, at, 2 * PAGES);
	expect_copies(&by_pid, 0, at, PAGES);
	ASSERT_OK(pfstat_untrack(pf, &by_name));
	next(&w);
	expect_copies(&by_pid, 0, at, 2 * PAGES);
	expect_errno(&by_name, ESRCH);
}

static char name_255[256];

static const struct long_name {
	const char *name;
	const char *text;
	const char *run;	/* another program, or NULL: the same */
	int found;
} long_names[] = {
	{ "of_15", "pf-15-characte", NULL, 1 },
	{ "of_16", "pf-16-characters", NULL, 1 },
	{ "of_35", LONG, NULL, 1 },
	{ "of_255", name_255, NULL, 1 },
	{ "first_15_of_a_longer_one", "pf-a-name-that-", LONG, 1 },
	{ "same_first_15", LONG, "pf-a-name-that-is-another", 0 },
	{ "beginning_of_it", "pf-a-name-that-comm", LONG, 0 },
};

TEST_EACH(long_name, const struct long_name *, long_names)
{
	const char *run = each->run ? each->run : each->text;
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	memset(name_255, 'n', 255);
	id = track_name(each->text);
	w = workload_start("faults", run, NULL);
	at = address_in(workload_wait(&w));
	if (!each->found) {
		expect_errno(&id, ENODATA);
		return;
	}
	next(&w);
	expect_copies(&id, 0, at, PAGES);
}

TEST_EACH(long_name_of_a_running_program, const struct long_name *, long_names)
{
	const char *run = each->run ? each->run : each->text;
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	memset(name_255, 'n', 255);
	w = workload_start("faults", run, NULL);
	at = address_in(workload_wait(&w));
	id = track_name(each->text);
	if (!each->found) {
		expect_errno(&id, ENODATA);
		return;
	}
	next(&w);
	expect_copies(&id, 0, at, PAGES);
}
