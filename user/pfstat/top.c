// SPDX-License-Identifier: GPL-2.0-only
/* pfstat top: the targets and their hottest mappings, again and again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../cli/screen.h"
#include "cmd.h"
#include "top.h"

static int delay = 1000;
static int count;
static int mappings = 15;
static bool batch;

static const struct opt opts[] = {
	OPT_PID,
	OPT_CGROUP,
	OPT_FLAG("batch", &batch, "print lines, for scripts and dumb terminals"),
	OPT_DELAY(&delay),
	OPT_COUNT(&count),
	{.name = "mappings", .letter = 'm', .arg = "N", .set = set_number,
	 .to = &mappings, .help = "show the N hottest mappings, default 15"},
	OPT_END
};

/* The target of an element of the list, whose name is copied. */
static struct pfstat_id listed_id(const struct pfstat_target *target)
{
	if (target->type == PFSTAT_TARGET_PID)
		return pfstat_by_pid(target->pid);
	if (target->type == PFSTAT_TARGET_CGROUP)
		return pfstat_by_cgroup(must(strdup(target->name)));
	return pfstat_by_name(must(strdup(target->name)));
}

static bool is_known(const struct top *top, const struct pfstat_id *id)
{
	const struct pfstat_id *other;
	size_t i;

	for (i = 0; i < top->nr; i++) {
		other = &top->samples[i].id;
		if (other->type == id->type && other->pid == id->pid &&
		    other->name_len == id->name_len &&
		    (!id->name_len ||
		     !memcmp(other->name, id->name, id->name_len)))
			return true;
	}
	return false;
}

static int add_target(struct top *top, const struct pfstat_id *id)
{
	top->samples = must(reallocarray(top->samples, top->nr + 1,
					 sizeof(*top->samples)));
	if (sample_begin(&top->samples[top->nr], top->p, id))
		return -1;
	top->nr++;
	return 0;
}

/* What others began to track meanwhile */
static int add_listed(struct top *top)
{
	struct pfstat_target *targets;
	size_t nr, i;
	int ret = 0;

	if (pfstat_list_targets(top->p, &targets, &nr))
		return -1;
	for (i = 0; i < nr && !ret; i++) {
		struct pfstat_id id = listed_id(&targets[i]);

		if (is_known(top, &id)) {
			free((void *)id.name);
			continue;
		}
		ret = add_target(top, &id);
		/* it was there a moment ago: it is not for us to track it */
		if (!ret)
			top->samples[top->nr - 1].added = false;
	}
	free(targets);
	return ret;
}

static long long milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int top_look(struct top *top)
{
	long long now = milliseconds();
	size_t i;

	top->elapsed = now - top->at;
	top->at = now;
	if (top->every && add_listed(top))
		return -1;
	/* ESRCH: somebody untracked it, which the picture tells */
	for (i = 0; i < top->nr; i++)
		if (sample_take(&top->samples[i], top->p) && errno != ESRCH)
			return -1;
	return 0;
}

static int look(void *ctx)
{
	return top_look(ctx);
}

static char *text(void *ctx, int width)
{
	return top_text(ctx, width);
}

static int top_run(const struct call *call)
{
	struct top top = {
		.p = call->p,
		.delay = delay,
		.mappings = mappings,
		.every = !call->nr_targets,
	};
	const struct screen screen = {
		.what = "top",
		.title = "FAULTS/s",
		.delay = delay,
		.look = look,
		.text = text,
		.ctx = &top,
	};
	int status = EXIT_SUCCESS;
	int signal = 0;
	size_t i;

	interval_begin();
	for (i = 0; i < (size_t)call->nr_targets && !status; i++)
		if (add_target(&top, &call->targets[i]))
			status = report_last();
	if (!status && top_look(&top))
		status = report_last();
	if (!status)
		status = batch ? screen_batch(&screen, count, &signal) :
				 screen_show(&screen, &signal);
	if (status < 0)
		status = report_last();
	for (i = 0; i < top.nr; i++) {
		sample_end(&top.samples[i], call->p);
		if (top.every)
			free((void *)top.samples[i].id.name);
	}
	free(top.samples);
	interval_raise(signal);
	return status;
}

const struct command cmd_top = {
	.name = "top",
	.synopsis = "[NAME...] [OPTION...]\n--pid PID... | --cgroup DIR [OPTION...]",
	.summary = "Show targets and their hottest mappings, live",
	.details =
	"Without NAME: everything that is tracked. What is named and not tracked\n"
	"yet is tracked as long as this runs. Rates are faults per second. The key\n"
	"q ends it.\n",
	.opts = opts,
	.operands = OPERANDS_ANY_TARGETS,
	.run = top_run,
};
