// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "storm.h"

bool debug_kernel(void)
{
	struct utsname name;

	uname(&name);
	return strstr(name.release, "-debug");
}

int how_often(int usual, int debug)
{
	const char *times = getenv("STORM");

	return (debug_kernel() ? debug : usual) * (times ? atoi(times) : 1);
}

long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}
