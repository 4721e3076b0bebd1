// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer (lib/fuzz.h) at work: nothing that user space does may upset the
 * kernel. In the suite it makes many calls on one CPU, and few where several
 * must wait for each other whenever a probe comes or goes: that takes twenty
 * times as long, or more where they share the processors that they run on. For
 * millions:
 *
 *	FUZZ_CALLS=3000000 FUZZ_SEED=7 ./fuzz
 *
 * Calls are made by one process after the other, 2500 each, every fourth of
 * them with three threads. When one finds something, its line has what repeats
 * it: FUZZ_SEED=its seed FUZZ_CALLS=2500.
 *
 * Where the kernel has KCOV, and the module was built with KCOV_INSTRUMENT=y, it
 * is guided by the code that calls reach (lib/fuzz-guide.c). What a process does
 * then follows from those before it as well: the first seed and as many calls
 * repeat it.
 *
 * vm: guests=i386,i386-pae,arm64,amd64 smp=1 timeout=200
 * vm: guests=arm64,arm64-kcsan,*-debug timeout=200
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/fuzz.h"
#include "lib/ktap.h"
#include "lib/storm.h"

#define PER_PROCESS	2500
#define THREADS		3

/* Shared with the process that makes the calls. */
static struct score {
	unsigned long done;
	unsigned long good;
	char wrong[160];
} *score;

static struct fuzz_guide *guide;
static pthread_barrier_t all_there;

static unsigned long long number(const char *variable, unsigned long long otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void *stream(void *arg)
{
	struct fuzz *f = arg;
	unsigned long calls = *(unsigned long *)f->wrong;

	/* What calls unmap would become the stack of the next thread. */
	pthread_barrier_wait(&all_there);
	f->wrong[0] = 0;
	if (guide && !fuzz_guide_begin(f, guide)) {
		snprintf(f->wrong, sizeof(f->wrong), "no guide: %m");
		return NULL;
	}
	while (f->done < calls && (guide ? fuzz_guided_step(f) : fuzz_step(f)))
		;
	return NULL;
}

static void begin(struct fuzz *f, struct fuzz_world *world, unsigned long long seed,
		  unsigned long calls)
{
	if (!fuzz_begin(f, world, seed))
		_exit(2);
	memcpy(f->wrong, &calls, sizeof(calls));
}

static void make_calls(unsigned long long seed)
{
	unsigned int i, n = seed % 4 ? 1 : THREADS;
	struct fuzz_world *world = fuzz_world_open();
	struct fuzz f[THREADS];
	pthread_t thread[THREADS];

	/* Nor may memory for a thread's malloc() come from there, by mmap(). */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	if (!world) {
		snprintf(score->wrong, sizeof(score->wrong), "no world: %m");
		_exit(2);
	}
	for (i = 0; i < n; i++)
		begin(&f[i], world, seed + (unsigned long long)i * 0x100000001, PER_PROCESS / n);
	pthread_barrier_init(&all_there, NULL, n);
	for (i = 1; i < n; i++)
		pthread_create(&thread[i], NULL, stream, &f[i]);
	stream(&f[0]);
	for (i = 1; i < n; i++)
		pthread_join(thread[i], NULL);
	fuzz_world_close(world);
	for (i = 0; i < n; i++) {
		score->done += f[i].done;
		score->good += f[i].good;
		if (f[i].wrong[0])
			memcpy(score->wrong, f[i].wrong, sizeof(score->wrong));
	}
	_exit(score->wrong[0] ? 1 : 0);
}

#define KEEP	"fuzz-keep"
#define GROUP	"/sys/fs/cgroup/" KEEP

/*
 * The probes stay in place, which they would not between two names, or between
 * two cgroups: each time the kernel waits until no CPU is in one.
 */
static void keep_probes(void)
{
	struct pfstat_id group = pfstat_by_cgroup("/" KEEP);
	struct pfstat *pf = pfstat_open();

	ASSERT_TRUE(pf);
	ASSERT_OK(pf_set_param(KEEP, strlen(KEEP)));
	ASSERT_OK(pfstat_track(pf, &group));
	pfstat_close(pf);
}

/* Of which the last process has threads. */
#define FEW		(2 * PER_PROCESS)
#define MANY		(20 * PER_PROCESS)

static unsigned long usual_calls(void)
{
	return get_nprocs() == 1 ? MANY : how_often(FEW, PER_PROCESS);
}

TEST_SECONDS(calls_at_random, 180)
{
	unsigned long long seed = number("FUZZ_SEED", 3), first = seed;
	unsigned long calls = number("FUZZ_CALLS", usual_calls());
	struct timespec from, to;
	int status;

	score = mmap(NULL, sizeof(*score), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(score != MAP_FAILED);
	guide = fuzz_guide_new();
	ASSERT_OK(mkdir(GROUP, 0755));
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (; score->done < calls; seed++) {
		pid_t pid;

		keep_probes();
		pid = fork();
		if (!pid)
			make_calls(seed);
		ASSERT_TRUE(pid > 0 && waitpid(pid, &status, 0) == pid);
		if (!status)
			continue;
		ktap_fail(__FILE__, __LINE__, 1, "FUZZ_SEED=%llu: %s, status %#x", seed,
			  score->wrong[0] ? score->wrong : "it died", status);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	ktap_note("%lu calls from seed %llu, %lu ioctls succeeded, %ld s", score->done, first,
		  score->good, (long)(to.tv_sec - from.tv_sec));
	if (guide && fuzz_guide_reached(guide))
		ktap_note("%u places of the module reached, %u sequences worth keeping",
			  fuzz_guide_reached(guide), fuzz_guide_kept(guide));
	/* A generator that only makes mistakes would test nothing. */
	EXPECT_GT(score->good, score->done / 8);
	EXPECT_OK(pf_cleanup());
	EXPECT_OK(rmdir(GROUP));
}
