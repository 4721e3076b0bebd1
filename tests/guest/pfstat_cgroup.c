// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cgroup as a target: who is in it, who comes, who goes, and what stays when it
 * is removed.
 *
 * vm: smp=4 mem=1024 timeout=240
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/report.h"
#include "lib/shell.h"

#define TOP	"/sys/fs/cgroup"
#define DIR	"/pf-cgroup"
#define BELOW	DIR "/below"
#define NAME	"pf-in-it"
#define PAGES	50

/* Gone are all processes of the test before, whose cgroups these were. */
static void make_cgroup(const char *path)
{
	char dir[64];

	snprintf(dir, sizeof(dir), TOP "%s", path);
	while (rmdir(dir) && errno == EBUSY)
		usleep(10000);
	ASSERT_OK(mkdir(dir, 0755));
}

BEFORE_EACH()
{
	cow_begin();
	rmdir(TOP BELOW);
	make_cgroup(DIR);
	make_cgroup(BELOW);
}

static void move(pid_t pid, const char *path)
{
	char file[80], text[16];

	snprintf(file, sizeof(file), TOP "%s/cgroup.procs", path);
	snprintf(text, sizeof(text), "%d", pid);
	write_text(file, text);
}

static struct pfstat_id track(const char *path)
{
	struct pfstat_id id = pfstat_by_cgroup(path);

	ASSERT_OK(pfstat_track(pf, &id));
	return id;
}

/* Copies PAGES at each step. */
WORKLOAD(copies)
{
	copy_at_each_step(PAGES);
}

static void step(struct workload *w)
{
	workload_go(w);
	workload_wait(w);
}

/* Those that are there when tracking begins, also in cgroups below. */
static const struct place {
	const char *name;
	const char *tracked;
	const char *in;
	int counted;
} places[] = {
	{ "in_it", DIR, DIR, 1 },
	{ "below", DIR, BELOW, 1 },
	{ "above", BELOW, DIR, 0 },
	{ "elsewhere", DIR, "", 0 },
	{ "top", "/", DIR, 1 },
};

TEST_EACH(is_there, const struct place *, places)
{
	struct pfstat_result *result = NULL;
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	move(w.pid, each->in);
	id = track(each->tracked);
	step(&w);
	if (each->counted) {
		EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = PAGES);
		return;
	}
	/* nothing is in there, or only others */
	EXPECT_ERRNO(pfstat_query(pf, &id, w.pid, &result), ENODATA);
}

/* From the moment when it is there. */
TEST(is_moved_there)
{
	struct pfstat_result *result = NULL;
	struct pfstat_id id = track(DIR);
	struct workload w;
	unsigned long at;

	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	step(&w);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &result), ENODATA);
	move(w.pid, BELOW);
	step(&w);
	EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = PAGES);
	/* moved within it: once is enough */
	move(w.pid, DIR);
	step(&w);
	EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = 2 * PAGES);
	EXPECT_EQ(query(&id, 0)->run, 1);
}

/* Moved out it stays, like a process that is renamed. */
TEST(is_moved_away)
{
	struct pfstat_id id;
	struct workload w;
	unsigned long at;

	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	move(w.pid, DIR);
	id = track(DIR);
	move(w.pid, "");
	step(&w);
	EXPECT_COUNTS(&id, w.pid, at, PAGES, .copy = PAGES);
}

static int copies_there(void)
{
	copy_pages(map_fixed(PAGES), PAGES);
	return 0;
}

WORKLOAD(fixed)
{
	return copies_there();
}

/* A child that is in the cgroup from its first instruction, but not its parent */
WORKLOAD(clones)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = open(TOP DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return 1;
	if (!pid)
		_exit(copies_there());
	wait_for_child(pid);
	return copies_there();
}

/* A child that never has memory of its own before it executes */
WORKLOAD(spawns)
{
	workload_next("fixed");
	spawn_and_wait("./pf-run");
	return 0;
}

#define ENTER	"echo $$ >" TOP DIR "/cgroup.procs; "

static const struct program {
	const char *name;
	const char *workload;
	const char *command;
	int copies;
} programs[] = {
	{ "executes", "fixed", ENTER "exec ./pf-run", PAGES },
	{ "forks_and_executes", "fixed", ENTER "./pf-run; ./pf-run; true", 2 * PAGES },
	{ "vfork", "spawns", ENTER "./pf-run; true", PAGES },
	{ "clones_a_child_into_it", "clones", "./pf-run", PAGES },
	{ "grandchild", "fixed", ENTER "sh -c './pf-run; true'; true", PAGES },
	{ "executes_elsewhere", "fixed",
	  "sh -c '" ENTER "exec sleep 0'; ./pf-run; true", -1 },
	{ "executes_after_leaving", "fixed",
	  ENTER "echo $$ >" TOP "/cgroup.procs; exec ./pf-run", -1 },
};

