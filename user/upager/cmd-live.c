// SPDX-License-Identifier: GPL-2.0-only
/* upager limit, store, detach: what can be changed while a program runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli/progress.h"
#include "ask.h"
#include "cmd.h"
#include "runtime.h"

#define POLL_US		50000

static bool quiet, forced;

static const struct opt limit_opts[] = {OPT_END};

static const struct opt store_opts[] = {
	OPT_FLAG("progress", &forced, "show how far it is, whatever standard error is"),
	OPT_FLAG("quiet", &quiet, "only say what goes wrong"),
	OPT_JSON,
	OPT_END
};

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
	err = ask_control(call->number, &wire, "");
	return err ? ask_failed("limit", call->number, -err) : EXIT_SUCCESS;
}

/*
 * Waits until something is over, one way or the other. Returns what the pager
 * tells then, to be put; NULL: with the program the pager has ended.
 */
static struct json_object *wait_for(pid_t pid, const char *what, const char *going,
				    const char *done, const char *total)
{
	struct progress progress = {};
	struct json_object *top, *run;

	if (!quiet && !out_json)
		progress_begin(&progress, what, forced);
	while ((top = ask_stat(runtime_socket(pid)))) {
		run = json_object_object_get(top, "run");
		if (ask_number(run, total))
			progress_set(&progress, ask_number(run, done), ask_number(run, total));
		if (!json_object_get_boolean(json_object_object_get(run, going)))
			break;
		json_object_put(top);
		usleep(POLL_US);
	}
	progress_end(&progress);
	return top;
}

static int detach_run(const struct call *call)
{
	struct wire wire = {.type = WIRE_RELEASE};
	struct json_object *top, *run;
	bool detached = true;
	int err;

	if (!call->number)
		return usage_error(&cmd_detach, "which pager?");
	err = ask_control(call->number, &wire, "");
	if (err)
		return ask_failed("detach", call->number, -err);
	top = wait_for(call->number, "detach", "detaching", "detach_done", "detach_total");
	run = json_object_object_get(top, "run");
	if (run)
		detached = json_object_get_boolean(json_object_object_get(run, "detached"));
	json_object_put(top);
	return detached ? EXIT_SUCCESS : ask_failed("detach", call->number, EIO);
}

/* A file is looked for where we are, not where the pager is. */
static char *absolute_url(const char *url)
{
	char *here, *absolute = NULL;

	if (strncmp(url, "file:", 5) || url[5] == '/')
		return must(strdup(url));
	here = must(getcwd(NULL, 0));
	if (asprintf(&absolute, "file:%s/%s", here, url + 5) < 0)
		out_of_memory();
	free(here);
	return absolute;
}

static int not_stored(pid_t pid, const char *why)
{
	static char subject[32];

	snprintf(subject, sizeof(subject), "pid %d", (int)pid);
	/* a list of all stores needs no hint */
	return report(&(struct pfstat_error){
		.code = EIO, .what = "store", .subject = subject, .why = why,
		.hint = strchr(why, '\n') ? "" : "see what is where: upager stat",
	});
}

static int print_stored(pid_t pid, struct json_object *run)
{
	struct json_object *json;

	if (!out_json)
		return EXIT_SUCCESS;
	json = json_new_object();
	json_add_number(json, "pid", pid);
	json_add_text(json, "store", json_object_get_string(json_object_object_get(run, "store")));
	json_add_number(json, "moved", ask_number(run, "transfer_moved"));
	json_print(json);
	return EXIT_SUCCESS;
}

static int store_run_command(const struct call *call)
{
	struct wire wire = {.type = WIRE_STORE};
	char *url = absolute_url(call->words[0]);
	struct json_object *top, *run;
	const char *why;
	int err = ask_control(call->number, &wire, url), status;

	free(url);
	if (err == -EALREADY)
		return not_stored(call->number, "it is changing its store already");
	if (err)
		return ask_failed("store", call->number, -err);
	top = wait_for(call->number, "store", "transferring", "transfer_done", "transfer_total");
	if (!top)
		return EXIT_SUCCESS;
	run = json_object_object_get(top, "run");
	why = json_object_get_string(json_object_object_get(run, "transfer_error"));
	if (ask_number(run, "transfer") != wire.b)
		status = not_stored(call->number, "somebody else has changed it again");
	else
		status = why ? not_stored(call->number, why) : print_stored(call->number, run);
	json_object_put(top);
	return status;
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

const struct command cmd_store = {
	.name = "store",
	.synopsis = "[OPTION...] PID URL",
	.summary = "Keep the pages of a program that runs in another store",
	.details =
	"PID is that of upager run, as upager stat shows it; URL is as for upager run. From\n"
	"now on pages go there, those of the old store are moved, and that is closed. It\n"
	"returns when this is done. If the new store can't be opened nothing changes. If it\n"
	"refuses a page, all goes back. If the old one can't give a page it stays open.\n",
	.opts = store_opts,
	.operands = OPERANDS_PID_WORD,
	.no_device = true,
	.run = store_run_command,
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
