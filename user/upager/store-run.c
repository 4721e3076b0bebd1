// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages with keys one after the other, that lie side by side in the store: read at
 * once, into one place, without a request for each.
 *
 * For what goes well. Whatever is not as it should be is left to requests, which
 * know what to do about it, and count it.
 */
#include "store-kind.h"

/* Whether a page is there, nothing is done to it now, and it lies where it should */
static bool is_next(const struct store_entry *entry, const struct store_entry *first,
		    unsigned int i)
{
	return entry && entry->flags == ENTRY_HELD && !entry->first &&
	       entry->loc == first->loc + i;
}

bool store_get_run(struct store *store, uint64_t key, unsigned int count, void *pages)
{
	const struct store_entry *at[STORE_RUN];
	uint64_t begin;
	unsigned int i;

	if (!store->kind->read_run || store->closing || !count || count > STORE_RUN)
		return false;
	for (i = 0; i < count; i++) {
		at[i] = index_find(&store->index, key + i);
		if (!is_next(at[i], at[0], i))
			return false;
	}
	begin = store_now();
	if (!store->kind->read_run(store, at[0], count, pages))
		return false;
	for (i = 0; i < count; i++)
		if (page_sum(store, key + i, (char *)pages + i * store->page_size) != at[i]->sum)
			return false;
	store->stats.gets += count;
	store->stats.get_ns += count * (store_now() - begin);
	return true;
}
