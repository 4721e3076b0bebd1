/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86: two levels (686), three (PAE) or four (x86-64). Five-level paging is
 * turned down at load time.
 */
#ifndef _PF_ARCH_PGTABLE_X86_H
#define _PF_ARCH_PGTABLE_X86_H

#include <asm/tlbflush.h>

#if defined(CONFIG_X86_64)
#define PGTBL_LEVELS	(BIT(PGTBL_PGD) | BIT(PGTBL_PUD) | BIT(PGTBL_PMD) | \
			 BIT(PGTBL_PTE))
#define PGTBL_HUGE	(BIT(PGTBL_PUD) | BIT(PGTBL_PMD))
#define PGTBL_TOP_SHIFT	39
#define PGTBL_TOP_ENTRIES 512
#elif defined(CONFIG_X86_PAE)
#define PGTBL_LEVELS	(BIT(PGTBL_PGD) | BIT(PGTBL_PMD) | BIT(PGTBL_PTE))
#define PGTBL_HUGE	BIT(PGTBL_PMD)
#define PGTBL_TOP_SHIFT	30
#define PGTBL_TOP_ENTRIES 4
#else
#define PGTBL_LEVELS	(BIT(PGTBL_PGD) | BIT(PGTBL_PTE))
#define PGTBL_HUGE	BIT(PGTBL_PGD)
#define PGTBL_TOP_SHIFT	22
#define PGTBL_TOP_ENTRIES 1024
#endif

/* First address behind user space, of the largest process. */
#define PGTBL_USER_END	((u64)TASK_SIZE_MAX)

#define PGTBL_PFN_MASK	((pteval_t)PTE_PFN_MASK)
#define PGTBL_PRESENT	(_PAGE_PRESENT | _PAGE_PROTNONE)
#define PGTBL_VALID	_PAGE_PRESENT

/* The bits of an entry that decide its categories; all in the low word. */
#define PGTBL_KEY_PRESENT	PGTBL_PRESENT
#define PGTBL_KEY_WRITABLE	_PAGE_RW
#define PGTBL_KEY_ACCESSED	_PAGE_ACCESSED
#define PGTBL_KEY_DIRTY		_PAGE_DIRTY
#define PGTBL_KEY_SPECIAL	_PAGE_SPECIAL
#ifdef CONFIG_MEM_SOFT_DIRTY
#define PGTBL_KEY_SOFT_DIRTY	_PAGE_SOFT_DIRTY
#else
#define PGTBL_KEY_SOFT_DIRTY	0
#endif

/* As pte_none() and its like: an erratum sets A and D in empty entries. */
static inline bool pgtbl_none(pteval_t entry)
{
	return !(entry & ~(pteval_t)_PAGE_KNL_ERRATUM_MASK);
}

static inline enum pgtbl_kind pgtbl_kind(unsigned int level, pteval_t entry)
{
	if (pgtbl_none(entry))
		return PGTBL_KIND_NONE;
	if (level == PGTBL_PTE)
		return entry & PGTBL_PRESENT ? PGTBL_KIND_LEAF :
					       PGTBL_KIND_SWAP;
	/* pmd_present(): PSE stays while a huge page is being split. */
	if ((BIT(level) & PGTBL_HUGE) && (entry & _PAGE_PSE))
		return PGTBL_KIND_LEAF;
	return entry & _PAGE_PRESENT ? PGTBL_KIND_TABLE : PGTBL_KIND_SWAP;
}

/* pgtbl_leaf_mask() - where the frame of a leaf is; huge pages have PAT in 12 */
static inline pteval_t pgtbl_leaf_mask(unsigned int level)
{
	if (level == PGTBL_PTE)
		return PTE_PFN_MASK;
	if (level == PGTBL_PUD)
		return PHYSICAL_PUD_PAGE_MASK;
	return PHYSICAL_PMD_PAGE_MASK;
}

/* pgtbl_pfn() - the frame in a table or leaf entry */
static inline unsigned long pgtbl_pfn(unsigned int level, pteval_t entry)
{
	pteval_t mask = PGTBL_PFN_MASK;

	/* protnone_mask(): without P the frame is stored inverted (L1TF). */
	entry ^= (pteval_t)protnone_mask(entry);
	if (pgtbl_kind(level, entry) == PGTBL_KIND_LEAF)
		mask = pgtbl_leaf_mask(level);
	return (entry & mask) >> PAGE_SHIFT;
}

static inline bool pgtbl_special(unsigned long low)
{
	return low & _PAGE_SPECIAL;
}

/* pgtbl_leaf_is() - categories that a present entry's low word tells */
static inline u32 pgtbl_leaf_is(unsigned long low)
{
	u32 is = PGTBL_IS_PRESENT;

	if (low & _PAGE_RW)
		is |= PGTBL_IS_WRITABLE;
	if (low & _PAGE_ACCESSED)
		is |= PGTBL_IS_ACCESSED;
	if (low & _PAGE_DIRTY)
		is |= PGTBL_IS_DIRTY;
	if (low & PGTBL_KEY_SOFT_DIRTY)
		is |= PGTBL_IS_SOFT_DIRTY;
	if (!(low & _PAGE_PRESENT) && (low & _PAGE_PROTNONE))
		is |= PGTBL_IS_PROT_NONE;
	return is;
}

/*
 * Without PTI, a PAE top-level table is a 32-byte slab object (_pgd_alloc() in
 * arch/x86/mm/pgtable.c) that shares its page with those of other processes.
 */
static inline bool pgtbl_pgd_needs_copy(const struct mm_struct *mm)
{
	return IS_ENABLED(CONFIG_X86_PAE) &&
	       (PageSlab(virt_to_page(mm->pgd)) || offset_in_page(mm->pgd));
}

#define PGTBL_DIRTY_BITS	_PAGE_DIRTY

/*
 * pgtbl_harmless() - a change of flags that costs nobody anything
 *
 * The frame is the same. The kernel copes with bits that the CPU sets, and
 * gives the right to write back when it is asked for.
 */
static inline bool pgtbl_harmless(pteval_t old, pteval_t new)
{
	pteval_t free = _PAGE_ACCESSED | _PAGE_DIRTY | PGTBL_KEY_SOFT_DIRTY;

	if ((old & _PAGE_RW) && !(new & _PAGE_RW))
		free |= _PAGE_RW;
	return !((old ^ new) & ~free);
}

static inline bool pgtbl_lets_write(pteval_t entry)
{
	return entry & _PAGE_RW;
}

/* pgtbl_cmpxchg() - false: the entry is not @old (any more) */
static inline bool pgtbl_cmpxchg(pte_t *ptep, pteval_t old, pteval_t new)
{
#ifdef CONFIG_X86_PAE
	return cmpxchg64(&ptep->pte, old, new) == old;
#else
	return cmpxchg(&ptep->pte, old, new) == old;
#endif
}

/* Its upper part describes the kernel, so it is never writable. */
#define PGTBL_PGD_HAS_KERNEL	1

#endif /* _PF_ARCH_PGTABLE_X86_H */
