/* SPDX-License-Identifier: GPL-2.0-only */
/* Rectangles and text as SVG. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdio.h>

/**
 * struct box - where a rectangle is
 * @x: left edge
 * @y: upper edge
 * @width: to the right
 * @height: downwards
 */
struct box {
	double x;
	double y;
	double width;
	double height;
};

/**
 * shape_begin - begin a drawing
 * @file: where to
 * @width: of the drawing
 * @height: of the drawing
 * @cell: side of a cell of the pattern "g", white lines between cells
 * @title: what it is called, any text
 */
void shape_begin(FILE *file, int width, double height, int cell,
		 const char *title);

/**
 * shape_rect - draw a rectangle
 * @file: where to
 * @box: which
 * @fill: its colour
 * @attrs: further attributes, or ""
 */
void shape_rect(FILE *file, const struct box *box, const char *fill,
		const char *attrs);

/**
 * shape_rect_titled - begin a rectangle that says more where the mouse rests
 * @file: where to; what is printed before shape_rect_end() is shown there
 * @box: which
 * @fill: its colour
 */
void shape_rect_titled(FILE *file, const struct box *box, const char *fill);

/**
 * shape_rect_end - end a rectangle that was begun
 * @file: where to
 */
void shape_rect_end(FILE *file);

/**
 * shape_text - write a text
 * @file: where to
 * @class: its look, of those in shapes.c
 * @x: where it begins (or ends, or its middle)
 * @y: its base line
 * @format: as for printf(); nothing that XML would obey
 */
void shape_text(FILE *file, const char *class, double x, double y,
		const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * shape_any - write what may be any text
 * @file: where to
 * @text: what XML and terminals would obey is replaced
 */
void shape_any(FILE *file, const char *text);

#endif /* SHAPES_H */
