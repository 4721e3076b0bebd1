/* SPDX-License-Identifier: GPL-2.0-only */
/* A command of upager is one file and one constant struct command. */
#ifndef CMD_H
#define CMD_H

#include <stdint.h>

#include "../cli/cli.h"

/* What a command wants behind its options: struct command, operands */
enum operands {
	OPERANDS_NONE,
	OPERANDS_NUMBER,	/* how many */
	OPERANDS_PID,		/* a process, or none */
	OPERANDS_COMMAND,	/* a command with its arguments */
};

/**
 * struct call - what a command is run with
 * @number: with OPERANDS_NUMBER; with OPERANDS_PID the process, 0: none
 * @words: with OPERANDS_COMMAND; ends with NULL
 */
struct call {
	uint64_t number;
	char **words;
};

extern const struct command cmd_demo;
extern const struct command cmd_run;
extern const struct command cmd_stat;

#endif /* CMD_H */
