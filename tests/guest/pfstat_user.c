// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privilege: the node is root's; whoever else is given it tracks and sees
 * programs of its own user only, and what the opener may do counts.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"

#define NAME	"pf-user"
#define USER	1234
#define OTHER	4321
#define PAGES	8

BEFORE_EACH()
{
	ASSERT_OK(chmod(PFSTAT_DEVICE, 0600));
	ASSERT_OK(chown(PFSTAT_DEVICE, 0, 0));
	cow_begin();
}

static void become(uid_t uid)
{
	ASSERT_OK(setgroups(0, NULL));
	ASSERT_OK(setresgid(uid, uid, uid));
	ASSERT_OK(setresuid(uid, uid, uid));
	/* Programs of the user, also this one, are no secret to it. */
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* From now on as @uid, to whose group the node is given. */
static void become_guest(uid_t uid)
{
	ASSERT_OK(chown(PFSTAT_DEVICE, 0, uid));
	ASSERT_OK(chmod(PFSTAT_DEVICE, 0660));
	pfstat_close(pf);
	become(uid);
	pf = pfstat_open();
	ASSERT_TRUE(pf);
}

/* Takes PAGES copies at each step, as the user @argv[1]. */
WORKLOAD(faults_as)
{
	int uid = atoi(argv[1]);
	char *p;

	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
		    setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1)))
		return 1;
	only_small_pages();
	p = map_written(PAGES);
	for (;;) {
		workload_at(p);
		copy_pages(p, PAGES);
	}
	return 0;
}

/* One that changed its user before it was executed: all is the user's. */
static struct workload start_as(const char *uid, unsigned long *at)
{
	struct workload w = workload_start("faults_as", NAME, uid, NULL);

	*at = address_in(workload_wait(&w));
	return w;
}

static void next(struct workload *w)
{
	workload_go(w);
	workload_wait(w);
}

TEST(node_is_for_root_only)
{
	struct stat st;

	ASSERT_OK(stat(PFSTAT_DEVICE, &st));
	EXPECT_EQ(st.st_mode & 07777, 0600);
	EXPECT_EQ(st.st_uid, 0);
	become(USER);
	EXPECT_TRUE(!pfstat_open());
	EXPECT_EQ(errno, EACCES);
	EXPECT_ERRNO(pf_set_param(NAME, strlen(NAME)), EPERM);
	EXPECT_ERRNO(pf_cleanup(), EPERM);
}

TEST(guest_is_not_privileged)
{
	struct pfstat_info info;

	become_guest(USER);
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_EQ(info.flags & PFSTAT_INFO_PRIVILEGED, 0);
}

TEST(guest_sees_its_own_programs)
{
	struct workload w;
	struct pfstat_id id;
	unsigned long at;

	w = start_as("1234", &at);
	become_guest(USER);
	id = track_name(NAME);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

static const struct foreign {
	const char *name;
	const char *uid;
} foreigns[] = { { "root", "0" }, { "another_user", "4321" } };

TEST_EACH(guest_does_not_see_programs_of, const struct foreign *, foreigns)
{
	struct pfstat_result *r = NULL;
	struct workload w;
	struct pfstat_id id;
	unsigned long at;

	w = start_as(each->uid, &at);
	become_guest(USER);
	id = track_name(NAME);
	next(&w);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &r), ENODATA);
}

TEST_EACH(guest_may_not_track_the_pid_of, const struct foreign *, foreigns)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = start_as(each->uid, &at);
	become_guest(USER);
	id = pfstat_by_pid(w.pid);
	EXPECT_ERRNO(pfstat_track(pf, &id), EPERM);
	id = pfstat_by_pid(getpid());
	EXPECT_OK(pfstat_track(pf, &id));
}

/* A program of the user that may hold secrets of another is not shown. */
TEST(guest_does_not_see_a_program_that_is_not_dumpable)
{
	struct pfstat_id id;

	become_guest(USER);
	id = pfstat_by_pid(getpid());
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 0));
	EXPECT_ERRNO(pfstat_track(pf, &id), EPERM);
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	EXPECT_OK(pfstat_track(pf, &id));
}

