// SPDX-License-Identifier: GPL-2.0-only
/* A store as a source of pages: what was never put is zeros. */
#include "source-store.h"

static struct store *store_of(const struct source *source)
{
	return ((const struct store_source *)source)->store;
}

static void get(struct source *source, struct store_req *req)
{
	store_submit(store_of(source), req);
}

static bool get_run(struct source *source, uint64_t key, unsigned int count, void *pages)
{
	return store_get_run(store_of(source), key, count, pages);
}

static void dispatch(struct source *source)
{
	store_dispatch(store_of(source));
}

static bool is_idle(const struct source *source)
{
	return store_idle(store_of(source));
}

static int fd_of(const struct source *source)
{
	return store_fd(store_of(source));
}

static const char *why(const struct source *source)
{
	return store_why(store_of(source));
}

static const struct source_ops store_ops = {
	.get = get,
	.get_run = get_run,
	.dispatch = dispatch,
	.idle = is_idle,
	.fd = fd_of,
	.why = why,
};

void store_source_init(struct store_source *source, struct store *store)
{
	source->source.ops = &store_ops;
	source->store = store;
}
