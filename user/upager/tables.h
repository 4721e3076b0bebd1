/* SPDX-License-Identifier: GPL-2.0-only */
/* Our own page tables, mapped, and kept mapped: what is looked up again is a load. */
#ifndef TABLES_H
#define TABLES_H

#include <stdint.h>

struct pgtbl;
struct tables;

/**
 * tables_new - an empty cache of mapped tables
 * @device: through which
 *
 * Return: the cache, or NULL and errno.
 */
struct tables *tables_new(struct pgtbl *device);

/**
 * tables_entry - the entry of an address of ours at the lowest level
 * @tables: the cache
 * @addr: an address; its tables must not go away while the cache has them
 *
 * Return: the entry, 0 if there is none.
 */
uint64_t tables_entry(struct tables *tables, uint64_t addr);

/**
 * tables_free - unmap all
 * @tables: which, or NULL
 */
void tables_free(struct tables *tables);

#endif /* TABLES_H */
