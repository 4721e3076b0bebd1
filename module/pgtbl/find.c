// SPDX-License-Identifier: GPL-2.0
/*
 * From a frame number that a user claims to be a table of a process to the
 * table that it is. The claim proves nothing: the frame must be found in the
 * process's own tables, at that level.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "pgtbl.h"

/**
 * struct search - a search for the table in a frame
 * @level: of the table
 * @pfn: the frame
 * @from: first address to look at
 * @to: first address behind that
 * @base: first address that the table describes
 */
struct search {
	unsigned int level;
	unsigned long pfn;
	u64 from;
	u64 to;
	unsigned long base;
};

/*
 * search_table() - look through a table, at @level, and those below it. They
 * are read with plain loads through mappings that are ours alone; the caller's
 * mmap_lock keeps them from being freed, see pgtbl_descend().
 *
 * Return: 1 found, 0 not here, -EINTR.
 */
static int search_table(struct search *search, unsigned int level,
			struct page *page, const void *pgd, u64 base)
{
	unsigned int shift = pgtbl_shift(level);
	unsigned int next = pgtbl_next_level(level);
	u64 last = base + ((u64)pgtbl_entries(level) << shift) - 1;
	unsigned int i, end;
	int ret = 0;

	last = min(last, search->to - 1);
	i = search->from > base ? (search->from - base) >> shift : 0;
	end = ((last - base) >> shift) + 1;

	for (; i < end && !ret; i++) {
		const pteval_t *table = pgd ?: kmap_local_page(page);
		pteval_t entry = 0;

		/* Empty and foreign entries are passed over in this loop. */
		for (; i < end; i++) {
			entry = pgtbl_read(table + i);
			if (pgtbl_kind(level, entry) != PGTBL_KIND_TABLE)
				continue;
			if (next != search->level ||
			    pgtbl_pfn(level, entry) == search->pfn)
				break;
		}
		if (!pgd)
			kunmap_local(table);
		if (i == end)
			break;
		if (next == search->level) {
			search->base = base + ((u64)i << shift);
			return 1;
		}
		/* Of a shared hugetlb table that is just let go, who knows. */
		if (!pfn_valid(pgtbl_pfn(level, entry)))
			continue;
		ret = search_table(search, next,
				   pfn_to_page(pgtbl_pfn(level, entry)), NULL,
				   base + ((u64)i << shift));
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return ret;
}

static int search_range(struct mm_struct *mm, struct search *search, u64 from,
			u64 to)
{
	if (from >= to)
		return 0;
	search->from = from;
	search->to = to;
	return search_table(search, PGTBL_PGD, NULL, mm->pgd, 0);
}

/* still_there() - the table is in its place; takes a reference if so */
static bool still_there(struct mm_struct *mm, const struct search *search,
			struct page *page)
{
	struct pgtbl_path path;
	unsigned int level = PGTBL_PGD;
	unsigned long flags;
	bool ok;

	while (pgtbl_next_level(level) != search->level)
		level = pgtbl_next_level(level);
	/* Shared hugetlb tables: see pgtbl_descend(). */
	local_irq_save(flags);
	pgtbl_descend(mm, search->base, level, &path);
	ok = path.last == level && path.kind == PGTBL_KIND_TABLE &&
		pgtbl_pfn(level, path.entry[level]) == search->pfn &&
		get_page_unless_zero(page);
	local_irq_restore(flags);
	return ok;
}

/**
 * pgtbl_find_table() - find and hold a table below the top level
 * @mm: whose
 * @level: of the table, not PGTBL_PGD
 * @pfn: the frame that it is said to be in
 * @hint: where to look first
 * @base: out: first address that it describes
 *
 * A table that its process gives up is not reused while it is held: it keeps
 * what is in it, which is nothing (all entries are cleared before).
 *
 * Context: @mm's mmap_lock is held for writing. May sleep.
 *
 * Return: the table's page with a reference for put_page(), or
 *	-EINVAL: no table of that process at that level is in that frame;
 *	-EAGAIN: it was, a moment ago;
 *	-EINTR: a fatal signal came first.
 */
struct page *pgtbl_find_table(struct mm_struct *mm, unsigned int level,
			      unsigned long pfn, unsigned long hint,
			      unsigned long *base)
{
	struct search search = { .level = level, .pfn = pfn };
	u64 start = hint < PGTBL_USER_END ? hint : 0;
	struct page *page;
	int ret;

	if (!pfn_valid(pfn))
		return ERR_PTR(-EINVAL);
	page = pfn_to_page(pfn);
	/*
	 * pgtable_pte_page_ctor() and pgtable_pmd_page_ctor() set this: spares
	 * a search in vain for most wrong frames, and proves nothing else.
	 */
	if (level >= PGTBL_PMD && !PageTable(page))
		return ERR_PTR(-EINVAL);

	/* Mostly it is where the caller found it: no need to search then. */
	search.base = pgtbl_table_base(level, start);
	if (still_there(mm, &search, page)) {
		*base = search.base;
		return page;
	}
	ret = search_range(mm, &search, start, PGTBL_USER_END);
	if (!ret)
		ret = search_range(mm, &search, 0, start);
	if (ret < 0)
		return ERR_PTR(ret);
	if (!ret)
		return ERR_PTR(-EINVAL);
	if (!still_there(mm, &search, page))
		return ERR_PTR(-EAGAIN);
	*base = search.base;
	return page;
}
