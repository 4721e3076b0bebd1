// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports in JSON that pfstat diff is given: two, with a NUL between them. The
 * first byte says whether what is made of them is text or JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/pfstat/cmd.h"
#include "file.h"

const struct program program = { .name = "pfstat" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

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
	words[0] = file_of(0, data, end - data);
	words[1] = end < data + len ? file_of(1, end + 1, data + len - end - 1) : words[0];
	cmd_diff.run(&call);
	return 0;
}
