// SPDX-License-Identifier: GPL-2.0-only
/* pfstat wait: until the run of a target has ended. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "cmd.h"

static int timeout = -1;	/* milliseconds, negative: none */

static const struct opt opts[] = {
	OPT_PID,
	OPT_CGROUP,
	{.name = "timeout", .arg = "S", .set = set_milliseconds, .to = &timeout,
	 .help = "give up after S seconds (exit status 1)"},
	OPT_END
};

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Like pfstat_wait(), but a signal (stop and continue) does not end it. */
static int wait_for_end(struct pfstat *p)
{
	long long end = now() + timeout;
	long long left;
	int ret;

	do {
		left = timeout < 0 ? -1 : end - now();
		ret = pfstat_wait(p, timeout < 0 ? -1 : left < 0 ? 0 : left);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

static int report_timeout(const struct pfstat_id *id)
{
	char *subject = target_text(id);
	const struct pfstat_error error = {
		.code = ETIMEDOUT,
		.what = "wait",
		.subject = subject,
		.why = "timed out",
		.hint = "its run has not ended, or not begun; see: pfstat list",
	};
	int status = report(&error);

	free(subject);
	return status;
}

static int wait_run(const struct call *call)
{
	int ret;

	if (pfstat_watch(call->p, &call->targets[0]))
		return report_last();
	ret = wait_for_end(call->p);
	if (ret < 0)
		return report_last();
	return ret ? EXIT_SUCCESS : report_timeout(&call->targets[0]);
}

const struct command cmd_wait = {
	.name = "wait",
	.synopsis = "NAME [--timeout S]\n--pid PID | --cgroup DIR [--timeout S]",
	.summary = "Wait until the current run has ended",
	.details =
	"Returns at once if it has ended already. If nothing of that name has run\n"
	"yet, waits for a run and its end.\n",
	.opts = opts,
	.operands = OPERANDS_TARGET,
	.run = wait_run,
};
