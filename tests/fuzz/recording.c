// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that pfstat report is given: read, and all that it makes of them. An
 * input with a first byte that is even is the file behind that byte; of others a
 * file is made, with JSON up to a NUL, then faults.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/pfstat/report.h"

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void show(const struct recording *rec)
{
	struct names *names = names_new(rec);
	FILE *out = fopen("/dev/null", "we");
	int by;

	json_object_put(report_make_json(rec, names));
	report_print_text(rec, names, 3);
	report_print_stacks(rec, names);
	report_print_faults_csv(rec, names);
	for (by = 0; by < NR_GROUP_BY; by++) {
		report_print_groups(rec, names, by, 3);
		report_print_groups_csv(rec, names, by);
	}
	if (!out || report_write_html(rec, names, out))
		abort();
	fclose(out);
	names_free(names);
}

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		abort();
}

static void put_file(int fd, const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, 0, len);
	__u64 meta_len = end ? end - data : (ptrdiff_t)len, nr, none = 0;
	size_t at = meta_len + !!end;
	struct fault fault;

	put(fd, RECORDING_MAGIC, strlen(RECORDING_MAGIC));
	put(fd, &meta_len, sizeof(meta_len));
	put(fd, data, meta_len);
	nr = (len - at) / sizeof(fault);
	put(fd, &nr, sizeof(nr));
	for (; len - at >= sizeof(fault); at += sizeof(fault)) {
		memcpy(&fault, data + at, sizeof(fault));
		fault.kind %= PFSTAT_NR_KINDS;
		fault.stack = 0;
		put(fd, &fault, sizeof(fault));
	}
	put(fd, &none, sizeof(none));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct recording rec = {};
	char path[40];

	if (fd < 0)
		abort();
	if (len && data[0] & 1)
		put_file(fd, data + 1, len - 1);
	else if (len)
		put(fd, data + 1, len - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!recording_read(&rec, path))
		show(&rec);
	recording_free(&rec);
	close(fd);
	return 0;
}
