// SPDX-License-Identifier: GPL-2.0-only
/* pfstat: copy-on-write faults of programs, from the command line. */
#include <stdlib.h>

#include "cmd.h"

static const struct command *const commands[] = {
	&cmd_run,
	&cmd_track,
	&cmd_untrack,
	&cmd_list,
	&cmd_get,
	&cmd_watch,
	&cmd_top,
	&cmd_record,
	&cmd_report,
	&cmd_diff,
	&cmd_wait,
	&cmd_reset,
	&cmd_cleanup,
	&cmd_info,
	&cmd_help,
	NULL
};

static int run_command(const struct command *cmd, char **words)
{
	struct call call = {};
	int status;

	status = parse_targets(cmd, words, &call);
	if (status)
		return status;
	if (!cmd->no_device) {
		call.p = pfstat_open();
		if (!call.p) {
			free((void *)call.targets);
			return report_last();
		}
	}
	status = cmd->run(&call);
	pfstat_close(call.p);
	free((void *)call.targets);
	return status;
}

const struct program program = {
	.name = "pfstat",
	.abi = PFSTAT_ABI_VERSION,
	.summary =
	"Count the copy-on-write faults of programs, by mapping and kind.",
	.first_steps = "pfstat run COMMAND; or: pfstat track NAME, pfstat get NAME",
	.commands = commands,
	.run = run_command,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
