// SPDX-License-Identifier: GPL-2.0-only
/*
 * Others hook the functions that the module hooks, at the same time: ftrace's
 * function tracer, kprobe events of ftrace, kprobes of perf, and BPF programs on
 * those (what bpftrace makes). They come before and after, go first and last,
 * and while programs fault. All see what they should, and counts stay exact.
 *
 * vm: smp=4 mem=1024 timeout=420
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/storm.h"

#define NAME	"pf-others"
#define PAGES	64
#define TRACING	"/sys/kernel/tracing/"
#define PMU	"/sys/bus/event_source/devices/kprobe/"

/* Those that ours are on too; the first is passed once by each copy. */
static const char * const functions[] = {
	"ptep_clear_flush", "handle_mm_fault", "finish_fault", "exit_mm_release",
};

#define NR	KTAP_ARRAY_SIZE(functions)

static struct pfstat_id id;

static void end_all(void);

BEFORE_EACH()
{
	end_all();
	cow_begin();
}

/* ---- ftrace ------------------------------------------------------------------------ */

static void tracing(const char *file, const char *text, bool append)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC | (append ? O_APPEND : O_TRUNC));
	ASSERT_OK(fd);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void begin_tracer(const char *tracer)
{
	size_t i;

	for (i = 0; i < NR; i++)
		tracing("set_ftrace_filter", functions[i], i);
	tracing("current_tracer", tracer, false);
}

static void begin_ftrace(void)
{
	begin_tracer("function");
}

static void end_ftrace(void)
{
	tracing("current_tracer", "nop", false);
	tracing("set_ftrace_filter", "\n", false);
}

static void begin_events(void)
{
	char text[100];
	size_t i;

	for (i = 0; i < NR; i++) {
		snprintf(text, sizeof(text), "p:others/in_%s %s\n", functions[i], functions[i]);
		tracing("kprobe_events", text, true);
		snprintf(text, sizeof(text), "r:others/out_%s %s\n", functions[i], functions[i]);
		tracing("kprobe_events", text, true);
	}
	tracing("events/others/enable", "1", false);
}

static void end_events(void)
{
	if (access(TRACING "events/others", F_OK))
		return;
	tracing("events/others/enable", "0", false);
	tracing("kprobe_events", "\n", false);
}

/* How often a function was traced as @mark says, which is in its lines alone. */
static unsigned long traced(const char *mark)
{
	FILE *f = fopen(TRACING "trace", "re");
	unsigned long n = 0;
	char line[512];

	ASSERT_TRUE(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, mark))
			n++;
		else if (strstr(line, "entries-in-buffer"))
			ktap_note("%s %s", mark, strtok(line, "\n"));
	fclose(f);
	return n;
}

/* ---- perf and BPF ------------------------------------------------------------------- */

static int map_fd = -1, program_fd = -1;
static int events[2 * NR];	/* entry and return of each function */
static unsigned int nr_events;

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A program that counts its runs in the only element of a map. */
static void load_program(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8,
		.max_entries = 1,
	};
	union bpf_attr program = { .prog_type = BPF_PROG_TYPE_KPROBE };

	map_fd = bpf(BPF_MAP_CREATE, &map);
	ASSERT_OK(map_fd);
	const struct bpf_insn insns[] = {
		{ BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0 },	/* key: *(u32 *)(fp - 4) = 0 */
		{ BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4 },
		{ BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map_fd },
		{ 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1 },
		{ BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD },
		/* Not 0, at which the event itself would not count. */
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	program.insns = (uintptr_t)insns;
	program.insn_cnt = KTAP_ARRAY_SIZE(insns);
	program.license = (uintptr_t)"GPL";
	program_fd = bpf(BPF_PROG_LOAD, &program);
	ASSERT_OK(program_fd);
}

