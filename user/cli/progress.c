// SPDX-License-Identifier: GPL-2.0-only
/* A bar on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "progress.h"

#define WIDTH		30
/* What is over before that is not worth a line, unless it is that many. */
#define FIRST_MS	300
#define MANY		10000
#define AGAIN_MS	100

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void draw(struct progress *progress)
{
	static const char full[] = "##############################";
	static const char empty[] = "..............................";
	const char *on = err_is_coloured() ? "\033[32m" : "", *off = *on ? "\033[m" : "";
	uint64_t total = progress->total, done = progress->done < total ? progress->done : total;
	unsigned int percent = total ? done * 100 / total : 100;
	int filled = percent * WIDTH / 100;

	_Static_assert(sizeof(full) - 1 == WIDTH && sizeof(empty) == sizeof(full), "width");
	fprintf(stderr, "\r%s [%s%.*s%s%.*s] %3u%% %llu/%llu", progress->what, on, filled, full,
		off, WIDTH - filled, empty, percent, (unsigned long long)done,
		(unsigned long long)total);
	fflush(stderr);
	progress->drawn = true;
}

void progress_begin(struct progress *progress, const char *what, bool forced)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){
		.what = what,
		.shown = forced || (isatty(STDERR_FILENO) && term && strcmp(term, "dumb")),
		.forced = forced,
		.due_ms = forced ? 0 : now_ms() + FIRST_MS,
	};
}

void progress_set(struct progress *progress, uint64_t done, uint64_t total)
{
	uint64_t now;

	progress->done = done;
	progress->total = total;
	if (!progress->shown)
		return;
	now = now_ms();
	if (now < progress->due_ms && (progress->drawn || total < MANY))
		return;
	draw(progress);
	progress->due_ms = now + AGAIN_MS;
}

void progress_end(struct progress *progress)
{
	if (progress->what && progress->shown && (progress->drawn || progress->forced)) {
		draw(progress);
		fputc('\n', stderr);
	}
	progress->what = NULL;
}
