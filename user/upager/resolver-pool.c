// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the module's pool, mapped by us to be filled and by the client to be
 * used: nothing is copied.
 *
 * A page that is read is installed clean: the client that writes to it gets a
 * copy of its own, and another client that wants the same page of the source
 * (a child after fork, a second run of one snapshot) is given the same page. A
 * page that is wanted for writing goes to that client alone.
 *
 * Who has a page no more can't tell us: the kernel counts who uses it. Pages in
 * use nowhere are looked for when the pool is nearly empty. The last ones are
 * not given away: what comes next is copied from there, or nothing could come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pfstat.h>

#include "resolver.h"
#include "snapshot.h"

/* Pages to ask for; less is taken */
#define POOL_PAGES	16384u
/* Pages that stay for copying: what can be on its way to a client at once */
#define POOL_KEPT	256u
/* Keys side by side whose lists are side by side, too: a power of two, as their number */
#define GROUP		64u

/**
 * struct pool - the pool, and what is in its pages
 * @resolver: ours
 * @device: /dev/pgtbl
 * @key: by page: of the source
 * @installed: by page: given to a client, and not yet seen to be free
 * @clean: by page: installed for reading, so others may have it
 * @next: by page: with an equal hash of its key, ARENA_NONE ends
 * @head: by hash
 * @mask: the number of these - 1
 * @known: by group of heads: how many pages are in their lists
 * @copied: since free pages were looked for
 */
struct pool {
	struct resolver resolver;
	struct pgtbl *device;
	uint64_t *key;
	unsigned char *installed;
	unsigned char *clean;
	unsigned int *next;
	unsigned int *head;
	unsigned int mask;
	unsigned int *known;
	unsigned int copied;
};

static struct pool *pool_of(struct resolver *resolver)
{
	return (struct pool *)resolver;
}

static void pool_close(struct resolver *resolver)
{
	struct pool *pool = pool_of(resolver);

	if (resolver->arena.base)
		munmap(resolver->arena.base, resolver->arena.pages * resolver->arena.page);
	pgtbl_close(pool->device);
	arena_free(&resolver->arena);
	free(pool->key);
	free(pool->installed);
	free(pool->clean);
	free(pool->next);
	free(pool->head);
	free(pool->known);
	free(pool);
}

static unsigned int group_of(const struct pool *pool, uint64_t key)
{
	return (key / GROUP * 0x9e3779b97f4a7c15ull >> 32) & pool->mask / GROUP;
}

static unsigned int *head_of(const struct pool *pool, uint64_t key)
{
	return &pool->head[group_of(pool, key) * GROUP + key % GROUP];
}

/* How many of so many keys have their lists side by side, from that of the first on */
static unsigned int in_group(uint64_t key, unsigned int count)
{
	unsigned int rest = GROUP - key % GROUP;

	return rest < count ? rest : count;
}

static int make_tables(struct pool *pool, unsigned int pages)
{
	pool->mask = GROUP - 1;
	/* so many that most groups are empty: what is not there is not looked for by page */
	while (pool->mask < 2 * pages)
		pool->mask = 2 * pool->mask + 1;
	pool->key = calloc(pages, sizeof(*pool->key));
	pool->installed = calloc(pages, 1);
	pool->clean = calloc(pages, 1);
	pool->next = calloc(pages, sizeof(*pool->next));
	pool->head = malloc((pool->mask + 1ul) * sizeof(*pool->head));
	pool->known = calloc((pool->mask + 1ul) / GROUP, sizeof(*pool->known));
	if (!pool->key || !pool->installed || !pool->clean || !pool->next || !pool->head ||
	    !pool->known)
		return -ENOMEM;
	memset(pool->head, 0xff, (pool->mask + 1ul) * sizeof(*pool->head));
	return 0;
}

/* Into our page tables with it, now rather than while somebody waits for a page. */
static void touch(char *base, unsigned int pages, size_t page)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(base + i * page) = 0;
}

