// SPDX-License-Identifier: GPL-2.0-only
/* pfstat untrack: track programs no longer. */
#include "cmd.h"

static const struct opt opts[] = {OPT_PID, OPT_CGROUP, OPT_END};

static int untrack_run(const struct call *call)
{
	return call_targets(call, pfstat_untrack);
}

const struct command cmd_untrack = {
	.name = "untrack",
	.synopsis = "NAME...\n--pid PID... | --cgroup DIR",
	.summary = "Track programs no longer and forget their counts",
	.opts = opts,
	.operands = OPERANDS_TARGETS,
	.run = untrack_run,
};
