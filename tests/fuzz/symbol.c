// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF files, of which pfstat record reads the names of functions: they belong to
 * the programs that are watched. The first two bytes say which offset is asked for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/cli/cli.h"
#include "../../user/pfstat/symbol.h"
#include "file.h"

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint64_t offsets[] = {0, 1, 0xfff, 0x1000, INT64_MAX, UINT64_MAX};
	struct symbols symbols = {};
	const char *path, *name;
	size_t used = 0, i;

	if (len < 2)
		return 0;
	path = file_of(0, data + 2, len - 2);
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
