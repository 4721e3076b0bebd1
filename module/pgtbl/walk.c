// SPDX-License-Identifier: GPL-2.0
/*
 * WALK: from the top-level table down to an address.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "pgtbl.h"

/**
 * pgtbl_descend() - collect the entries on the way to an address
 * @mm: whose
 * @addr: a user address
 * @stop: the level to stop at, PGTBL_PTE to go all the way
 * @path: is filled in
 *
 * Context: @mm's mmap_lock is held for writing, so that no table is freed
 * meanwhile: munmap() frees them with the lock downgraded to reading (6.1:
 * do_mas_align_munmap()). One way does without that lock: hugetlb tables that
 * processes share are let go under rmap locks alone (huge_pmd_unshare()). Their
 * last user frees them like any table, after an RCU grace period or an
 * interrupt on every CPU (mm/mmu_gather.c), so interrupts are off on the way,
 * as in lockless GUP.
 */
void pgtbl_descend(struct mm_struct *mm, unsigned long addr,
		   unsigned int stop, struct pgtbl_path *path)
{
	unsigned int level = PGTBL_PGD;
	const void *table = mm->pgd;
	unsigned long pfn = page_to_pfn(virt_to_page(mm->pgd));
	unsigned long flags;

	path->levels = 0;
	local_irq_save(flags);
	for (;;) {
		pteval_t entry = pgtbl_read((const pteval_t *)table +
					    pgtbl_index(level, addr));

		if (level != PGTBL_PGD)
			kunmap_local(table);
		path->levels |= BIT(level);
		path->last = level;
		path->entry[level] = entry;
		path->table[level] = pfn;
		path->kind = pgtbl_kind(level, entry);
		if (level == stop || path->kind != PGTBL_KIND_TABLE)
			break;
		pfn = pgtbl_pfn(level, entry);
		/* PTE tables may lie in highmem on x86-32 (CONFIG_HIGHPTE). */
		table = kmap_local_page(pfn_to_page(pfn));
		level = pgtbl_next_level(level);
	}
	local_irq_restore(flags);
}

/**
 * pgtbl_pmd() - the entry that points to the PTE table of an address
 * @mm: whose
 * @addr: a user address
 *
 * Context: @mm's mmap_lock is held (for reading: @addr is in a mapping), or
 * nobody else can use @mm any more.
 *
 * Return: for pf_pte_lock(), or NULL: there is no such table. A huge
 * page may come and go meanwhile, but no table under that lock.
 */
