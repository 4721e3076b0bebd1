// SPDX-License-Identifier: GPL-2.0-only
/* pfstat reset: let counts start from zero. */
#include "cmd.h"

static const struct opt opts[] = {OPT_PID, OPT_CGROUP, OPT_END};

static int reset_run(const struct call *call)
{
	return call_targets(call, pfstat_reset);
}

const struct command cmd_reset = {
	.name = "reset",
	.synopsis = "NAME...\n--pid PID... | --cgroup DIR",
	.summary = "Let the counts of the current run start from zero",
	.opts = opts,
	.operands = OPERANDS_TARGETS,
	.run = reset_run,
};
