// SPDX-License-Identifier: GPL-2.0-only
/* Draws an address space. The drawing needs nothing besides itself. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shapes.h"
#include "svg.h"

/* Columns from left to right */
#define WIDTH		1240
#define MARGIN		24
#define LEVELS_X	170
#define LEVEL_WIDTH	52
#define LEVEL_STEP	56

/* The strip on top that shows the whole space to scale */
#define STRIP_Y		150
#define STRIP_HEIGHT	22
#define STRIP_WIDTH	((double)WIDTH - 2 * MARGIN)

/* A table that would be lower than this is drawn with its neighbours */
#define TABLE_MIN	3.0

/* Fonts differ: how wide a text is, is a guess that leaves some room. */
static const struct {
	const char *colour;
	const char *text;
	int width;
} states[NR_STATES] = {
	[STATE_EMPTY] = {"#e3e7ec", "no page yet", 76},
	[STATE_FILE] = {"#8fbbe8", "file", 24},
	[STATE_FILE_WRITTEN] = {"#2b6cb0", "file, written", 76},
	[STATE_ANON] = {"#97d3a5", "anonymous", 70},
	[STATE_ANON_WRITTEN] = {"#2a9150", "anonymous, written", 120},
	[STATE_ZERO] = {"#c7b3e6", "page of zeros", 86},
	[STATE_SWAP] = {"#ee8a3a", "swapped, moving", 106},
	[STATE_NO_ACCESS] = {"#9aa0a8", "no access", 62},
	[STATE_DEVICE] = {"#d9b53a", "device, kernel", 90},
};

static unsigned int nr_levels(const struct pgtbl *p)
{
	unsigned int level, count = 0;

	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		count += level_exists(p, level);
	return count;
}

static double level_x(const struct pgtbl *p, unsigned int level)
{
	double x = LEVELS_X;

	while (level-- > 0)
		x += level_exists(p, level) ? LEVEL_STEP : 0;
	return x;
}

static double cells_x(const struct pgtbl *p)
{
	return LEVELS_X + nr_levels(p) * LEVEL_STEP + 8;
}

static double labels_x(const struct pgtbl *p)
{
	return cells_x(p) + CELLS * CELL + 14;
}

/* A single row of cells stands in the middle of its band. */
static double cells_y(const struct band *band)
{
	return band->y + (band->height - band->rows * CELL) / 2;
}

static unsigned int blend(int from, int to, double share)
{
	return from + (to - from) * share;
}

/* From nearly white to deep blue, by how full a table is */
static void fill_colour(double share, char buf[16])
{
	snprintf(buf, 16, "#%02x%02x%02x", blend(0xdd, 0x1d, share) & 0xff,
		 blend(0xe8, 0x4b, share) & 0xff,
		 blend(0xf6, 0x8f, share) & 0xff);
}

static void draw_title(const struct picture *picture, FILE *file)
{
	char mapped[SIZE_TEXT_MAX], there[SIZE_TEXT_MAX], tables[SIZE_TEXT_MAX];
	__u64 bytes_mapped = 0, bytes_there = 0, bytes_tables = 0;
	time_t now = time(NULL);
	char date[32] = "";
	struct tm tm;
	size_t i;

	for (i = 0; i < picture->maps.count; i++)
		bytes_mapped += picture->maps.vmas[i].end -
				picture->maps.vmas[i].start;
	for (i = 0; i < picture->nr_extents; i++)
		if (picture->extents[i].categories & PGTBL_IS_PRESENT)
			bytes_there += picture->extents[i].end -
				       picture->extents[i].start;
	for (i = 0; i < picture->nr_tables; i++)
		bytes_tables += picture->tables[i].bytes;
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);

	fprintf(file, "<text class=\"h\" x=\"%d\" y=\"36\">", MARGIN);
	shape_any(file, picture->name);
	if (picture->pid)
		fprintf(file, " (pid %d)", (int)picture->pid);
	fputs("</text>\n", file);
	shape_text(file, "g", MARGIN, 56,
		   "%zu mappings of %s, of which %s have memory; %zu tables take %s. %s",
		   picture->maps.count, size_text(bytes_mapped, mapped),
		   size_text(bytes_there, there), picture->nr_tables,
		   size_text(bytes_tables, tables), date);
}

static void draw_states(FILE *file)
{
	struct box box = {MARGIN, 74, 12, 12};
	int i;

	for (i = 0; i < NR_STATES; i++) {
		shape_rect(file, &box, states[i].colour, "");
		box.x += 17;
		shape_text(file, "", box.x, 84, "%s", states[i].text);
		box.x += states[i].width + 16;
	}
}

