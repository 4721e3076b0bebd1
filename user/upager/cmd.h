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
	OPERANDS_PID_WORD,	/* a process, and a word */
	OPERANDS_FILE,		/* a file */
	OPERANDS_COMMAND,	/* a command with its arguments */
};

/**
 * struct call - what a command is run with
 * @number: with OPERANDS_NUMBER; with OPERANDS_PID* the process, 0: none
 * @words: with OPERANDS_COMMAND, the one of OPERANDS_PID_WORD or _FILE; ends with NULL
 */
struct call {
	uint64_t number;
	char **words;
};

extern const struct command cmd_demo;
extern const struct command cmd_detach;
extern const struct command cmd_image;
extern const struct command cmd_limit;
extern const struct command cmd_run;
extern const struct command cmd_save;
extern const struct command cmd_stat;
extern const struct command cmd_store;
extern const struct command cmd_top;

/* cmd-run.c: the value of --limit; returns NULL, or what is wrong with it */
const char *parse_limit(const char *arg, void *to);

#endif /* CMD_H */
