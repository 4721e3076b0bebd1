// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which programs of a run are paged. A program has two names: what was executed,
 * which may be a link or a script, and what runs. Nothing here calls malloc().
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "../upager/evict.h"
#include "choice.h"

/* A pattern with a slash is about the path, others about what is behind the last one. */
static bool matches(const char *pattern, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (strchr(pattern, '/'))
		return !fnmatch(pattern, path, 0);
	return !fnmatch(pattern, slash ? slash + 1 : path, 0);
}

/* @list: patterns, a line for each */
static bool any_matches(const char *list, const char *const paths[2])
{
	char pattern[PATH_MAX];
	size_t len;

	for (; *list; list += len + (list[len] == '\n')) {
		len = strcspn(list, "\n");
		if (len >= sizeof(pattern))
			continue;
		memcpy(pattern, list, len);
		pattern[len] = '\0';
		if (matches(pattern, paths[0]) || matches(pattern, paths[1]))
			return true;
	}
	return false;
}

bool chosen(void)
{
	const char *include = getenv(RUN_INCLUDE_ENV), *exclude = getenv(RUN_EXCLUDE_ENV);
	char runs[PATH_MAX] = "";
	const char *executed = (const char *)getauxval(AT_EXECFN);
	const char *const paths[2] = {executed ?: "", runs};

	if (!include && !exclude)
		return true;
	if (readlink("/proc/self/exe", runs, sizeof(runs) - 1) < 0)
		runs[0] = '\0';
	if (exclude && any_matches(exclude, paths))
		return false;
	return !include || any_matches(include, paths);
}
