// SPDX-License-Identifier: GPL-2.0-only
/* pfstat report: what a recording has to tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "report.h"

static int by = -1;
static int rows = 20;
static bool stacks, csv;
static const char *html;

static const char *set_by(const char *arg, void *to)
{
	int i;

	for (i = 0; i < NR_GROUP_BY; i++) {
		if (!strcmp(arg, group_names[i])) {
			*(int *)to = i;
			return NULL;
		}
	}
	return "neither vma nor page nor ip nor process nor time";
}

static const struct opt opts[] = {
	{.name = "by", .arg = "WHAT", .set = set_by, .to = &by,
	 .help = "sum by vma, page, ip, process or time"},
	{.name = "rows", .letter = 'n', .arg = "N", .set = set_number,
	 .to = &rows, .help = "show at most N rows of each table, default 20"},
	OPT_FLAG("stacks", &stacks, "print folded stacks, as for flame graphs"),
	{.name = "html", .arg = "FILE", .set = set_text, .to = &html,
	 .help = "write a page for a browser there"},
	OPT_FLAG("csv", &csv, "print CSV: all faults, or sums with --by"),
	OPT_JSON,
	OPT_COLOR,
	OPT_END
};

static int write_html(const struct recording *rec, struct names *names)
{
	FILE *out = fopen(html, "we");
	struct pfstat_error error = {
		.what = "report",
		.subject = html,
		.hint = "the page cannot be written there",
	};

	if (out && !report_write_html(rec, names, out) && !fclose(out))
		return EXIT_SUCCESS;
	error.code = errno;
	error.why = strerror(errno);
	return report(&error);
}

static int show(const struct recording *rec, struct names *names)
{
	if (html)
		return write_html(rec, names);
	if (stacks)
		report_print_stacks(rec, names);
	else if (out_json)
		json_print(report_make_json(rec, names));
	else if (csv && by >= 0)
		report_print_groups_csv(rec, names, by);
	else if (csv)
		report_print_faults_csv(rec, names);
	else if (by >= 0)
		report_print_groups(rec, names, by, rows);
	else
		report_print_text(rec, names, rows);
	return EXIT_SUCCESS;
}

static int report_run(const struct call *call)
{
	const char *file = call->words[0] ? call->words[0] : RECORDING_FILE;
	struct recording rec = {};
	struct names *names;
	int status;

	if (call->words[0] && call->words[1])
		return usage_error(&cmd_report, "one file at a time");
	status = recording_read(&rec, file);
	if (!status) {
		names = names_new(&rec);
		status = show(&rec, names);
		names_free(names);
	}
	recording_free(&rec);
	return status;
}

const struct command cmd_report = {
	.name = "report",
	.synopsis = "[FILE] [OPTION...]",
	.summary = "Show what was recorded",
	.details =
	"FILE comes from: pfstat record; it is " RECORDING_FILE " if none is given. The\n"
	"device is not needed.\n",
	.opts = opts,
	.operands = OPERANDS_WORDS,
	.no_device = true,
	.run = report_run,
};
