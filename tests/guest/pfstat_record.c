// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfstat record and report: every fault, once, with its mapping, page, function
 * and process; stacks; what is lost is said.
 *
 * vm: smp=4 mem=1024 timeout=180
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cow.h"
#include "lib/report.h"
#include "lib/shell.h"

#define PAGES	100
#define CHILD	40
#define TWICE	8	/* of the child's, written by the parent as well */

BEFORE_EACH()
{
	cow_begin();
}

#define IN_STACKS __attribute__((noinline, noclone, optimize("no-omit-frame-pointer")))

/* What a report is to find as the place of a fault */
static IN_STACKS void writes_here(char *p, int pages)
{
	int i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(p + i * page_size()) = 1;
}

static IN_STACKS void calls_it(char *p, int pages)
{
	writes_here(p, pages);
	/* no tail call: it has to be on the stack */
	__asm__ volatile ("" : : : "memory");
}

/* The child copies CHILD pages, the parent meanwhile TWICE of the same. */
WORKLOAD(forks)
{
	pid_t sleeper, pid;
	char *p;

	only_small_pages();
	p = map_written(PAGES);
	printf("%lx\n", (unsigned long)p);
	fflush(stdout);
	sleeper = fork_sleeper();
	pid = fork();
	if (!pid) {
		calls_it(p, CHILD);
		_exit(0);
	}
	wait_for_child(pid);
	calls_it(p, TWICE);
	end_sleeper(sleeper);
	return 0;
}

/* Many faults at once, when it is told. */
WORKLOAD(many)
{
	size_t pages = 20 * PAGES;
	pid_t sleeper;
	char *p;

	only_small_pages();
	p = map_written(pages);
	sleeper = fork_sleeper();
	workload_step("ready");
	writes_here(p, pages);
	workload_step("done");
	end_sleeper(sleeper);
	return 0;
}

/* The element of an array whose member begins with a text; NULL: there is none. */
static struct json_object *element(struct json_object *array, const char *key, const char *text)
{
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++) {
		struct json_object *object = json_object_array_get_idx(array, i);

		if (!strncmp(get_text(object, key), text, strlen(text)))
			return object;
	}
	return NULL;
}

static unsigned long recorded(const char *options)
{
	struct run r = workload_shell("forks", "pfstat record %s ./pf-run", options);

	EXPECT_EQ(r.status, 0);
	EXPECT_TRUE(strstr(r.err, " faults recorded in pfstat.data; see: pfstat report\n"));
	return strtoul(r.out, NULL, 16);
}

/* The sum of a member over an array */
static long long total(struct json_object *array, const char *key)
{
	long long sum = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++)
		sum += get_number(json_object_array_get_idx(array, i), key);
	return sum;
}

static void check_sums(struct json_object *top)
{
	static const char * const views[] = { "by_vma", "by_page", "by_ip", "by_process", "by_time" };
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(views); i++)
		EXPECT_EQ(total(get(top, views[i]), "cow_faults"), get_number(top, "cow_faults"));
	EXPECT_EQ(total(get(top, "by_page"), "distinct_pages"), get_number(top, "pages"));
}

/* How many faults the line of folded stacks has that contains all these */
static long folded(const char *text, const char *a, const char *b)
{
	long sum = 0;

	while (*text) {
		const char *end = strchr(text, '\n'), *space = end;

		while (space > text && *space != ' ')
			space--;
		if (memmem(text, end - text, a, strlen(a)) && memmem(text, end - text, b, strlen(b)))
			sum += strtol(space, NULL, 10);
		text = end + 1;
	}
	return sum;
}

