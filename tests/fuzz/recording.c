// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that pfstat report is given: read, and one of all that it makes of them,
 * which the first byte says. If that byte is even, the file is what stands behind
 * it; of others a file is made, with JSON up to a NUL, then faults with stacks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/pfstat/report.h"
#include "file.h"

#define ROWS	3
/* A stack that is so marked stays as it is, and is mostly none. */
#define STACK_RAW	(1ULL << 63)
#define STACK_MOST	8

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All that is written is thrown away, into a file that stays open. */
static FILE *nowhere(void)
{
	static FILE *out;

	if (!out)
		out = fopen("/dev/null", "we");
	if (!out)
		abort();
	return out;
}

static void show(const struct recording *rec, unsigned int which)
{
	struct names *names = names_new(rec);

	which %= 5 + 2 * NR_GROUP_BY;
	if (which >= 5 + NR_GROUP_BY)
		report_print_groups_csv(rec, names, which - 5 - NR_GROUP_BY);
	else if (which >= 5)
		report_print_groups(rec, names, which - 5, ROWS);
	else if (which == 4)
		json_object_put(report_make_json(rec, names));
	else if (which == 3)
		report_print_text(rec, names, ROWS);
	else if (which == 2)
		report_print_stacks(rec, names);
	else if (which == 1)
		report_print_faults_csv(rec, names);
	else if (report_write_html(rec, names, nowhere()))
		abort();
	names_free(names);
}

/* What is put together, and what was in it before */
static uint8_t *image;
static size_t used, room;

static void put(const void *data, size_t len)
{
	if (room < used + len) {
		room = 2 * (used + len);
		image = realloc(image, room);
		if (!image)
			abort();
	}
	if (len)
		memcpy(image + used, data, len);
	used += len;
}

/* The stack's place among the frames, of which there are @nr */
static __u64 put_stack(__u64 *frames, __u64 *nr, const struct fault *fault)
{
	__u64 at = *nr + 1, depth = fault->stack % STACK_MOST, i;

	if (!fault->stack || fault->stack & STACK_RAW)
		return fault->stack & ~STACK_RAW;
	frames[(*nr)++] = depth;
	for (i = 0; i < depth; i++)
		frames[(*nr)++] = fault->ip + i * (fault->stack >> 8);
	return at;
}

static void put_file(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, 0, len);
	__u64 meta_len = end ? end - data : (ptrdiff_t)len, nr, nr_frames = 0;
	size_t at = meta_len + !!end;
	struct fault fault;
	__u64 *frames;

	put(RECORDING_MAGIC, strlen(RECORDING_MAGIC));
	put(&meta_len, sizeof(meta_len));
	put(data, meta_len);
	nr = (len - at) / sizeof(fault);
	put(&nr, sizeof(nr));
	frames = malloc((nr * STACK_MOST + 1) * sizeof(*frames));
	if (!frames)
		abort();
	for (; len - at >= sizeof(fault); at += sizeof(fault)) {
		memcpy(&fault, data + at, sizeof(fault));
		fault.kind %= PFSTAT_NR_KINDS;
		fault.stack = put_stack(frames, &nr_frames, &fault);
		put(&fault, sizeof(fault));
	}
	put(&nr_frames, sizeof(nr_frames));
	put(frames, nr_frames * sizeof(*frames));
	free(frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct recording rec = {};

	if (!len)
		return 0;
	used = 0;
	if (data[0] & 1)
		put_file(data + 1, len - 1);
	else
		put(data + 1, len - 1);
	if (!recording_read(&rec, file_of(0, image, used)))
		show(&rec, data[0] >> 1);
	recording_free(&rec);
	return 0;
}
