// SPDX-License-Identifier: GPL-2.0-only
/* What is to be known of a page's contents. */
#include <string.h>

#include "store-kind.h"
#include "store-sum.h"

/* With the key in it: the page of another key is a wrong page. */
uint64_t page_sum(const struct store *store, uint64_t key, const void *page)
{
	uint64_t seed = key ^ store->run;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return store_sum_avx2(page, store->page_size, seed);
#endif
#ifdef __i386
	if (__builtin_cpu_supports("sse2"))
		return store_sum_sse2(page, store->page_size, seed);
#endif
	return XXH3_64bits_withSeed(page, store->page_size, seed);
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
