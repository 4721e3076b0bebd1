/* SPDX-License-Identifier: GPL-2.0-only */
/* A picture of an address space: its mappings, pages and tables. */
#ifndef SVG_H
#define SVG_H

#include <stdio.h>

#include "space.h"

/**
 * struct picture - what there is to draw
 * @p: handle
 * @pid: whose
 * @name: its name
 * @range: only these addresses
 * @maps: its mappings
 * @extents: memory by category, sorted
 * @nr_extents: how many
 * @extents_room: how many fit
 * @tables: its tables, sorted by level's column, then by address
 * @nr_tables: how many
 * @tables_room: how many fit
 * @huge: ranges that entries above the last level map, of the same level
 * @nr_huge: how many
 * @huge_room: how many fit
 */
struct picture {
	const struct pgtbl *p;
	pid_t pid;
	char *name;
	struct range range;
	struct maps maps;
	struct pgtbl_extent *extents;
	size_t nr_extents;
	size_t extents_room;
	struct table_info *tables;
	size_t nr_tables;
	size_t tables_room;
	struct entry_info *huge;
	size_t nr_huge;
	size_t huge_room;
};

/**
 * picture_take - look at a process
 * @cmd: for error messages
 * @call: whose
 * @picture: filled in, to be given to picture_free() on success
 *
 * Return: 0, or the exit status, having said what went wrong.
 */
int picture_take(const struct command *cmd, const struct call *call,
		 struct picture *picture);

/**
 * picture_free - free a picture
 * @picture: from picture_take()
 */
void picture_free(struct picture *picture);

/**
 * svg_draw - draw a picture
 * @picture: what
 * @file: where to; look at ferror() afterwards
 */
void svg_draw(const struct picture *picture, FILE *file);

/**
 * struct band - the strip of the drawing that a mapping has
 * @vma: the mapping
 * @start: its first address that is drawn
 * @end: the first behind
 * @y: where it begins
 * @height: how high it is
 * @cells: how many cells it has
 * @rows: in how many rows
 * @pages: pages per cell
 */
struct band {
	const struct vma *vma;
	__u64 start;
	__u64 end;
	double y;
	double height;
	unsigned int cells;
	unsigned int rows;
	__u64 pages;
};

/**
 * struct layout - where everything goes
 * @bands: one for each mapping
 * @count: how many
 * @height: of the whole drawing
 */
struct layout {
	struct band *bands;
	size_t count;
	double height;
};

/* Cells of a row, and a cell's side */
#define CELLS		64
#define CELL		7

/* Height of the strip that stands for a hole between mappings */
#define HOLE_HEIGHT	18

/**
 * layout_make - place the mappings
 * @picture: what to draw
 * @top: where to begin
 * @layout: filled in; its bands are to be given to free()
 */
void layout_make(const struct picture *picture, double top,
		 struct layout *layout);

/**
 * layout_span - where a range of addresses is
 * @layout: the places
 * @start: first address
 * @end: first address behind it
 * @y: gets where it begins
 * @height: gets how high it is
 *
 * Return: false if no mapping lies in it.
 */
bool layout_span(const struct layout *layout, __u64 start, __u64 end,
		 double *y, double *height);

/* What a page is in the picture: its colour */
enum state {
	STATE_EMPTY,
	STATE_FILE,
	STATE_FILE_WRITTEN,
	STATE_ANON,
	STATE_ANON_WRITTEN,
	STATE_ZERO,
	STATE_SWAP,
	STATE_NO_ACCESS,
	STATE_DEVICE,
	NR_STATES
};

/**
 * struct cell - what a cell shows
 * @state: what most of its pages are that are not empty
 * @full: how many quarters of it are not empty, 1 to 4; 0 if all are
 * @huge: whether a huge page is among them
 */
struct cell {
	enum state state;
	unsigned char full;
	bool huge;
};

/**
 * cells_fill - find out what the cells of a band show
 * @picture: the pages
 * @band: which
 * @cells: one for each of the band's cells
 *
 * Return: how many pages of the band are there.
 */
__u64 cells_fill(const struct picture *picture, const struct band *band,
		 struct cell *cells);

#endif /* SVG_H */