/* All copies at FIXED, -1: nothing is mapped there by any that counts. */
static long long copies_at_fixed(void)
{
	struct pfstat_id id = pfstat_by_cgroup(DIR);
	const struct pfstat_vma *vma = vma_at(query(&id, 0), FIXED);

	return vma ? (long long)vma->kinds[PFSTAT_COPY] : -1;
}

TEST_EACH(program_that, const struct program *, programs)
{
	track(DIR);
	EXPECT_EQ(workload_shell(each->workload, "%s", each->command).status, 0);
	EXPECT_EQ(copies_at_fixed(), each->copies);
}

/* What was counted outlives processes and cgroup. */
TEST(results_outlive_the_cgroup)
{
	struct json_object *top, *list;

	track(DIR);
	EXPECT_EQ(workload_shell("fixed", ENTER "exec ./pf-run").status, 0);
	ASSERT_OK(rmdir(TOP BELOW));
	while (rmdir(TOP DIR))
		ASSERT_EQ(errno, EBUSY);
	top = parse(answer("pfstat get --json --cgroup " TOP DIR "/"));
	EXPECT_STR_EQ(get_text(top, "name"), DIR);
	EXPECT_EQ(kind_of(vma_of(top, FIXED), "copy"), PAGES);
	list = json_object_array_get_idx(parse(answer("pfstat list --json")), 0);
	EXPECT_STR_EQ(get_text(list, "cgroup"), DIR);
	EXPECT_EQ(get_number(list, "processes_alive"), 0);
	answer("pfstat untrack --cgroup pf-cgroup");
	EXPECT_EQ(json_object_array_length(parse(answer("pfstat list --json"))), 0);
}

/* By every command that takes targets. */
TEST(commands)
{
	answer("pfstat track --cgroup " DIR);
	workload_shell("fixed", ENTER "exec ./pf-run");
	EXPECT_TRUE(strstr(answer("pfstat get --cgroup " DIR), "cgroup " DIR ": run 1, "));
	EXPECT_TRUE(strstr(answer("pfstat top --batch -n 1 -d 0 --cgroup " DIR), "  cgroup /pf"));
	EXPECT_TRUE(strstr(answer("pfstat watch -n 1 -d 0 --cgroup " DIR), "COPY"));
	answer("pfstat wait --cgroup " DIR);
	answer("pfstat reset --cgroup " DIR);
	EXPECT_EQ(get_number(parse(answer("pfstat get --json --cgroup " DIR)), "cow_faults"), 0);
	answer("pfstat untrack --cgroup " DIR);
}

TEST(record)
{
	struct running record = workload_running("fixed", "pfstat", "record", "--cgroup", DIR, NULL);

	while (run("pfstat list | grep -q " DIR).status)
		;
	EXPECT_EQ(run(ENTER "exec ./pf-run").status, 0);
	kill(record.pid, SIGINT);
	EXPECT_EQ(end_of(&record), 128 + SIGINT);
	EXPECT_STR_EQ(get_text(parse(answer("pfstat report --json")), "name"), DIR);
	EXPECT_STR_EQ(answer("pfstat report --csv | grep -c ',%#lx,copy,'", FIXED), "50\n");
}

static const struct refused {
	const char *name;
	const char *path;
	__u32 pid;
	int length;
	int error;
} refused[] = {
	{ "not_there", "/pf-cgroup/nowhere", 0, -1, ESRCH },
	{ "no_directory", "/pf-cgroup/cgroup.procs", 0, -1, ESRCH },
	{ "empty", "", 0, -1, EINVAL },
	{ "relative", "pf-cgroup", 0, -1, EINVAL },
	{ "nul", "/pf-cgroup\0x", 0, 12, EINVAL },
	{ "too_long", "/", 0, 256, ENAMETOOLONG },
	{ "with_a_pid", "/pf-cgroup", 1, -1, EINVAL },
};

TEST_EACH(track_refuses, const struct refused *, refused)
{
	static char path[512];
	struct pfstat_track track = {
		.size = sizeof(track), .type = PFSTAT_TARGET_CGROUP, .pid = each->pid,
		.name = (uintptr_t)path,
		.name_len = each->length < 0 ? strlen(each->path) : (size_t)each->length,
	};

	memset(path, '/', sizeof(path));
	memcpy(path, each->path, each->length == 12 ? 12 : strlen(each->path));
	EXPECT_ERRNO(ioctl(pfstat_fd(pf), PFSTAT_IOC_TRACK, &track), each->error);
}

TEST(not_there_says_so)
{
	struct run r = run("pfstat track --cgroup nowhere");

	EXPECT_EQ(r.status, 1);
	EXPECT_STR_EQ(r.err, "pfstat: track: cgroup /nowhere: No such process: there is no such process or cgroup to track\n");
}
