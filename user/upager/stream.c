// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which faults follow each other.
 *
 * Two equal steps make a stream. What is fetched ahead causes no faults, so the
 * next fault of a stream that goes on is the first page behind its window: then
 * the window was used to its end, and doubles. A step of another length, or a
 * stream that is forgotten with its window unused, lets windows shrink.
 */
#include <stddef.h>

#include "stream.h"

#define WINDOW_MIN	4
/* Steps of more pages than this are no stream, but chance. */
#define STRIDE_MAX	64

static struct stream *oldest(struct stream_set *set)
{
	struct stream *stream, *found = set->at;

	for (stream = set->at; stream < set->at + STREAMS; stream++)
		if (stream->seen < found->seen)
			found = stream;
	return found;
}

static struct ahead fetch(struct stream *stream, unsigned int limit)
{
	struct ahead ahead = {
		.addr = stream->last + stream->stride,
		.stride = stream->stride,
	};

	if (stream->window > limit)
		stream->window = limit;
	ahead.count = stream->window;
	stream->next = stream->last + stream->stride * (int64_t)(stream->window + 1);
	return ahead;
}

static struct ahead go_on(struct stream *stream, uint64_t addr, unsigned int limit)
{
	unsigned int used = stream->window;
	struct ahead ahead;

	stream->last = addr;
	stream->window *= 2;
	ahead = fetch(stream, limit);
	ahead.hits = used;
	return ahead;
}

/* A second step as the first one? */
static bool is_step(const struct stream *stream, uint64_t addr, uint64_t page)
{
	int64_t step = addr - stream->last;
	int64_t most = STRIDE_MAX * page;

	return step && step <= most && step >= -most;
}

/* A page that is on its way: it was fetched ahead, only not fast enough. */
static bool is_on_its_way(const struct stream *stream, uint64_t addr)
{
	int64_t step = addr - stream->last;

	if (!stream->window || step % stream->stride)
		return false;
	return stream->stride > 0 ? addr > stream->last && addr < stream->next :
				    addr < stream->last && addr > stream->next;
}

struct ahead stream_fault(struct stream_set *set, uint64_t addr, uint64_t page, unsigned int limit)
{
	struct stream *stream, *near = NULL;
	struct ahead nothing = {};

	set->clock++;
	if (!set->start)
		set->start = 2 * WINDOW_MIN;
	for (stream = set->at; stream < set->at + STREAMS; stream++) {
		if (!stream->seen)
			continue;
		if (stream->window && stream->next == addr) {
			stream->seen = set->clock;
			if (set->start < limit)
				set->start *= 2;
			return go_on(stream, addr, limit);
		}
		if (is_on_its_way(stream, addr)) {
			stream->seen = set->clock;
			return nothing;
		}
		if (!near && is_step(stream, addr, page))
			near = stream;
	}
	if (!near) {
		stream = oldest(set);
		if (stream->window && set->start > WINDOW_MIN)
			set->start /= 2;
		*stream = (struct stream){.last = addr, .seen = set->clock};
		return nothing;
	}
	near->seen = set->clock;
	if (near->stride == (int64_t)(addr - near->last)) {
		near->last = addr;
		near->window = set->start;
		return fetch(near, limit);
	}
	if (near->window) {
		near->window = 0;
		if (set->start > WINDOW_MIN)
			set->start /= 2;
	}
	near->stride = addr - near->last;
	near->last = addr;
	return nothing;
}
