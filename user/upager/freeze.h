/* SPDX-License-Identifier: GPL-2.0-only */
/* Holding all threads of a process, so that its memory is that of one moment. */
#ifndef FREEZE_H
#define FREEZE_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct frozen_thread - a thread that is held
 * @tid: which
 * @signal: that it was about to get
 */
struct frozen_thread {
	pid_t tid;
	int signal;
};

/**
 * struct frozen - a process that is held
 * @pid: which
 * @threads: its threads
 * @count: how many
 * @room: for how many there is memory
 */
struct frozen {
	pid_t pid;
	struct frozen_thread *threads;
	size_t count;
	size_t room;
};

/**
 * freeze - hold all threads of a process, but the one that takes pages out for us
 * @pid: the process
 * @frozen: filled in; thaw() it
 *
 * They are traced (ptrace()): if we end, whatever the way, they go on. A thread
 * that waits for a page in a system call is held when it has got the page.
 *
 * Return: 0 or a negative errno: EPERM it is traced by another (a debugger), or
 * not ours to trace; ESRCH. Then nothing is held.
 */
int freeze(pid_t pid, struct frozen *frozen);

/**
 * thaw - let them go on, as if nothing had been
 * @frozen: from freeze()
 */
void thaw(struct frozen *frozen);

#endif /* FREEZE_H */
