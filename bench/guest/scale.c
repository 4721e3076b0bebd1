// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a counted fault become dearer when much is counted already? And how much
 * memory do counts take?
 *
 *   curve pages N PLAIN WITH		a fault of kind zero in a process in which N
 *					pages were written before
 *   curve processes N PLAIN WITH	the same with N processes in the run
 *   curve page-bytes N 0 BYTES		memory for each page counted
 *   curve process-bytes N 0 BYTES	for each process: living
 *   curve ended-bytes N 0 BYTES	the same when they have ended
 *
 * PLAIN: nothing is tracked; WITH: the program is. Memory is what the kernel's
 * slabs take (SUnreclaim), tracked less untracked.
 *
 * usage: scale [PAIRS]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"
#include "lib/subject.h"

/* Where pages are written before: beside what subject.c maps. */
#if UINTPTR_MAX > UINT32_MAX
#define BEFORE_AT	0x1000000000ul
#else
#define BEFORE_AT	0x50000000ul
#endif
#define AT_ONCE		8192	/* pages that exist at a time */

/* struct subject's cost[], used by other names */
enum { AT_READY = NR_FAULTS - 1 };

static const uint32_t pages_before[] = {
	1, 100, 10000, 100000, UINTPTR_MAX > UINT32_MAX ? 1000000 : 380000,
};

static const uint32_t processes[] = { 1, 10, 100, 1000 };

static struct subject *shared(void)
{
	return bench_map(NULL, sizeof(struct subject), PROT_READ | PROT_WRITE,
			 MAP_SHARED, SUBJECT_SHARE_FD);
}

/* Replace the zero page @pages times, each at an address of its own. */
static void write_before(size_t pages)
{
	size_t page = bench_page_size(), done, n;
	char *at;

	for (done = 0; done < pages; done += n) {
		n = pages - done < AT_ONCE ? pages - done : AT_ONCE;
		at = bench_map((void *)(BEFORE_AT + done * page), n * page,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (madvise(at, n * page, MADV_POPULATE_READ))
			bench_die("madvise");
		bench_write(at, n);
		munmap(at, n * page);
	}
}

/* @wanted pages are written, then the next faults timed. */
static int be_writer(struct subject *subject)
{
	write_before(subject->wanted);
	subject->cost[FAULT_ZERO] = subject_cost(FAULT_ZERO, subject);
	return EXIT_SUCCESS;
}

/* Be @wanted processes, one of which takes the faults; stay until killed. */
static int be_many(struct subject *subject)
{
	volatile uint64_t *ready = &subject->cost[AT_READY];
	uint32_t i;

	if (setpgid(0, 0))
		bench_die("setpgid");
	for (i = 1; i < subject->wanted; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_die("fork");
		if (!pid) {
			for (;;)
				pause();
		}
	}
	subject->cost[FAULT_ZERO] = subject_cost(FAULT_ZERO, subject);
	*ready = 1;
	for (;;)
		pause();
}

static uint64_t slab_bytes(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *file;

	/* What was freed by RCU and workers is not there any more then. */
	usleep(300000);
	file = fopen("/proc/meminfo", "re");
	if (!file)
		bench_die("/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SUnreclaim: %llu", &kib) == 1)
			break;
	}
	fclose(file);
	if (!kib)
		bench_die("/proc/meminfo does not tell of slabs");
	return kib * 1024;
}

static uint64_t cost_of(const struct subject *subject)
{
	return subject->cost[FAULT_ZERO];
}

static void point(const char *name, uint32_t n, double plain, double with)
{
	printf("curve %s %u %.2f %.2f\n", name, n, plain, with);
	fflush(stdout);
}

static void measure_pages(struct subject *subject, uint32_t pages, int pairs)
{
	uint64_t plain, before;
	int i;

	/* Many are many samples of one fault already. */
	if (pages > 10000)
		pairs = 1;
	for (i = 0; i < pairs; i++) {
		subject->wanted = pages;
		subject_run(subject, "write", NULL);
		plain = cost_of(subject);
		bench_track(SUBJECT);
		before = slab_bytes();
		subject_run(subject, "write", NULL);
		bench_check_counted(PFSTAT_ZERO, pages + FAULTS);
		point("pages", pages, plain / 256.0, cost_of(subject) / 256.0);
		point("page-bytes", pages + FAULTS, 0,
		      (slab_bytes() - (double)before) / (pages + FAULTS));
		bench_cleanup();
	}
}

static pid_t start_many(struct subject *subject, uint32_t n)
{
	volatile uint64_t *ready = &subject->cost[AT_READY];
	pid_t pid;

	subject->wanted = n;
	*ready = 0;
	pid = subject_start("many", NULL);
	while (!*ready)
		usleep(1000);
	return pid;
}

/* All of them become our children, as their parents end. */
static void stop_many(pid_t group)
{
	if (kill(-group, SIGKILL))
		bench_die("kill");
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (errno != ECHILD)
		bench_die("waitpid");
	errno = 0;
}

static void measure_processes(struct subject *subject, uint32_t n, int pairs)
{
	uint64_t plain, alive, with, ended, nothing;
	pid_t pid;
	int i;

	for (i = 0; i < pairs; i++) {
		pid = start_many(subject, n);
		plain = cost_of(subject);
		alive = slab_bytes();
		stop_many(pid);
		nothing = slab_bytes();

		bench_track(SUBJECT);
		pid = start_many(subject, n);
		with = slab_bytes();
		stop_many(pid);
		ended = slab_bytes();
		bench_check_counted(PFSTAT_ZERO, FAULTS);
		bench_cleanup();
		point("processes", n, plain / 256.0, cost_of(subject) / 256.0);
		if (n < 100)	/* less than a slab's pages make noise of */
			continue;
		point("process-bytes", n, 0, ((double)with - alive) / n);
		point("ended-bytes", n, 0, ((double)ended - nothing) / n);
	}
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 3;
	struct subject *subject;
	size_t i;

	if (!strcmp(argv[0], SUBJECT))
		return strcmp(argv[1], "many") ? be_writer(shared()) :
						 be_many(shared());
	bench_pin(0);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		bench_die("prctl");
	subject = subject_install();
	subject_run(subject, "write", NULL);	/* warms up */
	for (i = 0; i < ARRAY_SIZE(pages_before); i++)
		measure_pages(subject, pages_before[i], pairs);
	for (i = 0; i < ARRAY_SIZE(processes); i++)
		measure_processes(subject, processes[i], pairs);
	return EXIT_SUCCESS;
}
