// SPDX-License-Identifier: GPL-2.0-only
/* Where the sockets of running pagers are. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime.h"

const char *runtime_dir(int make)
{
	static char path[PATH_MAX];
	const char *base = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (base && *base == '/')
		snprintf(path, sizeof(path), "%s/upager", base);
	else if (!geteuid())
		snprintf(path, sizeof(path), "/run/upager");
	else
		snprintf(path, sizeof(path), "/tmp/upager-%u", geteuid());
	if (!geteuid() && make)
		mkdir("/run", 0755);
	if (make && mkdir(path, 0700) && errno != EEXIST)
		return NULL;
	if (lstat(path, &st))
		return NULL;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		errno = EPERM;
		return NULL;
	}
	return path;
}

const char *runtime_socket(pid_t pid)
{
	static char path[PATH_MAX + 16];
	const char *dir = runtime_dir(1);

	if (!dir)
		return NULL;
	snprintf(path, sizeof(path), "%s/%d", dir, (int)pid);
	return path;
}
