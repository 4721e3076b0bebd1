// SPDX-License-Identifier: GPL-2.0-only
/* pfstat cleanup: track nothing any more. */
#include <stdlib.h>

#include "cmd.h"

static int cleanup_run(const struct call *call)
{
	return pfstat_cleanup(call->p) ? report_last() : EXIT_SUCCESS;
}

const struct command cmd_cleanup = {
	.name = "cleanup",
	.synopsis = "",
	.summary = "Track nothing any more and forget all counts",
	.operands = OPERANDS_NONE,
	.run = cleanup_run,
};
