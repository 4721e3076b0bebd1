// SPDX-License-Identifier: GPL-2.0-only
/* mem: pages in the memory of this process, as they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store-kind.h"

#define SLAB_PAGES	256

/* Pages are cut from slabs, behind this; a free one holds the address of the next. */
struct slab {
	struct slab *next;
};

struct mem {
	struct slab *slabs;
	void **free;
	uint64_t used;
	uint64_t limit;
};

static int add_slab(struct store *store, struct mem *mem)
{
	size_t size = SLAB_PAGES * store->page_size, at;
	struct slab *slab = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				 -1, 0);

	if (slab == MAP_FAILED)
		return -ENOMEM;
	for (at = size; (at -= store->page_size);) {
		void **page = (void **)((char *)slab + at);

		*page = mem->free;
		mem->free = page;
	}
	slab->next = mem->slabs;
	mem->slabs = slab;
	return 0;
}

static int put(struct store *store, struct mem *mem, struct store_req *req)
{
	struct store_entry *entry = req->private.entry;
	int status;

	if (entry->loc) {
		memcpy((void *)(uintptr_t)entry->loc, req->page, store->page_size);
		return 0;
	}
	if (mem->used + store->page_size > mem->limit)
		return -ENOSPC;
	if (!mem->free) {
		status = add_slab(store, mem);
		if (status)
			return status;
	}
	entry->loc = (uintptr_t)mem->free;
	mem->free = *mem->free;
	memcpy((void *)(uintptr_t)entry->loc, req->page, store->page_size);
	mem->used += store->page_size;
	return 0;
}

static void drop(struct store *store, struct store_entry *entry)
{
	struct mem *mem = store->data;
	void **page = (void **)(uintptr_t)entry->loc;

	if (!page)
		return;
	*page = mem->free;
	mem->free = page;
	entry->loc = 0;
	mem->used -= store->page_size;
}

static void mem_submit(struct store *store, struct store_req *req)
{
	struct store_entry *entry = req->private.entry;
	struct mem *mem = store->data;
	int status = 0;

	switch (req->private.wire) {
	case STORE_GET:
		memcpy(req->page, (void *)(uintptr_t)entry->loc, store->page_size);
		break;
	case STORE_PUT:
		status = put(store, mem, req);
		if (status == -ENOSPC)
			store_say(store, "mem: all of its limit is used");
		break;
	case STORE_DEL:
		drop(store, entry);
		break;
	}
	store_complete(store, req, status);
}

static int mem_open(struct store *store, const char *rest)
{
	struct mem *mem;
	int status;

	if (*rest)
		return fail_open(EINVAL, "nothing stands behind 'mem:' but options");
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return fail_open(ENOMEM, "%s", strerror(ENOMEM));
	mem->limit = UINT64_MAX;
	status = url_size(store, "size", &mem->limit);
	if (status) {
		free(mem);
		return status;
	}
	store->data = mem;
	return 0;
}

static void mem_close(struct store *store, bool abandon)
{
	struct mem *mem = store->data;
	struct slab *slab, *next;

	(void)abandon;
	for (slab = mem->slabs; slab; slab = next) {
		next = slab->next;
		munmap(slab, SLAB_PAGES * store->page_size);
	}
	free(mem);
}

static uint64_t mem_bytes(const struct store *store)
{
	return ((struct mem *)store->data)->used;
}

const struct store_kind store_mem = {
	.scheme = "mem",
	.form = "mem:[?size=SIZE]",
	.summary = "the pager's memory",
	.depth = 1024,
	.open = mem_open,
	.submit = mem_submit,
	.drop = drop,
	.close = mem_close,
	.bytes = mem_bytes,
};
