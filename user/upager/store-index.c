// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys and what is remembered of each. Entries don't move, since requests and
 * kinds of stores point to them; about 80 bytes for a page.
 */
#include <stdlib.h>
#include <string.h>

#include "store-kind.h"

#define CHUNK_ENTRIES	1023
#define FIRST_BUCKETS	1024

static size_t bucket_of(const struct store_index *index, uint64_t key)
{
	/* Keys are often addresses: all of their bits must count. */
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15ULL;
	return (key >> 32) & index->mask;
}

int index_init(struct store_index *index)
{
	index->buckets = calloc(FIRST_BUCKETS, sizeof(struct store_entry *));
	index->mask = FIRST_BUCKETS - 1;
	return index->buckets ? 0 : -1;
}

void index_free(struct store_index *index)
{
	struct store_entry *chunk, *next;

	for (chunk = index->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(index->buckets);
	memset(index, 0, sizeof(*index));
}

struct store_entry *index_find(const struct store_index *index, uint64_t key)
{
	struct store_entry *entry;

	for (entry = index->buckets[bucket_of(index, key)]; entry; entry = entry->next)
		if (entry->key == key)
			return entry;
	return NULL;
}

/* Without memory for a larger table the lists get longer, no more than that. */
static void grow(struct store_index *index)
{
	struct store_index larger = *index;
	struct store_entry *entry, *next;
	size_t i, to;

	larger.mask = index->mask * 2 + 1;
	larger.buckets = calloc(larger.mask + 1, sizeof(struct store_entry *));
	if (!larger.buckets)
		return;
	for (i = 0; i <= index->mask; i++) {
		for (entry = index->buckets[i]; entry; entry = next) {
			next = entry->next;
			to = bucket_of(&larger, entry->key);
			entry->next = larger.buckets[to];
			larger.buckets[to] = entry;
		}
	}
	free(index->buckets);
	*index = larger;
}

static int add_chunk(struct store_index *index)
{
	struct store_entry *chunk = calloc(CHUNK_ENTRIES + 1, sizeof(*chunk));
	int i;

	if (!chunk)
		return -1;
	chunk->next = index->chunks;
	index->chunks = chunk;
	for (i = CHUNK_ENTRIES; i > 0; i--) {
		chunk[i].next = index->free;
		index->free = &chunk[i];
	}
	return 0;
}

/* A key that is not there yet; NULL without memory */
struct store_entry *index_add(struct store_index *index, uint64_t key)
{
	struct store_entry *entry;
	size_t bucket;

	if (!index->free && add_chunk(index))
		return NULL;
	if (index->count > index->mask)
		grow(index);
	entry = index->free;
	index->free = entry->next;
	bucket = bucket_of(index, key);
	*entry = (struct store_entry){.key = key, .next = index->buckets[bucket]};
	index->buckets[bucket] = entry;
	index->count++;
	return entry;
}

void index_remove(struct store_index *index, struct store_entry *entry)
{
	struct store_entry **link = &index->buckets[bucket_of(index, entry->key)];

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	entry->next = index->free;
	index->free = entry;
	index->count--;
}

/*
 * The entry after @entry (NULL: the first one); @bucket begins as 0. Valid as
 * long as nothing is added or removed.
 */
struct store_entry *index_walk(const struct store_index *index, size_t *bucket,
			       struct store_entry *entry)
{
	if (entry) {
		if (entry->next)
			return entry->next;
		(*bucket)++;
	}
	for (; *bucket <= index->mask; (*bucket)++)
		if (index->buckets[*bucket])
			return index->buckets[*bucket];
	return NULL;
}
