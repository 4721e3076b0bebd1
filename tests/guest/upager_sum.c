// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checksum by which a page that comes back is known: whatever this CPU takes for
 * it, another bit is another sum. Runs on this machine as well (tests/host/upager-sum.sh).
 *
 * vm: module=no
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../../user/upager/store-sum.h"
#include "lib/ktap.h"

#define PAGE	4096
#define WORDS	(PAGE / sizeof(uint64_t))
#define SEED	0x0123456789abcdefull

static uint64_t page[WORDS];

BEFORE_EACH()
{
	unsigned char *bytes = (unsigned char *)page;
	size_t i;

	for (i = 0; i < PAGE; i++)
		bytes[i] = i * 7 + i / 256;
}

TEST(every_bit_counts)
{
	uint64_t sum = store_sum(page, PAGE, SEED);
	size_t word, bit;

	for (word = 0; word < WORDS; word++) {
		for (bit = 0; bit < 64; bit++) {
			page[word] ^= 1ull << bit;
			if (store_sum(page, PAGE, SEED) == sum)
				ktap_fail(__FILE__, __LINE__, 1, "bit %zu of word %zu", bit, word);
			page[word] ^= 1ull << bit;
		}
	}
	EXPECT_EQ(store_sum(page, PAGE, SEED), sum);
}

/* The key of a page is in the seed: the page of another key is a wrong one. */
TEST(every_seed_counts)
{
	uint64_t sum = store_sum(page, PAGE, SEED), seed;

	for (seed = 1; seed; seed <<= 1)
		EXPECT_NE(store_sum(page, PAGE, SEED ^ seed), sum);
	for (seed = 1; seed < 10000; seed++)
		EXPECT_NE(store_sum(page, PAGE, SEED + seed), sum);
}

/* What a store has got wrong at once: halves, neighbours, all of it. */
TEST(exchanged_words_count)
{
	uint64_t sum = store_sum(page, PAGE, SEED), word;
	size_t i, by;

	for (by = 1; by < WORDS; by *= 2) {
		for (i = 0; i + by < WORDS; i += 2 * by) {
			word = page[i];
			page[i] = page[i + by];
			page[i + by] = word;
		}
		EXPECT_NE(store_sum(page, PAGE, SEED), sum);
	}
	memset(page, 0, PAGE);
	EXPECT_NE(store_sum(page, PAGE, SEED), sum);
	memset(page, 0xff, PAGE);
	EXPECT_NE(store_sum(page, PAGE, SEED), sum);
}

/* Counters, pointers that were moved: what programs do to all words of a page, or to some. */
TEST(the_same_change_in_many_words_counts)
{
	uint64_t sum = store_sum(page, PAGE, SEED), change;
	size_t bit, from, step, i;

	for (bit = 0; bit < 64; bit++) {
		change = (0x0101010101010101ull << bit % 8) ^ (1ull << bit);
		for (step = 1; step <= 256; step *= 2) {
			for (from = 0; from < step && from < 4; from++) {
				for (i = from; i < WORDS; i += step)
					page[i] ^= change;
				EXPECT_NE(store_sum(page, PAGE, SEED), sum);
				for (i = from; i < WORDS; i += step)
					page[i] ^= change;
			}
		}
	}
	/* each two words */
	for (i = 0; i < WORDS; i++) {
		for (from = 0; from < i; from += 1 + from / 16) {
			page[i] ^= change;
			page[from] ^= change;
			EXPECT_NE(store_sum(page, PAGE, SEED), sum);
			page[i] ^= change;
			page[from] ^= change;
		}
	}
	EXPECT_EQ(store_sum(page, PAGE, SEED), sum);
}

#if defined(__x86_64__) || defined(__i386)
TEST(vectors_agree)
{
	uint64_t sum = XXH3_64bits_withSeed(page, PAGE, SEED);

	EXPECT_EQ(store_sum(page, PAGE, SEED), sum);
	if (__builtin_cpu_supports("sse2"))
		EXPECT_EQ(store_sum_sse2(page, PAGE, SEED), sum);
	if (__builtin_cpu_supports("avx2"))
		EXPECT_EQ(store_sum_avx2(page, PAGE, SEED), sum);
}
#endif

#ifdef __aarch64__
/* A CRC bit by bit, its polynomial turned round */
static uint32_t crc_of(uint32_t crc, uint32_t polynomial)
{
	size_t i, bit;

	for (i = 0; i < WORDS; i++)
		for (bit = 0; bit < 64; bit++)
			crc = crc >> 1 ^ ((crc ^ page[i] >> bit) & 1 ? polynomial : 0);
	return crc;
}

TEST(instructions_are_both_crcs)
{
	uint64_t sum = (uint64_t)crc_of(SEED >> 32, 0xedb88320) << 32;

	sum |= crc_of((uint32_t)SEED, 0x82f63b78);
	EXPECT_EQ(store_sum_crc(page, PAGE, SEED), sum);
	EXPECT_EQ(store_sum(page, PAGE, SEED), sum);
}
#endif
