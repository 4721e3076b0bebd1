// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy from or to user space of a call of /dev/pfstat
 * fails once, and of what tracked processes do: see fail_one_by_one().
 *
 * vm: guests=*-debug mem=1024 timeout=300
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/fail.h"
#include "lib/tables.h"

#define NAME	"pf-failing"
#define OTHER	"pf-other"
#define USER	1234
#define CGROUP	"/pf-failing"
#define DIR	"/sys/fs/cgroup" CGROUP
#define PAGES	16

static unsigned char *area;

BEFORE_EACH()
{
	fail_begin();
	cow_begin();
	area = filled(PAGES, 1);
}

static int on_pfstat(unsigned int cmd, void *arg)
{
	return ioctl(pfstat_fd(pf), cmd, arg);
}

/* ---- /dev/pfstat --------------------------------------------------------------- */

static int do_open(void)
{
	int fd = open(PGTBL_DEVICE, O_RDWR | O_CLOEXEC);
	int other = fd < 0 ? -1 : open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);
	int error = errno;

	if (other >= 0)
		close(other);
	if (fd >= 0)
		close(fd);
	errno = error;
	return other < 0 ? -1 : 0;
}

static int do_info(void)
{
	struct pfstat_info info = { .size = sizeof(info) };

	return on_pfstat(PFSTAT_IOC_INFO, &info);
}

static int by_name(unsigned int cmd)
{
	struct pfstat_track t = {
		.size = sizeof(t), .type = PFSTAT_TARGET_NAME,
		.name = (uintptr_t)NAME, .name_len = strlen(NAME),
	};

	return on_pfstat(cmd, &t);
}

static int by_pid(unsigned int cmd, __u32 flags)
{
	struct pfstat_track t = {
		.size = sizeof(t), .type = PFSTAT_TARGET_PID, .pid = getpid(),
		.flags = flags,
	};

	return on_pfstat(cmd, &t);
}

static int by_path(unsigned int cmd)
{
	struct pfstat_track t = {
		.size = sizeof(t), .type = PFSTAT_TARGET_CGROUP,
		.name = (uintptr_t)CGROUP, .name_len = strlen(CGROUP),
	};

	return on_pfstat(cmd, &t);
}

static int do_track(void)
{
	return by_name(PFSTAT_IOC_TRACK);
}

static int do_untrack(void)
{
	return by_name(PFSTAT_IOC_UNTRACK);
}

static int do_watch(void)
{
	return by_name(PFSTAT_IOC_WATCH);
}

static int do_track_self(void)
{
	return by_pid(PFSTAT_IOC_TRACK, 0);
}

static int do_follow_self(void)
{
	return by_pid(PFSTAT_IOC_TRACK, PFSTAT_TRACK_FOLLOW | PFSTAT_TRACK_LATENCY);
}

static int do_track_cgroup(void)
{
	return by_path(PFSTAT_IOC_TRACK);
}

static int do_untrack_cgroup(void)
{
	return by_path(PFSTAT_IOC_UNTRACK);
}

static int do_reset(void)
{
	return by_pid(PFSTAT_IOC_RESET, 0);
}

static int query_of(__u32 type, pid_t pid, const char *name)
{
	static struct pfstat_vma vmas[64];
	static struct pfstat_process processes[4];
	static char paths[4096];
	struct pfstat_query q = {
		.size = sizeof(q), .type = type, .pid = pid,
		.name = (uintptr_t)name, .name_len = name ? strlen(name) : 0,
		.vmas = (uintptr_t)vmas, .processes = (uintptr_t)processes,
		.paths = (uintptr_t)paths, .nr_vmas = 64, .nr_processes = 4,
		.paths_len = sizeof(paths), .vma_size = sizeof(*vmas),
		.process_size = sizeof(*processes),
	};

	return on_pfstat(PFSTAT_IOC_QUERY, &q);
}

static int do_query(void)
{
	return query_of(PFSTAT_TARGET_PID, getpid(), NULL);
}

/* Of several processes, most of which have ended. */
static int do_query_ended(void)
{
	return query_of(PFSTAT_TARGET_NAME, 0, NAME);
}

static int do_poll(void)
{
	struct pollfd waits = { .fd = pfstat_fd(pf), .events = POLLIN };

	return poll(&waits, 1, 0) < 0 ? -1 : 0;
}

static int do_list(void)
{
	static struct pfstat_target targets[4];
	struct pfstat_list list = {
		.size = sizeof(list), .targets = (uintptr_t)targets, .count = 4,
		.target_size = sizeof(*targets),
	};

	return on_pfstat(PFSTAT_IOC_LIST, &list);
}

static int do_set_param(void)
{
	return pf_set_param(NAME, strlen(NAME));
}

/* Tracked under the name that this process has. */
static int do_get_info(void)
{
	static struct pf_stat stat;

	return pf_get_info(NAME, strlen(NAME), &stat);
}

/* What a user without privilege tracks; the probes stay, for others. */
static int guest = -1;

static int do_cleanup(void)
{
	struct pfstat_classic c = { .size = sizeof(c) };

	return ioctl(guest, PFSTAT_IOC_CLEANUP, &c);
}

static void nothing(void)
{
}

/* The first target puts the probes in place, the last one takes them away. */
static void be_first(void)
{
	ASSERT_OK(pf_cleanup());
}

static void untrack(void)
{
	struct pfstat_id ids[] = {
		pfstat_by_name(NAME), pfstat_by_pid(getpid()), pfstat_by_cgroup(CGROUP),
	};
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(ids); i++)
		if (pfstat_untrack(pf, &ids[i]))
			ASSERT_EQ(errno, ESRCH);
}