static void check_forms(unsigned long address)
{
	char text[64];
	const char *csv;
	int lines = 0;

	snprintf(text, sizeof(text), "%08lx-", address);
	EXPECT_TRUE(strstr(answer("pfstat report"), text));
	EXPECT_TRUE(strstr(answer("pfstat report --by ip"), " writes_here\n"));
	EXPECT_TRUE(strstr(answer("pfstat report --by process"), ", forked by "));
	snprintf(text, sizeof(text), "0x%lx,,2,1,2,0,0,0,0,0,0\n", address);
	EXPECT_TRUE(strstr(answer("pfstat report --by page --csv"), text));
	snprintf(text, sizeof(text), ",0x%lx,copy,", address);
	for (csv = answer("pfstat report --csv"); (csv = strstr(csv, text)); csv++)
		lines++;
	EXPECT_EQ(lines, CHILD + TWICE);
	EXPECT_EQ(run("pfstat report --html page").status, 0);
	EXPECT_STR_EQ(answer("tail -n 1 page"), "</html>\n");
}

static void check_stacks(void)
{
	const char *text = answer("pfstat report --stacks");

	EXPECT_EQ(folded(text, ";writes_here;[copy]", "pf-run-"), CHILD + TWICE);
	EXPECT_EQ(folded(text, ";forks;calls_it;writes_here;[copy]", "pf-run-"), CHILD + TWICE);
}

TEST_SECONDS(every_fault_is_there, 60)
{
	struct json_object *top, *vma, *page, *processes, *function;
	unsigned long address = recorded("--stacks");
	char text[32];
	int i;

	top = parse(answer("pfstat report --json"));
	EXPECT_EQ(get_number(top, "lost"), 0);
	snprintf(text, sizeof(text), "0x%lx", address);
	vma = element(get(top, "by_vma"), "start", text);
	ASSERT_TRUE(vma);
	EXPECT_EQ(get_number(vma, "cow_faults"), CHILD + TWICE);
	EXPECT_EQ(kind_of(vma, "copy"), CHILD + TWICE);
	EXPECT_EQ(get_number(vma, "distinct_pages"), CHILD);
	for (i = 0; i < CHILD; i++) {
		snprintf(text, sizeof(text), "0x%lx", address + i * page_size());
		page = element(get(top, "by_page"), "page", text);
		ASSERT_TRUE(page);
		EXPECT_EQ(get_number(page, "cow_faults"), i < TWICE ? 2 : 1);
	}
	processes = get(top, "by_process");
	EXPECT_GE(json_object_array_length(processes), 2);
	check_sums(top);
	function = element(get(top, "by_ip"), "function", "writes_here");
	ASSERT_TRUE(function);
	EXPECT_EQ(get_number(function, "cow_faults"), CHILD + TWICE);
	check_forms(address);
	check_stacks();
	/* nothing is measured unless asked */
	EXPECT_TRUE(!json_object_object_get_ex(top, "latency", NULL));
	EXPECT_STR_EQ(answer("pfstat report --csv | grep -vc ',0$'"), "1\n");
}

/*
 * What pfstat's own child faults until it has executed the program is no fault
 * of the program's. Looking for that along a long PATH takes much of the stack.
 */
TEST_SECONDS(faults_before_exec_are_not_the_programs, 60)
{
	struct run r = workload_shell("forks",
		"PATH=$(printf '/no%%.0s' $(seq 1300)):$PWD:$PATH pfstat record pf-run");

	EXPECT_EQ(r.status, 0);
	check_sums(parse(answer("pfstat report --json")));
}

/* The sum of a kind over a view */
static long long total_of(struct json_object *array, const char *kind)
{
	long long sum = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++)
		sum += kind_of(json_object_array_get_idx(array, i), kind);
	return sum;
}

/* Every fault has its duration, if that was asked for. */
TEST_SECONDS(latency, 60)
{
	static const char * const kinds[] = { "copy", "reuse", "zero", "file", "kernel" };
	struct json_object *top, *latency, *kind, *buckets;
	size_t i;

	recorded("--latency");
	top = parse(answer("pfstat report --json"));
	latency = get(top, "latency");
	for (i = 0; i < KTAP_ARRAY_SIZE(kinds); i++) {
		kind = get(latency, kinds[i]);
		buckets = get(kind, "buckets");
		EXPECT_EQ(get_number(kind, "count"), total_of(get(top, "by_vma"), kinds[i]));
		EXPECT_EQ(total(buckets, "count"), get_number(kind, "count"));
		EXPECT_GE(get_number(kind, "sum_ns"), get_number(kind, "max_ns"));
	}
	kind = get(latency, "copy");
	EXPECT_GE(get_number(kind, "count"), CHILD + TWICE);
	EXPECT_GT(get_number(kind, "sum_ns"), get_number(kind, "count"));
	EXPECT_STR_EQ(answer("pfstat report | grep -c '^copy: [0-9]* faults, [0-9]* ns on average'"), "1\n");
	EXPECT_STR_EQ(answer("pfstat report | grep -c 'measuring made each page fault of every process dearer'"), "1\n");
}

