// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfstat run: what it counts, whose status it passes on, what a signal does.
 *
 * vm: smp=4 mem=1024 timeout=240
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/report.h"
#include "lib/shell.h"

#define PAGES	100
#define CHILD	40

/* The child copies CHILD pages; the parent then keeps them, and copies none. */
WORKLOAD(forks)
{
	char *p;

	only_small_pages();
	stay_on_cpu(0);
	p = map_written(PAGES);
	printf("%lx\n", (unsigned long)p);
	fflush(stdout);
	copy_in_child(p, CHILD);
	write_pages(p, PAGES);
	return 7;
}

static int copies_at_fixed(void)
{
	copy_in_child(map_fixed(PAGES), CHILD);
	return 0;
}

WORKLOAD(fixed)
{
	return copies_at_fixed();
}

/* A child that never has memory of its own before it executes. */
WORKLOAD(spawns)
{
	workload_next("fixed");
	spawn_and_wait("./pf-run");
	return 0;
}

WORKLOAD(gated)
{
	puts("ready");
	fflush(stdout);
	while (access("go", F_OK))
		usleep(10000);
	return copies_at_fixed();
}

/* Says that it is there, and ends at SIGTERM only. */
WORKLOAD(stays)
{
	printf("%lx\n", (unsigned long)map_written(PAGES));
	fflush(stdout);
	for (;;)
		pause();
	return 0;
}

WORKLOAD(counts_a_signal)
{
	sigset_t set;
	int n;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &n);
	puts("got it");
	return 0;
}

BEFORE_EACH()
{
	cow_begin();
}

TEST(counts_are_exact)
{
	struct run r = workload_shell("forks", "pfstat run --json -- ./pf-run");
	unsigned long address = strtoul(r.out, NULL, 16);
	struct json_object *top = parse(strchr(r.out, '\n') + 1);
	struct json_object *vma = vma_of(top, address);

	EXPECT_EQ(r.status, 7);
	EXPECT_STR_EQ(r.err, "");
	EXPECT_STR_EQ(get_text(top, "name"), "pf-run");
	EXPECT_EQ(get_number(top, "status"), 7);
	EXPECT_TRUE(has_word(get(top, "command"), "./pf-run"));
	EXPECT_EQ(kind_of(vma, "copy"), CHILD);
	EXPECT_EQ(kind_of(vma, "reuse"), PAGES);
	EXPECT_EQ(get_number(vma, "cow_faults"), CHILD + PAGES);
	EXPECT_EQ(get_number(vma, "pages"), PAGES);
	EXPECT_EQ(get_number(vma, "bytes_copied"), CHILD * page_size());
	EXPECT_EQ(json_object_array_length(get(top, "processes")), 2);
}

/* Who copied what: the child its pages, the parent none. */
TEST(each_process_by_itself)
{
	struct run r = workload_shell("forks", "pfstat run --each --json ./pf-run");
	unsigned long address = strtoul(r.out, NULL, 16);
	struct json_object *processes = get(parse(strchr(r.out, '\n') + 1), "processes");
	struct json_object *parent = json_object_array_get_idx(processes, 0);
	struct json_object *child = json_object_array_get_idx(processes, 1);

	ASSERT_EQ(json_object_array_length(processes), 2);
	EXPECT_EQ(get_number(parent, "parent"), 0);
	EXPECT_EQ(get_number(child, "parent"), get_number(parent, "pid"));
	EXPECT_EQ(kind_of(vma_of(parent, address), "copy"), 0);
	EXPECT_EQ(kind_of(vma_of(parent, address), "reuse"), PAGES);
	EXPECT_EQ(kind_of(vma_of(child, address), "copy"), CHILD);
	EXPECT_EQ(kind_of(vma_of(child, address), "reuse"), 0);
}

