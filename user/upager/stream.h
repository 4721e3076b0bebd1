/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams of faults: pages at equal distances, one after the other. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>

#define STREAMS		4
/* Filling more pages at once gains nothing more. */
#define STREAM_WINDOW	64

/**
 * struct stream - one that was seen
 * @last: its last fault
 * @next: the fault that shows that all fetched ahead was used
 * @stride: bytes from fault to fault; 0: not known yet
 * @window: pages to fetch ahead
 * @seen: time of the last fault, for choosing which to forget
 */
struct stream {
	uint64_t last;
	uint64_t next;
	int64_t stride;
	unsigned int window;
	uint64_t seen;
};

/**
 * struct stream_set - the streams of one client
 * @at: the streams
 * @clock: counts faults
 * @start: window that a new stream begins with; shrinks when streams break
 */
struct stream_set {
	struct stream at[STREAMS];
	uint64_t clock;
	unsigned int start;
};

/**
 * struct ahead - what to fetch before it is asked for
 * @addr: the first address
 * @stride: bytes to the next one
 * @count: how many, 0: nothing
 * @hits: pages fetched earlier that now turn out to have been used
 */
struct ahead {
	uint64_t addr;
	int64_t stride;
	unsigned int count;
	unsigned int hits;
};

/**
 * stream_fault - note a fault
 * @set: the client's streams
 * @addr: where, aligned to a page
 * @page: bytes of a page
 * @limit: the largest window
 *
 * Return: what to fetch ahead.
 */
struct ahead stream_fault(struct stream_set *set, uint64_t addr, uint64_t page, unsigned int limit);

#endif /* STREAM_H */
