/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command of pfstat is one file and one constant struct command, listed in
 * main.c. What is done there for all of them: targets, the device.
 */
#ifndef CMD_H
#define CMD_H

#include <pfstat.h>

#include "../cli/cli.h"

/* What a command wants behind its options: struct command, operands */
enum operands {
	OPERANDS_NONE,
	OPERANDS_TARGET,	/* NAME or --pid PID or --cgroup DIR */
	OPERANDS_TARGETS,	/* several of them */
	OPERANDS_ANY_TARGETS,	/* several, or none */
	OPERANDS_COMMAND,	/* COMMAND [ARGUMENT...] */
	OPERANDS_WORDS,		/* what the command itself understands */
};

/**
 * struct call - what a command is run with
 * @p: the open device, if the command needs it
 * @targets: with OPERANDS_TARGET, _TARGETS or _ANY_TARGETS
 * @nr_targets: how many
 * @words: with OPERANDS_COMMAND or _WORDS: they, and NULL
 */
struct call {
	struct pfstat *p;
	const struct pfstat_id *targets;
	int nr_targets;
	char **words;
};

extern const struct command cmd_cleanup;
extern const struct command cmd_diff;
extern const struct command cmd_get;
extern const struct command cmd_info;
extern const struct command cmd_list;
extern const struct command cmd_record;
extern const struct command cmd_report;
extern const struct command cmd_reset;
extern const struct command cmd_run;
extern const struct command cmd_top;
extern const struct command cmd_track;
extern const struct command cmd_untrack;
extern const struct command cmd_wait;
extern const struct command cmd_watch;

/* target.c */
int parse_targets(const struct command *cmd, char **words, struct call *call);
char *target_text(const struct pfstat_id *id);
const char *add_pid(const char *arg, void *to);
const char *add_cgroup(const char *arg, void *to);
const char *set_cgroup(const char *arg, void *to);
typedef int (*target_fn)(struct pfstat *p, const struct pfstat_id *id);
int call_targets(const struct call *call, target_fn fn);

#define OPT_PID \
	{.name = "pid", .arg = "PID", .set = add_pid, \
	 .help = "a process by its number instead of programs by name"}

#define OPT_CGROUP \
	{.name = "cgroup", .arg = "DIR", .set = add_cgroup, \
	 .help = "the processes of a cgroup, now and later"}

#endif /* CMD_H */
