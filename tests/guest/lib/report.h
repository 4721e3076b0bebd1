/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the program pfstat: workloads that it runs, in the directory of
 * the test, under the name ./pf-run; and parts of its JSON.
 */
#ifndef REPORT_H
#define REPORT_H

#include "shell.h"

/* workload_shell() - run a shell command where ./pf-run is a workload */
struct run workload_shell(const char *function, const char *format, ...) KTAP_PRINTF(2, 3);

/* A program that runs, its standard output a pipe */
struct running {
	pid_t pid;
	int out;
	char line[512];
};

/* workload_running() - start a program where ./pf-run is a workload */
struct running workload_running(const char *function, const char *program, ...)
	__attribute__((sentinel));

/* line_of() - the next line that it prints, without the newline */
const char *line_of(struct running *p);

/* rest_of() - all that it prints until it closes its output; to be freed */
char *rest_of(struct running *p);

/* end_of() - its exit status, or 128 + n if signal n killed it */
int end_of(struct running *p);

/* vma_of() - the element of "vmas" that has the address; fails if none has */
struct json_object *vma_of(struct json_object *object, unsigned long address);

/* kind_of() - the count of a kind */
long long kind_of(struct json_object *object, const char *kind);

#endif
