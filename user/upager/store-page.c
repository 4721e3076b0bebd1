// SPDX-License-Identifier: GPL-2.0-only
/* What is to be known of a page's contents. */
#include <string.h>

#include "store-kind.h"
#include "store-sum.h"

/* With the key in it: the page of another key is a wrong page. */
uint64_t page_sum(const struct store *store, uint64_t key, const void *page)
{
	return store_sum(page, store->page_size, key ^ store->run);
}

/* Whether all words of a page are @word; most pages differ early. */
bool page_same(const struct store *store, const void *page, uint64_t *word)
{
	memcpy(word, page, sizeof(*word));
	if (memcmp((const char *)page + store->page_size - sizeof(*word), word, sizeof(*word)))
		return false;
	return !memcmp(page, (const char *)page + sizeof(*word),
		       store->page_size - sizeof(*word));
}

void page_fill(const struct store *store, void *page, uint64_t word)
{
	size_t at;

	for (at = 0; at < store->page_size; at += sizeof(word))
		memcpy((char *)page + at, &word, sizeof(word));
}
