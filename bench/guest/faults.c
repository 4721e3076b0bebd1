// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does a page fault cost, with this tracker and with its peers?
 *
 * A program ("subject") takes FAULTS page faults of each kind. It is run in
 * pairs: once plain, with our module loaded and nothing tracked, and once under
 * a condition. Both samples of each pair are printed:
 *
 *   pair CONDITION FAULT PLAIN WITH
 *
 * in instructions per fault, those of the loop taken off. Under conditions that
 * track the subject, the module's counts are compared with what was done, so
 * that nothing that did not count gets a figure.
 *
 * usage: faults [PAIRS [CONDITION...]]
 *        faults again CONDITION	for bench/profile: copies under it, for ever
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pfstat.h>

#include "lib/bench.h"
#include "lib/peers.h"
#include "lib/subject.h"

#define MANY_NAMES	1000
#define MANY_VMAS	10000

static struct subject *subject;
static pid_t other;

static void other_track(void)
{
	bench_track(OTHER);
}

static void subject_track(void)
{
	bench_track(SUBJECT);
}

static void other_track_latency(void)
{
	bench_track_flags(OTHER, PFSTAT_TRACK_LATENCY);
}

static void subject_track_latency(void)
{
	bench_track_flags(SUBJECT, PFSTAT_TRACK_LATENCY);
}

/* What run --latency does: without the event nobody sees the durations. */
static void event_track_latency(void)
{
	subject_track_latency();
	peer_event_enable("pfstat/cow_fault", true);
}

static void both_track(void)
{
	bench_track(OTHER);
	bench_track(SUBJECT);
}

static void many_track(void)
{
	char name[32];
	int i;

	for (i = 1; i < MANY_NAMES; i++) {
		snprintf(name, sizeof(name), "name-%d", i);
		bench_track(name);
	}
	bench_track(SUBJECT);
}

static void event_track(void)
{
	bench_track(SUBJECT);
	peer_event_enable("pfstat/cow_fault", true);
}

static void event_untrack(void)
{
	peer_event_enable("pfstat/cow_fault", false);
	bench_cleanup();
}

/**
 * struct condition - what a subject is run under
 * @name: in the output
 * @hook: module parameter; NULL: as it is chosen by the module itself
 * @set: makes it so
 * @unset: undoes it
 * @before_exec: called in the subject's process
 * @faults: mask of those that are measured
 * @vmas: more VMAs of the subject, in both runs of a pair
 * @tracked: the module's counts must be right
 * @unloaded: without the module
 */
struct condition {
	const char *name;
	const char *hook;
	void (*set)(void);
	void (*unset)(void);
	void (*before_exec)(void);
	uint32_t faults;
	uint32_t vmas;
	bool tracked;
	bool unloaded;
};

