// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where everything goes in a picture of an address space. Addresses grow
 * downwards. A mapping gets a band whose height grows with its size up to a
 * limit, beyond which a cell stands for more pages; a hole gets a strip of the
 * same height however large it is. So 47 bits fit on a page.
 */
#include <stdlib.h>

#include "svg.h"

#define ROWS_MAX	12
#define BAND_MIN	16
#define BAND_GAP	3

static __u64 clamp(const struct range *range, __u64 addr)
{
	if (addr < range->start)
		return range->start;
	return addr < range->end ? addr : range->end;
}

static void size_band(const struct picture *picture, struct band *band)
{
	__u64 pages = (band->end - band->start) / page_size(picture->p);

	band->pages = 1;
	while ((pages + band->pages - 1) / band->pages > CELLS * ROWS_MAX)
		band->pages *= 2;
	band->cells = (pages + band->pages - 1) / band->pages;
	band->rows = (band->cells + CELLS - 1) / CELLS;
	band->height = band->rows * CELL;
	if (band->height < BAND_MIN)
		band->height = BAND_MIN;
}

void layout_make(const struct picture *picture, double top,
		 struct layout *layout)
{
	struct band *last = NULL;
	double y = top;
	size_t i;

	*layout = (struct layout){};
	layout->bands = must(calloc(picture->maps.count + 1,
				    sizeof(struct band)));
	for (i = 0; i < picture->maps.count; i++) {
		struct band *band = &layout->bands[layout->count];

		band->vma = &picture->maps.vmas[i];
		band->start = clamp(&picture->range, band->vma->start);
		band->end = clamp(&picture->range, band->vma->end);
		if (band->start == band->end)
			continue;
		size_band(picture, band);
		if (last)
			y += last->end == band->start ? BAND_GAP : HOLE_HEIGHT;
		band->y = y;
		y += band->height;
		last = band;
		layout->count++;
	}
	layout->height = y;
}

/* How far down in a band an address is */
static double inside(const struct band *band, __u64 addr)
{
	return band->y + band->height * (addr - band->start) /
			 (band->end - band->start);
}

bool layout_span(const struct layout *layout, __u64 start, __u64 end,
		 double *y, double *height)
{
	const struct band *first = layout->bands;
	const struct band *last = layout->bands + layout->count;

	while (first < last && first->end <= start)
		first++;
	while (last > first && last[-1].start >= end)
		last--;
	if (first == last)
		return false;
	last--;
	*y = start > first->start ? inside(first, start) : first->y;
	*height = (end < last->end ? inside(last, end) :
				     last->y + last->height) - *y;
	return true;
}

static enum state state_of(__u32 categories)
{
	bool dirty = categories & PGTBL_IS_DIRTY;

	if (categories & PGTBL_IS_SWAP)
		return STATE_SWAP;
	if (!(categories & PGTBL_IS_PRESENT))
		return STATE_EMPTY;
	if (categories & PGTBL_IS_PROT_NONE)
		return STATE_NO_ACCESS;
	if (categories & PGTBL_IS_ZERO)
		return STATE_ZERO;
	if (categories & PGTBL_IS_SPECIAL)
		return STATE_DEVICE;
	if (categories & PGTBL_IS_FILE)
		return dirty ? STATE_FILE_WRITTEN : STATE_FILE;
	return dirty ? STATE_ANON_WRITTEN : STATE_ANON;
}

static size_t first_extent(const struct picture *picture, __u64 addr)
{
	size_t low = 0, high = picture->nr_extents;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (picture->extents[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct cell majority(const __u64 *pages, __u64 all, bool huge,
			    __u64 *sum)
{
	struct cell cell = {.huge = huge};
	__u64 most = 0, there = 0;
	int state;

	for (state = STATE_EMPTY + 1; state < NR_STATES; state++) {
		there += pages[state];
		if (pages[state] <= most)
			continue;
		most = pages[state];
		cell.state = state;
	}
	cell.full = (4 * there + all - 1) / all;
	*sum += there;
	return cell;
}

__u64 cells_fill(const struct picture *picture, const struct band *band,
		 struct cell *cells)
{
	__u64 span = band->pages * page_size(picture->p);
	size_t at = first_extent(picture, band->start);
	__u64 there = 0;
	unsigned int i;

	for (i = 0; i < band->cells; i++) {
		__u64 pages[NR_STATES] = {};
		__u64 addr = band->start + i * span;
		__u64 end = addr + span < band->end ? addr + span : band->end;
		__u64 all = (end - addr) / page_size(picture->p);
		bool huge = false;

		while (addr < end && at < picture->nr_extents) {
			const struct pgtbl_extent *extent =
				&picture->extents[at];
			__u64 to = extent->end < end ? extent->end : end;
			enum state state = state_of(extent->categories);

			if (addr < extent->start)
				addr = extent->start < end ? extent->start : end;
			if (addr < to) {
				pages[state] += (to - addr) / page_size(picture->p);
				huge |= extent->categories & PGTBL_IS_HUGE;
				addr = to;
			}
			if (extent->end > end)
				break;
			at++;
		}
		cells[i] = majority(pages, all, huge, &there);
	}
	return there;
}