pmd_t *pgtbl_pmd(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	unsigned long flags;
	p4d_t *p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	if (pgd_none(*pgd) || pgd_bad(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		return NULL;
	pudp = pud_offset(p4d, addr);
	/*
	 * A table of hugetlb pages may be shared, and others take it away without
	 * our mmap_lock (huge_pmd_unshare() clears the PUD): so the PUD is read
	 * once, and interrupts are off, as for pgtbl_descend(), until it is known
	 * that no PTE table is in there, as in all of those.
	 */
	local_irq_save(flags);
	pud = READ_ONCE(*pudp);
	pmdp = NULL;
	if (!pud_none(pud) && !pud_bad(pud)) {
		pmdp = pmd_offset(mm_pmd_folded(mm) ? pudp : &pud, addr);
		pmd = pmdp_get_lockless(pmdp);
		if (pmd_none(pmd) || pmd_bad(pmd))
			pmdp = NULL;
	}
	local_irq_restore(flags);
	return pmdp;
}

/* Of the page of an entry that is not special: anonymous, or something else. */
static u32 pte_page_is(unsigned long pfn)
{
	/* mm/memory.c:vm_normal_page() does not ask the mapping either. */
	if (!pfn_valid(pfn))
		return PGTBL_IS_SPECIAL | PGTBL_IS_FILE;
	return PageAnon(compound_head(pfn_to_page(pfn))) ? 0 : PGTBL_IS_FILE;
}

/**
 * pgtbl_page_is() - categories that need a look at the page or its mapping
 * @vma: the mapping; not looked at for a PTE
 * @level: of the entry
 * @entry: a present entry
 *
 * Context: @vma's mmap_lock is held, the entry was read under it.
 *
 * Return: PGTBL_IS_FILE, _ZERO, _SPECIAL or 0.
 */
u32 pgtbl_page_is(struct vm_area_struct *vma, unsigned int level,
		  pteval_t entry)
{
	unsigned long pfn = pgtbl_pfn(level, entry);
	u32 is;

	if (pgtbl_special((unsigned long)entry)) {
		if (is_zero_pfn(pfn))
			return PGTBL_IS_ZERO;
		return PGTBL_IS_SPECIAL | PGTBL_IS_FILE;
	}
	if (level == PGTBL_PTE)
		return pte_page_is(pfn);
	if (vma->vm_flags & VM_PFNMAP)
		return PGTBL_IS_SPECIAL | PGTBL_IS_FILE;
	is = pte_page_is(pfn);
	/* Nothing but the huge zero page is mapped there without an owner. */
	if (is == PGTBL_IS_FILE && vma_is_anonymous(vma))
		return PGTBL_IS_ZERO;
	return is;
}

static u32 categories(struct mm_struct *mm, unsigned long addr,
		      const struct pgtbl_path *path)
{
	struct vm_area_struct *vma;
	pteval_t entry = path->entry[path->last];
	u32 is = path->last == PGTBL_PTE ? 0 : PGTBL_IS_HUGE;

	/* What a PTE maps is in a mapping, and tells all without it. */
	if (path->last == PGTBL_PTE && path->kind == PGTBL_KIND_LEAF)
		return pgtbl_leaf_is((unsigned long)entry) |
			pgtbl_page_is(NULL, PGTBL_PTE, entry);
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start > addr)
		return PGTBL_IS_UNMAPPED;
	switch (path->kind) {
	case PGTBL_KIND_LEAF:
		return is | pgtbl_leaf_is((unsigned long)entry) |
			pgtbl_page_is(vma, path->last, entry);
	case PGTBL_KIND_SWAP:
		return is | PGTBL_IS_SWAP;
	default:
		return 0;
	}
}

static void report(struct pgtbl_walk *walk, const struct pgtbl_path *path)
{
	unsigned long addr = walk->addr;
	unsigned int level;

	walk->levels = path->levels;
	walk->pfn = 0;
	walk->leaf = PGTBL_NO_LEVEL;
	if (path->kind == PGTBL_KIND_LEAF) {
		unsigned long inside = (1ul << pgtbl_shift(path->last)) - 1;

		walk->leaf = path->last;
		walk->pfn = pgtbl_pfn(path->last, path->entry[path->last]) +
			((addr & inside) >> PAGE_SHIFT);
	}
	for (level = 0; level < PGTBL_NR_LEVELS; level++) {
		struct pgtbl_walk_level *out = &walk->level[level];

		if (!(path->levels & BIT(level))) {
			*out = (struct pgtbl_walk_level){};
			continue;
		}
		out->entry = path->entry[level];
		out->table = path->table[level];
		out->index = pgtbl_index(level, addr);
		out->kind = level == path->last ? path->kind :
						  PGTBL_KIND_TABLE;
	}
}

/**
 * pgtbl_ioc_walk() - PGTBL_IOC_WALK
 * @file: the device
 * @arg: struct pgtbl_walk
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_walk(struct file *file, void *arg)
{
	struct pgtbl_walk *walk = arg;
	struct pgtbl_path path;
	struct mm_struct *mm;

	if (walk->flags || walk->addr >= PGTBL_USER_END)
		return -EINVAL;
	mm = pgtbl_mm_get(walk->pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	if (mmap_write_lock_killable(mm)) {
		mmput(mm);
		return -EINTR;
	}
	pgtbl_descend(mm, walk->addr, PGTBL_PTE, &path);
	walk->categories = categories(mm, walk->addr, &path);
	mmap_write_unlock(mm);
	mmput(mm);
	report(walk, &path);
	return 0;
}
