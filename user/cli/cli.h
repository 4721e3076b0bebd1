/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs with commands have in common: a program is one constant
 * struct program, a command of it one file with one constant struct command.
 * The options, --help, the list of commands and wrong usage are done here.
 * Help, manual page and completion must agree with the tables
 * (tests/host/cli-docs.sh).
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <sys/types.h>

#include "out.h"

/* Exit status, beside EXIT_SUCCESS and EXIT_FAILURE */
#define EXIT_USAGE	2

/**
 * struct opt - an option of a command
 * @name: long name, without the dashes; ends the table when NULL
 * @letter: short name, 0 if it has none
 * @arg: what to call its argument, NULL if it has none
 * @help: one line
 * @set: takes the argument (NULL if none) and puts it into @to; returns what
 *	is wrong with it, or NULL
 * @to: a variable of the command
 */
struct opt {
	const char *name;
	char letter;
	const char *arg;
	const char *help;
	const char *(*set)(const char *arg, void *to);
	void *to;
};

/* What a command is run with: each program defines it for itself. */
struct call;

/**
 * struct command - a command of a program
 * @name: the word
 * @synopsis: what follows the word, one line for each form
 * @summary: one line for the list of commands
 * @details: more for its own help, lines of text
 * @opts: its options besides --help, may be NULL
 * @operands: what it wants behind them, as the program defines it
 * @no_device: it does without the module
 * @wraps: it runs a command line: its options end at the first word that is none
 * @run: does it; returns the exit status, having said what went wrong
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *details;
	const struct opt *opts;
	int operands;
	bool no_device;
	bool wraps;
	int (*run)(const struct call *call);
};

/**
 * struct program - a program with commands
 * @name: its name
 * @abi: version of the ABI it was built with
 * @summary: what it is for, one sentence
 * @first_steps: what to try first
 * @commands: ends with NULL; cmd_help is one of them
 * @run: runs any other command with what is behind its options (ends with
 *	NULL); returns the exit status
 */
struct program {
	const char *name;
	int abi;
	const char *summary;
	const char *first_steps;
	const struct command *const *commands;
	int (*run)(const struct command *cmd, char **words);
};

/* The program that runs: it defines this, and calls cli_main(). */
extern const struct program program;

/* main.c */
extern const struct command cmd_help;
int cli_main(int argc, char **argv);

/* opt.c */
int parse_opts(const struct command *cmd, int argc, char **argv, int *status);
int usage_error(const struct command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void print_command_help(const struct command *cmd);
const char *set_flag(const char *arg, void *to);
const char *set_text(const char *arg, void *to);
const char *set_number(const char *arg, void *to);
const char *set_pid(const char *arg, void *to);
const char *set_milliseconds(const char *arg, void *to);
/* for an option's own function, which knows the range */
const char *set_range(const char *arg, unsigned int *to, unsigned int least, unsigned int most);

#define OPT_FLAG(_name, _to, _help) \
	{.name = _name, .help = _help, .set = set_flag, .to = _to}
#define OPT_JSON OPT_FLAG("json", &out_json, "print JSON, errors too")
#define OPT_COLOR \
	{.name = "color", .arg = "WHEN", .set = set_color, \
	 .help = "auto (on a terminal, default), always, never"}
#define OPT_DELAY(_to) \
	{.name = "delay", .letter = 'd', .arg = "S", .set = set_milliseconds, \
	 .to = _to, .help = "seconds between looks, default 1"}
#define OPT_COUNT(_to) \
	{.name = "count", .letter = 'n', .arg = "N", .set = set_number, \
	 .to = _to, .help = "end after N of them"}
#define OPT_END {}

#endif /* CLI_H */
