// SPDX-License-Identifier: GPL-2.0-only
/* Lines of the kernel's files: see line.h. */
#include <stdio.h>
#include <string.h>

#include "line.h"

void first_line(const char *path, char *line, size_t len)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (!file)
		return;
	if (fgets(line, len, file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
}

void show_lines(const char *path, const char *what)
{
	FILE *file = fopen(path, "re");
	char line[600];

	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, "# %s: %s", what, line);
	if (file)
		fclose(file);
}
