/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to this tree's programs: what was printed has arrived, or the exit
 * status says so. A full disk shows up in write(), which stdio may put off
 * until exit(), where nobody looks.
 */
#ifndef CLOSESTREAM_H
#define CLOSESTREAM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *close_stdout_program;

static void close_stdout(void)
{
	int failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) || failed) {
		fprintf(stderr, "%s: standard output: %s\n",
			close_stdout_program,
			errno ? strerror(errno) : "write error");
		_exit(EXIT_FAILURE);
	}
}

/* To be called once, at the start of main(). */
static inline void close_stdout_at_exit(const char *program)
{
	close_stdout_program = program;
	atexit(close_stdout);
}

#endif /* CLOSESTREAM_H */
