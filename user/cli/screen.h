/* SPDX-License-Identifier: GPL-2.0-only */
/* Something looked at again and again: on a terminal, or as lines. */
#ifndef SCREEN_H
#define SCREEN_H

/**
 * struct screen - what is looked at
 * @what: the command, for people
 * @title: lines with these words in them are titles
 * @delay: milliseconds between looks
 * @look: looks; returns 0, or -1 if it goes on no more
 * @text: what was seen, as lines of text, at most @width wide; to be freed
 * @ctx: for both
 */
struct screen {
	const char *what;
	const char *title;
	int delay;
	int (*look)(void *ctx);
	char *(*text)(void *ctx, int width);
	void *ctx;
};

/**
 * screen_show - show it on the terminal until somebody quits
 * @screen: what; was looked at once
 * @signal: gets the signal that has ended it, 0: none
 *
 * Return: the exit status, or -1 if look() failed, of which nothing was said.
 */
int screen_show(const struct screen *screen, int *signal);

/**
 * screen_batch - print it, again and again
 * @screen: what; was looked at once
 * @count: how often, 0: for ever
 * @signal: gets the signal that has ended it, 0: none
 *
 * Return: as screen_show().
 */
int screen_batch(const struct screen *screen, int count, int *signal);

/* From here on signals that end a program are kept for interval_wait(). */
void interval_begin(void);

/**
 * interval_wait - let time pass
 * @milliseconds: how much
 *
 * Return: 0, or the signal that is to end the program.
 */
int interval_wait(int milliseconds);

/* Die of a signal, in the end; 0: return. */
void interval_raise(int signal);

#endif /* SCREEN_H */