TEST_SECONDS(status_is_passed_on, 60)
{
	EXPECT_EQ(run("cd /tmp; pfstat record sh -c 'exit 9'").status, 9);
	EXPECT_EQ(get_number(parse(answer("cd /tmp; pfstat report --json; rm pfstat.data")), "status"), 9);
	EXPECT_EQ(run("cd /tmp; pfstat record ./nowhere").status, 127);
	EXPECT_EQ(run("cd /tmp; pfstat record").status, 2);
	EXPECT_EQ(run("cd /tmp; pfstat record --name x true").status, 2);
	EXPECT_EQ(run("cd /tmp; pfstat record -o /nowhere/x true").status, 1);
}

/* By name until SIGINT, and no tracefs instance or target is left. */
TEST_SECONDS(by_name, 60)
{
	struct pfstat_target *targets;
	struct running record;
	struct json_object *top;
	struct workload w;
	size_t count;

	w = workload_start("many", "pf-many", NULL);
	workload_wait(&w);
	record = workload_running("many", "pfstat", "record", "--name", "pf-many", NULL);
	while (run("pfstat list | grep -q pf-many").status)
		;
	EXPECT_EQ(run("grep -q 1 /sys/kernel/tracing/instances/pfstat-%d/events/pfstat/cow_fault/enable",
		      record.pid).status, 0);
	workload_go(&w);
	workload_wait(&w);
	kill(record.pid, SIGINT);
	EXPECT_EQ(end_of(&record), 128 + SIGINT);
	top = parse(answer("pfstat report --json"));
	EXPECT_EQ(get_number(top, "lost"), 0);
	EXPECT_EQ(get_number(element(get(top, "by_ip"), "function", "writes_here"), "cow_faults"),
		  20 * PAGES);
	EXPECT_NE(run("test -e /sys/kernel/tracing/instances/pfstat-%d", record.pid).status, 0);
	ASSERT_OK(pfstat_list_targets(pf, &targets, &count));
	EXPECT_EQ(count, 0);
}

/* A reader that stands still, and a small buffer: what is lost is counted. */
static void overrun(const char *option)
{
	struct running record;
	struct json_object *top;
	struct workload w;

	w = workload_start("many", "pf-many", NULL);
	workload_wait(&w);
	record = workload_running("many", "pfstat", "record", "--name", "pf-many", "-b", "8",
				  option, NULL);
	/* it tracks when the buffer is there */
	while (run("pfstat list | grep -q pf-many").status)
		;
	kill(record.pid, SIGSTOP);
	workload_go(&w);
	workload_wait(&w);
	kill(record.pid, SIGCONT);
	kill(record.pid, SIGINT);
	EXPECT_EQ(end_of(&record), 128 + SIGINT);
	top = parse(answer("pfstat report --json"));
	EXPECT_GT(get_number(top, "lost"), 0);
	EXPECT_GE(get_number(top, "lost") + get_number(top, "recorded"), 20 * PAGES);
	EXPECT_LT(get_number(top, "recorded"), 20 * PAGES);
	EXPECT_TRUE(strstr(answer("pfstat report"), " events were lost: what follows is incomplete\n"));
}

TEST_SECONDS(overruns_are_told, 60)
{
	overrun(NULL);
}

TEST_SECONDS(overruns_with_stacks_are_told, 60)
{
	overrun("--stacks");
}
