// SPDX-License-Identifier: GPL-2.0-only
/* pgtbl: page tables of processes, from the command line. */
#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

pid_t opt_pid;

static const struct command *const commands[] = {
	&cmd_info,
	&cmd_walk,
	&cmd_translate,
	&cmd_dump,
	&cmd_scan,
	&cmd_tree,
	&cmd_watch,
	&cmd_help,
	NULL
};

__u64 page_size(const struct pgtbl *p)
{
	return 1ull << pgtbl_get_info(p)->page_shift;
}

static int parse_addrs(const struct command *cmd, char **words,
		       struct call *call)
{
	const char *problem;
	__u64 *addrs;
	int count = 0;

	while (words[count])
		count++;
	if (!count)
		return usage_error(cmd, "an address is missing");
	addrs = must(calloc(count, sizeof(*addrs)));
	call->addrs = addrs;
	for (; call->nr_addrs < count; call->nr_addrs++) {
		problem = parse_addr(words[call->nr_addrs],
				     &addrs[call->nr_addrs]);
		if (problem)
			return usage_error(cmd, "%s: %s", words[call->nr_addrs],
					   problem);
	}
	return 0;
}

/* What can be checked without the device */
static int parse_operands(const struct command *cmd, char **words,
			  struct call *call)
{
	if (cmd->operands == OPERANDS_ADDRS)
		return parse_addrs(cmd, words, call);
	if (cmd->operands == OPERANDS_RANGE && words[0])
		words++;
	if (words[0])
		return usage_error(cmd, "%s: an argument too many", words[0]);
	return 0;
}

static int run_with_device(const struct command *cmd, char **words,
			   struct call *call)
{
	int status;

	call->range.end = pgtbl_get_info(call->p)->user_end;
	if (cmd->operands == OPERANDS_RANGE && words[0]) {
		status = parse_range(cmd, words[0], call);
		if (status)
			return status;
	}
	return cmd->run(call);
}

static int run_command(const struct command *cmd, char **words)
{
	struct call call = {.pid = opt_pid};
	int status;

	status = parse_operands(cmd, words, &call);
	if (!status) {
		call.p = pgtbl_open();
		status = call.p ? run_with_device(cmd, words, &call) :
				  fail_open(errno);
	}
	pgtbl_close(call.p);
	free((void *)call.addrs);
	return status;
}

const struct program program = {
	.name = "pgtbl",
	.abi = PGTBL_ABI_VERSION,
	.summary = "Look at the page tables of processes.",
	.first_steps = "pgtbl dump --pid PID; pgtbl walk --pid PID ADDR",
	.commands = commands,
	.run = run_command,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
