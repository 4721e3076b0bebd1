// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace event pfstat:cow_fault: one for each fault that is counted, with
 * the target, the process, where, and of which kind.
 *
 * vm: smp=4 mem=1024 timeout=300
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/oracle.h"

#define NAME	"pf-trace"
#define PAGES	64
#define RW	(PROT_READ | PROT_WRITE)

BEFORE_EACH()
{
	cow_begin();
}

/* ---- workloads: where, then the faults, then done ----------------------------------------- */

WORKLOAD(copies)
{
	pid_t pid;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	write_pages(p, PAGES);
	end_sleeper(pid);
	return workload_done();
}

WORKLOAD(reuses)
{
	char *p;

	only_small_pages();
	stay_on_cpu(0);
	p = map_written(PAGES);
	end_sleeper(fork_sleeper());
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(zeros)
{
	char *p;

	only_small_pages();
	p = map_pages(PAGES, RW, MAP_PRIVATE, -1);
	read_pages(p, PAGES);
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(file_writes)
{
	char *p;

	only_small_pages();
	p = map_pages(PAGES, RW, MAP_PRIVATE, file_of_pages(PAGES));
	workload_at(p);
	write_pages(p, PAGES);
	return workload_done();
}

WORKLOAD(kernel_writes)
{
	FILE *zero = fopen("/dev/zero", "re");
	pid_t pid;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	pid = fork_sleeper();
	workload_at(p);
	if (read(fileno(zero), p, PAGES * page_size()) < 0)
		return 1;
	end_sleeper(pid);
	return workload_done();
}

WORKLOAD(child_writes)
{
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	workload_at(p);
	copy_in_child(p, PAGES);
	return workload_done();
}

/* ---- events --------------------------------------------------------------------------------- */

struct events {
	unsigned long start;
	unsigned char seen[PAGES];
	const char *kind;
	const char *name;
	pid_t pid;		/* 0: another one */
	pid_t not_pid;
	int user;
	unsigned long long mm;
	int wrong;
};

static void one_event(const char *line, void *data)
{
	unsigned long long mm, address, vma, ip, duration, run;
	struct events *e = data;
	char name[64], kind[16];
	const char *at = strstr(line, "cow_fault: ");
	int pid;

	if (sscanf(at, "cow_fault: name=%63s pid=%d mm=%llx address=0x%llx vma=0x%llx kind=%15s ip=0x%llx duration=%llu run=%llu",
		   name, &pid, &mm, &address, &vma, kind, &ip, &duration, &run) != 9) {
		ktap_fail(__FILE__, __LINE__, 0, "not as expected: %s", line);
		return;
	}
	if (address < e->start || address >= e->start + PAGES * page_size())
		return;
	if (!e->mm)
		e->mm = mm;
	if (strcmp(name, e->name) || strcmp(kind, e->kind) ||
	    (e->pid ? pid != e->pid : pid == e->not_pid) || vma != e->start ||
	    address & (page_size() - 1) || !!ip != e->user || mm != e->mm ||
	    duration || run != 1) {
		if (!e->wrong++)
			ktap_fail(__FILE__, __LINE__, 0, "wrong event: %s", line);
	}
	e->seen[(address - e->start) / page_size()]++;
}

static const struct trace_case {
	const char *name;
	const char *kind;
	int user;
	int child;
} trace_cases[] = {
	{ "copies", "copy", 1, 0 },
	{ "reuses", "reuse", 1, 0 },
	{ "zeros", "zero", 1, 0 },
	{ "file_writes", "file", 1, 0 },
	{ "kernel_writes", "kernel", 0, 0 },
	{ "child_writes", "copy", 1, 1 },
};

TEST_EACH(one_event_each, const struct trace_case *, trace_cases)
{
	struct events e = { .kind = each->kind, .name = NAME, .user = each->user };
	struct workload w;
	int i;

	track_name(NAME);
	trace_begin();
	w = workload_start(each->name, NAME, NULL);
	e.start = address_in(workload_wait(&w));
	if (each->child)
		e.not_pid = w.pid;
	else
		e.pid = w.pid;
	trace_enable("pfstat/cow_fault", NULL);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_EQ(trace_overrun(), 0);
	EXPECT_GE(trace_lines("cow_fault: ", one_event, &e), PAGES);
	trace_end();
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(e.seen[i], 1);
}

/* The fields are there for filters and triggers. */
TEST(events_can_be_filtered)
{
	struct workload w;
	unsigned long at;
	char filter[100];

	track_name(NAME);
	trace_begin();
	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	snprintf(filter, sizeof(filter), "pid == %d && kind == 0 && address >= 0x%lx && address < 0x%lx",
		 w.pid, at, at + 10 * page_size());
	trace_enable("pfstat/cow_fault", filter);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_EQ(trace_lines("cow_fault: ", NULL, NULL), 10);
	trace_end();
}

/* One event for each target that counts the fault; that of a pid has its program's name. */
TEST(two_targets_two_events)
{
	struct workload w;
	unsigned long at;
	char filter[100];

	track_name(NAME);
	trace_begin();
	w = workload_start("copies", NAME, NULL);
	at = address_in(workload_wait(&w));
	track_pid(w.pid);
	snprintf(filter, sizeof(filter), "address >= 0x%lx && address < 0x%lx",
		 at, at + PAGES * page_size());
	trace_enable("pfstat/cow_fault", filter);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_EQ(trace_lines("cow_fault: name=" NAME " pid=", NULL, NULL), 2 * PAGES);
	trace_end();
}

TEST(untracked_no_events)
{
	struct workload w;

	track_name("pf-other");
	trace_begin();
	trace_enable("pfstat/cow_fault", NULL);
	w = workload_start("copies", NAME, NULL);
	workload_wait(&w);
	workload_go(&w);
	workload_wait(&w);
	EXPECT_EQ(trace_lines("cow_fault: ", NULL, NULL), 0);
	trace_end();
}
