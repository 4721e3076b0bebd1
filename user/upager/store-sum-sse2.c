// SPDX-License-Identifier: GPL-2.0-only
/* XXH3 for x86 of 32 bits with SSE2; 64 bits always have it. */
#ifdef __i386
#pragma GCC target("sse2")
#include "store-sum.h"

uint64_t store_sum_sse2(const void *page, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(page, size, seed);
}
#endif
