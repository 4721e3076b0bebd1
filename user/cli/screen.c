// SPDX-License-Identifier: GPL-2.0-only
/* What is looked at on a terminal, by ncurses. */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "screen.h"

#define TICK	100	/* milliseconds between looks at the keyboard */

static int no_terminal(const char *what, const char *term, const char *why)
{
	const struct pfstat_error error = {
		.code = ENOTTY,
		.what = what,
		.subject = term,
		.why = why,
		.hint = "set TERM to your terminal's kind (such as vt100), or use --batch",
	};

	return report(&error);
}

static void draw(const struct screen *screen)
{
	char *text = screen->text(screen->ctx, COLS);
	char *rest = text, *line;
	int row = 0;

	erase();
	while ((line = strsep(&rest, "\n")) && row < LINES - 1) {
		if (strstr(line, screen->title))
			attron(A_REVERSE);
		mvaddstr(row++, 0, line);
		attroff(A_REVERSE);
	}
	mvaddnstr(LINES - 1, 0, "q: quit", COLS - 1);
	refresh();
	free(text);
}

/* One tick; returns whether to go on. */
static bool tick(const struct screen *screen, int *signal)
{
	struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};
	int key;

	*signal = interval_wait(0);
	if (*signal)
		return false;
	if (poll(&keyboard, 1, TICK) <= 0 && !is_term_resized(LINES, COLS))
		return true;
	key = getch();
	if (key == 'q' || key == 'Q')
		return false;
	if (key == KEY_RESIZE)
		draw(screen);
	/* a terminal that is gone has always something to say, and it is nothing */
	return key != ERR || !(keyboard.revents & (POLLHUP | POLLERR));
}

static int show(const struct screen *screen, int *signal)
{
	/* no time at all would be no time for the keyboard */
	int delay = screen->delay ?: TICK, left;

	for (;;) {
		draw(screen);
		for (left = delay; left > 0; left -= TICK)
			if (!tick(screen, signal))
				return 0;
		if (screen->look(screen->ctx))
			return -1;
	}
}

int screen_show(const struct screen *screen, int *signal)
{
	const char *term = getenv("TERM");
	SCREEN *terminal;
	int failed;

	if (!term || !*term)
		return no_terminal(screen->what, "TERM", "it is not set");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return no_terminal(screen->what, "standard input and output", strerror(ENOTTY));
	setlocale(LC_ALL, "");
	terminal = newterm(term, stdout, stdin);
	if (!terminal)
		return no_terminal(screen->what, term, "no such kind of terminal is known here");
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	failed = show(screen, signal);
	endwin();
	delscreen(terminal);
	return failed ? -1 : EXIT_SUCCESS;
}