/* On one CPU, of any process; with the BPF program. */
static int probe_event(const char *function, bool at_return)
{
	struct perf_event_attr attr = {
		.type = read_number(PMU "type"), .size = sizeof(attr),
		.config = at_return, .config1 = (uintptr_t)function,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	ASSERT_OK(fd);
	ASSERT_OK(ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd));
	ASSERT_OK(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	return fd;
}

static void begin_perf(void)
{
	size_t i;

	load_program();
	for (i = 0; i < NR; i++) {
		events[nr_events++] = probe_event(functions[i], false);
		events[nr_events++] = probe_event(functions[i], true);
	}
}

static void end_perf(void)
{
	while (nr_events)
		close(events[--nr_events]);
	if (program_fd >= 0)
		close(program_fd);
	if (map_fd >= 0)
		close(map_fd);
	program_fd = -1;
	map_fd = -1;
}

/* How often the kernel went through the event of a function. */
static uint64_t passed(size_t function, bool at_return)
{
	uint64_t count = 0;

	ASSERT_EQ(read(events[2 * function + at_return], &count, sizeof(count)),
		  sizeof(count));
	return count;
}

/* How often the BPF program has run. */
static uint64_t program_runs(void)
{
	uint32_t key = 0;
	uint64_t value = 0;
	union bpf_attr look = {
		.map_fd = map_fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value,
	};

	ASSERT_OK(bpf(BPF_MAP_LOOKUP_ELEM, &look));
	return value;
}

static void begin_all(void)
{
	tracing("buffer_size_kb", "8192", false);
	tracing("trace", "\n", false);
	tracing("tracing_on", "1", false);
	begin_ftrace();
	begin_events();
	begin_perf();
}

static void end_all(void)
{
	end_perf();
	end_events();
	end_ftrace();
	tracing("tracing_on", "1", false);
	tracing("buffer_size_kb", "1024", false);
}

/* ---- together with ours --------------------------------------------------------------- */

/* After each step it copies as many pages again, on the CPU that perf looks at. */
WORKLOAD(copies)
{
	stay_on_cpu(0);
	copy_at_each_step(PAGES);
}

static unsigned long copied_at(struct workload *w)
{
	unsigned long at = address_in(workload_wait(w));

	workload_go(w);
	workload_wait(w);
	return at;
}

static void expect_copies(unsigned long at)
{
	EXPECT_COUNTS(&id, 0, at, PAGES, .copy = PAGES);
}

/* Each of them has seen every copy, and nothing of theirs was missed. */
static void expect_seen(void)
{
	EXPECT_GE(passed(0, false), PAGES);
	EXPECT_GE(passed(0, true), PAGES);
	EXPECT_GE(program_runs(), 2 * PAGES);
	tracing("tracing_on", "0", false);
	EXPECT_GE(traced(": ptep_clear_flush <-"), PAGES);
	EXPECT_GE(traced(": in_ptep_clear_flush: "), PAGES);
	EXPECT_GE(traced(": out_ptep_clear_flush: "), PAGES);
}

static void end_workload(struct workload *w)
{
	kill(w->pid, SIGKILL);
	EXPECT_EQ(workload_end(w), 128 + SIGKILL);
}

TEST_SECONDS(others_come_first, 60)
{
	struct workload w;

	begin_all();
	id = track_name(NAME);
	w = workload_start("copies", NAME, NULL);
	expect_copies(copied_at(&w));
	expect_seen();
	end_workload(&w);
	end_all();
}

TEST_SECONDS(others_come_later, 60)
{
	struct workload w;

	id = track_name(NAME);
	begin_all();
	w = workload_start("copies", NAME, NULL);
	expect_copies(copied_at(&w));
	expect_seen();
	end_workload(&w);
	/* They go first: ours are still there. */
	end_all();
	w = workload_start("copies", NAME, NULL);
	expect_copies(copied_at(&w));
	end_workload(&w);
}

TEST_SECONDS(ours_go_first, 60)
{
	struct workload w;
	uint64_t before;

	id = track_name(NAME);
	begin_all();
	ASSERT_OK(pf_cleanup());
	before = program_runs();
	w = workload_start("copies", NAME, NULL);
	copied_at(&w);
	/* Theirs are still there. */
	EXPECT_GE(program_runs(), before + 2 * PAGES);
	expect_seen();
	end_workload(&w);
	end_all();
}

/* What is counted while they come and go. */
TEST_SECONDS(others_come_and_go, 100)
{
	int i, rounds = how_often(4, 2);
	struct workload w;

	id = track_name(NAME);
	for (i = 0; i < rounds; i++) {
		w = workload_start("copies", NAME, NULL);
		begin_perf();
		workload_wait(&w);
		workload_go(&w);
		begin_ftrace();
		begin_events();
		end_perf();
		end_ftrace();
		end_events();
		expect_copies(address_in(workload_wait(&w)));
		end_workload(&w);
	}
	ktap_note("%d rounds", rounds);
}

/* It takes return addresses away too, by means of its own. */

static void copy_beside_graph_tracer(void)
{
	struct workload w = workload_start("copies", NAME, NULL);

	expect_copies(copied_at(&w));
	end_workload(&w);
	end_ftrace();
}

TEST_SECONDS(graph_tracer_first, 60)
{
	begin_tracer("function_graph");
	id = track_name(NAME);
	copy_beside_graph_tracer();
}

TEST_SECONDS(graph_tracer_later, 60)
{
#ifdef __x86_64__
	struct utsname name;
	int major, minor;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 10)))
		ktap_skip("who called is in the graph tracer's own memory");
#endif
	id = track_name(NAME);
	begin_tracer("function_graph");
	copy_beside_graph_tracer();
}
