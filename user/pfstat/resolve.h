/* SPDX-License-Identifier: GPL-2.0-only */
/* The names of the instructions in a recording. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "recording.h"

/**
 * resolve - look up all instructions, of faults and of stacks
 * @rec: with its meta, to which "symbols" is added
 *
 * Must run where the files of the processes are.
 */
void resolve(struct recording *rec);

/* Names of instructions, from "symbols" */
struct names;

struct names *names_new(const struct recording *rec);

/**
 * names_find - what an instruction is called
 * @names: from names_new()
 * @pid: whose
 * @ip: it; 0: the kernel's
 *
 * Return: a function, or a file with an offset, or a number; valid until the
 * next call.
 */
const char *names_find(struct names *names, __u32 pid, __u64 ip);

void names_free(struct names *names);

#endif /* RESOLVE_H */
