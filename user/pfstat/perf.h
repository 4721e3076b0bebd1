/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace event through perf's buffers, with the stack of user mode: perf walks
 * it on every architecture, tracefs on x86 only.
 */
#ifndef PERF_H
#define PERF_H

#include <stddef.h>

#include <linux/types.h>

/* Buffers of our own, one for each CPU */
struct perf;

/**
 * struct perf_sample - an event
 * @time: in nanoseconds, of the kernel's monotonic clock
 * @data: the event, as its format in tracefs describes it
 * @size: of @data
 * @frames: instructions, the innermost first
 * @nr_frames: how many
 */
struct perf_sample {
	__u64 time;
	void *data;
	size_t size;
	const __u64 *frames;
	size_t nr_frames;
};

typedef void (*perf_fn)(const struct perf_sample *sample, void *data);

/**
 * perf_open - begin to sample
 * @event: number of the trace event
 * @filter: as in tracefs
 * @kib: size of the buffer for each CPU, 0: a default
 *
 * Return: it, or NULL and errno.
 */
struct perf *perf_open(int event, const char *filter, int kib);

/**
 * perf_read - take what is in the buffers now
 * @perf: from perf_open()
 * @fn: gets each event
 * @data: for @fn
 */
void perf_read(struct perf *perf, perf_fn fn, void *data);

/**
 * perf_close - end it; what is in the buffers is dropped
 * @perf: from perf_open()
 *
 * Return: how many events did not fit into the buffers.
 */
__u64 perf_close(struct perf *perf);

#endif /* PERF_H */