static int make_pool(struct pool *pool, struct pager *pager)
{
	unsigned int pages = POOL_PAGES;
	void *base;
	int err;

	pool->device = pgtbl_open();
	if (!pool->device)
		return -errno;
	if (pages > pgtbl_get_info(pool->device)->pool_pages)
		pages = pgtbl_get_info(pool->device)->pool_pages;
	do {
		base = pgtbl_pool_create(pool->device, pages);
	} while (!base && errno == ENOMEM && (pages /= 2) >= RESOLVER_PAGES);
	if (!base)
		return -errno;
	touch(base, pages, pager->page);
	err = arena_init(&pool->resolver.arena, base, pager->page, pages);
	return err ?: make_tables(pool, pages);
}

/* In memory of ours: a page in, out again, and unregister. */
static bool holds(struct pgtbl *device, void *at, size_t page)
{
	struct pgtbl_run run = {.addr = (uintptr_t)at, .count = 1};
	struct uffd uffd;
	bool held = false;

	if (uffd_open(0, &uffd))
		return false;
	if (!uffd_register(uffd.fd, run.addr, page) &&
	    pgtbl_install_runs(device, 0, &run, 1, 0) == 1) {
		pgtbl_take_runs(device, 0, &run, 1, NULL);
		held = uffd_unregister(uffd.fd, run.addr, page) == -EINVAL;
	}
	close(uffd.fd);
	return held;
}

bool resolver_pool_holds(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct pgtbl *device = pgtbl_open();
	void *pool = NULL, *at = MAP_FAILED;
	bool held = false;

	if (device)
		pool = pgtbl_pool_create(device, 1);
	if (pool)
		at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at != MAP_FAILED) {
		held = holds(device, at, page);
		munmap(at, page);
	}
	if (pool)
		munmap(pool, page);
	pgtbl_close(device);
	return held;
}

static struct resolver *pool_open(struct pager *pager, int *err)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	*err = -ENOMEM;
	if (!pool)
		return NULL;
	pool->resolver.ops = &resolver_pool;
	pool->resolver.holds = resolver_pool_holds();
	*err = make_pool(pool, pager);
	if (!*err)
		return (struct resolver *)pool;
	pool_close(&pool->resolver);
	return NULL;
}

static void remember(struct pool *pool, unsigned int page, uint64_t key, unsigned int count)
{
	unsigned int i, some;

	memset(pool->clean + page, 1, count);
	for (; count; key += some, count -= some) {
		unsigned int *head = head_of(pool, key);

		some = in_group(key, count);
		pool->known[group_of(pool, key)] += some;
		for (i = 0; i < some; i++, page++) {
			pool->key[page] = key + i;
			pool->next[page] = head[i];
			head[i] = page;
		}
	}
}

static void forget(struct pool *pool, unsigned int page)
{
	unsigned int *at = head_of(pool, pool->key[page]);

	while (*at != ARENA_NONE && *at != page)
		at = &pool->next[*at];
	if (*at == page) {
		*at = pool->next[page];
		pool->known[group_of(pool, pool->key[page])]--;
	}
	pool->clean[page] = 0;
}

static unsigned int find(const struct pool *pool, uint64_t key)
{
	unsigned int page = *head_of(pool, key);

	while (page != ARENA_NONE && pool->key[page] != key)
		page = pool->next[page];
	return page;
}

static void pool_reclaim(struct resolver *resolver)
{
	struct pool *pool = pool_of(resolver);
	unsigned int page, i, count;
	__u32 refs[256];

	for (page = 0; page < resolver->arena.pages; page += count) {
		count = resolver->arena.pages - page;
		if (count > 256)
			count = 256;
		if (pgtbl_pool_refs(pool->device, page, count, refs))
			return;
		for (i = page; i < page + count; i++) {
			if (!pool->installed[i] || refs[i - page])
				continue;
			if (pool->clean[i])
				forget(pool, i);
			pool->installed[i] = 0;
			arena_put(&resolver->arena, i, 1);
		}
	}
}

