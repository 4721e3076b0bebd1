// SPDX-License-Identifier: GPL-2.0-only
/* CRC-32C, by the instructions of arm64. */
#include "store-sum.h"

#ifdef __ARM_FEATURE_CRC32
#include <arm_acle.h>

/*
 * Four at a time, of every fourth word each, so that none waits for the one before
 * it (latency 2, throughput 1 on a Cortex-A72, says its Software Optimization
 * Guide). Two of them begin with the seed and end in different halves of the sum: as
 * each step of a CRC can be undone, another seed is another sum for certain, and
 * so is any change in one of the four words alone.
 */
uint64_t store_sum_crc(const void *page, size_t size, uint64_t seed)
{
	const uint64_t *at = page, *end = at + size / sizeof(*at);
	uint32_t a = (uint32_t)seed, b = (uint32_t)(seed >> 32), c = -1, d = -1;

#pragma GCC unroll 4
	for (; at != end; at += 4) {
		a = __crc32cd(a, at[0]);
		b = __crc32cd(b, at[1]);
		c = __crc32cd(c, at[2]);
		d = __crc32cd(d, at[3]);
	}
	return (uint64_t)__crc32cd(a, c) << 32 | __crc32cd(b, d);
}
#endif