static void draw_legend(const struct picture *picture, FILE *file)
{
	struct box box = {MARGIN + 84, 96, 12, 12};
	char colour[16];
	int i;

	draw_states(file);
	shape_text(file, "", MARGIN, 106, "tables, empty");
	for (i = 0; i <= 10; i++, box.x += 12) {
		fill_colour(i / 10.0, colour);
		shape_rect(file, &box, colour, "");
	}
	shape_text(file, "", box.x + 6, 106, "full");
	box.x += 48;
	box.width = 24;
	shape_rect(file, &box, "url(#u)", "stroke=\"#b9770e\"");
	shape_text(file, "", box.x + 30, 106,
		   "no table: huge pages, mapped from the level above");
	shape_text(file, "g", box.x + 30 + 320, 106,
		   "A cell is a page of %llu bytes, or as many as the label says; lower: not all are there.",
		   page_size(picture->p));
}

static void draw_strip_vma(const struct picture *picture,
			   const struct vma *vma, FILE *file)
{
	const __u64 all = picture->range.end - picture->range.start;
	struct box box = {MARGIN, STRIP_Y, STRIP_WIDTH, STRIP_HEIGHT};

	if (vma->end <= picture->range.start ||
	    vma->start >= picture->range.end)
		return;
	if (vma->start > picture->range.start)
		box.x += STRIP_WIDTH * (vma->start - picture->range.start) / all;
	if (vma->end < picture->range.end)
		box.width = STRIP_WIDTH * (vma->end - picture->range.start) /
			    all - (box.x - MARGIN);
	else
		box.width -= box.x - MARGIN;
	if (box.width < 1.5)
		box.width = 1.5;
	if (box.x > MARGIN + STRIP_WIDTH - box.width)
		box.x = MARGIN + STRIP_WIDTH - box.width;
	shape_rect_titled(file, &box, states[STATE_ANON_WRITTEN].colour);
	fprintf(file, "0x%llx-0x%llx %s ", vma->start, vma->end, vma->perm);
	shape_any(file, vma->path);
	shape_rect_end(file);
}

/* All addresses to scale, where most processes are a few lines */
static void draw_strip(const struct picture *picture, FILE *file)
{
	static const char *const anchors[] = {"a g", "a g m", "a g m", "a g m",
					      "a g r"};
	const struct box frame = {MARGIN, STRIP_Y, STRIP_WIDTH, STRIP_HEIGHT};
	const __u64 all = picture->range.end - picture->range.start;
	char size[SIZE_TEXT_MAX];
	size_t i;

	shape_text(file, "c", MARGIN, STRIP_Y - 8, "To scale");
	shape_text(file, "g r", MARGIN + STRIP_WIDTH, STRIP_Y - 8, "%s",
		   size_text(all, size));
	shape_rect(file, &frame, "#f6f7f9", "stroke=\"#c3cad4\"");
	for (i = 0; i < picture->maps.count; i++)
		draw_strip_vma(picture, &picture->maps.vmas[i], file);
	for (i = 0; i <= 4; i++)
		shape_text(file, anchors[i], MARGIN + STRIP_WIDTH * i / 4,
			   STRIP_Y + STRIP_HEIGHT + 13, "0x%llx",
			   i < 4 ? picture->range.start + all / 4 * i :
				   picture->range.end);
}

static void draw_heads(const struct picture *picture, double y, FILE *file)
{
	unsigned int level;

	shape_text(file, "c", MARGIN, y, "Address");
	for (level = 0; level < PGTBL_NR_LEVELS; level++)
		if (level_exists(picture->p, level))
			shape_text(file, "c m",
				   level_x(picture->p, level) + LEVEL_WIDTH / 2,
				   y, "%s", level_name(level));
	shape_text(file, "c", cells_x(picture->p), y, "Pages");
	shape_text(file, "c", labels_x(picture->p), y, "Mapping");
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	return a->state == b->state && a->full == b->full && a->huge == b->huge;
}

/* A run of cells in a row that look alike; lower if not all pages are there */
static void draw_run(const struct picture *picture, const struct band *band,
		     const struct cell *cell, unsigned int first,
		     unsigned int count, FILE *file)
{
	__u64 span = band->pages * page_size(picture->p);
	__u64 start = band->start + first * span;
	__u64 end = start + count * span;
	struct box box = {
		.x = cells_x(picture->p) + first % CELLS * CELL,
		.width = count * CELL,
		.height = cell->full ? CELL * cell->full / 4.0 : CELL,
	};

	box.y = cells_y(band) + (first / CELLS + 1) * CELL - box.height;
	shape_rect_titled(file, &box, states[cell->state].colour);
	fprintf(file, "0x%llx-0x%llx %s%s", start,
		end < band->end ? end : band->end, states[cell->state].text,
		cell->huge ? ", huge" : "");
	shape_rect_end(file);
}

