/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of ELF files, by where their instructions lie in the file. */
#ifndef SYMBOL_H
#define SYMBOL_H

#include <stddef.h>

#include <pfstat.h>

/* Files that were looked at; zeros: none */
struct symbols {
	struct symbol_file *files;
	size_t nr;
};

/**
 * symbol_find - the function that an instruction belongs to
 * @symbols: what is known by now; grows
 * @path: of the file
 * @offset: of the instruction in the file
 *
 * Return: its name, valid as long as @symbols is; NULL if the file tells none.
 */
const char *symbol_find(struct symbols *symbols, const char *path,
			__u64 offset);

void symbols_free(struct symbols *symbols);

#endif /* SYMBOL_H */
