// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory where nobody can be told: while tracked programs are executed, take
 * faults and end.
 *
 * vm: guests=*-debug mem=1024 timeout=600
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"

#define NAME	"pf-failing"
#define CGROUPS	"/sys/fs/cgroup"
#define PAGES	16
#define MOST	20000	/* failures of one call; there are some hundreds */
/* Each of these is counted in memory of its own, see PF_CHUNK_PAGES. */
#define APART	32
#define SPOTS	3000

BEFORE_EACH()
{
	fail_begin();
	cow_begin();
}

/*
 * The program that is executed under the name that is tracked stops before its
 * first instruction: what fails is the kernel's, not the C library's.
 */
static void __attribute__((noreturn)) execute_failing(const char *path, int n)
{
	char *args[] = { NAME, NULL };

	ptrace(PTRACE_TRACEME);
	fail_nth(n);
	execv(path, args);
	fail_nth(0);
	/*
	 * E2BIG: no page for the arguments (fs/exec.c:copy_strings()), ENOEXEC: no
	 * memory for the program's headers (fs/binfmt_elf.c:load_elf_phdrs())
	 */
	if (errno == ENOMEM || errno == EFAULT || errno == E2BIG || errno == ENOEXEC)
		_exit(0);
	fprintf(stderr, "# execv: %m\n");
	_exit(1);
}

/* Whether the failure came. The program ends in any case. */
static int executed(pid_t pid, int n)
{
	char path[40];
	int status, left = 0;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSTOPPED(status)) {
		snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
		left = read_number(path);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	} else if (status && !(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV ||
						       WTERMSIG(status) == SIGKILL))) {
		ktap_fail(__FILE__, __LINE__, 0, "failure %d: wait status 0x%x", n, status);
	}
	return !left;
}

TEST_SECONDS(execute, 100)
{
	static const char path[] = "/tmp/" NAME;
	struct pfstat_id id = track_name(NAME);
	char self[300];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;
	int n;

	ASSERT_GT(len, 0);
	self[len] = '\0';
	unlink(path);
	ASSERT_OK(symlink(self, path));
	for (n = 1; n < MOST; n = fail_next(n)) {
		pid = fork();
		ASSERT_TRUE(pid >= 0);
		if (!pid)
			execute_failing(path, n);
		if (!executed(pid, n))
			break;
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(n, 10);
	ktap_note("%d could fail", n);
	EXPECT_EQ(query(&id, 0)->alive, 0);
	ASSERT_OK(unlink(path));
}

/* Whether the failure came to one that has ended. */
static bool ended(pid_t pid)
{
	siginfo_t info;
	char path[40];
	int left;

	ASSERT_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	left = read_number(path);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	return !left;
}

/* What was counted of a process stands, whatever fails while it ends. */
TEST_SECONDS(end, 60)
{
	struct pfstat_id id = track_pid(getpid());
	const struct pfstat_result *r;
	struct kinds sum;
	char *area;
	pid_t pid;
	int n;

	only_small_pages();
	area = map_written(PAGES);
	for (n = 1; n < MOST; n = fail_next(n)) {
		pid = fork();
		ASSERT_TRUE(pid >= 0);
		if (!pid) {
			write_pages(area, PAGES);
			fail_nth(n);
			_exit(0);
		}
		if (!ended(pid))
			break;
		r = query(&id, pid);
		EXPECT_EQ(r->alive, 0);
		sum_range(r, (unsigned long)area, (unsigned long)area + PAGES * page_size(),
			  &sum);
		EXPECT_EQ(sum.copy, PAGES);
	}
	EXPECT_LT(n, MOST);
	EXPECT_GT(n, 1);
	ktap_note("%d could fail", n - 1);
}

/* Counts in many places; what cannot be counted is said to be lost. */
WORKLOAD(writes_apart)
{
	char *p;
	int i;

	only_small_pages();
	p = map_pages(SPOTS * APART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (i = 0; i < SPOTS; i++)
		write_pages(p + i * APART * page_size(), 1);
	fork_sleeper();		/* ends when we do */
	workload_at(p);
	for (i = 0; i < SPOTS; i++)
		write_pages(p + i * APART * page_size(), 1);
	return workload_done();
}

static __u64 lost(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info.lost;
}

WORKLOAD(copies)
{
	copy_and_step(PAGES);
	return 0;
}

/* Without memory for the mappings of one that ends its counts still stand. */
TEST(end_without_memory_keeps_the_counts)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("copies", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));
	const struct pfstat_result *r;
	struct kinds sum;

	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	fail_module(true);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	fail_module(false);
	r = query(&id, 0);
	EXPECT_EQ(r->alive, 0);
	sum_range(r, at, at + PAGES * page_size(), &sum);
	EXPECT_EQ(sum.copy, PAGES);
}

/* Nor does a process that cannot be taken in stay unseen without a word. */
TEST(track_without_memory_is_refused)
{
	struct pfstat_id id = pfstat_by_name(NAME);

	fail_module(true);
	EXPECT_ERRNO(pfstat_track(pf, &id), ENOMEM);
	fail_module(false);
	EXPECT_OK(pfstat_track(pf, &id));
}

TEST(counts_are_right_afterwards)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("copies", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
}

#define CHILDREN	150	/* more than there are spaces ready, on any CPU */

static void fork_once(void)
{
	pid_t pid = fork();

	ASSERT_TRUE(pid >= 0);
	if (!pid)
		_exit(0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
}

/* Who cannot join a run for want of memory is said to be lost. */
TEST(joining_without_memory_is_told)
{
	struct pfstat_id self = track_pid(getpid()), name = track_name(NAME);
	struct pfstat_id cgroup = pfstat_by_cgroup("/pf-failing");
	__u64 before = lost();
	struct workload w;
	__u32 joined;
	int i;

	if (mkdir(CGROUPS "/pf-failing", 0755))
		ASSERT_EQ(errno, EEXIST);
	ASSERT_OK(pfstat_track(pf, &cgroup));
	fail_module(true);
	for (i = 0; i < CHILDREN; i++)
		fork_once();
	fail_module(false);
	joined = query(&self, 0)->nr_processes - 1;
	EXPECT_LT(joined, CHILDREN);
	EXPECT_GE(lost() - before, CHILDREN - joined);

	fail_module(true);
	for (i = 0; i < CHILDREN; i++)
		fork_once();
	before = lost();
	write_text("/proc/self/comm", NAME);
	write_text(CGROUPS "/pf-failing/cgroup.procs", "0");
	EXPECT_GE(lost() - before, 2u);
	before = lost();
	w = workload_start("copies", NAME, NULL);
	workload_wait(&w);
	EXPECT_GT(lost(), before);
	fail_module(false);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_EQ(query(&name, 0)->alive, 0);
	write_text(CGROUPS "/cgroup.procs", "0");
	fail_forget();
}

/* The last ones: what is lost is told until the module goes. */
TEST(faults_without_memory_are_counted_or_lost)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("writes_apart", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));
	__u64 before = lost(), now;
	struct kinds sum;

	fail_module(true);
	workload_go(&w);
	ASSERT_STR_EQ(workload_wait(&w), "done");
	fail_module(false);
	now = lost();
	sum_range(query(&id, w.pid), at, at + SPOTS * APART * page_size(), &sum);
	EXPECT_EQ(sum.copy + (now - before), SPOTS);
	/* The test would be none if nothing were lost, or all. */
	EXPECT_GT(now, before);
	EXPECT_GT(sum.copy, 0);
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	fail_forget();
}
