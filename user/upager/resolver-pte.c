// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page table, written by hand: the entry of the faulting address becomes
 * that of a page of ours, the donor. Nothing is copied or allocated, and the
 * kernel knows of nothing, so all of it is ours to keep in order.
 *
 * The donor's frame is found in our own page tables, which we have mapped
 * (tables.c). The client's entry is set through /dev/pgtbl, which needs its
 * module loaded with unsafe_write=1. When the kernel is about to change that
 * part of the client (fork, move, protect, unmap), the module takes the entry
 * back; the client faults again, and gets the same donor, with all that it has
 * written there. So a donor lives as long as its address does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <pfstat.h>

#include "donors.h"
#include "resolver.h"
#include "tables.h"

#define DONORS		16384u
#define BATCH		64

/**
 * struct pte - the device, and our tables
 * @resolver: ours; the pages of its arena are the donors
 * @device: /dev/pgtbl
 * @tables: page tables of the arena
 */
struct pte {
	struct resolver resolver;
	struct pgtbl *device;
	struct tables *tables;
};

static struct pte *pte_of(struct resolver *resolver)
{
	return (struct pte *)resolver;
}

/* What a client has, to which something is to be added */
static struct donors *donors_of(struct client *client)
{
	if (!client->kept)
		client->kept = donors_new();
	return client->kept;
}

static uint64_t donor_entry(struct pte *pte, unsigned int page)
{
	return tables_entry(pte->tables, (uintptr_t)arena_at(&pte->resolver.arena, page));
}

/* What the edit's failure means, as a copy would have it */
static long failure(const struct pgtbl_edit *edit, int err)
{
	switch (err) {
	case EAGAIN:
		return edit->old_entry ? -EEXIST : -EAGAIN;
	case ESRCH:
	case ENOMEM:
		return -err;
	}
	/* no table there yet, memory that is not to be edited: a copy knows better */
	return -EOPNOTSUPP;
}

/* link_pages() - set entries; how many, or -errno about the first */
static long link_pages(struct pte *pte, const struct client *client, uint64_t addr,
		       const unsigned int *pages, unsigned int count)
{
	struct pgtbl_edit edits[BATCH];
	unsigned int i;
	int done;

	if (!client->pid)
		return -EOPNOTSUPP;
	for (i = 0; i < count; i++) {
		edits[i] = (struct pgtbl_edit){
			.addr = addr + i * pte->resolver.arena.page,
			.new_entry = donor_entry(pte, pages[i]),
			.level = PGTBL_PTE,
		};
		if (!edits[i].new_entry)
			return -EOPNOTSUPP;
	}
	done = pgtbl_update_entries(pte->device, client->pid, edits, count);
	return done > 0 ? done : failure(&edits[0], errno);
}

static long pte_fill(struct resolver *resolver, struct fill *fill)
{
	struct pte *pte = pte_of(resolver);
	const struct region *region = region_at(&fill->client->regions, fill->addr);
	long i, done, count = fill->count < BATCH ? fill->count : BATCH;
	unsigned int pages[BATCH];
	struct donors *donors;

	if (fill->unit != resolver->arena.page || !region || (region->flags & REGION_FIXED))
		return -EOPNOTSUPP;
	donors = donors_of(fill->client);
	if (!donors || donors_reserve(donors, count))
		return -ENOMEM;
	for (i = 0; i < count; i++)
		pages[i] = fill->first + i;
	fill->how = "pgtbl_update.done";
	done = link_pages(pte, fill->client, fill->addr, pages, count);
	for (i = 0; i < done; i++)
		donors_insert(donors, fill->addr + i * resolver->arena.page, pages[i]);
	fill->kept = done > 0;
	return done;
}

static long pte_again(struct resolver *resolver, struct fill *fill)
{
	struct donors *donors = fill->client->kept;
	long ret;
	size_t i;

	if (!donors || fill->unit != resolver->arena.page)
		return -ENOENT;
	i = donors_lower(donors, fill->addr);
	if (i == donors->count || donors->at[i].addr != fill->addr)
		return -ENOENT;
	fill->how = "pgtbl_update.done";
	ret = link_pages(pte_of(resolver), fill->client, fill->addr, &donors->at[i].page, 1);
	if (ret != -EOPNOTSUPP)
		return ret;
	/* it can't be linked any more, so what is in it is copied, and it is free */
	ret = uffd_copy(fill->client->uffd.fd, fill->addr,
			arena_at(&resolver->arena, donors->at[i].page), fill->unit, false);
	if (ret <= 0)
		return ret;
	arena_put(&resolver->arena, donors->at[i].page, 1);
	donors_drop(donors, i, 1);
	return 1;
}

/* Take a donor's page out of the client, if it is there. */
static void unlink_page(struct pte *pte, const struct client *client, const struct donor *donor)
{
	struct pgtbl_walk walk;
	struct pgtbl_edit edit = {.addr = donor->addr, .level = PGTBL_PTE};
	__u64 pfn = 0;

	if (!client->pid || pgtbl_walk_addr(pte->device, client->pid, donor->addr, &walk) ||
	    walk.leaf != PGTBL_PTE)
		return;
	pgtbl_decode(pte->device, PGTBL_PTE, donor_entry(pte, donor->page), &pfn);
	if (walk.pfn != pfn)
		return;
	do {
		edit.old_entry = walk.level[PGTBL_PTE].entry;
		/* the CPU may have marked it accessed or dirty meanwhile */
		if (pgtbl_update_entries(pte->device, client->pid, &edit, 1) == 1)
			return;
		walk.level[PGTBL_PTE].entry = edit.old_entry;
	} while (errno == EAGAIN && edit.old_entry);
}

