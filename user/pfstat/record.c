// SPDX-License-Identifier: GPL-2.0-only
/* pfstat record: every counted fault into a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "../cli/screen.h"
#include "cmd.h"
#include "cost.h"
#include "get.h"
#include "resolve.h"
#include "ring.h"
#include "sample.h"

#define TICK	20	/* milliseconds between looks at the ring */

static const char *output = RECORDING_FILE;
static const char *name;
static const char *cgroup;
static pid_t pid;
static int seconds;
static int buffer;
static bool stacks, follow, latency;

static const struct opt opts[] = {
	{.name = "output", .letter = 'o', .arg = "FILE", .set = set_text,
	 .to = &output, .help = "write there, default " RECORDING_FILE},
	{.name = "name", .arg = "NAME", .set = set_text, .to = &name,
	 .help = "record programs of this name instead of a command"},
	{.name = "pid", .arg = "PID", .set = set_pid, .to = &pid,
	 .help = "record this process instead of a command"},
	{.name = "cgroup", .arg = "DIR", .set = set_cgroup, .to = &cgroup,
	 .help = "record the processes of a cgroup instead of a command"},
	{.name = "seconds", .letter = 's', .arg = "S", .set = set_milliseconds,
	 .to = &seconds, .help = "end after S seconds; not with a command"},
	{.name = "buffer", .letter = 'b', .arg = "KIB", .set = set_number,
	 .to = &buffer, .help = "size of the kernel's buffer for each CPU"},
	OPT_FLAG("follow", &follow, "record what its children execute, too"),
	OPT_FLAG("latency", &latency,
		 "measure how long faults take (slows all page faults)"),
	OPT_FLAG("stacks", &stacks, "record the stacks of user mode, too"),
	OPT_JSON,
	OPT_END
};

/**
 * struct job - a recording in the making
 * @p: the open device
 * @id: the target
 * @child: the command; its pid is 0 if there is none
 * @left: the command goes on without us
 * @signal: the one that ended it
 * @rec: what was recorded
 * @ring: where it comes from
 * @out: where it goes
 * @words: the command line, or NULL
 * @status: exit status of the command
 */
struct job {
	struct pfstat *p;
	struct pfstat_id id;
	struct child child;
	bool left;
	int signal;
	struct recording rec;
	struct ring *ring;
	FILE *out;
	char **words;
	int status;
};

static __u64 cost_before, cost_after;

static int failed(const char *subject, int code, const char *hint)
{
	const struct pfstat_error error = {
		.code = code,
		.what = "record",
		.subject = subject,
		.why = strerror(code),
		.hint = hint,
	};

	return report(&error);
}

/* A look at the ring; returns -1, having said why, if there can't be another. */
static int look(struct job *job)
{
	if (!ring_read(job->ring))
		return 0;
	failed("reading the trace event", errno, "");
	return -1;
}

static int follow_command(struct job *job)
{
	enum child_state state;

	do {
		state = child_wait(&job->child, TICK);
		if (look(job))
			return -1;
	} while (state == CHILD_RUNS);
	job->signal = job->child.signal;
	job->left = state == CHILD_LEFT;
	return 0;
}

static int follow_target(struct job *job)
{
	int left = seconds;

	while (!seconds || left > 0) {
		job->signal = interval_wait(TICK);
		if (look(job))
			return -1;
		if (job->signal)
			break;
		left -= TICK;
	}
	return 0;
}

/* What is known of the run, now that all events are there. */
static int describe(struct job *job)
{
	struct pfstat_result *result = NULL;
	struct report r = {
		.p = job->p,
		.id = &job->id,
		.each = true,
	};

	if (job->words) {
		r.name = base_name(job->words[0]);
		r.command = job->words;
	}
	if (pfstat_query(job->p, &job->id, 0, &result)) {
		pfstat_result_free(result);
		return report_last();
	}
	/* "each" of it can still be asked for when the process is no more */
	if (job->child.pid > 0 && !job->left)
		job->status = child_status(&job->child);
	r.status = job->status;
	r.result = result;
	job->rec.meta = get_make_json(&r);
	pfstat_result_free(result);
	json_add_number(job->rec.meta, "page_size", sysconf(_SC_PAGESIZE));
	json_add_number(job->rec.meta, "recorded", job->rec.nr_faults);
	json_add_number(job->rec.meta, "lost", job->rec.lost);
	if (latency)
		json_add_number(job->rec.meta, "latency_cost_ns",
				cost_after > cost_before ?
				cost_after - cost_before : 0);
	json_add_bool(job->rec.meta, "stacks", job->rec.nr_frames);
	recording_sort(&job->rec);
	resolve(&job->rec);
	return 0;
}