TEST(report_goes_to_stderr)
{
	struct run r = workload_shell("forks", "pfstat run ./pf-run");

	EXPECT_EQ(r.status, 7);
	EXPECT_TRUE(!strchr(strchr(r.out, '\n') + 1, '\n'));
	EXPECT_TRUE(!strncmp(r.err, "pf-run: 2 processes, 0 alive, first pid ", 40));
	EXPECT_TRUE(strstr(r.err, ", status 7\n"));
}

TEST(report_goes_to_a_file)
{
	struct run r = workload_shell("forks", "pfstat run -o report ./pf-run; cat report >&2; rm report");

	EXPECT_TRUE(!strncmp(r.err, "pf-run: 2 processes, 0 alive, first pid ", 40));
}

TEST(nothing_stays_tracked)
{
	struct pfstat_target *targets;
	size_t count;

	workload_shell("forks", "pfstat run ./pf-run");
	ASSERT_OK(pfstat_list_targets(pf, &targets, &count));
	EXPECT_EQ(count, 0);
}

/* The copies at FIXED, -1: nothing is mapped there */
static long long copies(struct json_object *top)
{
	struct json_object *vmas = get(top, "vmas");
	size_t i;

	for (i = 0; i < json_object_array_length(vmas); i++) {
		struct json_object *vma = json_object_array_get_idx(vmas, i);

		if (get_hex(vma, "start") == FIXED)
			return kind_of(vma, "copy");
	}
	return -1;
}

static const struct followed {
	const char *name;
	const char *workload;
	const char *command;
	long long copies;
} followed[] = {
	{ "children", "fixed", "--follow sh -c './pf-run; ./pf-run; true'", 2 * CHILD },
	{ "grandchildren", "fixed", "--follow sh -c \"sh -c './pf-run; true'; true\"", CHILD },
	{ "exec_of_itself", "fixed", "--follow sh -c './pf-run; exec ./pf-run'", 2 * CHILD },
	{ "vfork", "spawns", "--follow ./pf-run", CHILD },
	{ "not_unless_asked", "fixed", "sh -c './pf-run; true'", -1 },
	{ "but_exec_of_itself", "fixed", "sh -c 'exec ./pf-run'", CHILD },
};

TEST_EACH(what_is_executed, const struct followed *, followed)
{
	struct run r = workload_shell(each->workload, "pfstat run --json %s", each->command);

	EXPECT_EQ(r.status, 0);
	EXPECT_EQ(copies(parse(r.out)), each->copies);
}

/* Those that are there already, and what they execute later. */
TEST(children_of_a_running_process)
{
	struct running p = workload_running("gated", "sh", "-c", "./pf-run; ./pf-run; true", NULL);

	EXPECT_STR_EQ(line_of(&p), "ready");
	answer("pfstat track --children --pid %d", p.pid);
	EXPECT_EQ(run("touch go").status, 0);
	EXPECT_STR_EQ(line_of(&p), "ready");
	EXPECT_EQ(end_of(&p), 0);
	EXPECT_EQ(copies(parse(answer("pfstat get --json --pid %d", p.pid))), 2 * CHILD);
}

static const struct passed {
	const char *name;
	const char *command;
	int status;
} passed[] = {
	{ "success", "pfstat run true", 0 },
	{ "failure", "pfstat run false", 1 },
	{ "number", "pfstat run sh -c 'exit 93'", 93 },
	{ "signal", "pfstat run sh -c 'kill -9 $$'", 137 },
	{ "options_of_the_command", "pfstat run sh -c 'exit 3' --json", 3 },
	{ "not_found", "pfstat run ./nowhere", 127 },
	{ "not_executable", "pfstat run /etc", 126 },
	{ "not_found_json", "pfstat run --json ./nowhere", 127 },
};

TEST_EACH(status, const struct passed *, passed)
{
	EXPECT_EQ(run("%s", each->command).status, each->status);
}

