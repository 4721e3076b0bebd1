/* SPDX-License-Identifier: GPL-2.0-only */
/* What "top" shows, whether in lines or on a screen. */
#ifndef TOP_H
#define TOP_H

#include <stddef.h>

#include "sample.h"

/**
 * struct top - what is looked at
 * @p: the open device
 * @samples: the targets
 * @nr: how many
 * @every: everything that is tracked, not what was named
 * @delay: milliseconds between looks
 * @at: when the last look was, in milliseconds
 * @elapsed: milliseconds between the last two
 * @mappings: how many to show at most
 */
struct top {
	struct pfstat *p;
	struct sample *samples;
	size_t nr;
	bool every;
	int delay;
	long long at;
	long long elapsed;
	int mappings;
};

/* top.c: look at all targets; returns 0, or -1 when the device fails. */
int top_look(struct top *top);

/* top-text.c: a picture as lines of text, at most @width wide; to be freed. */
char *top_text(const struct top *top, int width);

#endif /* TOP_H */
