// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cache of mapped tables. A table of the lowest level describes some MiB, so
 * the walk from the top is made once for all pages of an arena, and after that
 * an entry is one load.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <pfstat.h>

#include "tables.h"

#define KEPT	32

/**
 * struct tables - the cache
 * @device: through which
 * @window: KEPT pages for tables of the lowest level, and one for the way there
 * @page: bytes of a page
 * @base: by slot: the first address that its table describes
 * @valid: by slot
 * @next: slot to be used next
 */
struct tables {
	struct pgtbl *device;
	unsigned char *window;
	size_t page;
	uint64_t base[KEPT];
	unsigned char valid[KEPT];
	unsigned int next;
};

struct tables *tables_new(struct pgtbl *device)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	if (!tables)
		return NULL;
	tables->device = device;
	tables->page = (size_t)1 << pgtbl_get_info(device)->page_shift;
	tables->window = pgtbl_window(device, KEPT + 1, PROT_READ);
	if (tables->window)
		return tables;
	free(tables);
	return NULL;
}

void tables_free(struct tables *tables)
{
	if (!tables)
		return;
	munmap(tables->window, (KEPT + 1) * tables->page);
	free(tables);
}

/* Go down from the top, and map the table of the lowest level. */
static int map_table(struct tables *tables, uint64_t addr, void *to)
{
	void *step = tables->window + KEPT * tables->page;
	unsigned int level = PGTBL_PGD;
	__u64 entry, pfn = 0;

	for (;;) {
		void *at = level == PGTBL_PTE ? to : step;

		if (pgtbl_remap_table(tables->device, 0, level, pfn, addr, at))
			return -errno;
		if (level == PGTBL_PTE)
			return 0;
		entry = pgtbl_entry(tables->device, at, pgtbl_index(tables->device, level, addr));
		if (pgtbl_decode(tables->device, level, entry, &pfn) != PGTBL_KIND_TABLE)
			return -ENXIO;
		level = pgtbl_next_level(tables->device, level);
	}
}

uint64_t tables_entry(struct tables *tables, uint64_t addr)
{
	const struct pgtbl_info *info = pgtbl_get_info(tables->device);
	const struct pgtbl_geometry *lowest = &info->geometry[PGTBL_PTE];
	uint64_t span = (uint64_t)lowest->entries << lowest->shift;
	uint64_t base = addr & -span;
	unsigned int slot;
	void *table;

	for (slot = 0; slot < KEPT; slot++)
		if (tables->valid[slot] && tables->base[slot] == base)
			break;
	if (slot == KEPT) {
		slot = tables->next++ % KEPT;
		tables->valid[slot] = 0;
		if (map_table(tables, addr, tables->window + slot * tables->page))
			return 0;
		tables->base[slot] = base;
		tables->valid[slot] = 1;
	}
	table = tables->window + slot * tables->page;
	return pgtbl_entry(tables->device, table, pgtbl_index(tables->device, PGTBL_PTE, addr));
}