static void make_cgroup(void)
{
	if (mkdir(DIR, 0755))
		ASSERT_EQ(errno, EEXIST);
}

static void track_cgroup(void)
{
	make_cgroup();
	ASSERT_OK(do_track_cgroup());
}

/* Of all that the caller may see. */
static __u32 targets_of(int fd)
{
	struct pfstat_info info = { .size = sizeof(info) };

	ASSERT_OK(ioctl(fd, PFSTAT_IOC_INFO, &info));
	return info.targets;
}

static void open_as_guest(void)
{
	ASSERT_OK(chmod(PFSTAT_DEVICE, 0666));
	ASSERT_OK(setresuid(USER, USER, 0));
	guest = open(PFSTAT_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_OK(setresuid(0, 0, 0));
	ASSERT_OK(guest);
	ASSERT_OK(chmod(PFSTAT_DEVICE, 0600));
}

static void track_as_guest(void)
{
	struct pfstat_classic c = {
		.size = sizeof(c), .name = (uintptr_t)NAME, .name_len = strlen(NAME),
	};

	if (guest < 0)
		open_as_guest();
	ASSERT_OK(ioctl(guest, PFSTAT_IOC_SET_PARAM, &c));
}

/* All or nothing, of the user's; the others stay. */
static void cleaned_up(void)
{
	EXPECT_EQ(targets_of(guest), fail_returned ? 1u : 0u);
	ASSERT_OK(do_cleanup());
	EXPECT_EQ(targets_of(guest), 0u);
	EXPECT_EQ(targets_of(pfstat_fd(pf)), 1u);
}

/* ---- a tracked process ---------------------------------------------------------- */

/* It forks; the child writes, and ends. */
static int do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid) {
		write_pages((char *)area, PAGES);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EFAULT)
		;
	return 0;
}

static pid_t sleeper;

static void share(void)
{
	ASSERT_OK(do_track_self());
	sleeper = fork_sleeper();
}

/* It copies: the hooks and what they leave to the way back to user mode. */
static int do_write(void)
{
	write_pages((char *)area, PAGES);
	return 0;
}

static void unshare(void)
{
	end_sleeper(sleeper);
	untrack();
}

static void track(void)
{
	ASSERT_OK(do_track());
}

static void track_self(void)
{
	ASSERT_OK(do_track_self());
}

static void run_as_name(void)
{
	write_text("/proc/self/comm", NAME);
	track();
}

/* Some of the name's have ended: what is kept of them. */
static void run_and_fork(void)
{
	int i;

	run_as_name();
	for (i = 0; i < 3; i++)
		ASSERT_OK(do_fork());
}

static void be_nobody(void)
{
	write_text("/proc/self/comm", "nobody");
	track();
}

/* The process joins the run when it gets the name, */
static int do_rename(void)
{
	return prctl(PR_SET_NAME, NAME);
}

/* This process has joined if the call has succeeded. */
static void expect_joined(const struct pfstat_id *id)
{
	struct pfstat_result *r = NULL;

	if (fail_returned) {
		EXPECT_ERRNO(pfstat_query(pf, id, 0, &r), ENODATA);
	} else {
		ASSERT_OK(pfstat_query(pf, id, 0, &r));
		EXPECT_EQ(r->alive, 1u);
	}
	pfstat_result_free(r);
	untrack();
}

static void renamed(void)
{
	struct pfstat_id id = pfstat_by_name(NAME);

	expect_joined(&id);
}

/* and that of the cgroup when it is moved there. */
static int do_move(void)
{
	static int procs = -1;

	if (procs < 0)
		procs = open(DIR "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	return procs < 0 || write(procs, "0", 1) != 1 ? -1 : 0;
}

static void moved(void)
{
	struct pfstat_id id = pfstat_by_cgroup(CGROUP);

	expect_joined(&id);
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
}

static const struct fail_call calls[] = {
	{ "open", do_open, nothing, nothing },
	{ "info", do_info, nothing, nothing },
	{ "track_the_first", do_track, be_first, be_first },
	{ "track", do_track, nothing, untrack },
	{ "track_a_process", do_track_self, nothing, untrack },
	{ "follow", do_follow_self, nothing, untrack },
	{ "track_cgroup", do_track_cgroup, make_cgroup, untrack },
	{ "untrack", do_untrack, track, untrack },
	{ "untrack_cgroup", do_untrack_cgroup, track_cgroup, untrack },
	{ "cleanup", do_cleanup, track_as_guest, cleaned_up },
	{ "watch", do_watch, track, untrack },
	{ "reset", do_reset, track_self, untrack },
	{ "list", do_list, track_self, untrack },
	{ "query", do_query, track_self, untrack },
	{ "query_ended", do_query_ended, run_and_fork, untrack },
	{ "poll", do_poll, track_self, untrack },
	{ "set_param", do_set_param, nothing, untrack },
	{ "get_info", do_get_info, run_as_name, untrack },
	{ "fork", do_fork, track_self, untrack },
	{ "write", do_write, share, unshare },
	{ "rename", do_rename, be_nobody, renamed },
	{ "move", do_move, track_cgroup, moved },
};

TEST_EACH(each_fails_once, const struct fail_call *, calls)
{
	track_name(OTHER);
	fail_one_by_one(each);
}

WORKLOAD(child_writes)
{
	char *p = map_pages(PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	write_pages(p, PAGES);
	workload_at(p);
	if (!fork()) {
		write_pages(p, PAGES);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

TEST(counts_are_right_afterwards)
{
	struct pfstat_id id = track_name(NAME);
	struct workload w = workload_start("child_writes", NAME, NULL);
	unsigned long at = address_in(workload_wait(&w));

	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}
