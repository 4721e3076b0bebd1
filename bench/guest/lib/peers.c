// SPDX-License-Identifier: GPL-2.0-only
/* The peers: ftrace, perf, delay accounting. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "peers.h"

#define TRACING		"/sys/kernel/tracing/"
#define FUNCTION	"do_wp_page"
/* struct vm_fault's address: behind vma, gfp_mask and pgoff */
#define ADDRESS_AT	(3 * sizeof(long))
#define HIST		"hist:keys=addr:size=16384"
#define RECORD_PAGES	1024	/* of the buffer, so that none is lost */

static struct perf_event_mmap_page *record;
static int record_fd;

void peer_event_enable(const char *event, bool on)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "events/%s/enable", event);
	bench_write_text(path, "%d", on);
}

static void add_address(void)
{
	bench_append_text(TRACING "kprobe_events",
			  "p:peer/wp " FUNCTION " addr=+%zu($arg1):x%zu\n",
			  ADDRESS_AT, 8 * sizeof(long));
}

void peer_kprobe_event(void)
{
	bench_append_text(TRACING "kprobe_events", "p:peer/wp " FUNCTION "\n");
	peer_event_enable("peer/wp", true);
}

void peer_kprobe_event_address(void)
{
	add_address();
	peer_event_enable("peer/wp", true);
}

void peer_kprobe_event_off(void)
{
	peer_event_enable("peer/wp", false);
	bench_append_text(TRACING "kprobe_events", "-:peer/wp\n");
}

void peer_kprobe_hist(void)
{
	add_address();
	bench_append_text(TRACING "events/peer/wp/trigger", HIST "\n");
}

void peer_kprobe_hist_off(void)
{
	bench_append_text(TRACING "events/peer/wp/trigger", "!" HIST "\n");
	bench_append_text(TRACING "kprobe_events", "-:peer/wp\n");
}

static int perf_open(struct perf_event_attr *attr, int cpu)
{
	int fd;

	attr->size = sizeof(*attr);
	attr->inherit = 1;
	fd = syscall(SYS_perf_event_open, attr, 0, cpu, -1, 0);
	if (fd < 0)
		bench_die("perf_event_open (type %u)", attr->type);
	return fd;
}

void peer_perf_faults(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.disabled = 1,
		.enable_on_exec = 1,
	};

	perf_open(&attr, -1);
}

void peer_perf_kprobe(void)
{
	struct perf_event_attr attr = {
		.kprobe_func = (uintptr_t)FUNCTION,
		.disabled = 1,
		.enable_on_exec = 1,
	};
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "r");

	if (!file || fscanf(file, "%u", &attr.type) != 1)
		bench_die("perf has no kprobes");
	fclose(file);
	perf_open(&attr, -1);
}

/* On ourselves; the subject inherits it, and writes into our buffer. */
void peer_perf_record(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			       PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
	};
	size_t size = (1 + RECORD_PAGES) * bench_page_size();

	record_fd = perf_open(&attr, 0);
	record = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      record_fd, 0);
	if (record == MAP_FAILED)
		bench_die("cannot map perf's buffer");
}

void peer_perf_record_off(void)
{
	size_t size = RECORD_PAGES * bench_page_size();

	errno = 0;
	if (!record->data_head || record->data_head > size - bench_page_size())
		bench_die("perf's buffer of %zu bytes got %llu", size,
			  (unsigned long long)record->data_head);
	munmap(record, size + bench_page_size());
	close(record_fd);
}

void peer_delayacct(void)
{
	bench_write_text("/proc/sys/kernel/task_delayacct", "1");
}

void peer_delayacct_off(void)
{
	bench_write_text("/proc/sys/kernel/task_delayacct", "0");
}