/* install() - pages, or -errno that is about the first, as for a copy */
static long install(struct pool *pool, const struct fill *fill, unsigned int page,
		    unsigned int count, unsigned int flags)
{
	struct pgtbl_run run = {.addr = fill->addr, .page = page, .count = count};
	int done;

	if (!fill->client->pid)
		return -EOPNOTSUPP;
	done = pgtbl_install_runs(pool->device, fill->client->pid, &run, 1, flags);
	if (done > 0)
		return done;
	switch (errno) {
	case EBUSY:
		/* something is there; or other clients use the page: copied then */
		return pool->installed[page] ? -EOPNOTSUPP : -EEXIST;
	case ESRCH:
	case EAGAIN:
	case ENOMEM:
		return -errno;
	}
	/* no private memory, locked, write-protected, gone: a copy knows better */
	return -EOPNOTSUPP;
}

/* Whether so many pages may be given away */
static bool has_spare(struct pool *pool, unsigned int count)
{
	const struct arena *arena = &pool->resolver.arena;

	if (arena->free >= POOL_KEPT)
		return true;
	/* to look for free ones takes long: not each time in vain */
	if (pool->copied >= arena->pages / 16) {
		pool->copied = 0;
		pool_reclaim(&pool->resolver);
	}
	if (arena->free >= POOL_KEPT)
		return true;
	pool->copied += count;
	return false;
}

/* Whether another client may have the same page, now or later */
static bool is_constant(const struct fill *fill)
{
	const struct source *source = fill->client->pager->config.source;

	return snapshot_is_key(fill->key) || !source || !source->ops->changes;
}

static long pool_fill(struct resolver *resolver, struct fill *fill)
{
	struct pool *pool = pool_of(resolver);
	unsigned int flags = fill->write ? PGTBL_INSTALL_WRITE : 0;
	bool shared = !fill->write && is_constant(fill);
	long done;

	if (fill->unit != resolver->arena.page || !has_spare(pool, fill->count))
		return -EOPNOTSUPP;
	fill->how = "pgtbl_install.done";
	done = install(pool, fill, fill->first, fill->count, flags);
	if (done <= 0)
		return done;
	fill->kept = true;
	memset(pool->installed + fill->first, 1, done);
	if (shared)
		remember(pool, fill->first, fill->key, done);
	return done;
}

/* A page that another client, or this one elsewhere, has in the pool */
static long pool_again(struct resolver *resolver, struct fill *fill)
{
	struct pool *pool = pool_of(resolver);
	const struct region *region = region_at(&fill->client->regions, fill->addr);
	unsigned int page;
	long done;

	if (fill->write || !region || (region->flags & (REGION_ZERO | REGION_FIXED)) ||
	    fill->unit != resolver->arena.page)
		return -ENOENT;
	page = find(pool, region_key(&fill->client->regions, region, fill->addr));
	if (page == ARENA_NONE)
		return -ENOENT;
	fill->how = "pgtbl_install.done";
	done = install(pool, fill, page, 1, 0);
	return done == 1 ? done : -ENOENT;
}

static bool pool_known(struct resolver *resolver, uint64_t key, unsigned int count)
{
	const struct pool *pool = pool_of(resolver);
	unsigned int i, some;

	for (; count; key += some, count -= some) {
		const unsigned int *head = head_of(pool, key);

		some = in_group(key, count);
		if (!pool->known[group_of(pool, key)])
			continue;
		for (i = 0; i < some; i++)
			if (head[i] != ARENA_NONE && find(pool, key + i) != ARENA_NONE)
				return true;
	}
	return false;
}

const struct resolver_ops resolver_pool = {
	.name = "pool",
	.open = pool_open,
	.close = pool_close,
	.fill = pool_fill,
	.reclaim = pool_reclaim,
	.again = pool_again,
	.known = pool_known,
};
