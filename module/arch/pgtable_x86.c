// SPDX-License-Identifier: GPL-2.0
/*
 * x86 page tables: names of the bits, rules to tell entries apart, flush.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/smp.h>

#include "pgtable.h"

#define NAMED(_mask, _value, _name, _levels, _kinds, _attrs) {	\
	.mask = (_mask),					\
	.value = (_value),					\
	.name = _name,						\
	.levels = (_levels),					\
	.kinds = (_kinds),					\
	.attrs = (_attrs),					\
}

#define ANY	PGTBL_LEVELS
#define UPPER	(PGTBL_LEVELS & ~BIT(PGTBL_PTE))
#define LEAF	BIT(PGTBL_KIND_LEAF)
#define MAPS	(BIT(PGTBL_KIND_LEAF) | BIT(PGTBL_KIND_TABLE))
#define EDIT	(PGTBL_FLAG_EDIT_SET | PGTBL_FLAG_EDIT_CLEAR)

const struct pgtbl_flag pgtbl_flags[] = {
	NAMED(_PAGE_PRESENT, _PAGE_PRESENT, "present", ANY, MAPS, 0),
	NAMED(_PAGE_RW, _PAGE_RW, "write", ANY, MAPS, PGTBL_FLAG_EDIT_CLEAR),
	NAMED(_PAGE_USER, _PAGE_USER, "user", ANY, MAPS, 0),
	NAMED(_PAGE_ACCESSED, _PAGE_ACCESSED, "accessed", ANY, MAPS, EDIT),
	NAMED(_PAGE_DIRTY, _PAGE_DIRTY, "dirty", ANY, LEAF, EDIT),
	NAMED(_PAGE_PSE, _PAGE_PSE, "huge", PGTBL_HUGE, LEAF, 0),
	NAMED(_PAGE_PWT, _PAGE_PWT, "write-through", ANY, MAPS, 0),
	NAMED(_PAGE_PCD, _PAGE_PCD, "uncached", ANY, MAPS, 0),
	NAMED(_PAGE_PAT, _PAGE_PAT, "pat", BIT(PGTBL_PTE), LEAF, 0),
	NAMED(_PAGE_PAT_LARGE, _PAGE_PAT_LARGE, "pat", PGTBL_HUGE, LEAF, 0),
	NAMED(_PAGE_PRESENT | _PAGE_PROTNONE, _PAGE_PROTNONE, "prot-none",
	      ANY, LEAF, 0),
	NAMED(_PAGE_PRESENT | _PAGE_GLOBAL, _PAGE_PRESENT | _PAGE_GLOBAL,
	      "global", ANY, LEAF, 0),
	NAMED(_PAGE_SPECIAL, _PAGE_SPECIAL, "special", ANY, LEAF, 0),
#ifdef CONFIG_HAVE_ARCH_USERFAULTFD_WP
	NAMED(_PAGE_UFFD_WP, _PAGE_UFFD_WP, "uffd-wp", ANY, LEAF, 0),
#endif
#ifdef CONFIG_MEM_SOFT_DIRTY
	NAMED(_PAGE_SOFT_DIRTY, _PAGE_SOFT_DIRTY, "soft-dirty", ANY, LEAF,
	      EDIT),
#endif
#if defined(CONFIG_X86_64) || defined(CONFIG_X86_PAE)
	NAMED(_PAGE_NX, _PAGE_NX, "no-exec", ANY, MAPS, 0),
#endif
#ifdef CONFIG_X86_64
	NAMED(_PAGE_DEVMAP, _PAGE_DEVMAP, "devmap", ANY, LEAF, 0),
#endif
};

const unsigned int pgtbl_nr_flags = ARRAY_SIZE(pgtbl_flags);

#define RULE(_mask, _value, _pfn, _xor, _levels, _kind) {	\
	.mask = (_mask),					\
	.value = (_value),					\
	.pfn_mask = (_pfn),					\
	.pfn_xor = (_xor),					\
	.levels = (_levels),					\
	.kind = (_kind),					\
}

/* Frames of entries that describe 1 << _shift bytes. */
#define FRAME(_shift)	GENMASK_ULL(__PHYSICAL_MASK_SHIFT - 1, _shift)

/* Only PAE and 64-bit kernels store the frame of PROT_NONE inverted. */
#if defined(CONFIG_X86_64) || defined(CONFIG_X86_PAE)
#define INVERTED(_shift)	FRAME(_shift)
#else
#define INVERTED(_shift)	0
#endif

#define NONE_MASK	((u64)~(pteval_t)_PAGE_KNL_ERRATUM_MASK)
#define HUGE_BITS	(_PAGE_PRESENT | _PAGE_PSE)
#define HUGE_SMALL	(PGTBL_HUGE & ~BIT(PGTBL_PUD))

/* Says the same as pgtbl_kind() and pgtbl_pfn(). */
const struct pgtbl_rule pgtbl_rules[] = {
	RULE(NONE_MASK, 0, 0, 0, ANY, PGTBL_KIND_NONE),
	RULE(_PAGE_PRESENT, _PAGE_PRESENT, FRAME(PAGE_SHIFT), 0,
	     BIT(PGTBL_PTE), PGTBL_KIND_LEAF),
	RULE(_PAGE_PROTNONE, _PAGE_PROTNONE, FRAME(PAGE_SHIFT),
	     INVERTED(PAGE_SHIFT), BIT(PGTBL_PTE), PGTBL_KIND_LEAF),
#ifdef CONFIG_X86_64
	RULE(HUGE_BITS, HUGE_BITS, FRAME(PUD_SHIFT), 0, BIT(PGTBL_PUD),
	     PGTBL_KIND_LEAF),
	RULE(_PAGE_PSE, _PAGE_PSE, FRAME(PUD_SHIFT), INVERTED(PUD_SHIFT),
	     BIT(PGTBL_PUD), PGTBL_KIND_LEAF),
#endif
	RULE(HUGE_BITS, HUGE_BITS, FRAME(PMD_SHIFT), 0, HUGE_SMALL,
	     PGTBL_KIND_LEAF),
	RULE(_PAGE_PSE, _PAGE_PSE, FRAME(PMD_SHIFT), INVERTED(PMD_SHIFT),
	     HUGE_SMALL, PGTBL_KIND_LEAF),
	RULE(_PAGE_PRESENT, _PAGE_PRESENT, FRAME(PAGE_SHIFT), 0, UPPER,
	     PGTBL_KIND_TABLE),
	RULE(0, 0, 0, 0, ANY, PGTBL_KIND_SWAP),
};

const unsigned int pgtbl_nr_rules = ARRAY_SIZE(pgtbl_rules);

static void flush_this_cpu(void *unused)
{
	__flush_tlb_all();
}

/*
 * flush_tlb_mm_range() is not exported. __flush_tlb_all() is, and drops all
 * that a CPU has cached, whichever address space and PCID it belongs to; so
 * CPUs that lazily keep the address space around need no special care.
 */
void pgtbl_arch_flush(struct mm_struct *mm, struct vm_area_struct *vma,
		      unsigned long start, unsigned long end)
{
	on_each_cpu(flush_this_cpu, NULL, 1);
}

const char *pgtbl_arch_supported(void)
{
#ifdef CONFIG_X86_64
	if (pgtable_l5_enabled())
		return "five-level paging (boot with no5lvl)";
#endif
	return NULL;
}
