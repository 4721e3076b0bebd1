// SPDX-License-Identifier: GPL-2.0-only
/* XXH3 with vectors of SSE2. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store-sum.h"

#ifdef __SSE2__
uint64_t store_sum_sse2(const void *page, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(page, size, seed);
}
#endif
