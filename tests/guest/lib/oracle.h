/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle: how often the kernel's functions on the fault path are entered for a
 * range of addresses, by kprobe events of tracefs, which know nothing of us.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stddef.h>

/* In hits.wp_page_copy: the compiler has made it a part of do_wp_page(). */
#define HITS_UNKNOWN	(-1)

struct hits {
	long do_wp_page;
	long wp_page_copy;
	long finish_fault;
};

/* Compares hits.wp_page_copy, where it is known. */
#define EXPECT_COPIES(hits, want)					\
do {									\
	if ((hits)->wp_page_copy != HITS_UNKNOWN)			\
		EXPECT_EQ((hits)->wp_page_copy, want);			\
} while (0)

/* From now on, for addresses in [start, end), in all processes. */
void oracle_start(unsigned long start, unsigned long end);

/* Until now. */
void oracle_stop(struct hits *hits);

/*
 * A buffer of one's own for trace events, in tracefs; what was there is gone.
 * @event is "group/event".
 */
void trace_begin(void);
void trace_enable(const char *event, const char *filter);
/* Calls @line for each line that contains @text; returns how many they are. */
long trace_lines(const char *text, void (*line)(const char *line, void *data), void *data);
/* Events that did not fit in the buffer. */
long trace_overrun(void);
void trace_end(void);

#endif
