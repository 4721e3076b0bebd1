// SPDX-License-Identifier: GPL-2.0-only
/* The targets on a command line: names, or process ids once --pid was used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static pid_t *pids;
static int nr_pids;

/* What to call a target: its name or "pid 123"; to be freed. */
char *target_text(const struct pfstat_id *id)
{
	char *text;

	if (id->type == PFSTAT_TARGET_NAME)
		return must(strndup(id->name, id->name_len));
	if (asprintf(&text, "pid %d", (int)id->pid) < 0)
		text = NULL;
	return must(text);
}

/* For the option --pid, which may be given several times. */
const char *add_pid(const char *arg, void *to)
{
	const char *problem;
	pid_t pid;

	(void)to;
	problem = set_pid(arg, &pid);
	if (problem)
		return problem;
	pids = must(reallocarray(pids, nr_pids + 1, sizeof(*pids)));
	pids[nr_pids++] = pid;
	return NULL;
}

/*
 * For the option --cgroup: the processes that are in it now, each a target of
 * its own.
 */
const char *add_cgroup(const char *arg, void *to)
{
	const char *top = *arg == '/' ? "" : "/sys/fs/cgroup/";
	int before = nr_pids;
	char *path, *line = NULL;
	size_t size = 0;
	FILE *file;

	(void)to;
	if (asprintf(&path, "%s%s/cgroup.procs", top, arg) < 0)
		out_of_memory();
	file = fopen(path, "re");
	free(path);
	if (!file)
		return "no such cgroup: there is no cgroup.procs to be read";
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		/* 0: a process that this namespace does not see */
		if (strcmp(line, "0"))
			add_pid(line, NULL);
	}
	free(line);
	fclose(file);
	return nr_pids > before ? NULL : "no process is in this cgroup";
}

static int count_words(char **words)
{
	int count = 0;

	while (words[count])
		count++;
	return count;
}

static struct pfstat_id *collect(const struct command *cmd, char **words,
				 int *count)
{
	struct pfstat_id *ids;
	int i;

	/* behind --pid PID more of them may follow: --pid 1 2 3 */
	for (i = 0; nr_pids && words[i]; i++) {
		const char *problem = add_pid(words[i], NULL);

		if (problem) {
			usage_error(cmd, "%s: %s, as --pid wants it", words[i],
				    problem);
			return NULL;
		}
	}
	*count = nr_pids ? nr_pids : count_words(words);
	ids = must(calloc(*count + 1, sizeof(*ids)));
	for (i = 0; i < *count; i++)
		ids[i] = nr_pids ? pfstat_by_pid(pids[i]) :
				   pfstat_by_name(words[i]);
	return ids;
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
	struct pfstat_id *ids;
	int count;

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
	ids = collect(cmd, words, &count);
	if (!ids)
		return EXIT_USAGE;
	if ((!count && !any) || (count > 1 && !many)) {
		free(ids);
		return usage_error(cmd, count ? "one target at a time" :
						"NAME or --pid PID is missing");
	}
	call->targets = ids;
	call->nr_targets = count;
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