static int finish(struct job *job)
{
	int status;

	ring_close(job->ring);
	status = describe(job);
	if (!status && recording_write(&job->rec, job->out))
		status = failed(output, errno, "is there room enough?");
	if (!status)
		fprintf(stderr, "%s: %zu faults recorded in %s%s\n",
			program.name, job->rec.nr_faults, output,
			job->rec.lost ? "" : "; see: pfstat report");
	if (!status && job->rec.lost)
		fprintf(stderr, "%s: %llu events were lost: try a larger --buffer\n",
			program.name, job->rec.lost);
	return status;
}

static __u32 track_flags(void)
{
	return (follow ? PFSTAT_TRACK_FOLLOW : 0) |
	       (latency ? PFSTAT_TRACK_LATENCY : 0);
}

/* Track, and tell what that costs if durations are measured. */
static int track(struct job *job)
{
	if (latency)
		cost_before = fault_cost();
	if (pfstat_track_flags(job->p, &job->id, track_flags()))
		return -1;
	if (latency)
		cost_after = fault_cost();
	return 0;
}

/* The name under which events of the target come */
static char *event_name(const struct job *job)
{
	char *text = NULL;

	if (job->child.pid > 0) {
		if (asprintf(&text, "pfstat-%d", (int)getpid()) < 0)
			out_of_memory();
		return text;
	}
	return job->id.name ? must(strdup(job->id.name)) : process_name(pid);
}

static int record_target(struct job *job)
{
	struct sample sample;
	char *event;
	int status;

	interval_begin();
	event = event_name(job);
	job->ring = ring_open(&job->rec, event, buffer, stacks);
	free(event);
	if (!job->ring)
		return EXIT_FAILURE;
	/* durations are a target's from its begin */
	if (latency && pfstat_untrack(job->p, &job->id) && errno != ESRCH)
		goto failed;
	if (latency && track(job))
		goto failed;
	if (sample_begin(&sample, job->p, &job->id))
		goto failed;
	sample.added |= latency;
	status = follow_target(job) || finish(job);
	sample_end(&sample, job->p);
	return status;

failed:
	status = report_last();
	ring_close(job->ring);
	return status;
}

static int record_command(struct job *job)
{
	char *event;
	int code;

	job->child.pid = 1;
	event = event_name(job);
	code = child_start(&job->child, job->words, event) ? errno : 0;
	if (!code)
		job->ring = ring_open(&job->rec, event, buffer, stacks);
	free(event);
	if (code)
		return child_report(job->words[0], code);
	if (!job->ring)
		return EXIT_FAILURE;
	job->id = pfstat_by_pid(job->child.pid);
	if (track(job)) {
		ring_close(job->ring);
		return report_last();
	}
	code = child_go(&job->child);
	if (code) {
		ring_close(job->ring);
		pfstat_untrack(job->p, &job->id);
		return child_report(job->words[0], code);
	}
	ring_of_command(job->ring, job->p, &job->id);
	code = follow_command(job) || finish(job);
	pfstat_untrack(job->p, &job->id);
	return code;
}

static int record_run(const struct call *call)
{
	struct job job = {};
	int status;

	if (!!call->words[0] + !!name + !!pid + !!cgroup != 1)
		return usage_error(&cmd_record,
				   "one of COMMAND, --name, --pid and --cgroup is wanted");
	job.p = pfstat_open();
	if (!job.p)
		return report_last();
	job.out = fopen(output, "we");
	if (!job.out) {
		status = failed(output, errno,
				"the recording cannot be written there");
		pfstat_close(job.p);
		return status;
	}
	if (call->words[0]) {
		job.words = call->words;
		status = record_command(&job);
	} else {
		job.id = name ? pfstat_by_name(name) :
			 cgroup ? pfstat_by_cgroup(cgroup) : pfstat_by_pid(pid);
		status = record_target(&job);
	}
	fclose(job.out);
	pfstat_close(job.p);
	recording_free(&job.rec);
	if (job.child.signal)
		child_raise(&job.child);
	interval_raise(job.child.pid > 0 ? 0 : job.signal);
	return status ? status : job.status;
}

const struct command cmd_record = {
	.name = "record",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]\n"
		    "--name NAME | --pid PID | --cgroup DIR [OPTION...]",
	.summary = "Record every fault of a command or a target",
	.details =
	"A command is recorded until it ends, and its exit status passed on; a\n"
	"target until SIGINT. See: pfstat report.\n",
	.opts = opts,
	.operands = OPERANDS_WORDS,
	.no_device = true,	/* opened once the command line is known to be right */
	.wraps = true,
	.run = record_run,
};