TEST(not_found_says_so)
{
	struct run r = run("pfstat run ./nowhere");

	EXPECT_STR_EQ(r.err, "pfstat: run: ./nowhere: No such file or directory: is it spelled right, and in PATH?\n");
	EXPECT_STR_EQ(r.out, "");
}

/* As many durations as faults */
static struct json_object *check_latency(const struct run *r)
{
	static const char * const kinds[] = { "copy", "reuse", "zero", "file" };
	struct json_object *top, *latency, *kind;
	size_t i;

	EXPECT_EQ(r->status, 7);
	EXPECT_STR_EQ(r->err, "");
	top = parse(strchr(r->out, '\n') + 1);
	latency = get(top, "latency");
	EXPECT_EQ(get_number(latency, "lost"), 0);
	get(latency, "cost_ns");
	for (i = 0; i < KTAP_ARRAY_SIZE(kinds); i++) {
		kind = get(latency, kinds[i]);
		EXPECT_EQ(get_number(kind, "count"), kind_of(top, kinds[i]));
		EXPECT_GE(get_number(kind, "sum_ns"), get_number(kind, "max_ns"));
	}
	return latency;
}

/*
 * What pfstat's own child faults until it has executed the program is no fault
 * of the program's. Looking for that along a long PATH takes much of the stack.
 */
TEST(latency_before_exec_is_not_the_programs)
{
	struct run r = workload_shell("forks",
		"PATH=$(printf '/no%%.0s' $(seq 1300)):$PWD:$PATH pfstat run --latency --json pf-run");

	check_latency(&r);
}

/* Only if asked. */
TEST(latency)
{
	struct json_object *latency;
	struct run r;

	r = workload_shell("forks", "pfstat run --latency --json ./pf-run");
	latency = check_latency(&r);
	EXPECT_GE(get_number(get(latency, "copy"), "count"), CHILD);
	EXPECT_GT(get_number(get(latency, "copy"), "max_ns"), 0);
	r = workload_shell("forks", "pfstat run --latency ./pf-run");
	EXPECT_TRUE(strstr(r.err, "\n(measuring made each page fault of every process dearer by about "));
	EXPECT_TRUE(strstr(r.err, "\ncopy: "));
	r = workload_shell("forks", "pfstat run ./pf-run");
	EXPECT_TRUE(!strstr(r.err, "\ncopy: "));
}

/* ---- other forms of the report ---------------------------------------------------------- */

/* The value of a series, -1 if it is not there */
static long long series(const char *metrics, const char *name)
{
	const char *at = strstr(metrics, name);

	if (!at || (at > metrics && at[-1] != '\n') || at[strlen(name)] != ' ')
		return -1;
	return strtoll(at + strlen(name), NULL, 10);
}

TEST(openmetrics)
{
	struct json_object *top;
	const char *text;

	workload_shell("forks", "pfstat track pf-run; ./pf-run");
	text = answer("pfstat get pf-run --openmetrics");
	top = parse(answer("pfstat get pf-run --json"));
	EXPECT_EQ(series(text, "pfstat_cow_faults_total{name=\"pf-run\",kind=\"copy\"}"),
		  kind_of(top, "copy"));
	EXPECT_EQ(series(text, "pfstat_cow_faults_total{name=\"pf-run\",kind=\"huge\"}"), 0);
	EXPECT_EQ(series(text, "pfstat_copied_bytes_total{name=\"pf-run\"}"),
		  get_number(top, "bytes_copied"));
	EXPECT_EQ(series(text, "pfstat_pages{name=\"pf-run\"}"), get_number(top, "pages"));
	EXPECT_EQ(series(text, "pfstat_processes{name=\"pf-run\"}"), 0);
	EXPECT_GE(series(text, "pfstat_mapping_cow_faults_total{name=\"pf-run\",mapping=\"anonymous\",perm=\"rw-p\",kind=\"copy\"}"),
		  CHILD);
	EXPECT_STR_EQ(text + strlen(text) - 6, "# EOF\n");
}

