/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command of pgtbl is one file and one constant struct command, listed in
 * main.c. What is done there for all of them: --pid, addresses and ranges, the
 * device. No architecture is known here: what an entry is, and what its bits
 * are called, the module tells.
 */
#ifndef CMD_H
#define CMD_H

#include <sys/types.h>

#include "../cli/cli.h"
#include "maps.h"

/* What a command wants behind its options: struct command, operands */
enum operands {
	OPERANDS_NONE,
	OPERANDS_ADDRS,		/* addresses, at least one */
	OPERANDS_RANGE,		/* a range of addresses; default: all */
};

/**
 * struct range - a range of addresses
 * @start: the first
 * @end: the first behind it
 */
struct range {
	__u64 start;
	__u64 end;
};

/**
 * struct call - what a command is run with
 * @p: the open device
 * @pid: whose page tables, 0: our own
 * @addrs: with OPERANDS_ADDRS
 * @nr_addrs: how many
 * @range: page aligned, in user space; all of it without OPERANDS_RANGE
 */
struct call {
	struct pgtbl *p;
	pid_t pid;
	const __u64 *addrs;
	int nr_addrs;
	struct range range;
};

extern const struct command cmd_dump;
extern const struct command cmd_info;
extern const struct command cmd_scan;
extern const struct command cmd_translate;
extern const struct command cmd_tree;
extern const struct command cmd_walk;
extern const struct command cmd_watch;

/* main.c */
extern pid_t opt_pid;
__u64 page_size(const struct pgtbl *p);

#define OPT_PID \
	{.name = "pid", .arg = "PID", .set = set_pid, .to = &opt_pid, \
	 .help = "the process, default: this one"}

/* addr.c */
const char *parse_addr(const char *text, __u64 *addr);
int parse_range(const struct command *cmd, const char *text,
		struct call *call);

/* error.c */
void pid_error(const char *what, pid_t pid, int code,
	       struct pfstat_error *error);
int fail_pid(const char *what, pid_t pid, int code);
int fail_open(int code);
int fail_file(const char *what, const char *path, int code);

#endif /* CMD_H */
