// SPDX-License-Identifier: GPL-2.0
/*
 * arm64 page tables: names of the bits, rules to tell entries apart, flush.
 */
#include <linux/bits.h>
#include <linux/kernel.h>

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
#define LEAVES	(BIT(PGTBL_PTE) | PGTBL_HUGE)
#define PTE	BIT(PGTBL_PTE)
#define UPPER	(PGTBL_LEVELS & ~PTE)
#define LEAF	BIT(PGTBL_KIND_LEAF)
#define TABLE	BIT(PGTBL_KIND_TABLE)
#define EDIT	(PGTBL_FLAG_EDIT_SET | PGTBL_FLAG_EDIT_CLEAR)

const struct pgtbl_flag pgtbl_flags[] = {
	NAMED(PTE_VALID, PTE_VALID, "present", ANY, LEAF | TABLE, 0),
	NAMED(PTE_WRITE, PTE_WRITE, "write", LEAVES, LEAF, PGTBL_FLAG_EDIT_CLEAR),
	NAMED(PTE_USER, PTE_USER, "user", LEAVES, LEAF, 0),
	NAMED(PTE_AF, PTE_AF, "accessed", LEAVES, LEAF, EDIT),
	/* pte_dirty(): by the kernel's bit, or writable and not read-only. */
	NAMED(PTE_DIRTY, PTE_DIRTY, "dirty", LEAVES, LEAF, EDIT),
	NAMED(PTE_WRITE | PTE_RDONLY, PTE_WRITE, "dirty", LEAVES, LEAF, EDIT),
	NAMED(PTE_RDONLY, PTE_RDONLY, "read-only", LEAVES, LEAF, EDIT),
	NAMED(PTE_TYPE_MASK, PMD_TYPE_SECT, "huge", PGTBL_HUGE, LEAF, 0),
	NAMED(PTE_CONT, PTE_CONT, "contiguous", LEAVES, LEAF, 0),
	NAMED(PTE_NG, PTE_NG, "not-global", LEAVES, LEAF, 0),
	NAMED(PTE_SHARED, PTE_SHARED, "inner-shareable", LEAVES, LEAF, 0),
	NAMED(PTE_ATTRINDX_MASK, PTE_ATTRINDX(MT_NORMAL_TAGGED), "tagged",
	      LEAVES, LEAF, 0),
	NAMED(PTE_ATTRINDX_MASK, PTE_ATTRINDX(MT_NORMAL_NC), "uncached",
	      LEAVES, LEAF, 0),
	NAMED(PTE_GP, PTE_GP, "guarded", LEAVES, LEAF, 0),
	NAMED(PTE_PXN, PTE_PXN, "kernel-no-exec", LEAVES, LEAF, 0),
	NAMED(PTE_UXN, PTE_UXN, "no-exec", LEAVES, LEAF, 0),
	NAMED(PTE_SPECIAL, PTE_SPECIAL, "special", LEAVES, LEAF, 0),
	NAMED(PTE_DEVMAP, PTE_DEVMAP, "devmap", LEAVES, LEAF, 0),
	NAMED(PTE_VALID | PTE_PROT_NONE, PTE_PROT_NONE, "prot-none", LEAVES,
	      LEAF, 0),
	NAMED(PTE_VALID | PMD_PRESENT_INVALID, PMD_PRESENT_INVALID,
	      "being-split", PGTBL_HUGE, LEAF, 0),
	NAMED(PMD_TABLE_PXN, PMD_TABLE_PXN, "kernel-no-exec", UPPER, TABLE, 0),
	NAMED(PMD_TABLE_UXN, PMD_TABLE_UXN, "no-exec", UPPER, TABLE, 0),
};

const unsigned int pgtbl_nr_flags = ARRAY_SIZE(pgtbl_flags);

#define RULE(_mask, _value, _pfn, _levels, _kind) {		\
	.mask = (_mask),					\
	.value = (_value),					\
	.pfn_mask = (_pfn),					\
	.levels = (_levels),					\
	.kind = PGTBL_KIND_##_kind,				\
}

/* Says the same as pgtbl_kind() and pgtbl_pfn(). */
const struct pgtbl_rule pgtbl_rules[] = {
	RULE(~0ull, 0, 0, ANY, NONE),
	RULE(PTE_VALID, PTE_VALID, PTE_ADDR_MASK, PTE, LEAF),
	RULE(PTE_PROT_NONE, PTE_PROT_NONE, PTE_ADDR_MASK, PTE, LEAF),
	RULE(PMD_TYPE_MASK, PMD_TYPE_TABLE, PTE_ADDR_MASK, UPPER, TABLE),
	RULE(PTE_VALID, PTE_VALID, PTE_ADDR_MASK, UPPER, LEAF),
	RULE(PTE_PROT_NONE, PTE_PROT_NONE, PTE_ADDR_MASK, UPPER, LEAF),
	RULE(PMD_PRESENT_INVALID, PMD_PRESENT_INVALID, PTE_ADDR_MASK, UPPER,
	     LEAF),
	RULE(0, 0, 0, ANY, SWAP),
};

const unsigned int pgtbl_nr_rules = ARRAY_SIZE(pgtbl_rules);

/* The instructions reach every CPU; nothing needs to be interrupted. */
void pgtbl_arch_flush(struct mm_struct *mm, struct vm_area_struct *vma,
		      unsigned long start, unsigned long end)
{
	if (vma)
		flush_tlb_range(vma, start, end);
	else
		flush_tlb_mm(mm);
}

const char *pgtbl_arch_supported(void)
{
	return NULL;
}