TEST(difference_of_two_runs)
{
	struct json_object *faults, *top;
	struct run r;

	r = workload_shell("forks", "pfstat run -o a --json ./pf-run; pfstat run -o b --json true");
	EXPECT_EQ(r.status, 0);
	top = parse(answer("pfstat diff a b --json"));
	faults = get(top, "bytes_copied");
	EXPECT_EQ(get_number(faults, "after") - get_number(faults, "before"),
		  get_number(faults, "change"));
	EXPECT_LE(get_number(faults, "change"), -(long)(CHILD * page_size()) / 2);
}

/* ---- what can be wrong ------------------------------------------------------------------- */

static const struct denied {
	const char *name;
	const char *command;
} denied[] = {
	{ "run", "pfstat run true" },
	{ "track", "pfstat track x" },
	{ "get", "pfstat get x" },
	{ "watch", "pfstat watch x" },
	{ "top", "pfstat top --batch" },
	{ "record", "pfstat record -o /tmp/denied true" },
};

/* Returns whether it is one line. */
static bool is_line(const char *text)
{
	return *text && strchr(text, '\n') == text + strlen(text) - 1;
}

TEST_EACH(without_permission, const struct denied *, denied)
{
	struct run r = run("su -s /bin/sh nobody -c '%s'", each->command);

	EXPECT_EQ(r.status, 1);
	EXPECT_TRUE(is_line(r.err));
	EXPECT_TRUE(strstr(r.err, "pfstat: /dev/pfstat: Permission denied: run this as root, or "));
}

static const struct denied given_the_node[] = {
	{ "record", "pfstat record -o /tmp/denied true" },
	{ "stacks", "pfstat record --stacks -o /tmp/denied true" },
	{ "latency", "pfstat run --latency true" },
};

/* Events of all processes are for root, also if the device is for others. */
TEST_EACH(without_tracefs, const struct denied *, given_the_node)
{
	struct run r = run("chmod 666 /dev/pfstat; su -s /bin/sh nobody -c '%s'; "
			   "status=$?; chmod 600 /dev/pfstat; exit $status", each->command);

	EXPECT_EQ(r.status, 1);
	EXPECT_TRUE(is_line(r.err));
	EXPECT_TRUE(strstr(r.err, "tracefs: Permission denied: run this as root"));
}

TEST(without_the_module)
{
	struct run r;

	pfstat_close(pf);
	r = run("rmmod pfstat && pfstat run true; status=$?; insmod $PFSTAT_KO; exit $status");
	pf = pfstat_open();
	EXPECT_EQ(r.status, 1);
	EXPECT_TRUE(strstr(r.err, "is the module loaded? try: insmod pfstat.ko\n"));
}

/* ---- signals ------------------------------------------------------------------------------ */

/* To pfstat alone: the command is told, the report is shown, then it dies of it. */
TEST(interrupted)
{
	struct running p = workload_running("stays", "pfstat", "run", "--json", "./pf-run", NULL);
	unsigned long address = strtoul(line_of(&p), NULL, 16);
	struct json_object *top;

	kill(p.pid, SIGINT);
	top = parse(rest_of(&p));
	EXPECT_EQ(end_of(&p), 128 + SIGINT);
	EXPECT_EQ(get_number(top, "status"), 128 + SIGINT);
	EXPECT_EQ(kind_of(vma_of(top, address), "copy"), 0);
}

/* A command that goes on until it is done with the signal is waited for. */
TEST(command_handles_the_signal)
{
	struct running p = workload_running("counts_a_signal", "pfstat", "run", "--json", "./pf-run", NULL);

	EXPECT_STR_EQ(line_of(&p), "ready");
	kill(p.pid, SIGINT);
	EXPECT_STR_EQ(line_of(&p), "got it");
	EXPECT_EQ(get_number(parse(rest_of(&p)), "status"), 0);
	EXPECT_EQ(end_of(&p), 128 + SIGINT);
}
