/* SPDX-License-Identifier: GPL-2.0-only */
/* line: what the kernel's files say, line by line. */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>

/* The first line of a file, "" if it is empty or not there. */
void first_line(const char *path, char *line, size_t len);

/* All of them, behind @what, for whoever reads the log. */
void show_lines(const char *path, const char *what);

#endif
