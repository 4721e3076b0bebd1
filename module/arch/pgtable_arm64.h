/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arm64: 4 KiB pages, 48-bit addresses, four levels. User tables hold no
 * kernel entries.
 */
#ifndef _PF_ARCH_PGTABLE_ARM64_H
#define _PF_ARCH_PGTABLE_ARM64_H

#include <asm/tlbflush.h>

#if CONFIG_PGTABLE_LEVELS != 4 || PAGE_SHIFT != 12
#error "only 4 KiB pages with 48-bit addresses are known"
#endif

#define PGTBL_LEVELS	(BIT(PGTBL_PGD) | BIT(PGTBL_PUD) | BIT(PGTBL_PMD) | \
			 BIT(PGTBL_PTE))
#define PGTBL_HUGE	(BIT(PGTBL_PUD) | BIT(PGTBL_PMD))
#define PGTBL_TOP_SHIFT	PGDIR_SHIFT
#define PGTBL_TOP_ENTRIES PTRS_PER_PGD

#define PGTBL_USER_END	((u64)TASK_SIZE_64)

#define PGTBL_PFN_MASK	((pteval_t)PTE_ADDR_MASK)
#define PGTBL_PRESENT	(PTE_VALID | PTE_PROT_NONE)
#define PGTBL_VALID	PTE_VALID

/* The bits of an entry that decide its categories. */
#define PGTBL_KEY_PRESENT	PGTBL_PRESENT
#define PGTBL_KEY_WRITABLE	PTE_WRITE
#define PGTBL_KEY_ACCESSED	PTE_AF
#define PGTBL_KEY_DIRTY		(PTE_DIRTY | PTE_WRITE | PTE_RDONLY)
#define PGTBL_KEY_SPECIAL	PTE_SPECIAL
#define PGTBL_KEY_SOFT_DIRTY	0

static inline bool pgtbl_none(pteval_t entry)
{
	return !entry;
}

static inline enum pgtbl_kind pgtbl_kind(unsigned int level, pteval_t entry)
{
	if (!entry)
		return PGTBL_KIND_NONE;
	if (level == PGTBL_PTE)
		return entry & PGTBL_PRESENT ? PGTBL_KIND_LEAF :
					       PGTBL_KIND_SWAP;
	if ((entry & PMD_TYPE_MASK) == PMD_TYPE_TABLE)
		return PGTBL_KIND_TABLE;
	/* pmd_present(): also invalid for a moment, while it is split. */
	return entry & (PGTBL_PRESENT | PMD_PRESENT_INVALID) ?
		PGTBL_KIND_LEAF : PGTBL_KIND_SWAP;
}

static inline unsigned long pgtbl_pfn(unsigned int level, pteval_t entry)
{
	return (entry & PGTBL_PFN_MASK) >> PAGE_SHIFT;
}

static inline bool pgtbl_special(unsigned long low)
{
	return low & PTE_SPECIAL;
}

/* pgtbl_leaf_is() - categories that a present entry tells */
static inline u32 pgtbl_leaf_is(unsigned long low)
{
	pte_t pte = __pte(low);
	u32 is = PGTBL_IS_PRESENT;

	if (pte_write(pte))
		is |= PGTBL_IS_WRITABLE;
	if (pte_young(pte))
		is |= PGTBL_IS_ACCESSED;
	if (pte_dirty(pte))
		is |= PGTBL_IS_DIRTY;
	if (!pte_valid(pte) && (low & PTE_PROT_NONE))
		is |= PGTBL_IS_PROT_NONE;
	return is;
}

/* pte_dirty() is PTE_DIRTY, or PTE_WRITE without PTE_RDONLY. */
#define PGTBL_DIRTY_BITS	(PTE_DIRTY | PTE_RDONLY)

/* pgtbl_lets_write() - hardware may: PTE_RDONLY is what it obeys */
static inline bool pgtbl_lets_write(pteval_t entry)
{
	return !(entry & PTE_RDONLY) || (entry & PTE_WRITE);
}

/*
 * pgtbl_harmless() - a change of flags that costs nobody anything
 *
 * The frame is the same. The kernel copes with bits that the CPU sets, and
 * gives the right to write back when it is asked for. What hardware may write
 * to must be writable for the kernel too, then and now.
 */
static inline bool pgtbl_harmless(pteval_t old, pteval_t new)
{
	pteval_t free = PTE_AF | PTE_DIRTY | PTE_RDONLY;

	if (old & PTE_WRITE)
		free |= PTE_WRITE;
	if (!(new & PTE_RDONLY) && !(new & PTE_WRITE))
		return false;
	return !((old ^ new) & ~free);
}

/* pgtbl_cmpxchg() - false: the entry is not @old (any more) */
static inline bool pgtbl_cmpxchg(pte_t *ptep, pteval_t old, pteval_t new)
{
	return cmpxchg(&pte_val(*ptep), old, new) == old;
}

static inline bool pgtbl_pgd_needs_copy(const struct mm_struct *mm)
{
	return PageSlab(virt_to_page(mm->pgd)) || offset_in_page(mm->pgd);
}

#define PGTBL_PGD_HAS_KERNEL	0

#endif /* _PF_ARCH_PGTABLE_ARM64_H */
