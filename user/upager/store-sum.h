/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checksum of memory, as fast as this CPU can. It is remembered by the pager that
 * made it and by nobody else, so it need not be the same on other machines.
 */
#ifndef STORE_SUM_H
#define STORE_SUM_H

#include <stddef.h>
#include <stdint.h>

/**
 * store_sum - the checksum of a page
 * @page: aligned to 8 bytes
 * @size: in bytes, a multiple of 16
 * @seed: the same page with another seed has another sum
 *
 * XXH3 with the widest vectors there are; on arm64 two CRCs if the CPU has
 * instructions for them: 1,600 altogether for 4 KiB instead of XXH3's 2,600. (On x86
 * AVX2 is faster than one CRC-32C, 130 ns against 190, though it is more instructions.)
 */
uint64_t store_sum(const void *page, size_t size, uint64_t seed);

/*
 * For CPUs that have what is in the name, each in a file of its own, which is
 * compiled for them (user/Makefile). With AVX2 a sum of 4 KiB takes 1,400
 * instructions, with SSE2 2,350, or 2,650 with the registers of 32 bits.
 */
#if defined(__x86_64__) || defined(__i386)
uint64_t store_sum_avx2(const void *page, size_t size, uint64_t seed);
uint64_t store_sum_sse2(const void *page, size_t size, uint64_t seed);
#endif
#ifdef __aarch64__
uint64_t store_sum_crc(const void *page, size_t size, uint64_t seed);
#endif

#endif /* STORE_SUM_H */
