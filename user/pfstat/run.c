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
#include "cost.h"
#include "get.h"
#include "ring.h"

#define TICK	20	/* milliseconds between looks at the ring */

static bool all, each, follow, measure;
static const char *output;

static const struct opt opts[] = {
	OPT_FLAG("all", &all, "show mappings without counts, too"),
	OPT_FLAG("each", &each, "then show each process by itself"),
	OPT_FLAG("follow", &follow, "count what its children execute, too"),
	OPT_FLAG("latency", &measure,
		 "measure how long faults take (slows all page faults)"),
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

/**
 * struct timing - the durations of the command's faults, in the making
 * @ring: they come from the trace event; NULL: nothing is measured
 * @rec: what was read and not yet added
 * @cost: of a fault before
 * @latency: the histograms
 */
struct timing {
	struct ring *ring;
	struct recording rec;
	__u64 cost;
	struct latency latency;
};

static void timing_add(struct timing *t)
{
	latency_add(&t->latency, &t->rec);
	t->rec.nr_faults = 0;
}

/* The name of the process till its exec, by which its events are told apart */
static char *event_name(void)
{
	char *text;

	if (asprintf(&text, "pfstat-%d", (int)getpid()) < 0)
		out_of_memory();
	return text;
}

static int timing_begin(struct timing *t)
{
	char *event = event_name();

	t->ring = ring_open(&t->rec, event, 0, false);
	free(event);
	t->cost = fault_cost();
	return t->ring ? 0 : -1;
}

/* The target is tracked: from here on faults are dearer. */
static void timing_tracked(struct timing *t)
{
	__u64 now = fault_cost();

	t->latency.cost = now > t->cost ? now - t->cost : 0;
}

static void timing_end(struct timing *t)
{
	if (!t->ring)
		return;
	ring_close(t->ring);
	timing_add(t);
	t->latency.lost = t->rec.lost;
	recording_free(&t->rec);
}

/* Returns whether the command has ended. */
static bool wait_for_end(struct child *child, struct timing *t)
{
	enum child_state state;

	if (!t->ring)
		return child_wait(child, -1) == CHILD_ENDED;
	do {
		state = child_wait(child, TICK);
		/* what can't be read is lost, and counted as that */
		ring_read(t->ring);
		timing_add(t);
	} while (state == CHILD_RUNS);
	return state == CHILD_ENDED;
}

/* Wait, then report; the status is the command's. */
static int see_through(const struct call *call, struct child *child,
		       const struct pfstat_id *id, int file, struct timing *t)
{
	bool ended = wait_for_end(child, t);
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
	timing_end(t);
	if (measure)
		r.latency = &t->latency;
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

static __u32 track_flags(void)
{
	return (follow ? PFSTAT_TRACK_FOLLOW : 0) |
	       (measure ? PFSTAT_TRACK_LATENCY : 0);
}

static int run_run(const struct call *call)
{
	struct timing timing = {};
	struct pfstat_id id;
	struct child child;
	char *event = NULL;
	int file = -1;
	int code;

	if (output) {
		file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0666);
		if (file < 0)
			return output_failed();
	}
	if (measure)
		event = event_name();
	code = child_start(&child, call->words, event) ? errno : 0;
	free(event);
	if (code)
		return child_report(call->words[0], code);
	if (measure && timing_begin(&timing))
		return EXIT_FAILURE;
	id = pfstat_by_pid(child.pid);
	if (pfstat_track_flags(call->p, &id, track_flags())) {
		code = report_last();
		timing_end(&timing);
		return code;
	}
	if (measure)
		timing_tracked(&timing);
	code = child_go(&child);
	if (code) {
		timing_end(&timing);
		pfstat_untrack(call->p, &id);
		return child_report(call->words[0], code);
	}
	if (timing.ring)
		ring_of_command(timing.ring, call->p, &id);
	return see_through(call, &child, &id, file, &timing);
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
