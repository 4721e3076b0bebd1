// SPDX-License-Identifier: GPL-2.0-only
/* pfstat watch: a line for each interval. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../cli/screen.h"
#include "cmd.h"
#include "sample.h"

#define LINES_PER_HEAD	20

static int delay = 1000;
static int count;

static const struct opt opts[] = {
	OPT_PID,
	OPT_CGROUP,
	OPT_DELAY(&delay),
	OPT_COUNT(&count),
	OPT_FLAG("json", &out_json, "print JSON, an object on each line"),
	OPT_END
};

static void print_head(void)
{
	printf("%8s%9s%9s%9s%8s%8s%8s%8s%6s\n", "TIME", "FAULTS", "COPY",
	       "REUSE", "ZERO", "FILE", "HUGE", "KERNEL", "ALIVE");
}

static void clock_text(char *text, size_t len)
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(text, len, "%H:%M:%S", localtime_r(&now, &tm));
}

static void print_text(const struct sample *s, int line)
{
	char text[16];

	if (line % LINES_PER_HEAD == 0)
		print_head();
	clock_text(text, sizeof(text));
	printf("%8s%9llu%9llu%9llu%8llu%8llu%8llu%8llu%6u\n", text,
	       pfstat_cow_faults(s->fresh), s->fresh[PFSTAT_COPY],
	       s->fresh[PFSTAT_REUSE], s->fresh[PFSTAT_ZERO],
	       s->fresh[PFSTAT_FILE], s->fresh[PFSTAT_HUGE],
	       s->fresh[PFSTAT_KERNEL], s->now ? s->now->alive : 0);
	fflush(stdout);
}

static void print_json(const struct sample *s)
{
	struct json_object *top = json_new_object();
	int kind;

	json_add_number(top, "time", time(NULL));
	json_add_number(top, "run", s->now ? s->now->run : 0);
	json_add_number(top, "processes_alive", s->now ? s->now->alive : 0);
	json_add_number(top, "cow_faults", pfstat_cow_faults(s->fresh));
	for (kind = 0; kind < PFSTAT_NR_KINDS; kind++)
		json_add_number(top, pfstat_kind_name(kind), s->fresh[kind]);
	json_print_line(top);
}

static int watch(struct pfstat *p, struct sample *s, int *signal)
{
	int line;

	if (sample_take(s, p))
		return report_last();
	for (line = 0; !count || line < count; line++) {
		*signal = interval_wait(delay);
		if (*signal)
			break;
		if (sample_take(s, p))
			return report_last();
		if (out_json)
			print_json(s);
		else
			print_text(s, line);
		/* nobody reads it any more: said at exit */
		if (ferror(stdout))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int watch_run(const struct call *call)
{
	struct sample sample;
	int signal = 0;
	int status;

	interval_begin();
	if (sample_begin(&sample, call->p, &call->targets[0]))
		return report_last();
	status = watch(call->p, &sample, &signal);
	sample_end(&sample, call->p);
	interval_raise(signal);
	return status;
}

const struct command cmd_watch = {
	.name = "watch",
	.synopsis = "NAME [OPTION...]\n--pid PID | --cgroup DIR [OPTION...]",
	.summary = "Print a line of new counts for each interval",
	.details =
	"What is not tracked yet is tracked as long as this runs. Counts are those\n"
	"of the interval.\n",
	.opts = opts,
	.operands = OPERANDS_TARGET,
	.run = watch_run,
};
