// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a file are free. They are handed out in the order of the file,
 * so that pages put one after the other lie side by side and come back as one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store-file.h"

#define FIRST_ROOM	4096
#define WORD		64

static bool test_bit(const uint64_t *map, uint64_t bit)
{
	return map[bit / WORD] >> (bit % WORD) & 1;
}

static void flip_bit(uint64_t *map, uint64_t bit)
{
	map[bit / WORD] ^= 1ULL << (bit % WORD);
}

/* The first bit at or after @from, before @end, that is @value; or @end */
static uint64_t find_bit(const uint64_t *map, uint64_t from, uint64_t end, bool value)
{
	uint64_t word, bit = from;

	while (bit < end) {
		word = (value ? map[bit / WORD] : ~map[bit / WORD]) >> (bit % WORD);
		if (word) {
			bit += __builtin_ctzll(word);
			break;
		}
		bit += WORD - bit % WORD;
	}
	return bit < end ? bit : end;
}

static int make_room(struct slots *slots)
{
	uint64_t room = slots->room ? slots->room * 2 : FIRST_ROOM;
	uint64_t *used, *dirty;

	used = realloc(slots->used, room / 8);
	if (!used)
		return -ENOMEM;
	slots->used = used;
	dirty = realloc(slots->dirty, room / 8);
	if (!dirty)
		return -ENOMEM;
	slots->dirty = dirty;
	memset(used + slots->room / WORD, 0, (room - slots->room) / 8);
	memset(dirty + slots->room / WORD, 0, (room - slots->room) / 8);
	slots->room = room;
	return 0;
}

/* A free slot, the next one if possible; -ENOSPC or -ENOMEM if there is none */
int slots_take(struct slots *slots, uint64_t *slot)
{
	uint64_t bit = slots->high;
	int status;

	if (slots->nused < slots->high) {
		bit = find_bit(slots->used, slots->cursor, slots->high, false);
		if (bit == slots->high)
			bit = find_bit(slots->used, 0, slots->high, false);
	}
	if (bit == slots->high) {
		if (slots->high >= slots->limit)
			return -ENOSPC;
		if (slots->high == slots->room) {
			status = make_room(slots);
			if (status)
				return status;
		}
		slots->high++;
	}
	if (test_bit(slots->dirty, bit)) {
		flip_bit(slots->dirty, bit);
		slots->ndirty--;
	}
	flip_bit(slots->used, bit);
	slots->nused++;
	slots->cursor = bit + 1;
	*slot = bit;
	return 0;
}

/* A slot is free again, and its place on the disk may be given back. */
void slots_give(struct slots *slots, uint64_t slot)
{
	flip_bit(slots->used, slot);
	flip_bit(slots->dirty, slot);
	slots->nused--;
	slots->ndirty++;
}

/* Slots of a run (see below) have lost their place on the disk, and are free. */
void slots_punched(struct slots *slots, uint64_t slot, uint64_t n)
{
	for (; n; n--, slot++) {
		flip_bit(slots->used, slot);
		slots->nused--;
	}
}

/*
 * The first run of free slots at or after @slot that still take space, which are
 * taken until slots_punched(): nobody may write there meanwhile. Returns its
 * length, 0 if there is none.
 */
uint64_t slots_dirty_run(struct slots *slots, uint64_t *slot)
{
	uint64_t first = find_bit(slots->dirty, *slot, slots->high, true);
	uint64_t end = find_bit(slots->dirty, first, slots->high, false), bit;

	for (bit = first; bit < end; bit++) {
		flip_bit(slots->dirty, bit);
		flip_bit(slots->used, bit);
	}
	slots->ndirty -= end - first;
	slots->nused += end - first;
	*slot = first;
	return end - first;
}

void slots_free(struct slots *slots)
{
	free(slots->used);
	free(slots->dirty);
}