/* In a child, as @uid: asserts there fail the test as well. */
static pid_t as_guest(uid_t uid, void (*does)(void))
{
	pid_t pid = fork();

	if (!pid) {
		become_guest(uid);
		does();
		_exit(0);
	}
	return pid;
}

static void track_own(void)
{
	track_name(NAME);
}

static void cleanup_own(void)
{
	struct pfstat_target *targets;
	size_t n;

	ASSERT_OK(pfstat_list_targets(pf, &targets, &n));
	ASSERT_EQ(n, 1);
	EXPECT_EQ(targets[0].uid, USER);
	ASSERT_OK(pfstat_cleanup(pf));
}

static void find_nothing(void)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct pfstat_target *targets;
	struct pfstat_result *r = NULL;
	size_t n;

	ASSERT_OK(pfstat_list_targets(pf, &targets, &n));
	EXPECT_EQ(n, 0);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &r), ESRCH);
	EXPECT_ERRNO(pfstat_untrack(pf, &id), ESRCH);
	EXPECT_OK(pfstat_cleanup(pf));
}

static void run_as(uid_t uid, void (*does)(void))
{
	int status;
	pid_t pid = as_guest(uid, does);

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

static size_t targets(void)
{
	struct pfstat_target *list;
	size_t n;

	ASSERT_OK(pfstat_list_targets(pf, &list, &n));
	free(list);
	return n;
}

TEST(targets_of_others_are_out_of_reach)
{
	track_name(NAME);
	run_as(OTHER, track_own);
	EXPECT_EQ(targets(), 2);
	run_as(USER, find_nothing);
	EXPECT_EQ(targets(), 2);
}

TEST(cleanup_of_a_guest_is_its_own)
{
	track_name(NAME);
	run_as(OTHER, track_own);
	run_as(USER, track_own);
	EXPECT_EQ(targets(), 3);
	run_as(USER, cleanup_own);
	EXPECT_EQ(targets(), 2);
	ASSERT_OK(pf_cleanup());
	EXPECT_EQ(targets(), 0);
}

/* The same name, by root and by a guest: each has its own values. */
TEST(guest_and_root_track_the_same_name)
{
	struct pfstat_id id = track_name(NAME);
	struct workload foreign, own;
	unsigned long at[2];

	foreign = start_as("0", &at[0]);
	next(&foreign);
	own = start_as("1234", &at[1]);
	next(&own);
	EXPECT_COUNTS(&id, 0, at[1], PAGES, .copy = PAGES);
	become_guest(USER);
	track_name(NAME);
	next(&own);
	next(&foreign);
	EXPECT_COUNTS(&id, 0, at[1], PAGES, .copy = PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
}

/* What counts is who opened the file: it can be handed over. */
TEST(file_of_root_stays_privileged)
{
	struct pfstat_info info;
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = start_as("0", &at);
	become(USER);
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_TRUE(info.flags & PFSTAT_INFO_PRIVILEGED);
	id = track_pid(w.pid);
	next(&w);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

/* CAP_PERFMON alone will do. */
TEST(cap_perfmon_is_enough)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {};
	struct pfstat_info info;

	ASSERT_OK(chown(PFSTAT_DEVICE, 0, USER));
	ASSERT_OK(chmod(PFSTAT_DEVICE, 0660));
	ASSERT_OK(prctl(PR_SET_KEEPCAPS, 1));
	become(USER);
	data[CAP_PERFMON / 32].permitted = 1U << CAP_PERFMON % 32;
	data[CAP_PERFMON / 32].effective = 1U << CAP_PERFMON % 32;
	ASSERT_OK(syscall(SYS_capset, &header, data));
	pfstat_close(pf);
	pf = pfstat_open();
	ASSERT_TRUE(pf);
	ASSERT_OK(pfstat_get_info(pf, &info));
	EXPECT_TRUE(info.flags & PFSTAT_INFO_PRIVILEGED);
}
