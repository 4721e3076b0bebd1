// SPDX-License-Identifier: GPL-2.0
/*
 * One list of VMAs for the processes of a run.
 *
 * Processes of a run have mostly the same layout, being forks of one another.
 * The first one's VMAs are the base. What another has where the list so far has
 * nothing is added: a VMA that grew makes its namesake grow, the rest comes as
 * entries of its own. So each address stands in one entry at most, and counts
 * summed by address are counted once.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "pfstat.h"

struct pf_merge {
	struct pf_areas *into;
	const struct pf_layout *from;
	struct pf_area *extra;		/* to be added, sorted */
	u32 nr_extra;
	u32 path_from;			/* the string copied last: there ... */
	u32 path_into;			/* ... and here */
};

static bool pf_same_kind(const struct pf_merge *m, const struct pf_area *old,
			 const struct pf_area *new)
{
	return old->flags == new->flags &&
	       !strcmp(pf_strings_at(&m->into->strings, old->path),
		       pf_strings_at(&m->from->strings, new->path));
}

/* Neighbours are often of the same file: copy its path once. */
static u32 pf_merge_path(struct pf_merge *m, const struct pf_area *area)
{
	if (area->path != m->path_from) {
		m->path_from = area->path;
		m->path_into = pf_strings_add(&m->into->strings,
					      pf_strings_at(&m->from->strings,
							    area->path));
	}
	return m->path_into;
}

/*
 * [@start, @end) of @area is in no entry. @before and @after are the entries
 * next to it (or NULL), which overlap @area if they touch the piece.
 */
static void pf_merge_piece(struct pf_merge *m, const struct pf_area *area,
			   unsigned long start, unsigned long end,
			   struct pf_area *before, struct pf_area *after)
{
	struct pf_area *piece;

	if (before && before->end == start && start > area->start &&
	    pf_same_kind(m, before, area)) {
		before->end = end;
		return;
	}
	if (after && after->start == end && end < area->end &&
	    pf_same_kind(m, after, area)) {
		after->offset -= after->offset ? after->start - start : 0;
		after->start = start;
		return;
	}
	piece = &m->extra[m->nr_extra++];
	*piece = *area;
	piece->start = start;
	piece->end = end;
	if (piece->offset)
		piece->offset += start - area->start;
	piece->path = pf_merge_path(m, area);
}

/* Find what of m->from is not in m->into. Both are sorted. */
static void pf_merge_scan(struct pf_merge *m)
{
	struct pf_area *old = m->into->areas;
	struct pf_area *end = old + m->into->nr;
	u32 i;

	for (i = 0; i < m->from->nr; i++) {
		const struct pf_area *area = &m->from->areas[i];
		unsigned long at = area->start, to;
		struct pf_area *before = NULL, *o;

		while (old < end && old->end <= area->start)
			old++;
		for (o = old; at < area->end; o++) {
			to = o < end ? min(o->start, area->end) : area->end;
			if (at < to)
				pf_merge_piece(m, area, at, to, before,
					       o < end ? o : NULL);
			if (o >= end)
				break;
			at = max(at, o->end);
			before = o;
		}
		cond_resched();
	}
}

/* Merge m->extra into m->into->areas, which has room for both. */
static void pf_merge_insert(struct pf_merge *m)
{
	struct pf_area *areas = m->into->areas;
	u32 old = m->into->nr, extra = m->nr_extra, at = old + extra;

	while (extra) {
		if (old && areas[old - 1].start > m->extra[extra - 1].start)
			areas[--at] = areas[--old];
		else
			areas[--at] = m->extra[--extra];
	}
	m->into->nr += m->nr_extra;
}

static int pf_areas_reserve(struct pf_areas *areas, u32 room)
{
	struct pf_area *array;

	if (room <= areas->room)
		return 0;
	room = roundup_pow_of_two(room);
	array = kvmalloc_array(room, sizeof(*array), GFP_KERNEL | __GFP_NOWARN);
	if (!array)
		return -ENOMEM;
	if (areas->nr)
		memcpy(array, areas->areas, areas->nr * sizeof(*array));
	kvfree(areas->areas);
	areas->areas = array;
	areas->room = room;
	return 0;
}

/**
 * pf_areas_init() - begin with an empty list
 * @areas: what to set up
 */
void pf_areas_init(struct pf_areas *areas)
{
	memset(areas, 0, sizeof(*areas));
	pf_strings_init(&areas->strings);
}

/* Into an empty list. */
static int pf_areas_copy(struct pf_areas *areas, const struct pf_layout *layout)
{
	char *buf = NULL;

	if (pf_areas_reserve(areas, layout->nr))
		return -ENOMEM;
	if (layout->strings.buf) {
		buf = kvmalloc(layout->strings.room, GFP_KERNEL | __GFP_NOWARN);
		if (!buf)
			return -ENOMEM;
		memcpy(buf, layout->strings.buf, layout->strings.len);
	}
	kvfree(areas->strings.buf);
	areas->strings = layout->strings;
	areas->strings.buf = buf;
	memcpy(areas->areas, layout->areas, layout->nr * sizeof(*areas->areas));
	areas->nr = layout->nr;
	return 0;
}

/**
 * pf_areas_merge() - add what another layout has and the list has not
 * @areas: the list
 * @layout: of one more process
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int pf_areas_merge(struct pf_areas *areas, const struct pf_layout *layout)
{
	struct pf_merge m = { .into = areas, .from = layout };
	u32 pieces = areas->nr + layout->nr;	/* at most: between and around */

	if (!areas->nr)
		return pf_areas_copy(areas, layout);
	m.extra = kvmalloc_array(pieces + 1, sizeof(*m.extra),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!m.extra)
		return -ENOMEM;
	pf_merge_scan(&m);
	if (m.nr_extra) {
		if (pf_areas_reserve(areas, areas->nr + m.nr_extra)) {
			kvfree(m.extra);
			return -ENOMEM;
		}
		pf_merge_insert(&m);
	}
	kvfree(m.extra);
	return 0;
}

/**
 * pf_layout_make() - a layout out of a list
 * @areas: the list, which keeps its entries but loses its strings
 *
 * Return: it, or NULL without memory.
 */
struct pf_layout *pf_layout_make(struct pf_areas *areas)
{
	struct pf_layout *layout;

	layout = kvmalloc(struct_size(layout, areas, areas->nr),
			  GFP_KERNEL | __GFP_NOWARN);
	if (!layout)
		return NULL;
	refcount_set(&layout->refs, 1);
	layout->nr = areas->nr;
	memcpy(layout->areas, areas->areas, areas->nr * sizeof(*areas->areas));
	layout->strings = areas->strings;
	memset(&areas->strings, 0, sizeof(areas->strings));
	return layout;
}

/**
 * pf_areas_free() - free what the list holds
 * @areas: which
 */
void pf_areas_free(struct pf_areas *areas)
{
	kvfree(areas->areas);
	kvfree(areas->strings.buf);
}
