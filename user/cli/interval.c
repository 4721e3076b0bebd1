// SPDX-License-Identifier: GPL-2.0-only
/* Time between looks, until a signal comes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "screen.h"

#define BATCH_WIDTH	79

static sigset_t ending;

void interval_begin(void)
{
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
}

int interval_wait(int milliseconds)
{
	const struct timespec time = {milliseconds / 1000,
				      milliseconds % 1000 * 1000000};
	int signal = sigtimedwait(&ending, NULL, &time);

	return signal > 0 ? signal : 0;
}

void interval_raise(int number)
{
	if (!number)
		return;
	fflush(NULL);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &ending, NULL);
}

int screen_batch(const struct screen *screen, int count, int *signal)
{
	char *text;
	int n;

	for (n = 0; !count || n < count; n++) {
		*signal = interval_wait(screen->delay);
		if (*signal)
			break;
		if (screen->look(screen->ctx))
			return -1;
		text = screen->text(screen->ctx, BATCH_WIDTH);
		printf("%s%s", n ? "\n" : "", text);
		free(text);
		fflush(stdout);
		if (ferror(stdout))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
