// SPDX-License-Identifier: GPL-2.0-only
/* XXH3 for x86 with SSE2: 64 bits always have it, 32 bits need not. */
#if defined(__x86_64__) || defined(__i386__)
#pragma GCC target("sse2")
#include "store-sum.h"

uint64_t store_sum_sse2(const void *page, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(page, size, seed);
}
#endif
