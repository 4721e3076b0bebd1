/* SPDX-License-Identifier: GPL-2.0-only */
/* XXH3, by what the CPU has: the sum is the same, the time is not. */
#ifndef STORE_SUM_H
#define STORE_SUM_H

#define XXH_INLINE_ALL
#include <xxhash.h>

/* store-sum-avx2.c, store-sum-sse2.c: for CPUs that have these only */
#ifdef __x86_64__
uint64_t store_sum_avx2(const void *page, size_t size, uint64_t seed);
#endif
#ifdef __i386
uint64_t store_sum_sse2(const void *page, size_t size, uint64_t seed);
#endif

#endif /* STORE_SUM_H */
