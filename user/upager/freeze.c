// SPDX-License-Identifier: GPL-2.0-only
/* Holding processes, by ptrace(). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "evict.h"
#include "freeze.h"

/* What /proc/PID/task/TID/stat says: the name, and the state */
static bool describe(pid_t pid, pid_t tid, char name[32], char *state)
{
	char path[64], line[512], *open, *close;
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	good = file && fgets(line, sizeof(line), file);
	if (file)
		fclose(file);
	open = good ? strchr(line, '(') : NULL;
	close = open ? strrchr(open, ')') : NULL;
	if (!close || !close[1])
		return false;
	*close = '\0';
	snprintf(name, 32, "%s", open + 1);
	*state = close[2];
	return true;
}

static bool is_known(const struct frozen *frozen, pid_t tid)
{
	size_t i;

	for (i = 0; i < frozen->count; i++)
		if (frozen->threads[i].tid == tid)
			return true;
	return false;
}

static int add(struct frozen *frozen, pid_t tid, int signal)
{
	size_t room = frozen->room ? 2 * frozen->room : 16;
	struct frozen_thread *more;

	if (frozen->count == frozen->room) {
		more = reallocarray(frozen->threads, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		frozen->threads = more;
		frozen->room = room;
	}
	frozen->threads[frozen->count++] = (struct frozen_thread){tid, signal};
	return 0;
}

/* Holds one. 0 also if it has ended meanwhile. */
static int hold(struct frozen *frozen, pid_t tid)
{
	char name[32], state;
	int status;
	pid_t got;

	if (!describe(frozen->pid, tid, name, &state) || state == 'Z' || state == 'X' ||
	    !strcmp(name, EVICT_THREAD))
		return 0;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return errno == ESRCH ? 0 : -errno;
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	do {
		got = waitpid(tid, &status, __WALL);
	} while (got < 0 && errno == EINTR);
	if (got != tid || !WIFSTOPPED(status))
		return 0;
	/* it may have been on its way to a signal, which must not be lost */
	return add(frozen, tid, status >> 16 ? 0 : WSTOPSIG(status));
}

/* Holds those that are not held yet; how many that were, or a negative errno */
static int hold_new(struct frozen *frozen)
{
	size_t before = frozen->count;
	struct dirent *entry;
	char path[32];
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)frozen->pid);
	dir = opendir(path);
	if (!dir)
		return -ESRCH;
	while (!err && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    !is_known(frozen, atoi(entry->d_name)))
			err = hold(frozen, atoi(entry->d_name));
	closedir(dir);
	return err ?: (int)(frozen->count - before);
}

int freeze(pid_t pid, struct frozen *frozen)
{
	int got;

	*frozen = (struct frozen){.pid = pid};
	/* until there are none that one of them has made meanwhile */
	do {
		got = hold_new(frozen);
	} while (got > 0);
	if (!got && !frozen->count)
		got = -ESRCH;
	if (got < 0)
		thaw(frozen);
	return got;
}

void thaw(struct frozen *frozen)
{
	size_t i;

	for (i = 0; i < frozen->count; i++)
		ptrace(PTRACE_DETACH, frozen->threads[i].tid, NULL,
		       (void *)(long)frozen->threads[i].signal);
	free(frozen->threads);
	*frozen = (struct frozen){};
}
