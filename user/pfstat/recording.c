// SPDX-License-Identifier: GPL-2.0-only
/* Recordings in memory and in files, see recording.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../cli/out.h"
#include "recording.h"

#define META_MAX	(1ULL << 30)

struct fault *recording_add(struct recording *rec)
{
	if (rec->nr_faults == rec->room_faults) {
		rec->room_faults += rec->room_faults / 2 + 4096;
		rec->faults = must(reallocarray(rec->faults, rec->room_faults,
						sizeof(*rec->faults)));
	}
	return memset(&rec->faults[rec->nr_faults++], 0, sizeof(*rec->faults));
}

void recording_add_frame(struct recording *rec, __u64 frame)
{
	if (rec->nr_frames == rec->room_frames) {
		rec->room_frames += rec->room_frames / 2 + 4096;
		rec->frames = must(reallocarray(rec->frames, rec->room_frames,
						sizeof(*rec->frames)));
	}
	rec->frames[rec->nr_frames++] = frame;
}

static int by_time(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

void recording_sort(struct recording *rec)
{
	if (rec->nr_faults)
		qsort(rec->faults, rec->nr_faults, sizeof(*rec->faults),
		      by_time);
}

static int put(FILE *out, __u64 count, const void *data, size_t size)
{
	return fwrite(&count, sizeof(count), 1, out) != 1 ||
	       fwrite(data, size, count, out) != count;
}

int recording_write(const struct recording *rec, FILE *out)
{
	const char *meta = json_object_to_json_string_ext(rec->meta,
							  JSON_C_TO_STRING_PLAIN);

	if (!meta)
		out_of_memory();
	if (fwrite(RECORDING_MAGIC, strlen(RECORDING_MAGIC), 1, out) != 1 ||
	    put(out, strlen(meta), meta, 1) ||
	    put(out, rec->nr_faults, rec->faults, sizeof(*rec->faults)) ||
	    put(out, rec->nr_frames, rec->frames, sizeof(*rec->frames)) ||
	    fflush(out))
		return -1;
	return 0;
}

/* How many elements follow; false if the file can't have as many. */
static bool take_count(FILE *in, __u64 *count, size_t size, __u64 most)
{
	return fread(count, sizeof(*count), 1, in) == 1 &&
	       *count <= most / size;
}

/* The elements of one part; NULL: there are fewer. */
static void *take(FILE *in, __u64 *count, size_t size, __u64 most)
{
	void *data;

	if (!take_count(in, count, size, most))
		return NULL;
	data = must(calloc(*count + 1, size));
	if (fread(data, size, *count, in) == *count)
		return data;
	free(data);
	return NULL;
}

static bool stacks_are_sound(const struct recording *rec)
{
	size_t i;

	for (i = 0; i < rec->nr_faults; i++) {
		__u64 at = rec->faults[i].stack;

		if (rec->faults[i].kind >= PFSTAT_NR_KINDS || at > rec->nr_frames ||
		    (at && rec->frames[at - 1] > rec->nr_frames - at))
			return false;
	}
	return true;
}

static bool read_parts(struct recording *rec, FILE *in, __u64 size)
{
	char magic[sizeof(RECORDING_MAGIC) - 1];
	__u64 count;
	char *meta;

	if (fread(magic, sizeof(magic), 1, in) != 1 ||
	    memcmp(magic, RECORDING_MAGIC, sizeof(magic)))
		return false;
	meta = take(in, &count, 1, size < META_MAX ? size : META_MAX);
	if (!meta)
		return false;
	rec->meta = json_tokener_parse(meta);
	free(meta);
	rec->faults = take(in, &count, sizeof(*rec->faults), size);
	rec->nr_faults = rec->faults ? count : 0;
	rec->frames = take(in, &count, sizeof(*rec->frames), size);
	rec->nr_frames = rec->frames ? count : 0;
	return rec->frames && rec->faults && rec->meta &&
	       json_object_is_type(rec->meta, json_type_object) &&
	       stacks_are_sound(rec);
}

static int file_failed(const char *path, int code, const char *why,
		       const char *hint)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "report",
		.subject = path,
		.why = why,
		.hint = hint,
	};

	return report(&error);
}

int recording_read(struct recording *rec, const char *path)
{
	FILE *in = fopen(path, "re");
	long size = -1;
	bool good;

	if (in && !fseek(in, 0, SEEK_END))
		size = ftell(in);
	if (size < 0) {
		int code = errno;

		if (in)
			fclose(in);
		return file_failed(path, code, strerror(code),
				   code == ENOENT ? "make one with: pfstat record" : "");
	}
	rewind(in);
	good = read_parts(rec, in, size);
	fclose(in);
	if (good)
		return 0;
	return file_failed(path, EINVAL, "not a recording, or a damaged one",
			   "make one with: pfstat record");
}

void recording_free(struct recording *rec)
{
	json_object_put(rec->meta);
	free(rec->faults);
	free(rec->frames);
}
