// SPDX-License-Identifier: GPL-2.0-only
/* pfstat get: the counts of a target's current run. */
#include <stdlib.h>

#include "cmd.h"
#include "get.h"

static pid_t process;
static bool all, each, openmetrics;

static const struct opt opts[] = {
	OPT_PID,
	OPT_CGROUP,
	{.name = "process", .arg = "PID", .set = set_pid, .to = &process,
	 .help = "only this process of the run, default: all of them, summed"},
	OPT_FLAG("all", &all, "show mappings without counts, too"),
	OPT_FLAG("each", &each, "then show each process by itself"),
	OPT_FLAG("openmetrics", &openmetrics, "print what collectors of metrics read"),
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

int get_print(const struct report *r)
{
	if (out_json)
		get_print_json(r);
	else if (openmetrics)
		get_print_openmetrics(r);
	else
		get_print_text(r);
	return EXIT_SUCCESS;
}

static int get_run(const struct call *call)
{
	const struct pfstat_id *id = &call->targets[0];
	struct pfstat_result *result = NULL;
	struct report r = {
		.p = call->p,
		.id = id,
		.process = process,
		.all = all,
		.each = each,
	};
	int status;

	if (pfstat_query(call->p, id, process, &result)) {
		status = report_last();
	} else {
		r.result = result;
		status = get_print(&r);
	}
	pfstat_result_free(result);
	return status;
}

const struct command cmd_get = {
	.name = "get",
	.synopsis = "NAME [OPTION...]\n--pid PID | --cgroup DIR [OPTION...]",
	.summary = "Show the counts of the current or last run",
	.details =
	"CoW faults are write faults of user mode in private memory: copy (a page\n"
	"was copied), reuse (the last sharer kept it), zero (the zero page was\n"
	"replaced), file (first write to a private file page), huge (a huge page).\n"
	"Beside them, not in the sum: kernel (the kernel wrote, or a debugger),\n"
	"unshare (a page was pinned).\n",
	.opts = opts,
	.operands = OPERANDS_TARGET,
	.run = get_run,
};
