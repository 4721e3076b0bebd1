/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording: every counted fault, and what is known of the run. In a file:
 *
 *	magic		16 bytes, RECORDING_MAGIC
 *	meta_len	8 bytes, then as many bytes of JSON
 *	nr_faults	8 bytes, then as many struct fault
 *	nr_frames	8 bytes, then as many 8 bytes: stacks
 *
 * All numbers are little-endian, which is what all machines here are.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <stddef.h>
#include <stdio.h>

#include <json-c/json.h>
#include <pfstat.h>

#define RECORDING_MAGIC	"pfstat-record 1\n"
#define RECORDING_FILE	"pfstat.data"

/**
 * struct fault - a counted fault
 * @time: in nanoseconds, of the kernel's monotonic clock
 * @mm: to tell address spaces apart
 * @address: of the page
 * @vma: start of its mapping at that time
 * @ip: instruction, 0: the kernel's
 * @duration: in nanoseconds, 0: not measured
 * @pid: process whose memory it is
 * @kind: enum pfstat_kind
 * @stack: 0, or 1 + where in the frames its stack is: a number n, then the
 *	innermost n frames
 */
struct fault {
	__u64 time;
	__u64 mm;
	__u64 address;
	__u64 vma;
	__u64 ip;
	__u64 duration;
	__u32 pid;
	__u32 kind;
	__u64 stack;
};

/**
 * struct recording - see above
 * @meta: the members of pfstat get --each --json, and beside them:
 *	"lost" (events), "stacks" (were they wanted?), "page_size",
 *	"symbols" (array of {pid, ip, symbol, file})
 * @faults: in the order of time
 * @nr_faults: how many
 * @room_faults: for how many
 * @frames: stacks
 * @nr_frames: how many
 * @room_frames: for how many
 * @lost: events that did not fit into the kernel's buffer
 */
struct recording {
	struct json_object *meta;
	struct fault *faults;
	size_t nr_faults;
	size_t room_faults;
	__u64 *frames;
	size_t nr_frames;
	size_t room_frames;
	__u64 lost;
};

struct fault *recording_add(struct recording *rec);
void recording_add_frame(struct recording *rec, __u64 frame);

/* Put what came from several CPUs into the order of time. */
void recording_sort(struct recording *rec);

/**
 * recording_write - write a recording
 * @rec: with everything in it
 * @out: where to
 *
 * Return: 0, or -1 and errno.
 */
int recording_write(const struct recording *rec, FILE *out);

/**
 * recording_read - read a recording
 * @rec: zeros
 * @path: the file
 *
 * Return: 0, or the exit status, having said what is wrong.
 */
int recording_read(struct recording *rec, const char *path);

void recording_free(struct recording *rec);

#endif /* RECORDING_H */
