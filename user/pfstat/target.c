// SPDX-License-Identifier: GPL-2.0-only
/* The targets on a command line: names, unless --pid or --cgroup was used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static struct pfstat_id *given;
static int nr_given;

/* What to call a target: its name, "pid 123" or "cgroup /a"; to be freed. */
char *target_text(const struct pfstat_id *id)
{
	char *text;
	int length;

	if (id->type == PFSTAT_TARGET_NAME)
		return must(strndup(id->name, id->name_len));
	if (id->type == PFSTAT_TARGET_PID)
		length = asprintf(&text, "pid %d", (int)id->pid);
	else
		length = asprintf(&text, "cgroup %.*s", (int)id->name_len,
				  id->name);
	return must(length < 0 ? NULL : text);
}

static void add_target(struct pfstat_id id)
{
	given = must(reallocarray(given, nr_given + 1, sizeof(*given)));
	given[nr_given++] = id;
}

/* For the option --pid, which may be given several times. */
const char *add_pid(const char *arg, void *to)
{
	const char *problem;
	pid_t pid;

	(void)to;
	problem = set_pid(arg, &pid);
	if (!problem)
		add_target(pfstat_by_pid(pid));
	return problem;
}

/*
 * The path of a cgroup as the kernel wants it, from one below /sys/fs/cgroup,
 * with or without that; stays for ever.
 */
const char *set_cgroup(const char *arg, void *to)
{
	static const char top[] = "/sys/fs/cgroup/";
	char *path, *end;

	if (!*arg)
		return "it is empty: wanted is a directory in /sys/fs/cgroup";
	if (!strncmp(arg, top, sizeof(top) - 1))
		arg += sizeof(top) - 1;
	else if (strlen(arg) == sizeof(top) - 2 && !strncmp(arg, top, sizeof(top) - 2))
		arg = "";
	path = must(malloc(strlen(arg) + 2));
	for (end = path; *arg; arg += strcspn(arg, "/")) {
		arg += strspn(arg, "/");
		if (!*arg)
			break;
		*end++ = '/';
		end = mempcpy(end, arg, strcspn(arg, "/"));
	}
	if (end == path)
		*end++ = '/';
	*end = '\0';
	*(const char **)to = path;
	return NULL;
}

/* For the option --cgroup, which may be given several times. */
const char *add_cgroup(const char *arg, void *to)
{
	const char *path, *problem = set_cgroup(arg, &path);

	(void)to;
	if (!problem)
		add_target(pfstat_by_cgroup(path));
	return problem;
}

/* Behind --pid PID more of them may follow, and behind --cgroup: --pid 1 2 3 */
static int add_more(const struct command *cmd, char **words)
{
	bool pid = given[nr_given - 1].type == PFSTAT_TARGET_PID;
	const char *problem;

	for (; *words; words++) {
		problem = pid ? add_pid(*words, NULL) : add_cgroup(*words, NULL);
		if (problem)
			return usage_error(cmd, "%s: %s, as --%s wants it",
					   *words, problem,
					   pid ? "pid" : "cgroup");
	}
	return 0;
}

/**
 * parse_targets - check what is behind the options
 * @cmd: which command
 * @words: the arguments that are no options, ends with NULL
 * @call: filled in; its targets are to be given to free()
 *
 * Return: 0, or the exit status, having said what is wrong.
 */
int parse_targets(const struct command *cmd, char **words, struct call *call)
{
	bool any = cmd->operands == OPERANDS_ANY_TARGETS;
	bool many = any || cmd->operands == OPERANDS_TARGETS;
	bool given_by_option = nr_given;

	if (cmd->operands == OPERANDS_NONE)
		return words[0] ? usage_error(cmd, "%s: an argument too many",
					      words[0]) : 0;
	if (cmd->operands == OPERANDS_COMMAND) {
		call->words = words;
		return words[0] ? 0 : usage_error(cmd, "COMMAND is missing");
	}
	if (cmd->operands == OPERANDS_WORDS) {
		call->words = words;
		return 0;
	}
	if (nr_given && add_more(cmd, words))
		return EXIT_USAGE;
	while (!given_by_option && *words)
		add_target(pfstat_by_name(*words++));
	if ((!nr_given && !any) || (nr_given > 1 && !many))
		return usage_error(cmd, nr_given ? "one target at a time" :
				   "NAME, --pid PID or --cgroup DIR is missing");
	call->targets = given;
	call->nr_targets = nr_given;
	return 0;
}

/**
 * call_targets - do the same to all targets, also when one fails
 * @call: the command's
 * @fn: returns 0, or -1 for an error of the library
 *
 * Return: the exit status.
 */
int call_targets(const struct call *call, target_fn fn)
{
	int status = EXIT_SUCCESS;
	int i;

	for (i = 0; i < call->nr_targets; i++)
		if (fn(call->p, &call->targets[i]))
			status = report_last();
	return status;
}
