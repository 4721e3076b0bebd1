// SPDX-License-Identifier: GPL-2.0-only
/* Options of commands: parsed, and explained, from one table. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define OPTS_MAX	16

/* Values of getopt_long() beyond those of characters: index of the option */
#define OPT_BASE	256

int usage_error(const struct command *cmd, const char *format, ...)
{
	const char *space = cmd ? " " : "";
	const char *name = cmd ? cmd->name : "";
	va_list args;

	fprintf(stderr, "%s%s%s: ", program.name, space, name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: %s%s%s --help\n", program.name, space, name);
	return EXIT_USAGE;
}

static void print_opt(const struct opt *opt)
{
	const char letter[] = {'-', opt->letter, ',', ' ', '\0'};
	char left[40];

	snprintf(left, sizeof(left), "%s--%s%s%s", opt->letter ? letter : "",
		 opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
	printf("  %-18s %s\n", left, opt->help);
}

void print_command_help(const struct command *cmd)
{
	const char *intro = "Usage:";
	const char *line = cmd->synopsis;
	const struct opt help = {.name = "help", .help = "print this"};
	const struct opt *opt;
	int length;

	/* a line of the synopsis for each form of the command */
	for (;; line += length + 1) {
		length = strcspn(line, "\n");
		printf("%s %s %s%s%.*s\n", intro, program.name, cmd->name,
		       length ? " " : "", length, line);
		intro = "      ";
		if (!line[length])
			break;
	}
	printf("\n%s.\n", cmd->summary);
	if (cmd->details)
		printf("\n%s", cmd->details);
	printf("\nOptions:\n");
	for (opt = cmd->opts; opt && opt->name; opt++)
		print_opt(opt);
	print_opt(&help);
}

/* The tables of getopt_long(): short and long names */
static void fill_getopt(const struct command *cmd, char *letters,
			struct option *options)
{
	const struct opt *opt = cmd->opts;
	int i;

	letters += sprintf(letters, cmd->wraps ? "+:h" : ":h");
	for (i = 0; opt && opt[i].name && i < OPTS_MAX; i++) {
		options[i].name = opt[i].name;
		options[i].has_arg = opt[i].arg ? required_argument :
						  no_argument;
		options[i].val = OPT_BASE + i;
		if (opt[i].letter)
			letters += sprintf(letters, "%c%s", opt[i].letter,
					   opt[i].arg ? ":" : "");
	}
	options[i].name = "help";
	options[i].val = 'h';
}

/* The option that getopt_long() found; NULL if there is none such */
static const struct opt *find_opt(const struct command *cmd, int c)
{
	const struct opt *opt;

	if (c >= OPT_BASE)
		return &cmd->opts[c - OPT_BASE];
	for (opt = cmd->opts; opt && opt->name; opt++)
		if (opt->letter && opt->letter == c)
			return opt;
	return NULL;
}

static const char *getopt_problem(int c)
{
	if (c == ':')
		return "its argument is missing";
	/* the option is known, so it is the argument that is wrong */
	if (optopt >= OPT_BASE)
		return "takes no argument";
	return "no such option";
}

/**
 * parse_opts - parse the options of a command
 * @cmd: which
 * @argc: arguments, the command's name among them
 * @argv: the same; what are no options goes to the end
 * @status: exit status if there is nothing more to do
 *
 * Return: index in @argv of the first argument that is no option, or -1 when
 * the program is to end with @status.
 */
int parse_opts(const struct command *cmd, int argc, char **argv, int *status)
{
	struct option options[OPTS_MAX + 2] = {};
	char letters[2 * OPTS_MAX + 4];
	const char *problem;
	const struct opt *opt;
	int c;

	fill_getopt(cmd, letters, options);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == 'h') {
			print_command_help(cmd);
			*status = EXIT_SUCCESS;
			return -1;
		}
		opt = find_opt(cmd, c);
		if (!opt) {
			*status = usage_error(cmd, "%s: %s", argv[optind - 1],
					      getopt_problem(c));
			return -1;
		}
		problem = opt->set(optarg, opt->to);
		if (problem) {
			*status = usage_error(cmd, "--%s %s: %s", opt->name,
					      optarg, problem);
			return -1;
		}
	}
	return optind;
}

const char *set_flag(const char *arg, void *to)
{
	(void)arg;
	*(bool *)to = true;
	return NULL;
}

const char *set_text(const char *arg, void *to)
{
	*(const char **)to = arg;
	return NULL;
}

const char *set_number(const char *arg, void *to)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(arg, &end, 10);
	if (errno || end == arg || *end || number <= 0 || number > INT_MAX)
		return "not a positive number";
	*(int *)to = number;
	return NULL;
}

const char *set_pid(const char *arg, void *to)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(arg, &end, 10);
	if (errno || end == arg || *end || pid <= 0 || pid > INT_MAX)
		return "not a process id";
	*(pid_t *)to = pid;
	return NULL;
}

const char *set_milliseconds(const char *arg, void *to)
{
	double seconds;
	char *end;

	seconds = strtod(arg, &end);
	if (end == arg || *end || !isfinite(seconds) || seconds < 0 ||
	    seconds > INT_MAX / 1000)
		return "not a number of seconds";
	*(int *)to = seconds * 1000;
	return NULL;
}

const char *set_range(const char *arg, unsigned int *to, unsigned int least, unsigned int most)
{
	static char problem[64];
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || number < least || number > most) {
		snprintf(problem, sizeof(problem), "not a number from %u to %u", least, most);
		return problem;
	}
	*to = number;
	return NULL;
}
