// SPDX-License-Identifier: GPL-2.0-only
/* From the command line to a command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/closestream.h"
#include "cli.h"

static const struct command *find_command(const char *name)
{
	const struct command *const *cmd;

	for (cmd = program.commands; *cmd; cmd++)
		if (!strcmp((*cmd)->name, name))
			return *cmd;
	return NULL;
}

static void print_help(void)
{
	const struct command *const *cmd;

	printf("Usage: %s COMMAND [OPTION...] [ARGUMENT...]\n"
	       "\n"
	       "%s\n"
	       "\n"
	       "Commands:\n", program.name, program.summary);
	for (cmd = program.commands; *cmd; cmd++)
		printf("  %-12s%s\n", (*cmd)->name, (*cmd)->summary);
	printf("\n"
	       "Options:\n"
	       "  --help      print this; behind a command: what it does\n"
	       "  --version   print the version\n"
	       "\n"
	       "Exit status: 0 success, 1 failure, 2 wrong usage.\n"
	       "First steps: %s\n", program.first_steps);
}

const struct command cmd_help = {
	.name = "help",
	.synopsis = "[COMMAND...]",
	.summary = "Say what a command does and which options it has",
	.no_device = true,
};

static int help(char **words)
{
	const struct command *cmd;
	char **word;

	if (!words[0])
		print_help();
	for (word = words; *word; word++) {
		cmd = find_command(*word);
		if (!cmd)
			return usage_error(NULL, "%s: no such command", *word);
		if (word != words)
			printf("\n");
		print_command_help(cmd);
	}
	return EXIT_SUCCESS;
}

/**
 * cli_main - what main() of a program with commands does
 * @argc: of main()
 * @argv: of main()
 *
 * Return: the exit status.
 */
int cli_main(int argc, char **argv)
{
	const struct command *cmd;
	int status, first;

	close_stdout_at_exit(program.name);
	if (argc < 2)
		return usage_error(NULL, "what to do? a command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("%s %s, ABI %d\n", program.name, PFSTAT_VERSION,
		       program.abi);
		return EXIT_SUCCESS;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return usage_error(NULL, "%s: no such command", argv[1]);
	argc--;
	argv++;
	first = parse_opts(cmd, argc, argv, &status);
	if (first < 0)
		return status;
	if (cmd == &cmd_help)
		return help(argv + first);
	return program.run(cmd, argv + first);
}
