// SPDX-License-Identifier: GPL-2.0
/*
 * SCAN: what is mapped in a range, as extents of equal categories.
 *
 * Runs of entries that agree in the bits asked for are counted in a loop that
 * does nothing else. The page itself is looked at only where its mapping
 * doesn't tell what it is (private file mappings, the zero page).
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "pgtbl.h"

/* Page tables per hold of the lock: 32K pages, or 32K holes. */
#define BATCH		64
/* Extents that wait to be copied out, which needs the lock dropped. */
#define EXTENTS		(PAGE_SIZE / sizeof(struct pgtbl_extent))

#define IS_OF_PAGE	(PGTBL_IS_FILE | PGTBL_IS_ZERO | PGTBL_IS_SPECIAL)

/**
 * struct scan - a scan under way
 * @args: what was asked for
 * @mm: whose
 * @pos: all below is done
 * @end: where to stop
 * @watch: categories that matter
 * @key: bits of an entry that they depend on
 * @extents: extents to be copied out
 * @filled: how many
 * @copied: how many were copied out before them
 * @last: the extent that may still grow
 * @have_last: there is one
 * @full: no room for another extent
 * @pages: base pages in all of them
 */
struct scan {
	const struct pgtbl_scan *args;
	struct mm_struct *mm;
	unsigned long pos;
	unsigned long end;
	u32 watch;
	unsigned long key;
	struct pgtbl_extent *extents;
	unsigned int filled;
	unsigned int copied;
	struct pgtbl_extent last;
	bool have_last;
	bool full;
	u64 pages;
};

/* put_extent() - false: there is no room for it, the scan has to stop at it */
static bool put_extent(struct scan *scan, unsigned long start,
		       unsigned long end, u32 is)
{
	const struct pgtbl_scan *args = scan->args;
	u32 report = is & args->report;

	if ((is & args->mask) != args->value)
		return true;
	if (scan->have_last && scan->last.end == start &&
	    scan->last.categories == report) {
		scan->last.end = end;
	} else {
		if (scan->have_last) {
			if (scan->copied + scan->filled + 1 >= args->count)
				scan->full = true;
			if (scan->full || scan->filled == EXTENTS)
				return false;
			scan->extents[scan->filled++] = scan->last;
		}
		scan->last = (struct pgtbl_extent){
			.start = start,
			.end = end,
			.categories = report,
		};
		scan->have_last = true;
	}
	scan->pages += (end - start) >> PAGE_SHIFT;
	return true;
}

static u32 entry_is(const struct scan *scan, struct vm_area_struct *vma,
		    unsigned int level, pteval_t entry)
{
	switch (pgtbl_kind(level, entry)) {
	case PGTBL_KIND_LEAF:
		break;
	case PGTBL_KIND_SWAP:
		return PGTBL_IS_SWAP;
	default:
		return 0;
	}
	if (!(scan->watch & IS_OF_PAGE))
		return pgtbl_leaf_is((unsigned long)entry);
	return pgtbl_leaf_is((unsigned long)entry) |
		pgtbl_page_is(vma, level, entry);
}

