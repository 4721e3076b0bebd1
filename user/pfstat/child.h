/* SPDX-License-Identifier: GPL-2.0-only */
/* A command that is tracked from its first instruction to its end. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Exit status of what wraps a command, as in sh(1) */
#define EXIT_CANNOT_RUN	126
#define EXIT_NOT_FOUND	127

/**
 * struct child - a command
 * @pid: its process
 * @go: tells it to execute the command
 * @failed: tells why it could not
 * @signal: the last signal that was to end us, 0: none
 */
struct child {
	pid_t pid;
	int go;
	int failed;
	int signal;
};

/**
 * child_start - make a process that waits to execute a command
 * @child: filled in
 * @words: the command and its arguments, NULL-terminated
 * @name: what to call the process until then, NULL: as this one
 *
 * From here on signals that would end this process are kept for child_wait().
 *
 * Return: 0, or -1 and errno.
 */
int child_start(struct child *child, char **words, const char *name);

/**
 * child_go - let it execute the command
 * @child: from child_start()
 *
 * Return: 0, or the errno of the failure; the process is no more then.
 */
int child_go(struct child *child);

enum child_state {
	CHILD_RUNS,	/* the time is over */
	CHILD_ENDED,	/* but can still be asked for until child_status() */
	CHILD_LEFT,	/* it goes on, but we were told twice to end */
};

/**
 * child_wait - wait for the end of the command
 * @child: after child_go()
 * @timeout: in milliseconds, negative: without end
 *
 * A signal from another process, which the command knows nothing of, is handed
 * on to it; one from the terminal it has got itself. The second ends the wait.
 *
 * Return: enum child_state.
 */
enum child_state child_wait(struct child *child, int timeout);

/**
 * child_status - the exit status to pass on
 * @child: after child_wait() said CHILD_ENDED
 *
 * Return: its status, or 128 + n if signal n ended it.
 */
int child_status(struct child *child);

/**
 * child_raise - die of the signal that was kept, if there was one
 * @child: everything is done and said
 */
void child_raise(const struct child *child);

/**
 * child_report - say why the command could not be executed
 * @name: of the command
 * @code: errno value
 *
 * Return: the exit status, 126 or 127.
 */
int child_report(const char *name, int code);

#endif /* CHILD_H */
