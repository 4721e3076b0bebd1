// SPDX-License-Identifier: GPL-2.0-only
/* upager limit, detach: what can be changed while a program runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../cli/progress.h"
#include "ask.h"
#include "cmd.h"
#include "runtime.h"

#define POLL_US		50000

static bool quiet, forced;

static const struct opt limit_opts[] = {OPT_END};

static const struct opt detach_opts[] = {
	OPT_FLAG("progress", &forced, "show how far it is, whatever standard error is"),
	OPT_FLAG("quiet", &quiet, "only say what goes wrong"),
	OPT_END
};

static int limit_run(const struct call *call)
{
	struct wire wire = {.type = WIRE_LIMIT};
	const char *problem;
	int err;

	problem = parse_limit(call->words[0], &wire.a);
	if (problem)
		return usage_error(&cmd_limit, "%s: %s", call->words[0], problem);
	err = ask_control(call->number, &wire);
	return err ? ask_failed("limit", call->number, -err) : EXIT_SUCCESS;
}

/* Waits until it is done, one way or the other. */
static int wait_detached(pid_t pid)
{
	struct progress progress = {};
	struct json_object *top, *run;
	bool going = true, detached = false;

	if (!quiet)
		progress_begin(&progress, "detach", forced);
	while (going) {
		top = ask_stat(runtime_socket(pid));
		if (!top) {
			/* with the program the pager has ended */
			progress_end(&progress);
			return EXIT_SUCCESS;
		}
		run = json_object_object_get(top, "run");
		going = json_object_get_boolean(json_object_object_get(run, "detaching"));
		detached = json_object_get_boolean(json_object_object_get(run, "detached"));
		progress_set(&progress,
			     json_object_get_uint64(json_object_object_get(run, "detach_done")),
			     json_object_get_uint64(json_object_object_get(run, "detach_total")));
		json_object_put(top);
		if (going)
			usleep(POLL_US);
	}
	progress_end(&progress);
	return detached ? EXIT_SUCCESS : ask_failed("detach", pid, EIO);
}

static int detach_run(const struct call *call)
{
	struct wire wire = {.type = WIRE_RELEASE};
	int err;

	if (!call->number)
		return usage_error(&cmd_detach, "which pager?");
	err = ask_control(call->number, &wire);
	return err ? ask_failed("detach", call->number, -err) : wait_detached(call->number);
}

const struct command cmd_limit = {
	.name = "limit",
	.synopsis = "PID SIZE",
	.summary = "Change the limit of a program that runs",
	.details =
	"PID is that of upager run, as upager stat shows it. It returns at once; what is too\n"
	"much goes as fast as the store takes it.\n",
	.opts = limit_opts,
	.operands = OPERANDS_PID_WORD,
	.no_device = true,
	.run = limit_run,
};

const struct command cmd_detach = {
	.name = "detach",
	.synopsis = "[OPTION...] PID",
	.summary = "Bring all pages of a program back, and let it go on without a pager",
	.details =
	"PID is that of upager run, as upager stat shows it; it stays to pass on how the\n"
	"program ends. There is no limit from now on. If a page can't be brought back (the\n"
	"store does not answer) this fails, and the process that lacks it keeps its pager.\n",
	.opts = detach_opts,
	.operands = OPERANDS_PID,
	.no_device = true,
	.run = detach_run,
};