/* usual_page_is() - what all pages but special ones are; ~0 if they differ */
static u32 usual_page_is(const struct scan *scan, struct vm_area_struct *vma)
{
	if (!(scan->watch & IS_OF_PAGE))
		return 0;
	if (vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
		return ~0u;
	if (vma_is_anonymous(vma))
		return 0;
	return vma->vm_flags & VM_SHARED ? PGTBL_IS_FILE : ~0u;
}

/* is_empty() - all bits are 0; a half of them that is not is enough to say no */
static bool is_empty(const pteval_t *entry)
{
	return !READ_ONCE(*entry);
}

/*
 * scan_entries() - a part of a PTE table
 *
 * Context: mmap_lock held for reading. That does, unlike in pgtbl_descend():
 * the range is inside a VMA found under this lock, and tables go only with the
 * VMAs that they serve, or with the lock held for writing (khugepaged).
 */
static unsigned long scan_entries(struct scan *scan,
				  struct vm_area_struct *vma, const pteval_t *table,
				  unsigned long addr, unsigned long end)
{
	unsigned int i = pgtbl_index(PGTBL_PTE, addr);
	unsigned int last = i + ((end - addr) >> PAGE_SHIFT);
	u32 usual = usual_page_is(scan, vma);
	unsigned long key = scan->key;

	while (i < last) {
		unsigned int first = i;
		unsigned long low = pgtbl_low(table + i);
		unsigned long next;
		u32 is;

		if (is_empty(table + i)) {
			do {
				i++;
			} while (i < last && is_empty(table + i));
			is = 0;
		} else if ((low & PGTBL_PRESENT) && usual != ~0u &&
			   !pgtbl_special(low)) {
			unsigned long same = low & key;

			do {
				i++;
			} while (i < last &&
				 (pgtbl_low(table + i) & key) == same);
			is = pgtbl_leaf_is(low) | usual;
		} else {
			is = entry_is(scan, vma, PGTBL_PTE,
				      pgtbl_read(table + i));
			i++;
		}
		next = addr + ((unsigned long)(i - first) << PAGE_SHIFT);
		if (!put_extent(scan, addr, next, is))
			break;
		addr = next;
	}
	return addr;
}

/* scan_step() - up to the end of a table or of an upper entry */
static unsigned long scan_step(struct scan *scan, struct vm_area_struct *vma,
			       unsigned long addr, unsigned long end)
{
	const unsigned int above_pte = PGTBL_LEVELS & BIT(PGTBL_PMD) ?
		PGTBL_PMD : PGTBL_PGD;
	struct pgtbl_path path;
	unsigned long size;
	pteval_t entry;
	const void *table;
	u32 is;

	/* From 6.5 on khugepaged frees tables of files without mmap_lock. */
	rcu_read_lock();
	pgtbl_descend(scan->mm, addr, above_pte, &path);
	size = 1ul << pgtbl_shift(path.last);
	end = min(end - 1, addr | (size - 1)) + 1;
	entry = path.entry[path.last];

	if (path.kind != PGTBL_KIND_TABLE) {
		is = entry_is(scan, vma, path.last, entry);
		if (path.kind == PGTBL_KIND_LEAF)
			is |= PGTBL_IS_HUGE;
		if (put_extent(scan, addr, end, is))
			addr = end;
		goto unlock;
	}
	table = kmap_local_page(pfn_to_page(pgtbl_pfn(path.last, entry)));
	addr = scan_entries(scan, vma, table, addr, end);
	kunmap_local(table);
unlock:
	rcu_read_unlock();
	return addr;
}

/* scan_batch() - as much as may be done under one hold of the lock */
static void scan_batch(struct scan *scan)
{
	VMA_ITERATOR(vmi, scan->mm, scan->pos);
	unsigned int steps = BATCH;
	struct vm_area_struct *vma;

	while (scan->pos < scan->end) {
		unsigned long end;

		vma = vma_next(&vmi);
		if (!vma || vma->vm_start > scan->pos) {
			end = vma ? min(scan->end, vma->vm_start) : scan->end;
			if (!put_extent(scan, scan->pos, end,
					PGTBL_IS_UNMAPPED))
				return;
			scan->pos = end;
			if (!vma)
				return;
		}
		end = min(scan->end, vma->vm_end);
		while (scan->pos < end) {
			unsigned long next = scan_step(scan, vma, scan->pos,
						       end);

			if (next == scan->pos)
				return;
			scan->pos = next;
			if (scan->full || scan->filled == EXTENTS || !--steps)
				return;
		}
	}
}

static int copy_extents(struct scan *scan)
{
	struct pgtbl_extent __user *to = pf_user_ptr(scan->args->extents);

	if (copy_to_user(to + scan->copied, scan->extents,
			 scan->filled * sizeof(*to)))
		return -EFAULT;
	scan->copied += scan->filled;
	scan->filled = 0;
	return 0;
}

static int scan_all(struct scan *scan)
{
	int err = 0;

	while (scan->pos < scan->end && !scan->full && !err) {
		if (mmap_read_lock_killable(scan->mm))
			return -EINTR;
		scan_batch(scan);
		mmap_read_unlock(scan->mm);
		if (scan->filled)
			err = copy_extents(scan);
		/* What was found so far is an answer: go on from there. */
		if (signal_pending(current))
			break;
		cond_resched();
	}
	if (!err && scan->have_last) {
		scan->extents[scan->filled++] = scan->last;
		err = copy_extents(scan);
	}
	return err;
}

static unsigned long key_of(u32 watch)
{
	unsigned long key = PGTBL_KEY_PRESENT;

	if (watch & PGTBL_IS_WRITABLE)
		key |= PGTBL_KEY_WRITABLE;
	if (watch & PGTBL_IS_ACCESSED)
		key |= PGTBL_KEY_ACCESSED;
	if (watch & PGTBL_IS_DIRTY)
		key |= PGTBL_KEY_DIRTY;
	if (watch & PGTBL_IS_SOFT_DIRTY)
		key |= PGTBL_KEY_SOFT_DIRTY;
	if (watch & IS_OF_PAGE)
		key |= PGTBL_KEY_SPECIAL;
	return key;
}

static int check(const struct pgtbl_scan *args)
{
	if (args->flags || args->reserved || !args->count)
		return -EINVAL;
	if ((args->report | args->mask) & ~PGTBL_IS_ALL)
		return -EINVAL;
	if (args->value & ~args->mask)
		return -EINVAL;
	if (!IS_ALIGNED(args->start, PAGE_SIZE) ||
	    !IS_ALIGNED(args->end, PAGE_SIZE) || args->start > args->end)
		return -EINVAL;
	return 0;
}

/**
 * pgtbl_ioc_scan() - PGTBL_IOC_SCAN
 * @file: the device
 * @arg: struct pgtbl_scan
 *
 * The lock is held for a batch of tables at a time.
 *
 * Return: 0 or a negative errno.
 */
long pgtbl_ioc_scan(struct file *file, void *arg)
{
	struct pgtbl_scan *args = arg;
	struct scan scan = { .args = args };
	int err = check(args);

	if (err)
		return err;
	scan.pos = min(args->start, PGTBL_USER_END);
	scan.end = min(args->end, PGTBL_USER_END);
	scan.watch = args->report | args->mask;
	scan.key = key_of(scan.watch);

	scan.mm = pgtbl_mm_get(args->pid);
	if (IS_ERR(scan.mm))
		return PTR_ERR(scan.mm);
	/* One more: the extent that grows is added at the end. */
	scan.extents = kmalloc_array(EXTENTS + 1, sizeof(*scan.extents),
				     GFP_KERNEL_ACCOUNT);
	if (scan.extents)
		err = scan_all(&scan);
	else
		err = -ENOMEM;
	kfree(scan.extents);
	mmput(scan.mm);
	if (err)
		return err;

	args->next = scan.pos < scan.end ? scan.pos : args->end;
	args->count = scan.copied;
	args->pages = scan.pages;
	return 0;
}
