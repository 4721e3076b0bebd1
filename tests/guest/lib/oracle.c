// SPDX-License-Identifier: GPL-2.0-only
/* Events in a buffer of our own of tracefs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cow.h"
#include "oracle.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/pfstat_test"
#define BUFFER_KIB	"4096"	/* for each CPU */

#define DIE(...)	ktap_fail(__FILE__, __LINE__, 1, __VA_ARGS__)

static const char * const functions[] = {
	"do_wp_page", "wp_page_copy", "finish_fault",
};

static int has_wp_page_copy;

/* Adds a line to kprobe_events; 0: the kernel has no such function. */
static int define_event(const char *text)
{
	int fd = open(TRACEFS "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	int ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (!ok && errno != ENOENT && errno != EINVAL)
		DIE("%s/kprobe_events: %s: %m", TRACEFS, text);
	close(fd);
	return ok;
}

/* The first three words of struct vm_fault come before its address. */
static void define_events(void)
{
	char text[160];
	size_t i;

	for (i = 0; i < KTAP_ARRAY_SIZE(functions); i++) {
		int ok;

		snprintf(text, sizeof(text), "p:oracle/%s %s address=+%zu($arg1):x%zu\n",
			 functions[i], functions[i], 3 * sizeof(long),
			 8 * sizeof(long));
		ok = define_event(text);
		if (!strcmp(functions[i], "wp_page_copy"))
			has_wp_page_copy = ok;
		else
			ASSERT_TRUE(ok);
	}
}

/* A test that was killed may have left them. */
static void remove_events(void)
{
	int fd = open(TRACEFS "/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	char text[80];
	size_t i;

	if (fd < 0)
		DIE("%s/kprobe_events: %m", TRACEFS);
	for (i = 0; i < KTAP_ARRAY_SIZE(functions); i++) {
		snprintf(text, sizeof(text), "-:oracle/%s\n", functions[i]);
		if (write(fd, text, strlen(text)) < 0 && errno != ENOENT)
			DIE("removing event %s: %m", functions[i]);
	}
	close(fd);
}

static void remove_instance(void)
{
	if (rmdir(INSTANCE) && errno != ENOENT)
		DIE("rmdir %s: %m", INSTANCE);
}

void trace_begin(void)
{
	remove_instance();
	remove_events();
	if (mkdir(INSTANCE, 0700))
		DIE("mkdir %s: %m", INSTANCE);
	write_text(INSTANCE "/buffer_size_kb", BUFFER_KIB);
}

void trace_enable(const char *event, const char *filter)
{
	char path[160];

	if (filter) {
		snprintf(path, sizeof(path), INSTANCE "/events/%s/filter", event);
		write_text(path, filter);
	}
	snprintf(path, sizeof(path), INSTANCE "/events/%s/enable", event);
	write_text(path, "1");
}

long trace_lines(const char *text, void (*line)(const char *line, void *data), void *data)
{
	FILE *f = fopen(INSTANCE "/trace", "re");
	char buf[512];
	long n = 0;

	if (!f)
		DIE("%s/trace: %m", INSTANCE);
	while (fgets(buf, sizeof(buf), f)) {
		if (*buf == '#' || !strstr(buf, text))
			continue;
		n++;
		if (line)
			line(buf, data);
	}
	fclose(f);
	return n;
}

long trace_overrun(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu, sum = 0;
	char path[160], buf[256];
	FILE *f;

	for (cpu = 0; cpu < cpus; cpu++) {
		snprintf(path, sizeof(path), INSTANCE "/per_cpu/cpu%ld/stats", cpu);
		f = fopen(path, "re");
		if (!f)
			DIE("%s: %m", path);
		while (fgets(buf, sizeof(buf), f)) {
			long n;

			if (sscanf(buf, "overrun: %ld", &n) == 1 ||
			    sscanf(buf, "dropped events: %ld", &n) == 1)
				sum += n;
		}
		fclose(f);
	}
	return sum;
}

void trace_end(void)
{
	remove_instance();
	remove_events();
}

void oracle_start(unsigned long start, unsigned long end)
{
	char filter[120], event[80];
	size_t i;

	trace_begin();
	define_events();
	snprintf(filter, sizeof(filter), "address >= 0x%lx && address < 0x%lx",
		 start, end);
	for (i = 0; i < KTAP_ARRAY_SIZE(functions); i++) {
		if (!has_wp_page_copy && !strcmp(functions[i], "wp_page_copy"))
			continue;
		snprintf(event, sizeof(event), "oracle/%s", functions[i]);
		trace_enable(event, filter);
	}
}

void oracle_stop(struct hits *hits)
{
	write_text(INSTANCE "/events/oracle/enable", "0");
	EXPECT_EQ(trace_overrun(), 0);
	hits->do_wp_page = trace_lines(" do_wp_page: ", NULL, NULL);
	hits->wp_page_copy = has_wp_page_copy ? trace_lines(" wp_page_copy: ", NULL, NULL) :
		HITS_UNKNOWN;
	hits->finish_fault = trace_lines(" finish_fault: ", NULL, NULL);
	trace_end();
}