static int pte_forked(struct resolver *resolver, struct client *parent, struct client *child)
{
	const struct donors *donors = parent->kept;
	struct donors *copies;
	unsigned int page;
	size_t i;

	if (!donors || !donors->count)
		return 0;
	copies = donors_of(child);
	if (!copies || donors_reserve(copies, donors->count))
		return -ENOMEM;
	for (i = 0; i < donors->count; i++) {
		page = arena_get(&resolver->arena, 1);
		if (page == ARENA_NONE)
			return -ENOMEM;
		memcpy(arena_at(&resolver->arena, page),
		       arena_at(&resolver->arena, donors->at[i].page), resolver->arena.page);
		donors_insert(copies, donors->at[i].addr, page);
	}
	return 0;
}

static void pte_moved(struct resolver *resolver, struct client *client, uint64_t from,
		      uint64_t to, uint64_t len)
{
	struct donors *donors = client->kept;
	struct donor *moved;
	size_t first, count, i;

	if (!donors)
		return;
	if (to)
		pte_moved(resolver, client, to, 0, len);
	first = donors_lower(donors, from);
	count = donors_lower(donors, from + len) - first;
	if (!count)
		return;
	moved = malloc(count * sizeof(*moved));
	if (moved)
		memcpy(moved, donors->at + first, count * sizeof(*moved));
	for (i = first; i < first + count && (!to || !moved); i++) {
		unlink_page(pte_of(resolver), client, &donors->at[i]);
		arena_put(&resolver->arena, donors->at[i].page, 1);
	}
	donors_drop(donors, first, count);
	for (i = 0; i < count && to && moved; i++)
		donors_insert(donors, moved[i].addr - from + to, moved[i].page);
	/* contents that can't be remembered are worse than no client */
	if (!moved && to)
		client_fail(client);
	free(moved);
}

/* The client keeps what it has written: as pages of its own. */
static int pte_release(struct resolver *resolver, struct client *client)
{
	struct donors *donors = client->kept;
	const struct donor *last;
	long ret;

	while (donors && donors->count) {
		last = &donors->at[donors->count - 1];
		/* who touches it now waits until the copy is there */
		unlink_page(pte_of(resolver), client, last);
		ret = uffd_copy(client->uffd.fd, last->addr, arena_at(&resolver->arena, last->page),
				resolver->arena.page, true);
		if (ret < 0 && ret != -EEXIST && ret != -ENOENT)
			return ret;
		arena_put(&resolver->arena, last->page, 1);
		donors_drop(donors, donors->count - 1, 1);
	}
	return 0;
}

static void pte_ended(struct resolver *resolver, struct client *client)
{
	struct donors *donors = client->kept;
	size_t i;

	if (!donors)
		return;
	for (i = 0; i < donors->count; i++) {
		unlink_page(pte_of(resolver), client, &donors->at[i]);
		arena_put(&resolver->arena, donors->at[i].page, 1);
	}
	donors_free(donors);
	client->kept = NULL;
}

static void pte_close(struct resolver *resolver)
{
	struct pte *pte = pte_of(resolver);

	/* edits are undone by this, before what they point to goes away */
	tables_free(pte->tables);
	pgtbl_close(pte->device);
	if (resolver->arena.base)
		munmap(resolver->arena.base, resolver->arena.pages * resolver->arena.page);
	arena_free(&resolver->arena);
	free(pte);
}

static int make_donors(struct pte *pte, struct pager *pager)
{
	size_t size = DONORS * pager->page;
	void *base;

	pte->device = pgtbl_open();
	if (!pte->device)
		return -errno;
	if (!(pgtbl_get_info(pte->device)->features & PGTBL_FEATURE_UNSAFE_WRITE))
		return -EPERM;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	if (arena_init(&pte->resolver.arena, base, pager->page, DONORS)) {
		munmap(base, size);
		pte->resolver.arena.base = NULL;
		return -ENOMEM;
	}
	/*
	 * A frame must stay where it is: not shared with the keeper, whose
	 * sharing would have us write to a copy, not part of a huge page.
	 */
	if (madvise(base, size, MADV_DONTFORK))
		return -errno;
	madvise(base, size, MADV_NOHUGEPAGE);
	pte->tables = tables_new(pte->device);
	return pte->tables ? 0 : -errno;
}

static struct resolver *pte_open(struct pager *pager, int *err)
{
	struct pte *pte = calloc(1, sizeof(*pte));

	*err = -ENOMEM;
	if (!pte)
		return NULL;
	pte->resolver.ops = &resolver_pte;
	*err = make_donors(pte, pager);
	if (!*err)
		return (struct resolver *)pte;
	pte_close(&pte->resolver);
	return NULL;
}

const struct resolver_ops resolver_pte = {
	.name = "pte",
	.open = pte_open,
	.close = pte_close,
	.fill = pte_fill,
	.again = pte_again,
	.forked = pte_forked,
	.moved = pte_moved,
	.release = pte_release,
	.ended = pte_ended,
};
