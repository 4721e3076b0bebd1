// SPDX-License-Identifier: GPL-2.0-only
/* A table on a terminal: see table.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "table.h"

#define COLUMNS_MAX	16

#define STYLE_TITLE	"\033[1m"
#define STYLE_ZERO	"\033[2m"
#define STYLE_END	"\033[0m"

struct column {
	const char *title;
	unsigned int flags;
	int width;
	int hidden;
};

struct table {
	struct column columns[COLUMNS_MAX];
	int nr_columns;
	char **cells;
	int nr_cells;
	int room;
};

struct table *table_new(void)
{
	return must(calloc(1, sizeof(struct table)));
}

void table_column(struct table *table, const char *title, unsigned int flags)
{
	struct column *column = &table->columns[table->nr_columns];

	if (table->nr_columns == COLUMNS_MAX) {
		fprintf(stderr, "%s: table: too many columns\n", program.name);
		abort();
	}
	table->nr_columns++;
	column->title = title;
	column->flags = flags;
	column->width = strlen(title);
	column->hidden = !!(flags & COLUMN_NONZERO);
}

/* Columns on the screen: bytes that begin a character of UTF-8. */
static int text_width(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void add_cell(struct table *table, char *cell)
{
	struct column *column;

	if (table->nr_cells == table->room) {
		table->room += table->room / 2 + 64;
		table->cells = must(reallocarray(table->cells, table->room,
						 sizeof(char *)));
	}
	column = &table->columns[table->nr_cells % table->nr_columns];
	if (column->width < text_width(cell))
		column->width = text_width(cell);
	if (strcmp(cell, "0"))
		column->hidden = 0;
	table->cells[table->nr_cells++] = cell;
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	text = must(text);
	add_cell(table, printable(text));
	free(text);
}

static void print_cell(const struct column *column, const char *text,
		       const char *style, int last)
{
	int pad = column->width - text_width(text);

	if (column->flags & COLUMN_RIGHT)
		printf("%*s", pad, "");
	printf("%s%s%s", style, text, *style ? STYLE_END : "");
	if (last)
		putchar('\n');
	else
		printf("%*s", column->flags & COLUMN_RIGHT ? 2 : pad + 2, "");
}

static void print_row(const struct table *table, char *const *cells)
{
	int coloured = out_is_coloured();
	const char *style;
	int last = table->nr_columns - 1;
	int i;

	while (last && table->columns[last].hidden)
		last--;
	for (i = 0; i <= last; i++) {
		if (table->columns[i].hidden)
			continue;
		if (!cells)
			style = STYLE_TITLE;
		else
			style = strcmp(cells[i], "0") ? "" : STYLE_ZERO;
		print_cell(&table->columns[i],
			   cells ? cells[i] : table->columns[i].title,
			   coloured ? style : "", i == last);
	}
}

void table_print(struct table *table)
{
	int i;

	if (table->nr_cells)
		print_row(table, NULL);
	for (i = 0; i + table->nr_columns <= table->nr_cells;
	     i += table->nr_columns)
		print_row(table, table->cells + i);
	for (i = 0; i < table->nr_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
