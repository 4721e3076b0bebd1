// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes while tracked programs fault, fork, execute and
 * end; and with each way to hook. Others meddle with its probes.
 *
 * vm: smp=4 mem=1024 timeout=600
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-module"
#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"
#define PAGES	32

static int load(const char *args)
{
	const char *path = getenv("PFSTAT_KO");
	int fd, ret;

	if (!path)
		ktap_fail(__FILE__, __LINE__, 1, "PFSTAT_KO does not say where the module is");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_OK(fd);
	ret = syscall(SYS_finit_module, fd, args, 0);
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "pfstat", O_NONBLOCK);
}

/* What the test before left, if it failed: a module must be there. */
BEFORE_EACH()
{
	if (access(PFSTAT_DEVICE, F_OK))
		ASSERT_OK(load(""));
	cow_begin();
}

static char *area;

static void *fault(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < PAGES; i++) {
		write_pages(area + i * page_size(), 1);
		let_others();
	}
	return NULL;
}

/* Forks, threads, faults and programs without end. */
WORKLOAD(busy)
{
	pthread_t threads[3];
	char path[500];
	ssize_t len;
	pid_t pid;
	int i, k;

	only_small_pages();
	area = map_written(PAGES);
	if (argc > 1)
		workload_at(area);
	for (i = 0; i < 5; i++) {
		pid = fork_sleeper();
		for (k = 0; k < 3; k++)
			pthread_create(&threads[k], NULL, fault, NULL);
		for (k = 0; k < 3; k++)
			pthread_join(threads[k], NULL);
		end_sleeper(pid);
	}
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len <= 0)
		return 1;
	path[len] = '\0';
	execl(path, NAME, NULL);
	return 1;
}

static void load_and_unload(const char *args, int times)
{
	struct workload w[3];
	struct pfstat_id id = pfstat_by_name(NAME);
	/* Many loads differ enough in what they meet without long ones among them. */
	int pause = times > 100 ? 3000 : 50000;
	unsigned long long counted = 0;
	long before, took, longest = 0, loads = 0, tracks = 0, unloads = 0;
	int i, k;

	pfstat_close(pf);
	ASSERT_OK(unload());
	for (i = 0; i < 3; i++) {
		w[i] = workload_start("busy", NAME, "first", NULL);
		workload_wait(&w[i]);
		workload_go(&w[i]);
	}
	/* It must not queue behind those that it disturbs. */
	ASSERT_OK(setpriority(PRIO_PROCESS, 0, -20));
	for (i = 0; i < times; i++) {
		struct pfstat_result *r = NULL;
		struct pfstat_info info;

		before = milliseconds();
		ASSERT_OK(load(args));
		pf = pfstat_open();
		ASSERT_TRUE(pf);
		took = milliseconds() - before;
		loads += took;
		ASSERT_OK(pfstat_track(pf, &id));
		tracks += milliseconds() - before - took;
		usleep(pause * (i % 5));
		ASSERT_OK(pfstat_query(pf, &id, 0, &r));
		for (k = 0; k < PFSTAT_NR_COW_KINDS; k++)
			counted += r->kinds[k];
		pfstat_result_free(r);
		ASSERT_OK(pfstat_get_info(pf, &info));
		EXPECT_EQ(info.lost, 0);
		EXPECT_EQ(info.missed, 0);
		pfstat_close(pf);
		before = milliseconds();
		/* A handle that is just closed may hold it for a moment. */
		for (k = 0; k < 100 && unload(); k++) {
			ASSERT_EQ(errno, EAGAIN);
			usleep(10000);
		}
		EXPECT_TRUE(access(PFSTAT_DEVICE, F_OK));
		took = milliseconds() - before;
		unloads += took;
		longest = took > longest ? took : longest;
		if (i % 100 == 99)
			ktap_note("%d loads, %llu faults counted", i + 1, counted);
	}
	ktap_note("%d loads, %llu faults counted; in the mean %ld ms to load, %ld to track, %ld to unload, %ld at most",
		  times, counted, loads / times, tracks / times, unloads / times, longest);
	EXPECT_GT(counted, 0);
	for (i = 0; i < 3; i++) {
		kill(w[i].pid, SIGKILL);
		EXPECT_EQ(workload_end(&w[i]), 128 + SIGKILL);
	}
	ASSERT_OK(load(""));
}

TEST_SECONDS(rmmod_while_programs_fault, 200)
{
	load_and_unload("", how_often(6, 3));
}

TEST_SECONDS(rmmod_while_programs_fault_kprobe, 200)
{
	load_and_unload("hook=kprobe", how_often(6, 3));
}

TEST_SECONDS(rmmod_while_programs_fault_ftrace, 200)
{
	load_and_unload("hook=ftrace", how_often(6, 3));
}

