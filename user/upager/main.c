// SPDX-License-Identifier: GPL-2.0-only
/* upager: answer the page faults of other processes. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "wire.h"

static const struct command *const commands[] = {
	&cmd_demo,
	&cmd_run,
	&cmd_limit,
	&cmd_store,
	&cmd_detach,
	&cmd_save,
	&cmd_image,
	&cmd_stat,
	&cmd_top,
	&cmd_help,
	NULL
};

/* A number of words that nobody takes for another: digits only, not 0 */
static const char *parse_number(const char *word, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(word, &end, 10);
	if (*word < '0' || *word > '9' || *end)
		return "not a number";
	if (errno)
		return "too large a number";
	if (!*number)
		return "must be at least 1";
	return NULL;
}

static int parse_operands(const struct command *cmd, char **words, struct call *call)
{
	const char *problem = NULL;

	call->words = words;
	if (cmd->operands == OPERANDS_COMMAND)
		return words[0] ? 0 : usage_error(cmd, "which command?");
	if (cmd->operands == OPERANDS_NUMBER && !words[0])
		return usage_error(cmd, "how many pages?");
	if (cmd->operands == OPERANDS_PID_WORD && (!words[0] || !words[1]))
		return usage_error(cmd, "two arguments are wanted");
	if (cmd->operands == OPERANDS_FILE)
		return !words[0] ? usage_error(cmd, "which file?") :
		       words[1] ? usage_error(cmd, "%s: one argument too many", words[1]) : 0;
	if (words[0] && cmd->operands != OPERANDS_NONE) {
		problem = parse_number(words[0], &call->number);
		if (!problem && cmd->operands != OPERANDS_NUMBER && call->number > INT_MAX)
			problem = "not a process id";
		if (problem)
			return usage_error(cmd, "%s: %s", words[0], problem);
		words++;
	}
	if (cmd->operands == OPERANDS_PID_WORD)
		call->words = words++;
	return words[0] ? usage_error(cmd, "%s: one argument too many", words[0]) : 0;
}

static int run_command(const struct command *cmd, char **words)
{
	struct call call = {};
	int status = parse_operands(cmd, words, &call);

	return status ?: cmd->run(&call);
}

const struct program program = {
	.name = "upager",
	.abi = 1,
	.summary = "Answer the page faults of other processes in user space.",
	.first_steps = "upager demo 10; upager demo 10 --children 3 --threads 2",
	.commands = commands,
	.run = run_command,
};

int main(int argc, char **argv)
{
	int i;

	/* getopt() takes them for options, but no option here is a digit */
	for (i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (argv[i][0] == '-' && argv[i][1] >= '0' && argv[i][1] <= '9' &&
		    !strcmp(argv[1], cmd_demo.name))
			return usage_error(&cmd_demo, "%s: must be at least 1", argv[i]);
	return cli_main(argc, argv);
}
