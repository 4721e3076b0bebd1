// SPDX-License-Identifier: GPL-2.0-only
/* zmem: pages in the memory of this process, compressed with lz4 or zstd. */
#include <errno.h>
#include <lz4.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "store-kind.h"

struct zmem {
	bool zstd;
	int level;
	ZSTD_CCtx *compress;
	ZSTD_DCtx *expand;
	char *buffer;		/* what a page becomes before its size is known */
	size_t room;
	uint64_t used;
	uint64_t limit;
};

/* A page: its length, then its bytes; as long as a page is a page as it was. */
struct packed {
	uint32_t len;
	char bytes[];
};

static struct packed *packed_of(const struct store_entry *entry)
{
	return (struct packed *)(uintptr_t)entry->loc;
}

static void drop(struct store *store, struct store_entry *entry)
{
	struct zmem *zmem = store->data;

	if (!entry->loc)
		return;
	zmem->used -= malloc_usable_size(packed_of(entry));
	free(packed_of(entry));
	entry->loc = 0;
}

/* Length of the page in the buffer, or 0 if it does not get shorter */
static size_t squeeze(struct store *store, struct zmem *zmem, const void *page)
{
	size_t len;
	int n;

	if (zmem->zstd) {
		len = ZSTD_compressCCtx(zmem->compress, zmem->buffer, zmem->room, page,
					store->page_size, zmem->level);
		if (ZSTD_isError(len))
			len = 0;
	} else {
		n = LZ4_compress_fast(page, zmem->buffer, store->page_size, zmem->room,
				      zmem->level);
		len = n > 0 ? n : 0;
	}
	return len < store->page_size ? len : 0;
}

static int put(struct store *store, struct zmem *zmem, struct store_req *req)
{
	size_t len = squeeze(store, zmem, req->page);
	struct packed *packed;

	drop(store, req->private.entry);
	if (zmem->used + (len ?: store->page_size) > zmem->limit) {
		store_say(store, "zmem: all of its limit is used");
		return -ENOSPC;
	}
	packed = malloc(sizeof(*packed) + (len ?: store->page_size));
	if (!packed)
		return -ENOMEM;
	packed->len = len ?: store->page_size;
	memcpy(packed->bytes, len ? zmem->buffer : req->page, packed->len);
	req->private.entry->loc = (uintptr_t)packed;
	zmem->used += malloc_usable_size(packed);
	return 0;
}

static int get(struct store *store, struct zmem *zmem, struct store_req *req)
{
	const struct packed *packed = packed_of(req->private.entry);
	size_t len;
	int n;

	if (packed->len == store->page_size) {
		memcpy(req->page, packed->bytes, packed->len);
		return 0;
	}
	if (zmem->zstd) {
		len = ZSTD_decompressDCtx(zmem->expand, req->page, store->page_size,
					  packed->bytes, packed->len);
	} else {
		n = LZ4_decompress_safe(packed->bytes, req->page, packed->len, store->page_size);
		len = n > 0 ? n : 0;
	}
	return len == store->page_size ? 0 : -EBADMSG;
}

static void zmem_submit(struct store *store, struct store_req *req)
{
	struct zmem *zmem = store->data;
	int status = 0;

	switch (req->private.wire) {
	case STORE_GET:
		status = get(store, zmem, req);
		break;
	case STORE_PUT:
		status = put(store, zmem, req);
		break;
	case STORE_DEL:
		drop(store, req->private.entry);
		break;
	}
	store_complete(store, req, status);
}

static void zmem_close(struct store *store, bool abandon)
{
	struct zmem *zmem = store->data;
	struct store_entry *entry;
	size_t bucket = 0;

	(void)abandon;
	for (entry = index_walk(&store->index, &bucket, NULL); entry;
	     entry = index_walk(&store->index, &bucket, entry))
		drop(store, entry);
	ZSTD_freeCCtx(zmem->compress);
	ZSTD_freeDCtx(zmem->expand);
	free(zmem->buffer);
	free(zmem);
}

static int set_up(struct store *store, struct zmem *zmem)
{
	const char *algo = url_param(store, "algo");
	uint64_t level;
	int status;

	zmem->zstd = algo && !strcmp(algo, "zstd");
	if (algo && !zmem->zstd && strcmp(algo, "lz4"))
		return fail_open(EINVAL, "option algo=%s: there are lz4 and zstd", algo);
	level = 1;
	zmem->limit = UINT64_MAX;
	status = url_number(store, "level", 1, zmem->zstd ? ZSTD_maxCLevel() : 65537, &level) ?:
		 url_size(store, "size", &zmem->limit);
	if (status)
		return status;
	zmem->level = level;
	zmem->room = zmem->zstd ? ZSTD_compressBound(store->page_size) :
				  (size_t)LZ4_compressBound(store->page_size);
	zmem->buffer = malloc(zmem->room);
	zmem->compress = zmem->zstd ? ZSTD_createCCtx() : NULL;
	zmem->expand = zmem->zstd ? ZSTD_createDCtx() : NULL;
	if (!zmem->buffer || (zmem->zstd && (!zmem->compress || !zmem->expand)))
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	return 0;
}

static int zmem_open(struct store *store, const char *rest)
{
	int status;

	if (*rest)
		return fail_open(EINVAL, "nothing stands behind 'zmem:' but options");
	store->data = calloc(1, sizeof(struct zmem));
	if (!store->data)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	status = set_up(store, store->data);
	if (status)
		zmem_close(store, true);
	return status;
}

static uint64_t zmem_bytes(const struct store *store)
{
	return ((struct zmem *)store->data)->used;
}

const struct store_kind store_zmem = {
	.scheme = "zmem",
	.form = "zmem:[?algo=zstd&level=N&size=SIZE]",
	.summary = "the same, compressed (lz4, or zstd)",
	.depth = 1024,
	.open = zmem_open,
	.submit = zmem_submit,
	.drop = drop,
	.close = zmem_close,
	.bytes = zmem_bytes,
};
