// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF files, of which pfstat record reads the names of functions: they belong to
 * the programs that are watched. The first two bytes say which offset is asked for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/pfstat/symbol.h"

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The file is made once: to make one takes longer than to read it. */
static const char *file(const void *data, size_t len)
{
	static char path[40];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("elf", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || pwrite(fd, data, len, 0) != (ssize_t)len || ftruncate(fd, len))
		abort();
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t offsets[] = {0, 1, 0xfff, 0x1000, INT64_MAX, UINT64_MAX};
	struct symbols symbols = {};
	const char *path, *name;
	size_t used = 0, i;

	if (len < 2)
		return 0;
	path = file(data + 2, len - 2);
	name = symbol_find(&symbols, path, data[0] | data[1] << 8);
	used += name ? strlen(name) : 0;
	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		name = symbol_find(&symbols, path, offsets[i]);
		used += name ? strlen(name) : 0;
	}
	symbols_free(&symbols);
	/* nothing is as long as all names that a file has room for */
	if (used > len * (i + 1))
		abort();
	return 0;
}
