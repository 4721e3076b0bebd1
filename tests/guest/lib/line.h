/* SPDX-License-Identifier: GPL-2.0-only */
/* line: what the kernel's files say in a line. */
#ifndef LINE_H
#define LINE_H

#include <stddef.h>

/* The first line of a file, "" if it is empty or not there. */
void first_line(const char *path, char *line, size_t len);

#endif
