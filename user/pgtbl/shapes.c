// SPDX-License-Identifier: GPL-2.0-only
/* Rectangles and text as SVG: see shapes.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "../cli/out.h"
#include "shapes.h"

/*
 * a: address, h: heading, g: grey, c: head of a column, s: small, w: white,
 * r: ends at x, m: middle at x, x: says more
 */
static const char *const style[] = {
	"text{font-family:'DejaVu Sans',Verdana,sans-serif;font-size:11px;fill:#1c2430}",
	".a{font-family:'DejaVu Sans Mono',Menlo,monospace;font-size:10px}",
	".h{font-size:20px;font-weight:bold}",
	".g{fill:#5d6878}",
	".c{font-weight:bold}",
	".s{font-size:9px}",
	".w{fill:#fff}",
	".r{text-anchor:end}",
	".m{text-anchor:middle}",
	"text{pointer-events:none}",
	"rect.x:hover{stroke:#d00;stroke-width:1.5}",
	NULL
};

static void begin_tile(FILE *file, const char *id, int side)
{
	fprintf(file, "<pattern id=\"%s\" width=\"%d\" height=\"%d\" ", id,
		side, side);
	fprintf(file, "patternUnits=\"userSpaceOnUse\">");
}

void shape_begin(FILE *file, int width, double height, int cell,
		 const char *title)
{
	const struct box all = {0, 0, width, height};
	size_t i;

	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"");
	fprintf(file, " width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\">\n",
		width, height, width, height);
	fputs("<title>", file);
	shape_any(file, title);
	fputs("</title>\n<style>\n", file);
	for (i = 0; style[i]; i++)
		fprintf(file, "%s\n", style[i]);
	fputs("</style>\n<defs>", file);
	begin_tile(file, "g", cell);
	fprintf(file, "<path d=\"M0 0H%dM0 0V%d\" stroke=\"#fff\"", cell, cell);
	fputs(" stroke-width=\"1.6\"/></pattern>\n", file);
	begin_tile(file, "u", 6);
	fputs("<path d=\"M0 6L6 0\" stroke=\"#b9770e\"", file);
	fputs(" stroke-width=\"1.5\"/></pattern></defs>\n", file);
	shape_rect(file, &all, "#fff", "");
}

static void put_box(FILE *file, const struct box *box, const char *fill)
{
	fprintf(file, " x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
		box->x, box->y, box->width, box->height);
	fprintf(file, " fill=\"%s\"", fill);
}

void shape_rect(FILE *file, const struct box *box, const char *fill,
		const char *attrs)
{
	fputs("<rect", file);
	put_box(file, box, fill);
	fprintf(file, "%s%s/>\n", *attrs ? " " : "", attrs);
}

void shape_rect_titled(FILE *file, const struct box *box, const char *fill)
{
	fputs("<rect class=\"x\"", file);
	put_box(file, box, fill);
	fputs("><title>", file);
}

void shape_rect_end(FILE *file)
{
	fputs("</title></rect>\n", file);
}

void shape_text(FILE *file, const char *class, double x, double y,
		const char *format, ...)
{
	va_list args;

	fprintf(file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fputs("</text>\n", file);
}

void shape_any(FILE *file, const char *text)
{
	char *copy = printable(text);
	const char *at;

	for (at = copy; *at; at++) {
		switch (*at) {
		case '&':
			fputs("&amp;", file);
			break;
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		default:
			putc(*at, file);
		}
	}
	free(copy);
}
