// SPDX-License-Identifier: GPL-2.0-only
/* Two CRCs of 32 bits, by the instructions of arm64. */
#include "store-sum.h"

#ifdef __ARM_FEATURE_CRC32
#include <arm_acle.h>

/*
 * All of the page goes through the CRC of IEEE 802.3 and through Castagnoli's. Their
 * polynomials have no factor in common, so both together are a CRC by the product:
 * pages have the same sum only if their difference is a multiple of a polynomial of
 * degree 64. No change within 64 bits is, nor is one of the seed. A CRC of 32 bits
 * would be too weak, and so are several of them over parts of the page, put
 * together: the same change in all words, which many programs make, can cancel out.
 */
uint64_t store_sum_crc(const void *page, size_t size, uint64_t seed)
{
	const uint64_t *at = page, *end = at + size / sizeof(*at);
	uint32_t ieee = (uint32_t)(seed >> 32), castagnoli = (uint32_t)seed;

#pragma GCC unroll 4
	for (; at != end; at += 2) {
		ieee = __crc32d(ieee, at[0]);
		castagnoli = __crc32cd(castagnoli, at[0]);
		ieee = __crc32d(ieee, at[1]);
		castagnoli = __crc32cd(castagnoli, at[1]);
	}
	return (uint64_t)ieee << 32 | castagnoli;
}
#endif