static void draw_row(const struct picture *picture, const struct band *band,
		     const struct cell *cells, unsigned int row, FILE *file)
{
	unsigned int first = row * CELLS, end = first + CELLS, last;
	struct box box = {
		.x = cells_x(picture->p),
		.y = cells_y(band) + row * CELL,
		.height = CELL,
	};

	if (end > band->cells)
		end = band->cells;
	box.width = (end - first) * CELL;
	shape_rect(file, &box, states[STATE_EMPTY].colour, "");
	for (; first < end; first = last) {
		last = first + 1;
		while (last < end && same_cell(&cells[first], &cells[last]))
			last++;
		draw_run(picture, band, &cells[first], first, last - first,
			 file);
	}
}

static __u64 draw_cells(const struct picture *picture, const struct band *band,
			FILE *file)
{
	struct cell *cells = must(calloc(band->cells, sizeof(*cells)));
	const struct box grid = {0, 0, CELLS * CELL, band->rows * CELL};
	char attrs[80];
	unsigned int row;
	__u64 there;

	there = cells_fill(picture, band, cells);
	for (row = 0; row < band->rows; row++)
		draw_row(picture, band, cells, row, file);
	free(cells);
	/* white lines between cells; they let the mouse through */
	snprintf(attrs, sizeof(attrs),
		 "transform=\"translate(%.1f %.1f)\" pointer-events=\"none\"",
		 cells_x(picture->p), cells_y(band));
	shape_rect(file, &grid, "url(#g)", attrs);
	return there;
}

/* The end of a path tells more than its beginning. */
static const char *tail_of(const char *path, size_t room)
{
	size_t length = strlen(path);

	return length > room ? path + length - room : path;
}

static void draw_label(const struct picture *picture, const struct band *band,
		       __u64 there, FILE *file)
{
	const double x = labels_x(picture->p);
	const char *path = *band->vma->path ? band->vma->path : "anonymous";
	char size[SIZE_TEXT_MAX], cell[SIZE_TEXT_MAX];
	bool roomy = band->height >= 2 * 14;
	size_t room = roomy ? 50 : 28;
	const char *tail = tail_of(path, room);

	fprintf(file, "<text x=\"%.0f\" y=\"%.1f\">", x, band->y + 11);
	fprintf(file, "<tspan class=\"a\">%s</tspan> %s", band->vma->perm,
		tail != path ? "…" : "");
	shape_any(file, tail);
	if (roomy)
		fprintf(file, "</text>\n<text class=\"g\" x=\"%.0f\" y=\"%.1f\">",
			x, band->y + 25);
	else
		fputs(" <tspan class=\"g\">", file);
	fprintf(file, "%s, %llu of %llu pages",
		size_text(band->end - band->start, size), there,
		(band->end - band->start) / page_size(picture->p));
	if (band->pages > 1)
		fprintf(file, "; a cell is %s",
			size_text(band->pages * page_size(picture->p), cell));
	fputs(roomy ? "</text>\n" : "</tspan></text>\n", file);
}

static void draw_band(const struct picture *picture, const struct band *band,
		      FILE *file)
{
	__u64 there;

	shape_text(file, "a", MARGIN, band->y + 10, "0x%llx", band->start);
	there = draw_cells(picture, band, file);
	draw_label(picture, band, there, file);
}

static void draw_hole(const struct picture *picture, double y, __u64 bytes,
		      FILE *file)
{
	double middle = cells_x(picture->p) + CELLS * CELL / 2;
	const struct box clear = {middle - 55, y - 6, 110, 12};
	char size[SIZE_TEXT_MAX];

	fprintf(file, "<path d=\"M%d %.1fH%d\" stroke=\"#b6bec9\"", MARGIN, y,
		(int)labels_x(picture->p) - 14);
	fputs(" stroke-dasharray=\"2 4\"/>\n", file);
	shape_rect(file, &clear, "#fff", "");
	shape_text(file, "g m s", middle, y + 3, "%s not mapped",
		   size_text(bytes, size));
}

static void draw_holes(const struct picture *picture,
		       const struct layout *layout, FILE *file)
{
	size_t i;

	for (i = 0; i + 1 < layout->count; i++) {
		const struct band *band = &layout->bands[i];

		if (band->end != band[1].start)
			draw_hole(picture,
				  band->y + band->height + HOLE_HEIGHT / 2,
				  band[1].start - band->end, file);
	}
}

