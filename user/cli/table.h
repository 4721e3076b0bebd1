/* SPDX-License-Identifier: GPL-2.0-only */
/* A table on a terminal: columns as wide as what stands in them. */
#ifndef TABLE_H
#define TABLE_H

#include "out.h"

struct table;

enum column_flags {
	COLUMN_LEFT = 0,
	COLUMN_RIGHT = 1,
	COLUMN_NONZERO = 2,	/* hide it if all are "0" */
};

/**
 * table_new - begin a table
 *
 * Return: a table, to be given to table_print(). No memory ends the program.
 */
struct table *table_new(void);

/**
 * table_column - add a column
 * @table: which, still without cells
 * @title: its heading
 * @flags: enum column_flags
 */
void table_column(struct table *table, const char *title, unsigned int flags);

/**
 * table_cell - fill the next cell, row by row
 * @table: which
 * @format: as for printf(); control characters in the result are shown as \ooo
 */
void table_cell(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * table_print - print a table and free it
 * @table: which; a table without rows prints nothing
 */
void table_print(struct table *table);

#endif /* TABLE_H */
