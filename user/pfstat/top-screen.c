// SPDX-License-Identifier: GPL-2.0-only
/* The picture of "top" on a terminal, by ncurses. */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "get.h"
#include "top.h"

#define TICK	100	/* milliseconds between looks at the keyboard */

static int no_terminal(const char *term, const char *why)
{
	const struct pfstat_error error = {
		.code = ENOTTY,
		.what = "top",
		.subject = term,
		.why = why,
		.hint = "set TERM to your terminal's kind (such as vt100), or use --batch",
	};

	return report(&error);
}

/* Titles are the lines in capitals. */
static bool is_title(const char *line)
{
	return strstr(line, "FAULTS/s");
}

static void draw(const struct top *top)
{
	char *text = top_text(top, COLS);
	char *rest = text, *line;
	int row = 0;

	erase();
	while ((line = strsep(&rest, "\n")) && row < LINES - 1) {
		if (is_title(line))
			attron(A_REVERSE);
		mvaddstr(row++, 0, line);
		attroff(A_REVERSE);
	}
	mvaddnstr(LINES - 1, 0, "q: quit", COLS - 1);
	refresh();
	free(text);
}

/* One tick; returns whether to go on. */
static bool tick(const struct top *top, int *signal)
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
		draw(top);
	/* a terminal that is gone has always something to say, and it is nothing */
	return key != ERR || !(keyboard.revents & (POLLHUP | POLLERR));
}

static int show(struct top *top, int *signal)
{
	int left;

	for (;;) {
		draw(top);
		for (left = top->delay; left > 0; left -= TICK)
			if (!tick(top, signal))
				return 0;
		if (top_look(top))
			return -1;
	}
}

int top_screen(struct top *top, int *signal)
{
	const char *term = getenv("TERM");
	SCREEN *screen;
	int failed;

	if (!term || !*term)
		return no_terminal("TERM", "it is not set");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return no_terminal("standard input and output",
				   strerror(ENOTTY));
	setlocale(LC_ALL, "");
	screen = newterm(term, stdout, stdin);
	if (!screen)
		return no_terminal(term, "no such kind of terminal is known here");
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	if (!top->delay)
		top->delay = TICK;
	failed = show(top, signal);
	endwin();
	delscreen(screen);
	return failed ? report_last() : EXIT_SUCCESS;
}
