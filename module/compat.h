/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernel versions, and nothing else: the code is written
 * for the newest, and older ones get here what they lack. Known good: 6.1, 6.12.
 */
#ifndef _PF_COMPAT_H
#define _PF_COMPAT_H

#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

#ifndef VMA_ITERATOR
#error "pfstat needs Linux 6.1 or later (the VMA iterator)"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}

#define zap_page_range_single(vma, address, size, details) \
	zap_page_range(vma, address, size)
#endif

/* Faults under the lock of their VMA alone, that mmap_lock doesn't keep out. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline void vma_start_write(struct vm_area_struct *vma)
{
}
#endif

/* Of a private mapping: no shadow stack of x86. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define pte_mkwrite_novma(pte)	pte_mkwrite(pte)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define pmdp_get_lockless(pmdp)	pmd_read_atomic(pmdp)
#endif

/* What pf_pte_lock() does; to sparse it leaves the lock as it was. */
static inline pte_t *__pf_pte_lock(struct mm_struct *mm, pmd_t *pmd,
				   unsigned long addr, spinlock_t **ptlp)
{
	pte_t *pte;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)

	pte = pte_offset_map_lock(mm, pmd, addr, ptlp);
	__release(*ptlp);
	return pte;
#else
	pmd_t now;

	for (;;) {
		rcu_read_lock();
		now = pmdp_get_lockless(pmd);
		if (pmd_none(now) || pmd_leaf(now) || pmd_bad(now)) {
			rcu_read_unlock();
			return NULL;
		}
		pte = __pte_map(&now, addr);
		*ptlp = pte_lockptr(mm, &now);
		spin_lock(*ptlp);
		if (likely(pmd_same(now, pmdp_get_lockless(pmd)))) {
			__release(*ptlp);
			__release(RCU);
			return pte;
		}
		pte_unmap_unlock(pte, *ptlp);
	}
#endif
}

/**
 * pf_pte_lock() - map and lock the PTE table that an entry points to
 * @mm: whose
 * @pmd: the entry, which was one for a table a moment ago
 * @addr: an address in it
 * @ptlp: out: the table's lock
 *
 * From 6.5 on khugepaged may take the table away without mmap_lock: the table
 * is freed after an RCU grace period, and its lock tells whether it is still in
 * its place. The kernel's own function, __pte_offset_map_lock(), is not exported.
 *
 * Context: @mm's mmap_lock is held.
 *
 * Return: the entry of @addr, for pte_unmap_unlock(), or NULL: no table.
 */
static inline pte_t *pf_pte_lock(struct mm_struct *mm, pmd_t *pmd,
				 unsigned long addr, spinlock_t **ptlp)
{
	pte_t *pte;

	__cond_lock(*ptlp, pte = __pf_pte_lock(mm, pmd, addr, ptlp));
	return pte;
}

/*
 * What do_wp_page() calls for a page that stays with its last sharer. It is
 * never of a large folio, so a folio's address is its page's.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define PF_MOVE_ANON_RMAP	"page_move_anon_rmap"
#else
#define PF_MOVE_ANON_RMAP	"folio_move_anon_rmap"
#endif

/*
 * A reference to a file that a pointer under RCU leads to, or NULL. From 6.7 on
 * the memory of a file is the next file's at once: a grace period keeps it a
 * struct file, but not that file, so others than its owner must hold it.
 */
static inline struct file *pf_get_file_rcu(struct file __rcu **from)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	struct file *file = rcu_dereference(*from);

	return file && get_file_rcu(file) ? file : NULL;
#else
	return get_file_rcu(from);
#endif
}

/* ---- tracing -------------------------------------------------------------- */

/* In some 6.12 too, but always a macro. */
#ifndef arch_ftrace_regs
#define arch_ftrace_regs(fregs)		(fregs)
#endif

/*
 * The graph tracer comes after kprobes but on x86-64, where it is a callback like
 * ours; and from 6.10 on what it keeps of calls is for the kernel alone.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0) && \
	defined(CONFIG_FUNCTION_GRAPH_TRACER) && defined(CONFIG_X86_64)
#define PF_GRAPH_STACK
#endif

#endif /* _PF_COMPAT_H */
