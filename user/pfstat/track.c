// SPDX-License-Identifier: GPL-2.0-only
/* pfstat track: count the faults of programs from now on. */
#include "cmd.h"

static bool children;

static const struct opt opts[] = {
	OPT_PID,
	OPT_CGROUP,
	OPT_FLAG("children", &children,
		 "with all descendants, whatever they execute"),
	OPT_END
};

static int track(struct pfstat *p, const struct pfstat_id *id)
{
	return pfstat_track_flags(p, id, children ? PFSTAT_TRACK_FOLLOW : 0);
}

static int track_run(const struct call *call)
{
	return call_targets(call, track);
}

const struct command cmd_track = {
	.name = "track",
	.synopsis = "NAME...\n--pid PID... | --cgroup DIR",
	.summary = "Count the faults of programs from now on",
	.details =
	"NAME is what ps shows as command (up to 15 characters), or the name of\n"
	"the executable if it is longer. Every start of such a program begins a\n"
	"new run; its fork children belong to it until they execute something\n"
	"else; with --children then, too. A cgroup (DIR below /sys/fs/cgroup) is one\n"
	"target: who is in it or below, who is moved there later, what they start.\n",
	.opts = opts,
	.operands = OPERANDS_TARGETS,
	.run = track_run,
};