TEST(open_device_keeps_the_module)
{
	EXPECT_ERRNO(unload(), EAGAIN);
}

TEST(unknown_hook_is_refused)
{
	pfstat_close(pf);
	ASSERT_OK(unload());
	EXPECT_ERRNO(load("hook=magic"), EINVAL);
	EXPECT_TRUE(access(PFSTAT_DEVICE, F_OK));
	ASSERT_OK(load(""));
}

#define CHILDREN	4

WORKLOAD(forking)
{
	char *p;
	int i;

	only_small_pages();
	p = map_written(PAGES);
	for (i = 0; i < CHILDREN; i++)
		copy_in_child(p, PAGES);
	workload_at(p);
	return 0;
}

static void keep(const char *args)
{
	struct pfstat_id id = pfstat_by_name(NAME);
	struct workload w;
	unsigned long at;

	pfstat_close(pf);
	ASSERT_OK(unload());
	ASSERT_OK(load(args));
	pf = pfstat_open();
	ASSERT_TRUE(pf);
	ASSERT_OK(pfstat_track(pf, &id));
	w = workload_start("forking", NAME, NULL);
	at = address_in(workload_wait(&w));
	workload_go(&w);
	EXPECT_EQ(workload_end(&w), 0);
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = CHILDREN * PAGES);
	/* It waits for whoever folds. */
	ASSERT_OK(pfstat_untrack(pf, &id));
}

/* A run's first process stays apart, so there are always two entries at least. */
TEST(nothing_to_be_kept_of_ended_processes)
{
	keep("keep_ended=0");
	keep("keep_ended=1");
	pfstat_close(pf);
	ASSERT_OK(unload());
	ASSERT_OK(load(""));
	pf = pfstat_open();
	ASSERT_TRUE(pf);
}

/* Waiting for a target keeps neither its results nor anything else. */
TEST(values_do_not_outlive_the_module)
{
	struct pfstat_id id = track_name(NAME);
	struct pfstat_result *r = NULL;

	pfstat_close(pf);
	ASSERT_OK(unload());
	ASSERT_OK(load(""));
	pf = pfstat_open();
	ASSERT_TRUE(pf);
	EXPECT_ERRNO(pfstat_query(pf, &id, 0, &r), ESRCH);
}

static __u64 missed(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info.missed;
}

static unsigned int armed(void)
{
	struct pfstat_info info;

	ASSERT_OK(pfstat_get_info(pf, &info));
	return info.flags & PFSTAT_INFO_ARMED;
}

/* What was missed is counted from the load on, and is no good for other tests. */
static void load_anew(void)
{
	pfstat_close(pf);
	ASSERT_OK(unload());
	ASSERT_OK(load(""));
}

/* Others may take all kprobes of the kernel out of the code, and put them back. */
TEST(kprobes_switched_off_by_others)
{
	__u64 before = missed();

	track_name(NAME);
	EXPECT_TRUE(armed());
	EXPECT_EQ(missed(), before);
	write_text(KPROBES_ENABLED, "0");
	EXPECT_TRUE(!armed());
	EXPECT_EQ(missed(), before + 1);
	EXPECT_TRUE(!armed());
	EXPECT_EQ(missed(), before + 1);
	write_text(KPROBES_ENABLED, "1");
	EXPECT_TRUE(armed());
	EXPECT_EQ(missed(), before + 1);
	load_anew();
}

/* Nobody has asked meanwhile: it is found all the same. */
TEST_SECONDS(kprobes_switched_off_for_seconds, 40)
{
	__u64 before = missed();
	char line[512];
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), i, found = 0;

	ASSERT_OK(log);
	ASSERT_OK(lseek(log, 0, SEEK_END));
	track_name(NAME);
	write_text(KPROBES_ENABLED, "0");
	for (i = 0; i < 300 && !found; i++) {
		ssize_t len = read(log, line, sizeof(line) - 1);

		if (len < 0) {
			usleep(100000);
			continue;
		}
		line[len] = '\0';
		found = !!strstr(line, "kprobes were switched off");
	}
	write_text(KPROBES_ENABLED, "1");
	EXPECT_TRUE(found);
	EXPECT_TRUE(armed());
	EXPECT_EQ(missed(), before + 1);
	load_anew();
}

/* What was switched off while nothing was tracked is no loss. */
TEST(kprobes_off_while_nothing_is_tracked)
{
	__u64 before = missed();

	write_text(KPROBES_ENABLED, "0");
	EXPECT_TRUE(!armed());
	write_text(KPROBES_ENABLED, "1");
	track_name(NAME);
	EXPECT_TRUE(armed());
	EXPECT_EQ(missed(), before);
}
