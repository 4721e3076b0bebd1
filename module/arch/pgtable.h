/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between architectures about page tables: the meaning of an
 * entry's bits, which levels exist, and how cached translations are dropped.
 *
 * Entries are looked at as plain numbers, so that one walker serves machines
 * with two, three and four levels. Every level of an architecture has entries
 * of the same width here: that of pteval_t.
 */
#ifndef _PF_ARCH_PGTABLE_H
#define _PF_ARCH_PGTABLE_H

#include <linux/mm.h>
#include <linux/pgtable.h>
#include "uapi/pgtbl.h"

struct mm_struct;

#if defined(CONFIG_X86)
#include "pgtable_x86.h"
#elif defined(CONFIG_ARM64)
#include "pgtable_arm64.h"
#else
#error "page tables of this architecture are not known"
#endif

/* The table of names and the rules that INFO hands out. */
extern const struct pgtbl_flag pgtbl_flags[];
extern const unsigned int pgtbl_nr_flags;
extern const struct pgtbl_rule pgtbl_rules[];
extern const unsigned int pgtbl_nr_rules;

/**
 * pgtbl_arch_flush() - drop translations of an address space on every CPU
 * @mm: whose
 * @vma: a mapping of @mm that contains the range, or NULL if there is none
 * @start: first address
 * @end: first address behind the range
 *
 * Entries were changed before the call; when it returns, no CPU uses the old
 * ones any more. Context: interrupts on; no lock that an interrupt takes.
 */
void pgtbl_arch_flush(struct mm_struct *mm, struct vm_area_struct *vma,
		      unsigned long start, unsigned long end);

/**
 * pgtbl_arch_supported() - can this boot's page tables be described?
 *
 * Return: NULL, or what is in the way.
 */
const char *pgtbl_arch_supported(void);

/**
 * pgtbl_read() - read an entry while the kernel may be changing it
 * @ptr: the entry
 *
 * A 64-bit entry takes a 32-bit CPU two loads. The kernel writes the low word
 * last when it makes an entry present and first when it takes it away
 * (native_set_pte() and native_pte_clear() in pgtable-3level.h), so equal low
 * words around the high one mean that they belong together, as in
 * ptep_get_lockless().
 */
static inline pteval_t pgtbl_read(const void *ptr)
{
#if defined(CONFIG_64BIT) || !defined(CONFIG_X86_PAE)
	return READ_ONCE(*(const pteval_t *)ptr);
#else
	const u32 *word = ptr;
	u32 low, high;

	do {
		low = READ_ONCE(word[0]);
		smp_rmb(); /* pairs with native_set_pte(): high, then low */
		high = READ_ONCE(word[1]);
		smp_rmb(); /* pairs with native_pte_clear(): low, then high */
	} while (unlikely(low != READ_ONCE(word[0])));
	return (pteval_t)high << 32 | low;
#endif
}

/* pgtbl_low() - as much of an entry as can be read at once; has all flags */
static inline unsigned long pgtbl_low(const void *ptr)
{
	return READ_ONCE(*(const unsigned long *)ptr);
}

#endif /* _PF_ARCH_PGTABLE_H */
