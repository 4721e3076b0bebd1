// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "stuck.h"

#define FRAMES		12
#define THREADS		64	/* told, at most */
#define MOMENT		200000	/* microseconds between the looks */

struct thread {
	int pid, tid, group;
	char name[32], state;
	unsigned long user, sys;	/* ticks */
};

/* Fields of stat, see proc(5). The name has brackets around, and may have blanks. */
static int read_stat(const char *path, struct thread *t)
{
	char line[512], *name, *end;
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(line, 1, sizeof(line) - 1, file) : 0;

	if (file)
		fclose(file);
	line[n] = 0;
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end)
		return 0;
	*end = 0;
	snprintf(t->name, sizeof(t->name), "%s", name + 1);
	return sscanf(end + 1, " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		      &t->state, &t->group, &t->user, &t->sys) == 4;
}

char state_of(pid_t tid)
{
	struct thread t;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	return read_stat(path, &t) ? t.state : 0;
}

static void tell_stack(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[160];
	int i;

	for (i = 0; file && i < FRAMES && fgets(line, sizeof(line), file); i++) {
		line[strcspn(line, "\n")] = 0;
		ktap_note("    %s", line);
	}
	if (file)
		fclose(file);
}

static void tell(const struct thread *was)
{
	struct thread now = *was;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", was->pid, was->tid);
	if (!read_stat(path, &now))
		return;
	ktap_note("%d/%d %s: %c, a moment's ticks: user %lu, kernel %lu", was->pid, was->tid,
		  now.name, now.state, now.user - was->user, now.sys - was->sys);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", was->pid, was->tid);
	tell_stack(path);
}

static int look_at(int pid, int group, struct thread *threads, int n)
{
	struct thread t = { .pid = pid };
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && n < THREADS && (entry = readdir(dir))) {
		t.tid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, t.tid);
		if (t.tid && read_stat(path, &t) && t.group == group)
			threads[n++] = t;
	}
	if (dir)
		closedir(dir);
	return n;
}

void stuck_tell(pid_t group)
{
	static struct thread threads[THREADS];
	const struct dirent *entry;
	DIR *dir = opendir("/proc");
	int i, n = 0;

	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name))
			n = look_at(atoi(entry->d_name), group, threads, n);
	}
	if (dir)
		closedir(dir);
	usleep(MOMENT);
	for (i = 0; i < n; i++)
		tell(&threads[i]);
}
