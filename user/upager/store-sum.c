// SPDX-License-Identifier: GPL-2.0-only
/* Which checksum this CPU takes. */
#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store-sum.h"

uint64_t store_sum(const void *page, size_t size, uint64_t seed)
{
#if defined(__x86_64__) || defined(__i386)
	if (__builtin_cpu_supports("avx2"))
		return store_sum_avx2(page, size, seed);
	if (__builtin_cpu_supports("sse2"))
		return store_sum_sse2(page, size, seed);
#endif
#ifdef __aarch64__
	if (getauxval(AT_HWCAP) & HWCAP_CRC32)
		return store_sum_crc(page, size, seed);
#endif
	return XXH3_64bits_withSeed(page, size, seed);
}
