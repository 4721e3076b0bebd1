/* SPDX-License-Identifier: GPL-2.0-only */
/* A store as a source of pages. */
#ifndef SOURCE_STORE_H
#define SOURCE_STORE_H

#include "source.h"

/**
 * struct store_source - the source
 * @source: ours
 * @store: where the pages are; the caller's to close
 */
struct store_source {
	struct source source;
	struct store *store;
};

/**
 * store_source_init - let pages come from a store
 * @source: filled in
 * @store: an open store
 */
void store_source_init(struct store_source *source, struct store *store);

#endif /* SOURCE_STORE_H */
