// SPDX-License-Identifier: GPL-2.0-only
/* A trace event through perf's buffers: see perf.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "../cli/out.h"
#include "perf.h"

#define KIB		1024	/* for each CPU, unless asked otherwise */
#define RECORD_MAX	65536	/* its size is a __u16 */

/**
 * struct buffer - of one CPU
 * @fd: the event; -1: this CPU is not there
 * @page: the kernel's and our position; the data is behind it
 */
struct buffer {
	int fd;
	struct perf_event_mmap_page *page;
};

struct perf {
	struct buffer *buffers;
	int nr;
	size_t size;
	size_t page_size;
	char record[RECORD_MAX] __attribute__((aligned(8)));
};

static int open_buffer(struct perf *perf, struct buffer *buffer,
		       struct perf_event_attr *attr, int cpu,
		       const char *filter)
{
	buffer->fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1,
			     PERF_FLAG_FD_CLOEXEC);
	if (buffer->fd < 0)
		return errno == ENODEV ? 0 : -1;
	if (ioctl(buffer->fd, PERF_EVENT_IOC_SET_FILTER, filter))
		return -1;
	buffer->page = mmap(NULL, perf->page_size + perf->size,
			    PROT_READ | PROT_WRITE, MAP_SHARED, buffer->fd, 0);
	if (buffer->page != MAP_FAILED)
		return ioctl(buffer->fd, PERF_EVENT_IOC_ENABLE, 0);
	buffer->page = NULL;
	return -1;
}

/* Pages, a power of two of them */
static size_t buffer_size(size_t page_size, int kib)
{
	size_t size = page_size;

	while (size < (size_t)(kib ? kib : KIB) * 1024)
		size *= 2;
	return size;
}

struct perf *perf_open(int event, const char *filter, int kib)
{
	struct perf *perf = must(calloc(1, sizeof(*perf)));
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = event,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN |
			       PERF_SAMPLE_RAW,
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.exclude_callchain_kernel = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int cpu, code;

	perf->nr = sysconf(_SC_NPROCESSORS_CONF);
	perf->page_size = sysconf(_SC_PAGESIZE);
	perf->size = buffer_size(perf->page_size, kib);
	perf->buffers = must(calloc(perf->nr, sizeof(*perf->buffers)));
	for (cpu = 0; cpu < perf->nr; cpu++)
		perf->buffers[cpu].fd = -1;
	for (cpu = 0; cpu < perf->nr; cpu++) {
		if (open_buffer(perf, &perf->buffers[cpu], &attr, cpu, filter)) {
			code = errno;
			perf_close(perf);
			errno = code;
			return NULL;
		}
	}
	return perf;
}

/* What lies at a position, which may go on at the begin of the buffer */
static void copy_out(const struct perf *perf, const struct buffer *buffer,
		     __u64 at, void *to, size_t size)
{
	const char *data = (const char *)buffer->page + perf->page_size;
	size_t from = at & (perf->size - 1);
	size_t first = size < perf->size - from ? size : perf->size - from;

	memcpy(to, data + from, first);
	memcpy((char *)to + first, data, size - first);
}

/*
 * A record: time, number of frames, frames, size of the data, data. Among the
 * frames are marks, which are no addresses, and say whose the next ones are.
 */
static void take_sample(void *record, size_t size, perf_fn fn, void *data)
{
	struct perf_sample sample = {};
	__u64 *words = (__u64 *)record + 1;	/* behind the header */
	size_t room = size / sizeof(*words) - 1;
	__u32 raw_size;

	if (room < 3 || words[1] > room - 3)
		return;
	sample.time = words[0];
	sample.frames = words + 2;
	sample.nr_frames = words[1];
	while (sample.nr_frames && *sample.frames >= (__u64)PERF_CONTEXT_MAX) {
		sample.frames++;
		sample.nr_frames--;
	}
	words += 2 + words[1];
	memcpy(&raw_size, words, sizeof(raw_size));
	sample.data = (char *)words + sizeof(raw_size);
	sample.size = raw_size;
	if (sample.size <= (size_t)((char *)record + size - (char *)sample.data))
		fn(&sample, data);
}

static void read_buffer(struct perf *perf, const struct buffer *buffer,
			perf_fn fn, void *data)
{
	struct perf_event_mmap_page *page = buffer->page;
	__u64 head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	struct perf_event_header header;
	__u64 at = page->data_tail;

	while (at + sizeof(header) <= head) {
		copy_out(perf, buffer, at, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - at)
			break;
		copy_out(perf, buffer, at, perf->record, header.size);
		if (header.type == PERF_RECORD_SAMPLE)
			take_sample(perf->record, header.size, fn, data);
		at += header.size;
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}

void perf_read(struct perf *perf, perf_fn fn, void *data)
{
	int cpu;

	for (cpu = 0; cpu < perf->nr; cpu++)
		if (perf->buffers[cpu].page)
			read_buffer(perf, &perf->buffers[cpu], fn, data);
}

__u64 perf_close(struct perf *perf)
{
	struct {
		__u64 count;
		__u64 lost;
	} values;
	__u64 lost = 0;
	int cpu;

	for (cpu = 0; cpu < perf->nr; cpu++) {
		struct buffer *buffer = &perf->buffers[cpu];

		if (buffer->fd < 0)
			continue;
		if (read(buffer->fd, &values, sizeof(values)) == sizeof(values))
			lost += values.lost;
		if (buffer->page)
			munmap(buffer->page, perf->page_size + perf->size);
		close(buffer->fd);
	}
	free(perf->buffers);
	free(perf);
	return lost;
}
