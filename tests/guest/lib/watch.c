// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel that watches itself has found, and whether it has watched.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "watch.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define LOCKDEP		"/proc/lockdep_stats"
#define KCSAN		"/sys/kernel/debug/kcsan"

static void scan_now(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "scan", 4) != 4)
		perror("run: " KMEMLEAK);
	if (fd >= 0)
		close(fd);
}

/* It wants objects of some age, and two scans. */
int watch_kmemleak(char *text, size_t len)
{
	char line[200];

	if (access(KMEMLEAK, F_OK))
		return 0;
	sleep(6);
	scan_now();
	scan_now();
	first_line(KMEMLEAK, line, sizeof(line));
	if (line[0]) {
		snprintf(text, len, "kmemleak: %s", line);
		show_lines(KMEMLEAK, "kmemleak");
	}
	return line[0] != '\0';
}

/* Whether this kernel has a file, and no number but 0 behind a name in it. */
static int is_zero(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[200], *at;
	long number = !file;

	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, name);
		if (at)
			number = strtol(at + strlen(name), NULL, 10);
	}
	if (file)
		fclose(file);
	return !number;
}

/*
 * It switches itself off after a report, which is in the log, but for other
 * reasons too (an unsafe taint, a table that is full): programs that passed then
 * were not watched.
 */
int watch_lockdep(char *text, size_t len)
{
	if (!is_zero(LOCKDEP, "debug_locks:"))
		return 0;
	snprintf(text, len, "lockdep has switched itself off, see " LOCKDEP);
	return 1;
}

/* It is the module that calls it, if it was built to. */
int watch_kcsan(char *text, size_t len)
{
	if (!is_zero(KCSAN, "setup_watchpoints:"))
		return 0;
	snprintf(text, len, "KCSAN has watched nothing, see " KCSAN);
	return 1;
}