/**
 * struct block - a rectangle in a level's column
 * @sum: its table; of several, the range of all and the sum of entries
 * @count: how many tables
 * @y: where it begins
 * @height: how high it is
 */
struct block {
	struct table_info sum;
	unsigned int count;
	double y;
	double height;
};

static void draw_block(const struct picture *picture,
		       const struct block *block, FILE *file)
{
	const struct table_info *sum = &block->sum;
	double share = (double)sum->used / sum->entries;
	struct box box = {
		.x = level_x(picture->p, sum->level),
		.y = block->y + .5,
		.width = LEVEL_WIDTH,
		.height = block->height > 2 ? block->height - 1 : 1,
	};
	char colour[16], size[SIZE_TEXT_MAX];

	if (!block->count)
		return;
	fill_colour(share, colour);
	shape_rect_titled(file, &box, colour);
	if (block->count == 1)
		fprintf(file, "%s table in frame 0x%llx",
			level_name(sum->level), sum->pfn);
	else
		fprintf(file, "%u %s tables", block->count,
			level_name(sum->level));
	fprintf(file, ": 0x%llx-0x%llx (%s), %u of %u entries in use (%.1f%%)",
		sum->start, sum->end, size_text(sum->end - sum->start, size),
		sum->used, sum->entries, 100 * share);
	shape_rect_end(file);
	if (block->height < 11)
		return;
	box.x += LEVEL_WIDTH / 2;
	box.y += 9.5;
	if (block->count == 1)
		shape_text(file, share > .45 ? "s m w" : "s m", box.x, box.y,
			   "%u/%u", sum->used, sum->entries);
	else
		shape_text(file, share > .45 ? "s m w" : "s m", box.x, box.y,
			   "%u tables", block->count);
}

/* Tables that are too low to be seen are drawn together. */
static void draw_tables(const struct picture *picture,
			const struct layout *layout, FILE *file)
{
	struct block block = {};
	double y, height;
	size_t i;

	for (i = 0; i < picture->nr_tables; i++) {
		const struct table_info *table = &picture->tables[i];

		if (!layout_span(layout, table->start, table->end, &y, &height))
			continue;
		if (block.count && block.sum.level == table->level &&
		    height < TABLE_MIN && block.height < 2 * TABLE_MIN &&
		    y - block.y - block.height < 1) {
			block.count++;
			block.sum.end = table->end;
			block.sum.used += table->used;
			block.sum.entries += table->entries;
			block.height = y + height - block.y;
			continue;
		}
		draw_block(picture, &block, file);
		block = (struct block){*table, 1, y, height};
	}
	draw_block(picture, &block, file);
}

/* Where a huge page is, the levels below have no table. */
static void draw_huge(const struct picture *picture,
		      const struct layout *layout, FILE *file)
{
	char size[SIZE_TEXT_MAX];
	double end = level_x(picture->p, PGTBL_PTE) + LEVEL_WIDTH;
	struct box box;
	size_t i;

	for (i = 0; i < picture->nr_huge; i++) {
		const struct entry_info *huge = &picture->huge[i];
		unsigned int below = pgtbl_next_level(picture->p, huge->level);

		if (!layout_span(layout, huge->start, huge->end, &box.y,
				 &box.height))
			continue;
		box.x = level_x(picture->p, below) + .5;
		box.width = end - box.x - .5;
		box.y += .5;
		box.height = box.height > 2 ? box.height - 1 : 1;
		shape_rect_titled(file, &box, "url(#u)");
		fprintf(file, "0x%llx-0x%llx: huge pages of %s", huge->start,
			huge->end,
			size_text(entry_span(picture->p, huge->level), size));
		shape_rect_end(file);
	}
}

void svg_draw(const struct picture *picture, FILE *file)
{
	const double top = STRIP_Y + STRIP_HEIGHT + 56;
	struct layout layout;
	size_t i;

	layout_make(picture, top, &layout);
	shape_begin(file, WIDTH, layout.height + 40, CELL, picture->name);
	draw_title(picture, file);
	draw_legend(picture, file);
	draw_strip(picture, file);
	draw_heads(picture, top - 10, file);
	draw_holes(picture, &layout, file);
	draw_tables(picture, &layout, file);
	draw_huge(picture, &layout, file);
	for (i = 0; i < layout.count; i++)
		draw_band(picture, &layout.bands[i], file);
	if (layout.count)
		shape_text(file, "a g", MARGIN, layout.height + 12, "0x%llx",
			   layout.bands[layout.count - 1].end);
	else
		shape_text(file, "", MARGIN, top + 12,
			   "nothing is mapped here");
	fputs("</svg>\n", file);
	free(layout.bands);
}
