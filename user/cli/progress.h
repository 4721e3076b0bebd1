/* SPDX-License-Identifier: GPL-2.0-only */
/* A bar on standard error, while something takes long. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - something that takes long
 * @what: what is done, for people; NULL: nothing is
 * @shown: there is somebody to see it
 * @forced: it is shown from the beginning, not only when it has taken a while
 * @drawn: something stands on the line
 * @due_ms: not to be drawn again before
 * @done: so much of it
 * @total: of so much
 */
struct progress {
	const char *what;
	bool shown;
	bool forced;
	bool drawn;
	uint64_t due_ms;
	uint64_t done;
	uint64_t total;
};

/**
 * progress_begin - something begins
 * @progress: filled in
 * @what: what is done
 * @forced: show it even if standard error is no terminal, and at once
 */
void progress_begin(struct progress *progress, const char *what, bool forced);

/**
 * progress_set - so much is done; shown a few times a second
 * @progress: which
 * @done: how much
 * @total: of how much
 */
void progress_set(struct progress *progress, uint64_t done, uint64_t total);

/**
 * progress_end - it is over; how far it came stays on the screen
 * @progress: which; nothing happens if it was not begun
 */
void progress_end(struct progress *progress);

#endif /* PROGRESS_H */
