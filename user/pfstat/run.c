// SPDX-License-Identifier: GPL-2.0-only
/* pfstat run: track a command from its start, and report at its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cmd.h"
#include "get.h"

static bool all, each, follow;
static const char *output;

static const struct opt opts[] = {
	OPT_FLAG("all", &all, "show mappings without counts, too"),
	OPT_FLAG("each", &each, "then show each process by itself"),
	OPT_FLAG("follow", &follow, "count what its children execute, too"),
	{.name = "output", .letter = 'o', .arg = "FILE", .set = set_text,
	 .to = &output, .help = "write the report there"},
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

static int output_failed(void)
{
	const struct pfstat_error error = {
		.code = errno,
		.what = "run",
		.subject = output,
		.why = strerror(errno),
		.hint = "the report cannot be written there",
	};

	return report(&error);
}

/*
 * Standard output is the command's: people read the report on standard error,
 * programs find JSON behind what the command printed.
 */
static void choose_output(int file)
{
	fflush(stdout);
	if (file < 0 && !out_json)
		file = STDERR_FILENO;
	if (file >= 0)
		dup2(file, STDOUT_FILENO);
}

/* Wait, then report; the status is the command's. */
static int see_through(const struct call *call, struct child *child,
		       const struct pfstat_id *id, int file)
{
	bool ended = child_wait(child, -1) == CHILD_ENDED;
	struct pfstat_result *result = NULL;
	struct report r = {
		.id = id,
		.p = call->p,
		.all = all,
		.each = each,
		.name = base_name(call->words[0]),
		.command = call->words,
	};
	int failed = pfstat_query(call->p, id, 0, &result);

	if (failed)
		report_last();
	r.result = result;
	r.status = ended ? child_status(child) : EXIT_FAILURE;
	choose_output(file);
	if (!failed && get_print(&r))
		failed = 1;
	pfstat_result_free(result);
	pfstat_untrack(call->p, id);
	child_raise(child);
	return failed && !r.status ? EXIT_FAILURE : r.status;
}

static int run_run(const struct call *call)
{
	struct pfstat_id id;
	struct child child;
	int file = -1;
	int code;

	if (output) {
		file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0666);
		if (file < 0)
			return output_failed();
	}
	if (child_start(&child, call->words, NULL))
		return child_report(call->words[0], errno);
	id = pfstat_by_pid(child.pid);
	if (pfstat_track_flags(call->p, &id, follow ? PFSTAT_TRACK_FOLLOW : 0))
		return report_last();
	code = child_go(&child);
	if (code) {
		pfstat_untrack(call->p, &id);
		return child_report(call->words[0], code);
	}
	return see_through(call, &child, &id, file);
}

const struct command cmd_run = {
	.name = "run",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.summary = "Run a command and show its counts at the end",
	.details =
	"Counts the command and its fork children. The report goes to standard\n"
	"error, JSON to standard output. The exit status is the command's, 126 or\n"
	"127 if it can't be executed. The first SIGINT waits for the command to\n"
	"end, the second does not; both show the report.\n",
	.opts = opts,
	.operands = OPERANDS_COMMAND,
	.wraps = true,
	.run = run_run,
};
