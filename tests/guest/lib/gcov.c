// SPDX-License-Identifier: GPL-2.0-only
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gcov.h"

#define GCOV	"/sys/kernel/debug/gcov"

static const char *target;

/* These files say that they are empty: they must be read to see how long they are. */
static int copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	int ret = in && out ? 0 : -1;
	char buf[65536];
	size_t n;

	while (!ret && (n = fread(buf, 1, sizeof(buf), in)) > 0)
		if (fwrite(buf, 1, n, out) != n)
			ret = -1;
	if (in) {
		ret |= ferror(in) ? -1 : 0;
		fclose(in);
	}
	if (out)
		ret |= fclose(out) ? -1 : 0;
	return ret;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);
	char to[4096];

	(void)st;
	(void)ftw;
	snprintf(to, sizeof(to), "%s%s", target, path + strlen(GCOV));
	if (type == FTW_D)
		return mkdir(to, 0777);
	if (type != FTW_F || len < 5 || strcmp(path + len - 5, ".gcda"))
		return 0;
	return copy(path, to);
}

int gcov_save(const char *into)
{
	target = into;
	return nftw(GCOV, visit, 16, FTW_PHYS);
}
