// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does counting stand in the way of CPUs that fault in one process at the same
 * time? Not for --icount, which has one CPU: this is time, of which only the
 * ratio means something.
 *
 *   curve cpus N PLAIN WITH	nanoseconds until N threads, each on a CPU of its
 *				own, have replaced PAGES zero pages each
 *
 * usage: cpus [PAIRS]
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"
#include "lib/subject.h"

#define PAGES		4096	/* of each thread */
#define MAX_THREADS	8

static pthread_barrier_t ready, done;
static char *memory;

static void *work(void *arg)
{
	int cpu = (uintptr_t)arg;

	bench_pin(cpu);
	pthread_barrier_wait(&ready);
	bench_write(memory + (size_t)cpu * PAGES * bench_page_size(), PAGES);
	pthread_barrier_wait(&done);
	return NULL;
}

static int be_subject(void)
{
	pthread_t threads[MAX_THREADS];
	struct subject *subject;
	uint64_t begin;
	size_t size;
	uint32_t i;

	subject = bench_map(NULL, sizeof(*subject), PROT_READ | PROT_WRITE,
			    MAP_SHARED, SUBJECT_SHARE_FD);
	size = subject->wanted * PAGES * bench_page_size();
	memory = bench_map(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (madvise(memory, size, MADV_POPULATE_READ))
		bench_die("madvise");
	pthread_barrier_init(&ready, NULL, subject->wanted + 1);
	pthread_barrier_init(&done, NULL, subject->wanted + 1);
	for (i = 0; i < subject->wanted; i++) {
		if (pthread_create(&threads[i], NULL, work,
				   (void *)(uintptr_t)i))
			bench_die("pthread_create");
	}
	pthread_barrier_wait(&ready);
	begin = bench_now();
	pthread_barrier_wait(&done);
	subject->cost[FAULT_ZERO] = bench_since(begin);
	for (i = 0; i < subject->wanted; i++)
		pthread_join(threads[i], NULL);
	return EXIT_SUCCESS;
}

static void measure(struct subject *subject, uint32_t threads, int pairs)
{
	uint64_t plain;
	int i;

	for (i = -1; i < pairs; i++) {
		subject->wanted = threads;
		subject_run(subject, "write", NULL);
		plain = subject->cost[FAULT_ZERO];
		bench_track(SUBJECT);
		subject->wanted = threads;
		subject_run(subject, "write", NULL);
		bench_check_counted(PFSTAT_ZERO, threads * PAGES);
		bench_cleanup();
		if (i >= 0)
			printf("curve cpus %u %llu %llu\n", threads,
			       (unsigned long long)plain,
			       (unsigned long long)subject->cost[FAULT_ZERO]);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct subject *subject;
	uint32_t cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t threads;

	if (!strcmp(argv[0], SUBJECT))
		return be_subject();
	subject = subject_install();
	for (threads = 1; threads <= MAX_THREADS; threads *= 2) {
		if (threads <= cpus)
			measure(subject, threads, argc > 1 ? atoi(argv[1]) : 9);
	}
	return EXIT_SUCCESS;
}