static const struct condition conditions[] = {
	/* How much noise is there? Plain against plain. */
	{ .name = "plain", .faults = FAULTS_ALL },
	/* The other way round: this is what the loaded module adds to. */
	{ .name = "unloaded", .faults = FAULTS_ALL, .unloaded = true },

	{ .name = "other", .set = other_track, .unset = bench_cleanup,
	  .faults = FAULTS_ALL },
	{ .name = "tracked", .set = subject_track, .unset = bench_cleanup,
	  .faults = FAULTS_ALL, .tracked = true },
	{ .name = "tracked-two", .set = both_track, .unset = bench_cleanup,
	  .faults = FAULTS_COW, .tracked = true },
	{ .name = "tracked-event", .set = event_track, .unset = event_untrack,
	  .faults = FAULTS_COW, .tracked = true },
	{ .name = "other-latency", .set = other_track_latency,
	  .unset = bench_cleanup, .faults = FAULTS_ALL },
	{ .name = "tracked-latency", .set = subject_track_latency,
	  .unset = bench_cleanup, .faults = FAULTS_ALL, .tracked = true },
	{ .name = "tracked-latency-event", .set = event_track_latency,
	  .unset = event_untrack, .faults = FAULTS_COW, .tracked = true },
	{ .name = "tracked-names", .set = many_track, .unset = bench_cleanup,
	  .faults = FAULTS_COW, .tracked = true },
	{ .name = "tracked-vmas", .set = subject_track, .unset = bench_cleanup,
	  .faults = FAULTS_COW, .tracked = true, .vmas = MANY_VMAS },
	{ .name = "other-kprobe", .hook = "kprobe", .set = other_track,
	  .unset = bench_cleanup, .faults = FAULTS_ALL },
	{ .name = "tracked-kprobe", .hook = "kprobe", .set = subject_track,
	  .unset = bench_cleanup, .faults = FAULTS_COW, .tracked = true },
	{ .name = "other-ftrace", .hook = "ftrace", .set = other_track,
	  .unset = bench_cleanup, .faults = FAULTS_ALL },
	{ .name = "tracked-ftrace", .hook = "ftrace", .set = subject_track,
	  .unset = bench_cleanup, .faults = FAULTS_COW, .tracked = true },

	{ .name = "peer-event", .set = peer_kprobe_event,
	  .unset = peer_kprobe_event_off,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
	{ .name = "peer-event-address", .set = peer_kprobe_event_address,
	  .unset = peer_kprobe_event_off,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
	{ .name = "peer-hist", .set = peer_kprobe_hist,
	  .unset = peer_kprobe_hist_off,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
	{ .name = "peer-perf-faults", .before_exec = peer_perf_faults,
	  .faults = FAULTS_ALL },
	{ .name = "peer-perf-kprobe", .before_exec = peer_perf_kprobe,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
	{ .name = "peer-perf-record", .set = peer_perf_record,
	  .unset = peer_perf_record_off,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
	{ .name = "peer-taskstats", .set = peer_delayacct,
	  .unset = peer_delayacct_off,
	  .faults = FAULT_BIT(FAULT_COPY) | FAULT_BIT(FAULT_REUSE) },
};

static uint64_t counted(const struct pfstat_result *result, enum fault fault,
			unsigned int kind)
{
	unsigned long start = subject_region(fault);
	unsigned long end = start + FAULTS * bench_page_size();
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < result->nr_vmas; i++) {
		if (result->vmas[i].start < end && result->vmas[i].end > start)
			sum += result->vmas[i].kinds[kind];
	}
	return sum;
}

/* The subject has ended: was every fault counted, by VMA and by kind? */
static void check_counts(const struct condition *condition)
{
	static const unsigned int kinds[] = {
		[FAULT_COPY] = PFSTAT_COPY,
		[FAULT_REUSE] = PFSTAT_REUSE,
		[FAULT_ZERO] = PFSTAT_ZERO,
		[FAULT_FILE] = PFSTAT_FILE,
	};
	struct pfstat_id id = pfstat_by_name(SUBJECT);
	struct pfstat_result *result = NULL;
	struct pfstat *p = pfstat_open();
	enum fault fault;
	uint64_t sum;

	if (!p || pfstat_query(p, &id, 0, &result))
		bench_die("query of " SUBJECT);
	errno = 0;
	for (fault = 0; fault < ARRAY_SIZE(kinds); fault++) {
		if (!(condition->faults & FAULT_BIT(fault)))
			continue;
		sum = counted(result, fault, kinds[fault]);
		if (sum != FAULTS)
			bench_die("%s: %llu faults of kind %s counted, not %d",
				  condition->name, (unsigned long long)sum,
				  fault_names[fault], FAULTS);
	}
	pfstat_result_free(result);
	pfstat_close(p);
	bench_check_module();
}

static void load(const char *hook)
{
	char args[64] = "";

	if (hook)
		snprintf(args, sizeof(args), "hook=%s", hook);
	bench_insmod(args);
}

/* One sample under a condition. */
static void run_with(const struct condition *condition)
{
	if (condition->unloaded)
		bench_rmmod();
	if (condition->set)
		condition->set();
	subject_run(subject, "fault", condition->before_exec);
	if (condition->tracked)
		check_counts(condition);
	if (condition->unset)
		condition->unset();
	if (condition->unloaded)
		load(NULL);
}

static void measure(const struct condition *condition, int pairs)
{
	uint64_t plain[NR_FAULTS];
	int i, f;

	if (condition->hook) {
		bench_rmmod();
		load(condition->hook);
	}
	subject->wanted = condition->faults;
	subject->extra_vmas = condition->vmas;
	/* The first of each warms up: slabs, per-CPU lists, the code itself. */
	for (i = -1; i < pairs; i++) {
		subject_run(subject, "fault", NULL);
		memcpy(plain, subject->cost, sizeof(plain));
		run_with(condition);
		for (f = 0; i >= 0 && f < NR_FAULTS; f++) {
			if (condition->faults & FAULT_BIT(f))
				printf("pair %s %s %.2f %.2f\n",
				       condition->name, fault_names[f],
				       plain[f] / 256.0,
				       subject->cost[f] / 256.0);
		}
	}
	fflush(stdout);
	if (condition->hook) {
		bench_rmmod();
		load(NULL);
	}
}

static void again(const char *name)
{
	const struct condition *condition = conditions;

	while (strcmp(condition->name, name)) {
		if (++condition == conditions + ARRAY_SIZE(conditions))
			bench_die("no condition '%s'", name);
	}
	if (condition->hook) {
		bench_rmmod();
		load(condition->hook);
	}
	if (condition->set)
		condition->set();
	subject->wanted = FAULT_BIT(FAULT_COPY);
	subject->extra_vmas = condition->vmas;
	subject_run(subject, "fault", condition->before_exec);
	puts("again");
	fflush(stdout);
	for (;;)
		subject_run(subject, "fault", condition->before_exec);
}

/* Another program, which lives all the time, with a fault or two of its own. */
static void other_start(void)
{
	other = fork();
	if (other < 0)
		bench_die("fork");
	if (!other) {
		execl("/proc/self/exe", OTHER, OTHER, NULL);
		bench_die("exec");
	}
}

static bool chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, name))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 5;
	size_t i;

	if (!strcmp(argv[0], SUBJECT))
		return subject_main();
	if (!strcmp(argv[0], OTHER)) {
		for (;;)
			pause();
	}

	bench_pin(0);
	subject = subject_install();
	other_start();
	if (argc > 2 && !strcmp(argv[1], "again"))
		again(argv[2]);
	printf("note hook %s\n", bench_hook());
	for (i = 0; i < ARRAY_SIZE(conditions); i++) {
		if (chosen(conditions[i].name, argv + (argc > 1 ? 2 : 1)))
			measure(&conditions[i], pairs);
	}
	kill(other, SIGKILL);
	return EXIT_SUCCESS;
}
