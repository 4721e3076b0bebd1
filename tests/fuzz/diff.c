// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports in JSON that pfstat diff is given: two, with a NUL between them. The
 * first byte says whether what is made of them is text or JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/pfstat/cmd.h"

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A file is made once for each: to make one takes longer than to read it. */
static char *file(int which, const void *data, size_t len)
{
	static char path[2][40];
	static int fds[2];
	int *fd = &fds[which];

	if (!*fd) {
		*fd = memfd_create("report", MFD_CLOEXEC);
		snprintf(path[which], sizeof(path[which]), "/proc/self/fd/%d", *fd);
	}
	if (*fd < 0 || pwrite(*fd, data, len, 0) != (ssize_t)len || ftruncate(*fd, len))
		abort();
	return path[which];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *end;
	char *words[3] = {};
	struct call call = { .words = words };

	if (!len)
		return 0;
	out_json = data[0] & 1;
	data++;
	len--;
	end = memchr(data, 0, len) ?: data + len;
	words[0] = file(0, data, end - data);
	words[1] = end < data + len ? file(1, end + 1, data + len - end - 1) : words[0];
	cmd_diff.run(&call);
	return 0;
}
